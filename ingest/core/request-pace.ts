// When the next REST call of one account may be sent: Kite's rate limits, and the rest that a 429 asks for.
import {
  KITE_COOLDOWN_MS_MAX,
  KITE_COOLDOWN_MS_MIN,
  KITE_HISTORICAL_REQUESTS_PER_S_MAX,
  KITE_ORDER_REQUESTS_PER_DAY_MAX,
  KITE_ORDER_REQUESTS_PER_MINUTE_MAX,
  KITE_ORDER_REQUESTS_PER_S_MAX,
  KITE_OTHER_REQUESTS_PER_S_MAX,
  KITE_QUOTE_REQUESTS_PER_S_MAX,
  KITE_RATE_SLACK_MS,
} from '../../shared/limits.ts';
import { backoffCeilingMs } from './backoff.ts';

export const REQUEST_CLASSES = ['quote', 'historical', 'order', 'other'] as const;
/** Calls that share a limit at Kite. */
export type RequestClass = (typeof REQUEST_CLASSES)[number];

export type RequestMethod = 'GET' | 'POST' | 'PUT' | 'DELETE';

/** The class of a call by its method and path, the latter without prefix and query. Reading orders is no order request. */
export function requestClassOf(method: RequestMethod, path: string): RequestClass {
  const [, first, second] = path.split('/');
  if (first === 'quote') return 'quote';
  if (first === 'instruments' && second === 'historical') return 'historical';
  return first === 'orders' && method !== 'GET' ? 'order' : 'other';
}

/** At most so many calls in any stretch of that length. */
interface Window {
  readonly callsMax: number;
  readonly lengthMs: number;
}

const second = (callsMax: number): Window => ({ callsMax, lengthMs: 1_000 + KITE_RATE_SLACK_MS });

const WINDOWS: Readonly<Record<RequestClass, readonly Window[]>> = {
  quote: [second(KITE_QUOTE_REQUESTS_PER_S_MAX)],
  historical: [second(KITE_HISTORICAL_REQUESTS_PER_S_MAX)],
  order: [
    second(KITE_ORDER_REQUESTS_PER_S_MAX),
    { callsMax: KITE_ORDER_REQUESTS_PER_MINUTE_MAX, lengthMs: 60_000 + KITE_RATE_SLACK_MS },
  ],
  other: [second(KITE_OTHER_REQUESTS_PER_S_MAX)],
};

const COOLDOWN = { minMs: KITE_COOLDOWN_MS_MIN, maxMs: KITE_COOLDOWN_MS_MAX };

interface ClassState {
  /** Times of the latest calls, ascending; as many as the longest window needs. */
  readonly sentAtMs: number[];
  restsUntilMs: number;
  /** 429s in a row. */
  refusals: number;
}

/** A moment: a clock that never jumps for waiting, and the day in India that Kite counts orders by. */
export interface PaceTime {
  readonly monotonicMs: number;
  /** `YYYY-MM-DD`. */
  readonly tradingDate: string;
}

export class RequestPace {
  readonly #classes = new Map<RequestClass, ClassState>(
    REQUEST_CLASSES.map((name) => [
      name,
      { sentAtMs: [], restsUntilMs: Number.NEGATIVE_INFINITY, refusals: 0 },
    ]),
  );
  /** Order requests by day. A clock that is set wrong for a while starts a second count, and comes back to the first. */
  readonly #ordersByDate = new Map<string, number>();

  /** The monotonic time from which on a call of the class may be sent; Infinity when the day's orders are spent. */
  readyAtMs(requestClass: RequestClass, { tradingDate }: PaceTime): number {
    if (
      requestClass === 'order' &&
      (this.#ordersByDate.get(tradingDate) ?? 0) >= KITE_ORDER_REQUESTS_PER_DAY_MAX
    ) {
      return Number.POSITIVE_INFINITY;
    }
    const { sentAtMs, restsUntilMs } = this.#of(requestClass);
    return WINDOWS[requestClass].reduce((latestMs, { callsMax, lengthMs }) => {
      const oldest = sentAtMs[sentAtMs.length - callsMax];
      return oldest === undefined ? latestMs : Math.max(latestMs, oldest + lengthMs);
    }, restsUntilMs);
  }

  /** A call of the class is sent now. */
  noteSent(requestClass: RequestClass, { monotonicMs, tradingDate }: PaceTime): void {
    const { sentAtMs } = this.#of(requestClass);
    sentAtMs.push(monotonicMs);
    const kept = Math.max(...WINDOWS[requestClass].map(({ callsMax }) => callsMax));
    if (sentAtMs.length > kept) sentAtMs.shift();
    if (requestClass !== 'order') return;
    const count = (this.#ordersByDate.get(tradingDate) ?? 0) + 1;
    // The day that was counted last comes last: of those before it one is kept, for a clock that comes back.
    this.#ordersByDate.delete(tradingDate);
    this.#ordersByDate.set(tradingDate, count);
    const [oldest] = this.#ordersByDate.keys();
    if (this.#ordersByDate.size > 2 && oldest !== undefined) this.#ordersByDate.delete(oldest);
  }

  /** Kite refused a call with 429: the class rests, longer each time in a row, and at least as long as Kite asks for. */
  noteRefused(requestClass: RequestClass, monotonicMs: number, retryAfterMs = 0): void {
    const state = this.#of(requestClass);
    const restMs = Math.max(backoffCeilingMs(state.refusals, COOLDOWN), retryAfterMs);
    state.refusals++;
    state.restsUntilMs = Math.max(state.restsUntilMs, monotonicMs + Math.min(restMs, KITE_COOLDOWN_MS_MAX));
  }

  /** Kite answered a call of the class with something other than 429. */
  noteAnswered(requestClass: RequestClass): void {
    this.#of(requestClass).refusals = 0;
  }

  #of(requestClass: RequestClass): ClassState {
    const state = this.#classes.get(requestClass);
    if (!state) throw new Error(`invariant broken: no class ${requestClass}`);
    return state;
  }
}
