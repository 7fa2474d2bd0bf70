// Order updates of Kite's sockets on their way to clients: each once, none too large, and not too many.
import {
  ORDER_UPDATE_CHARS_MAX,
  ORDER_UPDATES_PER_SECOND_MAX,
  ORDER_UPDATES_REMEMBERED_MAX,
} from '../../shared/limits.ts';

const INTERVAL_MS = 1_000 / ORDER_UPDATES_PER_SECOND_MAX;

export type OrderUpdateVerdict =
  /** To be passed on, as JSON text. */
  | { readonly kind: 'new'; readonly order: string }
  | { readonly kind: 'repeated' }
  | { readonly kind: 'dropped'; readonly reason: 'too_big' | 'too_many' };

/**
 * Every socket of an account, and of other accounts of the same person, brings every update: those that say the same are
 * one. An update has its time at the exchange in it, so that two that say the same are no two events.
 */
export class OrderUpdates {
  /** Oldest first. */
  readonly #passed = new Set<string>();
  /** When a full second of updates may come at once again, were no more to come. */
  #calmAtMs = Number.NEGATIVE_INFINITY;

  /** `payload` is what JSON gave; `nowMs` is of a clock that does not go back. */
  take(payload: object, nowMs: number): OrderUpdateVerdict {
    const order = JSON.stringify(payload);
    if (this.#passed.has(order)) return { kind: 'repeated' };
    if (order.length > ORDER_UPDATE_CHARS_MAX) return { kind: 'dropped', reason: 'too_big' };
    const calmAtMs = Math.max(this.#calmAtMs, nowMs) + INTERVAL_MS;
    if (calmAtMs - nowMs > 1_000) return { kind: 'dropped', reason: 'too_many' };
    this.#calmAtMs = calmAtMs;
    this.#passed.add(order);
    const [oldest] = this.#passed;
    if (this.#passed.size > ORDER_UPDATES_REMEMBERED_MAX && oldest !== undefined) this.#passed.delete(oldest);
    return { kind: 'new', order };
  }
}
