// Contracts of chains: asked of the real database, remembered within bounds, and refused for now when it is away.
import { createExecutionContext } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { beforeAll, expect, test } from 'vitest';
import {
  CHAIN_DOCUMENTS_MAX,
  CHAIN_EXPIRIES_MAX,
  CHAIN_LISTS_REMEMBERED_MAX,
  CHAIN_LISTS_UNKNOWN_MAX,
} from '../../../shared/limits.ts';
import { ChainDocuments } from '../../../worker/durable/chain-documents.ts';
import { ChainLists } from '../../../worker/durable/chain-lists.ts';
import type { ChainContext, ChainStreams } from '../../../worker/durable/chain-streams.ts';
import type { Env } from '../../../worker/env.ts';
import { listExpiries } from '../../../worker/store/chains.ts';
import { withDatabase } from '../../../worker/store/db.ts';
import { addInstruments } from '../../support/edge/instruments.ts';
import { chainDefinitions } from '../../support/option-records.ts';

const NAME = 'LISTX';
/** One more than an answer lists, each with two strikes. */
const EXPIRIES = Array.from({ length: CHAIN_EXPIRIES_MAX + 1 }, (_, i) =>
  new Date(Date.UTC(2027, 0, 1 + i)).toISOString().slice(0, 10),
);
const chainOf = (expiry: string) => ({ underlying: NAME, exchange: 'NFO', expiry });
const testEnv = env as unknown as Env;

beforeAll(async () => {
  await addInstruments(
    EXPIRIES.flatMap((expiry, i) => chainDefinitions(NAME, expiry, [100, 150.5], 0xc000_0002 + i * 0x1000)),
  );
});

/** Lists whose database can be taken away (nothing listens at the other address), and whose queries are counted. */
function openLists() {
  const database = { isAway: false, queries: 0 };
  const DB = {
    get connectionString() {
      database.queries++;
      return database.isAway ? 'postgres://nobody@127.0.0.1:1/nothing' : env.DB.connectionString;
    },
  };
  return { database, lists: new ChainLists({ DB } as Env, createExecutionContext()) };
}

test('who asks at once shares one query, and later nobody asks again', async () => {
  const { lists, database } = openLists();
  const [first, second] = await Promise.all([
    lists.look(chainOf('2027-01-01')),
    lists.look(chainOf('2027-01-01')),
  ]);
  expect(first.contracts?.map(({ strike, legs }) => [strike, legs.map(({ type }) => type)])).toEqual([
    [100, ['CE', 'PE']],
    [150.5, ['CE', 'PE']],
  ]);
  expect([second, await lists.look(chainOf('2027-01-01')), database.queries]).toEqual([first, first, 1]);
});

test('without a database only what is remembered is found; the rest is refused for now, and that is not remembered', async () => {
  const { lists, database } = openLists();
  await lists.look(chainOf('2027-01-01'));
  database.isAway = true;
  expect((await lists.look(chainOf('2027-01-01'))).contracts).toHaveLength(2);
  expect((await lists.look(chainOf('2027-01-02'))).refusal?.code).toBe('database_unavailable');
  database.isAway = false;
  expect((await lists.look(chainOf('2027-01-02'))).contracts).toHaveLength(2);
});

test('what does not exist displaces nothing that does, and both are bounded', async () => {
  const { lists, database } = openLists();
  for (const expiry of EXPIRIES.slice(0, CHAIN_LISTS_REMEMBERED_MAX + 1)) await lists.look(chainOf(expiry));
  const asked = Array.from({ length: CHAIN_LISTS_UNKNOWN_MAX + 1 }, (_, i) => ({
    ...chainOf('2027-01-01'),
    underlying: `NO${i}`,
  }));
  for (let at = 0; at < asked.length; at += 100)
    await Promise.all(asked.slice(at, at + 100).map((name) => lists.look(name)));
  expect(lists.size).toBe(CHAIN_LISTS_REMEMBERED_MAX + CHAIN_LISTS_UNKNOWN_MAX);
  const { queries } = database;
  await lists.look(chainOf(EXPIRIES[1] as string));
  expect(database.queries).toBe(queries);
  await lists.look(chainOf(EXPIRIES[0] as string));
  expect(database.queries, 'the oldest has made room').toBe(queries + 1);
}, 60_000);

test(`${CHAIN_EXPIRIES_MAX} expiries are listed, the next ones first`, async () => {
  const listed = await withDatabase(testEnv, createExecutionContext(), (sql) =>
    listExpiries(sql, { underlying: NAME, exchange: 'NFO' }),
  );
  expect(listed.map(({ expiry }) => expiry)).toEqual(EXPIRIES.slice(0, CHAIN_EXPIRIES_MAX));
  expect(listed[0]).toEqual({ expiry: '2027-01-01', strikes: 2 });
});

test(`${CHAIN_DOCUMENTS_MAX} documents are gathered at once, one more is told to come again`, async () => {
  const refusal = { code: 'unknown_instrument', message: 'none' } as const;
  const waiting: (() => void)[] = [];
  const look = () => new Promise((resolve) => waiting.push(() => resolve({ refusal })));
  const documents = new ChainDocuments({} as ChainContext, { look } as unknown as ChainStreams);
  const open = Array.from({ length: CHAIN_DOCUMENTS_MAX }, () => documents.gather(chainOf('2027-01-01'), 1));
  expect(await documents.gather(chainOf('2027-01-01'), 1)).toMatchObject({
    refusal: { code: 'gateway_full' },
  });
  for (const answer of waiting) answer();
  expect(await Promise.all(open)).toEqual(open.map(() => ({ refusal })));
  const next = documents.gather(chainOf('2027-01-01'), 1);
  waiting.at(-1)?.();
  expect(await next).toEqual({ refusal });
});
