// What all charts have in common: type, axes, tooltips.

/** @import { Language } from "../language.js" */
/** @import { Palette } from "../palette.js" */

/** @param {Palette} palette */
export function base(palette) {
  return {
    animation: !palette.still,
    animationDuration: 300,
    animationDurationUpdate: 300,
    textStyle: { fontFamily: palette.font, fontSize: 0.75 * palette.rem, color: palette.color("ink-2") },
    aria: { enabled: false },
    tooltip: {
      confine: true,
      backgroundColor: palette.color("surface"),
      borderColor: palette.color("line"),
      padding: [0.4 * palette.rem, 0.6 * palette.rem],
      transitionDuration: 0,
      textStyle: { color: palette.color("ink"), fontSize: 0.8125 * palette.rem, fontFamily: palette.font },
    },
  };
}

/** @param {Palette} palette */
export function axis(palette) {
  return {
    axisLine: { lineStyle: { color: palette.color("line-strong") } },
    axisTick: { show: false },
    axisLabel: { color: palette.color("ink-3"), fontSize: 0.6875 * palette.rem, hideOverlap: true },
    splitLine: { lineStyle: { color: palette.color("line") } },
  };
}

/**
 * The labels of an axis of buckets: the time, or where a step takes hours the day, once.
 *
 * @param {string[]} starts @param {number} stepSeconds @param {Language} say @param {Palette} palette
 */
export function bucketLabels(starts, stepSeconds, say, palette) {
  const days = starts.map((start) => say.day(start));
  return {
    ...axis(palette).axisLabel,
    ...(stepSeconds > 3_600 && { interval: (/** @type {number} */ index) => days[index] !== days[index - 1] }),
    formatter: (/** @type {string} */ start) => (stepSeconds > 3_600 ? say.day(start) : say.tick(start)),
  };
}

/**
 * Elements and not markup: what is in a tooltip is text, whatever it says.
 *
 * @param {string} title @param {(string | null | false)[]} lines
 */
export function tip(title, lines) {
  const box = document.createElement("div");
  box.className = "tip";
  const head = document.createElement("strong");
  head.textContent = title;
  box.append(head);
  for (const line of lines) {
    if (!line) continue;
    const row = document.createElement("div");
    row.textContent = line;
    box.append(row);
  }
  return box;
}
