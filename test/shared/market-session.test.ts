import fc from 'fast-check';
import { expect, test } from 'vitest';
import { SEGMENT } from '../../shared/instrument.ts';
import { SESSION_LOOKAHEAD_DAYS_MAX } from '../../shared/limits.ts';
import {
  ALWAYS_OPEN,
  areSameSessions,
  certaintyAt,
  createSessionCalendar,
  extendCalendar,
  nextChangeAt,
  SEGMENT_NAMES,
  SESSION_PHASES,
  type SegmentName,
  type SessionCalendarData,
  sessionSegmentOf,
  sessionsAt,
} from '../../shared/market-session.ts';
import { SESSION_CALENDAR } from '../../shared/session-calendar.ts';

const calendar = createSessionCalendar(SESSION_CALENDAR);
const ist = (date: string, time: string) => Date.parse(`${date}T${time}+05:30`);
const phaseAt = (segment: SegmentName, date: string, time: string) =>
  sessionsAt(calendar, ist(date, time))[segment];

test.each<[SegmentName, string, string, string]>([
  // Friday 2026-11-20, with the closing auction.
  ['NSE', '2026-11-20', '08:59:59.999', 'closed'],
  ['NSE', '2026-11-20', '09:00:00', 'pre_open'],
  ['NSE', '2026-11-20', '09:14:59.999', 'pre_open'],
  ['NSE', '2026-11-20', '09:15:00', 'open'],
  ['NSE', '2026-11-20', '15:14:59.999', 'open'],
  ['NSE', '2026-11-20', '15:15:00', 'closing'],
  ['NSE', '2026-11-20', '16:00:00', 'closed'],
  ['INDICES', '2026-11-20', '12:00:00', 'open'],
  ['NFO', '2026-11-20', '15:39:59.999', 'open'],
  ['NFO', '2026-11-20', '15:40:00', 'closed'],
  ['BFO', '2026-11-20', '15:35:00', 'closing'],
  ['CDS', '2026-11-20', '16:59:00', 'open'],
  ['CDS', '2026-11-20', '17:00:00', 'closed'],
  ['MCX', '2026-11-20', '23:54:59', 'open'],
  ['MCX', '2026-11-20', '23:55:00', 'closed'],
  ['MCX', '2026-11-20', '23:59:59.999', 'closed'],
  ['MCX', '2026-11-21', '00:00:00', 'closed'],
  // The rules of before: Friday 2026-07-31 is the last trading day under them, Monday 2026-08-03 the first under the new.
  ['NSE', '2026-07-31', '15:20:00', 'open'],
  ['NSE', '2026-08-03', '15:20:00', 'closing'],
  ['NFO', '2026-07-31', '15:35:00', 'closed'],
  ['NFO', '2026-08-03', '15:35:00', 'open'],
  ['NFO', '2025-12-05', '09:05:00', 'closed'],
  ['NFO', '2025-12-08', '09:05:00', 'pre_open'],
  ['MCX', '2026-10-30', '23:40:00', 'closed'],
  ['MCX', '2026-11-02', '23:40:00', 'open'],
  // Weekends, holidays of all and of some.
  ['NSE', '2026-11-21', '12:00:00', 'closed'],
  ['MCX', '2026-11-22', '12:00:00', 'closed'],
  ['NSE', '2026-12-25', '12:00:00', 'closed'],
  ['MCX', '2026-12-25', '20:00:00', 'closed'],
  ['CDS', '2026-08-26', '12:00:00', 'closed'],
  ['NSE', '2026-08-26', '12:00:00', 'open'],
  // Guru Nanak Jayanti: no morning at MCX.
  ['NSE', '2026-11-24', '12:00:00', 'closed'],
  ['MCX', '2026-11-24', '16:59:59', 'closed'],
  ['MCX', '2026-11-24', '17:00:00', 'open'],
  ['MCX', '2026-05-28', '23:40:00', 'closed'],
  // The budget on a Sunday.
  ['NSE', '2026-02-01', '12:00:00', 'open'],
  ['NFO', '2026-02-01', '12:00:00', 'open'],
  ['MCX', '2026-02-01', '17:00:00', 'closed'],
  ['CDS', '2026-02-01', '12:00:00', 'closed'],
])('%s on %s at %s is %s', (segment, date, time, phase) => {
  expect(phaseAt(segment, date, time)).toBe(phase);
});

test('a special day outranks weekend and holiday, and a later entry an earlier one', () => {
  const muhurat = (from: string): Partial<SessionCalendarData> => ({
    specialDays: [
      {
        segments: ['NSE', 'INDICES'],
        name: 'Muhurat',
        dates: ['2027-10-29', '2026-11-22', '2026-12-25'],
        phases: [
          [from, 'open'],
          ['19:15', 'closed'],
        ],
      },
    ],
  });
  const extended = createSessionCalendar(
    extendCalendar(extendCalendar(SESSION_CALENDAR, muhurat('17:00')), muhurat('18:15')),
  );
  for (const date of ['2027-10-29', '2026-11-22', '2026-12-25']) {
    expect(sessionsAt(extended, ist(date, '18:00')).NSE).toBe('closed');
    expect(sessionsAt(extended, ist(date, '18:15')).NSE).toBe('open');
    expect(sessionsAt(extended, ist(date, '19:15')).NSE).toBe('closed');
    expect(sessionsAt(extended, ist(date, '18:15')).BSE).toBe('closed');
  }
});

test('a list of holidays replaces the one of its segment and year, and makes it certain', () => {
  expect(certaintyAt(calendar, ist('2026-12-31', '23:59'))).toBe('final');
  expect(certaintyAt(calendar, ist('2027-01-01', '00:00'))).toBe('provisional');
  expect(certaintyAt(calendar, ist('2028-01-01', '00:00'))).toBe('unknown');
  const extended = createSessionCalendar(
    extendCalendar(SESSION_CALENDAR, {
      holidays: [
        { segments: SEGMENT_NAMES, year: 2027, source: 'test', isFinal: true, dates: ['2027-03-22'] },
      ],
    }),
  );
  expect(certaintyAt(extended, ist('2027-06-01', '12:00'))).toBe('final');
  expect(sessionsAt(extended, ist('2027-03-22', '12:00')).NSE).toBe('closed');
  expect(sessionsAt(extended, ist('2027-01-26', '12:00')).NSE).toBe('open');
  expect(sessionsAt(calendar, ist('2027-01-26', '12:00')).NSE).toBe('closed');
});

test('in a year without a list weekdays count as trading days', () => {
  expect(phaseAt('NSE', '2028-01-26', '12:00')).toBe('open');
  expect(phaseAt('NSE', '2028-01-29', '12:00')).toBe('closed');
});

test('hours from the same date replace each other, whatever their order in the list', () => {
  const hours = (from: string, open: string): SessionCalendarData['hours'][number] => ({
    segments: ['NSE'],
    from,
    phases: [
      [open, 'open'],
      ['15:00', 'closed'],
    ],
  });
  const made = createSessionCalendar({
    hours: [
      hours('2026-06-01', '10:00'),
      hours('2026-01-01', '09:00'),
      hours('2026-06-01', '11:00'),
      hours('2026-03-02', '12:00'),
    ],
    holidays: [],
    specialDays: [],
  });
  const opensAt = (date: string) =>
    ['09:00', '10:00', '11:00', '12:00'].find((time) => sessionsAt(made, ist(date, time)).NSE === 'open');
  expect(['2025-12-31', '2026-01-01', '2026-03-02', '2026-06-01'].map(opensAt)).toEqual([
    undefined,
    '09:00',
    '12:00',
    '11:00',
  ]);
});

test.each<[string, Partial<SessionCalendarData>, RegExp]>([
  ['date', { hours: [{ segments: ['NSE'], from: '2026-02-30', phases: [] }] }, /2026-02-30 is not a date/],
  ['date text', { hours: [{ segments: ['NSE'], from: 'soon', phases: [] }] }, /soon is not a date/],
  [
    'time',
    { hours: [{ segments: ['NSE'], from: '2026-01-01', phases: [['24:00', 'open']] }] },
    /24:00 is not a time/,
  ],
  [
    'order',
    {
      specialDays: [
        {
          segments: ['NSE'],
          name: 'Muhurat',
          dates: [],
          phases: [
            ['10:00', 'open'],
            ['10:00', 'closed'],
          ],
        },
      ],
    },
    /Muhurat: 10:00 is not ascending/,
  ],
  [
    'year',
    {
      holidays: [{ segments: ['NSE'], year: 2027, source: '', isFinal: true, dates: ['2026-01-26'] }],
    },
    /holiday of 2027 is in 2026/,
  ],
])('a calendar with a wrong %s is refused by name', (_what, more, message) => {
  expect(() => createSessionCalendar(extendCalendar(SESSION_CALENDAR, more))).toThrow(message);
});

test('the built-in lists name weekdays only: a holiday on a weekend is a slip', () => {
  for (const { dates } of SESSION_CALENDAR.holidays) {
    for (const date of dates) expect([1, 2, 3, 4, 5], date).toContain(new Date(`${date}T00:00Z`).getUTCDay());
  }
});

test('the next change is exactly where the sessions first differ', () => {
  const from = ist('2025-12-01', '00:00');
  const to = ist('2027-12-31', '00:00');
  fc.assert(
    fc.property(fc.integer({ min: from, max: to }), (nowMs) => {
      const now = sessionsAt(calendar, nowMs);
      const nextMs = nextChangeAt(calendar, nowMs);
      expect(nextMs).toBeGreaterThan(nowMs);
      if (nextMs === undefined) return;
      expect(areSameSessions(sessionsAt(calendar, nextMs), now)).toBe(false);
      expect(areSameSessions(sessionsAt(calendar, nextMs - 1), now)).toBe(true);
      for (let probe = 1; probe <= 20; probe++) {
        const betweenMs = Math.floor(nowMs + ((nextMs - 1 - nowMs) * probe) / 20);
        expect(sessionsAt(calendar, betweenMs)).toEqual(now);
      }
      for (const phase of Object.values(now)) expect(SESSION_PHASES).toContain(phase);
    }),
  );
});

test('no change is foretold where none comes: always open, and past the look-ahead', () => {
  expect(nextChangeAt(ALWAYS_OPEN, ist('2026-11-20', '12:00'))).toBeUndefined();
  expect(Object.values(sessionsAt(ALWAYS_OPEN, 0))).toEqual(SEGMENT_NAMES.map(() => 'open'));
  const opensAt = ist('2026-12-31', '09:00');
  const lonely = createSessionCalendar({
    hours: [],
    holidays: [],
    specialDays: [{ segments: ['NSE'], name: 'once', dates: ['2026-12-31'], phases: [['09:00', 'open']] }],
  });
  const dayMs = 86_400_000;
  expect(nextChangeAt(lonely, opensAt - SESSION_LOOKAHEAD_DAYS_MAX * dayMs)).toBe(opensAt);
  expect(nextChangeAt(lonely, opensAt - (SESSION_LOOKAHEAD_DAYS_MAX + 1) * dayMs)).toBeUndefined();
  // Its last phase ends at midnight.
  expect(nextChangeAt(lonely, opensAt)).toBe(ist('2027-01-01', '00:00'));
});

test('a token follows the sessions of its segment', () => {
  expect(sessionSegmentOf(738_561)).toBe('NSE');
  expect(sessionSegmentOf(256_265)).toBe('INDICES');
  expect(sessionSegmentOf((5 << 8) | SEGMENT.MCX)).toBe('MCX');
  expect(sessionSegmentOf((5 << 8) | SEGMENT.MCXSX)).toBeUndefined();
  expect(sessionSegmentOf((5 << 8) | 200)).toBeUndefined();
});
