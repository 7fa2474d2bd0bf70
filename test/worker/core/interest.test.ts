// Interest as one number: what serves both, what both want, and what Kite has to stream for it.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { InstrumentToken } from '../../../shared/instrument.ts';
import type { ModeRank } from '../../../shared/tick.ts';
import { ALL_INTERVALS } from '../../../worker/core/bar.ts';
import {
  commonOf,
  covers,
  interestIn,
  intervalsOfInterest,
  rankOfInterest,
  streamedModeOf,
  unionOf,
} from '../../../worker/core/interest.ts';

const anyInterest = fc
  .tuple(fc.constantFrom<(ModeRank | 0)[]>(0, 1, 2, 3), fc.nat(ALL_INTERVALS))
  .map(([rank, intervals]) => interestIn(rank, intervals));

test('union and common part are bounds of both', () => {
  fc.assert(
    fc.property(anyInterest, anyInterest, (a, b) => {
      const [union, common] = [unionOf(a, b), commonOf(a, b)];
      expect([covers(union, a), covers(union, b), covers(a, common), covers(b, common)]).toEqual(
        Array(4).fill(true),
      );
      expect(covers(a, b)).toBe(unionOf(a, b) === a);
      expect(interestIn(rankOfInterest(a), intervalsOfInterest(a))).toBe(a);
    }),
  );
});

test('ticks alone are their rank: what was stored before there were bars means the same', () => {
  for (const rank of [1, 2, 3] as const) expect(interestIn(rank)).toBe(rank);
});

test('bars need volumes, and open interest where there is one', () => {
  const [share, future, index] = [738_561, 256 * 500 + 2, 256_265] as InstrumentToken[] as [
    InstrumentToken,
    InstrumentToken,
    InstrumentToken,
  ];
  const modes = (rank: ModeRank | 0) =>
    [share, future, index].map((token) => streamedModeOf(token, interestIn(rank, 1)));
  expect(modes(0)).toEqual(['quote', 'full', 'quote']);
  expect(modes(1)).toEqual(['quote', 'full', 'quote']);
  expect(modes(3)).toEqual(['full', 'full', 'full']);
  expect(streamedModeOf(future, interestIn(1))).toBe('ltp');
});
