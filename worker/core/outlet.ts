// One client's way out: ticks go while its socket takes them, and wait as a set of instruments when it does not.
import {
  CLIENT_BACKLOG_BYTES_MAX,
  CLIENT_BARS_HELD_MAX,
  CLIENT_STALLED_MS_MAX,
} from '../../shared/limits.ts';
import type { BarEncoder } from './bar-fanout.ts';
import { BarQueue } from './bar-queue.ts';
import type { Frame, TickOutput } from './row-format.ts';

/** The socket as the core sees it. */
export interface OutletPort {
  send(frame: Frame): void;
  /** Bytes that were sent and have not left yet; undefined where the runtime does not tell. */
  bufferedBytes(): number | undefined;
}

/**
 * A socket never says that it is slow, it only fills memory: so no more than a backlog is given to it. What comes
 * while it is full waits here by instrument, where a newer tick takes an older one's place. However slow the client,
 * that is bounded by its subscriptions, and what it gets in the end is the newest value. Closed bars are few, and each
 * counts: they wait one by one, up to a bound.
 */
export class Outlet {
  readonly output: TickOutput;
  /** Absent where clients cannot ask for bars. */
  readonly encodeBar: BarEncoder | undefined;
  readonly #port: OutletPort;
  /** Slots that wait, in the order in which they began to. Made when the first one does: most clients never need it. */
  #waiting: Set<number> | undefined;
  #bars: BarQueue<string> | undefined;
  #measuredIn = -1;
  #roomBytes = 0;
  /** What the socket holds if nothing has left it since it was measured. */
  #heldBytes = 0;
  /** When the socket was first found not to take anything, while something waits. */
  #stuckSinceMs: number | undefined;
  #skipped = 0;
  #waitedAtSeq = 0;
  /** Since the last look of `keepAlive`. */
  #hasDelivered = false;

  constructor(output: TickOutput, encodeBar: BarEncoder | undefined, port: OutletPort) {
    this.output = output;
    this.encodeBar = encodeBar;
    this.#port = port;
  }

  get isWaiting(): boolean {
    return (this.#waiting?.size ?? 0) + (this.#bars?.size ?? 0) > 0;
  }

  /** The last flush that something waited in: up to it, not every tick was sent in the flush that it was of. */
  get waitedAtSeq(): number {
    return this.isWaiting ? Number.POSITIVE_INFINITY : this.#waitedAtSeq;
  }

  /** Makes the slot wait; it is sent by `drain`. A slot that waits already has just been given a newer value. */
  hold(slot: number): void {
    this.#waiting ??= new Set();
    if (this.#waiting.has(slot)) this.#skipped++;
    else this.#waiting.add(slot);
  }

  /**
   * True when a tick may be sent at once. `flush` numbers the flushes: the socket is asked once in each. While anything
   * waits, everything waits: nothing may overtake.
   */
  hasRoom(flush: number): boolean {
    if (this.isWaiting) return false;
    if (flush !== this.#measuredIn) this.#measure(flush);
    return this.#roomBytes > 0;
  }

  /** True when what waits may be sent on. */
  get hasRoomLeft(): boolean {
    return this.#roomBytes > 0;
  }

  deliver(frame: Frame): void {
    this.#roomBytes -= frame.length;
    this.#heldBytes += frame.length;
    this.#hasDelivered = true;
    this.#port.send(frame);
  }

  /** Sends the heartbeat if no tick was sent since the last call, and nothing is on its way: a full socket is not filled. */
  keepAlive(heartbeat: Frame): void {
    const isSilent = !this.#hasDelivered;
    this.#hasDelivered = false;
    if (isSilent && (this.#port.bufferedBytes() ?? 0) === 0) this.#port.send(heartbeat);
  }

  /** Sends a bar, or has it wait while the socket is full; false when it waits. `key` names instrument and interval. */
  deliverBar(flush: number, key: number, frame: string, isClosed: boolean): boolean {
    if (this.hasRoom(flush)) {
      this.deliver(frame);
      return true;
    }
    this.#bars ??= new BarQueue(CLIENT_BARS_HELD_MAX);
    this.#bars.add(key, frame, isClosed);
    return false;
  }

  /** Bars of these keys are no longer wanted, not even those that wait. */
  dropBars(keys: readonly number[]): void {
    for (const key of keys) this.#bars?.remove(key);
  }

  /**
   * Sends what waits, as far as the socket takes it: bars first, then `sendHeld` sends the slots that it is given and takes
   * them out, while there is room left. Returns the frames sent, with those that `sendHeld` returns.
   */
  drain(flush: number, nowMs: number, sendHeld: (held: Set<number>) => number): number {
    const heldBytes = this.#heldBytes;
    this.#waitedAtSeq = flush;
    this.#measure(flush);
    const hasMoved = this.#heldBytes < heldBytes || this.#roomBytes > 0;
    this.#stuckSinceMs = hasMoved ? undefined : (this.#stuckSinceMs ?? nowMs);
    let delivered = 0;
    while (this.#roomBytes > 0) {
      const bar = this.#bars?.takeNext();
      if (bar === undefined) break;
      this.deliver(bar);
      delivered++;
    }
    if (this.#waiting?.size && this.hasRoomLeft) delivered += sendHeld(this.#waiting);
    return delivered;
  }

  /** True when ticks wait and the socket has taken nothing for so long that its client must be taken for gone. */
  isStalled(nowMs: number): boolean {
    return this.#stuckSinceMs !== undefined && nowMs - this.#stuckSinceMs >= CLIENT_STALLED_MS_MAX;
  }

  /** Ticks that a newer one replaced since the last call: what the client is told once it has caught up. */
  takeSkipped(): number {
    const skipped = this.#skipped;
    this.#skipped = 0;
    return skipped;
  }

  #measure(flush: number): void {
    this.#measuredIn = flush;
    // A runtime that does not tell gets one backlog per flush: slower than need be, and bounded.
    this.#heldBytes = this.#port.bufferedBytes() ?? 0;
    this.#roomBytes = CLIENT_BACKLOG_BYTES_MAX - this.#heldBytes;
  }
}
