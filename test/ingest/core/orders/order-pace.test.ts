// Pacing: however long requests are on their way, Kite never counts more than it allows, and a restart forgets none.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { OrderPace } from '../../../../ingest/core/orders/order-pace.ts';
import { retryAfterMs, throttleMs } from '../../../../ingest/core/orders/retry.ts';
import {
  KITE_ORDER_REQUESTS_PER_DAY_MAX,
  KITE_ORDER_REQUESTS_PER_MINUTE_MAX,
  KITE_ORDER_REQUESTS_PER_S_MAX,
  ORDER_ATTEMPTS_MAX,
  ORDER_REQUESTS_PER_DAY_MAX,
  ORDER_REQUESTS_PER_MINUTE_MAX,
  ORDER_REQUESTS_PER_S_MAX,
  ORDER_RETRY_MS_MAX,
  ORDER_RETRY_MS_MIN,
  ORDER_SEND_WAIT_MS_MAX,
  ORDER_STRAY_MS_MAX,
  ORDER_THROTTLE_MS_MAX,
  ORDER_THROTTLE_MS_MIN,
  ORDER_WRITES_AT_ONCE_MAX,
  SIDECAR_LEASE_MARGIN_MS,
} from '../../../../shared/limits.ts';

test('a sidecar that was stopped on its way to the socket does not take the active one over the limits', () => {
  expect(ORDER_REQUESTS_PER_S_MAX + ORDER_WRITES_AT_ONCE_MAX).toBeLessThanOrEqual(
    KITE_ORDER_REQUESTS_PER_S_MAX,
  );
  expect(ORDER_REQUESTS_PER_MINUTE_MAX + ORDER_WRITES_AT_ONCE_MAX).toBeLessThanOrEqual(
    KITE_ORDER_REQUESTS_PER_MINUTE_MAX,
  );
  expect(ORDER_REQUESTS_PER_DAY_MAX + ORDER_WRITES_AT_ONCE_MAX).toBeLessThanOrEqual(
    KITE_ORDER_REQUESTS_PER_DAY_MAX,
  );
  expect(ORDER_SEND_WAIT_MS_MAX).toBeLessThan(SIDECAR_LEASE_MARGIN_MS);
});

/** Sends as fast as it may; the times at which the requests arrive, ascending. */
function arrivals(wayMs: readonly number[], count: number): number[] {
  const pace = new OrderPace();
  const underWay: { readonly endMs: number; readonly end: () => void }[] = [];
  const arrivedMs: number[] = [];
  let nowMs = 0;
  while (arrivedMs.length < count) {
    const readyAtMs = pace.readyAtMs();
    const [next] = underWay.sort((a, b) => a.endMs - b.endMs);
    if (next && (next.endMs <= Math.max(nowMs, readyAtMs) || underWay.length >= ORDER_WRITES_AT_ONCE_MAX)) {
      underWay.shift();
      nowMs = Math.max(nowMs, next.endMs);
      next.end();
      continue;
    }
    nowMs = Math.max(nowMs, readyAtMs);
    const request = pace.start(nowMs);
    const halfMs = wayMs[arrivedMs.length % wayMs.length] as number;
    arrivedMs.push(nowMs + halfMs);
    const endMs = nowMs + 2 * halfMs;
    underWay.push({ endMs, end: () => pace.end(request, true, endMs) });
  }
  return arrivedMs.sort((a, b) => a - b);
}

function mostWithin(timesMs: readonly number[], lengthMs: number): number {
  return Math.max(
    ...timesMs.map((fromMs) => timesMs.filter((ms) => ms >= fromMs && ms < fromMs + lengthMs).length),
  );
}

test('never more than a window allows, however long each is on its way', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 3_000 }), { minLength: 1, maxLength: 20 }), (wayMs) => {
      expect(mostWithin(arrivals(wayMs, 60), 1_000)).toBeLessThanOrEqual(ORDER_REQUESTS_PER_S_MAX);
    }),
    { numRuns: 50 },
  );
});

test('quick answers: as many as the second and the minute allow, and no fewer', () => {
  const arrivedMs = arrivals([1], 450);
  expect(mostWithin(arrivedMs, 1_000)).toBe(ORDER_REQUESTS_PER_S_MAX);
  expect(mostWithin(arrivedMs, 60_000)).toBe(ORDER_REQUESTS_PER_MINUTE_MAX);
});

test('what has no answer may still arrive, and counts so long', () => {
  const pace = new OrderPace();
  for (let i = 0; i < ORDER_REQUESTS_PER_S_MAX; i++) pace.end(pace.start(0), i > 0, 0);
  pace.end(pace.start(0), true, 0);
  expect(pace.readyAtMs()).toBeGreaterThanOrEqual(1_000);
  const lost = new OrderPace();
  for (let i = 0; i < ORDER_REQUESTS_PER_S_MAX; i++) lost.end(lost.start(0), false, 0);
  expect(lost.readyAtMs()).toBeGreaterThanOrEqual(ORDER_STRAY_MS_MAX + 1_000);
});

test('so many under way at once, in all accounts of the user', () => {
  const pace = new OrderPace();
  const requests = Array.from({ length: ORDER_WRITES_AT_ONCE_MAX }, () => pace.start(0));
  expect(pace.readyAtMs()).toBe(Number.POSITIVE_INFINITY);
  for (const request of requests) pace.end(request, true, 5);
  expect(pace.readyAtMs()).toBeLessThanOrEqual(5);
});

describe('across a restart', () => {
  test('the minute goes on', () => {
    const pace = new OrderPace();
    pace.restore(
      Array.from({ length: ORDER_REQUESTS_PER_MINUTE_MAX }, () => 30_000),
      0,
      1_000_000,
    );
    expect(pace.readyAtMs()).toBeGreaterThan(1_000_000 + 30_000);
    expect(pace.readyAtMs()).toBeLessThan(1_000_000 + 61_000);
  });

  test('the day goes on, until the next one', () => {
    const pace = new OrderPace();
    pace.restore([], ORDER_REQUESTS_PER_DAY_MAX - 1, 0);
    expect(pace.readyAtMs()).toBeLessThan(1);
    pace.end(pace.start(0), true, 0);
    expect(pace.readyAtMs()).toBe(Number.POSITIVE_INFINITY);
    pace.startDay();
    expect(pace.readyAtMs()).toBeLessThan(2_000);
  });

  test('what the process before was sending may arrive yet', () => {
    const pace = new OrderPace();
    pace.restore(
      Array.from({ length: ORDER_REQUESTS_PER_S_MAX }, () => 2_000),
      0,
      0,
    );
    expect(pace.readyAtMs()).toBeGreaterThanOrEqual(1_000);
  });
});

test('after a 429 all rests, longer each time, until Kite lets one through', () => {
  const pace = new OrderPace();
  pace.noteThrottled(0);
  expect(pace.readyAtMs()).toBe(ORDER_THROTTLE_MS_MIN);
  pace.noteThrottled(1_000);
  expect(pace.readyAtMs()).toBe(1_000 + 2 * ORDER_THROTTLE_MS_MIN);
  pace.noteAdmitted();
  pace.noteThrottled(10_000, 7_000);
  expect(pace.readyAtMs()).toBe(17_000);
  expect(throttleMs(50, 1e9)).toBe(ORDER_THROTTLE_MS_MAX);
});

test('waits between attempts double, have their lower half for sure, and end', () => {
  expect(retryAfterMs(1, 0)).toBe(ORDER_RETRY_MS_MIN / 2);
  expect(retryAfterMs(1, 0.999)).toBeLessThanOrEqual(ORDER_RETRY_MS_MIN);
  expect(retryAfterMs(3, 0)).toBe(2 * ORDER_RETRY_MS_MIN);
  expect(retryAfterMs(ORDER_ATTEMPTS_MAX - 1, 0.999)).toBeLessThanOrEqual(ORDER_RETRY_MS_MAX);
  expect(retryAfterMs(ORDER_ATTEMPTS_MAX, 0)).toBeUndefined();
});
