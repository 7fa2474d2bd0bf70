// How long an option has to live, from its expiry date and an exchange's time.
import { istDayOf } from '../../../shared/market-session.ts';

export { expiryTimeMs } from '../../../shared/expiry-time.ts';

const YEAR_MS = 365 * 86_400_000;

/** Calendar time in years of 365 days; 0 or less once expired. `nowMs` is the tick's exchange time, not our clock. */
export function yearsToExpiry(expiryMs: number, nowMs: number): number {
  return (expiryMs - nowMs) / YEAR_MS;
}

/** Whether both times, in seconds of the exchange, are of one day: orders end with it, so that a book of another day is none. */
export function isSameDay(aS: number, bS: number): boolean {
  return istDayOf(aS * 1_000) === istDayOf(bS * 1_000);
}
