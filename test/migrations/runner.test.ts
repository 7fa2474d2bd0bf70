import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import postgres from 'postgres';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { migrate } from '../../migrations/runner.ts';
import { createEmptyDatabase } from '../support/database.ts';

let directory: string;
let url: string;
let sql: postgres.Sql;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'ticker-edge-migrations-'));
  url = await createEmptyDatabase();
  sql = postgres(url, { max: 2, onnotice: () => undefined });
});

afterEach(async () => {
  await sql.end();
  rmSync(directory, { recursive: true });
});

const write = (name: string, text: string) => writeFileSync(join(directory, name), text);
const tables = async () =>
  (await sql`select tablename from pg_tables where schemaname = 'public' order by 1`).map(
    (row) => row.tablename,
  );

test('applies files in order, once', async () => {
  write('0001_first.sql', 'create table first (id int); create index first_id on first (id);');
  write('0002_second.sql', 'alter table first rename to second;');
  expect(await migrate({ url, directory })).toEqual({
    applied: ['0001_first.sql', '0002_second.sql'],
    alreadyAppliedCount: 0,
  });
  expect(await tables()).toEqual(['schema_migrations', 'second']);
  expect(await migrate({ url, directory })).toEqual({ applied: [], alreadyAppliedCount: 2 });

  write('0003_third.sql', 'create table third (id int);');
  expect(await migrate({ url, directory })).toEqual({ applied: ['0003_third.sql'], alreadyAppliedCount: 2 });
});

test('refuses a file that changed after it was applied', async () => {
  write('0001_first.sql', 'create table first (id int);');
  await migrate({ url, directory });
  write('0001_first.sql', 'create table first (id int); ');
  write('0002_second.sql', 'create table second (id int);');
  await expect(migrate({ url, directory })).rejects.toThrow(
    '0001_first.sql was changed after it was applied',
  );
  expect(await tables()).toEqual(['first', 'schema_migrations']);
});

test('refuses a folder that lacks or renames an applied file', async () => {
  write('0001_first.sql', 'create table first (id int);');
  write('0002_second.sql', 'create table second (id int);');
  await migrate({ url, directory });
  rmSync(join(directory, '0002_second.sql'));
  await expect(migrate({ url, directory })).rejects.toThrow(
    '0002_second.sql is applied but the folder has no file',
  );
  write('0002_other.sql', 'create table second (id int);');
  await expect(migrate({ url, directory })).rejects.toThrow('has 0002_other.sql in its place');
});

test.each([
  ['0001_Bad-Name.sql', 'the name is not NNNN_words.sql'],
  ['0002_gap.sql', 'number 1 was expected'],
])('refuses the file name %s', async (name, reason) => {
  write(name, 'select 1;');
  await expect(migrate({ url, directory })).rejects.toThrow(reason);
  expect(await tables()).toEqual([]);
});

test('a failing migration leaves nothing of itself, keeps those before it and says which it was', async () => {
  write('0001_good.sql', 'create table good (id int);');
  write('0002_bad.sql', 'create table half (id int); insert into nowhere values (1);');
  write('0003_never.sql', 'create table never (id int);');
  await expect(migrate({ url, directory })).rejects.toThrow(
    'migration 0002_bad.sql failed: relation "nowhere" does not exist',
  );
  expect(await tables()).toEqual(['good', 'schema_migrations']);

  write('0002_bad.sql', 'create table half (id int);');
  expect((await migrate({ url, directory })).applied).toEqual(['0002_bad.sql', '0003_never.sql']);
});

test('runners that start at once apply each file once', async () => {
  for (let number = 1; number <= 5; number++) {
    write(`000${number}_table.sql`, `create table t${number} (id int); insert into t${number} values (1);`);
  }
  const results = await Promise.all(Array.from({ length: 4 }, () => migrate({ url, directory })));
  expect(results.flatMap((result) => result.applied).sort()).toEqual(
    [1, 2, 3, 4, 5].map((number) => `000${number}_table.sql`),
  );
  expect(await sql`select * from t5`).toHaveLength(1);
});

test("our own files apply, and a token of Kite's whole range is kept", async () => {
  copyFileSync(
    new URL('../../migrations/0001_instruments.sql', import.meta.url),
    join(directory, '0001_instruments.sql'),
  );
  await migrate({ url, directory });
  const row = {
    instrument_token: 4_294_967_295,
    exchange_token: 16_777_215,
    tradingsymbol: 'NIFTY26NOV26000CE',
    name: 'NIFTY',
    last_price: 0,
    expiry: '2026-11-24',
    strike: 26_000,
    tick_size: 0.05,
    lot_size: 75,
    instrument_type: 'CE',
    segment: 'NFO-OPT',
    exchange: 'NFO',
    trading_date: '2026-11-21',
  };
  await sql`insert into instruments ${sql(row)}`;
  const [kept] = await sql`select instrument_token, strike, tick_size, expiry::text from instruments`;
  expect(kept).toEqual({
    instrument_token: '4294967295',
    strike: '26000',
    tick_size: '0.05',
    expiry: '2026-11-24',
  });
  await expect(
    sql`insert into instruments ${sql({ ...row, instrument_token: 4_294_967_296 })}`,
  ).rejects.toThrow('check');
});
