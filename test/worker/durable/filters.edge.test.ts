// A client with filters through the real Worker and objects: what it is sent, what it is told, and evictions in between.
import { evictDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { afterEach, expect, test } from 'vitest';
import { RECORD_KIND } from '../../../shared/tick.ts';
import { TestClient } from '../../support/edge/client.ts';
import { TestSidecar } from '../../support/edge/sidecar.ts';
import { mintToken } from '../../support/edge/tokens.ts';
import { definitionOf, recordOf } from '../../support/records.ts';

const RELIANCE = 738561;
const INFY = 408065;

let epoch = 1_764_200_000_000;
const clients: TestClient[] = [];

async function startSidecar(): Promise<TestSidecar> {
  epoch += 1_000;
  const sidecar = new TestSidecar(epoch);
  await sidecar.send({ known: [RELIANCE, INFY], definitions: [definitionOf(RELIANCE), definitionOf(INFY)] });
  return sidecar;
}

async function connect(user: string): Promise<TestClient> {
  const client = await TestClient.connect(await mintToken({ claims: { sub: user } }));
  clients.push(client);
  return client;
}

function quote(token: number, lastPrice: number, volume = 1) {
  return recordOf(token, RECORD_KIND.quote, { lastPrice, volume });
}

function pricesOf({ messages }: TestClient): number[] {
  return messages.flatMap(({ type, data }) =>
    type === 'tick' ? [(data as { last_price: number }).last_price] : [],
  );
}

async function untilPrice(client: TestClient, lastPrice: number): Promise<void> {
  while ((await client.tick(RELIANCE)).last_price !== lastPrice);
}

/** Each price in a flush of its own, as the neighbour without a filter proves. */
async function sendPrices(sidecar: TestSidecar, neighbour: TestClient, prices: number[]): Promise<void> {
  for (const price of prices) {
    await sidecar.send({ ticks: [quote(RELIANCE, price * 100)] });
    await untilPrice(neighbour, price);
  }
}

afterEach(() => {
  for (const client of clients.splice(0)) client.socket.close(1000);
});

test('min_change: measured against the last tick sent, listed, kept over an eviction, lifted live', async () => {
  const sidecar = await startSidecar();
  const [neighbour, client] = [await connect('neighbour'), await connect('choosy')];
  await neighbour.subscribe(RELIANCE);
  client.send({ action: 'subscribe', tokens: [RELIANCE], filter: { min_change: 2 } });
  await client.next('subscribed');
  await sendPrices(sidecar, neighbour, [10, 11, 12, 11, 9]);
  await untilPrice(client, 9);
  expect(pricesOf(client)).toEqual([10, 12, 9]);

  await evictDurableObject(env.CLIENT_GATEWAY.getByName('gw:apac-se:0'));
  client.send({ action: 'list' });
  expect((await client.next('subscriptions')).items).toMatchObject([
    { token: RELIANCE, filter: { min_change: 2 } },
  ]);
  await sendPrices(sidecar, neighbour, [20, 21, 22]);
  await untilPrice(client, 22);
  expect(pricesOf(client).filter((price) => price >= 20)).toEqual([20, 22]);

  await client.subscribe(RELIANCE);
  client.send({ action: 'list' });
  const { items } = await client.next('subscriptions');
  expect((items as { filter?: unknown }[]).map(({ filter }) => filter)).toEqual([undefined]);
  await sendPrices(sidecar, neighbour, [23, 24]);
  await untilPrice(client, 24);
  expect(pricesOf(client).slice(-3), 'the snapshot, then everything').toEqual([22, 23, 24]);
});

test('on_trade: the book alone is no news; a resumed client gets the current value', async () => {
  const sidecar = await startSidecar();
  const neighbour = await connect('neighbour');
  await neighbour.subscribe(RELIANCE);
  const first = await TestClient.open(`?token=${await mintToken({ claims: { sub: 'trader' } })}`);
  clients.push(first);
  const { epoch: position } = await first.next('connected');
  first.send({ action: 'subscribe', tokens: [RELIANCE], mode: 'ltp', filter: { on_trade: true } });
  await first.next('subscribed');
  const told: Record<string, unknown>[] = [];
  for (const [price, volume] of [
    [31, 100],
    [32, 100],
    [33, 101],
  ] as const) {
    await sidecar.send({ ticks: [quote(RELIANCE, price * 100, volume)] });
    await untilPrice(neighbour, price);
  }
  while (told.at(-1)?.last_price !== 33) told.push(await first.tick(RELIANCE));
  expect(told.map(({ last_price: price }) => price).slice(-2)).toEqual([31, 33]);
  expect(told.every(({ mode, volume }) => mode === 'ltp' && volume === undefined)).toBe(true);
  first.socket.close(4321, 'cut off');
  await first.closed;
  for (const price of [34, 35]) {
    await sidecar.send({ ticks: [quote(RELIANCE, price * 100, 101 + price)] });
    await untilPrice(neighbour, price);
  }
  const second = await connect('trader');
  const resume = { epoch: position, seq: told.at(-1)?.seq };
  second.send({
    action: 'subscribe',
    tokens: [RELIANCE],
    mode: 'ltp',
    filter: { on_trade: true },
    resume,
  });
  expect((await second.next('subscribed')).recovered).toBe(true);
  await untilPrice(second, 35);
  expect(pricesOf(second)).toEqual([35]);
});

test('a filter that is none is refused with what it must be, and leaves the subscription as it was', async () => {
  await startSidecar();
  const client = await connect('wrong');
  await client.subscribe(INFY);
  client.send({ action: 'subscribe', tokens: [INFY], filter: { min_change: -1 } });
  expect(await client.next('error')).toMatchObject({ code: 'invalid_parameter' });
  client.send({ action: 'list' });
  expect((await client.next('subscriptions')).total).toBe(1);
});
