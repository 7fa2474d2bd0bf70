// Rotation of keys in a real database: complete, resumed where it ended, and never over a newer credential.
import postgres from 'postgres';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { openVault } from '../../../ingest/kite/accounts.ts';
import { rotateCredentials } from '../../../ingest/kite/credential-rotation.ts';
import { AccountStore } from '../../../ingest/store/accounts.ts';
import { keyIdOf } from '../../../shared/credential-vault.ts';
import { createTestDatabase } from '../../support/database.ts';
import { putAccount } from '../support/account-rows.ts';

const OLD = `old:${'11'.repeat(32)}`;
const NEW = `new:${'22'.repeat(32)}`;
const LOST = `lost:${'33'.repeat(32)}`;
const oldVault = openVault(OLD);
const vault = openVault(`${NEW},${OLD}`);

let sql: postgres.Sql;
let store: AccountStore;

beforeAll(async () => {
  const url = await createTestDatabase();
  sql = postgres(url, { max: 2, onnotice: () => undefined });
  store = new AccountStore(url, 'host:tester@here');
});
afterAll(async () => {
  await store.close();
  await sql.end();
});
beforeEach(async () => {
  await sql`truncate accounts, account_changes`;
  for (const id of ['a', 'b', 'c']) {
    const row = { id, apiKey: `key-${id}`, apiSecret: `secret-${id}`, accessToken: `token-${id}` };
    await putAccount(sql, row, oldVault);
  }
});

async function stored(): Promise<Record<string, string | undefined>> {
  const rows = await sql<{ id: string; api_secret: string; access_token: string }[]>`
    select id, api_secret, access_token from accounts order by id`;
  const entries = rows.flatMap((row) => [
    [`${row.id} secret`, keyIdOf(row.api_secret)],
    [`${row.id} token`, keyIdOf(row.access_token)],
  ]);
  return Object.fromEntries(entries);
}

test('seals everything anew, and opens as before with the new key alone', async () => {
  expect(await rotateCredentials({ store, vault })).toEqual({ rotated: 6, failed: [] });
  expect(new Set(Object.values(await stored()))).toEqual(new Set(['new']));
  const rows = await sql<{ id: string; api_secret: string; access_token: string }[]>`select * from accounts`;
  for (const { id, api_secret, access_token } of rows) {
    const only = openVault(NEW);
    expect(await only.open(api_secret, { accountId: id, column: 'api_secret' })).toBe(`secret-${id}`);
    expect(await only.open(access_token, { accountId: id, column: 'access_token' })).toBe(`token-${id}`);
  }
  const [first] = await sql`select account_id, changed_by, action, detail from account_changes order by id`;
  expect(first).toEqual({
    account_id: 'a',
    changed_by: 'host:tester@here',
    action: 'rotated',
    detail: { field: 'access_token', key: 'new' },
  });
  expect(await rotateCredentials({ store, vault })).toEqual({ rotated: 0, failed: [] });
});

test('goes on where it was cut off', async () => {
  let replaced = 0;
  const dying = {
    readEnvelopesOfOtherKeys: (keyId: string) => store.readEnvelopesOfOtherKeys(keyId),
    replaceEnvelope: (place: Parameters<AccountStore['replaceEnvelope']>[0], envelope: string) => {
      if (replaced === 2) throw new Error('power cut');
      replaced++;
      return store.replaceEnvelope(place, envelope);
    },
  };
  await expect(rotateCredentials({ store: dying, vault })).rejects.toThrow('power cut');
  expect(Object.values(await stored()).filter((key) => key === 'new')).toHaveLength(2);
  expect(await rotateCredentials({ store, vault })).toEqual({ rotated: 4, failed: [] });
});

test('does not undo a login that comes in between, and takes its token along', async () => {
  const opened: string[] = [];
  const racing = {
    currentKeyId: 'new',
    seal: vault.seal.bind(vault),
    open: async (envelope: string, place: Parameters<typeof vault.open>[1]) => {
      const text = await vault.open(envelope, place);
      if (text === 'token-b' && opened.length === 0) {
        opened.push(text);
        // A sidecar's host that does not have the new key yet.
        const token = await oldVault.seal('token of the login', place);
        await sql`update accounts set access_token = ${token} where id = 'b'`;
      }
      return text;
    },
  };
  expect(await rotateCredentials({ store, vault: racing })).toEqual({ rotated: 6, failed: [] });
  const [row] = await sql<[{ access_token: string }]>`select access_token from accounts where id = 'b'`;
  const place = { accountId: 'b', column: 'access_token' } as const;
  expect(await openVault(NEW).open(row.access_token, place)).toBe('token of the login');
});

test('what no key opens stays as it is and is named, everything else is sealed anew', async () => {
  const row = { id: 'b', apiKey: 'key-b', apiSecret: 'secret-b', accessToken: 'token-b' };
  await putAccount(sql, row, openVault(LOST));
  const { rotated, failed } = await rotateCredentials({ store, vault });
  expect(rotated).toBe(4);
  expect(failed.map(({ error }) => String(error))).toEqual([
    'EnvelopeError: access_token of account b was sealed with key lost, which is not here',
    'EnvelopeError: api_secret of account b was sealed with key lost, which is not here',
  ]);
  expect(await stored()).toMatchObject({ 'a token': 'new', 'b secret': 'lost', 'b token': 'lost' });
  expect(await rotateCredentials({ store, vault: openVault(`${NEW},${LOST}`) })).toEqual({
    rotated: 2,
    failed: [],
  });
});
