import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { impliedGreeks, valueOption } from '../../../shared/greeks/option.ts';
import type { ExpiryTerms } from '../../../shared/greeks/option-columns.ts';
import { OPTION_STATUS } from '../../../shared/greeks/option-status.ts';
import {
  formatRow,
  parseRow,
  REFERENCE_CLASSES,
  type ReferenceRow,
  referenceRow,
  referenceSamples,
} from './reference/rows.ts';

const EPSILON = 2 ** -52;
/** Of implied volatilities, in units of what one rounding of the price's parts moves them by. */
const IMPLIED_ERROR_MAX = 4;
/** Of Greeks at a known volatility, in units of what one rounding of the volatility and the strike moves them by. */
const GREEK_ERROR_MAX = 8;

const lines = readFileSync(new URL('../../fixtures/black76.csv', import.meta.url), 'utf8')
  .trimEnd()
  .split('\n');
const rows = lines.slice(1).map(parseRow);

function termsOf({ forward, years, rate }: ReferenceRow): ExpiryTerms {
  return { forward, years, rate, timeValueMin: 0 };
}

function relativeError(value: number, exact: number): number {
  return Math.abs(value / exact - 1);
}

/** What Greeks are sensitive by: 1 + d1² + |d1|/s. */
function conditionOf({ forward, strike, years, volatilityPercent }: ReferenceRow): number {
  const deviation = (volatilityPercent / 100) * Math.sqrt(years);
  const d1 = Math.log(forward / strike) / deviation + deviation / 2;
  return 1 + d1 * d1 + Math.abs(d1) / deviation;
}

describe('reference table', () => {
  it('is what its generator writes', () => {
    const samples = [...referenceSamples()];
    const known = new Set(lines);
    for (let at = 0; at < samples.length; at += 25) {
      const row = referenceRow(samples[at]!);
      if (row) expect(known.has(formatRow(row)), formatRow(row)).toBe(true);
    }
  });

  it.each(REFERENCE_CLASSES)('%s: implied volatilities are as exact as their prices', (name) => {
    let worst = 0;
    let count = 0;
    for (const row of rows) {
      if (row.class !== name || row.impliedPercent === 0) continue;
      const result = impliedGreeks(termsOf(row), row.strike, row.isPut, row.quote);
      if (result.status !== OPTION_STATUS.ok) throw new Error(`status ${result.status}: ${formatRow(row)}`);
      const error = relativeError(result.volatilityPercent, row.impliedPercent);
      const units = error / (EPSILON * (1 + row.condition));
      expect(units, formatRow(row)).toBeLessThanOrEqual(IMPLIED_ERROR_MAX);
      worst = Math.max(worst, units);
      count++;
    }
    expect(count).toBeGreaterThan(200);
    if (process.env.SHOW_ERRORS) console.log(name, 'implied', worst, count);
  });

  it('gives out-of-the-money volatilities to 4e-15 up to deviations of 0.9', () => {
    let worst = 0;
    let count = 0;
    for (const row of rows) {
      const deviation = (row.impliedPercent / 100) * Math.sqrt(row.years);
      const isInside = row.isPut ? row.strike > row.forward : row.strike < row.forward;
      if (isInside || !(deviation >= 1e-6 && deviation <= 0.9)) continue;
      const result = impliedGreeks(termsOf(row), row.strike, row.isPut, row.quote);
      if (result.status !== OPTION_STATUS.ok) throw new Error(`status ${result.status}: ${formatRow(row)}`);
      const error = relativeError(result.volatilityPercent, row.impliedPercent);
      expect(error, formatRow(row)).toBeLessThanOrEqual(4e-15);
      worst = Math.max(worst, error);
      count++;
    }
    expect(count).toBeGreaterThan(700);
    if (process.env.SHOW_ERRORS) console.log('out of the money', worst, count);
  });

  it.each(REFERENCE_CLASSES)('%s: prices and Greeks at a known volatility', (name) => {
    const worst: Record<string, number> = {};
    for (const row of rows) {
      if (row.class !== name) continue;
      const result = valueOption(termsOf(row), row.strike, row.isPut, row.volatilityPercent);
      if (result.status !== OPTION_STATUS.ok) throw new Error(`status ${result.status}: ${formatRow(row)}`);
      const unit = EPSILON * conditionOf(row);
      // Theta is a difference: of the size of its larger part is what its error is relative to.
      const decay = (row.vegaPerPoint * row.volatilityPercent) / (2 * row.years * 365);
      const thetaSize = Math.max(Math.abs(row.thetaPerDay), decay, (row.rate * row.price) / 365);
      const errors = {
        price: relativeError(result.price, row.price),
        delta: relativeError(result.delta, row.delta),
        gamma: relativeError(result.gamma, row.gamma),
        vega: relativeError(result.vegaPerPoint, row.vegaPerPoint),
        rho: relativeError(result.rhoPerPoint, row.rhoPerPoint),
        theta: Math.abs(result.thetaPerDay - row.thetaPerDay) / thetaSize,
      };
      for (const [greek, error] of Object.entries(errors)) {
        expect(error / unit, `${greek} of ${formatRow(row)}`).toBeLessThanOrEqual(GREEK_ERROR_MAX);
        worst[greek] = Math.max(worst[greek] ?? 0, error / unit);
      }
    }
    if (process.env.SHOW_ERRORS) console.log(name, worst);
  });
});
