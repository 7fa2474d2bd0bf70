// When derivatives of an exchange expire on their last day.
import { SEGMENT } from './instrument.ts';
import { IST_OFFSET_MS } from './market-session.ts';

const MINUTE_MS = 60_000;

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

/** True for a date that exists, as YYYY-MM-DD. */
export function isDate(text: string): boolean {
  if (!/^\d{4}-\d\d-\d\d$/.test(text)) return false;
  const midnightMs = Date.parse(`${text}T00:00:00Z`);
  // Date.parse takes the 30th of February for a day of March.
  return !Number.isNaN(midnightMs) && new Date(midnightMs).toISOString().slice(0, 10) === text;
}

/**
 * Milliseconds since the epoch at which contracts of the segment (SEGMENT) with that expiry date (YYYY-MM-DD) expire;
 * undefined for a segment without derivatives and for what is no date.
 */
export function expiryTimeMs(segment: number, expiry: string): number | undefined {
  const minutes = EXPIRY_MINUTES.get(segment);
  if (minutes === undefined || !isDate(expiry)) return undefined;
  return Date.parse(`${expiry}T00:00:00Z`) - IST_OFFSET_MS + minutes * MINUTE_MS;
}
