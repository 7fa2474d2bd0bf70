// The `for await` loops over ticks, or over bars, that are under way: each gets what it is about, and they end.
import { AppError } from '../errors.ts';
import { CLIENT_SDK_ITERATORS_MAX } from '../limits.ts';
import { type Backlog, ItemQueue } from './item-queue.ts';

interface Loop<Item> {
  readonly queue: ItemQueue<Item>;
  /** Undefined: every subscription. */
  readonly holder: number | undefined;
}

export interface LoopSource<Item> {
  readonly createBacklog: () => Backlog<Item>;
  /** Whether the item is one of this holder's, or of anybody's where none is given. */
  readonly accepts: (item: Item, holder: number | undefined) => boolean;
  /** Whether the holder has anything left. */
  readonly isHolding: (holder: number) => boolean;
  /** What a loop begins with. */
  readonly live: () => Iterable<Item>;
}

export class OpenLoops<Item> {
  readonly #source: LoopSource<Item>;
  readonly #loops = new Set<Loop<Item>>();
  #isEnded = false;

  constructor(source: LoopSource<Item>) {
    this.#source = source;
  }

  /** Throws AppError `subscription_limit` over the bound. */
  open(holder: number | undefined): ItemQueue<Item> {
    if (this.#loops.size >= CLIENT_SDK_ITERATORS_MAX) {
      throw new AppError('subscription_limit', `at most ${CLIENT_SDK_ITERATORS_MAX} loops of a kind at once`);
    }
    const { createBacklog, accepts, isHolding, live } = this.#source;
    const queue = new ItemQueue<Item>(
      createBacklog(),
      (item) => accepts(item, holder),
      () => this.#loops.delete(loop),
    );
    const loop: Loop<Item> = { queue, holder };
    this.#loops.add(loop);
    for (const item of live()) queue.push(item);
    if (this.#isEnded || (holder !== undefined && !isHolding(holder))) queue.end();
    return queue;
  }

  get isEmpty(): boolean {
    return this.#loops.size === 0;
  }

  push(item: Item): void {
    for (const { queue } of this.#loops) queue.push(item);
  }

  /** Some instruments are not wanted any more. */
  prune(): void {
    for (const { queue } of this.#loops) queue.prune();
  }

  /** Ends the loops of holders that have nothing left. */
  endAbandoned(): void {
    for (const { queue, holder } of this.#loops) {
      if (holder !== undefined && !this.#source.isHolding(holder)) queue.end();
    }
  }

  end(): void {
    this.#isEnded = true;
    for (const { queue } of this.#loops) queue.end();
  }
}
