// All options on one underlying at one exchange, by expiry and strike, with the instruments that their forwards come from.
import { priceDivisorOf, SEGMENT } from '../../../shared/instrument.ts';
import type { Contract, ContractBook, UnderlyingContracts } from './contract-book.ts';
import { expiryTimeMs } from './time-to-expiry.ts';
import { optionSegmentOf, spotSymbolOf } from './underlying.ts';

/** Of one expiry. `pairs` are the strikes that have both legs, ascending. */
export interface OptionExpiry {
  readonly key: string;
  readonly expiryMs: number;
  /** The smallest of its options', in rupees. */
  readonly tickSize: number;
  readonly pairStrikes: Float64Array;
  readonly pairCalls: Uint32Array;
  readonly pairPuts: Uint32Array;
  /** The future that its options are about; undefined when none ends with it. */
  readonly future: FutureContract | undefined;
  /** Futures of other expiries, for what the underlying costs to carry: the next ones before and after. */
  readonly otherFutures: readonly FutureContract[];
}

export interface FutureContract {
  readonly token: number;
  readonly expiryMs: number;
  readonly tickSize: number;
}

export interface OptionLeg {
  readonly family: OptionFamily;
  readonly expiry: OptionExpiry;
  readonly strike: number;
  readonly isPut: boolean;
  readonly tickSize: number;
  /** Index in the expiry's pairs, or -1: its strike has no other leg. */
  readonly pairAt: number;
}

export interface OptionFamily {
  readonly key: string;
  readonly divisor: number;
  /** Undefined where only futures are. */
  readonly spotToken: number | undefined;
  readonly legs: ReadonlyMap<number, OptionLeg>;
}

function futuresOf(segment: number, contracts: readonly Contract[]): FutureContract[] {
  return contracts
    .flatMap(({ token, type, expiry, tickSize }) => {
      const expiryMs = type === 'FUT' ? expiryTimeMs(segment, expiry) : undefined;
      return expiryMs === undefined ? [] : [{ token, expiryMs, tickSize }];
    })
    .sort((a, b) => a.expiryMs - b.expiryMs);
}

/** Options on commodities end some days before the future that they are exercised into. */
function futureOf(
  segment: number,
  futures: readonly FutureContract[],
  atMs: number,
): FutureContract | undefined {
  return futures.find(({ expiryMs }) => (segment === SEGMENT.MCX ? expiryMs >= atMs : expiryMs === atMs));
}

function expiryOf(
  key: string,
  segment: number,
  expiryMs: number,
  options: readonly Contract[],
  futures: readonly FutureContract[],
): OptionExpiry {
  const puts = new Map(options.flatMap((c) => (c.type === 'PE' ? [[c.strike, c.token] as const] : [])));
  const calls = options.filter(({ type, strike }) => type === 'CE' && strike > 0 && puts.has(strike));
  calls.sort((a, b) => a.strike - b.strike);
  const future = futureOf(segment, futures, expiryMs);
  const before = futures.findLast((other) => other.expiryMs < expiryMs);
  const after = futures.find((other) => other.expiryMs > expiryMs);
  return {
    key,
    expiryMs,
    tickSize: Math.min(...options.map(({ tickSize }) => tickSize)),
    pairStrikes: Float64Array.from(calls, ({ strike }) => strike),
    pairCalls: Uint32Array.from(calls, ({ token }) => token),
    pairPuts: Uint32Array.from(calls, ({ strike }) => puts.get(strike) as number),
    future,
    otherFutures: future ? [] : [before, after].filter((other) => other !== undefined),
  };
}

/** Undefined when the exchange has no options that could be valued. */
export function optionFamilyOf(
  { exchange, name, contracts }: UnderlyingContracts,
  book: ContractBook,
): OptionFamily | undefined {
  const segment = optionSegmentOf(exchange);
  if (segment === undefined) return undefined;
  const byExpiry = new Map<string, Contract[]>();
  for (const contract of contracts) {
    if (contract.type === 'FUT') continue;
    const others = byExpiry.get(contract.expiry);
    if (others) others.push(contract);
    else byExpiry.set(contract.expiry, [contract]);
  }
  const futures = futuresOf(segment, contracts);
  const spot = spotSymbolOf(exchange, name);
  const legs = new Map<number, OptionLeg>();
  const key = `${exchange}:${name}`;
  const family: OptionFamily = {
    key,
    divisor: priceDivisorOf(segment),
    spotToken: spot && book.tokenOf(spot.exchange, spot.tradingsymbol),
    legs,
  };
  for (const [date, options] of byExpiry) {
    const expiryMs = expiryTimeMs(segment, date);
    if (expiryMs === undefined) continue;
    const expiry = expiryOf(`${key}:${date}`, segment, expiryMs, options, futures);
    const pairs = new Map(Array.from(expiry.pairStrikes, (strike, at) => [strike, at] as const));
    for (const { token, type, strike, tickSize } of options) {
      const pairAt = pairs.get(strike) ?? -1;
      legs.set(token, { family, expiry, strike, isPut: type === 'PE', tickSize, pairAt });
    }
  }
  return family;
}
