// One patient's two pressures over time, each above the bands of its own thresholds.

import { bandsOf } from "../bands.js";
import { symbolOf } from "../shapes.js";
import { axis, base, tip } from "./parts.js";

/** @import { Side } from "../bands.js" */
/** @import { PatientReadings, Reading } from "../contract.js" */
/** @import { Language } from "../language.js" */
/** @import { Palette } from "../palette.js" */

/** @type {Side[]} */
const SIDES = ["systolic", "diastolic"];

/** What an axis shows at least, so that a calm patient looks calm. */
const USUAL = { systolic: [80, 190], diastolic: [50, 125] };

/** @param {PatientReadings} answer @param {Language} say @param {Palette} palette */
export function patientChart(answer, say, palette) {
  const { rem, color } = palette;
  const { readings } = answer;
  const many = readings.length > 300;
  return {
    ...base(palette),
    grid: [
      { left: 3 * rem, right: 0.75 * rem, top: 1.5 * rem, height: "49%" },
      { left: 3 * rem, right: 0.75 * rem, bottom: 1.5 * rem, height: "30%" },
    ],
    xAxis: SIDES.map((side, index) => ({
      ...axis(palette),
      id: `time-${side}`,
      gridIndex: index,
      type: "time",
      ...(answer.from && { min: answer.from }),
      ...(answer.to && { max: answer.to }),
      splitLine: { show: false },
      splitNumber: 6,
      axisLabel: {
        ...axis(palette).axisLabel,
        show: index === 1,
        formatter: (/** @type {number} */ at) => say.tick(at),
      },
    })),
    yAxis: SIDES.map((side, index) => ({
      ...axis(palette),
      id: side,
      gridIndex: index,
      type: "value",
      name: `${say.t(`table.${side}`)}, ${say.t("mmhg")}`,
      nameGap: 0.5 * rem,
      nameTextStyle: { color: color("ink-2"), fontSize: 0.75 * rem, align: "left", padding: [0, 0, 0, -3 * rem] },
      ...reach(readings, side),
      splitLine: { show: false },
      // The thresholds are what the eye looks for; round numbers are not.
      axisLabel: { ...axis(palette).axisLabel, customValues: thresholds(answer, side) },
    })),
    series: SIDES.map((side, index) => ({
      id: side,
      name: side,
      type: "line",
      xAxisIndex: index,
      yAxisIndex: index,
      data: readings.map((reading) => point(reading, side, many, palette)),
      showSymbol: true,
      showAllSymbol: true,
      connectNulls: false,
      lineStyle: { color: color("line-pressure"), width: many ? 1 : 1.5 },
      emphasis: { scale: 1.4 },
      markArea: { silent: true, animation: false, label: { show: false }, data: areas(answer, side, palette) },
      markLine: { silent: true, animation: false, symbol: "none", label: { show: false }, data: lines(answer, side, palette) },
    })),
    axisPointer: { link: [{ xAxisIndex: "all" }] },
    tooltip: {
      ...base(palette).tooltip,
      trigger: "axis",
      axisPointer: { type: "line", lineStyle: { color: color("ink-3") } },
      formatter: (/** @type {{ dataIndex: number }[]} */ [{ dataIndex }]) => {
        const reading = readings[dataIndex];
        return tip(say.full(reading.effective), [
          `${say.pressure(reading.systolic, reading.diastolic)} ${say.t("mmhg")}`,
          say.name("category", reading.category),
        ]);
      },
    },
  };
}

/** @param {Reading[]} readings @param {Side} side */
function reach(readings, side) {
  const [low, high] = USUAL[side];
  const values = readings.flatMap((reading) => reading[side] ?? []);
  return {
    min: Math.floor(Math.min(low, ...values.map((value) => value - 5)) / 10) * 10,
    max: Math.ceil(Math.max(high, ...values.map((value) => value + 5)) / 10) * 10,
  };
}

/** @param {Reading} reading @param {Side} side @param {boolean} many @param {Palette} palette */
function point(reading, side, many, { rem, color }) {
  const size = reading.category === "normal" || many ? 0.4 : 0.625;
  return {
    value: [reading.effective, reading[side]],
    symbol: symbolOf(reading.category),
    symbolSize: size * rem,
    symbolKeepAspect: true,
    itemStyle: { color: color(`fill-${reading.category}`), borderColor: color(`edge-${reading.category}`), borderWidth: 1 },
  };
}

/** @param {PatientReadings} answer @param {Side} side @param {Palette} palette */
function areas({ limits }, side, { color }) {
  return bandsOf(limits, side).map(({ category, from, to }) => [
    { yAxis: Number.isFinite(from) ? from : 0, itemStyle: { color: color(`band-${category}`) } },
    { yAxis: Number.isFinite(to) ? to : 400 },
  ]);
}

/** @param {PatientReadings} answer @param {Side} side @param {Palette} palette */
function lines(answer, side, { color }) {
  return thresholds(answer, side).map((yAxis) => ({
    yAxis,
    lineStyle: { color: color("line-strong"), type: "dashed", width: 1 },
  }));
}

/** @param {PatientReadings} answer @param {Side} side */
const thresholds = ({ limits }, side) =>
  bandsOf(limits, side)
    .map(({ from }) => from)
    .filter(Number.isFinite);
