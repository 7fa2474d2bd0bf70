// When one Zerodha user's next write request may leave, so that Kite never counts too many, whatever it counts from.
import {
  KITE_CALL_MS_MAX,
  KITE_RATE_SLACK_MS,
  ORDER_REQUESTS_PER_DAY_MAX,
  ORDER_REQUESTS_PER_MINUTE_MAX,
  ORDER_REQUESTS_PER_S_MAX,
  ORDER_SEND_WAIT_MS_MAX,
  ORDER_STRAY_MS_MAX,
  ORDER_WRITES_AT_ONCE_MAX,
} from '../../../shared/limits.ts';
import { throttleMs } from './retry.ts';

const WINDOWS = [
  { requestsMax: ORDER_REQUESTS_PER_S_MAX, lengthMs: 1_000 + KITE_RATE_SLACK_MS },
  { requestsMax: ORDER_REQUESTS_PER_MINUTE_MAX, lengthMs: 60_000 + KITE_RATE_SLACK_MS },
] as const;
const LENGTH_MS_MAX = 60_000 + KITE_RATE_SLACK_MS;
/** From the storing of SENDING until nothing of the request can arrive any more. */
const LIFE_MS_MAX = ORDER_SEND_WAIT_MS_MAX + KITE_CALL_MS_MAX + ORDER_STRAY_MS_MAX;

/** A request that counts; whoever started it says when it is over. */
export interface PacedRequest {
  /** It reached Kite by then, if ever; Infinity while it is under way. */
  overAtMs: number;
}

/**
 * Of one user, in all accounts. A request counts until a window's length after it was over, not after it left: it arrived some time
 * in between. So all that arrive within one second counted when the last of them left, however long they were on their way.
 */
export class OrderPace {
  #requests: PacedRequest[] = [];
  #underWay = 0;
  #todayCount = 0;
  #restsUntilMs = Number.NEGATIVE_INFINITY;
  #refusals = 0;

  /**
   * Counts what was sent before this process knew. `agesMs` tells how long ago, by any clock; `nowMs` is when that was learned. The
   * youngest may be under way yet; all others have been answered.
   */
  restore(agesMs: readonly number[], todayCount: number, nowMs: number): void {
    const youngest = [...agesMs].sort((a, b) => a - b);
    this.#requests.push(
      ...youngest.map((ageMs, i) => {
        const overAtMs = nowMs - ageMs + LIFE_MS_MAX;
        return { overAtMs: i < ORDER_WRITES_AT_ONCE_MAX ? overAtMs : Math.min(nowMs, overAtMs) };
      }),
    );
    this.#todayCount += todayCount;
  }

  /** Another trading date has begun. */
  startDay(): void {
    this.#todayCount = 0;
  }

  /** From when on a request may leave; Infinity while that depends on others that are under way, or on another day. */
  readyAtMs(): number {
    const isSpent = this.#todayCount >= ORDER_REQUESTS_PER_DAY_MAX;
    if (isSpent || this.#underWay >= ORDER_WRITES_AT_ONCE_MAX) return Number.POSITIVE_INFINITY;
    const overAtMs = this.#requests.map((request) => request.overAtMs).sort((a, b) => a - b);
    return WINDOWS.reduce((latestMs, { requestsMax, lengthMs }) => {
      const oldest = overAtMs[overAtMs.length - requestsMax];
      return oldest === undefined ? latestMs : Math.max(latestMs, oldest + lengthMs);
    }, this.#restsUntilMs);
  }

  start(nowMs: number): PacedRequest {
    this.#requests = this.#requests.filter(({ overAtMs }) => overAtMs + LENGTH_MS_MAX > nowMs);
    const request = { overAtMs: Number.POSITIVE_INFINITY };
    this.#requests.push(request);
    this.#underWay++;
    this.#todayCount++;
    return request;
  }

  /** `isAnswered`: Kite has answered it, or it never left; otherwise it may still arrive. */
  end(request: PacedRequest, isAnswered: boolean, nowMs: number): void {
    this.#underWay--;
    request.overAtMs = isAnswered ? nowMs : nowMs + ORDER_STRAY_MS_MAX;
  }

  /** Kite said 429. */
  noteThrottled(nowMs: number, retryAfterMs?: number): void {
    this.#refusals++;
    this.#restsUntilMs = Math.max(this.#restsUntilMs, nowMs + throttleMs(this.#refusals, retryAfterMs));
  }

  /** Kite let a request through its gate. */
  noteAdmitted(): void {
    this.#refusals = 0;
  }
}
