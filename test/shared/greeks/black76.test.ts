import { describe, expect, it } from 'vitest';
import { fillByParity, solveChain, valueChain } from '../../../shared/greeks/black76.ts';
import { impliedGreeks, valueOption } from '../../../shared/greeks/option.ts';
import {
  createOptionColumns,
  type ExpiryTerms,
  type OptionColumns,
} from '../../../shared/greeks/option-columns.ts';
import { OPTION_STATUS } from '../../../shared/greeks/option-status.ts';
import {
  OPTION_AMOUNT_MAX,
  OPTION_AMOUNT_MIN,
  OPTION_RATE_MAX,
  OPTION_VOLATILITY_MAX,
  OPTION_VOLATILITY_MIN,
  OPTION_YEARS_MAX,
  OPTION_YEARS_MIN,
} from '../../../shared/limits.ts';
import { RESULT_BITS, resultBits, seededChain } from './seeded-chains.ts';

const { NaN: NAN, POSITIVE_INFINITY: INFINITE, MIN_VALUE: DENORMAL, MAX_VALUE: HUGE } = Number;
const EPSILON = 2 ** -52;
const SECOND_YEARS = 1 / (365 * 86_400);

const TERMS: ExpiryTerms = { forward: 24_500, years: 7 / 365, rate: 0.065, timeValueMin: 0.025 };
const DISCOUNT = Math.exp((-0.065 * 7) / 365);

function resultsOf(columns: OptionColumns): readonly Float64Array[] {
  const { volatilityPercent, delta, gamma, thetaPerDay, vegaPerPoint, rhoPerPoint } = columns;
  return [volatilityPercent, delta, gamma, thetaPerDay, vegaPerPoint, rhoPerPoint];
}

interface BadInput {
  readonly name: string;
  readonly status: keyof typeof OPTION_STATUS;
  readonly terms?: Partial<ExpiryTerms>;
  readonly strike?: number;
  readonly price?: number;
  readonly isPut?: boolean;
  /** Of the payoff, for expired options. */
  readonly delta?: number;
}

/** The call at 24,000 is worth a little above 500; each case changes what it names. */
const BAD_INPUTS: readonly BadInput[] = [
  { name: 'price of zero', status: 'noPrice', price: 0 },
  { name: 'price of minus zero', status: 'noPrice', price: -0 },
  { name: 'negative price', status: 'badPrice', price: -0.05 },
  { name: 'price NaN', status: 'badPrice', price: NAN },
  { name: 'price infinite', status: 'badPrice', price: INFINITE },
  { name: 'price minus infinite', status: 'badPrice', price: -INFINITE },
  { name: 'price below intrinsic', status: 'belowIntrinsic', price: 500 * DISCOUNT - 0.05 },
  { name: 'denormal price in the money', status: 'belowIntrinsic', price: DENORMAL },
  { name: 'denormal price out of the money', status: 'noTimeValue', price: DENORMAL, isPut: true },
  { name: 'price of the discounted intrinsic value', status: 'noTimeValue', price: 500 * DISCOUNT },
  { name: 'half a tick of time value', status: 'noTimeValue', price: 500 * DISCOUNT + 0.0249 },
  { name: 'call at the discounted forward', status: 'aboveMaximum', price: 24_500 * DISCOUNT },
  { name: 'put at the discounted strike', status: 'aboveMaximum', price: 24_000 * DISCOUNT, isPut: true },
  { name: 'largest double as price', status: 'aboveMaximum', price: HUGE },
  { name: 'expired by a second', status: 'expired', terms: { years: -SECOND_YEARS }, delta: 1 },
  {
    name: 'put expired by a second',
    status: 'expired',
    terms: { years: -SECOND_YEARS },
    isPut: true,
    delta: 0,
  },
  { name: 'call expired at the money', status: 'expired', terms: { years: -1 }, strike: 24_500, delta: 0 },
  {
    name: 'put expired in the money',
    status: 'expired',
    terms: { years: -1 },
    strike: 25_000,
    isPut: true,
    delta: -1,
  },
  { name: 'expired without a price', status: 'expired', terms: { years: 0 }, price: NAN, delta: 1 },
  { name: 'time of zero', status: 'expired', terms: { years: 0 }, delta: 1 },
  { name: 'denormal time', status: 'expired', terms: { years: DENORMAL }, delta: 1 },
  {
    name: 'less than a millisecond',
    status: 'expired',
    terms: { years: OPTION_YEARS_MIN * 0.999 },
    delta: 1,
  },
  { name: 'time minus infinite', status: 'expired', terms: { years: -INFINITE }, delta: 1 },
  { name: 'time NaN', status: 'badTerms', terms: { years: NAN } },
  { name: 'time infinite', status: 'badTerms', terms: { years: INFINITE } },
  { name: 'more years than there are', status: 'badTerms', terms: { years: OPTION_YEARS_MAX * 1.001 } },
  { name: 'rate NaN', status: 'badTerms', terms: { rate: NAN } },
  { name: 'rate infinite', status: 'badTerms', terms: { rate: INFINITE } },
  { name: 'rate in percent', status: 'badTerms', terms: { rate: 6.5 } },
  { name: 'rate too negative', status: 'badTerms', terms: { rate: -OPTION_RATE_MAX * 1.001 } },
  { name: 'no forward', status: 'noUnderlying', terms: { forward: 0 } },
  { name: 'negative forward', status: 'noUnderlying', terms: { forward: -37 } },
  { name: 'forward NaN', status: 'noUnderlying', terms: { forward: NAN } },
  { name: 'forward infinite', status: 'noUnderlying', terms: { forward: INFINITE } },
  { name: 'denormal forward', status: 'noUnderlying', terms: { forward: DENORMAL } },
  { name: 'forward below its bound', status: 'noUnderlying', terms: { forward: OPTION_AMOUNT_MIN * 0.999 } },
  { name: 'forward above its bound', status: 'noUnderlying', terms: { forward: OPTION_AMOUNT_MAX * 1.001 } },
  { name: 'no forward and expired', status: 'noUnderlying', terms: { forward: 0, years: -1 } },
  { name: 'strike of zero', status: 'badStrike', strike: 0 },
  { name: 'negative strike', status: 'badStrike', strike: -24_000 },
  { name: 'strike NaN', status: 'badStrike', strike: NAN },
  { name: 'strike infinite', status: 'badStrike', strike: INFINITE },
  { name: 'denormal strike', status: 'badStrike', strike: DENORMAL },
  { name: 'strike above its bound', status: 'badStrike', strike: OPTION_AMOUNT_MAX * 1.001 },
  { name: 'strike of zero and expired', status: 'badStrike', strike: 0, terms: { years: 0 } },
];

describe('bad input', () => {
  it.each(BAD_INPUTS)(
    '$name: $status',
    ({ status, terms, strike = 24_000, price = 510, isPut, delta = 0 }) => {
      const columns = createOptionColumns(3);
      columns.strikes.set([24_000, strike, 25_000]);
      columns.prices.set([510, price, 510]);
      columns.isPut.set([0, isPut ? 1 : 0, 1]);
      // What an earlier computation left must not pass for a result.
      for (const column of resultsOf(columns)) column.fill(7);
      const given = { ...TERMS, ...terms };
      solveChain(given, columns, 0, 3);
      expect(columns.statuses[1]).toBe(OPTION_STATUS[status]);
      expect(resultsOf(columns).map((column) => column[1])).toEqual([0, delta, 0, 0, 0, 0]);
      if (terms === undefined) {
        expect(columns.statuses[0], 'the option before it').toBe(OPTION_STATUS.ok);
        expect(columns.statuses[2], 'the option after it').toBe(OPTION_STATUS.ok);
      }
      const single = impliedGreeks(given, strike, isPut ?? false, price);
      expect(single.status).toBe(OPTION_STATUS[status]);
      expect(Object.keys(single).length).toBe(status === 'expired' ? 6 : 1);
    },
  );

  it.each([
    0,
    -12,
    NAN,
    INFINITE,
    DENORMAL,
    100 * OPTION_VOLATILITY_MIN * 0.99,
    100 * OPTION_VOLATILITY_MAX * 1.01,
  ])('a volatility of %s %', (percent) => {
    expect(valueOption(TERMS, 24_000, false, percent)).toEqual({ status: OPTION_STATUS.badVolatility });
  });

  it('takes a tick that is no positive number for none', () => {
    for (const timeValueMin of [NAN, -1, 0]) {
      const result = impliedGreeks({ ...TERMS, timeValueMin }, 24_000, false, 500 * DISCOUNT + 0.01);
      expect(result.status).toBe(OPTION_STATUS.ok);
    }
  });

  it('gives finite numbers and known statuses for whatever doubles there are', () => {
    const odd = [
      0,
      DENORMAL,
      1e-300,
      1e-9,
      1e-8,
      0.05,
      1,
      100,
      24_500,
      1e8,
      1e15,
      1e16,
      1e300,
      HUGE,
      INFINITE,
      NAN,
    ];
    const numbers = [...odd, ...odd.map((number) => -number)];
    const years = [DENORMAL, OPTION_YEARS_MIN, SECOND_YEARS, 1, OPTION_YEARS_MAX];
    const columns = createOptionColumns(numbers.length * 2);
    const statuses = new Set<number>(Object.values(OPTION_STATUS));
    const check = (computed: readonly Float64Array[]) => {
      for (const column of computed) expect(column.findIndex((value) => !Number.isFinite(value))).toBe(-1);
      expect([...columns.statuses].filter((status) => !statuses.has(status))).toEqual([]);
    };
    const fillPairs = (column: Float64Array) => {
      for (const [at, number] of numbers.entries()) column.fill(number, 2 * at, 2 * at + 2);
    };
    for (let at = 0; at < columns.isPut.length; at += 2) columns.isPut[at] = 1;
    for (const forward of odd) {
      for (const time of years) {
        for (const strike of odd) {
          const terms = { forward, years: time, rate: -1, timeValueMin: 0 };
          columns.strikes.fill(strike);
          fillPairs(columns.prices);
          solveChain(terms, columns, 0, columns.strikes.length);
          check(resultsOf(columns));
          fillPairs(columns.volatilityPercent);
          valueChain(terms, columns, 0, columns.strikes.length);
          check([columns.prices, ...resultsOf(columns).slice(1)]);
        }
      }
    }
  });
});

describe('chains', () => {
  it('gives the bits that are pinned for every engine', () => {
    expect(resultBits()).toBe(RESULT_BITS);
  });

  it('gives one option the bits that it has in a chain, and leaves the rest of the columns alone', () => {
    const { terms, columns } = seededChain('nse', 5, 200);
    columns.statuses.fill(99);
    solveChain(terms, columns, 50, 150);
    for (let at = 0; at < 200; at++) {
      if (at < 50 || at >= 150) {
        expect(columns.statuses[at]).toBe(99);
        continue;
      }
      const single = impliedGreeks(terms, columns.strikes[at]!, columns.isPut[at] === 1, columns.prices[at]!);
      expect(single.status).toBe(columns.statuses[at]);
      if (single.status !== OPTION_STATUS.ok) continue;
      expect([single.volatilityPercent, single.delta, single.gamma]).toEqual([
        columns.volatilityPercent[at],
        columns.delta[at],
        columns.gamma[at],
      ]);
    }
  });

  it.each(['nse', 'wide'] as const)('%s: a price gives the volatility that gives the price', (kind) => {
    let solved = 0;
    for (let seed = 0; seed < 60; seed++) {
      const { terms, columns } = seededChain(kind, 1_000 + seed, 200);
      const quoted = columns.prices.slice();
      solveChain(terms, columns, 0, 200);
      const { statuses } = columns;
      const isSolved = [...statuses].map((status) => status === OPTION_STATUS.ok);
      const vegas = columns.vegaPerPoint.map((vega, at) => vega * columns.volatilityPercent[at]!);
      valueChain(terms, columns, 0, 200);
      for (let at = 0; at < 200; at++) {
        if (!isSolved[at]) continue;
        solved++;
        const parts = terms.forward + columns.strikes[at]! + 4 * vegas[at]!;
        const isInside = (columns.isPut[at] === 1) === columns.strikes[at]! > terms.forward;
        // In the money the price's parts round; outside only the volatility does, and the price itself.
        const bound = isInside ? 4 * EPSILON * parts : 64 * EPSILON * (vegas[at]! + quoted[at]!);
        expect(Math.abs(columns.prices[at]! - quoted[at]!), `${kind} ${seed} ${at}`).toBeLessThanOrEqual(
          bound,
        );
      }
    }
    expect(solved).toBeGreaterThan(5_000);
  });

  it('gives call and put of a strike one volatility, and deltas that differ by the discount factor', () => {
    const count = 100;
    const columns = createOptionColumns(2 * count);
    for (let at = 0; at < count; at++) {
      columns.strikes.fill(23_000 + 30 * at, 2 * at, 2 * at + 2);
      columns.isPut[2 * at + 1] = 1;
    }
    columns.volatilityPercent.fill(12);
    const terms = { ...TERMS, timeValueMin: 0 };
    valueChain(terms, columns, 0, 2 * count);
    for (let at = 0; at < count; at++) {
      const parity = columns.prices[2 * at]! - columns.prices[2 * at + 1]!;
      expect(Math.abs(parity - DISCOUNT * (24_500 - columns.strikes[2 * at]!))).toBeLessThan(1e-11);
    }
    solveChain(terms, columns, 0, 2 * count);
    for (let at = 0; at < count; at++) {
      const [call, put] = [2 * at, 2 * at + 1];
      const bound = (8 * EPSILON * 24_500) / (columns.vegaPerPoint[call]! * 0.12);
      expect(Math.abs(columns.volatilityPercent[call]! - columns.volatilityPercent[put]!)).toBeLessThan(
        bound,
      );
      expect(Math.abs(columns.delta[call]! - columns.delta[put]! - DISCOUNT)).toBeLessThan(
        bound + 4 * EPSILON,
      );
    }
  });

  it('has deltas of one volatility differ by the discount factor to four roundings', () => {
    for (let strike = 20_000; strike <= 30_000; strike += 25) {
      const [call, put] = [false, true].map((isPut) => valueOption(TERMS, strike, isPut, 14));
      if (call?.status !== OPTION_STATUS.ok || put?.status !== OPTION_STATUS.ok) throw new Error(`${strike}`);
      expect(Math.abs(call.delta - put.delta - DISCOUNT)).toBeLessThanOrEqual(4 * EPSILON);
      expect(call.gamma).toBe(put.gamma);
      expect(call.vegaPerPoint).toBe(put.vegaPerPoint);
    }
  });

  it('has volatility rise with the price, through every branch of the solver', () => {
    for (const strike of [24_500, 24_500.01, 24_600, 26_000, 31_000, 33_000, 60_000, 1e6]) {
      for (const isPut of [false, true]) {
        const intrinsic = Math.max(0, isPut ? strike - 24_500 : 24_500 - strike);
        const terms = { ...TERMS, rate: 0, timeValueMin: 0 };
        let previous = 0;
        for (let step = 1; step < 4_000; step++) {
          const share = step / 4_000;
          const value = 24_500 * (share < 0.5 ? (2 * share) ** 12 / 2 : 1 - (2 - 2 * share) ** 3 / 2);
          const result = impliedGreeks(terms, strike, isPut, intrinsic + value);
          if (result.status === OPTION_STATUS.noTimeValue) continue;
          if (result.status !== OPTION_STATUS.ok) throw new Error(`${strike} ${value}: ${result.status}`);
          // In the money two small time values can be one after the sum with the rest is rounded.
          const least = intrinsic > 0 ? previous : previous * (1 + EPSILON);
          expect(result.volatilityPercent, `${strike} ${isPut} ${value}`).toBeGreaterThanOrEqual(least);
          previous = result.volatilityPercent;
        }
      }
    }
  });
});

describe('parity', () => {
  /** Calls and puts at 24,000, 24,500 and 25,000, at 12 %, and each leg's other one. */
  function quotedChain() {
    const columns = createOptionColumns(6);
    columns.strikes.set([24_000, 24_000, 24_500, 24_500, 25_000, 25_000]);
    columns.isPut.set([0, 1, 0, 1, 0, 1]);
    columns.volatilityPercent.fill(12);
    valueChain(TERMS, columns, 0, 6);
    const exact = { ...columns, delta: columns.delta.slice(), thetaPerDay: columns.thetaPerDay.slice() };
    return { columns, exact, otherLegs: Int32Array.of(1, 0, 3, 2, 5, 4) };
  }

  it('gives a leg in the money that says nothing the Greeks of its other leg', () => {
    const { columns, exact, otherLegs } = quotedChain();
    columns.prices[0] = 490;
    columns.prices[5] = 0;
    solveChain(TERMS, columns, 0, 6);
    expect(columns.statuses[0]).toBe(OPTION_STATUS.belowIntrinsic);
    fillByParity(TERMS, columns, otherLegs, 0, 6);
    const { ok, byParity } = OPTION_STATUS;
    expect([...columns.statuses]).toEqual([byParity, ok, ok, ok, ok, byParity]);
    for (const at of [0, 5]) {
      expect(columns.volatilityPercent[at]).toBe(0);
      expect(columns.delta[at]).toBeCloseTo(exact.delta[at]!, 12);
      expect(columns.thetaPerDay[at]).toBeCloseTo(exact.thetaPerDay[at]!, 9);
    }
    expect([columns.prices[0], columns.prices[5]]).toEqual([490, 0]);
  });

  it('leaves legs out of the money, lone legs and those whose other leg has no volatility', () => {
    const { columns, otherLegs } = quotedChain();
    columns.prices[1] = 0;
    columns.prices[0] = 490;
    columns.prices[2] = 0;
    columns.prices[5] = 490;
    otherLegs[5] = -1;
    solveChain(TERMS, columns, 0, 6);
    const before = [...columns.statuses];
    fillByParity(TERMS, columns, otherLegs, 0, 6);
    const { ok, noPrice, belowIntrinsic } = OPTION_STATUS;
    expect(before).toEqual([belowIntrinsic, noPrice, noPrice, ok, ok, belowIntrinsic]);
    // At the money neither leg is in it.
    expect([...columns.statuses]).toEqual([belowIntrinsic, noPrice, noPrice, 0, 0, belowIntrinsic]);
  });

  it('does nothing once expired', () => {
    const { columns, otherLegs } = quotedChain();
    const expired = { ...TERMS, years: 0 };
    solveChain(expired, columns, 0, 6);
    fillByParity(expired, columns, otherLegs, 0, 6);
    expect([...columns.statuses]).toEqual(Array(6).fill(OPTION_STATUS.expired));
  });
});
