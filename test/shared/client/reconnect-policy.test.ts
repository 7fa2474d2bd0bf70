import fc from 'fast-check';
import { expect, test } from 'vitest';
import { fullJitterMs, reactionTo, reconnectDelayMs } from '../../../shared/client/reconnect-policy.ts';
import {
  CLIENT_SDK_BACKOFF_MS_MAX,
  CLIENT_SDK_BACKOFF_MS_MIN,
  CLIENT_SDK_RETRY_AFTER_MS_MAX,
} from '../../../shared/limits.ts';

test.each([
  [1000, 'backoff'],
  [1001, 'backoff'],
  [1006, 'backoff'],
  [1008, 'renew'],
  [1011, 'backoff'],
  [1012, 'now'],
  [1013, 'backoff'],
  [4000, 'stop'],
  [4001, 'renew'],
  [4002, 'renew'],
  [4003, 'crowded'],
  [4008, 'backoff'],
  [4013, 'backoff'],
  [4029, 'backoff'],
  [4099, 'stop'],
  [4100, 'planned'],
  [4199, 'planned'],
  [4200, 'now'],
  [4299, 'now'],
  [4300, 'backoff'],
  [4999, 'backoff'],
])('close code %i: %s', (code, reaction) => {
  expect(reactionTo(code)).toBe(reaction);
});

test('full jitter: anywhere below a ceiling that doubles from 0.5 to 30 s', () => {
  const ceilings = [0, 1, 2, 5, 6, 7, 5_000].map((attempt) => fullJitterMs(attempt, 1));
  expect(ceilings).toEqual([500, 1_000, 2_000, 16_000, 30_000, 30_000, 30_000]);
  fc.assert(
    fc.property(
      fc.nat(10_000),
      fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      (attempt, random) => {
        const delayMs = fullJitterMs(attempt, random);
        expect(delayMs).toBeGreaterThanOrEqual(0);
        expect(delayMs).toBeLessThan(
          Math.min(CLIENT_SDK_BACKOFF_MS_MAX, CLIENT_SDK_BACKOFF_MS_MIN * 2 ** attempt),
        );
      },
    ),
  );
});

test.each([
  ['at once, the first time', { reaction: 'now', attempt: 0 }, 0],
  ['not at once from a server that keeps saying so', { reaction: 'now', attempt: 3 }, 2_000],
  ['crowded waits long from the start', { reaction: 'crowded', attempt: 0 }, 15_000],
  ['a planned end waits as told', { reaction: 'planned', attempt: 0, goawayMs: 1_234 }, 1_234],
  ['a planned end without words backs off', { reaction: 'planned', attempt: 0 }, 250],
  ['a planned end in whole milliseconds', { reaction: 'planned', attempt: 0, goawayMs: 66.6 }, 67],
  ['a goaway that has passed', { reaction: 'backoff', attempt: 0, goawayMs: -50 }, 0],
  ['a goaway again and again', { reaction: 'planned', attempt: 3, goawayMs: 1_000 }, 3_000],
  ['retry_after_ms comes first', { reaction: 'backoff', attempt: 0, retryAfterMs: 7_000 }, 7_250],
  ['and outweighs "now"', { reaction: 'now', attempt: 0, retryAfterMs: 7_000 }, 7_000],
  [
    'no server keeps a client away for longer than the bound',
    { reaction: 'backoff', attempt: 0, retryAfterMs: 1e12 },
    CLIENT_SDK_RETRY_AFTER_MS_MAX + 250,
  ],
  ['nor by goaway', { reaction: 'planned', attempt: 0, goawayMs: 1e12 }, CLIENT_SDK_RETRY_AFTER_MS_MAX],
] as const)('%s', (_, of, delayMs) => {
  expect(reconnectDelayMs({ ...of, random: 0.5 })).toBe(delayMs);
});
