import { describe, expect, it } from 'vitest';
import {
  type Carry,
  carryOf,
  chooseForward,
  type ForwardInputs,
  type StrikeQuote,
  syntheticForward,
} from '../../../../ingest/core/greeks/forward.ts';
import { valueOption } from '../../../../shared/greeks/option.ts';
import { OPTION_STATUS } from '../../../../shared/greeks/option-status.ts';
import { SYNTHETIC_STRIKES_MIN } from '../../../../shared/limits.ts';

const YEARS = 7 / 365;
const RATE = 0.065;
const FORWARD = 24_537.4;

/** Both legs at 12 %, exact. */
function quotedStrike(strike: number, spread = 0.5): StrikeQuote {
  const terms = { forward: FORWARD, years: YEARS, rate: RATE, timeValueMin: 0 };
  const [call, put] = [false, true].map((isPut) => {
    const value = valueOption(terms, strike, isPut, 12);
    if (value.status !== OPTION_STATUS.ok) throw new Error(`${strike}`);
    return value.price;
  }) as [number, number];
  return { strike, call, put, spread };
}

const STRIKES = Array.from({ length: 21 }, (_, at) => quotedStrike(24_000 + 50 * at));

describe('syntheticForward', () => {
  it('finds the forward that the options were priced with', () => {
    expect(syntheticForward(STRIKES, YEARS, RATE)).toBeCloseTo(FORWARD, 8);
  });

  it('does not let one bad quote at the money move it', () => {
    const strikes = STRIKES.map((quote) =>
      quote.strike === 24_550 ? { ...quote, call: quote.call + 30 } : quote,
    );
    expect(syntheticForward(strikes, YEARS, RATE)).toBeCloseTo(FORWARD, 8);
  });

  it('trusts narrow books more', () => {
    const off = (strike: number) => ({ ...quotedStrike(strike, 40), call: quotedStrike(strike).call + 5 });
    const strikes = [off(24_450), off(24_500), quotedStrike(24_550, 0), off(24_600), off(24_650)];
    expect(syntheticForward(strikes, YEARS, RATE)).toBeCloseTo(FORWARD, 8);
  });

  it('leaves far strikes out, however narrow', () => {
    const far = [23_000, 26_000, 27_000, 28_000].map((strike) => ({
      ...quotedStrike(strike, 0.05),
      call: 3_000,
    }));
    expect(syntheticForward([...far, ...STRIKES], YEARS, RATE)).toBeCloseTo(FORWARD, 8);
  });

  it('needs some strikes with both legs', () => {
    const few = STRIKES.slice(0, SYNTHETIC_STRIKES_MIN - 1);
    const bad = { ...quotedStrike(24_550), put: 0 };
    expect(syntheticForward(few, YEARS, RATE)).toBeUndefined();
    expect(syntheticForward([...few, bad, { ...bad, put: Number.NaN }], YEARS, RATE)).toBeUndefined();
    expect(syntheticForward(STRIKES.slice(0, SYNTHETIC_STRIKES_MIN), YEARS, RATE)).toBeCloseTo(FORWARD, 8);
    expect(syntheticForward([], YEARS, RATE)).toBeUndefined();
  });
});

describe('chooseForward', () => {
  const carries: readonly Carry[] = [
    { years: 0.1, rate: 0.05 },
    { years: 0.01, rate: 0.07 },
  ];
  const all: ForwardInputs = {
    years: YEARS,
    rate: RATE,
    dividendYield: 0,
    future: 24_600,
    strikes: STRIKES,
    spot: 24_500,
    carries,
  };
  const { future: _, ...noFuture } = all;

  it('takes the same-expiry future, then the options, then the carry of other expiries, then the spot', () => {
    expect(chooseForward(all)).toEqual({ price: 24_600, source: 'future' });
    expect(chooseForward(noFuture)).toMatchObject({ source: 'synthetic' });
    expect(chooseForward({ ...noFuture, strikes: [] })).toMatchObject({ source: 'carry' });
    const spot = chooseForward({ ...noFuture, strikes: [], carries: [] });
    expect(spot).toEqual({ price: expect.closeTo(24_500 * Math.exp(RATE * YEARS), 8), source: 'spot' });
    const { spot: __, ...nothing } = noFuture;
    expect(chooseForward({ ...nothing, strikes: [] })).toBeUndefined();
  });

  it.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY])('takes a price of %s for none', (bad) => {
    expect(chooseForward({ ...all, future: bad })).toMatchObject({ source: 'synthetic' });
    expect(chooseForward({ ...noFuture, strikes: [], spot: bad })).toBeUndefined();
  });

  it.each([
    ['between two expiries, by time', 0.055, 0.06],
    ['before the first, as the first', 0.005, 0.07],
    ['at an expiry, as it', 0.1, 0.05],
    ['after the last, as the last', 1, 0.05],
  ])('carries %s', (_name, years, rate) => {
    const forward = chooseForward({ ...noFuture, strikes: [], years });
    expect(forward?.price).toBeCloseTo(24_500 * Math.exp(rate * years), 8);
  });

  it('gives back the forward that a carry was made of', () => {
    const carry = carryOf(FORWARD, 24_500, YEARS)!;
    const forward = chooseForward({ ...noFuture, strikes: [], carries: [carry] });
    expect(forward?.price).toBeCloseTo(FORWARD, 8);
    expect(carryOf(0, 24_500, YEARS)).toBeUndefined();
    expect(carryOf(FORWARD, Number.NaN, YEARS)).toBeUndefined();
    expect(carryOf(FORWARD, 24_500, 0)).toBeUndefined();
  });
});
