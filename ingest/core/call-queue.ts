// The REST calls of one account that wait for their turn: two under way at once, each class at its pace, the oldest first.
import { KITE_CALLS_AT_ONCE_MAX, KITE_CALLS_QUEUED_MAX } from '../../shared/limits.ts';
import type { PaceTime, RequestClass, RequestPace } from './request-pace.ts';

export interface QueuedCall {
  readonly requestClass: RequestClass;
}

/** `start`: send it, it counts as under way. `wait`: nothing may be sent before that time. `idle`: until a call ends or comes. */
export type QueueStep<Call> =
  | { readonly kind: 'start'; readonly call: Call }
  | { readonly kind: 'wait'; readonly untilMs: number }
  | { readonly kind: 'idle' };

/**
 * A call that waits for its class holds up none of another class, and no place among those under way. Within a class
 * calls start in the order in which they came; between classes the one that came first and may be sent goes first, so
 * that none starves.
 */
export class CallQueue<Call extends QueuedCall> {
  readonly #pace: RequestPace;
  #waiting: Call[] = [];
  #underWay = 0;

  constructor(pace: RequestPace) {
    this.#pace = pace;
  }

  /** Calls that wait or are under way. */
  get size(): number {
    return this.#waiting.length + this.#underWay;
  }

  /** False when so many wait that this one would not get its turn. */
  push(call: Call): boolean {
    if (this.#waiting.length >= KITE_CALLS_QUEUED_MAX) return false;
    this.#waiting.push(call);
    return true;
  }

  /** Puts a call that was under way, and was refused, back to where it was: before all others. */
  putBack(call: Call): void {
    this.#underWay--;
    this.#waiting.unshift(call);
  }

  /** Takes a call out that waits no longer. False when it does not wait. */
  remove(call: Call): boolean {
    const before = this.#waiting.length;
    this.#waiting = this.#waiting.filter((other) => other !== call);
    return this.#waiting.length < before;
  }

  /** A call that was under way has ended. */
  finish(): void {
    this.#underWay--;
  }

  next(time: PaceTime): QueueStep<Call> {
    if (this.#underWay >= KITE_CALLS_AT_ONCE_MAX) return { kind: 'idle' };
    const looked = new Set<RequestClass>();
    let untilMs = Number.POSITIVE_INFINITY;
    for (const call of this.#waiting) {
      const { requestClass } = call;
      if (looked.has(requestClass)) continue;
      looked.add(requestClass);
      const readyAtMs = this.#pace.readyAtMs(requestClass, time);
      if (readyAtMs <= time.monotonicMs) {
        this.remove(call);
        this.#underWay++;
        this.#pace.noteSent(requestClass, time);
        return { kind: 'start', call };
      }
      untilMs = Math.min(untilMs, readyAtMs);
    }
    return Number.isFinite(untilMs) ? { kind: 'wait', untilMs } : { kind: 'idle' };
  }
}
