// The life of a session: a first token in time, a warning, renewal, the end; its pace; and a planned goodbye.
import { createExecutionContext, evictDurableObject, runDurableObjectAlarm } from 'cloudflare:test';
import { env, exports } from 'cloudflare:workers';
import { afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import {
  AUTHENTICATE_MS_MAX,
  CLIENT_COMMANDS_QUEUED_MAX,
  CONNECTIONS_PER_USER_MAX,
  MESSAGES_ABUSIVE_PER_SECOND,
  MESSAGES_PER_SECOND_MAX,
  TOKEN_WARNING_MS,
} from '../../../shared/limits.ts';
import { apiKeyHmac } from '../../../worker/auth/api-key.ts';
import type { Env } from '../../../worker/env.ts';
import { withDatabase } from '../../../worker/store/db.ts';
import { type Message, TestClient } from '../../support/edge/client.ts';
import { mintToken } from '../../support/edge/tokens.ts';

const KEY = `te_${'d'.repeat(43)}`;
const gateway = (slot = 0) => env.CLIENT_GATEWAY.getByName(`gw:apac-se:${slot}`);
const clients: TestClient[] = [];

async function open(query: string): Promise<TestClient> {
  const client = await TestClient.open(query);
  clients.push(client);
  return client;
}

const userToken = (sub: string, expiresInS = 3_600) => mintToken({ claims: { sub }, expiresInS });

/** Runs what the gateway has planned for so much later. */
async function passTime(ms: number): Promise<void> {
  vi.useFakeTimers({ now: Date.now() + ms, toFake: ['Date'] });
  expect(await runDurableObjectAlarm(gateway())).toBe(true);
  vi.useRealTimers();
}

afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
  for (const { socket } of clients.splice(0)) if (socket.readyState === WebSocket.OPEN) socket.close(1000);
});

describe('a token by first message', () => {
  test('welcomes the client; until then it is told what to do, and nothing else works', async () => {
    const client = await open('?auth=message');
    client.send({ action: 'subscribe', tokens: [256265], id: 1 });
    expect(await client.next('error')).toMatchObject({ code: 'authenticate_first', id: 1 });
    client.send({ action: 'authenticate', token: await userToken('first_message') });
    const connected = await client.next('connected');
    expect(connected.user).toMatchObject({ user_id: 'first_message' });
    expect(connected.limits).toMatchObject({
      subscriptions: 3_000,
      messages_per_second: MESSAGES_PER_SECOND_MAX,
    });
    expect(connected.feed).toMatchObject({ state: 'down' });
    expect((await client.subscribe()).total).toBe(0);
  });

  test('a bad one ends the socket with the reason; none at all ends it in time', async () => {
    const bad = await open('?auth=message');
    bad.send({ action: 'authenticate', token: 'abc' });
    expect(await bad.closed).toMatchObject({ code: 1008, reason: 'Authentication failed: malformed token' });
    const silent = await open('?auth=message');
    await passTime(AUTHENTICATE_MS_MAX + 1);
    expect((await silent.closed).code).toBe(4002);
  });

  test('survives hibernation on either side of it', async () => {
    const client = await open('?auth=message');
    await evictDurableObject(gateway());
    client.send({ action: 'authenticate', token: await userToken('hibernated') });
    await client.next('connected');
    await evictDurableObject(gateway());
    client.send({ action: 'list', id: 'x' });
    expect(await client.next('subscriptions')).toMatchObject({ items: [], total: 0, id: 'x' });
  });
});

describe('a token that ends', () => {
  test('is warned of, and ends the socket', async () => {
    const client = await open(`?token=${await userToken('ending', 120)}`);
    await client.next('connected');
    await passTime(120_000 - TOKEN_WARNING_MS + 1_000);
    const warning = await client.next('token_expiring');
    expect(warning.in_ms).toBeGreaterThan(TOKEN_WARNING_MS - 3_000);
    expect(warning.in_ms).toBeLessThanOrEqual(TOKEN_WARNING_MS);
    await passTime(121_000);
    expect(await client.closed).toMatchObject({ code: 4001, reason: 'Token expired' });
  });

  test('is warned of by a gateway that has hibernated, once', async () => {
    const client = await open(`?token=${await userToken('asleep', 120)}`);
    await client.next('connected');
    await evictDurableObject(gateway());
    await passTime(120_000 - TOKEN_WARNING_MS + 1_000);
    await client.next('token_expiring');
    await evictDurableObject(gateway());
    await passTime(121_000);
    expect((await client.closed).code).toBe(4001);
    expect(client.messages.filter(({ type }) => type === 'token_expiring')).toHaveLength(1);
  });

  test('is renewed on the open socket, also across hibernation', async () => {
    const client = await open(`?token=${await userToken('renewing', 120)}`);
    await client.next('connected');
    client.send({ action: 'authenticate', token: await userToken('renewing', 7_200), id: 'r' });
    const { expires_at } = await client.next('authenticated');
    expect(Date.parse(expires_at as string) - Date.now()).toBeGreaterThan(7_000_000);
    await evictDurableObject(gateway());
    client.send({ action: 'ping', id: 1 });
    await client.next('pong');
    await passTime(121_000);
    client.send({ action: 'ping', id: 2 });
    await client.next('pong');
  });

  test('stays good when a renewal fails, and is not given to another user', async () => {
    const client = await open(`?token=${await userToken('keeping')}`);
    await client.next('connected');
    client.send({ action: 'authenticate', token: await userToken('keeping', -60) });
    expect(await client.next('error')).toMatchObject({ code: 'renewal_failed', message: 'Token expired' });
    client.send({ action: 'authenticate', token: await userToken('another') });
    expect(await client.next('error')).toMatchObject({ code: 'wrong_user' });
    client.send({ action: 'ping', id: 1 });
    await client.next('pong');
  });
});

describe('limits at their edge', () => {
  test('connections of a user: as many as are allowed, not one more, and one that leaves makes room', async () => {
    const token = await userToken('many');
    const opened: TestClient[] = [];
    for (let i = 0; i < CONNECTIONS_PER_USER_MAX; i++) {
      const client = await open(`?token=${token}`);
      await client.next('connected');
      opened.push(client);
    }
    expect(await (await open(`?token=${token}`)).closed).toMatchObject({ code: 4003 });
    opened[0]?.socket.close(1000);
    await opened[0]?.closed;
    const next = await open(`?token=${token}`);
    await next.next('connected');
  });

  test('messages: what comes too fast waits, and is answered in order', async () => {
    const client = await open(`?token=${await userToken('busy')}`);
    await client.next('connected');
    const burst = CLIENT_COMMANDS_QUEUED_MAX;
    for (let id = 0; id < burst; id++) client.send({ action: 'list', id });
    const ids: unknown[] = [];
    while (ids.length < burst) ids.push((await client.next('subscriptions')).id);
    expect(ids).toEqual([...ids.keys()]);
    expect(client.messages.filter(({ type }) => type === 'error')).toEqual([]);
  });

  test('messages: those that find no room are refused one by one, and the socket stays', async () => {
    const client = await open(`?token=${await userToken('pipelining')}`);
    await client.next('connected');
    for (let id = 0; id < MESSAGES_ABUSIVE_PER_SECOND; id++) client.send({ action: 'list', id });
    const answers: Message[] = [];
    while (answers.length < MESSAGES_ABUSIVE_PER_SECOND) answers.push(await client.next());
    const refused = answers.filter(({ type }) => type === 'error');
    const ids = answers.flatMap(({ type, id }) => (type === 'subscriptions' ? [id as number] : []));
    expect(ids.length).toBeGreaterThanOrEqual(CLIENT_COMMANDS_QUEUED_MAX);
    expect(ids).toEqual([...ids].sort((x, y) => x - y));
    expect(refused.length).toBe(MESSAGES_ABUSIVE_PER_SECOND - ids.length);
    for (const { code, retry_after_ms: retryAfterMs } of refused) {
      expect(code).toBe('rate_limited');
      expect(retryAfterMs).toBeGreaterThanOrEqual(1_000 / MESSAGES_PER_SECOND_MAX);
    }
    expect(refused.length).toBeGreaterThan(0);
    client.send({ action: 'list', id: 'after' });
    expect((await client.next('subscriptions')).id).toBe('after');
  }, 20_000);

  test('messages: one more than a flood ends the socket', async () => {
    const client = await open(`?token=${await userToken('flooding')}`);
    await client.next('connected');
    const nowMs = Date.now();
    vi.spyOn(Date, 'now').mockReturnValue(nowMs);
    for (let id = 0; id <= MESSAGES_ABUSIVE_PER_SECOND; id++) client.send({ action: 'list', id });
    expect(await client.closed).toMatchObject({ code: 4029, reason: 'Too many commands' });
    const answered = client.messages.filter(({ type }) => type === 'subscriptions' || type === 'error');
    expect(answered.at(-1)).toMatchObject({ type: 'error', code: 'too_many_commands' });
    expect(answered.filter(({ code }) => code === 'too_many_commands')).toHaveLength(1);
  });
});

describe('drain', () => {
  beforeAll(async () => {
    const testEnv = env as unknown as Env;
    await withDatabase(testEnv, createExecutionContext(), async (sql) => {
      const hmac = await apiKeyHmac(KEY, testEnv.API_KEY_PEPPER);
      await sql`insert into api_keys (name, key_hmac, scopes) values ('drain', ${hmac}, string_to_array('gateways:drain', ' '))`;
    });
  });

  const post = async (body: unknown, key = KEY) => {
    const response = await exports.default.fetch('http://edge/gateways/drain', {
      method: 'POST',
      headers: { 'x-api-key': key, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    return [response.status, await response.json()];
  };

  test('says goodbye, closes in time, and the clients find another gateway meanwhile', async () => {
    const client = await open(`?token=${await userToken('drained')}`);
    const { epoch } = await client.next('connected');
    expect(await post({ gateway: 'gw:apac-se:0', window_ms: 1_000 })).toMatchObject([
      202,
      { connections_leaving: 1 },
    ]);
    const goaway = await client.next('goaway');
    expect(goaway.epoch).toBe(epoch);
    expect(goaway.reconnect_in_ms).toBeLessThan(1_000);
    // Neither a renewal nor hibernation puts the goodbye off.
    client.send({ action: 'authenticate', token: await userToken('drained', 7_200) });
    await client.next('authenticated');
    await evictDurableObject(gateway());
    await passTime(1_001);
    expect((await client.closed).code).toBe(4100);
    const elsewhere = await open(`?token=${await userToken('drained')}`);
    await elsewhere.next('connected');
    expect((await gateway(0).stats()).connections).toHaveLength(0);
    expect((await gateway(1).stats()).connections).toHaveLength(1);
  });

  test('only with a key for it, and only what is a gateway', async () => {
    expect(await post({ gateway: 'gw:apac-se:0' }, `te_${'x'.repeat(43)}`)).toMatchObject([
      401,
      { code: 'invalid_api_key' },
    ]);
    expect(await post({ gateway: 'gw:nowhere:0' })).toMatchObject([404, { code: 'not_found' }]);
    expect(await post({ gateway: 'gw:apac-se:0', window_ms: -1 })).toMatchObject([
      400,
      { code: 'invalid_parameter' },
    ]);
  });
});
