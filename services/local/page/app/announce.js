// What a screen reader is told unasked: new critical readings, now and then, new notices, and whether the ward is still there.

import { noticeText } from "./view/notices.js";
import { label } from "./view/patient-name.js";

/** @import { Notice, Overview } from "./contract.js" */
/** @import { Language } from "./language.js" */
/** @import { Connection } from "./state.js" */

const AT_MOST_EVERY = 30_000;
/** What was said does not stay to be found later, when it may hold no more. */
const SAID_FOR = 10_000;

/** Makes the polite region; it stands outside of what is drawn, so that nothing but news ever changes it. */
export function createAnnouncer() {
  const region = document.createElement("div");
  region.className = "unseen";
  region.setAttribute("role", "status");
  region.setAttribute("aria-live", "polite");
  region.dataset.testid = "announcements";
  document.body.append(region);
  /** @type {number | undefined} */
  let silence;
  const announce = (/** @type {string} */ text) => {
    region.textContent = text;
    clearTimeout(silence);
    silence = setTimeout(() => (region.textContent = ""), SAID_FOR);
  };

  /** @type {Set<string> | null} */
  let known = null;
  let last = -Infinity;
  /** @type {Set<string>} */
  let noticed = new Set();
  /** @type {Connection} */
  let before = "connecting";

  return {
    /** Other filters: what is there at first is no news. */
    forget() {
      known = null;
    },

    /** @param {Overview} overview @param {Language} say */
    critical({ latest_critical: latest }, say) {
      const fresh = latest.filter(({ id }) => known !== null && !known.has(id));
      if (known !== null && fresh.length > 0 && performance.now() - last < AT_MOST_EVERY) return;
      known = new Set(latest.map(({ id }) => id));
      if (fresh.length === 0) return;
      last = performance.now();
      const [{ systolic, diastolic, ...patient }] = fresh;
      const pressure = say.pressure(systolic, diastolic);
      announce(say.count("critical.new", fresh.length, { patient: label(patient), pressure }));
    },

    /** @param {Notice[]} notices @param {Language} say */
    notices(notices, say) {
      const fresh = notices.filter(({ code }) => !noticed.has(code));
      noticed = new Set(notices.map(({ code }) => code));
      if (fresh.length > 0) announce(fresh.map((notice) => noticeText(notice, say)).join(" "));
    },

    /** @param {Connection} connection @param {Language} say */
    connection(connection, say) {
      if (connection !== before && before !== "connecting") announce(say.name("connection.announce", connection));
      before = connection;
    },
  };
}
