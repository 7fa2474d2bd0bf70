// A clock that stands still until a test moves it.
import type { Clock, Timer } from '../../../ingest/clock.ts';

interface Pending {
  readonly atMs: number;
  readonly order: number;
  readonly run: () => void;
}

export class ManualClock implements Clock {
  #nowMs: number;
  #wallOffsetMs = 0;
  #order = 0;
  #pending: Pending[] = [];

  constructor(nowMs = 1_764_000_000_000) {
    this.#nowMs = nowMs;
  }

  wallMs(): number {
    return this.#nowMs + this.#wallOffsetMs;
  }

  monotonicMs(): number {
    return this.#nowMs;
  }

  /** As if somebody set the machine's clock. */
  jumpWall(byMs: number): void {
    this.#wallOffsetMs += byMs;
  }

  /** Time passes and nothing runs: the process was stopped. What fell due runs with the next `advance`, late. */
  skip(byMs: number): void {
    this.#nowMs += byMs;
  }

  after(delayMs: number, run: () => void): Timer {
    const pending = { atMs: this.#nowMs + Math.max(0, delayMs), order: this.#order++, run };
    this.#pending.push(pending);
    return {
      cancel: () => {
        this.#pending = this.#pending.filter((other) => other !== pending);
      },
    };
  }

  soon(run: () => void): void {
    this.after(0, run);
  }

  /** Delays until the timers that are set, ascending. */
  get delaysMs(): number[] {
    return this.#pending.map(({ atMs }) => atMs - this.#nowMs).sort((a, b) => a - b);
  }

  /** Moves time and runs what falls due, in order, at its own time. */
  advance(byMs: number): void {
    const untilMs = this.#nowMs + byMs;
    for (;;) {
      const [next] = this.#pending
        .filter(({ atMs }) => atMs <= untilMs)
        .sort((a, b) => a.atMs - b.atMs || a.order - b.order);
      if (next === undefined) break;
      this.#pending = this.#pending.filter((other) => other !== next);
      this.#nowMs = Math.max(this.#nowMs, next.atMs);
      next.run();
    }
    this.#nowMs = untilMs;
  }
}
