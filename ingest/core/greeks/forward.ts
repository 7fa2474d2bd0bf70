// The forward of one (underlying, expiry): from its future, its options, other expiries, or the spot, the best there is.
import { exp, ln } from '../../../shared/greeks/elementary.ts';
import { SYNTHETIC_STRIKES_MAX, SYNTHETIC_STRIKES_MIN } from '../../../shared/limits.ts';
import type { ForwardSource } from '../../../shared/record-greeks.ts';

export interface Forward {
  /** Rupees. */
  readonly price: number;
  /** Best first; `spot` leaves out dividends and what the market pays for carry. */
  readonly source: ForwardSource;
}

/** Both legs of a strike by the middles of sound books; `spread` is the sum of both spreads. Rupees. */
export interface StrikeQuote {
  readonly strike: number;
  readonly call: number;
  readonly put: number;
  readonly spread: number;
}

/** What another expiry of the same underlying costs to carry: ln(forward / spot) / years. */
export interface Carry {
  readonly years: number;
  readonly rate: number;
}

export interface ForwardInputs {
  /** To this expiry, > 0. */
  readonly years: number;
  /** Continuously compounded, per year, as a fraction. */
  readonly rate: number;
  /** As the rate: what whoever holds the underlying is paid meanwhile. For a forward from the spot alone. */
  readonly dividendYield: number;
  /** Middle of the same-expiry future's sound book. */
  readonly future?: number;
  readonly strikes: readonly StrikeQuote[];
  readonly spot?: number;
  readonly carries: readonly Carry[];
}

function isPrice(value: number | undefined): value is number {
  return value !== undefined && value > 0 && value < Number.POSITIVE_INFINITY;
}

/** The least value that half of all weight is not above: no single strike can move it far. */
function weightedMedian(
  values: readonly { readonly value: number; readonly weight: number }[],
): number | undefined {
  const ascending = values.toSorted((a, b) => a.value - b.value);
  let rest = 0.5 * values.reduce((sum, { weight }) => sum + weight, 0);
  return ascending.find(({ weight }) => {
    rest -= weight;
    return rest <= 0;
  })?.value;
}

/**
 * F = K + (C - P) e^(rate x years), of the strikes whose legs are nearest to each other in price, which are those around
 * the money; narrow books weigh more. Undefined when too few strikes are quoted.
 */
export function syntheticForward(
  strikes: readonly StrikeQuote[],
  years: number,
  rate: number,
): number | undefined {
  const nearest = strikes
    .filter(({ strike, call, put, spread }) => [strike, call, put].every(isPrice) && spread >= 0)
    .toSorted((a, b) => Math.abs(a.call - a.put) - Math.abs(b.call - b.put))
    .slice(0, SYNTHETIC_STRIKES_MAX);
  if (nearest.length < SYNTHETIC_STRIKES_MIN) return undefined;
  const growth = exp(rate * years);
  // Even a book without a spread may not outweigh all others.
  const narrowest = Math.min(...nearest.map(({ spread }) => spread).filter((spread) => spread > 0), 1);
  return weightedMedian(
    nearest.map(({ strike, call, put, spread }) => ({
      value: strike + (call - put) * growth,
      weight: 1 / Math.max(spread, narrowest),
    })),
  );
}

/** Undefined unless forward, spot and years are above zero. */
export function carryOf(forward: number, spot: number, years: number): Carry | undefined {
  if (!isPrice(forward) || !isPrice(spot) || !(years > 0)) return undefined;
  return { years, rate: ln(forward / spot) / years };
}

/** Between its neighbours by time; outside of all expiries, that of the nearest. */
function carryAt(carries: readonly Carry[], years: number): number | undefined {
  const ascending = carries.toSorted((a, b) => a.years - b.years);
  const before = ascending.findLast((carry) => carry.years <= years);
  const after = ascending.find((carry) => carry.years > years);
  if (!before || !after) return (before ?? after)?.rate;
  const share = (years - before.years) / (after.years - before.years);
  return before.rate + share * (after.rate - before.rate);
}

/** F = S e^(carry x years). */
export function spotForward(spot: number, carry: number, years: number): number {
  return spot * exp(carry * years);
}

/** Undefined when nothing is known of the underlying. */
export function chooseForward(inputs: ForwardInputs): Forward | undefined {
  const { years, rate, dividendYield, future, strikes, spot, carries } = inputs;
  if (isPrice(future)) return { price: future, source: 'future' };
  const synthetic = syntheticForward(strikes, years, rate);
  if (isPrice(synthetic)) return { price: synthetic, source: 'synthetic' };
  if (!isPrice(spot)) return undefined;
  const carry = carryAt(carries, years);
  if (carry !== undefined) return { price: spotForward(spot, carry, years), source: 'carry' };
  return { price: spotForward(spot, rate - dividendYield, years), source: 'spot' };
}
