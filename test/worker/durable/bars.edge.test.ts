// Bars through the real Worker and objects, with evictions between any two steps.
import { evictDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { afterEach, expect, test } from 'vitest';
import { CLIENT_BARS_MAX } from '../../../shared/limits.ts';
import { shardName, shardOf } from '../../../shared/shard.ts';
import { RECORD_KIND } from '../../../shared/tick.ts';
import { type Message, TestClient } from '../../support/edge/client.ts';
import { TestSidecar } from '../../support/edge/sidecar.ts';
import { mintToken } from '../../support/edge/tokens.ts';
import { definitionOf, recordOf } from '../../support/records.ts';

const RELIANCE = 738561;
const INFY = 408065;

let epoch = 1_764_300_000_000;
const clients: TestClient[] = [];

/** A sidecar whose clock the test moves; it stays near enough to the edge's. */
class Market {
  readonly sidecar: TestSidecar;
  volume = 1_000;

  private constructor(sidecar: TestSidecar) {
    this.sidecar = sidecar;
  }

  static async open(known: readonly number[] = [RELIANCE, INFY]): Promise<Market> {
    epoch += 1_000;
    const market = new Market(new TestSidecar(epoch));
    await market.introduce(known);
    return market;
  }

  /** What a shard without a memory is told first. */
  introduce(known: readonly number[] = [RELIANCE, INFY]): Promise<void> {
    const definitions = [RELIANCE, INFY].map((token) => definitionOf(token));
    return this.sidecar.send({ known, definitions });
  }

  /** A tick `afterMs` after the last one, in its own batch. Returns when it was received. */
  async tick(afterMs: number, price: number, traded = 1): Promise<number> {
    this.sidecar.passTime(afterMs);
    this.volume += traded;
    const receivedAtMs = this.sidecar.nextTime();
    const fields = { lastPrice: price * 100, volume: this.volume };
    await this.sidecar.post(shardOf(RELIANCE), {
      ticks: [recordOf(RELIANCE, RECORD_KIND.quote, fields, receivedAtMs)],
    });
    return receivedAtMs;
  }
}

async function connect(user: string): Promise<TestClient> {
  const client = await TestClient.connect(await mintToken({ claims: { sub: user } }));
  clients.push(client);
  return client;
}

async function subscribe(client: TestClient, interval: string, ...tokens: number[]): Promise<Message> {
  client.send({ action: 'subscribe', kind: 'bar', interval, tokens });
  return client.next('subscribed');
}

async function closedBar(client: TestClient): Promise<Record<string, unknown>> {
  for (;;) {
    const data = (await client.next('bar')).data as Record<string, unknown>;
    if (data.closed) return data;
  }
}

const evictGateway = () => evictDurableObject(env.CLIENT_GATEWAY.getByName('gw:apac-se:0'));
const evictShard = () => evictDurableObject(env.INSTRUMENT_SHARD.getByName(shardName(shardOf(RELIANCE))));

afterEach(() => {
  for (const client of clients.splice(0)) client.socket.close(1000);
});

test('a subscription is answered, creates demand, and brings each bar closed once, the same to all', async () => {
  const market = await Market.open();
  const [one, two] = [await connect('bars_1'), await connect('bars_2')];
  expect(await subscribe(one, '1s', RELIANCE)).toMatchObject({
    kind: 'bar',
    interval: '1s',
    tokens: [RELIANCE],
    total: 1,
  });
  await subscribe(two, '1s', RELIANCE);
  const { demand } = await market.sidecar.post(shardOf(RELIANCE));
  expect(demand?.items).toEqual([[RELIANCE, 'quote']]);
  for (const price of [10, 11, 12, 13]) await market.tick(1_000, price);
  const bars: Record<string, unknown>[] = [];
  for (let i = 0; i < 3; i++) bars.push(await closedBar(one));
  expect(bars.map(({ open, close, volume, partial }) => [open, close, volume, partial])).toEqual([
    [10, 10, 0, true],
    [11, 11, 1, undefined],
    [12, 12, 1, undefined],
  ]);
  const starts = bars.map(({ start }) => Date.parse(start as string));
  expect(starts.every((ms) => ms % 1_000 === 0)).toBe(true);
  expect(new Set(starts).size).toBe(3);
  for (const bar of bars) expect(await closedBar(two)).toEqual(bar);
  expect(
    one.messages.filter(({ type }) => type === 'tick'),
    'bars bring no ticks',
  ).toEqual([]);
});

test('the open bar comes at once to whoever comes later; a heartbeat closes it', async () => {
  const market = await Market.open();
  const [first, later] = [await connect('bars_1'), await connect('bars_2')];
  await subscribe(first, '1s', RELIANCE);
  await market.tick(1_000, 20);
  await first.next('bar');
  await subscribe(later, '1s', RELIANCE);
  const { data } = await later.next('bar');
  expect(data).toMatchObject({ interval: '1s', open: 20, ticks: 1, closed: false, partial: true });
  market.sidecar.passTime(1_500);
  await market.sidecar.post(shardOf(RELIANCE));
  const closed = await closedBar(first);
  expect(closed).toEqual({ ...(data as object), closed: true });
  expect(await closedBar(later)).toEqual(closed);
});

test('evictions of the gateway and of the shard between any two steps lose no subscription', async () => {
  const market = await Market.open();
  const client = await connect('bars_3');
  await subscribe(client, '1s', RELIANCE);
  await evictGateway();
  await market.tick(1_000, 30);
  await market.tick(1_000, 31);
  expect(await closedBar(client)).toMatchObject({ close: 30 });
  await evictGateway();
  await market.tick(1_000, 32);
  expect(await closedBar(client), 'in the first push after it').toMatchObject({ close: 31 });
  await evictShard();
  await market.introduce();
  await market.tick(1_000, 33);
  await market.tick(1_000, 34);
  expect(await closedBar(client)).toMatchObject({ close: 33, partial: true });
  await market.tick(1_000, 35);
  expect(await closedBar(client)).toMatchObject({ close: 34, volume: 1 });
  client.send({ action: 'list' });
  const { bars, total } = await client.next('subscriptions');
  expect([bars, total]).toMatchObject([[{ token: RELIANCE, interval: '1s' }], 0]);
  await evictGateway();
  client.send({ action: 'unsubscribe', kind: 'bar', interval: '1s', tokens: [RELIANCE], id: 9 });
  expect(await client.next('unsubscribed')).toMatchObject({
    kind: 'bar',
    tokens: [RELIANCE],
    total: 0,
    id: 9,
  });
  client.send({ action: 'ping', id: 1 });
  await client.next('pong');
  const before = client.messages.length;
  for (const price of [36, 37]) await market.tick(1_000, price);
  client.send({ action: 'ping', id: 2 });
  await client.next('pong');
  expect(client.messages.slice(before).filter(({ type }) => type === 'bar')).toEqual([]);
  await market.introduce();
  expect(market.sidecar.demand(shardOf(RELIANCE)).has(RELIANCE)).toBe(false);
});

test('bars and ticks of one instrument leave each other alone', async () => {
  const market = await Market.open();
  const client = await connect('bars_4');
  await client.subscribe(RELIANCE);
  await subscribe(client, '1s', RELIANCE);
  await market.tick(1_000, 40);
  await market.tick(1_000, 41);
  expect(await closedBar(client)).toMatchObject({ close: 40 });
  client.send({ action: 'unsubscribe', tokens: [RELIANCE] });
  await client.next('unsubscribed');
  const before = client.messages.length;
  await market.tick(1_000, 42);
  expect(await closedBar(client)).toMatchObject({ close: 41 });
  expect(client.messages.slice(before).filter(({ type }) => type === 'tick')).toEqual([]);
});

test('unknown instruments and one too many are rejected per item', async () => {
  const tokens = Array.from({ length: CLIENT_BARS_MAX + 1 }, (_, i) => (i + 10) * 256 + 1);
  await Market.open([...tokens, RELIANCE, INFY]);
  const client = await connect('bars_5');
  const ack = await subscribe(client, '1s', RELIANCE, 999_999);
  expect(ack).toMatchObject({ tokens: [RELIANCE], total: 1, rejected: [{ code: 'unknown_instrument' }] });
  const full = await subscribe(client, '1m', ...tokens);
  expect(full).toMatchObject({ total: CLIENT_BARS_MAX });
  expect(full.rejected).toMatchObject(Array(2).fill({ code: 'subscription_limit' }));
  await evictGateway();
  client.send({ action: 'unsubscribe', kind: 'bar', interval: '1m', tokens: tokens.slice(0, 1) });
  expect((await client.next('unsubscribed')).total).toBe(CLIENT_BARS_MAX - 1);
});

/** Bars that were due before the answer to this ping. */
async function barsBefore(client: TestClient, id: string): Promise<Record<string, unknown>[]> {
  const from = client.messages.length;
  client.send({ action: 'ping', id });
  await client.next('pong');
  const bars = client.messages.slice(from).filter(({ type }) => type === 'bar');
  return bars.map(({ data }) => data as Record<string, unknown>);
}

test('a client that was cut off gets the closed bars of its absence, each after the one that it names', async () => {
  const market = await Market.open();
  const first = await connect('bars_6');
  await subscribe(first, '1s', RELIANCE);
  await market.tick(1_000, 50);
  await market.tick(1_000, 51);
  const last = await closedBar(first);
  expect(last).toMatchObject({ close: 50 });
  first.socket.close(4321, 'cut off');
  await first.closed;
  for (const price of [52, 53, 54]) await market.tick(1_000, price);
  const second = await connect('bars_6');
  second.send({
    action: 'subscribe',
    kind: 'bar',
    interval: '1s',
    items: [{ token: RELIANCE, after: last.start }],
  });
  expect(await second.next('subscribed')).toMatchObject({ tokens: [RELIANCE], total: 1 });
  const [, ...missed] = [await closedBar(second), await closedBar(second), await closedBar(second)];
  const told = second.messages.filter(({ type }) => type === 'bar').map(({ data }) => data as typeof last);
  expect(told.map(({ close, closed }) => [close, closed])).toEqual([
    [51, true],
    [52, true],
    [53, true],
  ]);
  expect(missed).toHaveLength(2);
  for (const [i, bar] of told.entries()) expect(bar.previous_start).toBe((told[i - 1] ?? last).start);
  expect(await barsBefore(second, 'open')).toMatchObject([{ close: 54, closed: false }]);
});

test('a gateway that has lost its memory says by the next bar that some are missing', async () => {
  // The client of the test before is still awaited, and its bars are of a later clock.
  await evictShard();
  await evictGateway();
  const market = await Market.open();
  const [first, keeper] = [await connect('bars_7'), await connect('bars_8')];
  await subscribe(first, '1s', RELIANCE);
  await subscribe(keeper, '1s', RELIANCE);
  await market.tick(1_000, 60);
  await market.tick(1_000, 61);
  const last = await closedBar(first);
  first.socket.close(4321, 'cut off');
  await first.closed;
  await market.tick(1_000, 62);
  await evictGateway();
  const second = await connect('bars_7');
  second.send({ action: 'subscribe', kind: 'bar', interval: '1s', tokens: [RELIANCE], after: last.start });
  await second.next('subscribed');
  await market.tick(1_000, 63);
  const { data } = await second.next('bar');
  const bar = data as Record<string, unknown>;
  expect(Date.parse(bar.previous_start as string)).toBeGreaterThan(Date.parse(last.start as string));
});
