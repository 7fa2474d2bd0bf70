// Trading hours, holidays and special days of the Indian exchanges, as data. Extend it each December, or by SESSION_CALENDAR_FILE.
import type { DayPhases, SegmentName, SessionCalendarData } from './market-session.ts';

const CASH: readonly SegmentName[] = ['NSE', 'BSE', 'INDICES'];
const EQUITY: readonly SegmentName[] = ['NSE', 'BSE', 'INDICES', 'NFO', 'BFO'];
const CURRENCY: readonly SegmentName[] = ['CDS', 'BCD'];
const COMMODITY: readonly SegmentName[] = ['MCX'];

/** Post-close trading ends at 16:00. */
const CASH_DAY: DayPhases = [
  ['09:00', 'pre_open'],
  ['09:15', 'open'],
  ['15:30', 'closing'],
  ['16:00', 'closed'],
];
/**
 * With the closing auction of stocks that have derivatives, 15:15-15:35. Other stocks trade on until 15:30: a segment has
 * one phase, and the liquid ones, by which silence is judged, are in the auction.
 */
const CASH_DAY_WITH_AUCTION: DayPhases = [
  ['09:00', 'pre_open'],
  ['09:15', 'open'],
  ['15:15', 'closing'],
  ['16:00', 'closed'],
];
const DERIVATIVES_DAY: DayPhases = [
  ['09:15', 'open'],
  ['15:30', 'closed'],
];
const COMMODITY_MORNING: DayPhases = [
  ['09:00', 'open'],
  ['17:00', 'closed'],
];
const COMMODITY_EVENING_US_SUMMER: DayPhases = [
  ['17:00', 'open'],
  ['23:30', 'closed'],
];
const COMMODITY_EVENING_US_WINTER: DayPhases = [
  ['17:00', 'open'],
  ['23:55', 'closed'],
];
const COMMODITY_DAY_US_SUMMER: DayPhases = [
  ['09:00', 'open'],
  ['23:30', 'closed'],
];
const COMMODITY_DAY_US_WINTER: DayPhases = [
  ['09:00', 'open'],
  ['23:55', 'closed'],
];

export const SESSION_CALENDAR: SessionCalendarData = {
  hours: [
    { segments: CASH, from: '2010-10-18', phases: CASH_DAY },
    { segments: CASH, from: '2026-08-03', phases: CASH_DAY_WITH_AUCTION },
    { segments: ['NFO', 'BFO'], from: '2010-10-18', phases: DERIVATIVES_DAY },
    // Pre-open for index and stock futures, NSE only.
    {
      segments: ['NFO'],
      from: '2025-12-08',
      phases: [
        ['09:00', 'pre_open'],
        ['09:15', 'open'],
        ['15:30', 'closed'],
      ],
    },
    {
      segments: ['NFO'],
      from: '2026-08-03',
      phases: [
        ['09:00', 'pre_open'],
        ['09:15', 'open'],
        ['15:40', 'closed'],
      ],
    },
    // That BSE's derivatives got the same ten minutes is likely, not confirmed: nothing is concluded from silence in them.
    {
      segments: ['BFO'],
      from: '2026-08-03',
      phases: [
        ['09:15', 'open'],
        ['15:30', 'closing'],
        ['15:40', 'closed'],
      ],
    },
    {
      segments: CURRENCY,
      from: '2010-10-18',
      phases: [
        ['09:00', 'open'],
        ['17:00', 'closed'],
      ],
    },
    // MCX follows the end of the American session: later while the United States are on winter time.
    { segments: COMMODITY, from: '2025-11-03', phases: COMMODITY_DAY_US_WINTER },
    { segments: COMMODITY, from: '2026-03-09', phases: COMMODITY_DAY_US_SUMMER },
    { segments: COMMODITY, from: '2026-11-02', phases: COMMODITY_DAY_US_WINTER },
    { segments: COMMODITY, from: '2027-03-15', phases: COMMODITY_DAY_US_SUMMER },
    { segments: COMMODITY, from: '2027-11-08', phases: COMMODITY_DAY_US_WINTER },
  ],
  holidays: [
    {
      segments: EQUITY,
      year: 2026,
      source: 'NSE circular CMTR71775 of 2025-12-12, and the election holiday of January 15 added later',
      isFinal: true,
      dates: [
        '2026-01-15',
        '2026-01-26',
        '2026-03-03',
        '2026-03-26',
        '2026-03-31',
        '2026-04-03',
        '2026-04-14',
        '2026-05-01',
        '2026-05-28',
        '2026-06-26',
        '2026-09-14',
        '2026-10-02',
        '2026-10-20',
        '2026-11-10',
        '2026-11-24',
        '2026-12-25',
      ],
    },
    {
      segments: CURRENCY,
      year: 2026,
      source: 'NSE circular CD71962 of 2025-12-23, and the election holiday of January 15 added later',
      isFinal: true,
      dates: [
        '2026-01-15',
        '2026-01-26',
        '2026-02-19',
        '2026-03-03',
        '2026-03-19',
        '2026-03-26',
        '2026-03-31',
        '2026-04-01',
        '2026-04-03',
        '2026-04-14',
        '2026-05-01',
        '2026-05-28',
        '2026-06-26',
        '2026-08-26',
        '2026-09-14',
        '2026-10-02',
        '2026-10-20',
        '2026-11-10',
        '2026-11-24',
        '2026-12-25',
      ],
    },
    {
      segments: COMMODITY,
      year: 2026,
      source: 'MCX holiday list of December 2025; days with one session only are special days',
      isFinal: true,
      dates: ['2026-01-26', '2026-04-03', '2026-10-02', '2026-12-25'],
    },
    // The exchanges publish in December. Until then only days that need no moon: replace the lists and set isFinal.
    {
      segments: [...EQUITY, ...CURRENCY],
      year: 2027,
      source: 'provisional: Republic Day, Good Friday, Ambedkar Jayanti; the circulars for 2027 are not out',
      isFinal: false,
      dates: ['2027-01-26', '2027-03-26', '2027-04-14'],
    },
    {
      segments: COMMODITY,
      year: 2027,
      source: 'provisional: Republic Day, Good Friday; the list for 2027 is not out',
      isFinal: false,
      dates: ['2027-01-26', '2027-03-26'],
    },
  ],
  // Times of Muhurat trading are announced some weeks before Diwali (Sunday 2026-11-08; Friday 2027-10-29): add it then.
  specialDays: [
    {
      segments: CASH,
      name: 'Union Budget, NSE circular CMTR72349',
      dates: ['2026-02-01'],
      phases: CASH_DAY,
    },
    {
      segments: ['NFO', 'BFO'],
      name: 'Union Budget, NSE circular FAOP72352',
      dates: ['2026-02-01'],
      phases: DERIVATIVES_DAY,
    },
    {
      segments: COMMODITY,
      name: 'Union Budget, and New Year without the evening session',
      dates: ['2026-01-01', '2026-02-01'],
      phases: COMMODITY_MORNING,
    },
    {
      segments: COMMODITY,
      name: 'holidays without the morning session, United States on winter time',
      dates: ['2026-03-03', '2026-11-10', '2026-11-24'],
      phases: COMMODITY_EVENING_US_WINTER,
    },
    {
      segments: COMMODITY,
      name: 'holidays without the morning session, United States on summer time',
      dates: [
        '2026-03-26',
        '2026-03-31',
        '2026-04-14',
        '2026-05-01',
        '2026-05-28',
        '2026-06-26',
        '2026-09-14',
        '2026-10-20',
      ],
      phases: COMMODITY_EVENING_US_SUMMER,
    },
  ],
};
