// The writer against a real database that has a bad time: nothing is lost, and no reader sees a part of a list.
import postgres from 'postgres';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { type RunTask, runTask } from '../../../ingest/instruments/thread.ts';
import { InstrumentWriter, type InstrumentWriterOptions } from '../../../ingest/instruments/writer.ts';
import { INSTRUMENT_LOAD_BACKOFF_MS_MAX, INSTRUMENT_STORE_MS_MAX } from '../../../shared/limits.ts';
import { createTestDatabase } from '../../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { registryOf, sharesOf } from '../support/lists.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { recordingLog } from '../support/recording-log.ts';
import { TcpProxy } from '../support/tcp-proxy.ts';

let sql: postgres.Sql;
let proxy: TcpProxy;
let clock: ManualClock;
let lines: string[];
let writer: InstrumentWriter;

async function open(options: Partial<InstrumentWriterOptions> = {}): Promise<void> {
  const { log, lines: recorded } = recordingLog();
  lines = recorded;
  writer = new InstrumentWriter({
    databaseUrl: proxy.urlOf(url),
    mustBeWhole: true,
    run: runTask,
    clock,
    random: () => 0.5,
    log,
    onRefused: () => undefined,
    ...options,
  });
}

let url: string;

beforeEach(async () => {
  url = await createTestDatabase();
  sql = postgres(url, { max: 1, onnotice: () => undefined });
  proxy = await TcpProxy.start('127.0.0.1', Number(new URL(url).port));
  clock = new ManualClock();
  await open();
});

afterEach(async () => {
  writer.stop();
  await proxy.stop();
  await sql.end();
});

async function stored(): Promise<unknown> {
  const [row] = await sql`
    select count(*)::int as n, (select trading_date::text from instrument_list) as date from instruments`;
  return row;
}

const failures = () => lines.filter((line) => line.includes('instruments not stored'));

/** Lets the writer try again, until it has stored what it has. */
async function finish(): Promise<void> {
  await eventually(() => {
    clock.advance(1_000);
    expect(writer.isStored).toBe(true);
  });
}

test('a database that is away for a minute costs a minute, and no list', async () => {
  await proxy.stop();
  writer.write(registryOf(sharesOf(1_500)), '2026-11-20');
  const startedAtMs = clock.wallMs();
  while (clock.wallMs() < startedAtMs + 60_000) {
    await eventually(() => expect(clock.delaysMs).toHaveLength(1));
    clock.advance(clock.delaysMs[0]!);
  }
  expect(writer.isStored).toBe(false);
  expect(failures().length).toBeGreaterThan(3);
  expect(failures()[0]).toMatch(/ECONNREFUSED/);
  await proxy.listenAgain();
  await finish();
  expect(await stored()).toEqual({ n: 1_500, date: '2026-11-20' });
});

test('a connection that is cut half way leaves the old list whole, and the new one comes', async () => {
  writer.write(registryOf(sharesOf(1_500, 'OLD')), '2026-11-19');
  await finish();
  proxy.cutAfterBytes = 200_000;
  writer.write(registryOf(sharesOf(2_000, 'NEW')), '2026-11-20');
  await eventually(() => expect(failures()).toHaveLength(1));
  expect(writer.isStored).toBe(false);
  expect(await stored()).toEqual({ n: 1_500, date: '2026-11-19' });
  expect(await sql`select count(*)::int as n from instruments where tradingsymbol like 'NEW%'`).toEqual([
    { n: 0 },
  ]);
  proxy.cutAfterBytes = Number.POSITIVE_INFINITY;
  await finish();
  expect(await stored()).toEqual({ n: 2_000, date: '2026-11-20' });
});

test('a database that hangs is given up after a time, and asked again', async () => {
  const msMax: number[] = [];
  const run: RunTask = (task, limits) => {
    msMax.push(limits.msMax);
    return runTask(task, proxy.state === 'hang' ? { ...limits, msMax: 500 } : limits);
  };
  await open({ run });
  proxy.state = 'hang';
  writer.write(registryOf(sharesOf(600)), '2026-11-20');
  await eventually(() => expect(failures()).toHaveLength(1));
  expect(msMax).toEqual([INSTRUMENT_STORE_MS_MAX]);
  proxy.state = 'pass';
  await finish();
  expect(await stored()).toEqual({ n: 600, date: '2026-11-20' });
});

test('of lists that come while the database is away the last one is stored', async () => {
  await proxy.stop();
  writer.write(registryOf(sharesOf(1_000)), '2026-11-19');
  await eventually(() => expect(failures()).toHaveLength(1));
  writer.write(registryOf(sharesOf(1_100)), '2026-11-20');
  await eventually(() => expect(failures()).toHaveLength(2));
  await proxy.listenAgain();
  await finish();
  expect(await stored()).toEqual({ n: 1_100, date: '2026-11-20' });
  expect(lines.filter((line) => line.includes('instruments stored'))).toHaveLength(1);
});

test('a list that lacks too much of the stored one is not stored, and its reader is told', async () => {
  const onRefused = vi.fn();
  await open({ onRefused });
  writer.write(registryOf(sharesOf(1_000)), '2026-11-19');
  await finish();
  writer.write(registryOf(sharesOf(699)), '2026-11-20');
  await eventually(() => expect(onRefused).toHaveBeenCalledTimes(1));
  expect(writer.isStored).toBe(false);
  expect(failures().join()).toMatch(
    /the stored list stays reason="699 instruments, the last good list has 1000"/,
  );
  clock.advance(INSTRUMENT_LOAD_BACKOFF_MS_MAX);
  expect(await stored()).toEqual({ n: 1_000, date: '2026-11-19' });
  await open({ mustBeWhole: false });
  writer.write(registryOf(sharesOf(699)), '2026-11-20');
  await finish();
  expect(await stored()).toEqual({ n: 699, date: '2026-11-20' });
});

test('stopped while it writes, it leaves the list that was there', async () => {
  writer.write(registryOf(sharesOf(500)), '2026-11-19');
  await finish();
  proxy.state = 'hang';
  const before = proxy.connections;
  writer.write(registryOf(sharesOf(600)), '2026-11-20');
  await eventually(() => expect(proxy.connections).toBe(before + 1));
  writer.stop();
  expect(await stored()).toEqual({ n: 500, date: '2026-11-19' });
  expect([failures(), clock.delaysMs]).toEqual([[], []]);
});
