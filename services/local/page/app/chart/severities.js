// Stacked bars of severities over time, the most severe at the bottom, where heights compare.

import { standsFor } from "../palette.js";
import { axis, base, bucketLabels, tip } from "./parts.js";

/** @import { Severity, SeverityBucket } from "../contract.js" */
/** @import { Language } from "../language.js" */
/** @import { Palette } from "../palette.js" */

/** @type {Severity[]} */
export const SEVERITIES = ["critical", "high", "moderate", "none"];

/** Texture beside colour. @type {Record<Severity, object>} */
const DECALS = {
  critical: { symbol: "none" },
  high: { symbol: "rect", symbolSize: 1, dashArrayX: [1, 0], dashArrayY: [2, 5], rotation: -Math.PI / 4 },
  moderate: {
    symbol: "circle",
    symbolSize: 0.45,
    dashArrayX: [
      [5, 5],
      [0, 5, 5, 0],
    ],
    dashArrayY: [4, 0],
  },
  none: { symbol: "none" },
};

/** @param {{ step_seconds: number, buckets: SeverityBucket[] }} severities @param {Language} say @param {Palette} palette */
export function severitiesChart({ step_seconds, buckets }, say, palette) {
  const { rem, color } = palette;
  return {
    ...base(palette),
    grid: { left: 0.25 * rem, right: 0.75 * rem, top: 0.5 * rem, bottom: 0, containLabel: true },
    xAxis: {
      ...axis(palette),
      type: "category",
      data: buckets.map(({ start }) => start),
      axisLabel: bucketLabels(
        buckets.map(({ start }) => start),
        step_seconds,
        say,
        palette,
      ),
    },
    yAxis: {
      ...axis(palette),
      type: "value",
      minInterval: 1,
      axisLine: { show: false },
      splitNumber: 4,
      axisLabel: { ...axis(palette).axisLabel, formatter: say.compact },
    },
    series: SEVERITIES.map((severity) => ({
      id: severity,
      name: severity,
      type: "bar",
      stack: "readings",
      barCategoryGap: "18%",
      // Nothing at all where there is nothing: an edge around zero would look like a little.
      data: buckets.map((bucket) => bucket[severity] || null),
      itemStyle: {
        color: color(`fill-${standsFor(severity)}`),
        borderColor: color(`edge-${standsFor(severity)}`),
        borderWidth: 0.5,
        decal: { color: color("decal"), dashLineOffset: 0, ...DECALS[severity] },
      },
      emphasis: { disabled: true },
    })),
    tooltip: {
      ...base(palette).tooltip,
      trigger: "axis",
      axisPointer: { type: "shadow", shadowStyle: { color: color("hover") } },
      formatter: (/** @type {{ dataIndex: number }[]} */ [{ dataIndex }]) => {
        const bucket = buckets[dataIndex];
        return tip(
          say.dayClock(bucket.start),
          SEVERITIES.map((severity) => `${say.name("severity", severity)}: ${say.whole(bucket[severity])}`),
        );
      },
    },
  };
}
