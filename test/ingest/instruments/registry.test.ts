import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { InstrumentColumnsBuilder } from '../../../ingest/instruments/columns.ts';
import { InstrumentRegistry } from '../../../ingest/instruments/registry.ts';
import { decodeTokenList } from '../../../shared/frame.ts';
import { type InstrumentDefinition, isSameInstrument } from '../../../shared/instrument.ts';
import { BATCH_KNOWN_TOKENS_MAX, INSTRUMENT_DUMP_ROWS_MAX } from '../../../shared/limits.ts';
import { SHARD_COUNT, shardOf } from '../../../shared/shard.ts';
import { definitionOf } from '../../support/records.ts';
import { bookOf } from '../support/books.ts';

function registryOf(definitions: readonly InstrumentDefinition[]): InstrumentRegistry {
  const builder = new InstrumentColumnsBuilder();
  for (const definition of definitions) builder.add(definition);
  return new InstrumentRegistry(builder.build());
}

/** Few of each, so that lists share tokens, symbols and texts. */
const arbitraryDefinition: fc.Arbitrary<InstrumentDefinition> = fc.record(
  {
    instrument_token: fc.integer({ min: 1, max: 60 }).map((n) => (n * 71_582_788) as never),
    tradingsymbol: fc.constantFrom('A', 'NIFTY 50', 'कखग', 'M&M', 'X'.repeat(96)),
    exchange: fc.constantFrom('NSE', 'NFO'),
    name: fc.constantFrom('NIFTY', 'नाम'),
    segment: fc.constantFrom('NSE', 'NFO-OPT'),
    instrument_type: fc.constantFrom('EQ', 'CE'),
    expiry: fc.constantFrom('2026-11-24', '2026-12-29'),
    strike: fc.constantFrom(0.25, 24_000),
    tick_size: fc.constantFrom(0, 0.05),
    lot_size: fc.constantFrom(0, 75, 2 ** 31 - 2),
  },
  {
    requiredKeys: [
      'instrument_token',
      'tradingsymbol',
      'exchange',
      'segment',
      'instrument_type',
      'tick_size',
      'lot_size',
    ],
  },
);
const arbitraryList = fc.array(arbitraryDefinition, { maxLength: 80 });

test('has what was added, as it was added; of a token that comes twice the first', () => {
  fc.assert(
    fc.property(arbitraryList, (list) => {
      const registry = registryOf(list);
      const first = new Map<number, InstrumentDefinition>();
      for (const each of list) if (!first.has(each.instrument_token)) first.set(each.instrument_token, each);
      expect(registry.size).toBe(first.size);
      expect([...registry.definitions()]).toEqual(
        [...first.values()].sort((a, b) => a.instrument_token - b.instrument_token),
      );
      for (let n = 0; n <= 61; n++) {
        const token = n * 71_582_788;
        expect(registry.has(token)).toBe(first.has(token));
        expect(registry.definitionOf(token)).toEqual(first.get(token));
      }
      const counts = new Map<string, number>();
      for (const { exchange } of first.values()) counts.set(exchange, (counts.get(exchange) ?? 0) + 1);
      expect(registry.exchangeRows).toEqual(counts);
    }),
  );
});

test('what has changed about a token between two lists is what has changed between its definitions', () => {
  const seen = new Set<string>();
  fc.assert(
    fc.property(arbitraryList, arbitraryList, (one, other) => {
      // The list of before begins with a part of the new one, in which every other instrument has another lot size.
      const part = one
        .slice(0, one.length / 2)
        .map((each, i) => (i % 2 === 0 ? each : { ...each, lot_size: each.lot_size + 1 }));
      const [now, before] = [registryOf(one), registryOf([...part, ...other])];
      const compared = new InstrumentRegistry(now.columns, { before, changes: now.changesSince(before) });
      const plain = bookOf([...before.definitions()]);
      for (let n = 1; n <= 60; n++) {
        const token = n * 71_582_788;
        const [mine, its] = [now.definitionOf(token), before.definitionOf(token)];
        const isSame = mine !== undefined && its !== undefined && isSameInstrument(mine, its);
        const change = !isSame ? 'instrument' : isDeepStrictEqual(mine, its) ? 'none' : 'details';
        seen.add(change);
        expect(now.changeSince(before, token)).toBe(change);
        expect(now.changeSince(plain, token)).toBe(change);
        expect(compared.changeSince(before, token)).toBe(change);
        // Of another list than the one that it was compared with it knows nothing beforehand.
        expect(compared.changeSince(now, token)).toBe(mine ? 'none' : 'instrument');
      }
    }),
  );
  expect([...seen].sort()).toEqual(['details', 'instrument', 'none']);
});

test('each token is in the list of its shard, ascending', () => {
  const tokens = Array.from({ length: 500 }, (_, i) => ((((i * 7_919) % 10_007) + 1) << 8) | 2);
  const registry = registryOf(tokens.map((token) => definitionOf(token)));
  const listed: number[] = [];
  for (let shard = 0; shard < SHARD_COUNT; shard++) {
    const list = decodeTokenList(registry.knownTokensOf(shard), BATCH_KNOWN_TOKENS_MAX);
    for (const token of list) expect(shardOf(token)).toBe(shard);
    listed.push(...list);
  }
  expect(listed.sort((a, b) => a - b)).toEqual([...tokens].sort((a, b) => a - b));
});

test('as many rows as a dump can have fit, in any order, and one more is refused', () => {
  const builder = new InstrumentColumnsBuilder();
  const definition = definitionOf(1);
  for (let token = INSTRUMENT_DUMP_ROWS_MAX; token >= 1; token--) {
    builder.add({ ...definition, instrument_token: token as never, tradingsymbol: `S${token}` });
  }
  expect(() => builder.add(definition)).toThrow('instrument list has more than 400000 rows');
  const registry = new InstrumentRegistry(builder.build());
  expect([registry.size, builder.duplicates]).toEqual([INSTRUMENT_DUMP_ROWS_MAX, 0]);
  for (const token of [1, 2, 123_456, INSTRUMENT_DUMP_ROWS_MAX]) {
    expect(registry.definitionOf(token)?.tradingsymbol).toBe(`S${token}`);
  }
  expect(registry.has(INSTRUMENT_DUMP_ROWS_MAX + 1)).toBe(false);
});

test('finds the contracts beside one, of the same exchange and name, and what trades there by its symbol', () => {
  const contract = (token: number, type: string, more: Partial<InstrumentDefinition> = {}) => ({
    ...definitionOf(token, `SYMBOL${token}`),
    exchange: 'NFO',
    name: 'NIFTY',
    instrument_type: type,
    expiry: '2026-11-24',
    ...more,
  });
  const index = { ...definitionOf(9, 'NIFTY 50'), name: 'NIFTY 50', segment: 'INDICES' };
  const registry = registryOf([
    contract(0x702, 'CE', { strike: 24_000 }),
    contract(0x602, 'PE', { strike: 24_000 }),
    contract(0x502, 'FUT'),
    contract(0x402, 'CE', { name: 'BANKNIFTY', strike: 50_000 }),
    contract(0x305, 'CE', { exchange: 'BFO', strike: 24_000 }),
    { ...definitionOf(0x201, 'NIFTY'), name: 'NIFTY' },
    index,
  ]);
  const beside = registry.contractsBeside(0x602);
  expect(beside).toMatchObject({ exchange: 'NFO', name: 'NIFTY' });
  expect(beside?.contracts).toEqual([
    { token: 0x502, type: 'FUT', expiry: '2026-11-24', strike: 0, tickSize: 0.05 },
    { token: 0x602, type: 'PE', expiry: '2026-11-24', strike: 24_000, tickSize: 0.05 },
    { token: 0x702, type: 'CE', expiry: '2026-11-24', strike: 24_000, tickSize: 0.05 },
  ]);
  expect(registry.contractsBeside(0x402)?.contracts).toHaveLength(1);
  expect([9, 0x201, 0x999].map((token) => registry.contractsBeside(token))).toEqual([
    undefined,
    undefined,
    undefined,
  ]);
  expect(registry.tokenOf('NSE', 'NIFTY 50')).toBe(9);
  expect(registry.tokenOf('NSE', 'SYMBOL1282')).toBeUndefined();
  expect(registry.tokenOf('BSE', 'NIFTY 50')).toBeUndefined();
});
