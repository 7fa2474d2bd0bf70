// Each part is killed under load; the client has every instrument current within 5 s of the part's return.
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import type { PartName } from '../../dev/dev-json.ts';
import { startTestStack, type TestStack } from '../support/stack.ts';
import { StreamClient } from '../support/stream-client.ts';

const CURRENT_WITHIN_MS = 5_000;

let stack: TestStack;
let client: StreamClient;
let tokens: number[];

beforeAll(async () => {
  stack = await startTestStack({ instrumentsCount: 500, rate: 2 });
  const csv = await (await fetch(`${stack.info.kite?.api}/instruments`)).text();
  tokens = csv
    .split('\r\n')
    .slice(1)
    .map((row) => Number(row.split(',')[0]))
    .filter((token) => token > 0);
  client = new StreamClient(`${stack.info.ws}?token=${stack.info.token}`, tokens).start();
  await vi.waitFor(() => expect(client.last.size).toBe(tokens.length), { timeout: 20_000, interval: 100 });
});

afterAll(async () => {
  client?.stop();
  await stack?.stop();
});

/** Instruments of which nothing newer than `sinceMs` has come. */
function notCurrent(sinceMs: number): number {
  return tokens.filter((token) => Date.parse(client.last.get(token)?.received_at ?? '') < sinceMs).length;
}

test.each<PartName>(['simulator', 'sidecar', 'workerd', 'database'])('%s is killed', async (part) => {
  const returned = stack.nextReady(part);
  const connectsBefore = client.connects;
  stack.kill(part);
  await returned;
  const returnedAtMs = Date.now();
  await vi.waitFor(() => expect(notCurrent(returnedAtMs)).toBe(0), {
    timeout: CURRENT_WITHIN_MS,
    interval: 50,
  });
  // Only the edge holds the client's socket: no other part's death may cost a reconnect.
  expect(client.connects - connectsBefore > 0).toBe(part === 'workerd');
  expect(client.backward).toEqual([]);
});

test('figures are true after all that', async () => {
  const health = (await (await fetch(`${stack.info.url}/health`)).json()) as {
    status: string;
    ticker: { active_subscriptions: number };
  };
  expect(health).toMatchObject({ status: 'ok', ticker: { active_subscriptions: tokens.length } });
  const stats = await (await fetch(`${stack.info.url}/ws/stats`)).json();
  expect(stats).toMatchObject({
    active_connections: 1,
    total_subscriptions: tokens.length,
    unique_tokens_subscribed: tokens.length,
    gateways_not_answering: 0,
  });
});
