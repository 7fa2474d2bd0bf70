import fc from 'fast-check';
import { expect, test } from 'vitest';
import { listDateOf, refreshMomentOf } from '../../../ingest/core/refresh-time.ts';

const ist = (text: string) => Date.parse(`${text}+05:30`);

test.each([
  ['2026-11-20T08:34:59.999', '2026-11-19T09:05:00', '2026-11-19'],
  ['2026-11-20T08:35:00', '2026-11-20T08:35:00', '2026-11-20'],
  ['2026-11-20T09:04:59.999', '2026-11-20T08:35:00', '2026-11-20'],
  ['2026-11-20T09:05:00', '2026-11-20T09:05:00', '2026-11-20'],
  ['2026-11-20T23:59:59', '2026-11-20T09:05:00', '2026-11-20'],
  ['2026-11-21T00:00:00', '2026-11-20T09:05:00', '2026-11-20'],
  ['2027-01-01T05:29:59', '2026-12-31T09:05:00', '2026-12-31'],
])('at %s the list is of %s', (at, moment, date) => {
  expect(new Date(refreshMomentOf(ist(at)))).toEqual(new Date(ist(moment)));
  expect(listDateOf(ist(at))).toBe(date);
});

test('the moment never lies ahead, nor a day back, and is its own', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 4e12 }), (nowMs) => {
      const moment = refreshMomentOf(nowMs);
      expect(moment).toBeLessThanOrEqual(nowMs);
      expect(moment).toBeGreaterThan(nowMs - 86_400_000);
      expect(refreshMomentOf(moment)).toBe(moment);
      expect(refreshMomentOf(moment - 1)).toBeLessThan(moment);
      expect(listDateOf(nowMs)).toBe(listDateOf(moment));
    }),
  );
});
