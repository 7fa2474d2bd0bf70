// When Kite's instrument list is due again, and which trading date a list is of: by the wall clock in India.
import { IST_OFFSET_MS } from '../../shared/market-session.ts';

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;

/**
 * Kite makes the list anew each trading morning, between 08:00 and 08:30 as a rule. The second reading is for a morning
 * on which it was late: trading begins at 09:15.
 */
const REFRESHES_MS: readonly number[] = [(8 * 60 + 35) * MINUTE_MS, (9 * 60 + 5) * MINUTE_MS];

/**
 * The last moment up to `nowMs` from which on a new list is to be had (both in ms since the epoch). A list that was
 * read at another moment's time is due, whichever way the clock has moved since.
 */
export function refreshMomentOf(nowMs: number): number {
  const local = nowMs + IST_OFFSET_MS;
  const midnight = Math.floor(local / DAY_MS) * DAY_MS;
  const today = REFRESHES_MS.findLast((ofDay) => midnight + ofDay <= local);
  const moment = today === undefined ? midnight - DAY_MS + (REFRESHES_MS.at(-1) as number) : midnight + today;
  return moment - IST_OFFSET_MS;
}

/** `YYYY-MM-DD` of the list that Kite serves at that time: before the morning's refresh it is the last day's. */
export function listDateOf(nowMs: number): string {
  return new Date(refreshMomentOf(nowMs) + IST_OFFSET_MS).toISOString().slice(0, 10);
}
