// One account as the executor works on it: what is under way, when its book is looked at, and whether its writes may leave.
import {
  ORDER_LOOK_BACKOFF_MS_MAX,
  ORDER_LOOK_BACKOFF_MS_MIN,
  ORDER_LOOK_GAP_MS,
} from '../../shared/limits.ts';
import { backoffCeilingMs } from '../core/backoff.ts';
import { CircuitBreaker } from '../core/orders/circuit-breaker.ts';
import { LookSchedule } from '../core/orders/look-schedule.ts';
import type { OrderPace } from '../core/orders/order-pace.ts';

const LOOK_BACKOFF = { minMs: ORDER_LOOK_BACKOFF_MS_MIN, maxMs: ORDER_LOOK_BACKOFF_MS_MAX };

export type LaneRead =
  | { readonly kind: 'probe' }
  | { readonly kind: 'book'; readonly asks: number }
  | { readonly kind: 'order'; readonly orderId: string };

export class AccountLane {
  readonly accountId: string;
  readonly breaker = new CircuitBreaker();
  readonly looks = new LookSchedule();
  /** Its book has been compared since this sidecar became the active one: nothing is sent before. */
  isReconciled = false;
  isReading = false;
  /** How often somebody has asked for the book, and how many of these a look has been for. */
  #asks = 1;
  #asksAnswered = 0;
  #failures = 0;
  #nextLookAtMs = Number.NEGATIVE_INFINITY;
  readonly #rereads = new Set<string>();

  constructor(accountId: string) {
    this.accountId = accountId;
  }

  /** When a write may leave; Infinity until something else has happened. */
  writeAtMs(pace: OrderPace): number {
    return this.isReconciled && this.breaker.isClosed ? pace.readyAtMs() : Number.POSITIVE_INFINITY;
  }

  /** The book is to be looked at, from now on. */
  ask(): void {
    this.#asks++;
  }

  /** One order is to be looked at; with several it is the book. */
  askOrder(orderId: string): void {
    this.#rereads.add(orderId);
    if (this.#rereads.size <= REREADS_MAX) return;
    this.#rereads.clear();
    this.ask();
  }

  /** When `nextRead` has something. */
  readAtMs(): number {
    if (this.isReading) return Number.POSITIVE_INFINITY;
    const rereadAtMs = this.#rereads.size > 0 ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
    return Math.min(this.breaker.probeAtMs, this.#lookAtMs(), rereadAtMs);
  }

  #lookAtMs(): number {
    const isAsked = this.#asks > this.#asksAnswered;
    return Math.max(isAsked ? Number.NEGATIVE_INFINITY : this.looks.dueAtMs(), this.#nextLookAtMs);
  }

  /** What is to be read now; it is under way from then on. */
  nextRead(nowMs: number): LaneRead | undefined {
    if (this.isReading || this.readAtMs() > nowMs) return undefined;
    this.isReading = true;
    if (this.breaker.probeAtMs <= nowMs) {
      this.breaker.startProbe();
      return { kind: 'probe' };
    }
    const [orderId] = this.#rereads;
    // A book that is due comes first, or postbacks that follow each other would keep it away. It has these orders, too.
    if (orderId !== undefined && this.#lookAtMs() > nowMs) {
      this.#rereads.delete(orderId);
      return { kind: 'order', orderId };
    }
    this.#rereads.clear();
    this.looks.onTried(nowMs);
    this.#nextLookAtMs = nowMs + ORDER_LOOK_GAP_MS;
    return { kind: 'book', asks: this.#asks };
  }

  /** It is repeated soon, whoever it was for: who searches has not been told that there is nothing. */
  onLookFailed(nowMs: number): void {
    this.#nextLookAtMs = nowMs + backoffCeilingMs(this.#failures, LOOK_BACKOFF);
    this.#failures++;
    this.ask();
  }

  /** A look is in the database; `asks` as `nextRead` gave it. */
  onLooked(asks: number): void {
    this.isReading = false;
    this.isReconciled = true;
    this.#failures = 0;
    this.#asksAnswered = Math.max(this.#asksAnswered, asks);
  }
}

const REREADS_MAX = 3;
