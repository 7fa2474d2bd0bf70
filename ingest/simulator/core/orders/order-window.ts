// Kite's limits of order requests per Zerodha account: a second, a minute and a day, whatever came of each request.
import {
  KITE_ORDER_REQUESTS_PER_DAY_MAX,
  KITE_ORDER_REQUESTS_PER_MINUTE_MAX,
  KITE_ORDER_REQUESTS_PER_S_MAX,
} from '../../../../shared/limits.ts';
import { istDayOf } from '../expiry-calendar.ts';
import { DAY_EXCEEDED, type OrderRefusal, TOO_MANY_REQUESTS } from './order-refusal.ts';

interface Count {
  period: number;
  requests: number;
}

/** Most requests that one period has had so far. */
export interface OrderRequestPeaks {
  readonly perSecond: number;
  readonly perMinute: number;
  readonly perDay: number;
}

/** One user's. What is refused here is not counted: it never got beyond the gate. */
export class OrderWindow {
  readonly #second: Count = { period: Number.NaN, requests: 0 };
  readonly #minute: Count = { period: Number.NaN, requests: 0 };
  readonly #day: Count = { period: Number.NaN, requests: 0 };
  #peaks: OrderRequestPeaks = { perSecond: 0, perMinute: 0, perDay: 0 };

  get peaks(): OrderRequestPeaks {
    return this.#peaks;
  }

  /** Counts one request, or says why it is refused. */
  admit(nowMs: number): OrderRefusal | undefined {
    const perSecond = inPeriod(this.#second, Math.floor(nowMs / 1_000));
    const perMinute = inPeriod(this.#minute, Math.floor(nowMs / 60_000));
    const perDay = inPeriod(this.#day, istDayOf(nowMs));
    if (perDay >= KITE_ORDER_REQUESTS_PER_DAY_MAX) return DAY_EXCEEDED;
    if (perMinute >= KITE_ORDER_REQUESTS_PER_MINUTE_MAX || perSecond >= KITE_ORDER_REQUESTS_PER_S_MAX)
      return TOO_MANY_REQUESTS;
    for (const count of [this.#second, this.#minute, this.#day]) count.requests += 1;
    const { perSecond: second, perMinute: minute, perDay: day } = this.#peaks;
    this.#peaks = {
      perSecond: Math.max(second, perSecond + 1),
      perMinute: Math.max(minute, perMinute + 1),
      perDay: Math.max(day, perDay + 1),
    };
    return undefined;
  }
}

/** Requests of the period so far. */
function inPeriod(count: Count, period: number): number {
  if (count.period !== period) {
    count.period = period;
    count.requests = 0;
  }
  return count.requests;
}
