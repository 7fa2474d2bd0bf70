// Accounts in a real database: read, changed with a record of it, and read again after the database was away.
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import postgres from 'postgres';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../../ingest/clock.ts';
import { AccountReader, AccountStore } from '../../../ingest/store/accounts.ts';
import { ACCOUNTS_READ_MS_MAX } from '../../../shared/limits.ts';
import { createTestDatabase } from '../../support/database.ts';
import { putAccount, vault } from '../support/account-rows.ts';
import { eventually } from '../support/eventually.ts';
import { ManualClock } from '../support/manual-clock.ts';

let url: string;
let sql: postgres.Sql;
let store: AccountStore;

beforeAll(async () => {
  url = await createTestDatabase();
  sql = postgres(url, { max: 2, onnotice: () => undefined });
  store = new AccountStore(url, 'host:tester@here');
});
afterAll(async () => {
  await store.close();
  await sql.end();
});
beforeEach(async () => {
  await sql`truncate accounts, account_changes`;
});

const changes = () => sql`select account_id, changed_by, action, detail from account_changes order by id`;

const NEW_TOKEN = {
  accountId: 'main',
  apiKey: 'key1',
  userId: 'AB1234',
  accessTokenEnvelope: 'v1.k.n.c',
  issuedAtMs: 1_764_000_000_123,
  expiresAtMs: 1_764_010_000_000,
};

describe('the reader', () => {
  test('reads every column, and nothing of what only a login needs', async () => {
    await putAccount(sql, { id: 'b', apiKey: 'key2', enabled: false });
    await putAccount(sql, { id: 'a', apiKey: 'key1', apiSecret: 'secret', accessToken: 'token' });
    const reader = new AccountReader(url, systemClock);
    const rows = await reader.read();
    expect(rows).toEqual([
      {
        id: 'a',
        apiKey: 'key1',
        accessTokenEnvelope: expect.stringMatching(/^v1\.test\./),
        tokenIssuedAtMs: 1_764_000_000_000,
        tokenExpiresAtMs: 1_764_000_000_000,
        isEnabled: true,
        connectionsMax: 3,
        instrumentsMax: 3_000,
      },
      {
        id: 'b',
        apiKey: 'key2',
        accessTokenEnvelope: null,
        tokenIssuedAtMs: null,
        tokenExpiresAtMs: null,
        isEnabled: false,
        connectionsMax: 3,
        instrumentsMax: 3_000,
      },
    ]);
    reader.stop();
  });

  test('gives up a database that takes the connection and says nothing, and reads when it is back', async () => {
    await putAccount(sql, { id: 'a', apiKey: 'key1' });
    const target = new URL(url);
    const sockets = new Set<Socket>();
    let isBack = false;
    // Stands in front of the database, as a network that swallows everything.
    const front: Server = createServer((socket) => {
      sockets.add(socket);
      socket.on('error', () => undefined);
      if (!isBack) return;
      const upstream = connect(Number(target.port), target.hostname);
      sockets.add(upstream);
      upstream.on('error', () => undefined);
      socket.pipe(upstream).pipe(socket);
    });
    await new Promise<void>((resolve) => front.listen(0, '127.0.0.1', resolve));
    const fronted = new URL(url);
    fronted.port = String((front.address() as AddressInfo).port);
    const clock = new ManualClock();
    const reader = new AccountReader(fronted.href, clock);
    const reading = reader.read();
    reading.catch(() => undefined);
    await eventually(() => expect(sockets.size).toBe(1));
    clock.advance(ACCOUNTS_READ_MS_MAX);
    await expect(reading).rejects.toThrow(`within ${ACCOUNTS_READ_MS_MAX} ms`);
    isBack = true;
    expect(await reader.read()).toMatchObject([{ id: 'a' }]);
    expect(clock.delaysMs).toEqual([]);
    reader.stop();
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => front.close(resolve));
  });

  test('rejects when there is no database, and again, and leaves nothing behind', async () => {
    const reader = new AccountReader('postgres://u:p@127.0.0.1:1/none', systemClock);
    for (let i = 0; i < 3; i++) await expect(reader.read()).rejects.toThrow(/ECONNREFUSED/);
    reader.stop();
  });
});

describe('a login', () => {
  test('stores the token and whose it is, and who did that', async () => {
    await putAccount(sql, { id: 'main', apiKey: 'key1', apiSecret: 's' });
    expect(await store.storeToken(NEW_TOKEN)).toBe(true);
    const [row] = await sql`select user_id, access_token, token_issued_at, token_expires_at from accounts`;
    expect(row).toEqual({
      user_id: 'AB1234',
      access_token: 'v1.k.n.c',
      token_issued_at: new Date(NEW_TOKEN.issuedAtMs),
      token_expires_at: new Date(NEW_TOKEN.expiresAtMs),
    });
    expect(await changes()).toEqual([
      {
        account_id: 'main',
        changed_by: 'host:tester@here',
        action: 'logged_in',
        detail: { user_id: 'AB1234' },
      },
    ]);
  });

  test.each([
    ['is gone', { accountId: 'other' }],
    ['has become another app', { apiKey: 'key9' }],
    ['has become another user', { userId: 'ZZ9999' }],
  ])('of an account that %s meanwhile stores nothing', async (_, parts) => {
    await putAccount(sql, { id: 'main', apiKey: 'key1', userId: 'AB1234' });
    expect(await store.storeToken({ ...NEW_TOKEN, ...parts })).toBe(false);
    expect(await sql`select access_token from accounts`).toEqual([{ access_token: null }]);
    expect(await changes()).toEqual([]);
  });

  test('an account is added once, with a record that shows no credential', async () => {
    const envelope = await vault.seal('the secret', { accountId: 'primary', column: 'api_secret' });
    await store.add({ id: 'primary', apiKey: 'key1', apiSecretEnvelope: envelope });
    await expect(store.add({ id: 'second', apiKey: 'key1', apiSecretEnvelope: envelope })).rejects.toThrow(
      /accounts_api_key_key/,
    );
    expect(await store.readForLogin()).toEqual([
      {
        id: 'primary',
        apiKey: 'key1',
        userId: null,
        apiSecretEnvelope: envelope,
        tokenIssuedAtMs: null,
        isEnabled: true,
      },
    ]);
    expect(await changes()).toMatchObject([
      { action: 'added', detail: { api_key: 'set', api_secret: 'set' } },
    ]);
  });
});

describe('the table', () => {
  test.each([
    ['an id with capitals', { id: 'Main' }],
    ['an empty key', { api_key: '' }],
    ['a fourth socket', { connections_max: 4 }],
    ['more than a socket takes', { instruments_max: 3_001 }],
    ['a token of unknown age', { access_token: 'v1.k.n.c' }],
  ])('takes no row with %s', async (_, parts) => {
    const row = { id: 'main', api_key: 'key1', ...parts };
    await expect(sql`insert into accounts ${sql(row)}`).rejects.toThrow(/accounts_.*check/);
  });
});
