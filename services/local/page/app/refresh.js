// When to ask again: at most once a second, never twice at a time, not while nobody looks.

const AT_MOST_EVERY = 1_000;

/**
 * @param {(signal: AbortSignal) => Promise<void>} ask
 */
export function createRefresh(ask) {
  let wanted = false;
  let notBefore = 0;
  /** @type {AbortController | null} */
  let running = null;
  /** @type {number | undefined} */
  let timer;

  const schedule = () => {
    if (!wanted || running !== null || document.hidden) return;
    clearTimeout(timer);
    timer = setTimeout(run, Math.max(0, notBefore - performance.now()));
  };

  const run = async () => {
    if (running !== null) return;
    wanted = false;
    const own = (running = new AbortController());
    const began = performance.now();
    try {
      await ask(own.signal);
    } finally {
      if (running === own) {
        running = null;
        // A server that is slow to answer is not asked the more for it.
        notBefore = began + Math.max(AT_MOST_EVERY, 2 * (performance.now() - began));
        schedule();
      }
    }
  };

  document.addEventListener("visibilitychange", schedule);

  return {
    /** Something is new. */
    soon() {
      wanted = true;
      schedule();
    },
    /** Another question: what is under way is of no use any more. */
    now() {
      running?.abort();
      running = null;
      notBefore = 0;
      wanted = true;
      schedule();
    },
  };
}
