// Market sessions: which phase each segment is in at a moment, by a calendar that is data (see session-calendar.ts).
import { SEGMENT } from './instrument.ts';
import { SESSION_LOOKAHEAD_DAYS_MAX } from './limits.ts';

export const SEGMENT_NAMES = ['NSE', 'BSE', 'NFO', 'BFO', 'CDS', 'BCD', 'MCX', 'INDICES'] as const;
export type SegmentName = (typeof SEGMENT_NAMES)[number];

/**
 * `open` is continuous trading: a liquid instrument that does not tick is news. In `pre_open` and `closing` (auctions
 * and what is around them) ticks come or do not come, and nothing follows from it.
 */
export const SESSION_PHASES = ['pre_open', 'open', 'closing', 'closed'] as const;
export type SessionPhase = (typeof SESSION_PHASES)[number];

export type Sessions = Readonly<Record<SegmentName, SessionPhase>>;

/** `[time, phase]` of one day: IST as HH:MM, ascending. Closed from midnight to the first; the last one ends at midnight. */
export type DayPhases = readonly (readonly [from: string, phase: SessionPhase])[];

/** Dates are YYYY-MM-DD in IST. */
export interface SessionCalendarData {
  /** Hours of an ordinary trading day from a date on, until a later rule of the segment. */
  readonly hours: readonly {
    readonly segments: readonly SegmentName[];
    readonly from: string;
    readonly phases: DayPhases;
  }[];
  /** Days of one year without trading. A later list replaces an earlier one of the same segment and year. */
  readonly holidays: readonly {
    readonly segments: readonly SegmentName[];
    readonly year: number;
    /** Where the list is from: who extends it has to know. */
    readonly source: string;
    /** False while days may be missing. */
    readonly isFinal: boolean;
    readonly dates: readonly string[];
  }[];
  /** Days with hours of their own, weekends and holidays included. A later entry replaces an earlier one. */
  readonly specialDays: readonly {
    readonly segments: readonly SegmentName[];
    readonly name: string;
    readonly dates: readonly string[];
    readonly phases: DayPhases;
  }[];
}

/** `provisional`: holidays may be missing; `unknown`: a segment has no list for the year, so that weekdays count as trading days. */
export const CALENDAR_CERTAINTIES = ['final', 'provisional', 'unknown', 'always_open'] as const;
export type CalendarCertainty = (typeof CALENDAR_CERTAINTIES)[number];

interface PhaseChange {
  readonly minute: number;
  readonly phase: SessionPhase;
}

/** Days are numbered from 1970-01-01 in IST. */
interface SegmentDays {
  /** Ascending. */
  readonly hours: { readonly fromDay: number; readonly changes: readonly PhaseChange[] }[];
  readonly holidays: Map<number, { readonly days: ReadonlySet<number>; readonly isFinal: boolean }>;
  readonly special: Map<number, readonly PhaseChange[]>;
}

export type SessionCalendar =
  | { readonly kind: 'always_open' }
  | { readonly kind: 'dated'; readonly segments: Readonly<Record<SegmentName, SegmentDays>> };

/** A market that never closes, as the simulator's. */
export const ALWAYS_OPEN: SessionCalendar = { kind: 'always_open' };

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
/** India has one zone and no summer time. */
export const IST_OFFSET_MS = 330 * MINUTE_MS;

const NAMES_BY_NUMBER: ReadonlyMap<number, SegmentName> = new Map(
  SEGMENT_NAMES.map((name) => [SEGMENT[name], name]),
);

/** The segment whose sessions the token follows; undefined for segments without known hours. */
export function sessionSegmentOf(token: number): SegmentName | undefined {
  return NAMES_BY_NUMBER.get(token & 0xff);
}

function bySegment<T>(of: (segment: SegmentName) => T): Record<SegmentName, T> {
  return {
    NSE: of('NSE'),
    BSE: of('BSE'),
    NFO: of('NFO'),
    BFO: of('BFO'),
    CDS: of('CDS'),
    BCD: of('BCD'),
    MCX: of('MCX'),
    INDICES: of('INDICES'),
  };
}

function parseDay(date: string): number {
  const ms = /^\d{4}-\d\d-\d\d$/.test(date) ? Date.parse(`${date}T00:00:00Z`) : Number.NaN;
  // Date.parse takes the 30th of February for a day of March.
  if (Number.isNaN(ms) || new Date(ms).toISOString().slice(0, 10) !== date) {
    throw new RangeError(`session calendar: ${date} is not a date`);
  }
  return ms / DAY_MS;
}

function parsePhases(phases: DayPhases, where: string): PhaseChange[] {
  let previous = -1;
  return phases.map(([from, phase]) => {
    const match = /^([01]\d|2[0-3]):([0-5]\d)$/.exec(from);
    if (!match) throw new RangeError(`session calendar: ${where}: ${from} is not a time`);
    const minute = Number(match[1]) * 60 + Number(match[2]);
    if (minute <= previous) throw new RangeError(`session calendar: ${where}: ${from} is not ascending`);
    previous = minute;
    return { minute, phase };
  });
}

function yearOf(day: number): number {
  return new Date(day * DAY_MS).getUTCFullYear();
}

/** Throws a RangeError that names what is wrong: a date, a time, an order, a holiday outside its year. */
export function createSessionCalendar(data: SessionCalendarData): SessionCalendar {
  const segments = bySegment<SegmentDays>(() => ({ hours: [], holidays: new Map(), special: new Map() }));
  for (const rule of data.hours) {
    const fromDay = parseDay(rule.from);
    const changes = parsePhases(rule.phases, `hours from ${rule.from}`);
    for (const segment of rule.segments) {
      const { hours } = segments[segment];
      const at = hours.findIndex((other) => other.fromDay >= fromDay);
      if (at < 0) hours.push({ fromDay, changes });
      else hours.splice(at, hours[at]?.fromDay === fromDay ? 1 : 0, { fromDay, changes });
    }
  }
  for (const { segments: names, year, isFinal, dates } of data.holidays) {
    const days = new Set(dates.map(parseDay));
    for (const day of days) {
      if (yearOf(day) !== year)
        throw new RangeError(`session calendar: a holiday of ${year} is in ${yearOf(day)}`);
    }
    for (const segment of names) segments[segment].holidays.set(year, { days, isFinal });
  }
  for (const { segments: names, name, dates, phases } of data.specialDays) {
    const changes = parsePhases(phases, name);
    for (const day of dates.map(parseDay)) {
      for (const segment of names) segments[segment].special.set(day, changes);
    }
  }
  return { kind: 'dated', segments };
}

/** The calendar with entries of another one behind it, which outrank its own. */
export function extendCalendar(
  data: SessionCalendarData,
  more: Partial<SessionCalendarData>,
): SessionCalendarData {
  return {
    hours: [...data.hours, ...(more.hours ?? [])],
    holidays: [...data.holidays, ...(more.holidays ?? [])],
    specialDays: [...data.specialDays, ...(more.specialDays ?? [])],
  };
}

/** The IST day of the moment, as a number. */
export function istDayOf(nowMs: number): number {
  return Math.floor((nowMs + IST_OFFSET_MS) / DAY_MS);
}

function startOfDayMs(day: number): number {
  return day * DAY_MS - IST_OFFSET_MS;
}

function isWeekend(day: number): boolean {
  // Day 0 was a Thursday.
  return (day + 4) % 7 === 0 || (day + 4) % 7 === 6;
}

function changesOf({ hours, holidays, special }: SegmentDays, day: number): readonly PhaseChange[] {
  const ofItsOwn = special.get(day);
  if (ofItsOwn) return ofItsOwn;
  if (isWeekend(day) || holidays.get(yearOf(day))?.days.has(day)) return [];
  return hours.findLast(({ fromDay }) => fromDay <= day)?.changes ?? [];
}

/** Phase of each segment at the moment (milliseconds since the epoch). */
export function sessionsAt(calendar: SessionCalendar, nowMs: number): Sessions {
  if (calendar.kind === 'always_open') return bySegment(() => 'open');
  const day = istDayOf(nowMs);
  const minute = (nowMs - startOfDayMs(day)) / MINUTE_MS;
  return bySegment((segment) => {
    const changes = changesOf(calendar.segments[segment], day);
    return changes.findLast((change) => change.minute <= minute)?.phase ?? 'closed';
  });
}

/**
 * The first moment after `nowMs` at which a segment enters another phase; undefined when that is more than
 * SESSION_LOOKAHEAD_DAYS_MAX days ahead, or never.
 */
export function nextChangeAt(calendar: SessionCalendar, nowMs: number): number | undefined {
  if (calendar.kind === 'always_open') return undefined;
  const now = sessionsAt(calendar, nowMs);
  const today = istDayOf(nowMs);
  for (let day = today; day <= today + SESSION_LOOKAHEAD_DAYS_MAX; day++) {
    const minutes = new Set([0]);
    for (const segment of SEGMENT_NAMES) {
      for (const { minute } of changesOf(calendar.segments[segment], day)) minutes.add(minute);
    }
    for (const minute of [...minutes].sort((a, b) => a - b)) {
      const atMs = startOfDayMs(day) + minute * MINUTE_MS;
      if (atMs > nowMs && !areSameSessions(sessionsAt(calendar, atMs), now)) return atMs;
    }
  }
  return undefined;
}

/** How far the calendar can be trusted on the day of the moment: as far as its worst known segment. */
export function certaintyAt(calendar: SessionCalendar, nowMs: number): CalendarCertainty {
  if (calendar.kind === 'always_open') return 'always_open';
  const year = yearOf(istDayOf(nowMs));
  const lists = SEGMENT_NAMES.map((segment) => calendar.segments[segment].holidays.get(year));
  if (lists.includes(undefined)) return 'unknown';
  return lists.every((list) => list?.isFinal) ? 'final' : 'provisional';
}

export function areSameSessions(a: Partial<Sessions>, b: Partial<Sessions>): boolean {
  return SEGMENT_NAMES.every((segment) => a[segment] === b[segment]);
}
