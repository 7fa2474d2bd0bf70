// When whom a gateway sends what: changes at once or at the pace of a tier, and full sockets as they empty.
import { GATEWAY_FLUSH_WINDOW_MS, GATEWAY_SEND_COST_US } from '../../shared/limits.ts';
import { RECORD_WORDS_MAX } from '../../shared/tick.ts';
import type { BarNews } from './bar-book.ts';
import { fanOutBars } from './bar-fanout.ts';
import { Drainage } from './drainage.ts';
import { Fanout, type FanoutSource, type Flush } from './fanout.ts';
import { pastFrames } from './past-frames.ts';
import { SPEEDS } from './protocol.ts';
import { PushRound } from './push-round.ts';
import { ResumeRing } from './resume-ring.ts';
import type { Frame } from './row-format.ts';
import { SessionLanes } from './session-lanes.ts';
import { SlotSet } from './slot-set.ts';
import type { SessionIndex } from './subscriptions.ts';
import type { Tier } from './terms.ts';

/** What became of the sessions whose socket was full. */
export interface DrainResult {
  readonly delivered: number;
  /** Caught up: how many ticks a newer one replaced meanwhile. */
  readonly caughtUp: readonly { readonly session: SessionIndex; readonly skipped: number }[];
  /** They have read nothing for too long. */
  readonly stalled: readonly SessionIndex[];
}

/** Shortest time between two flushes of each tier, in ms. */
const TIER_WINDOWS_MS = SPEEDS.map((speed) => (speed === 'rt' ? GATEWAY_FLUSH_WINDOW_MS : speed));

export class Delivery {
  readonly lanes: SessionLanes;
  readonly round = new PushRound();
  /** What the last flush of the first tier cost, by what a send costs. */
  #flushCostMs = 0;
  #framesOfFlush = 0;
  readonly #fanout: Fanout;
  readonly #drainage: Drainage;
  readonly #source: FanoutSource;
  readonly #ring = new ResumeRing();
  /** By tier, the slots that have changed since the tier's last flush. */
  readonly #changed = TIER_WINDOWS_MS.map(() => new SlotSet());
  /** Of those, the slots of which more than the Greeks has changed. */
  readonly #ticked = TIER_WINDOWS_MS.map(() => new SlotSet());
  readonly #flushedAtMs = TIER_WINDOWS_MS.map(() => Number.NEGATIVE_INFINITY);
  /** Sessions whose socket is full. */
  readonly #waiting = new Set<SessionIndex>();
  #seq = 0;

  /** `nowMs` is where the sequence starts: what was before is not known here. */
  constructor(source: FanoutSource, nowMs = 0) {
    this.#source = source;
    this.lanes = new SessionLanes(source);
    this.#fanout = new Fanout(source, this.lanes);
    this.#drainage = new Drainage(source, this.lanes);
    this.#seq = Math.floor(nowMs);
    this.#ring.start(this.#seq);
  }

  get sizes(): { readonly changed: number; readonly full_sockets: number; readonly missed_ticks: number } {
    const changed = this.#changed.reduce((sum, slots) => sum + slots.size, 0);
    return { changed, full_sockets: this.#waiting.size, missed_ticks: this.#ring.entries };
  }

  /** Ticks sent so far, each to each of its clients. */
  get ticksSent(): number {
    return this.#fanout.ticksSent + this.#drainage.ticksSent;
  }

  /** The slot has news; `isRenewal` when that is Greeks alone. */
  mark(slot: number, isRenewal = false): void {
    this.#changed[0]?.add(slot);
    if (!isRenewal) this.#ticked[0]?.add(slot);
  }

  /** The slot is somebody else's from here on. */
  unmark(slot: number): void {
    for (const slots of [...this.#changed, ...this.#ticked]) slots.delete(slot);
  }

  /** The session's client has gone. */
  drop(session: SessionIndex): void {
    this.#waiting.delete(session);
    this.lanes.close(session);
  }

  /** The last flush. */
  get seq(): number {
    return this.#seq;
  }

  /** True when there is news that no flush has looked at. */
  get hasNews(): boolean {
    return (this.#changed[0]?.size ?? 0) > 0;
  }

  get hasWaiting(): boolean {
    return this.#waiting.size > 0;
  }

  /** When `flush` has something to do: now or earlier after a quiet window, infinity when nothing has changed. */
  nextFlushAtMs(nowMs: number): number {
    let next = Number.POSITIVE_INFINITY;
    for (const [tier, windowMs] of TIER_WINDOWS_MS.entries()) {
      if (this.#changed[tier]?.size === 0) continue;
      const windowEndMs = (this.#flushedAtMs[tier] ?? 0) + windowMs;
      next = Math.min(
        next,
        tier === 0 ? Math.max(windowEndMs, this.round.endsAtMs(nowMs, this.#flushCostMs)) : windowEndMs,
      );
    }
    return next;
  }

  /**
   * Sends what has changed to everybody whose turn it is and whose socket has room: the first change after a quiet
   * window as soon as its round is here, then the newest value at the end of each. `everything` also sends what the first tier's window
   * would still hold back. No more than `framesAtOnce` are sent now by a flush whose frames can wait, the others by `sendOn`.
   * Returns the frames delivered.
   */
  flush(nowMs: number, everything = false, framesAtOnce = Number.POSITIVE_INFINITY): number {
    let delivered = 0;
    for (const [tier, windowMs] of TIER_WINDOWS_MS.entries()) {
      const slots = this.#changed[tier];
      const sinceMs = nowMs - (this.#flushedAtMs[tier] ?? 0);
      // A clock that is set back must not hold ticks up until it is where it was.
      const isWindowOver = sinceMs >= windowMs || sinceMs < 0;
      const isDue =
        tier > 0
          ? isWindowOver
          : everything || (isWindowOver && nowMs >= this.round.endsAtMs(nowMs, this.#flushCostMs));
      if (!slots || slots.size === 0 || !isDue) continue;
      const flush: Flush = {
        seq: this.#nextSeq(nowMs),
        tier,
        waiting: this.#waiting,
        tierSlots: this.#changed,
        ticked: this.#ticked,
      };
      if (tier === 0) this.#record(slots, flush.seq, nowMs);
      const frames = this.#fanout.flush(slots, flush, framesAtOnce);
      delivered += frames;
      if (tier === 0) this.#framesOfFlush = 0;
      this.#count(frames);
      slots.clear();
      this.#ticked[tier]?.clear();
      this.#flushedAtMs[tier] = nowMs;
      if (tier === 0) this.round.end();
    }
    return delivered;
  }

  /** True while frames of the last flush are still to be sent. */
  get isSending(): boolean {
    return this.#fanout.isSending;
  }

  /** Sends so many more of them. Returns the frames delivered. */
  sendOn(framesAtOnce: number): number {
    const frames = this.#fanout.sendOn(framesAtOnce);
    this.#count(frames);
    return frames;
  }

  #count(frames: number): void {
    this.#framesOfFlush += frames;
    this.#flushCostMs = Math.max(0, (this.#framesOfFlush * GATEWAY_SEND_COST_US) / 1_000);
  }

  /** Keeps what a flush sends, for those who miss it. */
  #record(slots: SlotSet, seq: number, nowMs: number): void {
    const { store, subscriptions, definitions } = this.#source;
    this.#ring.expire(nowMs);
    for (let i = 0; i < slots.size; i++) {
      const slot = slots.at(i);
      const isSent = store.kindAt(slot) !== 0 && definitions[slot] && subscriptions.hasMembers(slot);
      const isRenewal = this.#ticked[0]?.has(slot) !== true;
      if (isSent) this.#ring.push(seq, store.words, slot * RECORD_WORDS_MAX, isRenewal);
    }
  }

  /**
   * The frames that a departed session may have missed since `seq`, that flush included, as `session` has to be sent them:
   * oldest first, every tick of `tokens` that the departed one has at full speed and without a filter. Undefined when they
   * are not all here any more, or are too many.
   */
  missedSince(
    seq: number,
    departed: SessionIndex,
    session: SessionIndex,
    tokens: ReadonlySet<number>,
  ): Frame[] | undefined {
    // Ticks of one flush share their sequence, and the connection may have broken between two of them: it comes again.
    const before = seq - 1;
    if (!this.#ring.isCompleteAfter(before)) return undefined;
    return pastFrames(this.#source, this.lanes, this.#ring, { before, departed, session, tokens });
  }

  /** Has a session be sent the current values of these slots by the next `drain`, whatever their filters. */
  holdSnapshot(session: SessionIndex, slots: Iterable<number>): void {
    const outlet = this.#source.outlets[session];
    if (!outlet) return;
    for (const slot of slots) {
      this.#source.subscriptions.filters.reset(session, slot);
      outlet.hold(slot);
    }
    if (outlet.isWaiting) this.#waiting.add(session);
  }

  /** Sends bars at once. Returns the frames delivered. */
  sendBars(news: readonly BarNews[], nowMs: number): number {
    return fanOutBars(this.#source.outlets, news, this.#nextSeq(nowMs), this.#waiting);
  }

  /** The session no longer wants these bars. */
  dropBars(session: SessionIndex, keys: readonly number[]): void {
    this.#source.outlets[session]?.dropBars(keys);
  }

  /** Sends the sessions that wait what their sockets take by now. */
  drain(nowMs: number): DrainResult {
    let delivered = 0;
    const caughtUp: { session: SessionIndex; skipped: number }[] = [];
    const stalled: SessionIndex[] = [];
    const seq = this.#nextSeq(nowMs);
    for (const session of this.#waiting) {
      const outlet = this.#source.outlets[session];
      delivered += this.#drainage.drain(session, seq, nowMs, this.#isDue);
      if (outlet?.isWaiting) {
        if (outlet.isStalled(nowMs)) stalled.push(session);
        continue;
      }
      this.#waiting.delete(session);
      const skipped = outlet?.takeSkipped() ?? 0;
      if (skipped > 0) caughtUp.push({ session, skipped });
    }
    return { delivered, caughtUp, stalled };
  }

  /** Whether a flush of the tier will send the slot. */
  readonly #isDue = (slot: number, tier: Tier): boolean =>
    this.#changed[0]?.has(slot) === true || this.#changed[tier]?.has(slot) === true;

  /**
   * Ascends with every flush. It is the time unless two flushes share a millisecond, so that it goes on ascending on a
   * socket that outlives this memory: a client never sees it go back.
   */
  #nextSeq(nowMs: number): number {
    this.#seq = Math.max(this.#seq + 1, Math.floor(nowMs));
    return this.#seq;
  }
}
