import fc from 'fast-check';
import { expect, test } from 'vitest';
import { backoffCeilingMs, fullJitterMs } from '../../../ingest/core/backoff.ts';

const RANGE = { minMs: 500, maxMs: 30_000 };

test('the ceiling doubles up to its highest, and stays there for any number of attempts', () => {
  expect([0, 1, 2, 5, 6, 7, 5_000].map((attempt) => backoffCeilingMs(attempt, RANGE))).toEqual([
    500, 1_000, 2_000, 16_000, 30_000, 30_000, 30_000,
  ]);
});

test('the wait is below the ceiling and reaches all of it', () => {
  fc.assert(
    fc.property(
      fc.nat(100),
      fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      (attempt, random) => {
        const delayMs = fullJitterMs(attempt, RANGE, random);
        expect(Number.isInteger(delayMs)).toBe(true);
        expect(delayMs).toBeGreaterThanOrEqual(0);
        expect(delayMs).toBeLessThan(backoffCeilingMs(attempt, RANGE));
      },
    ),
  );
  expect(fullJitterMs(3, RANGE, 0)).toBe(0);
  expect(fullJitterMs(3, RANGE, 0.9999)).toBe(3_999);
});
