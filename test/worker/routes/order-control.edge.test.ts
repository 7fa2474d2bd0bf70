// Halts of orders, Kite's own books through the control link, and Kite's postbacks.
import { createExecutionContext, evictDurableObject, waitOnExecutionContext } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import {
  ORDER_AUDIT_PER_MINUTE_MAX,
  ORDER_HALT_BODY_BYTES_MAX,
  ORDER_HALT_REASON_CHARS_MAX,
  ORDER_HALTS_MAX,
  POSTBACK_BYTES_MAX,
  POSTBACKS_AT_ONCE_MAX,
} from '../../../shared/limits.ts';
import { app } from '../../../worker/app.ts';
import { apiKeyHmac } from '../../../worker/auth/api-key.ts';
import { controlStub } from '../../../worker/durable/stubs.ts';
import type { Env } from '../../../worker/env.ts';
import { ControlLink } from '../../../worker/index.ts';
import { type Sql, withDatabase } from '../../../worker/store/db.ts';
import { ControlDialer } from '../../support/edge/control-dialer.ts';

const testEnv = env as unknown as Env;
const database = <T>(work: (sql: Sql) => Promise<T>) => withDatabase(testEnv, createExecutionContext(), work);

const BOSS = `te_${'b'.repeat(43)}`;
const TRADER = `te_${'t'.repeat(43)}`;
const CANCEL = { order_id: '1953341975595868160' };
const CHANGE = { ...CANCEL, price: 100 };

interface Answer {
  readonly status: number;
  readonly body: Record<string, unknown>;
}

async function call(method: string, path: string, body?: unknown, key?: string): Promise<Answer> {
  const request = new Request(`http://edge${path}`, {
    method,
    headers: { 'idempotency-key': crypto.randomUUID(), ...(key === undefined ? {} : { 'x-api-key': key }) },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  const context = createExecutionContext();
  const response = await app.fetch(request, testEnv, context);
  const answer = { status: response.status, body: (await response.json()) as Record<string, unknown> };
  await waitOnExecutionContext(context);
  return answer;
}

const boss = (path: string, body: unknown) => call('POST', `/orders/${path}`, body, BOSS);
const change = (body: object = CHANGE) => call('POST', '/orders/modify', body, TRADER);
const cancel = (body: object = CANCEL) => call('POST', '/orders/cancel', body, TRADER);
const audit = () =>
  database(
    (sql) => sql<{ action: string; requested_by: string; code: string; message: string }[]>`
      select action, requested_by, code, message from order_audit order by id`,
  );

let sidecar: ControlDialer;

beforeAll(async () => {
  await database(async (sql) => {
    const keys = { boss: [BOSS, 'orders:halt orders:read'], trader: [TRADER, 'orders:read orders:write'] };
    for (const [name, [key = '', scopes = '']] of Object.entries(keys)) {
      const hmac = await apiKeyHmac(key, testEnv.API_KEY_PEPPER);
      await sql`
        insert into api_keys (name, key_hmac, scopes)
        values (${name}, ${hmac}, string_to_array(${scopes}, ' '))`;
    }
    await sql`insert into accounts (id, api_key) values ('main', 'k1'), ('second', 'k2')`;
  });
});
beforeEach(async () => {
  sidecar = await ControlDialer.open();
  await database((sql) => sql`truncate order_tasks, order_task_transitions, order_halts, order_audit`);
});
afterEach(() => {
  sidecar.socket.close(1000);
  vi.restoreAllMocks();
});

describe('halts', () => {
  const main = { ...CHANGE, account_id: 'main' };
  const second = { ...CHANGE, account_id: 'second' };

  test('of everybody, of an account, of a requester: nothing new is taken until they are resumed', async () => {
    const halted = { status: 409, body: { code: 'orders_halted' } };
    expect((await boss('halt', { scope: 'account', account_id: 'main', reason: 'margin call' })).status).toBe(
      200,
    );
    expect(await change(main)).toMatchObject(halted);
    expect((await change(main)).body.message).toBe('orders are halted for account:main: margin call');
    expect((await change(second)).status).toBe(202);
    await boss('resume', { scope: 'account', account_id: 'main' });
    expect((await change(main)).status).toBe(202);

    await boss('halt', { scope: 'requester', requester: 'key:somebody' });
    expect((await change(main)).status).toBe(202);
    await boss('halt', { scope: 'requester', requester: 'key:trader' });
    expect(await change(second)).toMatchObject(halted);
    await boss('resume', { scope: 'requester', requester: 'key:trader' });

    await boss('halt', { scope: 'all' });
    expect(await change(main)).toMatchObject(halted);
    expect((await change(second)).body.message).toBe('orders are halted for all');
    // Whoever stops trading wants what rests at the exchange to be gone.
    expect((await cancel({ ...CANCEL, account_id: 'main' })).status).toBe(202);
    const halts = (await call('GET', '/orders/halts', undefined, TRADER)).body.halts;
    expect(halts).toMatchObject([
      { scope: 'all', halted_by: 'key:boss', reason: '' },
      { scope: 'requester:key:somebody', halted_by: 'key:boss' },
    ]);
  });

  test('survive the objects, are recorded once, and wake the sidecar', async () => {
    const first = await boss('halt', { scope: 'all', reason: 'first' });
    expect(await boss('halt', { scope: 'all', reason: 'second' })).toEqual(first);
    expect(await sidecar.received(2)).toEqual(
      Array(2).fill({ kind: 'wake_up', name: 'order_tasks_changed' }),
    );
    await evictDurableObject(controlStub(testEnv));
    expect((await change()).body.code).toBe('invalid_parameter');
    expect((await change(main)).body.code).toBe('orders_halted');
    await boss('resume', { scope: 'all' });
    expect((await boss('resume', { scope: 'all' })).status).toBe(404);
    expect((await change(main)).status).toBe(202);
    expect((await audit()).map(({ action, code }) => [action, code])).toEqual([
      ['halt', 'halted'],
      ['modify', 'invalid_parameter'],
      ['modify', 'orders_halted'],
      ['resume', 'resumed'],
      ['resume', 'not_found'],
    ]);
  });

  test.each<[object | string, RegExp]>([
    ['{', /^body is not JSON/],
    [{}, /^scope: must be all, account or requester, got nothing$/],
    [{ scope: 'some' }, /^scope: .*got "some"$/],
    [{ scope: 'account' }, /^account_id: is required for scope account/],
    [{ scope: 'requester' }, /^requester: is required for scope requester/],
    [{ scope: 'all', account_id: 'main' }, /^account_id: is not for scope all, got "main"$/],
    [{ scope: 'account', account_id: 'main', requester: 'key:a' }, /^requester: is not for scope account/],
    [
      { scope: 'requester', requester: 'trader' },
      /^requester: must be user:<id> or key:<name>, got "trader"$/,
    ],
    [{ scope: 'account', account_id: 'a\0' }, /^account_id: /],
    [{ scope: 'all', until: 5 }, /^until: is no field/],
  ])('%j is refused', async (body, message) => {
    for (const path of ['halt', 'resume']) {
      const answer = await boss(path, body);
      expect([answer.status, answer.body.message]).toEqual([400, expect.stringMatching(message)]);
    }
    expect(await audit()).toHaveLength(2);
    expect((await call('GET', '/orders/halts', undefined, BOSS)).body.halts).toEqual([]);
  });

  test('have bounds', async () => {
    const reason = 'x'.repeat(ORDER_HALT_REASON_CHARS_MAX);
    expect((await boss('halt', { scope: 'all', reason: `${reason}x` })).status).toBe(400);
    const tooBig = JSON.stringify({ scope: 'all', reason }).padEnd(ORDER_HALT_BODY_BYTES_MAX + 1);
    expect((await boss('halt', tooBig)).status).toBe(413);
    await database(
      (sql) => sql`
        insert into order_halts (scope, halted_by)
        select 'requester:key:' || n, 'key:boss' from generate_series(1, ${ORDER_HALTS_MAX}::int) n`,
    );
    expect(await boss('halt', { scope: 'account', account_id: 'main' })).toMatchObject({ status: 429 });
    expect((await boss('halt', { scope: 'all', reason })).status).toBe(200);
  });
});

describe('Kite’s own books', () => {
  test.each([
    ['orders', [{ order_id: '1953341975595868160', status: 'OPEN' }]],
    ['positions', { net: [], day: [] }],
    ['margins', { equity: { net: 1.5 } }],
  ])('%s are what the sidecar answers for the account', async (name, payload) => {
    const answer = call('GET', `/${name}?account_id=second`, undefined, TRADER);
    const request = await sidecar.request();
    expect(request).toMatchObject({ name, payload: { account_id: 'second' } });
    sidecar.reply(request.id, payload);
    expect(await answer).toEqual({ status: 200, body: { account_id: 'second', [name]: payload } });
  });

  test('what the sidecar refuses is refused, and without one there is no answer', async () => {
    const answer = call('GET', '/orders?account_id=main', undefined, TRADER);
    const { id } = await sidecar.request();
    sidecar.send({
      kind: 'reply',
      id,
      ok: false,
      code: 'sidecar_unavailable',
      message: 'Kite does not answer',
    });
    expect(await answer).toMatchObject({ status: 503, body: { message: 'Kite does not answer' } });
    sidecar.socket.close(1000);
    await sidecar.closed;
    expect(await call('GET', '/margins?account_id=main', undefined, TRADER)).toMatchObject({
      status: 503,
      body: { code: 'sidecar_unavailable' },
    });
  });

  test('are for whoever may read them, of accounts that there are', async () => {
    expect((await call('GET', '/orders?account_id=main')).status).toBe(401);
    expect((await call('GET', '/orders?account_id=third', undefined, TRADER)).status).toBe(503);
    const reported = { status: { accounts: [] }, receivedAtMs: 0 } as unknown as ReturnType<
      ControlLink['reported']
    >;
    vi.spyOn(ControlLink.prototype, 'reported').mockReturnValue(reported);
    expect((await call('GET', '/orders?account_id=third', undefined, TRADER)).status).toBe(404);
    expect((await call('GET', '/orders', undefined, TRADER)).status).toBe(400);
    expect((await call('GET', '/orders?colour=red', undefined, TRADER)).status).toBe(400);
  });
});

describe('postbacks', () => {
  const POSTBACK = {
    order_id: '1953341975595868160',
    order_timestamp: '2026-11-22 09:15:00',
    checksum: 'ab'.repeat(32),
    status: 'COMPLETE',
  };
  const post = (body: unknown) => call('POST', '/kite/postback', body);

  test('go to the sidecar to the letter', async () => {
    const text = `{ "unknown": 1.0, ${JSON.stringify(POSTBACK).slice(1)}`;
    const answer = post(text);
    const request = await sidecar.request();
    expect(request).toMatchObject({ name: 'postback', payload: { text } });
    sidecar.reply(request.id, { accepted: true });
    expect(await answer).toEqual({ status: 200, body: { accepted: true } });
    expect(await audit()).toEqual([]);
  });

  test('that are forged are refused and leave a row', async () => {
    const answer = post(POSTBACK);
    sidecar.reply((await sidecar.request()).id, { accepted: false });
    const { status, body } = await answer;
    expect([status, body.code]).toEqual([401, 'postback_checksum']);
    expect(await audit()).toEqual([
      { action: 'postback', requested_by: 'postback', code: 'postback_checksum', message: body.message },
    ]);
  });

  test.each<[string, unknown, number, string]>([
    ['no JSON', '{', 400, 'body is not JSON in UTF-8'],
    ['no object', '[]', 400, 'body: '],
    ['no order', { ...POSTBACK, order_id: undefined }, 400, 'order_id: '],
    ['a number', { ...POSTBACK, order_id: 5 }, 400, 'order_id: '],
    ['no time', { ...POSTBACK, order_timestamp: '' }, 400, 'order_timestamp: '],
    ['no checksum', { ...POSTBACK, checksum: 'ab' }, 400, 'checksum: must be 64 hex digits, got "ab"'],
    ['too big', JSON.stringify(POSTBACK).padEnd(POSTBACK_BYTES_MAX + 1), 413, 'body of '],
  ])('with %s do not reach the sidecar', async (_name, body, status, message) => {
    expect(await post(body)).toMatchObject({
      status,
      body: { message: expect.stringContaining(message) as string },
    });
    await sidecar.flushed();
    expect(sidecar.messages).toEqual([]);
    expect(await audit()).toHaveLength(1);
  });

  test('of anybody fill neither the control link nor the record', async () => {
    const waiting = Array.from({ length: POSTBACKS_AT_ONCE_MAX }, () => post(POSTBACK));
    const requests = await sidecar.received(POSTBACKS_AT_ONCE_MAX);
    expect(await post(POSTBACK)).toMatchObject({ status: 429, body: { code: 'rate_limited' } });
    const book = call('GET', '/orders?account_id=main', undefined, TRADER);
    sidecar.reply((await sidecar.request(POSTBACKS_AT_ONCE_MAX + 1)).id, []);
    expect((await book).status).toBe(200);
    for (const request of requests.slice(0, POSTBACKS_AT_ONCE_MAX)) {
      if (request.kind === 'request') sidecar.reply(request.id, { accepted: true });
    }
    for (const answer of await Promise.all(waiting)) expect(answer.status).toBe(200);
    await database(
      (sql) => sql`
        insert into order_audit (requested_by, action, code, message)
        select 'postback', 'postback', 'invalid_json', '' from generate_series(1, ${ORDER_AUDIT_PER_MINUTE_MAX}::int)`,
    );
    const before = (await audit()).length;
    expect((await post('{')).status).toBe(400);
    expect(await audit()).toHaveLength(before);
  });
});
