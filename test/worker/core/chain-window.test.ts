// The window of a chain: which strikes are in it, and when it moves.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { InstrumentToken } from '../../../shared/instrument.ts';
import { CHAIN_HYSTERESIS, CHAIN_STRIKES_MAX } from '../../../shared/limits.ts';
import {
  anchorOf,
  type ChainContracts,
  type ChainMember,
  centerAfter,
  contractsOf,
  contractsWithout,
  membersOf,
  nearestIndex,
  windowOf,
} from '../../../worker/core/chain-contracts.ts';

function memberOf(strike: number, type: 'CE' | 'PE', token: number): ChainMember {
  return { token: token as InstrumentToken, tradingsymbol: `X${strike}${type}`, strike, type };
}

function contractsAt(strikes: readonly number[]): ChainContracts {
  return contractsOf(
    strikes.flatMap((strike, i) => [memberOf(strike, 'CE', 2 * i + 1), memberOf(strike, 'PE', 2 * i + 2)]),
  );
}

const EVEN = contractsAt([100, 150, 200, 250, 300]);
const anyStrikes = fc
  .uniqueArray(fc.integer({ min: 1, max: 100_000 }), { minLength: 1, maxLength: 150 })
  .map((strikes) => strikes.sort((a, b) => a - b));

describe('contracts', () => {
  test('are by strike, ascending, however they come, also with one leg', () => {
    const contracts = contractsOf([memberOf(200, 'PE', 3), memberOf(100, 'CE', 1), memberOf(200, 'CE', 2)]);
    expect(contracts.map(({ strike, legs }) => [strike, legs.map(({ token }) => token)])).toEqual([
      [100, [1]],
      [200, [3, 2]],
    ]);
    expect(contractsWithout(contracts, 1 as InstrumentToken).map(({ strike }) => strike)).toEqual([200]);
    expect(membersOf(windowOf(contractsWithout(contracts, 3 as InstrumentToken), 200, 1))).toHaveLength(2);
    expect(contractsWithout(contracts, 9 as InstrumentToken)).toEqual(contracts);
  });

  test('the nearest strike is the lower one of two, and there is none in no list', () => {
    expect([99, 125, 126, 1_000].map((price) => nearestIndex(EVEN, price))).toEqual([0, 0, 1, 4]);
    expect([nearestIndex([], 5), anchorOf([]), anchorOf(EVEN)]).toEqual([-1, 0, 200]);
  });
});

describe('the middle', () => {
  test('moves to a neighbour once the forward is past the middle between them by a part of their distance', () => {
    const past = CHAIN_HYSTERESIS * 50;
    const moves: [forward: number, center: number][] = [
      [200, 200],
      [225 + past, 200],
      [225 + past + 0.01, 250],
      [175 - past, 200],
      [175 - past - 0.01, 150],
      [290, 300],
      [5, 100],
      [1e9, 300],
    ];
    for (const [forward, center] of moves) expect(centerAfter(EVEN, 200, forward), `${forward}`).toBe(center);
  });

  test('counts by the distance where strikes are uneven; one that is gone is the nearest that is there', () => {
    const uneven = contractsAt([100, 200, 250]);
    expect([centerAfter(uneven, 200, 140.1), centerAfter(uneven, 200, 139.9)]).toEqual([200, 100]);
    expect(centerAfter(uneven, 190, 200)).toBe(200);
    expect(centerAfter([], 190, 200)).toBe(190);
  });

  test('of a forward that wanders around one place moves no more than it must', () => {
    const step = CHAIN_HYSTERESIS * 50;
    let [center, moves] = [200, 0];
    for (let i = 0; i < 1_000; i++) {
      const next = centerAfter(EVEN, center, 225 + (i % 2 === 0 ? step : -step));
      if (next !== center) moves++;
      center = next;
    }
    expect(moves).toBe(0);
  });
});

test('a window is the strike in the middle and the nearest so many on each side, fewer only at an end of the list', () => {
  const eachSide = fc.integer({ min: 1, max: CHAIN_STRIKES_MAX });
  const prices = fc.array(fc.double({ min: 0.01, max: 110_000, noNaN: true }), {
    minLength: 1,
    maxLength: 20,
  });
  fc.assert(
    fc.property(anyStrikes, eachSide, prices, (strikes, count, forwards) => {
      const contracts = contractsAt(strikes);
      let center = anchorOf(contracts);
      for (const forward of forwards) {
        center = centerAfter(contracts, center, forward);
        const window = windowOf(contracts, center, count).strikes.map(({ strike }) => strike);
        const at = strikes.indexOf(center);
        expect(window).toEqual(strikes.filter((_, i) => Math.abs(i - at) <= count));
        expect(
          window.length === 2 * count + 1 || window[0] === strikes[0] || window.at(-1) === strikes.at(-1),
        ).toBe(true);
        // The middle is the nearest strike, or a neighbour of it that the forward has hardly left.
        const nearest = strikes[nearestIndex(contracts, forward)] as number;
        const gap = Math.abs(nearest - center);
        expect(Math.abs(center - forward)).toBeLessThanOrEqual(
          Math.max(Math.abs(nearest - forward), gap * (0.5 + CHAIN_HYSTERESIS)) + 1e-6,
        );
      }
    }),
  );
});
