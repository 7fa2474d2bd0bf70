// Limits of order requests per user, at their bounds.
import { expect, test } from 'vitest';
import { OrderWindow } from '../../../../../ingest/simulator/core/orders/order-window.ts';
import {
  KITE_ORDER_REQUESTS_PER_DAY_MAX,
  KITE_ORDER_REQUESTS_PER_MINUTE_MAX,
  KITE_ORDER_REQUESTS_PER_S_MAX,
} from '../../../../../shared/limits.ts';
import { NOON_MS } from './model-market.ts';

/** How many of `count` requests of one moment are admitted. */
function admitted(window: OrderWindow, count: number, nowMs: number): number {
  return Array.from({ length: count }, () => window.admit(nowMs)).filter((refusal) => refusal === undefined)
    .length;
}

test('10 a second, 400 a minute, 5,000 a day; what is refused is not counted', () => {
  const window = new OrderWindow();
  expect(admitted(window, 2 * KITE_ORDER_REQUESTS_PER_S_MAX, NOON_MS)).toBe(KITE_ORDER_REQUESTS_PER_S_MAX);
  expect(window.admit(NOON_MS + 999)).toMatchObject({ httpStatus: 429, message: 'Too many requests' });
  const perMinute = (startMs: number) =>
    Array.from({ length: 60 }, (_, second) => admitted(window, 10, startMs + second * 1_000)).reduce(
      (sum, count) => sum + count,
    );
  expect(perMinute(NOON_MS + 60_000)).toBe(KITE_ORDER_REQUESTS_PER_MINUTE_MAX);
  let total = KITE_ORDER_REQUESTS_PER_S_MAX + KITE_ORDER_REQUESTS_PER_MINUTE_MAX;
  for (let minute = 2; minute < 20; minute++) total += perMinute(NOON_MS + minute * 60_000);
  expect(total).toBe(KITE_ORDER_REQUESTS_PER_DAY_MAX);
  expect(window.admit(NOON_MS + 3_600_000)).toMatchObject({
    httpStatus: 429,
    message: 'Maximum allowed order requests exceeded.',
  });
  expect(window.peaks).toEqual({ perSecond: 10, perMinute: 400, perDay: 5_000 });
  expect(window.admit(NOON_MS + 24 * 3_600_000)).toBeUndefined();
});
