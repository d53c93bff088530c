// The donut of categories.

import { base, tip } from "./parts.js";

/** @import { CategoryTotal, Totals } from "../contract.js" */
/** @import { Language } from "../language.js" */
/** @import { Palette } from "../palette.js" */

/** @param {CategoryTotal[]} categories @param {Totals} totals @param {Language} say @param {Palette} palette */
export function categoriesChart(categories, totals, say, palette) {
  const { rem, color } = palette;
  return {
    ...base(palette),
    title: {
      text: say.whole(totals.readings),
      subtext: say.t("totals.readings"),
      left: "center",
      top: "middle",
      itemGap: 0.2 * rem,
      textStyle: {
        fontSize: (totals.readings < 1e6 ? 1.5 : 1.15) * rem,
        fontWeight: 600,
        color: color("ink"),
        fontFamily: palette.font,
      },
      subtextStyle: { fontSize: 0.75 * rem, color: color("ink-3"), fontFamily: palette.font },
    },
    series: [
      {
        id: "categories",
        type: "pie",
        radius: ["64%", "96%"],
        startAngle: 90,
        label: { show: false },
        emphasis: { scale: false },
        minAngle: 2,
        data: categories
          .filter(({ readings }) => readings > 0)
          .map(({ category, readings }) => ({
            id: category,
            name: category,
            value: readings,
            itemStyle: { color: color(`fill-${category}`), borderColor: color("surface"), borderWidth: 2 },
          })),
      },
    ],
    tooltip: {
      ...base(palette).tooltip,
      formatter: (/** @type {{ name: string, value: number }} */ { name, value }) =>
        tip(say.name("category", name), [say.count("readings", value), say.share(value, totals.readings)]),
    },
  };
}
