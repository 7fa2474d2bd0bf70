// Pinned subscriptions from a real database: what is read, when it is read again, and a database that is away.
import postgres from 'postgres';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import type { PinnedInstrument } from '../../../ingest/core/demand.ts';
import { readSubscriptions, SubscriptionWatch } from '../../../ingest/store/subscriptions.ts';
import {
  SUBSCRIPTIONS_BACKOFF_MS_MIN,
  SUBSCRIPTIONS_MAX,
  SUBSCRIPTIONS_READ_GAP_MS,
  SUBSCRIPTIONS_RECONCILE_MS,
} from '../../../shared/limits.ts';
import { createTestDatabase } from '../../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { recordingLog } from '../support/recording-log.ts';

let url: string;
let sql: postgres.Sql;
const watches: SubscriptionWatch[] = [];

beforeAll(async () => {
  url = await createTestDatabase();
  sql = postgres(url, { max: 1, onnotice: () => undefined });
});
afterAll(() => sql.end());
beforeEach(() => sql`delete from subscriptions`);
afterEach(() => {
  for (const watch of watches.splice(0)) watch.stop();
});

function add(token: number, mode = 'full', accountId: string | null = null, expiresInDays?: number) {
  return sql`
    insert into subscriptions (instrument_token, requested_mode, account_id, expiry)
    values (${token}, ${mode}, ${accountId},
      (now() at time zone 'UTC' + interval '330 minutes')::date + ${expiresInDays ?? null}::int)`;
}

function watchOn(databaseUrl: string, clock = new ManualClock()) {
  const onRead = vi.fn<(pinned: readonly PinnedInstrument[]) => void>();
  const { log, lines } = recordingLog();
  const watch = new SubscriptionWatch({ databaseUrl, clock, random: () => 0, log });
  watches.push(watch);
  const start = () => watch.start(onRead);
  return { watch, start, clock, onRead, lines };
}

test('all of them, the oldest first, without those whose contract has expired', async () => {
  await add(4_294_967_041, 'full');
  await add(738_561, 'ltp', 'second');
  await add(256_265, 'quote', null, 0);
  await add(12_073_986, 'full', null, -1);
  expect(await readSubscriptions(sql)).toEqual([
    { token: 4_294_967_041, mode: 'full' },
    { token: 738_561, mode: 'ltp', accountId: 'second' },
    { token: 256_265, mode: 'quote' },
  ]);
});

test('never more than there may be', async () => {
  await sql`
    insert into subscriptions (instrument_token, requested_mode)
    select number, 'ltp' from generate_series(1, ${SUBSCRIPTIONS_MAX + 1}) as number`;
  expect(await readSubscriptions(sql)).toHaveLength(SUBSCRIPTIONS_MAX);
});

test('is read at once, on news, and each minute', async () => {
  await add(738_561);
  const { watch, start, clock, onRead } = watchOn(url);
  start();
  await eventually(() => expect(onRead).toHaveBeenCalledTimes(1));
  await add(256_265, 'ltp');
  clock.advance(SUBSCRIPTIONS_READ_GAP_MS);
  watch.readNow();
  await eventually(() => expect(onRead).toHaveBeenCalledTimes(2));
  expect(onRead.mock.calls.at(-1)?.[0].map(({ token }) => token)).toEqual([738_561, 256_265]);
  await sql`delete from subscriptions`;
  clock.advance(SUBSCRIPTIONS_RECONCILE_MS - 1);
  expect(onRead).toHaveBeenCalledTimes(2);
  clock.advance(1);
  await eventually(() => expect(onRead).toHaveBeenLastCalledWith([]));
});

test('news that comes in a crowd is read in one go, and what came last is in it', async () => {
  const { watch, start, clock, onRead } = watchOn(url);
  start();
  for (let token = 1; token <= 50; token++) {
    await add(token);
    watch.readNow();
  }
  await eventually(() => expect(onRead).toHaveBeenCalledTimes(1));
  expect(clock.delaysMs).toEqual([SUBSCRIPTIONS_READ_GAP_MS]);
  clock.advance(SUBSCRIPTIONS_READ_GAP_MS);
  await eventually(() => expect(onRead).toHaveBeenCalledTimes(2));
  expect(onRead.mock.calls.at(-1)?.[0]).toHaveLength(50);
  expect(clock.delaysMs).toEqual([SUBSCRIPTIONS_RECONCILE_MS]);
});

test('while the database is away what is known stands, one line says so, and news waits for its return', async () => {
  await add(738_561);
  // Nobody listens on port 1.
  const away = watchOn('postgres://u:p@127.0.0.1:1/none');
  away.start();
  await eventually(() => expect(away.lines).toHaveLength(1));
  expect(away.lines[0]).toContain('subscriptions are not read, those known stay');
  await eventually(() => expect(away.clock.delaysMs).toEqual([SUBSCRIPTIONS_BACKOFF_MS_MIN / 2]));
  away.watch.readNow();
  expect(away.clock.delaysMs).toEqual([SUBSCRIPTIONS_BACKOFF_MS_MIN / 2]);
  away.clock.advance(SUBSCRIPTIONS_BACKOFF_MS_MIN / 2);
  await eventually(() => expect(away.clock.delaysMs).toEqual([SUBSCRIPTIONS_BACKOFF_MS_MIN]));
  expect([away.lines.length, away.onRead.mock.calls.length]).toEqual([1, 0]);
});

test('after an outage the connection is a new one', async () => {
  const { start, clock, onRead, lines } = watchOn(url);
  start();
  await eventually(() => expect(onRead).toHaveBeenCalledTimes(1));
  await sql`alter table subscriptions rename to elsewhere`;
  clock.advance(SUBSCRIPTIONS_RECONCILE_MS);
  await eventually(() => expect(lines).toHaveLength(1));
  await sql`alter table elsewhere rename to subscriptions`;
  await eventually(() => expect(clock.delaysMs).toEqual([SUBSCRIPTIONS_BACKOFF_MS_MIN / 2]));
  clock.advance(SUBSCRIPTIONS_BACKOFF_MS_MIN / 2);
  await eventually(() => expect(onRead).toHaveBeenCalledTimes(2));
  expect(lines.at(-1)).toContain('subscriptions are read again');
});

test('stopped, it reads and says nothing more', async () => {
  const { watch, start, onRead, lines } = watchOn(url);
  watch.readNow();
  start();
  watch.stop();
  watch.readNow();
  await sql`select 1`;
  await new Promise((resolve) => setImmediate(resolve));
  expect([onRead.mock.calls.length, lines]).toEqual([0, []]);
});
