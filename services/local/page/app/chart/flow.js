// Throughput and lag of the last minutes, one above the other.

import { axis, base, tip } from "./parts.js";

/** @import { Flow, FlowPoint } from "../flow.js" */
/** @import { Language } from "../language.js" */
/** @import { Palette } from "../palette.js" */

const AT_LEAST = 60_000;

/** @param {Flow} flow @param {Language} say @param {Palette} palette */
export function flowChart(flow, say, palette) {
  const { rem, color } = palette;
  const now = flow.at(-1)?.at ?? Date.now();
  const xAxis = {
    ...axis(palette),
    type: "time",
    min: Math.min(flow[0]?.at ?? now, now - AT_LEAST),
    max: now,
    splitLine: { show: false },
    splitNumber: 3,
  };
  const yAxis = {
    ...axis(palette),
    type: "value",
    min: 0,
    splitNumber: 2,
    axisLine: { show: false },
    nameGap: 0.7 * rem,
    nameTextStyle: { color: color("ink-2"), fontSize: 0.75 * rem, align: "left", padding: [0, 0, 0, -2.5 * rem] },
  };
  const labels = axis(palette).axisLabel;
  const line = { type: "line", showSymbol: false, silent: true };
  return {
    ...base(palette),
    animation: false,
    grid: [
      { left: 2.5 * rem, right: 0.75 * rem, top: 1.5 * rem, height: "34%" },
      { left: 2.5 * rem, right: 0.75 * rem, bottom: 1.5 * rem, height: "24%" },
    ],
    xAxis: [
      { ...xAxis, id: "time-throughput", gridIndex: 0, axisLabel: { show: false }, axisLine: { show: false } },
      {
        ...xAxis,
        id: "time-lag",
        gridIndex: 1,
        axisLabel: { ...labels, formatter: (/** @type {number} */ at) => say.clockSeconds(at) },
      },
    ],
    yAxis: [
      {
        ...yAxis,
        id: "throughput",
        gridIndex: 0,
        name: `${say.t("throughput")}, ${say.t("throughput.unit.long")}`,
        axisLabel: { ...labels, formatter: say.compact },
      },
      {
        ...yAxis,
        id: "lag",
        gridIndex: 1,
        name: say.t("lag"),
        minInterval: 0.01,
        axisLabel: { ...labels, formatter: (/** @type {number} */ value) => say.lag(value) },
      },
    ],
    series: [
      series(
        { ...line, id: "throughput", xAxisIndex: 0, yAxisIndex: 0, areaStyle: { color: color("flow-area") } },
        flow,
        ({ throughput }) => throughput,
        color("accent"),
      ),
      series({ ...line, id: "lag", xAxisIndex: 1, yAxisIndex: 1 }, flow, ({ lag }) => lag, color("accent")),
    ],
    axisPointer: { link: [{ xAxisIndex: "all" }] },
    tooltip: {
      ...base(palette).tooltip,
      trigger: "axis",
      formatter: (/** @type {{ dataIndex: number }[]} */ [{ dataIndex }]) => {
        const point = flow[dataIndex];
        return tip(say.clockSeconds(point.at), [
          `${say.t("throughput")}: ${say.t("throughput.unit", { value: say.tenth(point.throughput) })}`,
          point.lag !== null && `${say.t("lag")}: ${say.lag(point.lag)}`,
        ]);
      },
    },
  };
}

/** @param {object} given @param {Flow} flow @param {(point: FlowPoint) => number | null} valueOf @param {string} color */
function series(given, flow, valueOf, color) {
  return {
    ...given,
    lineStyle: { color, width: 1.5 },
    itemStyle: { color },
    data: flow.map((point) => [point.at, valueOf(point)]),
  };
}
