// The timers of a gateway: one for what has changed, one for full sockets, both armed only while there is something.
import { DRAIN_PAUSE_MS_MAX, DRAIN_PAUSE_MS_MIN, FLUSH_FRAMES_AT_ONCE } from '../../shared/limits.ts';
import type { BarNews } from '../core/bar-book.ts';
import type { Delivery } from '../core/delivery.ts';
import { FlushCost } from '../core/flush-cost.ts';
import type { SessionIndex } from '../core/subscriptions.ts';
import { EventLoopTurns } from './event-loop-turns.ts';

export interface FlusherEvents {
  /** The session has caught up; so many ticks were replaced by newer ones meanwhile. */
  readonly onCaughtUp: (session: SessionIndex, skipped: number) => void;
  readonly onStalled: (session: SessionIndex) => void;
}

export class GatewayFlusher {
  readonly #delivery: Delivery;
  readonly #events: FlusherEvents;
  readonly #cost = new FlushCost();
  #flushTimer: ReturnType<typeof setTimeout> | undefined;
  #drainTimer: ReturnType<typeof setTimeout> | undefined;
  #isSendingRest = false;
  #drainPauseMs = DRAIN_PAUSE_MS_MIN;
  readonly counters = { frames_sent: 0, flushes: 0 };

  constructor(delivery: Delivery, events: FlusherEvents) {
    this.#delivery = delivery;
    this.#events = events;
  }

  /** A shard's push is here; what is sent from now on is of its round, or of a round that has begun just before. */
  beginPush(): void {
    this.#cost.onPush(this.counters.frames_sent, Date.now());
  }

  /** What a round of pushes costs this gateway's thread, in ms. */
  get costMs(): number {
    return this.#cost.ms(this.counters.frames_sent);
  }

  /** Sends what is due by now, at most one frame per changed instrument and subscriber, and comes back for the rest. */
  flush(everything = false): void {
    // A new subscriber's snapshot comes right behind: it must find everybody served.
    const framesAtOnce = everything ? Number.POSITIVE_INFINITY : FLUSH_FRAMES_AT_ONCE;
    const delivered = this.#delivery.flush(Date.now(), everything, framesAtOnce);
    this.counters.frames_sent += delivered;
    if (delivered > 0) this.counters.flushes++;
    void this.#sendRest();
    clearTimeout(this.#flushTimer ?? null);
    this.#flushTimer = undefined;
    const nextAtMs = this.#delivery.nextFlushAtMs(Date.now());
    if (nextAtMs !== Number.POSITIVE_INFINITY) {
      this.#flushTimer = setTimeout(() => this.flush(), Math.max(1, nextAtMs - Date.now()));
    }
    this.#armDrain();
  }

  /** Comes back for what is left of a flush, as soon as what was sent before is on its way. */
  async #sendRest(): Promise<void> {
    if (!this.#delivery.isSending || this.#isSendingRest) return;
    this.#isSendingRest = true;
    try {
      const turns = new EventLoopTurns();
      while (this.#delivery.isSending) {
        await turns.next();
        this.counters.frames_sent += this.#delivery.sendOn(FLUSH_FRAMES_AT_ONCE);
      }
    } finally {
      this.#isSendingRest = false;
    }
    this.#armDrain();
  }

  /** Sends bars now; those whose socket is full get them as it empties. */
  sendBars(news: readonly BarNews[]): void {
    if (news.length === 0) return;
    this.counters.frames_sent += this.#delivery.sendBars(news, Date.now());
    this.#armDrain();
  }

  /** Gives full sockets what they take by now, and comes back while any is still full. */
  drain(): void {
    clearTimeout(this.#drainTimer ?? null);
    this.#drainTimer = undefined;
    const { delivered, caughtUp, stalled } = this.#delivery.drain(Date.now());
    this.counters.frames_sent += delivered;
    for (const { session, skipped } of caughtUp) this.#events.onCaughtUp(session, skipped);
    for (const session of stalled) this.#events.onStalled(session);
    const hasMoved = delivered > 0;
    this.#drainPauseMs = hasMoved ? DRAIN_PAUSE_MS_MIN : Math.min(this.#drainPauseMs * 2, DRAIN_PAUSE_MS_MAX);
    this.#armDrain();
  }

  #armDrain(): void {
    if (!this.#delivery.hasWaiting || this.#drainTimer !== undefined) return;
    this.#drainTimer = setTimeout(() => this.drain(), this.#drainPauseMs);
  }
}
