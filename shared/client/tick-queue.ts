// Ticks for one `for await` loop: while the consumer is busy the newest value of each instrument waits, nothing else.
import type { Tick } from './tick.ts';

type Result = IteratorResult<Tick, undefined>;

const DONE: Result = { done: true, value: undefined };

export class TickQueue implements AsyncIterableIterator<Tick, undefined> {
  /** By token, the one that has waited longest first. Bounded by the instruments that the client wants. */
  readonly #waiting = new Map<number, Tick>();
  readonly #accepts: (token: number) => boolean;
  readonly #onEnd: () => void;
  #reader: ((result: Result) => void) | undefined;
  #isEnded = false;
  #skipped = 0;

  /** `accepts` is asked before a tick goes in and again before it goes out; `onEnd` is called once. */
  constructor(accepts: (token: number) => boolean, onEnd: () => void) {
    this.#accepts = accepts;
    this.#onEnd = onEnd;
  }

  /** Ticks that a newer one of their instrument replaced before they were read. */
  get skippedCount(): number {
    return this.#skipped;
  }

  get waitingCount(): number {
    return this.#waiting.size;
  }

  push(tick: Tick): void {
    if (this.#isEnded || !this.#accepts(tick.instrument_token)) return;
    const reader = this.#reader;
    if (reader) {
      this.#reader = undefined;
      reader({ done: false, value: tick });
      return;
    }
    if (this.#waiting.has(tick.instrument_token)) this.#skipped++;
    // A replaced value keeps its place: an instrument that ticks all the time must not be pushed back for ever.
    this.#waiting.set(tick.instrument_token, tick);
  }

  /** Frees what waits of an instrument that nobody wants any more. */
  drop(token: number): void {
    this.#waiting.delete(token);
  }

  /** What waits is still read; after that the loop ends. */
  end(): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#reader?.(DONE);
    this.#reader = undefined;
    this.#onEnd();
  }

  next(): Promise<Result> {
    for (const [token, tick] of this.#waiting) {
      this.#waiting.delete(token);
      if (this.#accepts(token)) return Promise.resolve({ done: false, value: tick });
    }
    if (this.#isEnded) return Promise.resolve(DONE);
    if (this.#reader)
      return Promise.reject(new Error('next() is called again before the last call was answered'));
    return new Promise((resolve) => {
      this.#reader = resolve;
    });
  }

  /** Called by `break`: what waits is dropped. */
  return(): Promise<Result> {
    this.end();
    this.#waiting.clear();
    return Promise.resolve(DONE);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
