// Waiting for something to become true: as soon as it is, and never beyond a limit.

import { setTimeout as pause } from "node:timers/promises";

/** How long something may take, in milliseconds. */
export const PATIENCE = 15_000;

const BETWEEN = 40;

/**
 * Tries until it does not fail, and hands over what it returned; fails as the last try did.
 *
 * @template T
 * @param {() => T | Promise<T>} attempt @param {number} [limit] in milliseconds
 * @returns {Promise<T>}
 */
export async function eventually(attempt, limit = PATIENCE) {
  const deadline = performance.now() + limit;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (performance.now() > deadline) throw error;
    }
    await pause(BETWEEN);
  }
}

/**
 * What is under way, unless it takes longer than a limit.
 *
 * @template T
 * @param {string} what @param {Promise<T>} promise @param {number} [limit] in milliseconds
 * @returns {Promise<T>}
 */
export async function within(what, promise, limit = PATIENCE) {
  const given = new AbortController();
  const tooLong = pause(limit, undefined, { signal: given.signal }).then(() => {
    throw new Error(`waited ${limit} ms in vain until ${what}`);
  });
  try {
    return await Promise.race([promise, tooLong]);
  } finally {
    tooLong.catch(() => undefined);
    given.abort();
  }
}
