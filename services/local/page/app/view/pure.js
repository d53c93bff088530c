// A view that is drawn again only when something it is given has changed: an update a second stays cheap.

import { Component } from "../../vendor/preact/preact.js";

/** @import { View, Kind } from "../../vendor/preact/preact.js" */

/**
 * @template {object} P
 * @param {View<P>} view
 * @returns {Kind<P>}
 */
export function pure(view) {
  /** @extends {Component<P>} */
  class Pure extends Component {
    /** @param {P} next */
    shouldComponentUpdate(next) {
      const before = /** @type {Record<string, unknown>} */ (this.props);
      const after = /** @type {Record<string, unknown>} */ (next);
      return Object.keys(after).some((key) => before[key] !== after[key]) || Object.keys(before).some((key) => !(key in after));
    }

    render() {
      return view(this.props);
    }
  }
  return Pure;
}
