// A gateway's bars: who wants which, the newest of each, and which that shards tell are news.
import type { InstrumentToken } from '../../shared/instrument.ts';
import { BARS_KEPT_MAX, CLIENT_BARS_HELD_MAX, CLIENT_BARS_MAX } from '../../shared/limits.ts';
import type { TickStore } from '../../shared/tick-store.ts';
import {
  BAR_INTERVALS,
  type Bar,
  barKey,
  type IntervalIndex,
  type IntervalSet,
  intervalSetOf,
} from './bar.ts';
import { interestIn } from './interest.ts';
import type { BarItem, BarLine, BarRequest } from './protocol.ts';
import type { InterestChange, Plan, ShardInterest } from './shard-interest.ts';
import type { SessionIndex } from './subscriptions.ts';

/** The bars that a session has of one instrument, as its socket remembers them. */
export type BarSubscription = readonly [token: InstrumentToken, intervals: IntervalSet];

/** A bar that somebody has yet to be told. */
export interface BarNews {
  readonly key: number;
  readonly bar: Bar;
  readonly sessions: Iterable<SessionIndex>;
}

/** The newest that was heard of one key. */
interface Known {
  boot: number;
  open: Bar | undefined;
  /** Start of the last closed bar. */
  closedStartMs: number;
  /** Closed bars, ascending, as far as they are kept. */
  readonly closed: Bar[];
}

function slotOfKey(key: number): number {
  return Math.floor(key / BAR_INTERVALS.length);
}

function indexOfKey(key: number): IntervalIndex {
  return key % BAR_INTERVALS.length;
}

/**
 * The closed bars that are kept for those who missed them, of all keys together: over the bound the oldest goes. A hole
 * that this makes shows by itself, for every bar names the one before it.
 */
class KeptBars {
  /** Entry n is the list that the n-th last bar went into: lists and ring have the same order. */
  readonly #lists: Bar[][] = [];
  #next = 0;

  add(list: Bar[], bar: Bar): void {
    this.#lists[this.#next]?.shift();
    this.#lists[this.#next] = list;
    list.push(bar);
    this.#next = (this.#next + 1) % BARS_KEPT_MAX;
  }
}

/**
 * Takes the bar in if it is news. Bars are whole, so that only an older one than that which is known is none. A shard's
 * answer may overtake its push: that an open bar is known says nothing of the closed one before it.
 */
function takeIn(known: Known, bar: Bar, boot: number): boolean {
  const { open } = known;
  if (bar.startMs <= known.closedStartMs) return false;
  if (bar.isClosed) {
    known.closedStartMs = bar.startMs;
    if (open && open.startMs <= bar.startMs) known.open = undefined;
    return true;
  }
  if (open && bar.startMs < open.startMs) return false;
  // A shard that was reset counts anew; the same memory only ever counts on.
  if (open && bar.startMs === open.startMs && bar.ticks < open.ticks && boot === known.boot) return false;
  known.boot = boot;
  known.open = bar;
  return true;
}

export class BarBook {
  readonly #interest: ShardInterest;
  readonly #store: TickStore;
  /** By key of slot and interval. */
  readonly #members = new Map<number, Set<SessionIndex>>();
  readonly #keysOfSession = new Map<SessionIndex, Set<number>>();
  /** By key, the newest bar; bounded by the keys that somebody wants. */
  readonly #known = new Map<number, Known>();
  readonly #kept = new KeptBars();

  constructor(interest: ShardInterest, store: TickStore) {
    this.#interest = interest;
    this.#store = store;
  }

  /** Bars of all sessions together, and how many different ones are kept current. */
  get sizes(): { readonly bars: number; readonly bars_known: number } {
    let bars = 0;
    for (const keys of this.#keysOfSession.values()) bars += keys.size;
    return { bars, bars_known: this.#known.size };
  }

  /** Sorts a request, without repeats, into what fits and what does not, and claims the interest of what fits. */
  plan(session: SessionIndex, items: readonly BarItem[]): Plan<BarItem> {
    let room = CLIENT_BARS_MAX - this.countOf(session);
    const isNew = (item: BarItem) => !this.#keysOfSession.get(session)?.has(this.#keyOf(item));
    return this.#interest.plan(items, {
      interestOf: ({ interval }) => interestIn(0, intervalSetOf(interval)),
      refusalOf: (item) => {
        if (!isNew(item) || room > 0) return undefined;
        const message = `at most ${CLIENT_BARS_MAX} bars per connection`;
        return { code: 'subscription_limit', message };
      },
      onAccept: (item) => {
        if (isNew(item)) room--;
      },
    });
  }

  /** Makes claimed items effective. */
  subscribe(session: SessionIndex, items: readonly BarItem[]): void {
    for (const item of items) {
      this.#interest.slotFor(item.token);
      this.#add(session, this.#keyOf(item));
      this.#interest.confirm(item.token);
    }
  }

  unsubscribe(session: SessionIndex, items: readonly BarItem[]): InterestChange[] {
    const slots: number[] = [];
    for (const item of items) {
      const key = this.#keyOf(item);
      if (this.#remove(session, key)) slots.push(slotOfKey(key));
    }
    return this.#interest.changes(slots);
  }

  /** Gives a session the bars that it had before this object lost its memory. Returns those that have no room. */
  restore(session: SessionIndex, items: readonly BarSubscription[]): InstrumentToken[] {
    const dropped: InstrumentToken[] = [];
    for (const [token, intervals] of items) {
      const slot = this.#interest.slotFor(token);
      if (slot < 0) dropped.push(token);
      else {
        for (const index of BAR_INTERVALS.keys()) {
          if ((intervals & (1 << index)) !== 0) this.#add(session, barKey(slot, index));
        }
      }
    }
    return dropped;
  }

  /** Removes a session's bars and returns the slots they were of. */
  drop(session: SessionIndex): number[] {
    const keys = [...(this.#keysOfSession.get(session) ?? [])];
    for (const key of keys) this.#remove(session, key);
    return keys.map(slotOfKey);
  }

  /** The slot's instrument does not exist: removes all its bars and returns the sessions that had some. */
  expel(slot: number): SessionIndex[] {
    const sessions = new Set<SessionIndex>();
    for (const index of BAR_INTERVALS.keys()) {
      const key = barKey(slot, index);
      for (const session of [...(this.#members.get(key) ?? [])]) {
        this.#remove(session, key);
        sessions.add(session);
      }
    }
    return [...sessions];
  }

  /** The slot is somebody else's from here on. */
  forget(slot: number): void {
    for (const index of BAR_INTERVALS.keys()) this.#known.delete(barKey(slot, index));
  }

  /** A bar that nobody wants is not kept current: it must not be the next subscriber's first. */
  prune(slot: number): void {
    for (const index of BAR_INTERVALS.keys()) {
      const key = barKey(slot, index);
      if (!this.#members.has(key)) this.#known.delete(key);
    }
  }

  /** The shard has lost its memory: an open bar of it may never be closed. A closed one stays closed. */
  forgetOpen(slot: number): void {
    for (const index of BAR_INTERVALS.keys()) {
      const known = this.#known.get(barKey(slot, index));
      if (known) known.open = undefined;
    }
  }

  /** The intervals that anybody wants of the slot. */
  intervalsAt(slot: number): IntervalSet {
    let intervals: IntervalSet = 0;
    for (const index of BAR_INTERVALS.keys())
      if (this.#members.has(barKey(slot, index))) intervals |= 1 << index;
    return intervals;
  }

  countOf(session: SessionIndex): number {
    return this.#keysOfSession.get(session)?.size ?? 0;
  }

  /** A session's bars, for its socket to remember. */
  itemsOf(session: SessionIndex): BarSubscription[] {
    const intervals = new Map<InstrumentToken, IntervalSet>();
    for (const key of this.#keysOfSession.get(session) ?? []) {
      const token = this.#interest.tokenAt(slotOfKey(key));
      intervals.set(token, (intervals.get(token) ?? 0) | (1 << indexOfKey(key)));
    }
    return [...intervals];
  }

  /** A session's bars, as it is told. `symbolAt` gives a slot's symbol once it is known. */
  linesOf(session: SessionIndex, symbolAt: (slot: number) => string | undefined): BarLine[] {
    return [...(this.#keysOfSession.get(session) ?? [])].map((key) => {
      const symbol = symbolAt(slotOfKey(key));
      const interval = BAR_INTERVALS[indexOfKey(key)] ?? '1m';
      return { token: this.#interest.tokenAt(slotOfKey(key)), ...(symbol ? { symbol } : {}), interval };
    });
  }

  /** Takes bars that a shard tells, of its memory `boot`. Returns what is news to those who want it. */
  take(bars: readonly Bar[], boot: number): BarNews[] {
    return bars.flatMap((bar) => {
      const key = this.#keyOf(bar);
      const sessions = this.#members.get(key);
      const known = sessions && this.#knownOf(key);
      if (!known || !takeIn(known, bar, boot)) return [];
      if (bar.isClosed) this.#kept.add(known.closed, bar);
      return [{ key, bar, sessions }];
    });
  }

  /** Takes the open bars of a shard's answer: whoever has asked for them is sent them by `currentOf`. */
  learn(bars: readonly Bar[], boot: number): void {
    for (const bar of bars) {
      if (this.#store.slotOf(bar.token) >= 0) takeIn(this.#knownOf(this.#keyOf(bar)), bar, boot);
    }
  }

  /**
   * What a new subscriber is told at once: the closed bars since the last one that it has had, if it says which, and the
   * open bar. Of many items the newest of each, no more than may wait for one client.
   */
  currentOf(session: SessionIndex, items: readonly BarRequest[]): BarNews[] {
    const missedMax = Math.floor(CLIENT_BARS_HELD_MAX / Math.max(1, items.length));
    return items.flatMap((item) => {
      const key = this.#keyOf(item);
      const known = this.#known.get(key);
      const { afterMs = Number.POSITIVE_INFINITY } = item;
      const missed = known?.closed.filter(({ startMs }) => startMs > afterMs).slice(-missedMax) ?? [];
      const bars = known?.open ? [...missed, known.open] : missed;
      return bars.map((bar) => ({ key, bar, sessions: [session] }));
    });
  }

  /** Keys of these items, where a session's bars wait. */
  keysOf(items: readonly BarItem[]): number[] {
    return items.map((item) => this.#keyOf(item));
  }

  #knownOf(key: number): Known {
    let known = this.#known.get(key);
    if (!known) {
      known = { boot: 0, open: undefined, closedStartMs: Number.NEGATIVE_INFINITY, closed: [] };
      this.#known.set(key, known);
    }
    return known;
  }

  #keyOf({ token, interval }: BarItem): number {
    return barKey(this.#store.slotOf(token), BAR_INTERVALS.indexOf(interval));
  }

  #add(session: SessionIndex, key: number): void {
    const members = this.#members.get(key);
    if (members) members.add(session);
    else this.#members.set(key, new Set([session]));
    const keys = this.#keysOfSession.get(session);
    if (keys) keys.add(key);
    else this.#keysOfSession.set(session, new Set([key]));
  }

  #remove(session: SessionIndex, key: number): boolean {
    const keys = this.#keysOfSession.get(session);
    if (!keys?.delete(key)) return false;
    if (keys.size === 0) this.#keysOfSession.delete(session);
    const members = this.#members.get(key);
    members?.delete(session);
    if (members?.size === 0) {
      this.#members.delete(key);
      this.#known.delete(key);
    }
    return true;
  }
}
