// Starts the page: reads the address, asks the server, follows the stream, and draws whenever something has changed.

import { render } from "../vendor/preact/preact.js";
import { createAnnouncer } from "./announce.js";
import { ApiError, EVENTS, fetchOverview, fetchReadings, fetchRejections, fetchWard, UNREACHABLE } from "./api.js";
import { DEFAULTS, readFilters, writeFilters } from "./filters.js";
import { flowed } from "./flow.js";
import { createLanguage, recallLanguage, rememberLanguage } from "./language.js";
import { follow } from "./live.js";
import { readPalette } from "./palette.js";
import { createRefresh } from "./refresh.js";
import { applyTheme, recallTheme } from "./theme.js";
import { page } from "./view/page.js";

/** @import { Actions, Part, State } from "./state.js" */

const TRY_AGAIN_AFTER = 5_000;
const RANGES_MOVE_EVERY = 60_000;

const root = /** @type {HTMLElement} */ (document.getElementById("page"));
const announcer = createAnnouncer();
const query = () => new URLSearchParams(location.search);

/** @type {State} */
let state = {
  language: createLanguage(recallLanguage()),
  theme: recallTheme(),
  palette: readPalette(),
  wall: query().has("wall"),
  filters: readFilters(query()),
  connection: "connecting",
  lastSeen: null,
  status: null,
  flow: [],
  ward: null,
  overview: null,
  readings: null,
  rejections: null,
  errors: {},
  outdated: true,
};

let drawing = 0;

/** @param {Partial<State>} change */
function set(change) {
  state = { ...state, ...change };
  drawing ||= requestAnimationFrame(draw);
}

function draw() {
  drawing = 0;
  const { language, ward, wall } = state;
  document.documentElement.lang = language.code;
  document.documentElement.toggleAttribute("data-wall", wall);
  document.title = ward ? language.t("page.title", { monitor: ward.monitor }) : language.t("product");
  render(page(state, actions), root);
}

/**
 * Keeps an answer, or what was wrong with it.
 *
 * @template T
 * @param {Part} part @param {Promise<T>} asked @param {AbortSignal | null} signal @param {(answer: T) => Partial<State>} change
 */
async function keep(part, asked, signal, change) {
  try {
    const answer = await asked;
    if (signal?.aborted) return;
    const { [part]: _, ...errors } = state.errors;
    set({ errors, ...change(answer) });
  } catch (error) {
    if (signal?.aborted) return;
    if (!(error instanceof ApiError)) throw error;
    // What is no longer there must not go on being shown.
    if (part === "readings" && error.status === 404) set({ readings: null });
    if (error.message !== UNREACHABLE || state.connection === "connected")
      set({ errors: { ...state.errors, [part]: error.message } });
    setTimeout(refresh.soon, TRY_AGAIN_AFTER);
  }
}

const refresh = createRefresh(async (signal) => {
  const { filters } = state;
  const { patient } = filters;
  await Promise.all([
    state.ward === null && keep("ward", fetchWard(), null, (ward) => ({ ward })),
    keep("overview", fetchOverview(filters, signal), signal, (overview) => ({ overview, outdated: false })),
    keep("rejections", fetchRejections(signal), signal, (rejections) => ({ rejections })),
    patient !== null && keep("readings", fetchReadings({ ...filters, patient }, signal), signal, (readings) => ({ readings })),
  ]);
  if (state.overview !== null && state.status?.phase !== "history" && !signal.aborted)
    announcer.critical(state.overview, state.language);
});

/** @param {State["filters"]} filters */
function show(filters) {
  const { readings: _, overview: __, ...errors } = state.errors;
  const samePatient = filters.patient !== null && filters.patient === state.filters.patient;
  set({ filters, errors, outdated: true, readings: samePatient ? state.readings : null });
  announcer.forget();
  refresh.now();
}

/** Writes the address; what was shown before is a step back. @param {State["filters"]} filters @param {boolean} wall */
const push = (filters, wall) => history.pushState(null, "", `${location.pathname}${writeFilters(filters, wall)}`);

/** @type {Actions} */
const actions = {
  filter(change) {
    const filters = { ...state.filters, ...change };
    push(filters, state.wall);
    show(filters);
  },
  clearFilters: () => actions.filter(DEFAULTS),
  setLanguage(code) {
    rememberLanguage(code);
    set({ language: createLanguage(code) });
  },
  setTheme(theme) {
    applyTheme(theme);
    set({ theme, palette: readPalette() });
  },
  setWall(wall) {
    push(state.filters, wall);
    set({ wall });
    requestAnimationFrame(measure);
  },
};

/** The type grows with a wall's display; charts have to be told. */
function measure() {
  const palette = readPalette();
  if (palette.rem !== state.palette.rem) set({ palette });
}

addEventListener("popstate", () => {
  set({ wall: query().has("wall") });
  show(readFilters(query()));
  requestAnimationFrame(measure);
});
addEventListener("resize", measure);
addEventListener("keydown", ({ key }) => key === "Escape" && state.wall && actions.setWall(false));
for (const media of ["(prefers-color-scheme: dark)", "(prefers-reduced-motion: reduce)"]) {
  matchMedia(media).addEventListener("change", () => set({ palette: readPalette() }));
}

follow(EVENTS, {
  onStatus(status) {
    const changed = status.sequence !== state.status?.sequence;
    set({ status, flow: flowed(state.flow, status), lastSeen: Date.now() });
    announcer.notices(status.notices, state.language);
    if (changed) refresh.soon();
  },
  onConnection(connection) {
    if (connection === state.connection) return;
    announcer.connection(connection, state.language);
    // That nothing can be reached is said once, for all of it.
    set({
      connection,
      errors: Object.fromEntries(Object.entries(state.errors).filter(([, message]) => message !== UNREACHABLE)),
    });
    if (connection === "connected") refresh.soon();
  },
});
// Ranges move on with the clock, also where nothing new arrives.
setInterval(refresh.soon, RANGES_MOVE_EVERY);
refresh.now();
draw();
