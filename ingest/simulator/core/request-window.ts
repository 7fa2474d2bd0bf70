// Kite's REST rate limits: requests of each class per api_key and second; over the limit until the second is over.
import {
  KITE_HISTORICAL_REQUESTS_PER_S_MAX,
  KITE_OTHER_REQUESTS_PER_S_MAX,
  KITE_QUOTE_REQUESTS_PER_S_MAX,
} from '../../../shared/limits.ts';

export type RequestClass = 'quote' | 'historical' | 'other';

const PER_SECOND_MAX: Readonly<Record<RequestClass, number>> = {
  quote: KITE_QUOTE_REQUESTS_PER_S_MAX,
  historical: KITE_HISTORICAL_REQUESTS_PER_S_MAX,
  other: KITE_OTHER_REQUESTS_PER_S_MAX,
};

/** Counts of the running second. They are forgotten as a whole, so the table is bounded by one second's callers. */
export class RequestWindow {
  readonly #counts = new Map<string, number>();
  #second = Number.NaN;

  /** Counts one request. False when it is over the limit of its class. */
  admit(caller: string, requestClass: RequestClass, nowMs: number): boolean {
    const second = Math.floor(nowMs / 1_000);
    if (second !== this.#second) {
      this.#second = second;
      this.#counts.clear();
    }
    const key = `${requestClass} ${caller}`;
    const count = this.#counts.get(key) ?? 0;
    if (count >= PER_SECOND_MAX[requestClass]) return false;
    this.#counts.set(key, count + 1);
    return true;
  }
}
