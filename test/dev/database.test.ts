import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import postgres from 'postgres';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Database, startDatabase } from '../../dev/database.ts';
import { findFreePort } from '../../dev/free-port.ts';
import { processName, signalProcess } from '../../dev/process-table.ts';

let home: string;
let running: Database[];

beforeEach(() => {
  // Closed to everybody but its owner, as a home folder is: the server, which is not root, must still get in.
  home = mkdtempSync(join(tmpdir(), 'ticker-edge-database-'));
  running = [];
});
afterEach(async () => {
  await Promise.all(running.map((database) => database.stop()));
  rmSync(home, { recursive: true });
});

async function start({ password = 'secret', durable = false } = {}): Promise<Database> {
  const database = await startDatabase({
    directory: join(home, 'cluster'),
    port: await findFreePort(),
    password,
    durable,
    onLog: () => undefined,
  });
  running.push(database);
  return database;
}

async function query(url: string, text: string): Promise<unknown> {
  const sql = postgres(url, { max: 1 });
  try {
    return (await sql.unsafe(text))[0];
  } finally {
    await sql.end();
  }
}

test('is PostgreSQL 18 in UTF-8, and keeps its data over a stop', async () => {
  const first = await start();
  expect(processName(first.pid)).toBe('postgres');
  expect(await query(first.url, 'show server_version')).toEqual({
    server_version: expect.stringMatching(/^18\./),
  });
  expect(await query(first.url, 'show server_encoding')).toEqual({ server_encoding: 'UTF8' });
  await query(first.url, 'create table kept (id int); insert into kept values (7)');
  await first.stop();
  expect(processName(first.pid)).toBeUndefined();

  const second = await start();
  expect(await query(second.url, 'select id from kept')).toEqual({ id: 7 });
}, 30_000);

test('recovers from a kill, and from a pid file that names a stranger', async () => {
  const first = await start({ durable: true });
  await query(first.url, 'create table kept (id int); insert into kept values (7)');
  signalProcess(first.pid, 'SIGKILL');
  await first.exited;
  const second = await start();
  expect(await query(second.url, 'select id from kept')).toEqual({ id: 7 });
  await second.stop();

  const pidFile = join(home, 'cluster', 'postmaster.pid');
  writeFileSync(pidFile, `${process.pid}\n${join(home, 'cluster')}\n`);
  const third = await start();
  expect(readFileSync(pidFile, 'utf8')).toMatch(new RegExp(`^${third.pid}\n`));
  expect(await query(third.url, 'select id from kept')).toEqual({ id: 7 });
}, 30_000);

test('takes the place of a server that an earlier run left behind', async () => {
  const left = await start();
  const next = await start();
  expect(processName(left.pid)).toBeUndefined();
  expect(await query(next.url, 'select 1 as one')).toEqual({ one: 1 });
}, 30_000);

test('says so when the password is not the one of the folder', async () => {
  await (await start()).stop();
  await expect(start({ password: 'another' })).rejects.toThrow('the password is not the one');
}, 30_000);

test('says which port is taken', async () => {
  const first = await start();
  const other = { directory: join(home, 'other'), password: 'x', durable: false, onLog: () => undefined };
  const port = Number(new URL(first.url).port);
  await expect(startDatabase({ ...other, port })).rejects.toThrow(`port ${port} for PostgreSQL is taken`);
}, 30_000);
