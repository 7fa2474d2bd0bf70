// The terms of one subscription in a few bits: how much of a tick (mode rank), how often (speed tier), whether all of them.
import { type ModeRank, modeOfRank } from '../../shared/tick.ts';
import { SPEEDS, type Speed, type SubscribeItem, type TermsLine } from './protocol.ts';

/** Rank in the lower two bits, tier above them, then whether there is a filter. Always above zero, because a rank is. */
export type Terms = number;

/** Bits that terms take, where they are packed with something else. */
export const TERMS_BITS = 5;

const FILTERED = 1 << 4;

/** Position of the speed in SPEEDS; tier 0 sends at once. */
export type Tier = number;

export function termsOf(rank: ModeRank, speed: Speed, filtered = false): Terms {
  return (filtered ? FILTERED : 0) | (SPEEDS.indexOf(speed) << 2) | rank;
}

export function termsOfItem({ rank, speed, filter }: SubscribeItem): Terms {
  return termsOf(rank, speed, filter !== undefined);
}

export function rankOfTerms(terms: Terms): ModeRank {
  return (terms & 3) as ModeRank;
}

export function tierOfTerms(terms: Terms): Tier {
  return (terms >>> 2) & 3;
}

export function speedOfTerms(terms: Terms): Speed {
  return SPEEDS[tierOfTerms(terms)] ?? 'rt';
}

/** True when only some ticks are sent; which, is told by Filters. */
export function isFilteredTerms(terms: Terms): boolean {
  return (terms & FILTERED) !== 0;
}

/** The mode that has to be streamed: a filter needs the volume to tell a trade, whatever its client is sent. */
export function streamedRankOf(terms: Terms): ModeRank {
  return isFilteredTerms(terms) && rankOfTerms(terms) === 1 ? 2 : rankOfTerms(terms);
}

function hasSameTerms(a: SubscribeItem, b: SubscribeItem): boolean {
  const isSamePace = a.rank === b.rank && a.speed === b.speed;
  return isSamePace && a.filter?.minChange === b.filter?.minChange && a.filter?.onTrade === b.filter?.onTrade;
}

/** The terms of these items, where they are the same for all; undefined also where there are none. */
export function sharedTermsOf(items: readonly SubscribeItem[]): TermsLine | undefined {
  const [first] = items;
  if (!first || !items.every((item) => hasSameTerms(item, first))) return undefined;
  const { rank, speed, filter } = first;
  return { mode: modeOfRank(rank), speed, ...(filter ? { filter } : {}) };
}
