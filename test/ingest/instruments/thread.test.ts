// The instrument thread for real: lists over HTTP and in PostgreSQL, and what it says when something is wrong.
import { createServer, type RequestListener, type Server } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterEach, expect, test, vi } from 'vitest';
import { ThrottledError } from '../../../ingest/instruments/dump.ts';
import { InstrumentRegistry } from '../../../ingest/instruments/registry.ts';
import type { DownloadTask } from '../../../ingest/instruments/task.ts';
import { runTask } from '../../../ingest/instruments/thread.ts';
import { instrumentCsv } from '../../../ingest/simulator/core/instrument-csv.ts';
import { listInstruments } from '../../../ingest/simulator/core/instrument-list.ts';
import type { InstrumentDefinition } from '../../../shared/instrument.ts';
import { INSTRUMENT_COUNT_MS_MAX } from '../../../shared/limits.ts';
import { createTestDatabase } from '../../support/database.ts';
import { registryOf } from '../support/lists.ts';

/** Threads and statements on a busy machine. */
vi.setConfig({ testTimeout: 30_000 });

const ZIPPED = { 'content-type': 'text/csv', 'content-encoding': 'gzip' };
let server: Server | undefined;

afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

async function serve(listener: RequestListener, databaseUrl?: string): Promise<DownloadTask> {
  const listening = createServer(listener);
  server = listening;
  await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve));
  const apiRoot = `http://127.0.0.1:${(listening.address() as AddressInfo).port}`;
  return { kind: 'download', apiRoot, databaseUrl, before: undefined };
}

const limits = { signal: new AbortController().signal, msMax: 20_000 };
const { instruments } = listInstruments({ tradingDate: '2026-11-20', instrumentsCount: 3_000 });
const definitions = instruments.map(
  ({ kind: _kind, spot: _spot, expiryMs: _expiryMs, ...definition }): InstrumentDefinition => definition,
);
const byToken = (list: readonly InstrumentDefinition[]) =>
  [...list].sort((a, b) => a.instrument_token - b.instrument_token);

test('what is downloaded is the dump, and what was wrong in it', async () => {
  const task = await serve((_request, response) =>
    response.writeHead(200, ZIPPED).end(gzipSync(`${instrumentCsv(definitions)}junk\r\n${'256265'}`)),
  );
  const { list, storedRows } = await runTask(task, limits);
  expect(list).toMatchObject({ badRows: 2, isCutOff: true, duplicates: 0 });
  expect(list.firstBadRow).toMatch(/line 3002: instrument_token is none/);
  expect([...new InstrumentRegistry(list.columns).definitions()]).toEqual(byToken(definitions));
  expect(storedRows).toBeUndefined();
});

test('what is stored is read back as it was, with its date, and counted with the next download', async () => {
  const databaseUrl = await createTestDatabase();
  expect(await runTask({ kind: 'read_stored', databaseUrl }, limits)).toBeUndefined();
  const { columns } = registryOf(definitions);
  const store = { kind: 'store', databaseUrl, columns, mustBeWhole: true } as const;
  expect(await runTask({ ...store, tradingDate: '2026-11-19' }, limits)).toEqual({ kind: 'stored' });
  const read = await runTask({ kind: 'read_stored', databaseUrl }, limits);
  expect(read).toMatchObject({ tradingDate: '2026-11-19', list: { badRows: 0, isCutOff: false } });
  expect([...new InstrumentRegistry(read!.list.columns).definitions()]).toEqual(byToken(definitions));

  const csv = instrumentCsv(definitions);
  const task = await serve(
    (_request, response) => response.writeHead(200, ZIPPED).end(gzipSync(csv)),
    databaseUrl,
  );
  expect((await runTask(task, limits)).storedRows).toEqual(registryOf(definitions).exchangeRows);

  const smaller = registryOf(definitions.slice(0, 100)).columns;
  expect(await runTask({ ...store, columns: smaller, tradingDate: '2026-11-20' }, limits)).toEqual({
    kind: 'refused',
    reason: '100 instruments, the last good list has 3000',
  });
});

test('a download is compared with the list before, for each of its tokens', async () => {
  const csv = gzipSync(instrumentCsv(definitions));
  const task = await serve((_request, response) => response.writeHead(200, ZIPPED).end(csv));
  expect((await runTask(task, limits)).changes).toBeUndefined();
  const [first, second, third, ...others] = definitions;
  if (!first || !second || !third) throw new Error('too few');
  const before = registryOf([
    { ...first, lot_size: 1_234 },
    { ...second, tradingsymbol: 'OTHER' },
    ...others,
  ]);
  const { list, changes } = await runTask({ ...task, before: before.columns }, limits);
  const now = new InstrumentRegistry(list.columns, { before, changes: changes as Uint8Array });
  const changeOf = (token: number) => now.changeSince(before, token);
  expect([first, second, third].map(({ instrument_token: token }) => changeOf(token))).toEqual([
    'details',
    'instrument',
    'instrument',
  ]);
  expect(others.filter(({ instrument_token: token }) => changeOf(token) !== 'none')).toEqual([]);
});

test('a database that is away keeps nobody from the download', async () => {
  const task = await serve(
    (_request, response) => response.writeHead(200, ZIPPED).end(gzipSync(instrumentCsv(definitions))),
    'postgres://nobody@127.0.0.1:1/nothing',
  );
  const { list, storedRows } = await runTask(task, limits);
  expect(list.columns.tokens).toHaveLength(3_000);
  expect(storedRows).toBeUndefined();
});

test('a database that hangs keeps a download waiting for no longer than it may', async () => {
  const silent = createTcpServer(() => undefined);
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  const { port } = silent.address() as AddressInfo;
  const task = await serve(
    (_request, response) => response.writeHead(200, ZIPPED).end(gzipSync(instrumentCsv(definitions))),
    `postgres://nobody@127.0.0.1:${port}/nothing`,
  );
  const startedAtMs = performance.now();
  expect((await runTask(task, limits)).list.columns.tokens).toHaveLength(3_000);
  expect(performance.now() - startedAtMs).toBeGreaterThan(INSTRUMENT_COUNT_MS_MAX / 2);
  silent.close();
});

test('an error comes out of the thread with its words, a 429 with its wait', async () => {
  const page = await serve((_request, response) =>
    response.writeHead(200, { 'content-type': 'text/html' }).end('<html>'),
  );
  await expect(runTask(page, limits)).rejects.toThrow(/content-type text\/html, expected text\/csv/);
  server?.close();
  const throttled = await serve((_request, response) =>
    response.writeHead(429, { 'retry-after': '77' }).end(),
  );
  const error = await runTask(throttled, limits).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(ThrottledError);
  expect(error).toMatchObject({ retryAfterMs: 77_000 });
  const databaseUrl = 'postgres://nobody@127.0.0.1:1/nothing';
  await expect(runTask({ kind: 'read_stored', databaseUrl }, limits)).rejects.toThrow(/ECONNREFUSED/);
});

test('a server that never ends its answer is given up, and so is one nobody waits for any more', async () => {
  const silent = await serve((_request, response) => {
    response.writeHead(200, ZIPPED);
    response.flushHeaders();
  });
  await expect(runTask(silent, { ...limits, msMax: 300 })).rejects.toThrow(/timeout/);
  const abort = new AbortController();
  const reading = runTask(silent, { ...limits, signal: abort.signal });
  abort.abort(new Error('stopped'));
  await expect(reading).rejects.toThrow('stopped');
  await expect(runTask(silent, { ...limits, signal: abort.signal })).rejects.toThrow('stopped');
});
