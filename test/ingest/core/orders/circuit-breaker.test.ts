// The breaker: opens after failures in a row, and closes by a probe only.
import { expect, test } from 'vitest';
import { CircuitBreaker } from '../../../../ingest/core/orders/circuit-breaker.ts';
import {
  ORDER_BREAKER_FAILURES_MAX,
  ORDER_BREAKER_MS_MAX,
  ORDER_BREAKER_MS_MIN,
} from '../../../../shared/limits.ts';

function opened(): CircuitBreaker {
  const breaker = new CircuitBreaker();
  for (let i = 0; i < ORDER_BREAKER_FAILURES_MAX; i++) breaker.onFailure(0);
  return breaker;
}

test('a success in between starts the count again', () => {
  const breaker = new CircuitBreaker();
  for (let i = 1; i < ORDER_BREAKER_FAILURES_MAX; i++) breaker.onFailure(0);
  breaker.onSuccess();
  breaker.onFailure(0);
  expect(breaker.isClosed).toBe(true);
  expect(breaker.probeAtMs).toBe(Number.POSITIVE_INFINITY);
});

test('opens, and wants a probe', () => {
  const breaker = opened();
  expect(breaker.isClosed).toBe(false);
  expect(breaker.probeAtMs).toBe(ORDER_BREAKER_MS_MIN);
});

test('a write that was under way and succeeds does not close it', () => {
  const breaker = opened();
  breaker.onSuccess();
  expect(breaker.isClosed).toBe(false);
});

test('one probe at a time, and a good one closes it', () => {
  const breaker = opened();
  breaker.startProbe();
  expect(breaker.probeAtMs).toBe(Number.POSITIVE_INFINITY);
  expect(breaker.isClosed).toBe(false);
  breaker.onProbe(true, 2_000);
  expect(breaker.isClosed).toBe(true);
});

test('bad probes come less and less often', () => {
  const breaker = opened();
  const waitsMs = [1, 2, 3, 4, 5, 6, 7].map(() => {
    const nowMs = breaker.probeAtMs;
    breaker.startProbe();
    breaker.onProbe(false, nowMs);
    return breaker.probeAtMs - nowMs;
  });
  expect(waitsMs.slice(0, 3)).toEqual([2, 4, 8].map((times) => times * ORDER_BREAKER_MS_MIN));
  expect(waitsMs.at(-1)).toBe(ORDER_BREAKER_MS_MAX);
});
