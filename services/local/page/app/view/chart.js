// A chart in the document: made once, then only ever updated in place; resized with its box.

import { Component, h } from "../../vendor/preact/preact.js";
import { init } from "../../vendor/echarts/echarts.esm.min.js";

/** @import { Chart as Drawn, Option, Pick } from "../../vendor/echarts/echarts.esm.min.js" */

/**
 * @typedef {object} ChartProps
 * @property {string} id
 * @property {string} label the accessible name and summary
 * @property {Option} option
 * @property {number} [rows] of a chart whose height follows from its rows
 * @property {(pick: Pick) => void} [onPick]
 */

const REPLACED = { replaceMerge: ["series", "xAxis", "yAxis", "grid"] };

/** @extends {Component<ChartProps>} */
export class Chart extends Component {
  /** @type {HTMLElement | null} */ element = null;
  /** @type {Drawn | null} */ drawn = null;
  /** @type {ResizeObserver | null} */ observer = null;

  componentDidMount() {
    const { element } = this;
    if (element === null) return;
    const drawn = (this.drawn = init(element, null, { renderer: "canvas" }));
    drawn.setOption(this.props.option);
    drawn.on("click", (pick) => this.props.onPick?.(pick));
    this.observer = new ResizeObserver(() => drawn.resize());
    this.observer.observe(element);
  }

  /** @param {ChartProps} before */
  componentDidUpdate(before) {
    if (before.option !== this.props.option) this.drawn?.setOption(this.props.option, REPLACED);
  }

  componentWillUnmount() {
    this.observer?.disconnect();
    this.drawn?.dispose();
  }

  render() {
    const { id, label, rows } = this.props;
    // The box that ECharts fills is its own: Preact must find no children of its making there.
    return h(
      "div",
      {
        class: `chart chart-${id}`,
        role: "img",
        "aria-label": label,
        "data-testid": `chart-${id}`,
        style: rows ? `--rows: ${rows}` : null,
      },
      h("div", { class: "canvas", ref: (/** @type {HTMLElement | null} */ element) => void (this.element = element) }),
    );
  }
}
