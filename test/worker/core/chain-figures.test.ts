// Figures of a chain against a table that was worked out by hand.
import { describe, expect, test } from 'vitest';
import { type StrikeValues, strikeFigures } from '../../../worker/core/chain-figures.ts';

/**
 * Forward 203. Out of the money: puts at 100, 150 and 200, calls at 250 and 300.
 * Puts come down to a delta of 0.25 between 150 (0.2) and 200 (0.45), calls between 250 (0.3) and 300 (0.1).
 */
const ROWS: readonly StrikeValues[] = [
  { strike: 100, CE: { oi: 10, volume: 1 }, PE: { oi: 40, volume: 6, iv: 20, delta: -0.05 } },
  {
    strike: 150,
    CE: { oi: 20, volume: 2, iv: 99, delta: 0.8 },
    PE: { oi: 30, volume: 5, iv: 16, delta: -0.2 },
  },
  {
    strike: 200,
    CE: { oi: 30, volume: 3, iv: 98, delta: 0.55 },
    PE: { oi: 30, volume: 4, iv: 12, delta: -0.45 },
  },
  {
    strike: 250,
    CE: { oi: 40, volume: 4, iv: 10, delta: 0.3 },
    PE: { oi: 20, volume: 3, iv: 97, delta: -0.7 },
  },
  {
    strike: 300,
    CE: { oi: 50, volume: 5, iv: 9, delta: 0.1 },
    PE: { oi: 10, volume: 2, iv: 96, delta: -0.9 },
  },
];

/** The rows with one of their legs replaced; undefined takes it away. */
function withLeg(strike: number, type: 'CE' | 'PE', leg: StrikeValues['CE'] | undefined): StrikeValues[] {
  return ROWS.map((row) => {
    if (row.strike !== strike) return row;
    const { [type]: _, ...rest } = row;
    return leg ? { ...rest, [type]: leg } : rest;
  });
}

describe('by hand', () => {
  test('all that there is', () => {
    expect(strikeFigures(ROWS, 203)).toEqual({
      strikesFrom: 100,
      strikesTo: 300,
      strikesCounted: 5,
      atmStrike: 200,
      // 12 + 3/50 * (10 - 12)
      atmIv: 11.88,
      // Put: 12 + (0.45 - 0.25) / 0.25 * 4 = 15.2; call: 10 - (0.3 - 0.25) / 0.2 * 1 = 9.75
      skew: 5.45,
      // 130 / 150
      pcrOi: 0.8667,
      // 20 / 15
      pcrVolume: 1.3333,
      maxPain: 200,
    });
    const paid = (settled: number) =>
      ROWS.reduce((sum, { strike, CE, PE }) => {
        const call = (CE?.oi ?? 0) * Math.max(settled - strike, 0);
        return sum + call + (PE?.oi ?? 0) * Math.max(strike - settled, 0);
      }, 0);
    expect([100, 150, 200, 250, 300].map(paid)).toEqual([9_500, 5_500, 4_000, 5_500, 10_000]);
  });

  test('at a strike exactly, at the ends of the window, and beyond it', () => {
    expect(strikeFigures(ROWS, 200)).toMatchObject({ atmStrike: 200, atmIv: 12 });
    expect(strikeFigures(ROWS, 225)).toMatchObject({ atmStrike: 200, atmIv: 11 });
    for (const forward of [99, 300, 400]) {
      const figures = strikeFigures(ROWS, forward);
      expect(figures.atmIv, `${forward}`).toBeUndefined();
      expect(figures.skew, `${forward}`).toBeUndefined();
      expect(figures.maxPain).toBe(200);
    }
  });

  test('without a forward there is nothing about the money; without values nothing at all', () => {
    expect(strikeFigures(ROWS, undefined)).toEqual({
      strikesFrom: 100,
      strikesTo: 300,
      strikesCounted: 5,
      pcrOi: 0.8667,
      pcrVolume: 1.3333,
      maxPain: 200,
    });
    expect(strikeFigures([{ strike: 100 }, { strike: 150 }], 120)).toEqual({
      strikesFrom: 100,
      strikesTo: 150,
      strikesCounted: 0,
      atmStrike: 100,
    });
    expect(strikeFigures([], 120)).toEqual({ strikesCounted: 0 });
  });
});

describe('a leg that is missing', () => {
  const put = { oi: 30, volume: 4 };

  test('takes its strike out of the ratios and out of max pain', () => {
    const figures = strikeFigures(withLeg(200, 'CE', undefined), 203);
    // 100 / 120, 16 / 12; paid at 150: 100 * 50 from calls... least at 150 and 250 alike, of which the lower one is told.
    expect(figures).toMatchObject({
      strikesCounted: 4,
      pcrOi: 0.8333,
      pcrVolume: 1.3333,
      maxPain: 150,
      atmIv: 11.88,
    });
  });

  test('or has no volatility takes away what is worked out from it, and nothing else', () => {
    const noPut = strikeFigures(withLeg(200, 'PE', put), 203);
    expect([noPut.atmIv, noPut.skew, noPut.pcrOi]).toEqual([undefined, undefined, 0.8667]);
    const noCall = strikeFigures(withLeg(300, 'CE', { oi: 50, volume: 5 }), 203);
    expect([noCall.atmIv, noCall.skew]).toEqual([11.88, undefined]);
    // In between the next ones out serve: the line is longer, and it is still around the delta.
    const between = [...ROWS.slice(0, 2), { strike: 175, PE: put }, ...ROWS.slice(2)];
    expect(strikeFigures(between, 203).skew).toBe(5.45);
  });

  test('no open interest and no volume are no ratios and no pain', () => {
    const empty = ROWS.map(({ strike }) => ({ strike, CE: { oi: 0, volume: 0 }, PE: { oi: 0, volume: 0 } }));
    expect(strikeFigures(empty, undefined)).toEqual({ strikesFrom: 100, strikesTo: 300, strikesCounted: 5 });
  });
});
