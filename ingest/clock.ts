// Time as the shells use it, so that a test can hold it still.

export interface Timer {
  cancel(): void;
}

export interface Clock {
  /** Milliseconds since the epoch; may jump when the machine's clock is set. For stamps, never for waiting. */
  wallMs(): number;
  /** Milliseconds since some moment; never goes back. For waiting and ages. */
  monotonicMs(): number;
  /** Calls `run` once, after `delayMs`. */
  after(delayMs: number, run: () => void): Timer;
  /** Calls `run` once, when the events that are ready by now have been handled. */
  soon(run: () => void): void;
}

export const systemClock: Clock = {
  wallMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  after(delayMs, run) {
    const timer = setTimeout(run, Math.max(0, delayMs));
    return { cancel: () => clearTimeout(timer) };
  },
  soon(run) {
    setImmediate(run);
  },
};
