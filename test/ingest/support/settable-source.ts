// A source whose value a test sets.
import type { Source } from '../../../ingest/source.ts';

export class SettableSource<T> implements Source<T> {
  #value: T;
  #onValue: ((value: T) => void) | undefined;

  constructor(value: T) {
    this.#value = value;
  }

  start(onValue: (value: T) => void): void {
    this.#onValue = onValue;
    onValue(this.#value);
  }

  readNow(): void {
    // There is nothing to look at: `set` tells.
  }

  stop(): void {
    this.#onValue = undefined;
  }

  get isStarted(): boolean {
    return this.#onValue !== undefined;
  }

  set(value: T): void {
    this.#value = value;
    this.#onValue?.(value);
  }
}
