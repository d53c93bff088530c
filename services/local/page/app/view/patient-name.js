// How a patient is called: the name where there is one, and the short form of the pseudonym with the full one behind it.

import { h } from "../../vendor/preact/preact.js";

/** @import { Language } from "../language.js" */
/** @import { Actions } from "../state.js" */

/** @typedef {{ patient: string, name: string | null }} Named */

/** @param {string} patient */
export const short = (patient) => patient.slice(0, 8);

/** @param {Named} named */
export const label = ({ patient, name }) => (name ? `${name} (${short(patient)})` : short(patient));

/** @param {Named} named */
function words({ patient, name }) {
  return [name && h("span", { class: "patient-name" }, name), h("span", { class: "pseudonym" }, short(patient))];
}

/** A button that filters by the patient. @param {Named} named @param {Language} say @param {Actions["filter"]} filter */
export function patientButton(named, say, filter) {
  return h(
    "button",
    {
      type: "button",
      class: "link",
      title: named.patient,
      onClick: () => filter({ patient: named.patient }),
    },
    h("span", { class: "unseen" }, say.t("patient.select"), " "),
    words(named),
  );
}
