// What a gateway wants of one instrument, packed into one number: its ticks up to a mode, and the bars of some intervals.
import type { InstrumentToken } from '../../shared/instrument.ts';
import { hasOpenInterest, type ModeRank, modeOfRank, type TickMode } from '../../shared/tick.ts';
import type { IntervalSet } from './bar.ts';

/** Rank in the lower two bits (0: no ticks), intervals above them; 0 is no interest at all. */
export type Interest = number;

export type InterestItem = readonly [token: InstrumentToken, interest: Interest];

export function interestIn(rank: ModeRank | 0, intervals: IntervalSet = 0): Interest {
  return (intervals << 2) | rank;
}

export function rankOfInterest(interest: Interest): ModeRank | 0 {
  return (interest & 3) as ModeRank | 0;
}

export function intervalsOfInterest(interest: Interest): IntervalSet {
  return interest >>> 2;
}

/** The least that serves both. */
export function unionOf(a: Interest, b: Interest): Interest {
  return (Math.max(a & 3, b & 3) | ((a | b) & ~3)) as Interest;
}

/** What both ask for. */
export function commonOf(a: Interest, b: Interest): Interest {
  return Math.min(a & 3, b & 3) | (a & b & ~3);
}

/** Whether `served` gives all that `wanted` asks for. */
export function covers(served: Interest, wanted: Interest): boolean {
  return commonOf(served, wanted) === wanted;
}

/** The mode that Kite has to stream for it: bars need volumes, and open interest where there is such a thing. */
export function streamedModeOf(token: InstrumentToken, interest: Interest): TickMode {
  const barRank = intervalsOfInterest(interest) === 0 ? 0 : hasOpenInterest(token) ? 3 : 2;
  return modeOfRank(Math.max(rankOfInterest(interest), barRank));
}
