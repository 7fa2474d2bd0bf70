// Candles of the past: a seeded path around the previous close that answers the same for every interval and every call.
import { DAY_MS, istDayOf, istMidnightMs, weekdayOf } from './expiry-calendar.ts';
import { mix, unitOf } from './random.ts';

/** Minutes per candle, and the days that one request may span (staff answers on Kite's forum). */
export const CANDLE_INTERVALS = {
  minute: { minutes: 1, spanDaysMax: 60 },
  '3minute': { minutes: 3, spanDaysMax: 100 },
  '5minute': { minutes: 5, spanDaysMax: 100 },
  '10minute': { minutes: 10, spanDaysMax: 100 },
  '15minute': { minutes: 15, spanDaysMax: 200 },
  '30minute': { minutes: 30, spanDaysMax: 200 },
  '60minute': { minutes: 60, spanDaysMax: 400 },
  day: { minutes: 375, spanDaysMax: 2_000 },
} as const satisfies Record<string, { minutes: number; spanDaysMax: number }>;

export type CandleInterval = keyof typeof CANDLE_INTERVALS;

export function isCandleInterval(text: string): text is CandleInterval {
  return Object.hasOwn(CANDLE_INTERVALS, text);
}

const MINUTE_MS = 60_000;
/** The session runs from 09:15 for 6 h 15 min. */
const SESSION_START_MS = (9 * 60 + 15) * MINUTE_MS;
const SESSION_MINUTES = 375;
/** Waves that add up to the path, in minutes; each is as high as the root of its length, as a random walk's moves are. */
const WAVE_MINUTES = [28_800, 5_760, 1_440, 240, 40, 7];
/** Sum of the waves' heights: the path stays inside `close x exp(+-amplitude x this)`. */
export const WAVE_HEIGHT_SUM = WAVE_MINUTES.reduce((sum, minutes) => sum + waveHeight(minutes), 0);

function waveHeight(minutes: number): number {
  return Math.sqrt(minutes / (WAVE_MINUTES[0] as number));
}

export interface CandleSource {
  readonly key: number;
  /** Raw units. */
  readonly close: number;
  readonly tick: number;
  readonly lot: number;
  /** Log-height of the longest wave. */
  readonly amplitude: number;
  /** Mean lots traded per minute; 0 for indices. */
  readonly minuteLots: number;
  /** 0 where there is none. */
  readonly openInterest: number;
}

export interface Candle {
  /** Start of the candle, ms since the epoch. */
  readonly startMs: number;
  /** Raw units. */
  readonly open: number;
  readonly high: number;
  readonly low: number;
  readonly close: number;
  readonly volume: number;
  readonly openInterest: number;
}

/** Price at the start of a minute (counted from the epoch), in raw units on the tick grid. */
function priceAt(source: CandleSource, minute: number): number {
  let height = 0;
  for (const length of WAVE_MINUTES) {
    const knot = Math.floor(minute / length);
    const along = minute / length - knot;
    const ease = along * along * (3 - 2 * along);
    const from = unitOf(mix(source.key ^ length, knot));
    const to = unitOf(mix(source.key ^ length, knot + 1));
    height += waveHeight(length) * (2 * (from + (to - from) * ease) - 1);
  }
  const price = source.close * Math.exp(source.amplitude * height);
  return Math.max(source.tick, Math.round(price / source.tick) * source.tick);
}

/** The candle made of the minutes from `firstMinute` up to `endMinute`, not included. */
function candleOf(source: CandleSource, firstMinute: number, endMinute: number, startMs: number): Candle {
  const open = priceAt(source, firstMinute);
  let high = open;
  let low = open;
  let close = open;
  let lots = 0;
  for (let minute = firstMinute; minute < endMinute; minute++) {
    const hash = mix(source.key ^ 51, minute);
    const from = close;
    close = priceAt(source, minute + 1);
    high = Math.max(high, from, close + source.tick * (hash & 3));
    low = Math.min(low, from, Math.max(source.tick, close - source.tick * ((hash >>> 2) & 3)));
    lots += Math.floor(2 * source.minuteLots * unitOf(mix(hash, 1)));
  }
  // Drifts by a tenth over some days, and is the same for every interval that ends at the same minute.
  const drift = unitOf(mix(source.key ^ 52, Math.floor(endMinute / 1_440)));
  const openInterest = Math.floor((source.openInterest * (0.9 + 0.1 * drift)) / source.lot) * source.lot;
  return { startMs, open, high, low, close, volume: lots * source.lot, openInterest };
}

/** Candles that start from `fromMs` to `toMs` and not after `nowMs`; a day's candle counts if any part of the day does. */
export function candleHistory(
  source: CandleSource,
  interval: CandleInterval,
  fromMs: number,
  toMs: number,
  nowMs: number,
): Candle[] {
  const candles: Candle[] = [];
  const { minutes } = CANDLE_INTERVALS[interval];
  for (let day = istDayOf(fromMs); day <= istDayOf(Math.min(toMs, nowMs)); day++) {
    const weekday = weekdayOf(day);
    if (weekday === 0 || weekday === 6) continue;
    const sessionMs = istMidnightMs(day) + SESSION_START_MS;
    const firstMinute = Math.floor(sessionMs / MINUTE_MS);
    const minutesSoFar = Math.min(SESSION_MINUTES, Math.floor((nowMs - sessionMs) / MINUTE_MS) + 1);
    for (let offset = 0; offset < minutesSoFar; offset += minutes) {
      const startMs = interval === 'day' ? istMidnightMs(day) : sessionMs + offset * MINUTE_MS;
      if (interval !== 'day' && (startMs < fromMs || startMs > toMs)) continue;
      const end = Math.min(minutesSoFar, offset + minutes);
      candles.push(candleOf(source, firstMinute + offset, firstMinute + end, startMs));
    }
  }
  return candles;
}

/** Days that a request spans, for comparison with `spanDaysMax`. */
export function spanDaysOf(fromMs: number, toMs: number): number {
  return (toMs - fromMs) / DAY_MS;
}
