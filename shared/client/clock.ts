// Time as the SDK uses it, so that a test can hold it still.

export interface Timer {
  cancel(): void;
}

export interface Clock {
  /** Milliseconds since some moment; never goes back. */
  nowMs(): number;
  /** Calls `run` once, after `delayMs` or later: browsers slow the timers of hidden tabs down to one a minute. */
  after(delayMs: number, run: () => void): Timer;
}

export const systemClock: Clock = {
  nowMs: () => performance.now(),
  after(delayMs, run) {
    const timer = setTimeout(run, Math.max(0, delayMs));
    return { cancel: () => clearTimeout(timer) };
  },
};
