// What a flush costs a gateway, from its sends to the reply that the sidecar reads.
import { env } from 'cloudflare:workers';
import { afterEach, expect, test, vi } from 'vitest';
import {
  FLUSH_COST_AGE_MS_MAX,
  FLUSH_COST_MS_MAX,
  FLUSH_COST_ROUNDS,
  GATEWAY_SEND_COST_US,
  SHARD_PUSH_MS_MAX,
} from '../../../shared/limits.ts';
import { shardName, shardOf } from '../../../shared/shard.ts';
import { RECORD_KIND } from '../../../shared/tick.ts';
import type { ShardPush } from '../../../worker/core/shard-book.ts';
import { ClientGateway } from '../../../worker/durable/client-gateway.ts';
import { TestClient } from '../../support/edge/client.ts';
import { TestSidecar } from '../../support/edge/sidecar.ts';
import { mintToken } from '../../support/edge/tokens.ts';
import { definitionOf, recordOf } from '../../support/records.ts';

const RELIANCE = 738561;
const SHARD = shardOf(RELIANCE);
const CLIENTS = 5;

let epoch = 1_764_600_000_000;
let sidecar: TestSidecar;
let clients: TestClient[];

async function setUp(): Promise<void> {
  epoch += 1_000;
  sidecar = new TestSidecar(epoch);
  await sidecar.send({ known: [RELIANCE], definitions: [definitionOf(RELIANCE)] });
  clients = [];
  for (let i = 0; i < CLIENTS; i++) {
    const client = await TestClient.connect(await mintToken());
    await client.subscribe(RELIANCE);
    clients.push(client);
  }
}

afterEach(async () => {
  vi.useRealTimers();
  vi.restoreAllMocks();
  for (const client of clients) {
    client.send({ action: 'unsubscribe', tokens: [RELIANCE] });
    await client.next('unsubscribed');
    client.socket.close(1000);
  }
});

/** Posts a price and waits until every client has it. */
async function tick(lastPrice: number): Promise<void> {
  await sidecar.post(SHARD, { ticks: [recordOf(RELIANCE, RECORD_KIND.full, { lastPrice })] });
  for (const client of clients) while ((await client.tick(RELIANCE)).last_price !== lastPrice / 100);
}

const costReported = async () => (await sidecar.post(SHARD)).flushCostMs ?? Number.NaN;

test('frames to clients are in the replies to the batches after it, until no gateway wants anything', async () => {
  await setUp();
  // Whatever the subscribes have cost is over, as far as this shard knows.
  vi.useFakeTimers({ now: Date.now() + FLUSH_COST_AGE_MS_MAX + 1, toFake: ['Date'] });
  expect(await costReported()).toBe(0);
  await tick(100);
  const atLeastMs = (CLIENTS * GATEWAY_SEND_COST_US) / 1_000 / FLUSH_COST_ROUNDS;
  await vi.waitFor(async () => expect(await costReported()).toBeGreaterThanOrEqual(atLeastMs));
  expect(await costReported()).toBeLessThan(FLUSH_COST_MS_MAX);
  for (const client of clients) {
    client.send({ action: 'unsubscribe', tokens: [RELIANCE] });
    await client.next('unsubscribed');
  }
  await vi.waitFor(async () => expect(await costReported()).toBe(0));
});

test('a push that a gateway does not answer is no room at all, until it does', async () => {
  await setUp();
  await tick(200);
  let isHeld = true;
  const push = ClientGateway.prototype.push;
  vi.spyOn(ClientGateway.prototype, 'push').mockImplementation(async function (
    this: ClientGateway,
    news: ShardPush,
  ) {
    while (isHeld) await new Promise((resolve) => setTimeout(resolve, 1));
    return push.call(this, news);
  } as unknown as typeof push);
  await sidecar.post(SHARD, { ticks: [recordOf(RELIANCE, RECORD_KIND.full, { lastPrice: 300 })] });
  expect(await costReported()).toBeLessThan(FLUSH_COST_MS_MAX);
  vi.useFakeTimers({ now: Date.now() + SHARD_PUSH_MS_MAX + 1, toFake: ['Date'] });
  expect(await costReported()).toBe(FLUSH_COST_MS_MAX);
  isHeld = false;
  await vi.waitFor(async () => expect(await costReported()).toBeLessThan(FLUSH_COST_MS_MAX));
  expect((await env.INSTRUMENT_SHARD.getByName(shardName(SHARD)).stats()).gateways).toBe(1);
});
