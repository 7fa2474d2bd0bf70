// A bar: what one instrument did in one interval of time, and which intervals there are.
import { BAR_INTERVAL_MS, BAR_INTERVALS, type BarInterval } from '../../shared/bar-interval.ts';
import type { InstrumentToken } from '../../shared/instrument.ts';

export { BAR_INTERVALS, type BarInterval } from '../../shared/bar-interval.ts';

/** Position of the interval in BAR_INTERVALS. */
export type IntervalIndex = number;

/** A bit per interval. */
export type IntervalSet = number;

export const ALL_INTERVALS: IntervalSet = (1 << BAR_INTERVALS.length) - 1;

export function intervalMs(index: IntervalIndex): number {
  return BAR_INTERVAL_MS[BAR_INTERVALS[index] ?? '1m'];
}

export function intervalSetOf(interval: BarInterval): IntervalSet {
  return 1 << BAR_INTERVALS.indexOf(interval);
}

/** Prices are raw integers, times milliseconds since the epoch. */
export interface Bar {
  readonly token: InstrumentToken;
  readonly tradingsymbol: string;
  readonly exchange: string;
  readonly interval: BarInterval;
  readonly startMs: number;
  readonly open: number;
  readonly high: number;
  readonly low: number;
  readonly close: number;
  /** Absent for what has no volume, as an index. */
  readonly volume?: number;
  /** At the last tick that carried it; absent for what has none. */
  readonly oi?: number;
  /** Ticks that were counted into it. */
  readonly ticks: number;
  /** A closed bar is final, and is said once. */
  readonly isClosed: boolean;
  /** Not all of the interval was seen: volume and extremes are those of the part that was. */
  readonly isPartial: boolean;
  /** Start of the closed bar before it; absent where that is not known. Whoever has had that one has missed none. */
  readonly previousStartMs?: number;
}

/** One number per instrument and interval. */
export function barKey(slot: number, index: IntervalIndex): number {
  return slot * BAR_INTERVALS.length + index;
}
