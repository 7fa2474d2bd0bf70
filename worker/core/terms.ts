// The terms of one subscription, packed into a few bits: how much of a tick (mode rank) and how often (speed tier).
import type { ModeRank } from '../../shared/tick.ts';
import { SPEEDS, type Speed } from './protocol.ts';

/** Rank in the lower two bits, tier above them. Always above zero, because a rank is. */
export type Terms = number;

/** Bits that terms take, where they are packed with something else. */
export const TERMS_BITS = 4;

/** Position of the speed in SPEEDS; tier 0 sends at once. */
export type Tier = number;

export function termsOf(rank: ModeRank, speed: Speed): Terms {
  return (SPEEDS.indexOf(speed) << 2) | rank;
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
