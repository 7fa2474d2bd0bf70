import { expect, test } from 'vitest';
import { parseBatchReply } from '../../../ingest/edge/batch-reply.ts';
import { BATCH_REPLY_BYTES_MAX, FLUSH_COST_MS_MAX, SHARD_INSTRUMENTS_MAX } from '../../../shared/limits.ts';

const REPLY = { epoch: 1_764_000_000_000, seq: 5, boot: 77 };
const parse = (value: unknown) => parseBatchReply(JSON.stringify(value));

test('reads replies with and without demand', () => {
  expect(parse(REPLY)).toEqual(REPLY);
  const demand = {
    version: 2,
    items: [
      [408_065, 'full'],
      [256_265, 'ltp'],
    ],
  };
  expect(parse({ ...REPLY, duplicate: true, demand, later: 'addition' })).toEqual({
    ...REPLY,
    duplicate: true,
    demand,
  });
});

test('a flush cost is a number from nothing to no room at all, or absent', () => {
  for (const flushCostMs of [0, 1.234, FLUSH_COST_MS_MAX])
    expect(parse({ ...REPLY, flushCostMs })).toEqual({ ...REPLY, flushCostMs });
  expect('flushCostMs' in parse(REPLY)).toBe(false);
  // NaN and infinity have no JSON of their own: they come as null.
  for (const flushCostMs of [Number.NaN, Number.POSITIVE_INFINITY, -0.001, FLUSH_COST_MS_MAX + 1, '5'])
    expect(() => parse({ ...REPLY, flushCostMs })).toThrow(/reply field flushCostMs/);
  expect(() => parseBatchReply('{"epoch":1,"seq":1,"boot":1,"flushCostMs":1e999}')).toThrow(/flushCostMs/);
});

test.each([
  ['text', 'oops', /reply is not JSON/],
  ['a boot of 0', JSON.stringify({ ...REPLY, boot: 0 }), /reply field boot/],
  ['no seq', JSON.stringify({ epoch: 1, boot: 1 }), /reply field seq/],
  [
    'an unknown mode',
    JSON.stringify({ ...REPLY, demand: { version: 1, items: [[1, 'all']] } }),
    /demand\.items\.0\.1/,
  ],
  ['token 0', JSON.stringify({ ...REPLY, demand: { version: 1, items: [[0, 'ltp']] } }), /instrument 0/],
  [
    'a token as text',
    JSON.stringify({ ...REPLY, demand: { version: 1, items: [['1', 'ltp']] } }),
    /demand\.items\.0\.0/,
  ],
])('refuses %s', (_, text, message) => {
  expect(() => parseBatchReply(text)).toThrow(message);
});

test('the largest demand of a shard is taken and fits a reply, one more item is refused', () => {
  const items = Array.from({ length: SHARD_INSTRUMENTS_MAX }, (_, i) => [4_294_900_000 + i, 'quote']);
  const largest = { ...REPLY, demand: { version: 1, items } };
  expect(parse(largest).demand?.items).toHaveLength(SHARD_INSTRUMENTS_MAX);
  expect(JSON.stringify(largest).length).toBeLessThan(BATCH_REPLY_BYTES_MAX);
  expect(() => parse({ ...REPLY, demand: { version: 1, items: [...items, [1, 'ltp']] } })).toThrow(
    /demand\.items/,
  );
});
