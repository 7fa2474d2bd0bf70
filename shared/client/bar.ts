// A bar as clients get it, and the check that a message holds one.
import { BAR_INTERVALS, type BarInterval } from '../bar-interval.ts';
import { AppError } from '../errors.ts';
import { parseInstrumentToken } from '../instrument.ts';
import { isObject } from './tick.ts';

export { BAR_INTERVAL_MS, type BarInterval } from '../bar-interval.ts';

/** Prices in rupees, times ISO 8601 in UTC. Field names are the protocol's. */
export interface Bar {
  readonly instrument_token: number;
  readonly tradingsymbol: string;
  readonly exchange: string;
  readonly interval: BarInterval;
  /** An IST second or minute. */
  readonly start: string;
  readonly open: number;
  readonly high: number;
  readonly low: number;
  readonly close: number;
  /** Absent for what has no volume, as an index. */
  readonly volume?: number;
  readonly oi?: number;
  /** Ticks that were counted into it. */
  readonly ticks: number;
  /** A closed bar is final, and comes once. */
  readonly closed: boolean;
  /** Not all of the interval was seen: volume and extremes are those of the part that was. */
  readonly partial?: true;
  /** Start of the closed bar before it; absent where the server does not know. */
  readonly previous_start?: string;
}

/** Closed bars that start after `after` and before `before` did not come, as far as there were any. */
export interface BarGap {
  readonly instrument_token: number;
  readonly tradingsymbol: string;
  readonly exchange: string;
  readonly interval: BarInterval;
  /** Every closed bar that starts up to here has come, or is of before the first that did. */
  readonly after: string;
  /** Start of the first bar after it, which comes right behind this event. */
  readonly before: string;
}

export function isBarInterval(value: unknown): value is BarInterval {
  return (BAR_INTERVALS as readonly unknown[]).includes(value);
}

/** Throws AppError `invalid_parameter` for what is no interval. */
export function parseInterval(value: unknown): BarInterval {
  if (isBarInterval(value)) return value;
  const names = BAR_INTERVALS.join(', ');
  throw new AppError('invalid_parameter', `interval must be one of ${names}, got ${String(value)}`);
}

const NUMBER_FIELDS = ['open', 'high', 'low', 'close', 'ticks'] as const;

function isTime(value: unknown): value is string {
  return typeof value === 'string' && !Number.isNaN(Date.parse(value));
}

/** Whether every field that the type names is what the type says; fields it does not name are let through. */
export function isBar(value: unknown): value is Bar {
  if (!isObject(value)) return false;
  return (
    parseInstrumentToken(value.instrument_token) !== undefined &&
    typeof value.tradingsymbol === 'string' &&
    typeof value.exchange === 'string' &&
    isBarInterval(value.interval) &&
    isTime(value.start) &&
    NUMBER_FIELDS.every((field) => typeof value[field] === 'number') &&
    (value.volume === undefined || typeof value.volume === 'number') &&
    (value.oi === undefined || typeof value.oi === 'number') &&
    typeof value.closed === 'boolean' &&
    (value.partial === undefined || value.partial === true) &&
    (value.previous_start === undefined || isTime(value.previous_start))
  );
}
