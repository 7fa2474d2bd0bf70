// Black-76 against reference values (C's erfc) and against the bounds that no arbitrage allows.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  callPrice,
  normalCdf,
  putPrice,
  smileVolatility,
} from '../../../../ingest/simulator/core/option-price.ts';

test('the normal distribution agrees with erfc to the last bits of 1', () => {
  const reference: [number, number][] = [
    [-8, 6.220960574271819e-16],
    [-5, 2.866515718791946e-7],
    [-3, 0.0013498980316300957],
    [-1.5, 0.06680720126885809],
    [0, 0.5],
    [0.5, 0.6914624612740131],
    [1, 0.8413447460685429],
    [2.5, 0.9937903346742238],
    [6, 0.9999999990134123],
  ];
  for (const [x, expected] of reference) expect(Math.abs(normalCdf(x) - expected)).toBeLessThan(1e-15);
  expect([normalCdf(-40), normalCdf(40)]).toEqual([0, 1]);
});

test('calls have the prices of the closed formula', () => {
  const terms = { forward: 100, strike: 100, years: 1, volatility: 0.2, rate: 0.05 };
  expect(callPrice(terms)).toBeCloseTo(7.57708214642728, 11);
  const week = { forward: 26_000, strike: 26_500, years: 7 / 365, volatility: 0.12, rate: 0.065 };
  expect(callPrice(week)).toBeCloseTo(27.26199805940797, 9);
  const deep = { forward: 59_000, strike: 50_000, years: 30 / 365, volatility: 0.2, rate: 0 };
  expect(callPrice(deep)).toBeCloseTo(9001.765634680669, 8);
});

test('prices keep to the no-arbitrage bounds and to put-call parity', () => {
  const terms = fc.record({
    forward: fc.double({ min: 10, max: 90_000, noNaN: true }),
    strike: fc.double({ min: 10, max: 90_000, noNaN: true }),
    years: fc.double({ min: 1e-6, max: 3, noNaN: true }),
    volatility: fc.double({ min: 0.02, max: 2, noNaN: true }),
    rate: fc.double({ min: 0, max: 0.1, noNaN: true }),
  });
  fc.assert(
    fc.property(terms, (each) => {
      const discount = Math.exp(-each.rate * each.years);
      const call = callPrice(each);
      const put = putPrice(each);
      const slack = 1e-9 * (each.forward + each.strike);
      expect(call).toBeGreaterThanOrEqual(discount * Math.max(0, each.forward - each.strike) - slack);
      expect(call).toBeLessThanOrEqual(discount * each.forward + slack);
      expect(Math.abs(call - put - discount * (each.forward - each.strike))).toBeLessThanOrEqual(slack);
    }),
    { numRuns: 2_000 },
  );
});

test('the smile is lowest near the money, dearer below it than above, and flat beyond six deviations', () => {
  const smile = { skew: -0.06, curvature: 0.02, termSlope: 0.15 };
  const at = (strike: number) => smileVolatility(smile, 0.14, 26_000, strike, 30 / 365);
  expect(at(26_000)).toBeCloseTo(0.14, 12);
  expect(at(24_000)).toBeGreaterThan(at(28_000));
  expect(at(24_000)).toBeGreaterThan(at(26_000));
  expect(at(5_000)).toBe(at(1_000));
});
