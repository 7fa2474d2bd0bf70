import { describe, expect, it } from 'vitest';
import { toSpotGreeks } from '../../../../ingest/core/greeks/spot-greeks.ts';
import { normalCdf } from '../../../../ingest/simulator/core/option-price.ts';
import { valueChain } from '../../../../shared/greeks/black76.ts';
import { createOptionColumns } from '../../../../shared/greeks/option-columns.ts';
import { OPTION_STATUS } from '../../../../shared/greeks/option-status.ts';
import { NIFTY_50, ScriptedMarket, WEEKLY } from '../../support/scripted-market.ts';

const density = (x: number) => Math.exp(-0.5 * x * x) / Math.sqrt(2 * Math.PI);

/** Black and Scholes' formulas on the spot, as textbooks have them, in our units. */
function blackScholes(
  spot: number,
  strike: number,
  years: number,
  rate: number,
  yieldRate: number,
  volatility: number,
  isPut: boolean,
) {
  const deviation = volatility * Math.sqrt(years);
  const d1 = (Math.log(spot / strike) + (rate - yieldRate + 0.5 * volatility ** 2) * years) / deviation;
  const d2 = d1 - deviation;
  const sign = isPut ? -1 : 1;
  const [paid, owned] = [Math.exp(-rate * years), Math.exp(-yieldRate * years)];
  const [n1, n2] = [normalCdf(sign * d1), normalCdf(sign * d2)];
  const decay = (-spot * owned * density(d1) * volatility) / (2 * Math.sqrt(years));
  const theta = decay - sign * rate * strike * paid * n2 + sign * yieldRate * spot * owned * n1;
  return {
    price: sign * (spot * owned * n1 - strike * paid * n2),
    delta: sign * owned * n1,
    gamma: (owned * density(d1)) / (spot * deviation),
    thetaPerDay: theta / 365,
    vegaPerPoint: 0.01 * spot * owned * density(d1) * Math.sqrt(years),
    rhoPerPoint: 0.01 * sign * strike * years * paid * n2,
  };
}

describe.each([
  ['NSE: 10 %, no dividends', 0.1, 0],
  ['with a dividend yield', 0.065, 0.013],
])('%s', (_, rate, dividendYield) => {
  it.each([
    [24_500, 24_500, 7 / 365, 0.12, false],
    [24_500, 24_500, 7 / 365, 0.12, true],
    [24_500, 23_800, 30 / 365, 0.15, false],
    [24_500, 25_300, 90 / 365, 0.14, true],
    [100, 130, 0.5, 0.6, false],
  ])('spot %f, strike %f, %f years at %f', (spot, strike, years, volatility, isPut) => {
    const columns = createOptionColumns(1);
    columns.strikes[0] = strike;
    columns.isPut[0] = isPut ? 1 : 0;
    columns.volatilityPercent[0] = 100 * volatility;
    const terms = { forward: spot * Math.exp((rate - dividendYield) * years), years, rate, timeValueMin: 0 };
    valueChain(terms, columns, 0, 1);
    expect(columns.statuses[0]).toBe(OPTION_STATUS.ok);
    toSpotGreeks(columns, 0, 1, terms, spot, { model: 'spot', rate, dividendYield });
    const expected = blackScholes(spot, strike, years, rate, dividendYield, volatility, isPut);
    expect(columns.prices[0]).toBeCloseTo(expected.price, 4);
    for (const name of ['delta', 'gamma', 'thetaPerDay', 'vegaPerPoint', 'rhoPerPoint'] as const) {
      const value = columns[name][0] as number;
      expect(Math.abs(value / expected[name] - 1), `${name} ${value} ${expected[name]}`).toBeLessThan(1e-5);
    }
  });
});

it('the spot model takes the index at its rate, whatever the futures say, and needs nothing else', () => {
  const settings = { model: 'spot', rate: 0.1, dividendYield: 0 } as const;
  const market = new ScriptedMarket(settings);
  const option = { expiry: WEEKLY, strike: 24_500, type: 'CE' } as const;
  const token = market.token(option);
  market.want([token]);
  expect([...market.support]).toEqual([NIFTY_50]);
  market.index(24_500);
  const years = (Date.parse(`${WEEKLY}T15:30:00+05:30`) - market.nowMs) / (365 * 86_400_000);
  const expected = blackScholes(24_500, 24_500, years, 0.1, 0, 0.12, false);
  market.around(token, expected.price, 0);
  const greeks = market.flush().get(token)?.greeks;
  expect(greeks).toMatchObject({ status: 'ok', forwardSource: 'spot', underlying: 24_500_00 });
  expect(greeks?.forward).toBe(Math.round(24_500_00 * Math.exp(0.1 * years)));
  expect(greeks?.iv).toBeCloseTo(12, 2);
  expect(greeks?.delta).toBeCloseTo(expected.delta, 3);
  expect(greeks?.theta).toBeCloseTo(expected.thetaPerDay, 1);
  expect(greeks?.rho).toBeCloseTo(expected.rhoPerPoint, 2);
});
