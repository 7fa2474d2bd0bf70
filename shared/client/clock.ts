// Time as the SDK uses it, so that a test can hold it still.

export interface Timer {
  cancel(): void;
}

export interface Clock {
  /** Milliseconds since some moment; never goes back, and goes on while the machine sleeps. */
  nowMs(): number;
  /** Calls `run` once, after `delayMs` or later: browsers slow the timers of hidden tabs down to one a minute. */
  after(delayMs: number, run: () => void): Timer;
}

/** Wall and steady clock drift apart by less than this between two looks, unless one of them stood still or was set. */
const SLEPT_MS_MIN = 1_000;

/**
 * The platform's steady clock stands still in many a sleeping machine: without what the wall clock says of that, prices
 * of before the sleep would count as fresh after it. A wall clock that is set forward looks like a sleep, and costs a
 * ping.
 */
export function createClock(): Clock {
  let aheadMs = Date.now() - performance.now();
  let sleptMs = 0;
  return {
    nowMs() {
      const steadyMs = performance.now();
      const jumpMs = Date.now() - steadyMs - aheadMs;
      if (jumpMs >= SLEPT_MS_MIN) sleptMs += jumpMs;
      if (Math.abs(jumpMs) >= SLEPT_MS_MIN) aheadMs += jumpMs;
      return steadyMs + sleptMs;
    },
    after(delayMs, run) {
      const timer = setTimeout(run, Math.max(0, delayMs));
      return { cancel: () => clearTimeout(timer) };
    },
  };
}
