// One part of the page: a heading, a sentence, the thing itself; and what stands there while it is loading or has failed.

import { h } from "../../vendor/preact/preact.js";

/** @import { Child } from "../../vendor/preact/preact.js" */
/** @import { Language } from "../language.js" */

/**
 * @param {object} panel
 * @param {string} panel.id
 * @param {string} panel.title
 * @param {Child} [panel.summary]
 * @param {Child} [panel.aside] beside the heading
 * @param {Child[]} children
 */
export function panel({ id, title, summary, aside }, ...children) {
  return h(
    "section",
    { class: `panel panel-${id}`, "aria-labelledby": `heading-${id}`, "data-testid": `panel-${id}` },
    h("div", { class: "panel-head" }, h("h2", { id: `heading-${id}` }, title), aside),
    h("p", { class: "summary", "data-testid": `summary-${id}` }, summary ?? "\u00a0"),
    ...children,
  );
}

/** Of the size of what will stand there. @param {Language} say */
export const skeleton = (say) =>
  h("div", { key: "skeleton", class: "skeleton" }, h("span", { class: "unseen" }, say.t("loading")));

/** @param {string} message @param {Language} say @param {string} part */
export function failure(message, say, part) {
  return h(
    "div",
    { class: "failure", role: "alert", "data-testid": `error-${part}` },
    h("strong", null, say.t("error.title")),
    h("p", null, message || say.t("error.unreachable")),
  );
}
