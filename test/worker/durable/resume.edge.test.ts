// A client that was cut off and comes back: all that it missed, or current values, and it is told which.
import { evictDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { afterEach, describe, expect, test } from 'vitest';
import { RECORD_KIND } from '../../../shared/tick.ts';
import { TestClient } from '../../support/edge/client.ts';
import { TestSidecar } from '../../support/edge/sidecar.ts';
import { mintToken } from '../../support/edge/tokens.ts';
import { definitionOf, recordOf } from '../../support/records.ts';

const RELIANCE = 738561;
const INFY = 408065;

let epoch = 1_764_100_000_000;
const clients: TestClient[] = [];

async function startSidecar(): Promise<TestSidecar> {
  epoch += 1_000;
  const sidecar = new TestSidecar(epoch);
  await sidecar.send({ known: [RELIANCE, INFY], definitions: [definitionOf(RELIANCE), definitionOf(INFY)] });
  return sidecar;
}

interface Connected {
  readonly client: TestClient;
  readonly epoch: string;
}

async function connect(user: string): Promise<Connected> {
  const client = await TestClient.open(`?token=${await mintToken({ claims: { sub: user } })}`);
  clients.push(client);
  return { client, epoch: (await client.next('connected')).epoch as string };
}

function price(token: number, lastPrice: number) {
  return recordOf(token, RECORD_KIND.full, { lastPrice, close: 100 });
}

async function untilPrice(client: TestClient, token: number, lastPrice: number) {
  let data = await client.tick(token);
  while (data.last_price !== lastPrice) data = await client.tick(token);
  return data;
}

/** Subscribes with a position and returns the acknowledgement. */
async function resume(
  client: TestClient,
  tokens: number[],
  from: { epoch: string; seq: number },
  more: object = {},
) {
  client.send({ action: 'subscribe', tokens, resume: from, ...more });
  return client.next('subscribed');
}

afterEach(() => {
  for (const { socket } of clients.splice(0)) if (socket.readyState === WebSocket.OPEN) socket.close(1000);
});

describe('recovered', () => {
  test('every tick that was missed comes, in order, once, and then the live ones', async () => {
    const sidecar = await startSidecar();
    const { client: neighbour } = await connect('neighbour');
    await neighbour.subscribe(RELIANCE, INFY);
    const first = await connect('resume_1');
    await first.client.subscribe(RELIANCE, INFY);
    await sidecar.send({ ticks: [price(RELIANCE, 101)] });
    const { seq } = await first.client.tick(RELIANCE);
    first.client.socket.close(4321, 'cut off');
    await first.client.closed;
    for (const lastPrice of [102, 103, 104]) {
      for (const token of [RELIANCE, INFY]) {
        // Each in a flush of its own: two within one window would be one tick, for everybody.
        await sidecar.send({ ticks: [price(token, lastPrice)] });
        await untilPrice(neighbour, token, lastPrice / 100);
      }
    }
    const second = await connect('resume_1');
    const ack = await resume(second.client, [RELIANCE, INFY], { epoch: first.epoch, seq: seq as number });
    expect(ack).toMatchObject({ recovered: true, total: 2 });
    await sidecar.send({ ticks: [price(RELIANCE, 105)] });
    const prices: unknown[] = [];
    while (prices.at(-1) !== 1.05) prices.push((await second.client.tick(RELIANCE)).last_price);
    // The flush of the position comes again: the connection may have broken inside it.
    expect(prices).toEqual([1.01, 1.02, 1.03, 1.04, 1.05]);
    const infy = second.client.messages.filter(
      ({ data }) => (data as { instrument_token?: number })?.instrument_token === INFY,
    );
    expect(infy.map(({ data }) => (data as { last_price: number }).last_price)).toEqual([1.02, 1.03, 1.04]);
    const seqs = second.client.messages.flatMap(({ data }) => (data as { seq?: number })?.seq ?? []);
    expect(seqs).toEqual([...seqs].sort((a, b) => a - b));
  });

  test('a socket that is dead and does not know it yet is taken over', async () => {
    const sidecar = await startSidecar();
    const first = await connect('resume_8');
    await first.client.subscribe(RELIANCE);
    await sidecar.send({ ticks: [price(RELIANCE, 501)] });
    const { seq } = await untilPrice(first.client, RELIANCE, 5.01);
    await sidecar.send({ ticks: [price(RELIANCE, 502)] });
    await untilPrice(first.client, RELIANCE, 5.02);
    const second = await connect('resume_8');
    const ack = await resume(second.client, [RELIANCE], { epoch: first.epoch, seq: seq as number });
    expect(ack.recovered).toBe(true);
    expect((await second.client.tick(RELIANCE)).last_price).toBe(5.01);
    expect((await second.client.tick(RELIANCE)).last_price).toBe(5.02);
    expect((await first.client.closed).code).toBe(4100);
  });

  test('two groups of instruments that resume one after the other get each its own', async () => {
    const sidecar = await startSidecar();
    const first = await connect('resume_9');
    await first.client.subscribe(RELIANCE, INFY);
    await sidecar.send({ ticks: [price(RELIANCE, 601)] });
    const { seq } = await untilPrice(first.client, RELIANCE, 6.01);
    first.client.socket.close(4321);
    await first.client.closed;
    const { client: neighbour } = await connect('neighbour');
    await neighbour.subscribe(RELIANCE, INFY);
    for (const token of [RELIANCE, INFY]) {
      await sidecar.send({ ticks: [price(token, 602)] });
      await untilPrice(neighbour, token, 6.02);
    }
    const second = await connect('resume_9');
    for (const token of [RELIANCE, INFY]) {
      const ack = await resume(second.client, [token], { epoch: first.epoch, seq: seq as number });
      expect(ack.recovered).toBe(true);
      await untilPrice(second.client, token, 6.02);
    }
    second.client.send({ action: 'ping', id: 'end' });
    await second.client.next('pong');
    expect(second.client.messages.filter(({ type }) => type === 'tick')).toHaveLength(3);
  });

  test('a break in the middle of a flush loses nothing: its other half comes too', async () => {
    const sidecar = await startSidecar();
    const first = await connect('resume_10');
    await first.client.subscribe(RELIANCE, INFY);
    await sidecar.send({ ticks: [price(RELIANCE, 701)] });
    await untilPrice(first.client, RELIANCE, 7.01);
    const both = { ticks: [price(RELIANCE, 702), price(INFY, 702)] };
    await sidecar.send(both);
    // As if only the first tick of the last flush had come through.
    const { seq } = await untilPrice(first.client, RELIANCE, 7.02);
    await untilPrice(first.client, INFY, 7.02);
    first.client.socket.close(4321);
    await first.client.closed;
    const second = await connect('resume_10');
    const ack = await resume(second.client, [RELIANCE, INFY], { epoch: first.epoch, seq: seq as number });
    expect(ack.recovered).toBe(true);
    expect((await untilPrice(second.client, INFY, 7.02)).last_price).toBe(7.02);
  });

  test('interest is kept meanwhile: the sidecar goes on being asked for the instrument', async () => {
    const sidecar = await startSidecar();
    const first = await connect('resume_2');
    await first.client.subscribe(RELIANCE);
    first.client.socket.close(4321);
    await first.client.closed;
    await sidecar.send({ known: [RELIANCE, INFY] });
    const wanted = [...Array(8).keys()].flatMap((shard) => [...sidecar.demand(shard).keys()]);
    expect(wanted).toContain(RELIANCE);
  });
});

describe('not recovered: current values, never a part', () => {
  const cases: [string, (from: { epoch: string; seq: number }) => { epoch: string; seq: number }][] = [
    ['an unknown epoch', ({ seq }) => ({ epoch: 'another', seq })],
    ['a position of before the gateway was there', ({ epoch: of }) => ({ epoch: of, seq: 1 })],
  ];
  for (const [name, lie] of cases) {
    test(name, async () => {
      const sidecar = await startSidecar();
      const first = await connect('resume_3');
      await first.client.subscribe(RELIANCE);
      await sidecar.send({ ticks: [price(RELIANCE, 201)] });
      const data = await untilPrice(first.client, RELIANCE, 2.01);
      first.client.socket.close(4321);
      await first.client.closed;
      for (const lastPrice of [202, 203]) await sidecar.send({ ticks: [price(RELIANCE, lastPrice)] });
      const second = await connect('resume_3');
      const ack = await resume(
        second.client,
        [RELIANCE],
        lie({ epoch: first.epoch, seq: data.seq as number }),
      );
      expect(ack.recovered).toBe(false);
      expect((await second.client.tick(RELIANCE)).last_price).toBe(2.03);
      second.client.send({ action: 'ping', id: 'end' });
      await second.client.next('pong');
      expect(second.client.messages.filter(({ type }) => type === 'tick')).toHaveLength(1);
    });
  }

  test("another user's position, and one more instrument than there was", async () => {
    const sidecar = await startSidecar();
    const first = await connect('resume_4');
    await first.client.subscribe(RELIANCE);
    await sidecar.send({ ticks: [price(RELIANCE, 301)] });
    const data = await untilPrice(first.client, RELIANCE, 3.01);
    const from = { epoch: first.epoch, seq: data.seq as number };
    first.client.socket.close(4321);
    await first.client.closed;
    const thief = await connect('resume_5');
    expect((await resume(thief.client, [RELIANCE], from)).recovered).toBe(false);
    const owner = await connect('resume_4');
    expect((await resume(owner.client, [RELIANCE, INFY], from)).recovered).toBe(false);
  });

  test('after the gateway has lost its memory', async () => {
    const sidecar = await startSidecar();
    const first = await connect('resume_6');
    await first.client.subscribe(RELIANCE);
    await sidecar.send({ ticks: [price(RELIANCE, 401)] });
    const data = await untilPrice(first.client, RELIANCE, 4.01);
    first.client.socket.close(4321);
    await first.client.closed;
    await evictDurableObject(env.CLIENT_GATEWAY.getByName('gw:apac-se:0'));
    const second = await connect('resume_6');
    const ack = await resume(second.client, [RELIANCE], { epoch: first.epoch, seq: data.seq as number });
    expect(ack.recovered).toBe(false);
    expect((await second.client.tick(RELIANCE)).last_price).toBe(4.01);
  });

  test('a position that is none is refused with what it must be', async () => {
    const { client } = await connect('resume_7');
    for (const bad of [1, 'x', { epoch: 1, seq: 1 }, { epoch: 'a', seq: -1 }, { epoch: 'a', seq: 1.5 }]) {
      client.send({ action: 'subscribe', tokens: [RELIANCE], resume: bad });
      expect(await client.next('error')).toMatchObject({ code: 'invalid_parameter' });
    }
  });
});
