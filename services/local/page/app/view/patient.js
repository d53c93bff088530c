// One patient's readings over time.

import { Component, h } from "../../vendor/preact/preact.js";
import { patientChart } from "../chart/patient.js";
import { CATEGORIES } from "../filters.js";
import { Chart } from "./chart.js";
import { categoryName } from "./mark.js";
import { panel, skeleton } from "./panel.js";
import { label } from "./patient-name.js";
import { pure } from "./pure.js";
import { foldedTable } from "./table.js";

/** @import { PatientReadings } from "../contract.js" */
/** @import { Language } from "../language.js" */
/** @import { Palette } from "../palette.js" */
/** @import { Actions } from "../state.js" */

/** @typedef {{ patient: string, answer: PatientReadings | null, failed: boolean, say: Language, palette: Palette, filter: Actions["filter"] }} Props */

/** @type {import("../../vendor/preact/preact.js").Kind<Props>} */
export const PatientLines = pure(({ patient, answer, failed, say, palette, filter }) => {
  const title = say.t("patient.title", { patient: label({ patient, name: answer?.name ?? null }) });
  const aside = h(
    "div",
    { class: "patient-actions" },
    // Browsers offer the clipboard to secure contexts only; the pseudonym below can be selected anywhere.
    navigator.clipboard !== undefined && h(CopyButton, { text: patient, say }),
    h(
      "button",
      { type: "button", class: "plain", "data-testid": "patient-all", onClick: () => filter({ patient: null }) },
      say.t("patient.clear"),
    ),
  );
  const whole = h("p", { class: "whole-pseudonym pseudonym", "data-testid": "patient-pseudonym" }, patient);
  if (answer === null) return panel({ id: "patient", title, aside }, whole, !failed && skeleton(say));
  const summary = sentence(answer, say);
  if (answer.readings.length === 0) return panel({ id: "patient", title, aside, summary }, whole);
  return panel(
    { id: "patient", title, aside, summary },
    whole,
    answer.truncated &&
      h(
        "p",
        { class: "note", "data-testid": "patient-truncated" },
        say.t("patient.truncated", { shown: say.whole(answer.readings.length), total: say.whole(answer.total) }),
      ),
    key(say),
    h(Chart, { id: "patient", label: `${title}. ${summary}`, option: patientChart(answer, say, palette) }),
    foldedTable({
      testid: "table-patient",
      title,
      say,
      columns: [
        { label: say.t("table.time") },
        { label: say.t("table.systolic"), numeric: true },
        { label: say.t("table.diastolic"), numeric: true },
        { label: say.t("category") },
      ],
      rows: [...answer.readings].reverse().map((reading) => ({
        key: reading.id,
        cells: [
          say.full(reading.effective),
          say.exact(reading.systolic),
          say.exact(reading.diastolic),
          categoryName(reading.category, say),
        ],
      })),
    }),
  );
});

/** @param {PatientReadings} answer @param {Language} say */
function sentence({ total, readings }, say) {
  const last = readings.at(-1);
  if (!last) return say.t("patient.lines.none");
  return say.t("patient.lines.summary", {
    readings: say.count("readings", total),
    pressure: say.pressure(last.systolic, last.diastolic),
    category: say.name("category", last.category),
  });
}

/** @param {Language} say */
const key = (say) =>
  h(
    "ul",
    { class: "legend", "aria-label": say.t("category") },
    CATEGORIES.map((category) => h("li", { key: category }, categoryName(category, say))),
  );

/** @extends {Component<{ text: string, say: Language }, { copied: boolean }>} */
class CopyButton extends Component {
  state = { copied: false };

  async copy() {
    const copied = await navigator.clipboard.writeText(this.props.text).then(
      () => true,
      () => false,
    );
    this.setState({ copied });
    setTimeout(() => this.setState({ copied: false }), 2_000);
  }

  render() {
    const attributes = { type: "button", class: "plain", "data-testid": "patient-copy", onClick: () => void this.copy() };
    return h("button", attributes, this.props.say.t(this.state.copied ? "patient.copied" : "patient.copy"));
  }
}
