// Accounts as the sidecar has them: from a real database, with what a real Kite says of their tokens.
import { createHash } from 'node:crypto';
import postgres from 'postgres';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { systemClock } from '../../../ingest/clock.ts';
import { readConfig } from '../../../ingest/config.ts';
import type { KiteAccount } from '../../../ingest/kite/account.ts';
import { Accounts } from '../../../ingest/kite/accounts.ts';
import type { AccountStatus } from '../../../shared/status.ts';
import { createTestDatabase } from '../../support/database.ts';
import { KEYS, putAccount } from '../support/account-rows.ts';
import { eventually } from '../support/eventually.ts';
import { DEAD_TOKEN, FakeRest, success } from '../support/fake-rest.ts';
import { recordingLog } from '../support/recording-log.ts';

const SETTINGS = { EDGE_URL: 'http://127.0.0.1:1', INGEST_SECRET: 'x'.repeat(32) };

let url: string;
let sql: postgres.Sql;
let rest: FakeRest;
let accounts: Accounts;
let told: (readonly KiteAccount[])[];
let lines: string[];
let secrets: Set<string>;

beforeAll(async () => {
  url = await createTestDatabase();
  sql = postgres(url, { max: 2, onnotice: () => undefined });
});
afterAll(() => sql.end());

beforeEach(async () => {
  await sql`truncate accounts`;
  rest = await FakeRest.start();
  rest.answer = ({ headers }) =>
    String(headers.authorization).includes('dead') ? DEAD_TOKEN : success({ user_id: 'AB1234' });
});
afterEach(async () => {
  accounts.stop();
  await rest.stop();
});

function start(settings: Record<string, string>): void {
  told = [];
  secrets = new Set();
  const recording = recordingLog();
  lines = recording.lines;
  accounts = new Accounts({
    config: readConfig({ ...SETTINGS, KITE_API_ROOT: rest.url, ...settings }),
    clock: systemClock,
    random: () => 0,
    log: recording.log,
    onSecret: (secret) => secrets.add(secret),
  });
  accounts.start((changed) => told.push(changed));
}

const database = () => ({ DATABASE_URL: url, CREDENTIALS_KEYS: KEYS });
/** The accounts as the sockets would have them. */
const sockets = (): AccountStatus[] =>
  (told.at(-1) ?? []).map(({ id, isEnabled }) => ({
    id,
    state: isEnabled ? 'ok' : 'disabled',
    capacity: 9_000,
    instruments: 0,
    room: 9_000,
    sockets: [],
  }));
const logins = () =>
  Object.fromEntries(accounts.describe(sockets()).map(({ id, login }) => [id, login?.state]));

test('several accounts: each is asked about once, and shown with its standing and without its credentials', async () => {
  await putAccount(sql, {
    id: 'alive',
    apiKey: 'key-alive',
    accessToken: 'token-alive',
    apiSecret: 'secret',
  });
  await putAccount(sql, { id: 'dead', apiKey: 'key-dead', accessToken: 'token-dead' });
  await putAccount(sql, { id: 'new', apiKey: 'key-new' });
  await putAccount(sql, { id: 'off', apiKey: 'key-off', accessToken: 'token-off', enabled: false });
  start(database());
  await eventually(() =>
    expect(logins()).toEqual({ alive: 'valid', dead: 'refused', new: 'missing', off: 'unverified' }),
  );
  for (let i = 0; i < 100; i++) accounts.observe(sockets());
  expect(rest.calls.map(({ path }) => path)).toEqual(['/user/profile', '/user/profile']);
  expect(JSON.stringify(accounts.describe(sockets())) + lines.join()).not.toMatch(/token-|key-|secret/);
  expect([...secrets]).toEqual(expect.arrayContaining(['key-alive', 'token-alive', 'token-off']));
});

test('a new login is used without a restart, and the calls after it are sent with its token', async () => {
  await putAccount(sql, { id: 'main', apiKey: 'key-main', accessToken: 'token-dead' });
  start(database());
  await eventually(() => expect(logins()).toEqual({ main: 'refused' }));
  await putAccount(sql, { id: 'main', apiKey: 'key-main', accessToken: 'token-of-today' });
  accounts.readNow();
  await eventually(() => expect(logins()).toEqual({ main: 'valid' }));
  expect(told.map((list) => list.map(({ accessToken }) => accessToken))).toEqual([
    ['token-dead'],
    ['token-of-today'],
  ]);
  expect(rest.calls.map(({ headers }) => headers.authorization)).toEqual([
    'token key-main:token-dead',
    'token key-main:token-of-today',
  ]);
});

test('and without being woken, within seconds', { timeout: 30_000 }, async () => {
  start(database());
  await eventually(() => expect(told).toHaveLength(1));
  await putAccount(sql, { id: 'main', apiKey: 'key-main', accessToken: 'token-of-today' });
  await eventually(() => expect(logins()).toEqual({ main: 'valid' }));
});

test("without a database the environment's account is there at once, and its end is known by the clock", async () => {
  start({ KITE_API_KEY: 'key-environment', KITE_ACCESS_TOKEN: 'token-environment' });
  expect(told).toEqual([
    [
      {
        id: 'primary',
        apiKey: 'key-environment',
        accessToken: 'token-environment',
        isEnabled: true,
        connectionsMax: 3,
        instrumentsMax: 3_000,
      },
    ],
  ]);
  await eventually(() => expect(logins()).toEqual({ primary: 'valid' }));
  const expiresAtMs = accounts.describe(sockets())[0]?.login?.expires_at ?? 0;
  expect(expiresAtMs - Date.now()).toBeGreaterThan(0);
  expect(expiresAtMs - Date.now()).toBeLessThanOrEqual(86_400_000);
});

test("the simulator's never ends, and the database may be away", async () => {
  start({
    KITE_API_KEY: 'key-environment',
    KITE_ACCESS_TOKEN: 'token-environment',
    MARKET_SESSION: 'always_open',
    ...database(),
    DATABASE_URL: 'postgres://u:p@127.0.0.1:1/none',
  });
  await eventually(() => expect(logins()).toEqual({ primary: 'valid' }));
  expect(accounts.describe(sockets())[0]?.login).toEqual({ state: 'valid' });
});

test('rows that nobody has the keys of are there, and say so', async () => {
  await putAccount(sql, { id: 'main', apiKey: 'key-main', accessToken: 'token' });
  start({ DATABASE_URL: url, KITE_API_KEY: 'other', KITE_ACCESS_TOKEN: 'token-other' });
  await eventually(() => expect(logins()).toEqual({ main: 'unreadable', primary: 'valid' }));
  expect(lines.join()).toContain('CREDENTIALS_KEYS is not set');
});

test('orders are taken of accounts whose user Kite has named, and postbacks by the secrets of those in use', async () => {
  const postbackOf = (apiSecret: string) => {
    const order = { order_id: '7', order_timestamp: '2026-11-20 09:15:07' };
    const signed = `${order.order_id}${order.order_timestamp}${apiSecret}`;
    return JSON.stringify({ ...order, checksum: createHash('sha256').update(signed).digest('hex') });
  };
  const row = { accessToken: 'alive', userId: 'AB1234' };
  await putAccount(sql, { id: 'main', apiKey: 'key-main', apiSecret: 'secret-of-main', ...row });
  await putAccount(sql, { id: 'off', apiKey: 'key-off', apiSecret: 'secret-of-off', ...row, enabled: false });
  await putAccount(sql, { id: 'dead', apiKey: 'key-dead', accessToken: 'dead' });
  start({
    ...database(),
    KITE_API_KEY: 'own-key',
    KITE_ACCESS_TOKEN: 'own-token',
    KITE_API_SECRET: 'secret-of-own',
  });
  await eventually(() =>
    expect(accounts.orderAccounts).toEqual([
      { accountId: 'primary', userId: 'AB1234' },
      { accountId: 'main', userId: 'AB1234' },
    ]),
  );
  expect(['main', 'off', 'dead', 'primary', 'other'].map((id) => accounts.has(id))).toEqual([
    ...[true, true, true, true],
    false,
  ]);
  const check = (secret: string) => accounts.checkPostback(postbackOf(secret));
  expect(await check('secret-of-main')).toEqual({ accountId: 'main', orderId: '7' });
  expect(await check('secret-of-own')).toEqual({ accountId: 'primary', orderId: '7' });
  expect(await check('secret-of-off')).toBeUndefined();
  expect(secrets).toContain('secret-of-main');
});
