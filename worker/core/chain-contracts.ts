// The options of one underlying that expire together, by strike; and the window of them around one strike.

import type { InstrumentToken } from '../../shared/instrument.ts';
import { CHAIN_HYSTERESIS } from '../../shared/limits.ts';

export interface ChainName {
  readonly underlying: string;
  readonly exchange: string;
  /** YYYY-MM-DD. */
  readonly expiry: string;
}

export type LegType = 'CE' | 'PE';
export const LEG_TYPES: readonly LegType[] = ['CE', 'PE'];

export interface ChainMember {
  readonly token: InstrumentToken;
  readonly tradingsymbol: string;
  /** Rupees. */
  readonly strike: number;
  readonly type: LegType;
}

/** The contracts of one strike; an exchange may have only one of them. */
export interface ChainStrike {
  readonly strike: number;
  readonly legs: readonly ChainMember[];
}

/** Strikes ascending. */
export type ChainContracts = readonly ChainStrike[];

export interface ChainWindow {
  /** What it is of. */
  readonly contracts: ChainContracts;
  /** The strike in its middle. */
  readonly center: number;
  readonly strikes: ChainContracts;
}

export function chainKey({ exchange, underlying, expiry }: ChainName): string {
  return `${exchange}:${underlying}:${expiry}`;
}

/** Contracts in any order, by strike. */
export function contractsOf(members: Iterable<ChainMember>): ChainContracts {
  const legs = new Map<number, ChainMember[]>();
  for (const member of members) {
    const known = legs.get(member.strike);
    if (known) known.push(member);
    else legs.set(member.strike, [member]);
  }
  return [...legs].map(([strike, all]) => ({ strike, legs: all })).sort((a, b) => a.strike - b.strike);
}

/** Without the contract of the token; without its strike when that was its last. */
export function contractsWithout(contracts: ChainContracts, token: InstrumentToken): ChainContracts {
  return contracts.flatMap((row) => {
    const legs = row.legs.filter((leg) => leg.token !== token);
    if (legs.length === row.legs.length) return [row];
    return legs.length === 0 ? [] : [{ ...row, legs }];
  });
}

/** Index of the strike nearest to a price, of two the lower one; -1 where there are none. */
export function nearestIndex(contracts: ChainContracts, price: number): number {
  let nearest = -1;
  let distance = Number.POSITIVE_INFINITY;
  for (const [index, { strike }] of contracts.entries()) {
    if (Math.abs(strike - price) >= distance) break;
    distance = Math.abs(strike - price);
    nearest = index;
  }
  return nearest;
}

/** Where a window begins before anything is known of prices: strikes are listed around the money of the listing day. */
export function anchorOf(contracts: ChainContracts): number {
  return contracts[contracts.length >> 1]?.strike ?? 0;
}

/**
 * The strike that the window is to be around at this forward: the nearest one, unless that is a neighbour of `center` and the
 * forward has hardly passed the middle between them.
 */
export function centerAfter(contracts: ChainContracts, center: number, forward: number): number {
  const at = nearestIndex(contracts, center);
  const nearest = nearestIndex(contracts, forward);
  const [present, wanted] = [contracts[at], contracts[nearest]];
  if (!present || !wanted || present === wanted) return present?.strike ?? center;
  if (Math.abs(nearest - at) > 1) return wanted.strike;
  const middle = (present.strike + wanted.strike) / 2;
  const distance = Math.abs(wanted.strike - present.strike);
  return Math.abs(forward - middle) > CHAIN_HYSTERESIS * distance ? wanted.strike : present.strike;
}

/** The strike nearest to `center` and so many on each side of it, fewer at the ends of the list. */
export function windowOf(contracts: ChainContracts, center: number, strikesEachSide: number): ChainWindow {
  const at = nearestIndex(contracts, center);
  const strikes = contracts.slice(Math.max(0, at - strikesEachSide), at + strikesEachSide + 1);
  return { contracts, center, strikes };
}

export function membersOf({ strikes }: ChainWindow): ChainMember[] {
  return strikes.flatMap(({ legs }) => legs);
}
