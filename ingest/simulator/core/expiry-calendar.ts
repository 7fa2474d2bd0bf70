// Dates in Indian Standard Time, and the expiries that are listed on a trading date.

export const DAY_MS = 86_400_000;
/** IST is UTC+5:30 all year. */
export const IST_OFFSET_MS = 19_800_000;
/** Contracts stop trading at the end of the session of their expiry date. */
const EXPIRY_TIME_OF_DAY_MS = 15.5 * 3_600_000;
const MONTHS = ['JAN', 'FEB', 'MAR', 'APR', 'MAY', 'JUN', 'JUL', 'AUG', 'SEP', 'OCT', 'NOV', 'DEC'] as const;
/** Month in a weekly symbol: one character, so October to December are letters. */
const WEEKLY_MONTHS = '123456789OND';
/**
 * Exchange holidays that fall on the same date each year. The movable ones are announced year by year and are not
 * known here, so an expiry that one of those moves stays on its Tuesday.
 */
const FIXED_HOLIDAYS = new Set(['01-26', '05-01', '08-15', '10-02', '12-25']);
const TUESDAY = 2;

/** Days are counted from 1970-01-01. Throws RangeError unless the date is a real `YYYY-MM-DD`. */
export function dayOfDate(date: string): number {
  if (!isDate(date)) throw new RangeError(`date must be YYYY-MM-DD, got '${date}'`);
  return Date.parse(`${date}T00:00:00Z`) / DAY_MS;
}

export function dateOfDay(day: number): string {
  return new Date(day * DAY_MS).toISOString().slice(0, 10);
}

/** Whether the text is a real `YYYY-MM-DD`. */
export function isDate(text: string): boolean {
  const day = Date.parse(`${text}T00:00:00Z`) / DAY_MS;
  return /^\d{4}-\d\d-\d\d$/.test(text) && Number.isInteger(day) && dateOfDay(day) === text;
}

/** 0 is Sunday. */
export function weekdayOf(day: number): number {
  return (((day + 4) % 7) + 7) % 7;
}

/** `YYYY-MM-DD HH:MM:SS` in IST, the way Kite writes times without a zone. */
export function istStamp(timeMs: number): string {
  return new Date(timeMs + IST_OFFSET_MS).toISOString().slice(0, 19).replace('T', ' ');
}

/** Start of an IST day in milliseconds since the epoch. */
export function istMidnightMs(day: number): number {
  return day * DAY_MS - IST_OFFSET_MS;
}

/** When a contract of that expiry stops trading. */
export function expiryTimeMs(date: string): number {
  return istMidnightMs(dayOfDate(date)) + EXPIRY_TIME_OF_DAY_MS;
}

export function istDayOf(timeMs: number): number {
  return Math.floor((timeMs + IST_OFFSET_MS) / DAY_MS);
}

function isTradingDay(day: number): boolean {
  const weekday = weekdayOf(day);
  return weekday !== 0 && weekday !== 6 && !FIXED_HOLIDAYS.has(dateOfDay(day).slice(5));
}

/** Kite makes its dump anew on each trading morning (forum 8132). */
const DUMP_TIME_OF_DAY_MS = 8 * 3_600_000;

/** The newest date that a dump was made for: the last trading day whose 08:00 has come. */
export function dumpDateAt(timeMs: number): string {
  let day = istDayOf(timeMs - DUMP_TIME_OF_DAY_MS);
  while (!isTradingDay(day)) day -= 1;
  return dateOfDay(day);
}

/** When the dump of the next trading day after `date` is made. */
export function nextDumpMs(date: string): number {
  let day = dayOfDate(date) + 1;
  while (!isTradingDay(day)) day += 1;
  return istMidnightMs(day) + DUMP_TIME_OF_DAY_MS;
}

/** The session that is running or comes next: after the close the day is over, and its expiring contracts with it. */
export function tradingDateAt(timeMs: number): string {
  let day = istDayOf(timeMs);
  if (timeMs - istMidnightMs(day) >= EXPIRY_TIME_OF_DAY_MS) day += 1;
  while (!isTradingDay(day)) day += 1;
  return dateOfDay(day);
}

export interface Expiry {
  /** `YYYY-MM-DD`, the day on which the contract last trades. */
  readonly date: string;
  readonly expiryMs: number;
  /** What stands between name and strike: `26NOV` for a month's last expiry, `26N24` for the others. */
  readonly symbolCode: string;
  readonly isMonthly: boolean;
}

function expiryOfTuesday(tuesday: number): Expiry {
  let day = tuesday;
  while (!isTradingDay(day)) day -= 1;
  const isMonthly = dateOfDay(tuesday).slice(0, 7) !== dateOfDay(tuesday + 7).slice(0, 7);
  const date = dateOfDay(day);
  const month = Number(date.slice(5, 7)) - 1;
  const symbolCode = isMonthly
    ? `${date.slice(2, 4)}${MONTHS[month] ?? ''}`
    : `${date.slice(2, 4)}${WEEKLY_MONTHS.charAt(month)}${date.slice(8)}`;
  return { date, expiryMs: expiryTimeMs(date), symbolCode, isMonthly };
}

export interface ExpirySchedule {
  /** The next expiries, one a week; the month's last one is among them. */
  readonly weekly: readonly Expiry[];
  readonly monthly: readonly Expiry[];
}

/** What is listed on a trading date: an expiry of that very date still is. */
export function expirySchedule(
  tradingDate: string,
  weeklyCount: number,
  monthlyCount: number,
): ExpirySchedule {
  const today = dayOfDate(tradingDate);
  const weekly: Expiry[] = [];
  const monthly: Expiry[] = [];
  let tuesday = today + ((TUESDAY - weekdayOf(today) + 7) % 7);
  for (; weekly.length < weeklyCount || monthly.length < monthlyCount; tuesday += 7) {
    const expiry = expiryOfTuesday(tuesday);
    if (expiry.date < tradingDate) continue;
    if (weekly.length < weeklyCount) weekly.push(expiry);
    if (expiry.isMonthly && monthly.length < monthlyCount) monthly.push(expiry);
  }
  return { weekly, monthly };
}
