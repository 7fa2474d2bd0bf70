// What waits for a loop that is busy: of ticks the newest of each instrument, of bars every closed one as well.
import { CLIENT_SDK_BARS_WAITING_MAX } from '../limits.ts';
import type { Bar } from './bar.ts';
import type { Backlog } from './item-queue.ts';
import type { Tick } from './tick.ts';

/** The newest of each key, the one that has waited longest first. */
class NewestOfEach<Key, Item> {
  /** Bounded by what the client wants. */
  readonly #items = new Map<Key, Item>();

  /** A replaced item keeps its place: one that changes all the time must not be pushed back for ever. */
  set(key: Key, item: Item): number {
    const replaced = this.#items.has(key) ? 1 : 0;
    this.#items.set(key, item);
    return replaced;
  }

  delete(key: Key): number {
    return this.#items.delete(key) ? 1 : 0;
  }

  takeNext(): Item | undefined {
    for (const [key, item] of this.#items) {
      this.#items.delete(key);
      return item;
    }
    return undefined;
  }

  keep(passes: (item: Item) => boolean): void {
    for (const [key, item] of this.#items) if (!passes(item)) this.#items.delete(key);
  }
}

export class TickBacklog implements Backlog<Tick> {
  readonly #newest = new NewestOfEach<number, Tick>();

  add(tick: Tick): number {
    return this.#newest.set(tick.instrument_token, tick);
  }

  takeNext(): Tick | undefined {
    return this.#newest.takeNext();
  }

  keep(passes: (tick: Tick) => boolean): void {
    this.#newest.keep(passes);
  }
}

/** Closed bars first: an open one that waits is of a later interval than the closed ones of its instrument. */
export class BarBacklog implements Backlog<Bar> {
  #closed: Bar[] = [];
  readonly #open = new NewestOfEach<string, Bar>();

  add(bar: Bar): number {
    const key = `${bar.instrument_token}|${bar.interval}`;
    if (!bar.closed) return this.#open.set(key, bar);
    const replaced = this.#open.delete(key);
    this.#closed.push(bar);
    if (this.#closed.length <= CLIENT_SDK_BARS_WAITING_MAX) return replaced;
    this.#closed.shift();
    return replaced + 1;
  }

  takeNext(): Bar | undefined {
    return this.#closed.shift() ?? this.#open.takeNext();
  }

  keep(passes: (bar: Bar) => boolean): void {
    this.#closed = this.#closed.filter(passes);
    this.#open.keep(passes);
  }
}
