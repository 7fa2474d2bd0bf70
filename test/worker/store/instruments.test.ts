// The instrument table with as many rows as a real day has: every kind of search by an index, and names both ways.
import postgres from 'postgres';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { listInstruments } from '../../../ingest/simulator/core/instrument-list.ts';
import { storeInstruments } from '../../../ingest/store/instruments.ts';
import type { InstrumentToken } from '../../../shared/instrument.ts';
import { openAlgoNameOf } from '../../../shared/openalgo-name.ts';
import {
  findInstrument,
  type InstrumentFilter,
  openAlgoKey,
  searchInstruments,
  tokensOfOpenAlgoNames,
} from '../../../worker/store/instruments.ts';
import { createTestDatabase } from '../../support/database.ts';

/** Threads and statements on a busy machine. */
vi.setConfig({ testTimeout: 30_000 });

const { instruments } = listInstruments({ tradingDate: '2026-11-20', instrumentsCount: 115_000 });
const EXPIRY = instruments.find(({ kind }) => kind === 'call')?.expiry as string;

let sql: postgres.Sql;
/** The last statement that was sent, with its parameters. */
let last: { text: string; parameters: unknown[] };

beforeAll(async () => {
  sql = postgres(await createTestDatabase(), {
    max: 1,
    fetch_types: false,
    onnotice: () => undefined,
    debug: (_connection, text, parameters) => {
      last = { text, parameters };
    },
  });
  await storeInstruments(sql, instruments, '2026-11-20');
}, 60_000);
afterAll(() => sql.end());

interface PlanNode {
  readonly 'Node Type': string;
  readonly 'Relation Name'?: string;
  readonly 'Index Name'?: string;
  readonly Plans?: readonly PlanNode[];
}

function* nodesOf(node: PlanNode): Generator<PlanNode> {
  yield node;
  for (const child of node.Plans ?? []) yield* nodesOf(child);
}

/** Names of the indexes that the last statement uses; 'none' where it reads the whole table. */
async function indexesUsed(): Promise<string[]> {
  const { text, parameters } = last;
  const [row] = await sql.unsafe<{ 'QUERY PLAN': [{ Plan: PlanNode }] }[]>(
    `explain (format json) ${text}`,
    parameters as string[],
  );
  if (!row) throw new Error('no plan');
  return [...nodesOf(row['QUERY PLAN'][0].Plan)].flatMap((node) => {
    if (node['Index Name'] !== undefined) return [node['Index Name']];
    return node['Node Type'] === 'Seq Scan' && node['Relation Name'] === 'instruments' ? ['none'] : [];
  });
}

const ROWS_MAX = 101;

test.each<[string, InstrumentFilter, string[]]>([
  ['a page of everything', {}, ['instruments_symbol']],
  ['a symbol prefix', { symbolPrefix: 'RELIANCE' }, ['instruments_symbol']],
  ['a prefix that nothing has', { symbolPrefix: 'ZZZ' }, ['instruments_symbol']],
  ['an exchange', { exchange: 'NFO' }, ['instruments_exchange_symbol']],
  ['an exchange that does not exist', { exchange: 'X' }, ['instruments_exchange_symbol']],
  ['a prefix in an exchange', { exchange: 'NSE', symbolPrefix: 'SIM' }, ['instruments_exchange_symbol']],
  [
    'a later page',
    { exchange: 'NFO', after: { tradingsymbol: 'RELIANCE', token: 1 as InstrumentToken } },
    ['instruments_exchange_symbol'],
  ],
  ['a segment', { segment: 'NFO-FUT' }, ['instruments_segment_symbol']],
  ['a type', { type: 'FUT' }, ['instruments_type_symbol']],
  ['an expiry', { expiry: EXPIRY }, ['instruments_expiry_symbol']],
  ['an expiry that no contract has', { expiry: '2031-01-01' }, ['instruments_expiry_symbol']],
  ['a chain', { name: 'NIFTY', expiry: EXPIRY }, ['instruments_name_expiry_strike']],
  [
    'strikes of a chain',
    { name: 'NIFTY', expiry: EXPIRY, type: 'CE', strikeMin: 24_000, strikeMax: 27_000 },
    ['instruments_name_expiry_strike'],
  ],
  ['a name prefix', { namePrefix: 'SIMULATED COMPANY 79' }, ['instruments_name_expiry_strike']],
  ['a name that nothing has', { name: 'NOBODY' }, ['instruments_name_expiry_strike']],
])('%s is found by an index', async (_, filter, indexes) => {
  await searchInstruments(sql, filter, ROWS_MAX);
  expect(await indexesUsed()).toEqual(indexes);
});

test('one instrument is found by its token', async () => {
  expect(await findInstrument(sql, 256265 as InstrumentToken)).toMatchObject({ tradingsymbol: 'NIFTY 50' });
  expect(await indexesUsed()).toEqual(['instruments_pkey']);
  expect(await findInstrument(sql, 1 as InstrumentToken)).toBeUndefined();
});

test("every instrument is found by OpenAlgo's name for it, and nothing by others", async () => {
  const sample = instruments.filter((_, i) => i % 23 === 0);
  const names = sample.map((each) => openAlgoNameOf(each));
  const found = await tokensOfOpenAlgoNames(sql, names);
  expect(found).toEqual(new Map(sample.map((each, i) => [openAlgoKey(names[i]!), each.instrument_token])));
  await tokensOfOpenAlgoNames(sql, names.slice(0, 50));
  expect(await indexesUsed()).toEqual(['instruments_openalgo']);
  expect(
    await tokensOfOpenAlgoNames(sql, [
      { exchange: 'NSE', symbol: 'NIFTY' },
      { exchange: 'NSE_INDEX', symbol: 'nifty' },
      { exchange: 'NSE_INDEX', symbol: 'NIFTY 50' },
    ]),
  ).toEqual(new Map());
  expect(await tokensOfOpenAlgoNames(sql, [])).toEqual(new Map());
});

test('of two with one name the lower token is found, each time', async () => {
  const twins = [5, 3, 4].map((n) => ({
    ...instruments[0]!,
    instrument_token: (n * 256) as InstrumentToken,
  }));
  await storeInstruments(sql, twins, '2026-11-21');
  const name = openAlgoNameOf(twins[0]!);
  expect([...(await tokensOfOpenAlgoNames(sql, [name, name])).values()]).toEqual([3 * 256]);
});
