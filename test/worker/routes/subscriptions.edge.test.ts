// /subscriptions over a real database: who may, what is refused by name, what is stored, and whom it wakes.
import { createExecutionContext, waitOnExecutionContext } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { afterEach, beforeAll, beforeEach, describe, expect, type MockInstance, test, vi } from 'vitest';
import { ALL_PERMISSIONS, VIEWER } from '../../../dev/demo-users.ts';
import {
  KITE_ACCOUNT_ID_CHARS_MAX,
  NOT_PLACED_TOKENS_MAX,
  SUBSCRIPTION_BODY_BYTES_MAX,
  SUBSCRIPTIONS_MAX,
  SUBSCRIPTIONS_PAGE_ROWS_DEFAULT,
  SUBSCRIPTIONS_PAGE_ROWS_MAX,
} from '../../../shared/limits.ts';
import type { SidecarStatus } from '../../../shared/status.ts';
import { app } from '../../../worker/app.ts';
import { apiKeyHmac } from '../../../worker/auth/api-key.ts';
import type { Env } from '../../../worker/env.ts';
import { ControlLink } from '../../../worker/index.ts';
import { withDatabase } from '../../../worker/store/db.ts';
import { ControlDialer } from '../../support/edge/control-dialer.ts';
import { mintToken } from '../../support/edge/tokens.ts';
import { feedStatusOf } from '../../support/feed-statuses.ts';

const RELIANCE = 738_561;
const NIFTY = 256_265;
/** An option that expires in a week, by the list. */
const OPTION = 12_073_986;
const UNKNOWN = 999_999;
const IN_A_WEEK = new Date(Date.now() + 7 * 86_400_000).toISOString().slice(0, 10);
const INSTRUMENT = {
  exchange_token: 1,
  name: '',
  last_price: 0,
  strike: 0,
  tick_size: 0.05,
  lot_size: 1,
  instrument_type: 'EQ',
  trading_date: '2026-11-23',
  openalgo_symbol: '',
  openalgo_exchange: '',
};
const KEYS = {
  reader: `te_${'r'.repeat(43)}`,
  writer: `te_${'w'.repeat(43)}`,
  stranger: `te_${'s'.repeat(43)}`,
};
const testEnv = env as unknown as Env;

type Sql = Parameters<Parameters<typeof withDatabase>[2]>[0];
const database = <T>(work: (sql: Sql) => Promise<T>) => withDatabase(testEnv, createExecutionContext(), work);

async function call(method: string, path: string, options: { key?: string; token?: string; body?: unknown }) {
  const { key, token, body } = options;
  const request = new Request(`http://edge/subscriptions${path}`, {
    method,
    headers: {
      ...(key === undefined ? {} : { 'x-api-key': key }),
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  const context = createExecutionContext();
  const response = await app.fetch(request, testEnv, context);
  const answer = { status: response.status, body: (await response.json()) as Record<string, unknown> };
  await waitOnExecutionContext(context);
  return answer;
}

const post = (body: unknown) => call('POST', '', { key: KEYS.writer, body });
const remove = (path: string, body?: unknown) => call('DELETE', path, { key: KEYS.writer, body });
const list = (query = '') => call('GET', query, { key: KEYS.reader });
const refused = async (answer: ReturnType<typeof call>) => {
  const { status, body } = await answer;
  return [status, body.code, body.message];
};

/** A row of whatever columns the table has of these. */
const insert = (sql: Sql, table: 'instruments', row: object) => sql`
  insert into ${sql(table)}
  select * from json_populate_record(null::${sql(table)}, ${JSON.stringify(row)}::text::json)`;

let wake: MockInstance<ControlLink['wake']>;

beforeAll(async () => {
  const scopes = { reader: 'subscriptions:read', writer: 'subscriptions:write', stranger: 'tokens:revoke' };
  await database(async (sql) => {
    for (const [name, key] of Object.entries(KEYS)) {
      const hmac = await apiKeyHmac(key, testEnv.API_KEY_PEPPER);
      await sql`
        insert into api_keys (name, key_hmac, scopes)
        values (${name}, ${hmac}, string_to_array(${scopes[name as keyof typeof KEYS]}, ' '))`;
    }
    const rows = [
      {
        instrument_token: RELIANCE,
        tradingsymbol: 'RELIANCE',
        exchange: 'NSE',
        segment: 'NSE',
        expiry: null,
      },
      {
        instrument_token: NIFTY,
        tradingsymbol: 'NIFTY 50',
        exchange: 'NSE',
        segment: 'INDICES',
        expiry: null,
      },
      {
        instrument_token: OPTION,
        tradingsymbol: 'NIFTY24CE',
        exchange: 'NFO',
        segment: 'NFO-OPT',
        expiry: IN_A_WEEK,
      },
    ];
    for (const row of rows) await insert(sql, 'instruments', { ...INSTRUMENT, ...row });
  });
});
beforeEach(async () => {
  wake = vi.spyOn(ControlLink.prototype, 'wake').mockReturnValue(true);
  await database((sql) => sql`delete from subscriptions`);
});
afterEach(() => void vi.restoreAllMocks());

describe('who may', () => {
  test.each<[string, string, string | undefined, number, string]>([
    ['GET', '', undefined, 401, 'missing_token'],
    ['POST', '', undefined, 401, 'missing_token'],
    ['DELETE', `/${RELIANCE}`, undefined, 401, 'missing_token'],
    ['GET', '', KEYS.stranger, 403, 'forbidden'],
    ['GET', '', KEYS.writer, 403, 'forbidden'],
    ['GET', '/not_placed', KEYS.writer, 403, 'forbidden'],
    ['POST', '', KEYS.reader, 403, 'forbidden'],
    ['DELETE', '', KEYS.reader, 403, 'forbidden'],
    ['DELETE', `/${RELIANCE}`, KEYS.reader, 403, 'forbidden'],
    ['GET', '', 'te_short', 401, 'invalid_api_key'],
  ])('%s %s with key %s: %i %s', async (method, path, key, status, code) => {
    const body = method === 'GET' ? {} : { body: { instrument_token: RELIANCE } };
    const answer = await call(method, path, { ...(key === undefined ? {} : { key }), ...body });
    expect([answer.status, answer.body.code]).toEqual([status, code]);
    expect(wake).not.toHaveBeenCalled();
  });

  test('a user whose token has the permission, and no other', async () => {
    const trader = await mintToken();
    const body = { instrument_token: RELIANCE };
    expect((await call('POST', '', { token: trader, body })).status).toBe(201);
    expect((await call('GET', '', { token: trader })).body.total).toBe(1);
    expect((await call('GET', `?token=${trader}`, {})).body.total).toBe(1);
    expect((await call('DELETE', `/${RELIANCE}`, { token: trader })).status).toBe(200);
    const viewer = await mintToken({}, VIEWER);
    expect(await refused(call('GET', '', { token: viewer }))).toEqual([
      403,
      'forbidden',
      'token does not have the permission subscriptions:read',
    ]);
    expect(ALL_PERMISSIONS).toEqual(expect.arrayContaining(['subscriptions:read', 'subscriptions:write']));
  });
});

describe('refused by name', () => {
  test.each<[string, unknown, number, string, RegExp]>([
    ['no JSON', '{', 400, 'invalid_json', /body is not JSON/],
    ['a list', [], 400, 'invalid_parameter', /^body: .*got \[\]$/],
    ['no token', {}, 400, 'invalid_parameter', /^instrument_token: must be an integer .*got nothing$/],
    ['a token in quotes', { instrument_token: '738561' }, 400, 'invalid_parameter', /got "738561"$/],
    ['token 0', { instrument_token: 0 }, 400, 'invalid_parameter', /^instrument_token: .*got 0$/],
    ['a token over 32 bits', { instrument_token: 2 ** 32 }, 400, 'invalid_parameter', /got 4294967296$/],
    [
      'a mode that is none',
      { instrument_token: RELIANCE, requested_mode: 'depth' },
      400,
      'invalid_parameter',
      /^requested_mode: must be LTP, QUOTE or FULL, got "depth"$/,
    ],
    [
      'a field that is not known',
      { instrument_token: RELIANCE, mode: 'ltp' },
      400,
      'invalid_parameter',
      /mode/,
    ],
    [
      'an empty account',
      { instrument_token: RELIANCE, account_id: '' },
      400,
      'invalid_parameter',
      /^account_id/,
    ],
    [
      'a long account',
      { instrument_token: RELIANCE, account_id: 'a'.repeat(KITE_ACCOUNT_ID_CHARS_MAX + 1) },
      400,
      'invalid_parameter',
      /^account_id/,
    ],
    ['NUL', { instrument_token: RELIANCE, account_id: 'a\0' }, 400, 'invalid_parameter', /^account_id/],
    [
      'an unknown token',
      { instrument_token: UNKNOWN },
      404,
      'unknown_instrument',
      /^instrument_token 999999 /,
    ],
    [
      'a large body',
      `{"instrument_token":${RELIANCE}}${' '.repeat(SUBSCRIPTION_BODY_BYTES_MAX)}`,
      413,
      'message_too_big',
      /bytes/,
    ],
  ])('%s', async (_, body, status, code, message) => {
    expect(await refused(post(body))).toEqual([status, code, expect.stringMatching(message)]);
    expect((await list()).body.total).toBe(0);
    expect(wake).not.toHaveBeenCalled();
  });

  test('an account that neither the sidecar nor the table of accounts has', async () => {
    const body = { instrument_token: RELIANCE, account_id: 'second' };
    // Nobody has reported: nobody can say.
    expect((await post(body)).status).toBe(201);
    const accounts = [{ id: 'primary', state: 'ok', sockets: [] }];
    const status = { epoch: 1, running: true, accounts, feed: feedStatusOf({}) } as unknown as SidecarStatus;
    await testEnv.CONTROL_LINK.getByName('control').report(status, Date.now());
    expect(await refused(post(body))).toEqual([404, 'unknown_account', 'account_id "second" is no account']);
    expect((await post({ ...body, account_id: 'primary' })).status).toBe(200);
    await database((sql) => sql`insert into accounts (id, api_key) values ('second', 'key2')`);
    expect((await post(body)).body).toMatchObject({ account_id: 'second' });
    await database((sql) => sql`delete from accounts`);
  });

  test('one more than there may be; replacing one of them is no more', async () => {
    await database(
      (sql) => sql`
        insert into subscriptions (instrument_token, requested_mode)
        select number, 'ltp' from generate_series(1, ${SUBSCRIPTIONS_MAX - 1}) as number`,
    );
    expect((await post({ instrument_token: RELIANCE })).status).toBe(201);
    expect(await refused(post({ instrument_token: NIFTY }))).toEqual([
      400,
      'subscription_limit',
      `there are ${SUBSCRIPTIONS_MAX} subscriptions already`,
    ]);
    expect((await post({ instrument_token: RELIANCE, requested_mode: 'ltp' })).status).toBe(200);
  });

  test('several at once at the limit: as many as there is room for', async () => {
    await database(
      (sql) => sql`
        insert into subscriptions (instrument_token, requested_mode)
        select number, 'ltp' from generate_series(1, ${SUBSCRIPTIONS_MAX - 1}) as number`,
    );
    const answers = await Promise.all(
      [RELIANCE, NIFTY, OPTION].map((token) => post({ instrument_token: token })),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 400, 400]);
  });

  test('a delete of nothing', async () => {
    const none = [404, 'not_found', `instrument_token ${RELIANCE} has no subscription`];
    expect(await refused(remove(`/${RELIANCE}`))).toEqual(none);
    expect(await refused(remove('', { instrument_token: RELIANCE }))).toEqual(none);
    expect(await refused(remove('/reliance'))).toEqual([
      400,
      'invalid_parameter',
      expect.stringMatching(/"reliance"$/),
    ]);
    expect(wake).not.toHaveBeenCalled();
  });

  test.each(['?limit=0', `?limit=${SUBSCRIPTIONS_PAGE_ROWS_MAX + 1}`, '?after=-1', '?limit=ten', '?page=2'])(
    'a page that is none: %s',
    async (query) => {
      const [status, code] = await refused(list(query));
      expect([status, code]).toEqual([400, 'invalid_parameter']);
    },
  );

  test('everything while the database is away, without its reasons', async () => {
    vi.spyOn(console, 'error').mockImplementation(() => undefined);
    const away = {
      ...testEnv,
      DB: { connectionString: 'postgres://u:p@127.0.0.1:1/none' },
    } as unknown as Env;
    const headers = { authorization: `Bearer ${await mintToken()}` };
    const context = createExecutionContext();
    const response = await app.fetch(new Request('http://edge/subscriptions', { headers }), away, context);
    expect(await response.json()).toMatchObject({ code: 'database_unavailable' });
  });
});

describe('stored', () => {
  test('created, listed, replaced, deleted; each change wakes the sidecar', async () => {
    const created = await post({ instrument_token: RELIANCE, requested_mode: 'FULL', account_id: 'primary' });
    expect(created).toEqual({
      status: 201,
      body: {
        instrument_token: RELIANCE,
        tradingsymbol: 'RELIANCE',
        exchange: 'NSE',
        requested_mode: 'FULL',
        account_id: 'primary',
        created_at: expect.stringMatching(/Z$/),
        updated_at: created.body.created_at,
      },
    });
    expect((await list()).body).toEqual({ subscriptions: [created.body], total: 1 });
    const replaced = await post({ instrument_token: RELIANCE, requested_mode: 'Quote', account_id: null });
    expect(replaced.status).toBe(200);
    expect(replaced.body).toMatchObject({ requested_mode: 'QUOTE', created_at: created.body.created_at });
    expect(replaced.body).not.toHaveProperty('account_id');
    expect((await list()).body.subscriptions).toEqual([replaced.body]);
    expect(await remove(`/${RELIANCE}`)).toEqual({
      status: 200,
      body: { instrument_token: RELIANCE, deleted: true },
    });
    expect((await list()).body).toEqual({ subscriptions: [], total: 0 });
    expect(wake.mock.calls).toEqual(Array(3).fill(['subscriptions_changed']));
  });

  test('full is the mode when none is asked for, and a delete takes the body of a post', async () => {
    const body = { instrument_token: RELIANCE, account_id: 'primary' };
    expect((await post(body)).body.requested_mode).toBe('FULL');
    expect((await remove('', { ...body, requested_mode: 'FULL' })).status).toBe(200);
  });

  test('a subscription to a contract ends with it, one to an instrument that has left the list does not', async () => {
    await post({ instrument_token: OPTION });
    await post({ instrument_token: RELIANCE });
    await database(
      (sql) => sql`
        insert into subscriptions (instrument_token, requested_mode) values (${UNKNOWN}, 'ltp')`,
    );
    expect((await list()).body.total).toBe(3);
    await database(
      (sql) => sql`
        update subscriptions set expiry = (now() at time zone 'UTC' + interval '330 minutes')::date - 1
        where expiry is not null`,
    );
    const { body } = await list();
    expect(body.total).toBe(2);
    expect(body.subscriptions).toMatchObject([
      { instrument_token: RELIANCE, tradingsymbol: 'RELIANCE' },
      { instrument_token: UNKNOWN, requested_mode: 'LTP' },
    ]);
    await post({ instrument_token: NIFTY });
    const left = await database((sql) => sql`select 1 from subscriptions where instrument_token = ${OPTION}`);
    expect(left).toHaveLength(0);
  });

  test('page by page each subscription comes once, by token', async () => {
    const count = 2 * SUBSCRIPTIONS_PAGE_ROWS_DEFAULT + 1;
    await database(
      (sql) => sql`
        insert into subscriptions (instrument_token, requested_mode)
        select number * 4000000, 'ltp' from generate_series(1, ${count}) as number`,
    );
    const tokens: number[] = [];
    for (let query = ''; ; ) {
      const { body } = await list(query);
      expect(body.total).toBe(count);
      for (const item of body.subscriptions as { instrument_token: number }[])
        tokens.push(item.instrument_token);
      if (body.next === undefined) break;
      query = `?after=${body.next}`;
    }
    expect(tokens).toEqual(Array.from({ length: count }, (_, i) => (i + 1) * 4_000_000));
    const { body } = await list(`?limit=${SUBSCRIPTIONS_PAGE_ROWS_MAX}`);
    expect(body.subscriptions).toHaveLength(count);
    expect(body).not.toHaveProperty('next');
  });

  test('a sidecar that cannot be woken costs nothing but a line in the log', async () => {
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => undefined);
    wake.mockReturnValueOnce(false).mockImplementationOnce(() => {
      throw new Error('reset');
    });
    expect((await post({ instrument_token: RELIANCE })).status).toBe(201);
    expect((await remove(`/${RELIANCE}`)).status).toBe(200);
    expect(warn).toHaveBeenCalledTimes(2);
  });
});

describe('what has no place', () => {
  test('is asked of the sidecar, and without one there is no answer', async () => {
    wake.mockRestore();
    const { status, body } = await call('GET', '/not_placed', { key: KEYS.reader });
    expect([status, body.code]).toEqual([503, 'sidecar_unavailable']);
    const sidecar = await ControlDialer.open();
    const asked = call('GET', '/not_placed', { key: KEYS.reader });
    const { id, name } = await sidecar.request(1);
    expect(name).toBe('not_placed');
    sidecar.reply(id, { total: 2, tokens: [RELIANCE, NIFTY] });
    expect(await asked).toEqual({ status: 200, body: { total: 2, tokens: [RELIANCE, NIFTY] } });
    await post({ instrument_token: RELIANCE });
    expect((await sidecar.received(2))[1]).toEqual({ kind: 'wake_up', name: 'subscriptions_changed' });
    const senseless = call('GET', '/not_placed', { key: KEYS.reader });
    vi.spyOn(console, 'error').mockImplementation(() => undefined);
    sidecar.reply((await sidecar.request(3)).id, { total: 1, tokens: ['RELIANCE'] });
    expect(await senseless).toMatchObject({ status: 500, body: { code: 'internal' } });
    const tooMany = call('GET', '/not_placed', { key: KEYS.reader });
    const tokens = Array(NOT_PLACED_TOKENS_MAX + 1).fill(RELIANCE);
    sidecar.reply((await sidecar.request(4)).id, { total: tokens.length, tokens });
    expect((await tooMany).status).toBe(500);
    sidecar.socket.close(1000);
  });
});
