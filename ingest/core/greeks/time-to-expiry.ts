// How long an option has to live, from its expiry date and an exchange's time.
import { SEGMENT } from '../../../shared/instrument.ts';
import { IST_OFFSET_MS } from '../../../shared/market-session.ts';

const MINUTE_MS = 60_000;
const YEAR_MS = 365 * 86_400_000;

/**
 * Minutes after midnight, IST, at which contracts of the exchange expire. MCX's evening session ends at 23:30, or 23:55
 * while the United States have winter time; its contracts on some commodities end earlier in the day.
 */
const EXPIRY_MINUTES: ReadonlyMap<number, number> = new Map([
  [SEGMENT.NFO, 15 * 60 + 30],
  [SEGMENT.BFO, 15 * 60 + 30],
  [SEGMENT.CDS, 12 * 60 + 30],
  [SEGMENT.BCD, 12 * 60 + 30],
  [SEGMENT.MCX, 23 * 60 + 30],
]);

/**
 * Milliseconds since the epoch at which contracts of the segment (SEGMENT) with that expiry date (YYYY-MM-DD) expire;
 * undefined for a segment without derivatives and for what is no date.
 */
export function expiryTimeMs(segment: number, expiry: string): number | undefined {
  const minutes = EXPIRY_MINUTES.get(segment);
  if (minutes === undefined || !/^\d{4}-\d\d-\d\d$/.test(expiry)) return undefined;
  const midnightMs = Date.parse(`${expiry}T00:00:00Z`);
  // Date.parse takes the 30th of February for a day of March.
  if (Number.isNaN(midnightMs) || new Date(midnightMs).toISOString().slice(0, 10) !== expiry)
    return undefined;
  return midnightMs - IST_OFFSET_MS + minutes * MINUTE_MS;
}

/** Calendar time in years of 365 days; 0 or less once expired. `nowMs` is the tick's exchange time, not our clock. */
export function yearsToExpiry(expiryMs: number, nowMs: number): number {
  return (expiryMs - nowMs) / YEAR_MS;
}
