// The heat map: a row for each patient, a column for each step of time, the mean systolic pressure as colour.

import { color as colors } from "../../vendor/echarts/echarts.esm.min.js";
import { stepOf } from "../bands.js";
import { label, short } from "../view/patient-name.js";
import { axis, base, bucketLabels, tip } from "./parts.js";

/** @import { Step } from "../bands.js" */
/** @import { Category, HeatPatient, Overview } from "../contract.js" */
/** @import { Language } from "../language.js" */
/** @import { Palette } from "../palette.js" */

/** @param {Step} step @param {Palette} palette */
export function heatColor({ category, at }, palette) {
  return colors.lerp(at, [palette.color(`heat-${category}-from`), palette.color(`heat-${category}-to`)]);
}

/** @param {Overview["heat_map"]} heat @param {Step[]} scale @param {Language} say @param {Palette} palette */
export function heatChart({ step_seconds, starts, patients }, scale, say, palette) {
  const { rem, color } = palette;
  // The first patient is the topmost; the axis counts upwards.
  const rows = [...patients].reverse();
  return {
    ...base(palette),
    animation: false,
    grid: { left: 0, right: 0.75 * rem, top: 0, bottom: 0, containLabel: true },
    xAxis: {
      ...axis(palette),
      type: "category",
      data: starts,
      axisLine: { show: false },
      axisLabel: bucketLabels(starts, step_seconds, say, palette),
    },
    yAxis: {
      ...axis(palette),
      type: "category",
      triggerEvent: true,
      data: rows.map(({ patient }) => patient),
      axisLine: { show: false },
      axisLabel: {
        color: color("ink-2"),
        fontFamily: rows.some(({ name }) => name) ? palette.font : "ui-monospace, monospace",
        fontSize: 0.6875 * rem,
        width: 7 * rem,
        overflow: "truncate",
        formatter: (/** @type {string} */ _patient, /** @type {number} */ index) =>
          rows[index].name ?? short(rows[index].patient),
      },
    },
    visualMap: {
      show: false,
      type: "piecewise",
      dimension: 2,
      pieces: scale.map((step, index) => ({ value: index, color: heatColor(step, palette) })),
    },
    series: [
      {
        id: "heat",
        type: "heatmap",
        data: rows.flatMap((patient, row) => cellsOf(patient, row, scale, palette)),
        itemStyle: { borderColor: color("surface"), borderWidth: 1 },
        label: {
          show: true,
          fontSize: 0.5 * rem,
          formatter: (/** @type {{ value: number[] }} */ { value: [column, row] }) =>
            rows[row].cells[column]?.severity === "critical" ? "▲" : "",
        },
        emphasis: { itemStyle: { borderColor: color("ink"), borderWidth: 2 } },
      },
    ],
    tooltip: {
      ...base(palette).tooltip,
      formatter: (/** @type {{ value: number[] }} */ { value: [column, row] }) => {
        const cell = rows[row].cells[column];
        return tip(label(rows[row]), [
          say.dayClock(starts[column]),
          cell && `${say.tenth(cell.systolic_mean)}/${say.tenth(cell.diastolic_mean)} ${say.t("mmhg")}`,
          cell && say.count("readings", cell.readings),
          cell && `${say.t("severity")}: ${say.name("severity", cell.severity)}`,
        ]);
      },
    },
  };
}

/** @param {Category} category */
function inkOn(category) {
  if (category === "hypertensive_crisis") return "on-crisis";
  return category === "hypertension_stage2" || category === "hypertension_stage1" ? "on-heat" : "ink";
}

/** @param {HeatPatient} patient @param {number} row @param {Step[]} scale @param {Palette} palette */
function cellsOf({ cells }, row, scale, { color }) {
  return cells.flatMap((cell, column) => {
    if (cell === null || cell.systolic_mean === null) return [];
    const step = stepOf(scale, cell.systolic_mean);
    return [{ value: [column, row, step], label: { color: color(inkOn(scale[step].category)) } }];
  });
}
