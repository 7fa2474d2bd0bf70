// A client's session through the real Worker and objects: subscribe, ticks, evictions between any two steps, neighbours.
import { evictDurableObject } from 'cloudflare:test';
import { env, exports } from 'cloudflare:workers';
import { afterEach, describe, expect, test } from 'vitest';
import { CLIENT_SUBSCRIPTIONS_MAX } from '../../../shared/limits.ts';
import { shardName, shardOf } from '../../../shared/shard.ts';
import { RECORD_KIND } from '../../../shared/tick.ts';
import { TestClient } from '../../support/edge/client.ts';
import { TestSidecar } from '../../support/edge/sidecar.ts';
import { mintToken } from '../../support/edge/tokens.ts';
import { definitionOf, recordOf } from '../../support/records.ts';

const RELIANCE = 738561;
const INFY = 408065;
const GATEWAY = 'gw:apac-se:0';

let epoch = 1_764_000_000_000;
const clients: TestClient[] = [];

/** A sidecar that outranks those of the tests before: all tests of a file share the objects. */
async function startSidecar(known: readonly number[] = [RELIANCE, INFY]): Promise<TestSidecar> {
  epoch += 1_000;
  const sidecar = new TestSidecar(epoch);
  await sidecar.send({ known });
  return sidecar;
}

async function connect(user = 'user_1'): Promise<TestClient> {
  const client = await TestClient.connect(await mintToken({ claims: { sub: user } }));
  clients.push(client);
  return client;
}

function full(token: number, lastPrice: number) {
  return recordOf(token, RECORD_KIND.full, { lastPrice, close: 100_000, volume: 7 });
}

const gateway = () => env.CLIENT_GATEWAY.getByName(GATEWAY);
const shard = (token: number) => env.INSTRUMENT_SHARD.getByName(shardName(shardOf(token)));

afterEach(() => {
  for (const client of clients.splice(0)) client.socket.close(1000);
});

describe('subscribe', () => {
  test('is acknowledged, creates demand, and is followed by ticks with the definition', async () => {
    const sidecar = await startSidecar();
    const client = await connect();
    const ack = await client.subscribe(RELIANCE);
    expect(ack).toMatchObject({ tokens: [RELIANCE], total: 1, pending: [RELIANCE] });
    expect(ack.rejected).toBeUndefined();
    await sidecar.post(shardOf(RELIANCE));
    expect(sidecar.demand(shardOf(RELIANCE)).get(RELIANCE)).toBe('full');
    await sidecar.send({
      definitions: [definitionOf(RELIANCE, 'RELIANCE')],
      ticks: [full(RELIANCE, 245_675)],
    });
    const data = await client.tick(RELIANCE);
    expect(data).toMatchObject({ tradingsymbol: 'RELIANCE', last_price: 2456.75, mode: 'full', volume: 7 });
  });

  test('sends the last value at once to whoever comes later', async () => {
    const sidecar = await startSidecar();
    await sidecar.send({ definitions: [definitionOf(RELIANCE)], ticks: [full(RELIANCE, 200_000)] });
    const client = await connect();
    const ack = await client.subscribe(RELIANCE);
    expect(ack.pending).toBeUndefined();
    expect((await client.tick(RELIANCE)).last_price).toBe(2000);
  });

  test('reports unknown tokens per item and leaves the others', async () => {
    await startSidecar();
    const client = await connect();
    const ack = await client.subscribe(RELIANCE, 999_999);
    expect(ack).toMatchObject({ tokens: [RELIANCE], total: 1 });
    expect(ack.rejected).toMatchObject([{ token: 999_999, code: 'unknown_instrument' }]);
  });

  test('a token that turns out not to exist is taken back with an error', async () => {
    await startSidecar([RELIANCE, 12_345_601]);
    const client = await connect();
    await client.subscribe(12_345_601);
    await (await startSidecar([RELIANCE])).post(shardOf(12_345_601), { known: [1] });
    const error = await client.next('error');
    expect(error).toMatchObject({ code: 'unknown_instrument', tokens: [12_345_601] });
  });

  test('ends at the limit of a connection, item by item', async () => {
    const tokens = Array.from({ length: CLIENT_SUBSCRIPTIONS_MAX + 1 }, (_, i) => (i + 10) * 256 + 1);
    await startSidecar(tokens);
    const client = await connect();
    expect((await client.subscribe(...tokens.slice(0, -1))).total).toBe(CLIENT_SUBSCRIPTIONS_MAX);
    const over = await client.subscribe(...tokens.slice(-1));
    expect(over).toMatchObject({ tokens: [], total: CLIENT_SUBSCRIPTIONS_MAX });
    expect(over.rejected).toMatchObject([{ code: 'subscription_limit' }]);
    await evictDurableObject(gateway());
    client.send({ action: 'unsubscribe', tokens: tokens.slice(0, 1) });
    expect((await client.next('unsubscribed')).total).toBe(CLIENT_SUBSCRIPTIONS_MAX - 1);
  });
});

describe('unsubscribe and close', () => {
  test('stop the ticks and the demand, and touch nobody else', async () => {
    const sidecar = await startSidecar();
    await sidecar.send({ definitions: [definitionOf(RELIANCE), definitionOf(INFY)] });
    const [leaver, stayer] = [await connect('leaver'), await connect('stayer')];
    await leaver.subscribe(RELIANCE, INFY);
    await stayer.subscribe(INFY);
    leaver.send({ action: 'unsubscribe', tokens: [RELIANCE] });
    expect(await leaver.next('unsubscribed')).toMatchObject({ tokens: [RELIANCE], total: 1 });
    const left = leaver.messages.length;
    await sidecar.send({ ticks: [full(RELIANCE, 1_000), full(INFY, 2_000)] });
    await leaver.tick(INFY);
    const tokens = leaver.messages
      .slice(left)
      .map(({ data }) => (data as { instrument_token: number }).instrument_token);
    expect(tokens).not.toContain(RELIANCE);
    await sidecar.post(shardOf(RELIANCE));
    expect(sidecar.demand(shardOf(RELIANCE)).has(RELIANCE)).toBe(false);
    leaver.socket.close(1000, 'done');
    expect((await leaver.closed).code).toBe(1000);
    await sidecar.send({ ticks: [full(INFY, 3_000)] });
    await stayer.tick(INFY);
    await sidecar.post(shardOf(INFY));
    expect(sidecar.demand(shardOf(INFY)).has(INFY)).toBe(true);
  });
});

describe('evictions', () => {
  /** Everything that can lose its memory, and the session that has to survive it. */
  const losses: [string, () => Promise<void>][] = [
    ['the gateway', () => evictDurableObject(gateway())],
    ['the shard', () => evictDurableObject(shard(RELIANCE))],
    [
      'both',
      async () => {
        await evictDurableObject(shard(RELIANCE));
        await evictDurableObject(gateway());
      },
    ],
  ];
  for (const [name, evict] of losses) {
    test(`${name}: subscriptions survive and the client is current again`, async () => {
      const sidecar = await startSidecar();
      const definitions = [definitionOf(RELIANCE)];
      await sidecar.send({ definitions, ticks: [full(RELIANCE, 100)] });
      const client = await connect();
      await client.subscribe(RELIANCE);
      expect((await client.tick(RELIANCE)).last_price).toBe(1);
      for (const price of [200, 300, 400]) {
        await evict();
        // The shard's reply tells a real sidecar that the shard forgot; it sends definitions and values again.
        await sidecar.send({ known: [RELIANCE, INFY], definitions, ticks: [full(RELIANCE, price)] });
        let data = await client.tick(RELIANCE);
        while (data.last_price !== price / 100) data = await client.tick(RELIANCE);
      }
      client.send({ action: 'unsubscribe', tokens: [RELIANCE] });
      expect(await client.next('unsubscribed')).toMatchObject({ total: 0 });
      await evict().catch(() => 'an object without anything to do may have gone by itself');
      client.send({ action: 'ping' });
      await client.next('pong');
    });
  }

  test('a shard that was reset tells the sidecar the whole demand again', async () => {
    const sidecar = await startSidecar();
    const client = await connect();
    await client.subscribe(RELIANCE);
    const before = await sidecar.post(shardOf(RELIANCE));
    await evictDurableObject(shard(RELIANCE));
    const after = await sidecar.post(shardOf(RELIANCE));
    expect(after.boot).not.toBe(before.boot);
    expect(after.demand?.items).toEqual([[RELIANCE, 'full']]);
  });
});

describe('bad input leaves the socket, the neighbour and the object as they were', () => {
  test('every kind of it', async () => {
    const sidecar = await startSidecar();
    await sidecar.send({ definitions: [definitionOf(RELIANCE)] });
    const [bad, neighbour] = [await connect('bad'), await connect('neighbour')];
    await neighbour.subscribe(RELIANCE);
    const cases: [string | ArrayBuffer, string][] = [
      ['not json', 'Invalid JSON message'],
      ['[1,2]', 'Invalid JSON message'],
      ['null', 'Invalid JSON message'],
      ['"subscribe"', 'Invalid JSON message'],
      [new Uint8Array([1, 2, 3]).buffer, 'Invalid JSON message'],
      ['{"action":"bogus"}', 'Unknown action: bogus'],
      ['{"action":"subscribe","tokens":256265}', 'tokens must be a list of instrument tokens'],
      ['{"action":"unsubscribe"}', 'tokens must be a list of instrument tokens'],
      [JSON.stringify({ action: 'subscribe', tokens: new Array(10_000).fill(1) }), 'tokens must be a list'],
      ['x'.repeat(1024 * 1024), 'Invalid JSON message'],
    ];
    for (const [message, text] of cases) {
      bad.socket.send(message);
      const error = await bad.next('error');
      expect(error.message).toContain(text);
    }
    expect((await bad.subscribe(RELIANCE)).total).toBe(1);
    await sidecar.send({ ticks: [full(RELIANCE, 777)] });
    expect((await neighbour.tick(RELIANCE)).last_price).toBe(7.77);
    expect((await bad.tick(RELIANCE)).last_price).toBe(7.77);
  });

  test('pipelined commands are answered in their order', async () => {
    await startSidecar();
    const client = await connect();
    client.send({ action: 'subscribe', tokens: [RELIANCE] });
    client.send({ action: 'unsubscribe', tokens: [RELIANCE] });
    client.send({ action: 'subscribe', tokens: [INFY] });
    client.socket.send('{ "action": "ping" }');
    await client.next('pong');
    const types = client.messages.map(({ type }) => type).filter((type) => type !== 'tick');
    expect(types).toEqual(['connected', 'subscribed', 'unsubscribed', 'subscribed', 'pong']);
  });
});

test('/ws/stats counts connections, subscriptions and distinct tokens', async () => {
  await startSidecar();
  const [one, two] = [await connect('stats_1'), await connect('stats_2')];
  await one.subscribe(RELIANCE, INFY);
  await two.subscribe(RELIANCE);
  const response = await exports.default.fetch('http://edge/ws/stats');
  const stats = (await response.json()) as {
    active_connections: number;
    total_subscriptions: number;
    unique_tokens_subscribed: number;
    connections: { user_id: string; subscriptions: number; connected_at: string }[];
  };
  const mine = stats.connections.filter(({ user_id }) => user_id.startsWith('stats_'));
  expect(mine.map(({ subscriptions }) => subscriptions).sort()).toEqual([1, 2]);
  expect(stats.unique_tokens_subscribed).toBe(2);
  expect(stats.active_connections).toBe(stats.connections.length);
  expect(stats.total_subscriptions).toBe(3);
});
