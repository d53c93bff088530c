// Which patients stand out, and when.

import { h } from "../../vendor/preact/preact.js";
import { heatScale } from "../bands.js";
import { heatChart, heatColor } from "../chart/heat.js";
import { Chart } from "./chart.js";
import { mark } from "./mark.js";
import { panel, skeleton } from "./panel.js";
import { patientButton } from "./patient-name.js";
import { pure } from "./pure.js";
import { foldedTable } from "./table.js";

/** @import { Pick } from "../../vendor/echarts/echarts.esm.min.js" */
/** @import { Step } from "../bands.js" */
/** @import { HeatPatient, Limits, Overview } from "../contract.js" */
/** @import { Language } from "../language.js" */
/** @import { Palette } from "../palette.js" */
/** @import { Actions } from "../state.js" */

/** @typedef {{ overview: Overview | null, limits: Limits | null, wall: boolean, say: Language, palette: Palette, filter: Actions["filter"] }} Props */

/** More rows than these nobody reads from across the ward. */
const ROWS_ON_A_WALL = 16;

/** @type {import("../../vendor/preact/preact.js").Kind<Props>} */
export const Heat = pure(({ overview, limits, wall, say, palette, filter }) => {
  const title = say.t("heat.title");
  if (overview === null || limits === null) return panel({ id: "heat", title }, skeleton(say));
  const heat = wall ? shortened(overview.heat_map) : overview.heat_map;
  const scale = heatScale(limits);
  const summary = say.count(
    heat.patients.length < overview.totals.patients ? "heat.summary.most" : "heat.summary",
    heat.patients.length,
    { step: say.duration(heat.step_seconds) },
  );
  return panel(
    { id: "heat", title, summary, aside: scaleKey(scale, say, palette) },
    h(Chart, {
      id: "heat",
      label: `${title}. ${summary}`,
      rows: heat.patients.length,
      option: heatChart(heat, scale, say, palette),
      onPick: (pick) => {
        const patient = picked(pick, heat.patients);
        if (patient) filter({ patient });
      },
    }),
    foldedTable({
      testid: "table-heat",
      title,
      say,
      columns: [
        { label: say.t("table.patient") },
        { label: say.t("table.readings"), numeric: true },
        { label: say.t("table.critical"), numeric: true },
        { label: say.t("table.high"), numeric: true },
        { label: say.t("table.mean"), numeric: true },
        ...heat.starts.map((start) => ({ label: say.tick(start), title: say.dayClock(start), numeric: true })),
      ],
      rows: heat.patients.map((each) => ({ key: each.patient, cells: cells(each, say, filter) })),
    }),
  );
});

/** @param {Overview["heat_map"]} heat */
const shortened = (heat) => ({ ...heat, patients: heat.patients.slice(0, ROWS_ON_A_WALL) });

/** The patient of a cell, or of a label beside the rows. @param {Pick} pick @param {HeatPatient[]} patients */
function picked({ componentType, value }, patients) {
  if (componentType === "yAxis") return String(value);
  return Array.isArray(value) ? patients.at(-1 - Number(value[1]))?.patient : undefined;
}

/** @param {HeatPatient} each @param {Language} say @param {Actions["filter"]} filter */
function cells(each, say, filter) {
  return [
    patientButton(each, say, filter),
    say.whole(each.readings),
    say.whole(each.critical),
    say.whole(each.high),
    `${say.whole(each.systolic_mean)}/${say.whole(each.diastolic_mean)}`,
    ...each.cells.map(
      (cell) =>
        cell &&
        h(
          "span",
          { "data-severity": cell.severity },
          cell.severity === "critical" && mark("hypertensive_crisis"),
          `${say.whole(cell.systolic_mean)}/${say.whole(cell.diastolic_mean)}`,
        ),
    ),
  ];
}

/** @param {Step[]} scale @param {Language} say @param {Palette} palette */
function scaleKey(scale, say, palette) {
  return h(
    "div",
    {
      class: "heat-scale",
      role: "img",
      "aria-label": `${say.t("heat.scale")}: ${scale
        .filter(startsBand)
        .map((step) => say.whole(step.from))
        .join(", ")}`,
    },
    h("span", { class: "heat-scale-name" }, say.t("heat.scale")),
    h(
      "span",
      { class: "heat-steps" },
      scale.map((step, index) => heatStep(step, index, say, palette)),
    ),
    h("span", { class: "heat-critical" }, mark("hypertensive_crisis"), say.t("heat.critical")),
  );
}

/** @param {Step} step @param {number} index @param {Language} say @param {Palette} palette */
function heatStep(step, index, say, palette) {
  const tick = startsBand(step) && h("span", { class: "heat-tick" }, say.whole(step.from));
  return h("span", { key: index, class: "heat-step", style: `background: ${heatColor(step, palette)}` }, tick);
}

/** @param {Step} step */
const startsBand = (step) => step.at === 0 && Number.isFinite(step.from);
