// One of a few: radio buttons that look like one control.

import { h } from "../../vendor/preact/preact.js";

/** @import { Child } from "../../vendor/preact/preact.js" */

/**
 * @template {string} T
 * @param {object} choice
 * @param {string} choice.name
 * @param {string} choice.label
 * @param {readonly T[]} choice.values
 * @param {T} choice.chosen
 * @param {(value: T) => Child} choice.text
 * @param {(value: T) => string} [choice.title]
 * @param {(value: T) => void} choice.choose
 */
export function choice({ name, label, values, chosen, text, title, choose }) {
  return h(
    "fieldset",
    { class: `choice choice-${name}`, "data-testid": name },
    h("legend", { class: "unseen" }, label),
    values.map((value) =>
      h(
        "label",
        { key: value, title: title?.(value) },
        h("input", {
          type: "radio",
          class: "unseen",
          name,
          value,
          checked: value === chosen,
          "data-testid": `${name}-${value}`,
          onChange: () => choose(value),
        }),
        h("span", { lang: name === "language" ? value : null }, text(value)),
      ),
    ),
  );
}
