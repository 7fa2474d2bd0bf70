// A shard's bars: which gateway wants which, building them of the ticks, and what each gateway has yet to be told.
import type { InstrumentDefinition, InstrumentToken } from '../../shared/instrument.ts';
import { SHARD_BARS_HELD_MAX } from '../../shared/limits.ts';
import { BAR_INTERVALS, type Bar, barKey, type IntervalSet, intervalSetOf } from './bar.ts';
import { BarBuilder } from './bar-builder.ts';
import { BarQueue } from './bar-queue.ts';
import { type InterestItem, intervalsOfInterest } from './interest.ts';

function keyOf({ token, interval }: Bar): number {
  return barKey(token, BAR_INTERVALS.indexOf(interval));
}

export class ShardBars {
  readonly #builder: BarBuilder;
  /** By token and gateway; only those who want bars. */
  readonly #wanted = new Map<InstrumentToken, Map<string, IntervalSet>>();
  /** Tokens whose interest has changed since the last batch. */
  readonly #touched = new Set<InstrumentToken>();
  /** By gateway. */
  readonly #due = new Map<string, BarQueue<Bar>>();

  constructor(definitionOf: (token: InstrumentToken) => InstrumentDefinition | undefined) {
    this.#builder = new BarBuilder(definitionOf);
  }

  /**
   * A gateway wants bars of these intervals, or none. It counts from the next batch on, so that a gateway which gives up
   * everything and wants the same again, as a resynchronisation does, interrupts no bar.
   */
  setInterest(gateway: string, token: InstrumentToken, intervals: IntervalSet): void {
    const wanted = this.#wanted.get(token);
    if ((wanted?.get(gateway) ?? 0) === intervals) return;
    this.#touched.add(token);
    if (intervals !== 0) {
      if (wanted) wanted.set(gateway, intervals);
      else this.#wanted.set(token, new Map([[gateway, intervals]]));
      return;
    }
    wanted?.delete(gateway);
    if (wanted?.size === 0) this.#wanted.delete(token);
  }

  /** The token is another contract's from here on: what was built of it is void. */
  restart(token: InstrumentToken): void {
    this.#builder.setIntervals(token, 0);
    if (this.#wanted.has(token)) this.#touched.add(token);
  }

  beginBatch(signedAtMs: number, isNewSidecar: boolean): void {
    for (const token of this.#touched) {
      let intervals: IntervalSet = 0;
      for (const each of this.#wanted.get(token)?.values() ?? []) intervals |= each;
      this.#builder.setIntervals(token, intervals);
    }
    this.#touched.clear();
    this.#builder.beginBatch(signedAtMs, isNewSidecar);
  }

  addTick(token: InstrumentToken, view: DataView, at: number): void {
    this.#builder.addTick(token, view, at);
  }

  endBatch(): void {
    for (const bar of this.#builder.endBatch()) {
      for (const gateway of this.#wanted.get(bar.token)?.keys() ?? []) this.#add(gateway, bar);
    }
  }

  #add(gateway: string, bar: Bar): void {
    if (!this.#isWanted(gateway, bar)) return;
    let queue = this.#due.get(gateway);
    if (!queue) {
      queue = new BarQueue(SHARD_BARS_HELD_MAX);
      this.#due.set(gateway, queue);
    }
    queue.add(keyOf(bar), bar, bar.isClosed);
  }

  #isWanted(gateway: string, { token, interval }: Bar): boolean {
    return ((this.#wanted.get(token)?.get(gateway) ?? 0) & intervalSetOf(interval)) !== 0;
  }

  hasDue(gateway: string): boolean {
    return this.#due.has(gateway);
  }

  /** What the gateway has yet to be told, of what it still wants. */
  takeDue(gateway: string): Bar[] {
    const bars = this.#due.get(gateway)?.takeAll() ?? [];
    this.#due.delete(gateway);
    return bars.filter((bar) => this.#isWanted(gateway, bar));
  }

  /** Bars that may not have arrived: they come again before what is due since. */
  putBack(gateway: string, bars: readonly Bar[]): void {
    const later = this.takeDue(gateway);
    for (const bar of [...bars, ...later]) this.#add(gateway, bar);
  }

  /** Open bars of these items, for a gateway that has just asked for them. */
  currentOf(items: readonly InterestItem[]): Bar[] {
    return items.flatMap(([token, interest]) =>
      this.#builder.currentOf(token, intervalsOfInterest(interest)),
    );
  }
}
