// The instrument list as the sidecar has it: Kite over HTTP, the thread, PostgreSQL, and what goes wrong between them.
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import postgres from 'postgres';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { systemClock } from '../../../ingest/clock.ts';
import type { InstrumentBook } from '../../../ingest/core/instrument-book.ts';
import { listDateOf } from '../../../ingest/core/refresh-time.ts';
import { Instruments } from '../../../ingest/instruments/instruments.ts';
import { instrumentCsv } from '../../../ingest/simulator/core/instrument-csv.ts';
import { storeInstruments } from '../../../ingest/store/instruments.ts';
import { createTestDatabase } from '../../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { sharesOf } from '../support/lists.ts';
import { recordingLog } from '../support/recording-log.ts';
import { TcpProxy } from '../support/tcp-proxy.ts';

const OLD_DATE = '2026-11-18';
let rest: Server;
/** What Kite serves; undefined for a 503. */
let dump: Buffer | undefined;
let sql: postgres.Sql;
let proxy: TcpProxy;
let instruments: Instruments;
let lists: InstrumentBook[];
let lines: string[];

beforeEach(async () => {
  rest = createServer((_request, response) => {
    if (dump) response.writeHead(200, { 'content-type': 'text/csv', 'content-encoding': 'gzip' }).end(dump);
    else response.writeHead(503).end();
  });
  await new Promise<void>((resolve) => rest.listen(0, '127.0.0.1', resolve));
  const url = await createTestDatabase();
  sql = postgres(url, { max: 1, onnotice: () => undefined });
  proxy = await TcpProxy.start('127.0.0.1', Number(new URL(url).port));
  const { log, lines: recorded } = recordingLog();
  lines = recorded;
  lists = [];
  instruments = new Instruments({
    apiRoot: `http://127.0.0.1:${(rest.address() as AddressInfo).port}`,
    databaseUrl: proxy.urlOf(url),
    mustBeWhole: true,
    clock: systemClock,
    random: () => 0.02,
    log,
    onList: (book) => lists.push(book),
  });
});

afterEach(async () => {
  instruments.stop();
  rest.closeAllConnections();
  rest.close();
  await proxy.stop();
  await sql.end();
});

const dumpOf = (count: number, prefix?: string) => gzipSync(instrumentCsv(sharesOf(count, prefix)));
const stored = () => sql`
  select count(*)::int as n, min(tradingsymbol) as first, (select trading_date::text from instrument_list) as date
  from instruments`;

test("Kite down at the start: yesterday's list at once, with its date; today's when Kite is back, here and in the database", async () => {
  await storeInstruments(sql, sharesOf(1_000, 'OLD'), OLD_DATE);
  dump = undefined;
  instruments.start();
  await eventually(() => expect(instruments.status.status).toBe('stale'));
  expect(instruments.status).toMatchObject({
    count: 1_000,
    trading_date: OLD_DATE,
    source: 'database',
    stored: true,
  });
  expect(lists[0]?.definitionOf(257)?.tradingsymbol).toBe('OLD1');
  dump = dumpOf(1_100, 'NEW');
  await eventually(() => expect(instruments.status).toMatchObject({ status: 'ok', stored: true }));
  const today = listDateOf(Date.now());
  expect(instruments.status).toMatchObject({ count: 1_100, trading_date: today, source: 'kite' });
  expect(lists.at(-1)?.definitionOf(257)?.tradingsymbol).toBe('NEW1');
  expect(await stored()).toEqual([{ n: 1_100, first: 'NEW1', date: today }]);
});

test('a bad dump never replaces the good one, whatever is bad about it', async () => {
  await storeInstruments(sql, sharesOf(1_000, 'OLD'), OLD_DATE);
  const whole = instrumentCsv(sharesOf(1_000, 'NEW'));
  const bad: readonly (readonly [Buffer, RegExp])[] = [
    [gzipSync(whole.slice(0, whole.length / 2)), /half a download/],
    [dumpOf(600, 'NEW'), /600 instruments, the last good list has 1000/],
    [dumpOf(1_000, 'NEW').subarray(0, -8), /unexpected end of file/],
    [gzipSync('<!doctype html><p>Sorry'), /no column instrument_token/],
    [gzipSync(whole.replaceAll(/,NSE\r/g, '\r')), /no usable row, 1000 bad ones: line 2/],
  ];
  dump = bad[0]?.[0];
  instruments.start();
  for (const [bytes, reason] of bad) {
    const before = lines.length;
    dump = bytes;
    await eventually(() =>
      expect(
        lines
          .slice(before)
          .filter((line) => line.includes('instruments not loaded'))
          .join(''),
      ).toMatch(reason),
    );
  }
  expect(lists.map((list) => list.definitionOf(257)?.tradingsymbol)).toEqual(['OLD1']);
  expect(await stored()).toEqual([{ n: 1_000, first: 'OLD1', date: OLD_DATE }]);
  dump = gzipSync(whole);
  await eventually(() => expect(instruments.status).toMatchObject({ status: 'ok', stored: true }));
  expect(await stored()).toMatchObject([{ first: 'NEW1' }]);
});

test('a dump that nobody could compare gives way to the stored list once the database is back', async () => {
  await storeInstruments(sql, sharesOf(1_000, 'OLD'), OLD_DATE);
  await proxy.stop();
  dump = dumpOf(500, 'NEW');
  instruments.start();
  await eventually(() =>
    expect(instruments.status).toMatchObject({ status: 'ok', count: 500, stored: false }),
  );
  await proxy.listenAgain();
  await eventually(() => expect(instruments.status).toMatchObject({ status: 'stale', source: 'database' }));
  expect(lists.map((list) => list.definitionOf(257)?.tradingsymbol)).toEqual(['NEW1', 'OLD1']);
  expect(await stored()).toEqual([{ n: 1_000, first: 'OLD1', date: OLD_DATE }]);
});
