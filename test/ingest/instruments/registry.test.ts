import { expect, test } from 'vitest';
import { InstrumentRegistry } from '../../../ingest/instruments/registry.ts';
import { INSTRUMENT_DUMP_ROWS_MAX } from '../../../shared/limits.ts';
import { SHARD_COUNT, shardOf } from '../../../shared/shard.ts';
import { definitionOf } from '../../support/records.ts';

test('each token is in the list of its shard, ascending', () => {
  const registry = new InstrumentRegistry();
  const tokens = Array.from({ length: 500 }, (_, i) => ((((i * 7_919) % 10_007) + 1) << 8) | 2);
  for (const token of tokens) registry.add(definitionOf(token));
  const listed: number[] = [];
  for (let shard = 0; shard < SHARD_COUNT; shard++) {
    const list = registry.tokensOfShard(shard);
    expect(list).toEqual([...list].sort((a, b) => a - b));
    for (const token of list) expect(shardOf(token)).toBe(shard);
    listed.push(...list);
  }
  expect(listed.sort((a, b) => a - b)).toEqual([...tokens].sort((a, b) => a - b));
});

test('the first row of a token counts', () => {
  const registry = new InstrumentRegistry();
  registry.add(definitionOf(257, 'FIRST'));
  registry.add(definitionOf(257, 'SECOND'));
  expect(registry.definitionOf(257)?.tradingsymbol).toBe('FIRST');
  expect(registry).toMatchObject({ size: 1, duplicates: 1 });
});

test('more rows than a dump can have are refused', () => {
  const registry = new InstrumentRegistry();
  const definition = definitionOf(1);
  const fill = () => {
    for (let token = 1; token <= INSTRUMENT_DUMP_ROWS_MAX + 1; token++) {
      registry.add({ ...definition, instrument_token: token as never });
    }
  };
  expect(fill).toThrow('instrument dump has more than 400000 rows');
});
