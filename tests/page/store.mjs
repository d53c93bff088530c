// What a ward holds, read from its database and its archive: never through the page's API.

import { execFile } from "node:child_process";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

/** @import { Ward } from "./ward.mjs" */

/**
 * @typedef {object} Stored a reading as it holds now
 * @property {string | null} id of its document; null in the archive, whose lines do not say it
 * @property {string} patient
 * @property {number} time in milliseconds
 * @property {number | null} systolic
 * @property {number | null} diastolic
 * @property {string} category
 * @property {string} severity
 * @property {string[]} reasons
 * @property {string[]} flags
 * @property {boolean} anomaly
 */

/** @param {any} document @param {string | null} id @returns {Stored} */
function reading(document, id) {
  return {
    id,
    patient: document.patient_id,
    time: Date.parse(document.effectiveDateTime),
    systolic: document.systolic_pressure ?? null,
    diastolic: document.diastolic_pressure ?? null,
    category: document.category,
    severity: document.severity,
    reasons: document.reasons,
    flags: document.flags,
    anomaly: id !== null,
  };
}

/** @param {Ward} ward @param {string} sql @returns {Promise<any[]>} */
async function select(ward, sql) {
  const args = ["-readonly", "-json", "-cmd", ".timeout 5000", join(ward.data, "ward.db"), sql];
  const { stdout } = await promisify(execFile)("sqlite3", args, { timeout: 10_000, maxBuffer: 64 << 20 });
  return stdout === "" ? [] : JSON.parse(stdout);
}

/** Every reading, in no order; those that are withdrawn are none. @param {Ward} ward @returns {Promise<Stored[]>} */
export async function readings(ward) {
  return [...(await anomalies(ward)), ...(await normal(ward))];
}

/** @param {Ward} ward */
async function anomalies(ward) {
  const rows = await select(ward, "SELECT lower(hex(id)) AS id, document FROM anomalies WHERE NOT withdrawn");
  return rows.map(({ id, document }) => reading(JSON.parse(document), id));
}

/** @param {Ward} ward */
async function normal(ward) {
  const directory = await mkdtemp(join(ward.directory, "export-"));
  await ward.does("archive", "export", "--by", "day", directory, "--data", ward.data);
  const files = (await readdir(directory)).sort();
  const texts = await Promise.all(files.map((file) => readFile(join(directory, file), "utf8")));
  await rm(directory, { recursive: true });
  return texts.flatMap((text) => text.trim().split("\n")).map((line) => reading(JSON.parse(line), null));
}

/** What could not be read, the latest first. @param {Ward} ward @returns {Promise<{ number: number, reason: string, source: string, line: number }[]>} */
export async function rejections(ward) {
  const rows = await select(ward, "SELECT seq, reason, topic, line FROM dead_letters ORDER BY seq DESC");
  return rows.map(({ seq, reason, topic, line }) => ({ number: seq, reason, source: topic.split("/").at(-1), line }));
}
