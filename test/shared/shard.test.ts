// Token -> shard: total, stable, and even over lists like real ones.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SEGMENT } from '../../shared/instrument.ts';
import { SHARD_COUNT, shardName, shardOf } from '../../shared/shard.ts';

test('every token has a shard', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 0xffff_ffff }), (token) => {
      const shard = shardOf(token);
      expect(Number.isInteger(shard) && shard >= 0 && shard < SHARD_COUNT).toBe(true);
    }),
  );
});

test('the mapping does not change unnoticed: sidecar and edge of two deploys would disagree', () => {
  expect([256_265, 260_105, 408_065, 738_561, 12_683_010, 0xffff_ffff].map(shardOf)).toEqual([
    0, 1, 7, 7, 4, 0,
  ]);
  expect(shardName(3)).toBe('shard:3');
});

describe('the fullest shard has at most 15 % more than the mean', () => {
  const token = (exchangeToken: number, segment: number) => exchangeToken * 256 + segment;
  const range = (count: number, of: (i: number) => number) => Array.from({ length: count }, (_, i) => of(i));
  const lists: Record<string, number[]> = {
    'consecutive exchange tokens': range(9_000, (i) => token(35_000 + i, SEGMENT.NFO)),
    'every other one, as calls or puts alone': range(9_000, (i) => token(35_000 + 2 * i, SEGMENT.NFO)),
    'strikes eight apart': range(9_000, (i) => token(40_000 + 8 * i, SEGMENT.NFO)),
    'a thousand of every segment': range(9_000, (i) =>
      token(1 + (i % 1_000) * 13, 1 + Math.floor(i / 1_000)),
    ),
    'BFO tokens above 2^31': range(9_000, (i) => token(0x80_0000 + 3 * i, SEGMENT.BFO)),
    'blocks of 100 with holes': range(9_000, (i) =>
      token(30_000 + Math.floor(i / 100) * 977 + (i % 100), SEGMENT.NFO),
    ),
  };
  for (const [name, tokens] of Object.entries(lists)) {
    test(name, () => {
      const counts = new Array<number>(SHARD_COUNT).fill(0);
      for (const t of tokens) counts[shardOf(t)] = (counts[shardOf(t)] ?? 0) + 1;
      expect(new Set(tokens).size).toBe(9_000);
      expect((Math.max(...counts) * SHARD_COUNT) / 9_000).toBeLessThanOrEqual(1.15);
    });
  }
});
