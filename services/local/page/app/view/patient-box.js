// Finding a patient: a combobox over the server's search, by pointer or by keyboard (ARIA 1.2 pattern, list with manual choice).

import { Component, h } from "../../vendor/preact/preact.js";
import { fetchPatients } from "../api.js";
import { label } from "./patient-name.js";

/** @import { Patient } from "../contract.js" */
/** @import { Language } from "../language.js" */

/** @typedef {{ say: Language, patient: string | null, name: string | null, choose: (patient: string | null) => void }} Props */
/** @typedef {{ query: string | null, open: boolean, active: number, found: Patient[] | null }} Own `query`: null while nothing is being typed */

const PAUSE = 150;

/** @extends {Component<Props, Own>} */
export class PatientBox extends Component {
  /** @type {Own} */
  state = { query: null, open: false, active: -1, found: null };
  /** @type {AbortController | null} */ asking = null;
  /** @type {number | undefined} */ pause;

  componentWillUnmount() {
    clearTimeout(this.pause);
    this.asking?.abort();
  }

  /** @param {string} query */
  async search(query) {
    this.asking?.abort();
    const asking = (this.asking = new AbortController());
    const answer = await fetchPatients(query, asking.signal).catch(() => null);
    if (this.asking === asking) this.setState({ found: answer?.patients ?? null, active: -1 });
  }

  open() {
    if (this.state.open) return;
    // What was found before may have changed since.
    this.setState({ open: true, active: -1, found: null });
    void this.search(this.state.query?.trim() ?? "");
  }

  close() {
    clearTimeout(this.pause);
    this.setState({ open: false, active: -1, query: null });
  }

  /** @param {string} query */
  type(query) {
    this.setState({ query, open: true });
    clearTimeout(this.pause);
    this.pause = setTimeout(() => void this.search(query.trim()), PAUSE);
  }

  /** @param {string | null} patient */
  choose(patient) {
    this.close();
    this.props.choose(patient);
  }

  /** @param {number} active */
  move(active) {
    const last = (this.state.found?.length ?? 0) - 1;
    this.setState({ active: active > last ? 0 : active < 0 ? last : active });
    requestAnimationFrame(() =>
      document.getElementById(`patient-option-${this.state.active}`)?.scrollIntoView({ block: "nearest" }),
    );
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    const { open, active, found } = this.state;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      if (!open) this.open();
      else this.move(event.key === "ArrowDown" ? active + 1 : active - 1);
    } else if (event.key === "Enter" && open) {
      event.preventDefault();
      const chosen = found?.[active] ?? (found?.length === 1 ? found[0] : undefined);
      if (chosen) this.choose(chosen.patient);
    } else if (event.key === "Escape" && open) {
      event.stopPropagation();
      this.close();
    }
  }

  render() {
    const { say, patient, name } = this.props;
    const { query, open, active, found } = this.state;
    const chosen = patient === null ? "" : label({ patient, name });
    return h(
      "div",
      { class: "combobox" },
      h("input", {
        type: "text",
        role: "combobox",
        "aria-label": say.t("filters.patient"),
        "aria-autocomplete": "list",
        "aria-expanded": String(open),
        "aria-controls": "patient-options",
        "aria-activedescendant": open && active >= 0 ? `patient-option-${active}` : null,
        autocomplete: "off",
        spellcheck: false,
        placeholder: open ? say.t("patient.search") : say.t("patient.all"),
        title: patient,
        value: query ?? chosen,
        "data-testid": "patient-input",
        onInput: (/** @type {InputEvent} */ event) => this.type(/** @type {HTMLInputElement} */ (event.target).value),
        onFocus: (/** @type {FocusEvent} */ event) => /** @type {HTMLInputElement} */ (event.target).select(),
        onClick: () => this.open(),
        onKeyDown: (/** @type {KeyboardEvent} */ event) => this.key(event),
        onBlur: () => this.close(),
      }),
      patient !== null &&
        h(
          "button",
          {
            type: "button",
            class: "combobox-clear",
            "aria-label": say.t("patient.clear"),
            title: say.t("patient.clear"),
            "data-testid": "patient-clear",
            onClick: () => this.choose(null),
          },
          "×",
        ),
      h(
        "ul",
        {
          id: "patient-options",
          role: "listbox",
          "aria-label": say.t("filters.patient"),
          hidden: !open || !found?.length,
          "data-testid": "patient-options",
        },
        open && (found ?? []).map((each, index) => this.option(each, index)),
      ),
      h(
        "p",
        { class: open && found?.length === 0 ? "combobox-none" : "unseen", role: "status", "data-testid": "patient-found" },
        open && found !== null ? said(found.length, say) : "",
      ),
    );
  }

  /** @param {Patient} each @param {number} index */
  option(each, index) {
    const { say, patient } = this.props;
    return h(
      "li",
      {
        key: each.patient,
        id: `patient-option-${index}`,
        role: "option",
        title: each.patient,
        "aria-selected": String(each.patient === patient),
        "data-active": String(index === this.state.active),
        "data-testid": "patient-option",
        "data-patient": each.patient,
        // The pointer must not take the focus away before the click arrives.
        onMouseDown: (/** @type {MouseEvent} */ event) => event.preventDefault(),
        onClick: () => this.choose(each.patient),
      },
      h("span", { class: each.name ? null : "pseudonym" }, label(each)),
      h(
        "span",
        { class: "option-note" },
        say.t("patient.summary", { readings: say.whole(each.readings), critical: say.whole(each.critical) }),
      ),
    );
  }
}

/** @param {number} count @param {Language} say */
const said = (count, say) => (count === 0 ? say.t("patient.found.none") : say.count("patient.found", count));
