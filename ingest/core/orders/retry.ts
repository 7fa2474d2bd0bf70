// When something is tried again: a wait that doubles, of which the lower half is sure and the upper one is chance.
import {
  ORDER_ATTEMPTS_MAX,
  ORDER_RETRY_MS_MAX,
  ORDER_RETRY_MS_MIN,
  ORDER_THROTTLE_MS_MAX,
  ORDER_THROTTLE_MS_MIN,
} from '../../../shared/limits.ts';
import { type BackoffRange, backoffCeilingMs } from '../backoff.ts';

const RETRY: BackoffRange = { minMs: ORDER_RETRY_MS_MIN, maxMs: ORDER_RETRY_MS_MAX };
const THROTTLE: BackoffRange = { minMs: ORDER_THROTTLE_MS_MIN, maxMs: ORDER_THROTTLE_MS_MAX };

/** Milliseconds until a task is sent again that has been sent `attempts` times; undefined when it is not. `random` is in [0, 1). */
export function retryAfterMs(attempts: number, random: number): number | undefined {
  if (attempts >= ORDER_ATTEMPTS_MAX) return undefined;
  const ceilingMs = backoffCeilingMs(attempts - 1, RETRY);
  return Math.ceil((ceilingMs / 2) * (1 + random));
}

/** How long a user's writes rest after that many 429s in a row, and at least as long as Kite asks for. */
export function throttleMs(refusals: number, retryAfterMs = 0): number {
  return Math.min(ORDER_THROTTLE_MS_MAX, Math.max(backoffCeilingMs(refusals - 1, THROTTLE), retryAfterMs));
}
