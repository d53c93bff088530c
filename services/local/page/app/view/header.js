// The top of the page: whose it is, how the ward is doing, what the page is not, and the viewer's own settings.

import { h } from "../../vendor/preact/preact.js";
import { LANGUAGES } from "../language.js";
import { THEMES } from "../theme.js";
import { choice } from "./choice.js";

/** @import { Actions, State } from "../state.js" */

/** @param {State} state @param {Actions} actions */
export function header(state, actions) {
  const { language: say, ward } = state;
  return h(
    "header",
    { class: "top" },
    h(
      "div",
      { class: "top-bar" },
      h(
        "div",
        {
          class: "brand",
          title: ward?.simulated
            ? say.t("simulated", {
                patients: say.whole(ward.simulated.patients),
                rate: say.exact(ward.simulated.rate_per_second),
              })
            : null,
        },
        h("img", { src: "favicon.svg", alt: "", width: 28, height: 28 }),
        h("h1", { "data-testid": "monitor" }, ward?.monitor ?? "bp-monitor"),
        h("span", { class: "brand-small" }, ward ? `${say.t("product")} ${ward.version} · ${ward.namespace}` : "\u00a0"),
      ),
      vitals(state),
      settings(state, actions),
    ),
    h("p", { class: "disclaimer", "data-testid": "disclaimer" }, say.t("notice")),
  );
}

/** @param {State} state */
function vitals({ language: say, connection, status }) {
  const stale = connection !== "connected";
  return h(
    "dl",
    { class: "vitals", "data-stale": String(stale) },
    h(
      "div",
      null,
      h("dt", { class: "unseen" }, say.t("connection")),
      h(
        "dd",
        { class: "connection", "data-state": connection, "data-testid": "connection" },
        h("span", { class: "dot", "aria-hidden": "true" }),
        say.name("connection", connection),
      ),
    ),
    h(
      "div",
      null,
      h("dt", null, say.t("phase")),
      h(
        "dd",
        { "data-testid": "phase", "data-phase": status?.phase },
        say.name("phase", status?.phase ?? "none"),
        progress(status, say),
      ),
    ),
    h(
      "div",
      null,
      h("dt", null, say.t("throughput")),
      h(
        "dd",
        { "data-testid": "throughput" },
        status ? say.t("throughput.unit", { value: say.tenth(status.throughput_per_second) }) : "–",
      ),
    ),
    h(
      "div",
      null,
      h("dt", null, say.t("lag")),
      h("dd", { "data-testid": "lag" }, status?.lag_seconds == null ? "–" : say.lag(status.lag_seconds)),
    ),
    h(
      "div",
      { class: "now" },
      h("dt", null, say.t("now")),
      h("dd", { "data-testid": "now" }, status ? say.clock(status.as_of) : "–"),
    ),
  );
}

/** @param {State["status"]} status @param {State["language"]} say */
function progress(status, say) {
  if (status?.phase !== "history" || !status.history) return null;
  const { done, total } = status.history;
  const label = say.t("phase.progress", { done: say.whole(done), total: say.whole(total) });
  return h(
    "span",
    { class: "progress", title: label },
    h("progress", { value: done, max: Math.max(total, 1), "aria-label": label, "data-testid": "progress" }),
    h("span", null, say.share(done, total)),
  );
}

/** @param {State} state @param {Actions} actions */
function settings({ language: say, theme, wall }, actions) {
  return h(
    "div",
    { class: "settings" },
    choice({
      name: "language",
      label: say.t("language"),
      values: LANGUAGES,
      chosen: say.code,
      text: (code) => code.toUpperCase(),
      title: (code) => say.name("language", code),
      choose: actions.setLanguage,
    }),
    choice({
      name: "theme",
      label: say.t("theme"),
      values: THEMES,
      chosen: theme,
      text: (each) => say.name("theme", each),
      choose: actions.setTheme,
    }),
    h(
      "button",
      { type: "button", class: "plain wall-toggle", "data-testid": "wall-toggle", onClick: () => actions.setWall(!wall) },
      say.t(wall ? "wall.off" : "wall.on"),
    ),
  );
}
