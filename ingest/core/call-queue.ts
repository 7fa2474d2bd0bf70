// The REST calls of one account that wait for their turn: few under way at once, each class at its pace, the oldest first.
import {
  KITE_CALLS_AT_ONCE_MAX,
  KITE_CALLS_QUEUED_MAX,
  KITE_ORDER_CALLS_AT_ONCE_MAX,
} from '../../shared/limits.ts';
import type { PaceTime, RequestClass, RequestPace } from './request-pace.ts';

export interface QueuedCall {
  readonly requestClass: RequestClass;
}

/** `start`: send it, it counts as under way. `wait`: nothing may be sent before that time. `idle`: until a call ends or comes. */
export type QueueStep<Call> =
  | { readonly kind: 'start'; readonly call: Call }
  | { readonly kind: 'wait'; readonly untilMs: number }
  | { readonly kind: 'idle' };

const PLACES = { order: KITE_ORDER_CALLS_AT_ONCE_MAX, other: KITE_CALLS_AT_ONCE_MAX } as const;

function placesOf(requestClass: RequestClass): keyof typeof PLACES {
  return requestClass === 'order' ? 'order' : 'other';
}

/**
 * A call that waits for its class holds up none of another class, and no place among those under way. Within a class
 * calls start in the order in which they came; between classes the one that came first and may be sent goes first, so
 * that none starves. Order requests have places of their own: a question that Kite lets hang must not hold up an order.
 */
export class CallQueue<Call extends QueuedCall> {
  readonly #pace: RequestPace;
  #waiting: Call[] = [];
  readonly #underWay = { order: 0, other: 0 };

  constructor(pace: RequestPace) {
    this.#pace = pace;
  }

  /** Calls that wait or are under way. */
  get size(): number {
    return this.#waiting.length + this.#underWay.order + this.#underWay.other;
  }

  /** False when so many wait that this one would not get its turn. */
  push(call: Call): boolean {
    if (this.#waiting.length >= KITE_CALLS_QUEUED_MAX) return false;
    this.#waiting.push(call);
    return true;
  }

  /** Puts a call that was under way, and was refused, back to where it was: before all others. */
  putBack(call: Call): void {
    this.finish(call);
    this.#waiting.unshift(call);
  }

  /** Takes a call out that waits no longer. False when it does not wait. */
  remove(call: Call): boolean {
    const before = this.#waiting.length;
    this.#waiting = this.#waiting.filter((other) => other !== call);
    return this.#waiting.length < before;
  }

  /** A call that was under way has ended. */
  finish({ requestClass }: Call): void {
    this.#underWay[placesOf(requestClass)]--;
  }

  next(time: PaceTime): QueueStep<Call> {
    const looked = new Set<RequestClass>();
    let untilMs = Number.POSITIVE_INFINITY;
    for (const call of this.#waiting) {
      const { requestClass } = call;
      if (looked.has(requestClass)) continue;
      looked.add(requestClass);
      const places = placesOf(requestClass);
      if (this.#underWay[places] >= PLACES[places]) continue;
      const readyAtMs = this.#pace.readyAtMs(requestClass, time);
      if (readyAtMs <= time.monotonicMs) {
        this.remove(call);
        this.#underWay[places]++;
        this.#pace.noteSent(requestClass, time);
        return { kind: 'start', call };
      }
      untilMs = Math.min(untilMs, readyAtMs);
    }
    return Number.isFinite(untilMs) ? { kind: 'wait', untilMs } : { kind: 'idle' };
  }
}
