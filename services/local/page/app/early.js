// Before the first paint: theme and wall mode, so that nothing flashes. A plain script, because modules run too late for that.
"use strict";
{
  const root = document.documentElement;
  const kept = (/** @type {string} */ name) => {
    try {
      return localStorage.getItem(name);
    } catch {
      return null; // storage may be forbidden
    }
  };
  root.dataset.theme = kept("bpmonitor.theme") ?? "auto";
  root.toggleAttribute("data-wall", new URLSearchParams(location.search).has("wall"));
}
