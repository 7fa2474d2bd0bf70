// Expiries, their symbols, and dates in IST.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  dateOfDay,
  dayOfDate,
  dumpDateAt,
  expirySchedule,
  istStamp,
  nextDumpMs,
  tradingDateAt,
  weekdayOf,
} from '../../../../ingest/simulator/core/expiry-calendar.ts';

const at = (utc: string) => Date.parse(utc);

test('four weekly Tuesdays, the month end among them, and three months', () => {
  const { weekly, monthly } = expirySchedule('2026-11-23', 4, 3);
  expect(weekly.map(({ date, symbolCode }) => [date, symbolCode])).toEqual([
    ['2026-11-24', '26NOV'],
    ['2026-12-01', '26D01'],
    ['2026-12-08', '26D08'],
    ['2026-12-15', '26D15'],
  ]);
  // 2027-01-26 is Republic Day, so January's contracts end on the Monday.
  expect(monthly.map(({ date, symbolCode }) => [date, symbolCode])).toEqual([
    ['2026-11-24', '26NOV'],
    ['2026-12-29', '26DEC'],
    ['2027-01-25', '27JAN'],
  ]);
});

test('months of weekly symbols are one character', () => {
  const code = (date: string) => expirySchedule(date, 1, 0).weekly[0]?.symbolCode;
  expect(code('2026-09-02')).toBe('26908');
  expect(code('2026-10-01')).toBe('26O06');
  expect(code('2026-11-02')).toBe('26N03');
  expect(code('2026-12-02')).toBe('26D08');
});

test('an expiry is listed on its own date and trades until 15:30 IST', () => {
  const [expiry] = expirySchedule('2026-11-24', 1, 0).weekly;
  expect(expiry?.date).toBe('2026-11-24');
  expect(expiry?.expiryMs).toBe(at('2026-11-24T10:00:00Z'));
});

test('every schedule is ascending, on trading weekdays, and not in the past', () => {
  const first = dayOfDate('2020-01-01');
  fc.assert(
    fc.property(fc.integer({ min: first, max: first + 7_300 }), (day) => {
      const { weekly, monthly } = expirySchedule(dateOfDay(day), 4, 3);
      expect([weekly.length, monthly.length]).toEqual([4, 3]);
      for (const expiries of [weekly, monthly]) {
        const dates = expiries.map((expiry) => expiry.date);
        expect(dates).toEqual([...new Set(dates)].sort());
        for (const date of dates) {
          expect(dayOfDate(date)).toBeGreaterThanOrEqual(day);
          expect([1, 2, 5]).toContain(weekdayOf(dayOfDate(date)));
        }
      }
    }),
    { numRuns: 300 },
  );
});

test('the trading date rolls at the close and over weekends and fixed holidays', () => {
  expect(tradingDateAt(at('2026-11-20T09:59:59Z'))).toBe('2026-11-20');
  expect(tradingDateAt(at('2026-11-20T10:00:00Z'))).toBe('2026-11-23');
  expect(tradingDateAt(at('2026-11-22T20:00:00Z'))).toBe('2026-11-23');
  expect(tradingDateAt(at('2027-01-25T12:00:00Z'))).toBe('2027-01-27');
});

test('stamps are IST, dates are checked', () => {
  expect(istStamp(0x60e2_947f * 1_000)).toBe('2021-07-05 10:41:27');
  for (const bad of ['2026-02-30', '26-01-01', '', '2026-1-1', 'today'])
    expect(() => dayOfDate(bad)).toThrow(RangeError);
});

test('a dump is made at 08:00 IST of each trading day and holds until the next', () => {
  expect(dumpDateAt(at('2026-11-24T08:00:00+05:30'))).toBe('2026-11-24');
  expect(dumpDateAt(at('2026-11-24T07:59:59+05:30'))).toBe('2026-11-23');
  expect(dumpDateAt(at('2026-11-30T07:59:59+05:30'))).toBe('2026-11-27');
  expect(dumpDateAt(at('2026-12-25T12:00:00+05:30'))).toBe('2026-12-24');
  expect(nextDumpMs('2026-11-24')).toBe(at('2026-11-25T08:00:00+05:30'));
  expect(nextDumpMs('2026-12-24')).toBe(at('2026-12-28T08:00:00+05:30'));
  for (const date of ['2026-11-24', '2026-11-27', '2026-12-24', '2027-01-25']) {
    const next = dumpDateAt(nextDumpMs(date));
    expect(next > date).toBe(true);
    expect(dumpDateAt(nextDumpMs(date) - 1)).toBe(date);
  }
});
