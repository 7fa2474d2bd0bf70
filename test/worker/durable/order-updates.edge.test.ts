// Order updates from the control link to clients: to those who may know of orders, in each one's own protocol.
import { createExecutionContext } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { ORDER_UPDATE_CHARS_MAX } from '../../../shared/limits.ts';
import { apiKeyHmac } from '../../../worker/auth/api-key.ts';
import type { Env } from '../../../worker/env.ts';
import { withDatabase } from '../../../worker/store/db.ts';
import { TestClient } from '../../support/edge/client.ts';
import { ControlDialer } from '../../support/edge/control-dialer.ts';
import { KiteClient } from '../../support/edge/kite-client.ts';
import { mintToken } from '../../support/edge/tokens.ts';

const [READER, TRADER] = [`te_${'R'.repeat(43)}`, `te_${'T'.repeat(43)}`];
const ORDER = { order_id: '1953341975595868160', status: 'COMPLETE', tags: ['a', 'ü"'], filled_quantity: 75 };
const LAST = { order_id: '2' };

const testEnv = env as unknown as Env;
const sockets: WebSocket[] = [];
let sidecar: ControlDialer;

/** A client of Kite's protocol that has been welcomed: it has been told that nobody plays a sidecar. */
async function connectKite(accessToken: string): Promise<KiteClient> {
  const client = keep(await KiteClient.connect(accessToken));
  await client.until(() => client.feedTexts.length > 0);
  return client;
}

function keep<T extends { readonly socket: WebSocket }>(client: T): T {
  sockets.push(client.socket);
  return client;
}

const tokenWith = (sub: string, permissions: string[]) => mintToken({ claims: { sub, permissions } });

async function notify(payload: unknown, name = 'order_update'): Promise<void> {
  sidecar.send({ kind: 'notice', name, payload });
  await sidecar.flushed();
}

beforeAll(async () => {
  await withDatabase(testEnv, createExecutionContext(), async (sql) => {
    for (const [key, scopes] of [
      [READER, 'market:read'],
      [TRADER, 'market:read orders:read'],
    ] as const) {
      const hmac = await apiKeyHmac(key, testEnv.API_KEY_PEPPER);
      await sql`insert into api_keys (name, key_hmac, scopes) values (${scopes}, ${hmac}, string_to_array(${scopes}, ' '))`;
    }
  });
});
beforeEach(async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  sidecar = keep(await ControlDialer.open());
});
afterEach(() => {
  for (const socket of sockets.splice(0)) if (socket.readyState === WebSocket.OPEN) socket.close(1000);
  vi.useRealTimers();
});

test('only those with the permission are told, whatever they speak and however they came in', async () => {
  const may = await tokenWith('may', ['market:read', 'orders:read']);
  const mayNot = await tokenWith('may_not', ['market:read', 'orders:write']);
  const told = [await connectKite(may), await connectKite(TRADER)];
  const untold = [await connectKite(mayNot), await connectKite(READER)];
  const native = keep(await TestClient.connect(may));
  const untoldNative = keep(await TestClient.connect(mayNot));
  await notify(JSON.stringify(ORDER));
  await notify(JSON.stringify(LAST));
  for (const client of told) {
    expect(await client.text()).toEqual({ type: 'order', data: ORDER });
    expect(await client.text()).toEqual({ type: 'order', data: LAST });
  }
  expect(await native.next('order_update')).toEqual({ type: 'order_update', data: ORDER });
  expect(await native.next('order_update')).toEqual({ type: 'order_update', data: LAST });
  // By now an update would be there: they are told something that comes after it.
  untoldNative.send({ action: 'ping', id: 1 });
  await untoldNative.next('pong');
  expect(untoldNative.messages.map(({ type }) => type)).toEqual(['connected', 'pong']);
  for (const client of untold) {
    client.send({ a: 'subscribe', v: [0] });
    expect(await client.text()).toMatchObject({ type: 'error' });
    expect(client.texts).toHaveLength(1);
  }
});

test('a permission counts as long as its token: a renewed one without it ends that', async () => {
  const client = keep(await TestClient.connect(await tokenWith('renewing', ['orders:read'])));
  await notify(JSON.stringify(ORDER));
  await client.next('order_update');
  client.send({ action: 'authenticate', token: await tokenWith('renewing', []) });
  await client.next('authenticated');
  await notify(JSON.stringify(LAST));
  client.send({ action: 'ping' });
  client.send({ action: 'list' });
  await client.next('subscriptions');
  expect(client.messages.filter(({ type }) => type === 'order_update')).toHaveLength(1);
});

test('notices that are no order update go nowhere', async () => {
  const client = await connectKite(TRADER);
  const nonsense = [null, 5, '', '[]', '{', ORDER, `{"a":"${'x'.repeat(ORDER_UPDATE_CHARS_MAX)}"}`];
  for (const payload of nonsense) await notify(payload);
  await notify(JSON.stringify(ORDER), 'weather');
  await notify(JSON.stringify(LAST));
  expect(await client.text()).toEqual({ type: 'order', data: LAST });
});
