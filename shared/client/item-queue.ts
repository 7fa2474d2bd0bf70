// Ticks or bars for one `for await` loop: what waits while the consumer is busy is bounded.

type Result<Item> = IteratorResult<Item, undefined>;

const DONE: Result<never> = { done: true, value: undefined };

/** What waits, and in which order. */
export interface Backlog<Item> {
  /** Returns how many others have been replaced, or given up, for it. */
  add(item: Item): number;
  takeNext(): Item | undefined;
  /** Frees what does not pass. */
  keep(passes: (item: Item) => boolean): void;
}

export class ItemQueue<Item> implements AsyncIterableIterator<Item, undefined> {
  readonly #backlog: Backlog<Item>;
  readonly #accepts: (item: Item) => boolean;
  readonly #onEnd: () => void;
  #reader: ((result: Result<Item>) => void) | undefined;
  #isEnded = false;
  #skipped = 0;

  /** `accepts` is asked before an item goes in and again before it goes out; `onEnd` is called once. */
  constructor(backlog: Backlog<Item>, accepts: (item: Item) => boolean, onEnd: () => void) {
    this.#backlog = backlog;
    this.#accepts = accepts;
    this.#onEnd = onEnd;
  }

  /** What a newer one has replaced, or was given up, before it was read. */
  get skippedCount(): number {
    return this.#skipped;
  }

  push(item: Item): void {
    if (this.#isEnded || !this.#accepts(item)) return;
    const reader = this.#reader;
    if (!reader) {
      this.#skipped += this.#backlog.add(item);
      return;
    }
    this.#reader = undefined;
    reader({ done: false, value: item });
  }

  /** Frees what waits of an instrument that nobody wants any more. */
  prune(): void {
    this.#backlog.keep(this.#accepts);
  }

  /** What waits is still read; after that the loop ends. */
  end(): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#reader?.(DONE);
    this.#reader = undefined;
    this.#onEnd();
  }

  next(): Promise<Result<Item>> {
    for (let item = this.#backlog.takeNext(); item !== undefined; item = this.#backlog.takeNext()) {
      if (this.#accepts(item)) return Promise.resolve({ done: false, value: item });
    }
    if (this.#isEnded) return Promise.resolve(DONE);
    if (this.#reader)
      return Promise.reject(new Error('next() is called again before the last call was answered'));
    return new Promise((resolve) => {
      this.#reader = resolve;
    });
  }

  /** Called by `break`: what waits is dropped. */
  return(): Promise<Result<Item>> {
    this.end();
    this.#backlog.keep(() => false);
    return Promise.resolve(DONE);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
