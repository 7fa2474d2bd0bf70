// /orders over a real database: what becomes a task, once; what is refused, by name; and what that leaves behind.
import { createExecutionContext, waitOnExecutionContext } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { afterEach, beforeAll, beforeEach, describe, expect, type MockInstance, test, vi } from 'vitest';
import { ALL_PERMISSIONS } from '../../../dev/demo-users.ts';
import {
  IDEMPOTENCY_KEY_CHARS_MAX,
  ORDER_ACCOUNT_OPEN_MAX,
  ORDER_ACCOUNT_PER_MINUTE_MAX,
  ORDER_AUDIT_MESSAGE_BYTES_MAX,
  ORDER_AUDIT_PER_MINUTE_MAX,
  ORDER_BODY_BYTES_MAX,
  ORDER_QUANTITY_MAX,
  ORDER_REQUESTER_OPEN_MAX,
  ORDER_REQUESTER_PER_MINUTE_MAX,
  ORDER_TASKS_PAGE_ROWS_MAX,
} from '../../../shared/limits.ts';
import { app } from '../../../worker/app.ts';
import { apiKeyHmac } from '../../../worker/auth/api-key.ts';
import type { Env } from '../../../worker/env.ts';
import { ControlLink } from '../../../worker/index.ts';
import { type Sql, withDatabase } from '../../../worker/store/db.ts';
import { mintToken } from '../../support/edge/tokens.ts';

const testEnv = env as unknown as Env;
const database = <T>(work: (sql: Sql) => Promise<T>) => withDatabase(testEnv, createExecutionContext(), work);

const KEYS = {
  trader: `te_${'t'.repeat(43)}`,
  other: `te_${'o'.repeat(43)}`,
  reader: `te_${'r'.repeat(43)}`,
};
const SCOPES = {
  trader: 'orders:read orders:write',
  other: 'orders:read orders:write',
  reader: 'orders:read',
};
const DAY_MS = 86_400_000;
const dateIn = (days: number) => new Date(Date.now() + days * DAY_MS).toISOString().slice(0, 10);
const instrument = (token: number, tradingsymbol: string, own: object) => ({
  instrument_token: token,
  exchange_token: token >> 8,
  tradingsymbol,
  name: '',
  exchange: 'NSE',
  segment: 'NSE',
  instrument_type: 'EQ',
  expiry: null,
  strike: 0,
  tick_size: 0.05,
  lot_size: 1,
  openalgo_symbol: '',
  openalgo_exchange: '',
  ...own,
});
const FUTURE = { exchange: 'NFO', segment: 'NFO-FUT', instrument_type: 'FUT', lot_size: 65, tick_size: 0.1 };
const INSTRUMENTS = [
  instrument(408_065, 'INFY', {}),
  instrument(256_265, 'NIFTY 50', { segment: 'INDICES', tick_size: 0, lot_size: 0 }),
  instrument(12_073_986, 'NIFTYFUT', { ...FUTURE, expiry: dateIn(7) }),
  instrument(12_073_987, 'NIFTYOLDFUT', { ...FUTURE, expiry: dateIn(-3) }),
  instrument(60_000_007, 'GOLDFUT', { ...FUTURE, exchange: 'MCX', segment: 'MCX-FUT', lot_size: 1 }),
];

interface Answer {
  readonly status: number;
  readonly body: Record<string, unknown>;
}
interface CallOptions {
  readonly key?: string;
  readonly token?: string;
  readonly body?: unknown;
  readonly idempotencyKey?: string | undefined;
}

async function call(method: string, path: string, options: CallOptions): Promise<Answer> {
  const { key, token, body, idempotencyKey } = options;
  const request = new Request(`http://edge${path}`, {
    method,
    headers: {
      ...(key === undefined ? {} : { 'x-api-key': key }),
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(idempotencyKey === undefined ? {} : { 'idempotency-key': idempotencyKey }),
    },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  const context = createExecutionContext();
  const response = await app.fetch(request, testEnv, context);
  const answer = { status: response.status, body: (await response.json()) as Record<string, unknown> };
  await waitOnExecutionContext(context);
  return answer;
}

let lastKey = 0;
const ask = (path: string, body: unknown, options: CallOptions = {}) =>
  call('POST', `/orders/${path}`, { key: KEYS.trader, idempotencyKey: `key-${++lastKey}`, body, ...options });
const place = (body: unknown, options?: CallOptions) => ask('place', body, options);
const read = (path: string, key = KEYS.trader) => call('GET', path, { key });

const LIMIT = {
  exchange: 'NSE',
  tradingsymbol: 'INFY',
  transaction_type: 'BUY',
  quantity: 10,
  product: 'CNC',
  order_type: 'LIMIT',
  price: 1500.05,
};
const without = (field: keyof typeof LIMIT) =>
  Object.fromEntries(Object.entries(LIMIT).filter(([name]) => name !== field));
const FNO = {
  ...LIMIT,
  exchange: 'NFO',
  tradingsymbol: 'NIFTYFUT',
  product: 'NRML',
  quantity: 65,
  price: 24_000.1,
};

interface Audit {
  readonly requested_by: string;
  readonly action: string;
  readonly code: string;
  readonly message: string;
}
const audit = () =>
  database((sql) => sql<Audit[]>`select requested_by, action, code, message from order_audit order by id`);
const taskCount = () =>
  database(async (sql) => (await sql<[{ count: number }]>`select count(*)::int from order_tasks`)[0].count);

let wake: MockInstance<ControlLink['wake']>;

/** What the sidecar has said of its accounts; undefined when it has not. */
function accountsReported(ids: readonly string[] | undefined): void {
  const status = { accounts: ids?.map((id) => ({ id })) };
  const reported = ids && ({ status, receivedAtMs: 0 } as unknown as ReturnType<ControlLink['reported']>);
  vi.spyOn(ControlLink.prototype, 'reported').mockReturnValue(reported);
}

beforeAll(async () => {
  await database(async (sql) => {
    for (const [name, key] of Object.entries(KEYS)) {
      const hmac = await apiKeyHmac(key, testEnv.API_KEY_PEPPER);
      await sql`
        insert into api_keys (name, key_hmac, scopes)
        values (${name}, ${hmac}, string_to_array(${SCOPES[name as keyof typeof KEYS]}, ' '))`;
    }
    for (const row of INSTRUMENTS) {
      await sql`
        insert into instruments
        select * from json_populate_record(null::instruments, ${JSON.stringify(row)}::text::json)`;
    }
  });
});
beforeEach(async () => {
  wake = vi.spyOn(ControlLink.prototype, 'wake').mockReturnValue(true);
  accountsReported([]);
  await database(async (sql) => {
    await sql`truncate order_tasks, order_task_transitions, order_halts, order_audit, order_task_archive`;
    await sql`delete from accounts`;
    await sql`insert into accounts (id, api_key) values ('main', 'kitekey')`;
  });
});
afterEach(() => vi.restoreAllMocks());

describe('a request becomes a task', () => {
  test('stored with its tag and its first transition, answered with 202, and the sidecar is woken', async () => {
    const { status, body } = await place(LIMIT);
    expect(status).toBe(202);
    expect(body).toMatchObject({
      kind: 'place',
      state: 'PENDING',
      account_id: 'main',
      requested_by: 'key:trader',
      request: { ...LIMIT, variety: 'regular', validity: 'DAY' },
      order_id: null,
      attempts: 0,
      version: 1,
    });
    expect(body.tag).toMatch(/^[A-Z0-9]{20}$/);
    expect(body).not.toHaveProperty('request.account_id');
    expect(wake).toHaveBeenCalledExactlyOnceWith('order_tasks_changed');
    const { body: whole } = await read(`/orders/tasks/${body.id}`);
    expect(whole).toEqual({
      ...body,
      history: [
        {
          version: 1,
          from_state: null,
          to_state: 'PENDING',
          at: body.created_at,
          cause: 'requested',
          detail: {},
        },
      ],
    });
    expect(await audit()).toEqual([]);
  });

  test('to change and to cancel: with the order, without a tag', async () => {
    const change = { order_id: '1953341975595868160', price: 1501 };
    expect((await ask('modify', change)).body).toMatchObject({
      kind: 'modify',
      tag: null,
      order_id: change.order_id,
      request: { ...change, variety: 'regular' },
    });
    const cancel = { order_id: '1953341975595868160', variety: 'amo', account_id: 'main' };
    expect(await ask('cancel', cancel)).toMatchObject({ status: 202, body: { kind: 'cancel', tag: null } });
  });

  test('by a user with the permission, and by nobody without', async () => {
    const token = await mintToken({ claims: { sub: 'user_1', permissions: [...ALL_PERMISSIONS] } });
    const idempotencyKey = 'of-a-user';
    const answer = await call('POST', '/orders/place', { token, idempotencyKey, body: LIMIT });
    expect(answer).toMatchObject({ status: 202, body: { requested_by: 'user:user_1' } });
    const viewer = await mintToken({ claims: { sub: 'user_2', permissions: ['orders:read'] } });
    for (const path of ['place', 'modify', 'cancel', 'halt', 'resume']) {
      const post = (options: CallOptions) =>
        call('POST', `/orders/${path}`, { idempotencyKey, body: LIMIT, ...options });
      expect((await post({ token: viewer })).body.code).toBe('forbidden');
      expect((await post({ key: KEYS.reader })).body.code).toBe('forbidden');
      expect((await post({})).status).toBe(401);
    }
    expect(await taskCount()).toBe(1);
  });

  test.each([
    ['MARKET', { order_type: 'MARKET', price: undefined, market_protection: -1 }],
    ['SL', { order_type: 'SL', price: 100, trigger_price: 99.95 }],
    ['SL to sell', { order_type: 'SL', transaction_type: 'SELL', price: 100, trigger_price: 100.05 }],
    ['SL-M', { order_type: 'SL-M', price: undefined, trigger_price: 99, market_protection: 2.5 }],
    ['TTL', { validity: 'TTL', validity_ttl: 5 }],
    ['disclosed', { disclosed_quantity: 10 }],
    ['the most', { quantity: ORDER_QUANTITY_MAX }],
    ['future', FNO],
  ])('%s', async (_name, own) => {
    expect(await place({ ...LIMIT, ...own })).toMatchObject({ status: 202 });
  });
});

describe('the same key', () => {
  test('and body is the same task, whatever the order of the fields; another body is a conflict', async () => {
    const first = await place(LIMIT, { idempotencyKey: 'twice' });
    const turned = Object.fromEntries(Object.entries(LIMIT).reverse());
    expect(await place(turned, { idempotencyKey: 'twice' })).toEqual(first);
    expect(wake).toHaveBeenCalledOnce();
    const other = await place({ ...LIMIT, quantity: 11 }, { idempotencyKey: 'twice' });
    expect(other).toMatchObject({ status: 409, body: { code: 'idempotency_conflict' } });
    expect(other.body.message).toContain('"twice"');
    const kind = await ask('cancel', { order_id: '1' }, { idempotencyKey: 'twice' });
    expect(kind.body.code).toBe('idempotency_conflict');
    // Somebody else's key is another one.
    const stranger = await place(LIMIT, { idempotencyKey: 'twice', key: KEYS.other });
    expect(stranger.status).toBe(202);
    expect(stranger.body.id).not.toBe(first.body.id);
    expect(await taskCount()).toBe(2);
  });

  test('of many requests at once is one task', async () => {
    const all = await Promise.all(Array.from({ length: 12 }, () => place(LIMIT, { idempotencyKey: 'race' })));
    expect(new Set(all.map(({ status }) => status))).toEqual(new Set([202]));
    expect(new Set(all.map(({ body }) => body.id)).size).toBe(1);
    expect(await taskCount()).toBe(1);
    expect(wake).toHaveBeenCalledOnce();
    const bodies = Array.from({ length: 6 }, (_, i) => ({ ...LIMIT, quantity: 100 + i }));
    const mixed = await Promise.all(bodies.map((body) => place(body, { idempotencyKey: 'mixed' })));
    expect(mixed.map(({ status }) => status).sort()).toEqual([202, 409, 409, 409, 409, 409]);
    expect(await taskCount()).toBe(2);
  });

  test('finds its task also when the request would be refused by now', async () => {
    const first = await place(LIMIT, { idempotencyKey: 'later' });
    await database((sql) => sql`insert into order_halts (scope, halted_by) values ('all', 'key:boss')`);
    await database((sql) => sql`update accounts set enabled = false`);
    expect(await place(LIMIT, { idempotencyKey: 'later' })).toEqual(first);
  });

  test.each([
    ['none', undefined],
    ['empty', ''],
    ['blank', 'a b'],
    ['too long', 'x'.repeat(IDEMPOTENCY_KEY_CHARS_MAX + 1)],
  ])('%s is refused, and named', async (_name, idempotencyKey) => {
    const { status, body } = await place(LIMIT, { idempotencyKey });
    expect([status, body.code]).toEqual([400, 'invalid_parameter']);
    expect(body.message).toMatch(/^(header )?Idempotency-Key[: ]/);
    expect(await taskCount()).toBe(0);
  });

  test('has up to its bound', async () => {
    const idempotencyKey = '~'.repeat(IDEMPOTENCY_KEY_CHARS_MAX);
    expect((await place(LIMIT, { idempotencyKey })).status).toBe(202);
  });
});

describe('bad requests', () => {
  const MARKET = { ...without('price'), order_type: 'MARKET' };
  const SL = { ...LIMIT, order_type: 'SL', price: 100 };
  test.each<[string, unknown, string | RegExp]>([
    ['not JSON', '{', /^body is not JSON/],
    ['NaN', JSON.stringify(LIMIT).replace('1500.05', 'NaN'), /^body is not JSON/],
    ['no object', [], 'body: '],
    ['null', null, 'body: '],
    ['a missing field', without('quantity'), /^quantity: .*got nothing$/],
    ['an unknown field', { ...LIMIT, colour: 'red' }, 'colour: is no field of this request, got "red"'],
    ['a tag of 21 characters', { ...LIMIT, tag: 'a'.repeat(21) }, /^tag: is given here .*got "a{21}"$/],
    ['null for absent', { ...LIMIT, trigger_price: null }, /^trigger_price: .*got null$/],
    ['a text for a number', { ...LIMIT, quantity: '10' }, /^quantity: .*got "10"$/],
    ['a part of a share', { ...LIMIT, quantity: 1.5 }, /^quantity: .*got 1.5$/],
    ['nothing', { ...LIMIT, quantity: 0 }, /^quantity: .*got 0$/],
    ['a negative quantity', { ...LIMIT, quantity: -10 }, /^quantity: .*got -10$/],
    ['a huge quantity', { ...LIMIT, quantity: 1e15 }, /^quantity: .*got 1000000000000000$/],
    ['one too many', { ...LIMIT, quantity: ORDER_QUANTITY_MAX + 1 }, /^quantity: .*got 1000000001$/],
    ['an infinite quantity', JSON.stringify(LIMIT).replace('10', '1e400'), /^quantity: .*got Infinity$/],
    ['a negative price', { ...LIMIT, price: -1 }, /^price: must be above 0, got -1$/],
    ['no price', { ...LIMIT, price: 0 }, /^price: must be above 0, got 0$/],
    ['a huge price', { ...LIMIT, price: 1e12 }, /^price: must be at most .* got 1000000000000$/],
    ['an infinite price', JSON.stringify(LIMIT).replace('1500.05', '1e400'), /^price: .*got Infinity$/],
    ['off the tick', { ...LIMIT, price: 1500.07 }, 'price: must be a multiple of the tick 0.05, got 1500.07'],
    ['off by a hair', { ...LIMIT, price: 1500.0500000001 }, /^price: must be a multiple/],
    ['off the lot', { ...FNO, quantity: 75 }, 'quantity: must be a multiple of the lot 65, got 75'],
    ['LIMIT without a price', without('price'), 'price: is required of LIMIT orders, got nothing'],
    ['MARKET with a price', { ...MARKET, price: 1, market_protection: -1 }, /^price: is not for MARKET/],
    ['MARKET unprotected', MARKET, /^market_protection: is required of MARKET orders.*got nothing$/],
    ['MARKET with 0', { ...MARKET, market_protection: 0 }, /^market_protection: .*got 0$/],
    ['MARKET over 100', { ...MARKET, market_protection: 100.5 }, /^market_protection: .*got 100.5$/],
    ['LIMIT with protection', { ...LIMIT, market_protection: -1 }, /^market_protection: is not for LIMIT/],
    ['SL without a trigger', SL, 'trigger_price: is required of SL orders, got nothing'],
    ['LIMIT with a trigger', { ...LIMIT, trigger_price: 1 }, /^trigger_price: is not for LIMIT orders/],
    [
      'a trigger above',
      { ...SL, trigger_price: 101 },
      /^trigger_price: must be at most the price 100 to BUY/,
    ],
    [
      'a trigger below',
      { ...SL, transaction_type: 'SELL', trigger_price: 99 },
      /must be at least the price 100/,
    ],
    ['a trigger off the tick', { ...SL, trigger_price: 99.99 }, /^trigger_price: must be a multiple/],
    ['another side', { ...LIMIT, transaction_type: 'HOLD' }, /^transaction_type: .*got "HOLD"$/],
    ['another exchange', { ...LIMIT, exchange: 'NYSE' }, /^exchange: must be one of NSE.*got "NYSE"$/],
    ['CNC of a future', { ...FNO, product: 'CNC' }, /^product: is for NSE and BSE, not for NFO, got "CNC"$/],
    ['MTF of a future', { ...FNO, product: 'MTF' }, /^product: /],
    ['NRML of a share', { ...LIMIT, product: 'NRML' }, /^product: is for derivatives, not for NSE/],
    ['IOC on MCX', { ...FNO, exchange: 'MCX', tradingsymbol: 'GOLDFUT', validity: 'IOC' }, /^validity: /],
    ['TTL without minutes', { ...LIMIT, validity: 'TTL' }, /^validity_ttl: is required of validity TTL/],
    ['minutes without TTL', { ...LIMIT, validity_ttl: 5 }, /^validity_ttl: is not for validity DAY/],
    ['too many minutes', { ...LIMIT, validity: 'TTL', validity_ttl: 1441 }, /^validity_ttl: .*got 1441$/],
    ['more disclosed than ordered', { ...LIMIT, disclosed_quantity: 11 }, /^disclosed_quantity: /],
    ['an iceberg', { ...LIMIT, variety: 'iceberg' }, 'variety: must be one of regular, amo, got "iceberg"'],
    ['legs', { ...LIMIT, iceberg_legs: 2 }, 'iceberg_legs: is no field of this request, got 2'],
    ['an index', { ...LIMIT, tradingsymbol: 'NIFTY 50' }, /^tradingsymbol: is an index.*got "NIFTY 50"$/],
    ['an expired contract', { ...FNO, tradingsymbol: 'NIFTYOLDFUT' }, /^tradingsymbol: has expired on/],
    ['NUL in a symbol', { ...LIMIT, tradingsymbol: 'IN\0FY' }, /^tradingsymbol: .*got "IN\\u0000FY"$/],
    ['NUL in a field', { ...LIMIT, 'a\0': 1 }, /^"a\\u0000": is no field/],
    [
      'a field named as what all objects have',
      { ...LIMIT, constructor: 1 },
      /^constructor: is no field.*got 1$/,
    ],
    [
      'a prototype',
      JSON.stringify(LIMIT).replace('{', '{"__proto__":{},'),
      /^__proto__: is no field.*got {}$/,
    ],
    ['next to no protection', { ...MARKET, market_protection: 1e-320 }, /^market_protection: .*got 1e-320$/],
  ])('%s', async (_name, body, message) => {
    const answer = await place(body);
    expect(answer.status).toBe(400);
    expect(answer.body.message).toEqual(
      typeof message === 'string' ? expect.stringContaining(message) : expect.stringMatching(message),
    );
    expect(await taskCount()).toBe(0);
    expect(wake).not.toHaveBeenCalled();
    const { code, message: text } = answer.body;
    expect(await audit()).toEqual([{ requested_by: 'key:trader', action: 'place', code, message: text }]);
  });

  test('an unknown symbol and an unknown account are 404', async () => {
    const symbol = await place({ ...LIMIT, tradingsymbol: 'NONSUCH' });
    expect(symbol).toMatchObject({ status: 404, body: { code: 'unknown_instrument' } });
    expect(symbol.body.message).toContain('"NSE:NONSUCH"');
    const account = await place({ ...LIMIT, account_id: 'nobody' });
    expect(account).toMatchObject({ status: 404, body: { code: 'unknown_account' } });
    expect(account.body.message).toContain('account_id: "nobody"');
    expect((await audit()).map(({ code }) => code)).toEqual(['unknown_instrument', 'unknown_account']);
  });

  test('a body of 1 MiB is 413, and so is one over the bound', async () => {
    const padded = (bytes: number) => JSON.stringify(LIMIT).padEnd(bytes);
    for (const bytes of [1024 * 1024, ORDER_BODY_BYTES_MAX + 1]) {
      expect(await place(padded(bytes))).toMatchObject({ status: 413, body: { code: 'message_too_big' } });
    }
    expect((await place(padded(ORDER_BODY_BYTES_MAX))).status).toBe(202);
    expect((await audit()).map(({ code }) => code)).toEqual(['message_too_big', 'message_too_big']);
  });

  test.each<[string, object, RegExp]>([
    ['nothing to change', { order_id: '1' }, /^body: names nothing to change/],
    ['no order', { price: 5 }, /^order_id: .*got nothing$/],
    ['a number for an order', { order_id: 1, price: 5 }, /^order_id: must be .* text, got 1$/],
    ['to MARKET unprotected', { order_id: '1', order_type: 'MARKET' }, /^market_protection: is required/],
    ['protection out of range', { order_id: '1', market_protection: 0 }, /^market_protection: .*got 0$/],
    ['next to no protection', { order_id: '1', market_protection: 1e-7 }, /^market_protection: .*got 1e-7$/],
    [
      'next to no price',
      { order_id: '1', price: 1e-300 },
      /^price: must have at most 7 decimals, got 1e-300$/,
    ],
    ['a product', { order_id: '1', product: 'MIS' }, /^product: is no field/],
    ['validity TTL', { order_id: '1', validity: 'TTL' }, /^validity: must be one of DAY, IOC/],
  ])('a change: %s', async (_name, body, message) => {
    const answer = await ask('modify', body);
    expect([answer.status, answer.body.message]).toEqual([400, expect.stringMatching(message)]);
    expect(await audit()).toHaveLength(1);
  });

  test('a change of an order that was placed here is held against its instrument', async () => {
    const { body } = await place(FNO);
    await database((sql) => sql`update order_tasks set order_id = '77' where id = ${body.id as string}`);
    const wrong = await ask('modify', { order_id: '77', quantity: 66 });
    expect(wrong.body.message).toBe('quantity: must be a multiple of the lot 65, got 66');
    expect((await ask('modify', { order_id: '77', price: 24_000.05 })).body.message).toMatch(/the tick 0.1/);
    expect((await ask('modify', { order_id: '77', quantity: 130, price: 24_000.2 })).status).toBe(202);
  });

  test('are recorded up to a bound per requester, in a text of bounded bytes', async () => {
    await database(
      (sql) => sql`
        insert into order_audit (requested_by, action, code, message)
        select 'key:trader', 'place', 'invalid_parameter', '' from generate_series(2, ${ORDER_AUDIT_PER_MINUTE_MAX}::int)`,
    );
    const long = { ...LIMIT, ['é'.repeat(2_000)]: 'é'.repeat(200) };
    for (let i = 0; i < 3; i++) expect((await place(long)).status).toBe(400);
    const rows = await audit();
    expect(rows).toHaveLength(ORDER_AUDIT_PER_MINUTE_MAX);
    const bytes = new TextEncoder().encode(rows.at(-1)?.message).length;
    expect(bytes).toBeGreaterThan(0);
    expect(bytes).toBeLessThanOrEqual(ORDER_AUDIT_MESSAGE_BYTES_MAX);
    await place(long, { key: KEYS.other });
    expect(await audit()).toHaveLength(ORDER_AUDIT_PER_MINUTE_MAX + 1);
    await database((sql) => sql`update order_audit set at = at - interval '1 minute'`);
    await place(long);
    expect(await audit()).toHaveLength(ORDER_AUDIT_PER_MINUTE_MAX + 2);
  });
});

describe('the account', () => {
  test('has to be named when there are several, or none', async () => {
    await database((sql) => sql`insert into accounts (id, api_key) values ('second', 'kitekey2')`);
    expect(await place(LIMIT)).toMatchObject({
      status: 400,
      body: { code: 'invalid_parameter', message: 'account_id: is required, there are 2 accounts' },
    });
    expect((await place({ ...LIMIT, account_id: 'second' })).body.account_id).toBe('second');
    await database((sql) => sql`update accounts set enabled = false where id = 'second'`);
    expect((await place(LIMIT)).body.account_id).toBe('main');
    expect(await place({ ...LIMIT, account_id: 'second' })).toMatchObject({ status: 404 });
    await database((sql) => sql`delete from accounts`);
    expect(await place(LIMIT)).toMatchObject({ status: 404, body: { code: 'unknown_account' } });
  });

  test('may be one that only the sidecar knows', async () => {
    await database((sql) => sql`delete from accounts`);
    accountsReported(['primary']);
    expect((await place(LIMIT)).body.account_id).toBe('primary');
    expect((await place({ ...LIMIT, account_id: 'primary' })).status).toBe(202);
    expect((await place({ ...LIMIT, account_id: 'main' })).status).toBe(404);
  });

  test('that only the sidecar may know is no unknown one while the sidecar has not said', async () => {
    accountsReported(undefined);
    expect((await place(LIMIT)).body.account_id).toBe('main');
    await database((sql) => sql`delete from accounts`);
    const error = { status: 503, body: { code: 'sidecar_unavailable' } };
    expect(await place(LIMIT)).toMatchObject(error);
    expect(await place({ ...LIMIT, account_id: 'primary' })).toMatchObject(error);
    expect(await audit()).toEqual([]);
  });
});

describe('limits', () => {
  const fill = (count: number, requester: string, account: string, own: { state: string; age: string }) =>
    database(
      (sql) => sql`
        insert into order_tasks
          (id, kind, requested_by, account_id, idempotency_key, body_hash, request, order_id, state, created_at, updated_at)
        select gen_random_uuid(), 'cancel', ${requester}, ${account}, gen_random_uuid()::text, repeat('0', 64), '{}', '1',
          ${own.state}, now() - ${own.age}::text::interval, now() - ${own.age}::text::interval
        from generate_series(1, ${count}::int)`,
    );
  const CANCEL = { order_id: '1' };

  test.each([
    ['a requester’s minute', ORDER_REQUESTER_PER_MINUTE_MAX, 'key:trader', 'elsewhere', 'requester'],
    ['an account’s minute', ORDER_ACCOUNT_PER_MINUTE_MAX, 'key:stranger', 'main', 'account'],
  ])('%s, whatever became of the requests', async (_name, max, requester, account, whose) => {
    await fill(max, requester, account, { state: 'REJECTED', age: '61 seconds' });
    await fill(max - 1, requester, account, { state: 'REJECTED', age: '1 second' });
    expect((await place(LIMIT)).status).toBe(202);
    await database(
      (sql) => sql`delete from order_tasks where requested_by = 'key:trader' and kind = 'place'`,
    );
    await fill(1, requester, account, { state: 'PENDING', age: '0 seconds' });
    for (const refused of [await place(LIMIT), await ask('cancel', CANCEL)]) {
      expect(refused).toMatchObject({ status: 429, body: { code: 'rate_limited' } });
      expect(refused.body.message).toBe(`${max} requests of this ${whose} within a minute`);
    }
  });

  test.each([
    ['a requester’s', ORDER_REQUESTER_OPEN_MAX, 'key:trader', 'elsewhere', 'requester'],
    ['an account’s', ORDER_ACCOUNT_OPEN_MAX, 'key:stranger', 'main', 'account'],
  ])('%s open tasks: nothing more is placed, and what is open can be cancelled', async (...row) => {
    const [, max, requester, account, whose] = row;
    await fill(max, requester, account, { state: 'COMPLETE', age: '1 hour' });
    await fill(max - 1, requester, account, { state: 'OPEN', age: '1 hour' });
    expect((await place(LIMIT)).status).toBe(202);
    await fill(1, requester, account, { state: 'UNKNOWN', age: '1 hour' });
    const refused = await place(LIMIT);
    expect(refused).toMatchObject({ status: 429, body: { code: 'order_limit' } });
    expect(refused.body.message).toBe(`${max} tasks of this ${whose} are open already`);
    expect((await ask('cancel', CANCEL)).status).toBe(202);
  });
});

describe('/orders/tasks', () => {
  test('are one’s own, the newest first, in pages without gaps or repeats', async () => {
    const ids: unknown[] = [];
    for (let i = 0; i < 7; i++) ids.unshift((await place({ ...LIMIT, quantity: i + 1 })).body.id);
    await place(LIMIT, { key: KEYS.other });
    // Of the same microsecond: their ids tell them apart.
    await database((sql) => sql`update order_tasks set created_at = '2026-11-22T04:00:00.123456Z'`);
    const seen: unknown[] = [];
    let next = '';
    do {
      const { status, body } = await read(`/orders/tasks?limit=3${next && `&after=${next}`}`);
      expect(status).toBe(200);
      seen.push(...(body.tasks as { id: string }[]).map(({ id }) => id));
      next = (body.next as string | undefined) ?? '';
    } while (next !== '');
    expect(seen).toHaveLength(7);
    expect(new Set(seen)).toEqual(new Set(ids));
    const first = (await read('/orders/tasks')).body.tasks as { created_at: string; id: string }[];
    expect(first.map(({ id }) => id)).toEqual(seen);
    expect(first[0]?.created_at).toBe('2026-11-22T04:00:00.123Z');
  });

  test('can be those of one state', async () => {
    const { body } = await place(LIMIT);
    await place(LIMIT);
    await database((sql) => sql`update order_tasks set state = 'UNKNOWN' where id = ${body.id as string}`);
    const { body: page } = await read('/orders/tasks?state=UNKNOWN');
    expect((page.tasks as { id: string }[]).map(({ id }) => id)).toEqual([body.id]);
    expect(page).not.toHaveProperty('next');
  });

  test.each([
    ['state=unknown', /^state: must be one of PENDING.*got "unknown"$/],
    ['limit=0', /^limit: .*got "0"$/],
    [`limit=${ORDER_TASKS_PAGE_ROWS_MAX + 1}`, /^limit: /],
    ['after=yesterday', /^after: .*got "yesterday"$/],
    ['colour=red', /^colour: is no field/],
  ])('a query that cannot be: %s', async (query, message) => {
    const { status, body } = await read(`/orders/tasks?${query}`);
    expect([status, body.message]).toEqual([400, expect.stringMatching(message)]);
  });

  test('another’s id is as one that does not exist', async () => {
    const { body } = await place(LIMIT);
    const of = async (id: unknown, key: string) => (await read(`/orders/tasks/${id}`, key)).status;
    expect(await of(body.id, KEYS.trader)).toBe(200);
    expect(await of(body.id, KEYS.other)).toBe(404);
    expect(await of(crypto.randomUUID(), KEYS.trader)).toBe(404);
    expect(await of("1' or true", KEYS.trader)).toBe(404);
  });

  test('have their whole history, also in the archive', async () => {
    const { body } = await place(LIMIT);
    const id = body.id as string;
    const task = await database(async (sql) => {
      await sql`update order_tasks set state = 'REJECTED', version = 3 where id = ${id}`;
      await sql`
        insert into order_task_transitions (task_id, version, from_state, to_state, cause, detail)
        values (${id}, 3, 'SENDING', 'REJECTED', 'refused', '{"status":400}'), (${id}, 2, 'PENDING', 'SENDING', 'claimed', '{}')`;
      return (await read(`/orders/tasks/${id}`)).body;
    });
    expect(task.history).toMatchObject([
      { version: 1, to_state: 'PENDING' },
      { version: 2, from_state: 'PENDING', to_state: 'SENDING' },
      { version: 3, cause: 'refused', detail: { status: 400 } },
    ]);
    await database(async (sql) => {
      await sql`
        insert into order_task_archive (id, requested_by, created_at, task, transitions)
        select id, requested_by, created_at, to_jsonb(t),
          (select jsonb_agg(to_jsonb(h) order by version) from order_task_transitions h where task_id = t.id)
        from order_tasks t`;
      await sql`delete from order_tasks`;
    });
    expect((await read(`/orders/tasks/${id}`)).body).toEqual(task);
    expect((await read(`/orders/tasks/${id}`, KEYS.other)).status).toBe(404);
  });
});
