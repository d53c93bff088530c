// What a person reads on the page: its figures and tables as text.

/** @import { Page } from "playwright-core" */

/** @typedef {{ key: string, cells: string[] }} Row */

/** The rows of a table, and the titles of its columns. @param {Page} page @param {string} testid */
export function table(page, testid) {
  return page.evaluate((id) => {
    const found = document.querySelector(`[data-testid="${id}"]`);
    const text = (/** @type {Element} */ element) => (element.textContent ?? "").replace(/\s+/g, " ").trim();
    const all = (/** @type {string} */ selector) => [...(found?.querySelectorAll(selector) ?? [])];
    return {
      columns: all("thead th").map((each) => each.getAttribute("title") ?? text(each)),
      rows: all("tbody tr").map((row) => ({
        key: row.getAttribute("data-key") ?? "",
        cells: [...row.children].map(text),
        severities: [...row.children].map((each) => each.querySelector("[data-severity]")?.getAttribute("data-severity") ?? null),
        time: row.querySelector("time")?.getAttribute("datetime") ?? "",
        patient: row.querySelector("button")?.getAttribute("title") ?? "",
      })),
    };
  }, testid);
}

/** @param {Page} page @param {string[]} ids */
async function figures(page, ids) {
  const figure = async (/** @type {string} */ id) => {
    const found = page.getByTestId(`total-${id}`);
    return [id, { value: await found.getAttribute("data-value"), text: await found.innerText() }];
  };
  return Object.fromEntries(await Promise.all(ids.map(figure)));
}

/** As `overview` of expected.mjs. @param {Page} page */
export async function overview(page) {
  const tables = ["table-categories", "table-severities", "table-critical", "table-heat"];
  const [categories, severities, critical, heat] = await Promise.all(tables.map((id) => table(page, id)));
  return {
    totals: await figures(page, ["readings", "anomalies", "critical", "patients", "systolic_mean", "diastolic_mean"]),
    categories: categories.rows.map(({ key, cells }) => ({ key, cells })),
    severities: severities.rows.map(({ key, cells }) => ({ key, cells })),
    critical: critical.rows.map(({ key, time, patient, cells }) => ({ key, time, patient, cells: cells.slice(1) })),
    heat: {
      columns: heat.columns.slice(5),
      rows: heat.rows.map(({ key, cells, severities }) => ({
        key,
        cells: cells.slice(0, 5),
        heat: cells.slice(5).map((text, index) => (text === "" ? null : { severity: severities[index + 5], text })),
      })),
    },
  };
}

/** One patient's readings, the latest first. @param {Page} page */
export async function patientRows(page) {
  const { rows } = await table(page, "table-patient");
  return rows.map(({ cells }) => cells);
}

/** As `rejected` of expected.mjs. @param {Page} page */
export async function rejected(page) {
  const [reasons, latest] = await Promise.all([table(page, "table-reasons"), table(page, "table-rejections")]);
  return {
    total: await page.getByTestId("total-rejected").getAttribute("data-value"),
    reasons: reasons.rows.map(({ key, cells }) => ({ key, cells })).sort((one, other) => (one.key < other.key ? -1 : 1)),
    latest: latest.rows.map(({ key, cells: [number, , ...rest] }) => ({ key, cells: [number, ...rest] })),
  };
}
