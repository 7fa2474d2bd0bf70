// A clock for the SDK that stands still until a test moves it.
import type { Clock, Timer } from '../../../shared/client/clock.ts';

interface Pending {
  readonly atMs: number;
  readonly run: () => void;
}

export class StillClock implements Clock {
  #nowMs = 1_000;
  #pending: Pending[] = [];

  nowMs(): number {
    return this.#nowMs;
  }

  after(delayMs: number, run: () => void): Timer {
    const pending = { atMs: this.#nowMs + Math.max(0, delayMs), run };
    this.#pending.push(pending);
    return {
      cancel: () => {
        this.#pending = this.#pending.filter((other) => other !== pending);
      },
    };
  }

  /** Delays until the timers that are set, ascending. */
  get delaysMs(): number[] {
    return this.#pending.map(({ atMs }) => atMs - this.#nowMs).sort((a, b) => a - b);
  }

  /** Moves time and runs what falls due, each at its own time. */
  advance(byMs: number): void {
    const untilMs = this.#nowMs + byMs;
    for (;;) {
      const [next] = this.#pending.filter(({ atMs }) => atMs <= untilMs).sort((a, b) => a.atMs - b.atMs);
      if (!next) break;
      this.#pending = this.#pending.filter((other) => other !== next);
      this.#nowMs = Math.max(this.#nowMs, next.atMs);
      next.run();
    }
    this.#nowMs = untilMs;
  }

  /** Time passes and no timer runs: a laptop that slept, a hidden tab. Late timers run with the next advance. */
  sleep(byMs: number): void {
    this.#nowMs += byMs;
  }
}
