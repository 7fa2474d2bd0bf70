// The commands as they are started: what they print, how they end, and that they show no secret.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import postgres from 'postgres';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { findFreePort } from '../../dev/free-port.ts';
import { openVault } from '../../ingest/kite/accounts.ts';
import { type Simulator, startSimulator } from '../../ingest/simulator/simulator.ts';
import { keyIdOf } from '../../shared/credential-vault.ts';
import { createTestDatabase } from '../support/database.ts';
import { KEYS, putAccount } from './support/account-rows.ts';
import { eventually } from './support/eventually.ts';
import { logInAsUser } from './support/kite-browser.ts';

const node = 'node_modules/.bin/node';

let url: string;
let sql: postgres.Sql;
let simulator: Simulator;
let environment: Record<string, string>;
let child: ChildProcess | undefined;

beforeAll(async () => {
  url = await createTestDatabase();
  sql = postgres(url, { max: 2, onnotice: () => undefined });
});
afterAll(() => sql.end());

beforeEach(async () => {
  await sql`truncate accounts, account_changes`;
  const redirectUrl = `http://127.0.0.1:${await findFreePort()}/kite`;
  const app = (n: number) => ({
    apiKey: `key${n}`,
    apiSecret: `the-secret-of-app-${n}`,
    userId: `SIM00${n}`,
    accessToken: `first-token-of-${n}`,
    redirectUrl,
  });
  simulator = await startSimulator({ instrumentsCount: 10, accounts: [app(1), app(2)] });
  environment = {
    PATH: process.env.PATH ?? '',
    DATABASE_URL: url,
    CREDENTIALS_KEYS: KEYS,
    KITE_API_ROOT: simulator.url,
    KITE_LOGIN_ROOT: simulator.url,
    KITE_REDIRECT_URL: redirectUrl,
  };
});
afterEach(async () => {
  child?.kill('SIGKILL');
  await simulator.stop();
});

function start(program: string, args: readonly string[] = [], settings: Record<string, string> = {}) {
  const started = spawn(node, [program, ...args], {
    env: { ...environment, ...settings },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  child = started;
  const said = { out: '', err: '' };
  started.stdout.on('data', (chunk: Buffer) => {
    said.out += chunk.toString();
  });
  started.stderr.on('data', (chunk: Buffer) => {
    said.err += chunk.toString();
  });
  const ended = once(started, 'close').then(([code]) => code as number);
  return { said, ended };
}

/** The address that the command has printed for the account. */
const addressFor = (said: { out: string }, id: string) =>
  eventually(() => {
    const address = new RegExp(`account ${id}: log in at\\s+(\\S+)`).exec(said.out)?.[1];
    if (address === undefined) throw new Error(said.out);
    return address;
  });

test('accounts log in one after another, and one that fails does not keep the next from it', async () => {
  await putAccount(sql, { id: 'one', apiKey: 'key1', apiSecret: 'not-the-secret-of-it' });
  await putAccount(sql, { id: 'two', apiKey: 'key2', apiSecret: 'the-secret-of-app-2' });
  const { said, ended } = start('ingest/kite-login.ts');
  expect((await logInAsUser(await addressFor(said, 'one'))).status).toBe(502);
  expect((await logInAsUser(await addressFor(said, 'two'))).status).toBe(200);
  expect(await ended).toBe(1);
  expect(said.err).toMatch(/^account one: Kite says "Invalid `checksum`\.": the stored api_secret is not/);
  expect(said.out).toMatch(/account two: logged in as SIM002, until \d+ \w+ \d{4}, 06:00 IST\n$/);
  expect(said.out + said.err).not.toMatch(/secret-of|first-token/);
  const [row] = await sql<[{ access_token: string }]>`select access_token from accounts where id = 'two'`;
  expect(keyIdOf(row.access_token)).toBe('test');

  const named = start('ingest/kite-login.ts', ['--account', 'two']);
  await logInAsUser(await addressFor(named.said, 'two'));
  expect(await named.ended).toBe(0);
  await sql`delete from accounts where id = 'one'`;
  const again = start('ingest/kite-login.ts');
  expect(await again.ended).toBe(0);
  expect(again.said.out).toBe('every enabled account has a token of today; --all logs them in anew\n');
});

test('an app of the environment becomes an account with its first login', async () => {
  const app = { KITE_API_KEY: 'key1', KITE_API_SECRET: 'the-secret-of-app-1' };
  const { said, ended } = start('ingest/kite-login.ts', [], app);
  await logInAsUser(await addressFor(said, 'primary'));
  expect(await ended).toBe(0);
  const rows = await sql`select id, api_key, user_id from accounts`;
  expect(rows).toEqual([{ id: 'primary', api_key: 'key1', user_id: 'SIM001' }]);
  const actions = await sql<{ action: string; changed_by: string }[]>`
    select action, changed_by from account_changes order by id`;
  expect(actions.map(({ action }) => action)).toEqual(['added', 'logged_in']);
  expect(actions[0]?.changed_by).toMatch(/^host:.+@.+/);
});

test.each<[string, string[], Record<string, string>, RegExp]>([
  [
    'without its settings',
    [],
    { DATABASE_URL: '', CREDENTIALS_KEYS: '' },
    /DATABASE_URL: is required; CREDENTIALS_KEYS: is required/,
  ],
  [
    'with keys that are none',
    [],
    { CREDENTIALS_KEYS: 'hunter2' },
    /CREDENTIALS_KEYS: key 1 is not id:<64 hex digits>/,
  ],
  [
    'with a redirect to another machine',
    [],
    { KITE_REDIRECT_URL: 'https://example.com/' },
    /KITE_REDIRECT_URL: must be an http address of this machine/,
  ],
  [
    'without an account',
    [],
    {},
    /no account is enabled \(there are none yet, add one with POST \/accounts\)/,
  ],
  ['for an account that is not there', ['--account', 'x'], {}, /--account "x": no such account/],
  ['with an option that is none', ['--acount', 'x'], {}, /--acount/],
  ['without its database', [], { DATABASE_URL: 'postgres://u:p@127.0.0.1:1/none' }, /ECONNREFUSED/],
])('%s it says so and ends with 1', async (_, args, settings, message) => {
  const { said, ended } = start('ingest/kite-login.ts', args, settings);
  expect(await ended).toBe(1);
  expect(said.err).toMatch(/^kite:login: /);
  expect(said.err).toMatch(message);
  expect(said.err).not.toMatch(/hunter2|\n.*at /);
});

test('the keys of credentials are rotated, and what cannot be is named', async () => {
  const fresh = `fresh:${'cd'.repeat(32)}`;
  await putAccount(sql, { id: 'one', apiKey: 'key1', apiSecret: 's1', accessToken: 't1' });
  await putAccount(sql, { id: 'two', apiKey: 'key2', apiSecret: 's2' }, openVault(`lost:${'ef'.repeat(32)}`));
  const settings = { CREDENTIALS_KEYS: `${fresh},${KEYS}` };
  const first = start('ingest/rotate-credentials.ts', [], settings);
  expect(await first.ended).toBe(1);
  expect(first.said).toEqual({
    out: '2 credentials sealed with key fresh; 1 are still sealed with other keys\n',
    err: 'not rotated: api_secret of account two was sealed with key lost, which is not here\n',
  });
  await sql`delete from accounts where id = 'two'`;
  const second = start('ingest/rotate-credentials.ts', [], { CREDENTIALS_KEYS: fresh });
  expect(await second.ended).toBe(0);
  expect(second.said.out).toBe('0 credentials sealed with key fresh; no other key is needed any more\n');
});
