// Pinned subscriptions through the whole system: streaming a second after the call, whatever has died before it.
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import type { SidecarStatus } from '../../shared/status.ts';
import { startTestStack, type TestStack } from '../support/stack.ts';
import { StreamClient } from '../support/stream-client.ts';

const STREAMS_WITHIN_MS = 1_000;
/** Parts that came back find each other again: the control link waits up to 10 s between attempts. */
const RECOVERS_WITHIN_MS = 15_000;
const CAPACITY = 4;

let stack: TestStack;
let tokens: number[];

beforeAll(async () => {
  const sidecarEnv = { MAX_WS_CONNECTIONS: '1', MAX_INSTRUMENTS_PER_WS: String(CAPACITY) };
  stack = await startTestStack({ instrumentsCount: 100, rate: 5, sidecarEnv });
  const csv = await (await fetch(`${stack.info.kite?.api}/instruments`)).text();
  tokens = csv
    .split('\r\n')
    .slice(1)
    .map((row) => Number(row.split(',')[0]))
    .filter((token) => token > 0);
  // The list is in the database a moment after the sidecar has it.
  await vi.waitFor(async () => expect((await pin(tokens[99] ?? 0)).status).toBe(201), { timeout: 10_000 });
});
afterAll(() => stack?.stop());
beforeEach(async () => {
  const { subscriptions } = await call<{ subscriptions: { instrument_token: number }[] }>('GET', '');
  for (const { instrument_token } of subscriptions) await call('DELETE', `/${instrument_token}`);
  await vi.waitFor(async () => expect(await sidecarStatus()).toMatchObject({ pinned: 0, desired: 0 }), {
    timeout: RECOVERS_WITHIN_MS,
  });
});

function request(method: string, path: string, body?: object): Promise<Response> {
  return fetch(`${stack.info.url}/subscriptions${path}`, {
    method,
    headers: { 'x-api-key': stack.info.apiKey },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
}

async function call<T = object>(method: string, path: string, body?: object): Promise<T> {
  const response = await request(method, path, body);
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}\n${stack.logs()}`);
  return JSON.parse(text) as T;
}

const pin = (token: number, mode = 'FULL') =>
  request('POST', '', { instrument_token: token, requested_mode: mode, account_id: 'primary' });

async function sidecarStatus(): Promise<SidecarStatus> {
  return (await (await fetch(`${stack.info.sidecar}/status`)).json()) as SidecarStatus;
}

/** Waits until so many instruments are pinned and stream. */
async function streams(count: number, withinMs: number): Promise<void> {
  await vi.waitFor(
    async () => expect(await sidecarStatus()).toMatchObject({ pinned: count, active_subscriptions: count }),
    { timeout: withinMs, interval: 20 },
  );
}

test('what has no room is named, and gets it when there is', async () => {
  const [first = 0, ...others] = tokens.slice(0, CAPACITY + 2);
  for (const token of [first, ...others]) expect((await pin(token)).status).toBe(201);
  const answer = () => call<{ total: number; tokens: number[] }>('GET', '/not_placed');
  await vi.waitFor(async () => expect(await answer()).toEqual({ total: 2, tokens: others.slice(-2) }), {
    timeout: STREAMS_WITHIN_MS,
  });
  await call('DELETE', `/${first}`);
  await vi.waitFor(async () => expect(await answer()).toEqual({ total: 1, tokens: others.slice(-1) }), {
    timeout: STREAMS_WITHIN_MS,
  });
});

test('they outlive the sidecar, and stay while the database is away', async () => {
  for (const token of tokens.slice(0, 3)) await pin(token);
  await streams(3, STREAMS_WITHIN_MS);
  const sidecarBack = stack.nextReady('sidecar');
  stack.kill('sidecar');
  await sidecarBack;
  await streams(3, 5_000);
  const databaseBack = stack.nextReady('database');
  stack.kill('database');
  await streams(3, STREAMS_WITHIN_MS);
  await databaseBack;
  await vi.waitFor(async () => expect((await pin(tokens[3] ?? 0)).status).toBe(201), { timeout: 5_000 });
  await streams(4, RECOVERS_WITHIN_MS);
});

test('after the edge was away a call wakes the sidecar again; without a sidecar it is stored, and told so where it matters', async () => {
  const back = stack.nextReady('workerd');
  stack.kill('workerd');
  await back;
  await vi.waitFor(async () => expect((await request('GET', '/not_placed')).status).toBe(200), {
    timeout: RECOVERS_WITHIN_MS,
  });
  expect((await pin(tokens[0] ?? 0)).status).toBe(201);
  await streams(1, STREAMS_WITHIN_MS);
  const sidecarBack = stack.nextReady('sidecar');
  stack.kill('sidecar');
  await vi.waitFor(
    async () => {
      const response = await request('GET', '/not_placed');
      expect([response.status, ((await response.json()) as { code: string }).code]).toEqual([
        503,
        'sidecar_unavailable',
      ]);
    },
    { timeout: 5_000, interval: 10 },
  );
  expect((await pin(tokens[1] ?? 0)).status).toBe(201);
  await sidecarBack;
  await streams(2, 5_000);
});

// The last one: what a client has wanted lingers.
test('a subscription streams within a second without a client, and its first client has a value at once', async () => {
  const [token = 0] = tokens;
  const ticksBefore = (await sidecarStatus()).ticks_received;
  expect((await pin(token)).status).toBe(201);
  await streams(1, STREAMS_WITHIN_MS);
  await vi.waitFor(
    async () => expect((await sidecarStatus()).ticks_received).toBeGreaterThan(ticksBefore + 2),
    {
      timeout: 5_000,
    },
  );
  const client = new StreamClient(`${stack.info.ws}?token=${stack.info.token}`, [token]).start();
  await vi.waitFor(() => expect(client.last.get(token)?.last_price).toBeGreaterThan(0), { timeout: 5_000 });
  const subscribed = client.messages.find(({ type }) => type === 'subscribed');
  expect(subscribed).not.toHaveProperty('pending');
  client.stop();
  expect((await request('DELETE', `/${token}`)).status).toBe(200);
  await vi.waitFor(async () => expect((await sidecarStatus()).pinned).toBe(0), {
    timeout: STREAMS_WITHIN_MS,
  });
});
