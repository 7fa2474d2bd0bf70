// Kite's protocol at the gateway: values at once, modes, limits, heartbeats, and all of it again after a lost memory.
import { evictDurableObject, runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import {
  CLIENT_BURST_ITEMS_MAX,
  CLIENT_SUBSCRIPTIONS_MAX,
  KITE_HEARTBEAT_MS,
  MESSAGES_PER_SECOND_MAX,
} from '../../../shared/limits.ts';
import { shardOf } from '../../../shared/shard.ts';
import type { FeedState } from '../../../shared/status.ts';
import { AT, RECORD_KIND } from '../../../shared/tick.ts';
import { TestClient } from '../../support/edge/client.ts';
import { KiteClient } from '../../support/edge/kite-client.ts';
import { TestSidecar } from '../../support/edge/sidecar.ts';
import { mintToken } from '../../support/edge/tokens.ts';
import { definitionOf, recordOf } from '../../support/records.ts';

const RELIANCE = 738_561;
const INFY = 408_065;
const NIFTY = 256_265;
const UNKNOWN = 999_937;
/** Enough that a client can ask for more than it may have. */
const MANY = Array.from({ length: CLIENT_SUBSCRIPTIONS_MAX + 100 }, (_, i) => (i + 10_000) * 256 + 1);
const KNOWN = [RELIANCE, INFY, NIFTY, ...MANY];
const DEFINITIONS = [RELIANCE, INFY, NIFTY].map((token) => definitionOf(token));

const gateway = () => env.CLIENT_GATEWAY.getByName('gw:apac-se:0');
const full = (token: number, lastPrice: number) => recordOf(token, RECORD_KIND.full, { lastPrice, close: 5 });
const index = (lastPrice: number) => recordOf(NIFTY, RECORD_KIND.indexFull, { lastPrice, close: 5 });

const clients: KiteClient[] = [];
let sidecar: TestSidecar;
let epoch = Date.now();

async function connect(sub = 'kite'): Promise<KiteClient> {
  const client = await KiteClient.connect(await mintToken({ claims: { sub } }));
  clients.push(client);
  return client;
}

/** Lets a second pass for the gateway's heartbeats, whose timer stands still otherwise. */
async function beat(): Promise<void> {
  await runInDurableObject(gateway(), () => void vi.advanceTimersByTime(KITE_HEARTBEAT_MS));
}

/** A gateway with heartbeats due is never evicted while it lives: here the timer is not the runtime's. */
async function evictGateway(): Promise<void> {
  vi.clearAllTimers();
  await evictDurableObject(gateway());
}

beforeEach(async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  // A later one outranks those of the tests before, as after a restart.
  sidecar = new TestSidecar(++epoch);
  await sidecar.send({ known: KNOWN, definitions: DEFINITIONS });
});
afterEach(async () => {
  for (const { socket } of clients.splice(0)) if (socket.readyState === WebSocket.OPEN) socket.close(1000);
  await vi.waitFor(async () => expect((await gateway().stats()).connections).toHaveLength(0));
  vi.useRealTimers();
});

describe('subscriptions', () => {
  test('the last value comes at once, in quote mode, then what changes; nothing is acknowledged', async () => {
    await sidecar.send({ ticks: [full(RELIANCE, 100), index(200)] });
    const client = await connect();
    client.send({ a: 'subscribe', v: [RELIANCE, NIFTY] });
    const first = [await client.packet(), await client.packet()];
    expect(first.sort((a, b) => a.price - b.price)).toEqual([
      { token: RELIANCE, price: 100, length: 44 },
      { token: NIFTY, price: 200, length: 28 },
    ]);
    await sidecar.send({ ticks: [full(RELIANCE, 101)] });
    expect(await client.packet()).toEqual({ token: RELIANCE, price: 101, length: 44 });
    expect(client.texts).toEqual([]);
  });

  test('a mode brings the value again in that mode, and subscribes what was not; subscribing again keeps it', async () => {
    await sidecar.send({ ticks: [full(RELIANCE, 110), full(INFY, 120)] });
    const client = await connect();
    client.send({ a: 'subscribe', v: [RELIANCE] });
    client.send({ a: 'mode', v: ['full', [RELIANCE]] });
    client.send({ a: 'mode', v: ['ltp', [INFY]] });
    const lengths = [await client.packet(), await client.packet(), await client.packet()];
    expect(lengths.map(({ token, length }) => [token, length])).toEqual([
      [RELIANCE, 44],
      [RELIANCE, 184],
      [INFY, 8],
    ]);
    client.send({ a: 'subscribe', v: [RELIANCE, INFY] });
    const again = [await client.packet(), await client.packet()].map(({ token, length }) => [token, length]);
    expect(new Map(again as [number, number][])).toEqual(
      new Map([
        [RELIANCE, 184],
        [INFY, 8],
      ]),
    );
    await sidecar.send({ ticks: [full(RELIANCE, 111)] });
    expect(await client.packet()).toEqual({ token: RELIANCE, price: 111, length: 184 });
  });

  test('an instrument without a value is sent when it has one, and never as an empty frame', async () => {
    const client = await connect();
    const token = MANY[7] as number;
    client.send({ a: 'subscribe', v: [token] });
    await vi.waitFor(async () => expect((await gateway().stats()).total_subscriptions).toBe(1));
    await sidecar.send({ definitions: [definitionOf(token)], ticks: [full(token, 130)] });
    expect(await client.packet()).toEqual({ token, price: 130, length: 44 });
  });

  test('what is unsubscribed does not come any more', async () => {
    await sidecar.send({ ticks: [full(RELIANCE, 140), full(INFY, 150)] });
    const client = await connect();
    client.send({ a: 'mode', v: ['full', [RELIANCE, INFY]] });
    await client.until(() => client.packets.length === 2);
    client.send({ a: 'unsubscribe', v: [RELIANCE] });
    await vi.waitFor(async () => expect((await gateway().stats()).total_subscriptions).toBe(1));
    const before = client.packets.length;
    await sidecar.send({ ticks: [full(RELIANCE, 141), full(INFY, 151)] });
    await client.until(() => client.packets.length > before);
    expect(client.packets.slice(before).map(({ record }) => record[AT.token / 4])).toEqual([INFY]);
    await sidecar.post(shardOf(RELIANCE));
    expect(sidecar.demand(shardOf(RELIANCE)).has(RELIANCE)).toBe(false);
  });

  test('what Kite would not understand changes nothing', async () => {
    await sidecar.send({ ticks: [full(RELIANCE, 160)] });
    const client = await connect();
    const nonsense = ['', '{', 'null', '{"a":"subscribe","v":["738561"]}', '{"a":"mode","v":["full"]}'];
    for (const text of nonsense) client.socket.send(text);
    client.socket.send(new Uint8Array([1, 2, 3]));
    client.send({ action: 'subscribe', tokens: [RELIANCE] });
    client.send({ a: 'subscribe', v: [RELIANCE] });
    expect(await client.packet()).toMatchObject({ price: 160 });
    expect([client.texts, client.packets.length]).toEqual([[], 1]);
  });

  test('everybody has their own mode of one instrument', async () => {
    await sidecar.send({ ticks: [full(RELIANCE, 170)] });
    const [ltp, other] = [await connect('a'), await connect('b')];
    const native = await TestClient.connect(await mintToken({ claims: { sub: 'native' } }));
    ltp.send({ a: 'mode', v: ['ltp', [RELIANCE]] });
    other.send({ a: 'mode', v: ['full', [RELIANCE]] });
    await native.subscribe(RELIANCE);
    await Promise.all([ltp.packet(), other.packet(), native.tick(RELIANCE)]);
    await sidecar.send({ ticks: [full(RELIANCE, 171)] });
    expect([(await ltp.packet()).length, (await other.packet()).length]).toEqual([8, 184]);
    expect(await native.tick(RELIANCE)).toMatchObject({ last_price: 1.71, mode: 'full' });
    native.socket.close(1000);
  });
});

describe('told in words', () => {
  test('over the limit: Kite’s text; what was there stays, and so does the socket', async () => {
    const client = await connect();
    client.send({ a: 'subscribe', v: [RELIANCE, ...MANY.slice(0, CLIENT_SUBSCRIPTIONS_MAX - 1)] });
    client.send({ a: 'subscribe', v: [INFY] });
    const text = { type: 'error', data: "Can't subscribe to more than 3000 instruments." };
    expect(await client.text()).toEqual(text);
    expect((await gateway().stats()).total_subscriptions).toBe(CLIENT_SUBSCRIPTIONS_MAX);
    await sidecar.send({ ticks: [full(RELIANCE, 180)] });
    await client.until(() => client.packets.some(({ record }) => record[AT.lastPrice / 4] === 180));
    client.send({ a: 'unsubscribe', v: MANY });
    client.send({ a: 'mode', v: ['full', MANY] });
    // One was free again less than there were asked for.
    expect(await client.text()).toEqual(text);
  });

  test('an instrument that does not exist is named, the others are subscribed', async () => {
    await sidecar.send({ ticks: [full(RELIANCE, 190)] });
    const client = await connect();
    client.send({ a: 'subscribe', v: [UNKNOWN, RELIANCE] });
    expect(await client.packet()).toMatchObject({ price: 190 });
    expect(client.texts).toEqual([
      { type: 'error', data: `Not subscribed, no such instrument today: ${UNKNOWN}.` },
    ]);
  });

  test('the feed: that it is down when one connects, and each step after that', async () => {
    const told = async (state: FeedState) =>
      gateway().feedChanged({ state, reason: 'no_ticks', sessions: {}, timestampMs: Date.now() + ++later });
    let later = 3_600_000;
    const client = await connect();
    const feedText = (n: number) => client.until(() => client.feedTexts.length >= n);
    await feedText(1);
    for (const state of ['live', 'quiet', 'live', 'stale', 'live'] as const) await told(state);
    await feedText(4);
    expect(client.feedTexts.map(({ type }) => type)).toEqual(['error', 'message', 'error', 'message']);
    expect(client.feedTexts[2]?.data).toBe('The market data feed is stale (no_ticks): prices may be old.');
  });
});

describe('a program that names its instruments one by one', () => {
  test('gets them all, in the mode that it asked for last', async () => {
    const few = MANY.slice(0, 500);
    await sidecar.send({ definitions: few.map((token) => definitionOf(token)) });
    const client = await connect();
    for (const token of few) {
      client.send({ a: 'subscribe', v: [token] });
      client.send({ a: 'mode', v: [token % 512 === 1 ? 'full' : 'ltp', [token]] });
    }
    client.send({ a: 'unsubscribe', v: [few[0]] });
    client.send({ a: 'subscribe', v: [RELIANCE] });
    await sidecar.send({ ticks: [full(RELIANCE, 1_000)] });
    await client.until(() => client.packets.some(({ record }) => record[0] === RELIANCE));
    await sidecar.send({ ticks: few.map((token) => full(token, 2_000)) });
    const last = new Map<number, number>();
    await client.until(() => {
      for (const { record, length } of client.packets) last.set(record[0] as number, length);
      return few.slice(1).every((token) => last.has(token));
    });
    for (const token of few.slice(1)) expect(last.get(token)).toBe(token % 512 === 1 ? 184 : 8);
    expect(last.has(few[0] as number)).toBe(false);
    expect(client.texts).toEqual([]);
  });

  test('does not have more wait than all that it can have, twice over', async () => {
    const client = await connect();
    // The pace is used up, so that what follows waits.
    for (let i = 0; i < 2 * MESSAGES_PER_SECOND_MAX; i++) client.send({ a: 'unsubscribe', v: [RELIANCE] });
    for (let i = 0; i < 5; i++) client.send({ a: 'unsubscribe', v: MANY });
    expect(await client.text()).toMatchObject({ type: 'error', data: expect.stringMatching(/^Too many/) });
    expect(5 * MANY.length).toBeGreaterThan(CLIENT_BURST_ITEMS_MAX);
  });
});

describe('heartbeats', () => {
  test('each second in which nothing else was sent', async () => {
    const client = await connect();
    await beat();
    await beat();
    await client.until(() => client.heartbeats === 2);
    await sidecar.send({ ticks: [full(RELIANCE, 210)] });
    client.send({ a: 'subscribe', v: [RELIANCE] });
    await client.packet();
    await beat();
    await beat();
    await client.until(() => client.heartbeats === 3);
    for (let price = 211; price < 214; price++) {
      await sidecar.send({ ticks: [full(RELIANCE, price)] });
      await client.packet();
      await beat();
    }
    await beat();
    await client.until(() => client.heartbeats === 4);
    expect(client.packets).toHaveLength(4);
  });

  test('only for Kite’s clients, and no timer without one', async () => {
    const native = await TestClient.connect(await mintToken({ claims: { sub: 'native' } }));
    expect(vi.getTimerCount()).toBe(0);
    const [one, two] = [await connect(), await connect()];
    expect(vi.getTimerCount()).toBe(1);
    one.socket.close(1000);
    await one.closed;
    await beat();
    await two.until(() => two.heartbeats === 1);
    two.socket.close(1000);
    await two.closed;
    await vi.waitFor(() => expect(vi.getTimerCount()).toBe(0));
    expect(native.messages.every(({ type }) => type === 'connected')).toBe(true);
    native.socket.close(1000);
  });
});

test('a gateway that loses its memory goes on: the same modes, heartbeats again', async () => {
  await sidecar.send({ ticks: [full(RELIANCE, 220), full(INFY, 230)] });
  const client = await connect();
  client.send({ a: 'mode', v: ['full', [RELIANCE]] });
  client.send({ a: 'subscribe', v: [INFY] });
  await client.until(() => client.packets.length === 2);
  for (let round = 1; round <= 2; round++) {
    await evictGateway();
    await sidecar.send({ ticks: [full(RELIANCE, 220 + round), full(INFY, 230 + round)] });
    const isCurrent = () =>
      [220, 230].every((price) =>
        client.packets.some(({ record }) => record[AT.lastPrice / 4] === price + round),
      );
    await client.until(isCurrent);
    expect(vi.getTimerCount()).toBe(1);
    const { heartbeats } = client;
    await beat();
    await beat();
    await client.until(() => client.heartbeats > heartbeats);
  }
  const lengthsOf = (token: number) =>
    new Set(client.packets.filter(({ record }) => record[0] === token).map(({ length }) => length));
  expect([[...lengthsOf(RELIANCE)], [...lengthsOf(INFY)]]).toEqual([[184], [44]]);
  expect(client.socket.readyState).toBe(WebSocket.OPEN);
});

// The last one: this gateway lets nobody in for a while after it.
test('a planned goodbye, and then the close that Kite’s clients come back from', async () => {
  const client = await connect();
  await gateway().drain(0);
  expect(await client.text()).toMatchObject({ type: 'message', data: expect.stringContaining('connect') });
  expect((await client.closed).code).toBe(4100);
});
