// Kite's rate limits as the sidecar keeps them, and the rest after a 429.
import { describe, expect, test } from 'vitest';
import {
  type PaceTime,
  type RequestClass,
  RequestPace,
  requestClassOf,
} from '../../../ingest/core/request-pace.ts';
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
} from '../../../shared/limits.ts';

const at = (monotonicMs: number, tradingDate = '2026-11-23'): PaceTime => ({ monotonicMs, tradingDate });

/** Sends calls as soon as they may be sent, from `fromMs` on, and returns when each was. */
function sendAll(pace: RequestPace, requestClass: RequestClass, count: number, fromMs = 0): number[] {
  let nowMs = fromMs;
  return Array.from({ length: count }, () => {
    nowMs = Math.max(nowMs, pace.readyAtMs(requestClass, at(nowMs)));
    pace.noteSent(requestClass, at(nowMs));
    return nowMs;
  });
}

test.each([
  ['GET', '/quote', 'quote'],
  ['GET', '/quote/ltp', 'quote'],
  ['GET', '/instruments/historical/256265/minute', 'historical'],
  ['GET', '/instruments', 'other'],
  ['GET', '/instruments/NSE', 'other'],
  ['POST', '/orders/regular', 'order'],
  ['PUT', '/orders/regular/1953341975595868160', 'order'],
  ['DELETE', '/orders/amo/1', 'order'],
  ['GET', '/orders', 'other'],
  ['GET', '/orders/1953341975595868160', 'other'],
  ['POST', '/margins/orders', 'other'],
  ['GET', '/user/profile', 'other'],
] as const)('%s %s is a call of class %s', (method, path, requestClass) => {
  expect(requestClassOf(method, path)).toBe(requestClass);
});

describe('in any stretch of a second', () => {
  test.each<[RequestClass, number]>([
    ['quote', KITE_QUOTE_REQUESTS_PER_S_MAX],
    ['historical', KITE_HISTORICAL_REQUESTS_PER_S_MAX],
    ['order', KITE_ORDER_REQUESTS_PER_S_MAX],
    ['other', KITE_OTHER_REQUESTS_PER_S_MAX],
  ])('%s calls: %i at once, the next when a second and a bit is over', (requestClass, callsMax) => {
    const times = sendAll(new RequestPace(), requestClass, 3 * callsMax);
    for (const [i, timeMs] of times.entries())
      expect(timeMs).toBe(Math.floor(i / callsMax) * (1_000 + KITE_RATE_SLACK_MS));
  });

  test('also when calls come unevenly', () => {
    const pace = new RequestPace();
    sendAll(pace, 'historical', 1, 0);
    sendAll(pace, 'historical', 2, 900);
    // The one of 0 ms makes room at 1,100, those of 900 later.
    expect(sendAll(pace, 'historical', 2, 1_000)).toEqual([1_100, 2_000]);
  });
});

test('order requests: no more in a minute, whatever the pace of each second', () => {
  const times = sendAll(new RequestPace(), 'order', KITE_ORDER_REQUESTS_PER_MINUTE_MAX + 1);
  expect(times.at(-2)).toBeLessThan(60_000);
  expect(times.at(-1)).toBe(60_000 + KITE_RATE_SLACK_MS);
});

describe('order requests of a day', () => {
  const spent = () => {
    const pace = new RequestPace();
    for (let i = 0; i < KITE_ORDER_REQUESTS_PER_DAY_MAX; i++) {
      expect(pace.readyAtMs('order', at(i * 60_000))).not.toBe(Number.POSITIVE_INFINITY);
      pace.noteSent('order', at(i * 60_000));
    }
    return pace;
  };

  test('are refused when they are spent, and other calls are not', () => {
    const pace = spent();
    expect(pace.readyAtMs('order', at(1e12))).toBe(Number.POSITIVE_INFINITY);
    expect(pace.readyAtMs('other', at(1e12))).toBeLessThan(1e12);
    expect(pace.readyAtMs('order', at(1e12, '2026-11-24'))).toBeLessThan(1e12);
  });

  test('a clock that jumps a day ahead and comes back has not earned new ones', () => {
    const pace = spent();
    pace.noteSent('order', at(1e12, '2026-11-24'));
    expect(pace.readyAtMs('order', at(1e12, '2026-11-23'))).toBe(Number.POSITIVE_INFINITY);
  });
});

describe('after a 429', () => {
  test('its class rests, longer each time in a row, and no other class does', () => {
    const pace = new RequestPace();
    const rests = Array.from({ length: 8 }, () => {
      pace.noteRefused('quote', 0);
      return pace.readyAtMs('quote', at(0));
    });
    expect(rests).toEqual([1, 2, 4, 8, 16, 32, 60, 60].map((seconds) => seconds * 1_000));
    expect([rests[0], rests.at(-1)]).toEqual([KITE_COOLDOWN_MS_MIN, KITE_COOLDOWN_MS_MAX]);
    expect(pace.readyAtMs('other', at(0))).toBeLessThanOrEqual(0);
    pace.noteAnswered('quote');
    pace.noteRefused('quote', 100_000);
    expect(pace.readyAtMs('quote', at(100_000))).toBe(100_000 + KITE_COOLDOWN_MS_MIN);
  });

  test('it rests as long as Kite asks for, within reason', () => {
    const pace = new RequestPace();
    pace.noteRefused('other', 0, 7_000);
    expect(pace.readyAtMs('other', at(0))).toBe(7_000);
    pace.noteRefused('other', 0, 86_400_000);
    expect(pace.readyAtMs('other', at(0))).toBe(KITE_COOLDOWN_MS_MAX);
  });
});
