// A whole login, from the page to the sealed token in the database, against a Kite that checks everything.
import postgres from 'postgres';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { findFreePort } from '../../../dev/free-port.ts';
import { chooseAccounts, type LoginOptions, logIn } from '../../../ingest/kite/login.ts';
import { RedirectListener } from '../../../ingest/kite/redirect-listener.ts';
import { type Simulator, startSimulator } from '../../../ingest/simulator/simulator.ts';
import { AccountStore, type LoginAccount } from '../../../ingest/store/accounts.ts';
import { createTestDatabase } from '../../support/database.ts';
import { putAccount, vault } from '../support/account-rows.ts';
import { FakeRest, failure, success } from '../support/fake-rest.ts';
import { logInAsUser } from '../support/kite-browser.ts';

let sql: postgres.Sql;
let store: AccountStore;
let simulator: Simulator;
/** Kite's clock: its rate limits start anew with each test. */
let kiteMs = Date.parse('2026-11-23T07:40:00+05:30');
let listener: RedirectListener;

beforeAll(async () => {
  const url = await createTestDatabase();
  sql = postgres(url, { max: 2, onnotice: () => undefined });
  store = new AccountStore(url, 'host:tester@here');
  const redirectUrl = `http://127.0.0.1:${await findFreePort()}/`;
  listener = await RedirectListener.start(redirectUrl);
  const account = (n: number) => ({
    apiKey: `key${n}`,
    apiSecret: `secret${n}`,
    userId: `SIM00${n}`,
    accessToken: `first token of ${n}`,
    redirectUrl,
  });
  simulator = await startSimulator({
    instrumentsCount: 10,
    accounts: [account(1), account(2)],
    nowMs: () => kiteMs,
  });
});
afterAll(async () => {
  await listener.stop();
  await simulator.stop();
  await store.close();
  await sql.end();
});
beforeEach(async () => {
  kiteMs += 1_000;
  await sql`truncate accounts, account_changes`;
  await putAccount(sql, { id: 'one', apiKey: 'key1', apiSecret: 'secret1' });
  await putAccount(sql, { id: 'two', apiKey: 'key2', apiSecret: 'secret2', accessToken: 'old' });
});

let page: Promise<{ status: number; text: string }> | undefined;
afterEach(async () => {
  await page?.catch(() => undefined);
  page = undefined;
});

async function accountOf(id: string): Promise<LoginAccount> {
  const account = (await store.readForLogin()).find((other) => other.id === id);
  if (!account) throw new Error(`no account ${id}`);
  return account;
}

const optionsOf = (parts: Partial<LoginOptions> = {}): LoginOptions => ({
  loginRoot: simulator.url,
  endpoint: { apiRoot: simulator.url, pathPrefix: '' },
  vault,
  store,
  listener,
  onUrl: (url) => {
    page = logInAsUser(url);
    // Awaited after the login has ended.
    page.catch(() => undefined);
  },
  nowMs: () => 0,
  signal: new AbortController().signal,
  ...parts,
});

async function tokenOf(id: string): Promise<string | undefined> {
  const [row] = await sql<
    [{ access_token: string | null }]
  >`select access_token from accounts where id = ${id}`;
  return row.access_token === null
    ? undefined
    : vault.open(row.access_token, { accountId: id, column: 'access_token' });
}

async function isAlive(apiKey: string, accessToken: string | undefined): Promise<boolean> {
  const authorization = `token ${apiKey}:${accessToken}`;
  return (await fetch(`${simulator.url}/user/profile`, { headers: { authorization } })).ok;
}

test('the account is logged in: its token is stored sealed, works at Kite, and ends at the next six', async () => {
  const { userId, expiresAtMs } = await logIn(await accountOf('one'), optionsOf());
  expect([userId, expiresAtMs]).toEqual(['SIM001', Date.parse('2026-11-24T06:00:00+05:30')]);
  expect(await isAlive('key1', await tokenOf('one'))).toBe(true);
  expect(await page).toEqual({
    status: 200,
    text: 'Account one is logged in as SIM001. You can close this page.\n',
  });
  const [row] = await sql`select user_id, access_token, token_issued_at from accounts where id = 'one'`;
  expect(row?.user_id).toBe('SIM001');
  expect(row?.access_token).toMatch(/^v1\.test\.[0-9a-f]{24}\.[0-9a-f]+$/);
  // By Kite's clock, whatever ours says.
  expect(row?.token_issued_at).toEqual(new Date(kiteMs));
});

test('several accounts in turn, each with its own app', async () => {
  for (const account of await store.readForLogin()) await logIn(account, optionsOf());
  expect([await isAlive('key1', await tokenOf('one')), await isAlive('key2', await tokenOf('two'))]).toEqual([
    true,
    true,
  ]);
});

describe('is refused, and what is stored stays as it was:', () => {
  test('with a wrong secret', async () => {
    await putAccount(sql, { id: 'two', apiKey: 'key2', apiSecret: 'of another app', accessToken: 'old' });
    const login = logIn(await accountOf('two'), optionsOf());
    await expect(login).rejects.toThrow(
      'Kite says "Invalid `checksum`.": the stored api_secret is not that of this app, ' +
        'set the right one with PATCH /accounts/two',
    );
    await expect(login).rejects.not.toThrow(/of another app/);
    expect(await page).toMatchObject({
      status: 502,
      text: expect.stringMatching(/^Account two is not logged in: /),
    });
    expect(await tokenOf('two')).toBe('old');
  });

  test('by another user than the account is of; the session of that one does not stay open', async () => {
    await putAccount(sql, { id: 'two', apiKey: 'key2', apiSecret: 'secret2', userId: 'AB1234' });
    const rest = await FakeRest.start();
    try {
      rest.answer = ({ method }) =>
        success(method === 'POST' ? { user_id: 'ZZ9999', access_token: 'of a stranger' } : true);
      const options = optionsOf({ endpoint: { apiRoot: rest.url, pathPrefix: '' } });
      await expect(logIn(await accountOf('two'), options)).rejects.toThrow(
        'it belongs to AB1234 and ZZ9999 has logged in: log out of Kite in that browser, then log in as AB1234',
      );
      expect(rest.calls.map(({ method, query }) => [method, query])).toEqual([
        ['POST', ''],
        ['DELETE', '?api_key=key2&access_token=of+a+stranger'],
      ]);
      expect(await tokenOf('two')).toBeUndefined();
    } finally {
      await page;
      await rest.stop();
    }
  });

  test('by nobody in time', async () => {
    const options = optionsOf({ onUrl: () => undefined, waitMsMax: 30 });
    await expect(logIn(await accountOf('two'), options)).rejects.toThrow(
      /^nobody came back from Kite's login page within 0.03 s: .*KITE_REDIRECT_URL$/,
    );
    expect(await tokenOf('two')).toBe('old');
  });

  test('without a secret, before anybody is sent anywhere', async () => {
    await putAccount(sql, { id: 'two', apiKey: 'key2' });
    const options = optionsOf({
      onUrl: () => {
        throw new Error('was shown');
      },
    });
    await expect(logIn(await accountOf('two'), options)).rejects.toThrow(
      'it has no api_secret: set it with PATCH /accounts/two',
    );
  });

  test('of an account that is deleted meanwhile', async () => {
    const account = await accountOf('two');
    await sql`delete from accounts where id = 'two'`;
    await expect(logIn(account, optionsOf())).rejects.toThrow('nothing was stored');
  });

  test.each([
    ['is down', failure(503, 'NetworkException', 'Kite is down.'), /log in once more: .*status 503/],
    [
      'says that the token is spent',
      failure(403, 'TokenException', 'Token is invalid or has expired.'),
      /log in once more$/,
    ],
    ['answers with a page', [200, '<html>'] as const, /log in once more: .*not Kite's JSON/],
    [
      'answers with something else',
      [200, { status: 'success', data: {} }] as const,
      /log in once more: .*field user_id/,
    ],
  ])('by a Kite that %s', async (_, answer, message) => {
    const rest = await FakeRest.start();
    try {
      rest.answer = () => answer;
      const options = optionsOf({ endpoint: { apiRoot: rest.url, pathPrefix: '' } });
      await expect(logIn(await accountOf('two'), options)).rejects.toThrow(message);
      expect(await tokenOf('two')).toBe('old');
    } finally {
      await page;
      await rest.stop();
    }
  });
});

describe('which accounts log in', () => {
  const nowMs = Date.parse('2026-11-21T08:00:00+05:30');
  const account = (id: string, issued: string | null, isEnabled = true): LoginAccount => ({
    id,
    apiKey: id,
    userId: null,
    apiSecretEnvelope: null,
    tokenIssuedAtMs: issued === null ? null : Date.parse(issued),
    isEnabled,
  });
  const accounts = [
    account('today', '2026-11-21T07:40:00+05:30'),
    account('before six', '2026-11-21T05:59:00+05:30'),
    account('new', null),
    account('off', null, false),
  ];
  const chosen = (choice: { ids?: string[]; isAll?: boolean }) =>
    chooseAccounts(accounts, { ids: [], isAll: false, ...choice }, nowMs).map(({ id }) => id);

  test('those without a token of today, all of them, or those that are named', () => {
    expect(chosen({})).toEqual(['before six', 'new']);
    expect(chosen({ isAll: true })).toEqual(['today', 'before six', 'new']);
    expect(chosen({ ids: ['off', 'today'] })).toEqual(['off', 'today']);
  });

  test('one that does not exist is named with those that do', () => {
    expect(() => chosen({ ids: ['mian'] })).toThrow(
      '--account "mian": no such account (today, before six, new, off)',
    );
    expect(() => chooseAccounts([], { ids: [], isAll: true }, nowMs)).toThrow(
      /no account is enabled .*POST \/accounts/,
    );
  });
});
