// Binary and batched sockets inside workerd: what JSON clients are sent, in other frames, also after the object was gone.
import { evictDurableObject } from 'cloudflare:test';
import { env, exports } from 'cloudflare:workers';
import { afterEach, describe, expect, test } from 'vitest';
import { RECORD_KIND } from '../../../shared/tick.ts';
import { BinaryClient } from '../../support/edge/binary-client.ts';
import { TestClient } from '../../support/edge/client.ts';
import { TestSidecar } from '../../support/edge/sidecar.ts';
import { mintToken } from '../../support/edge/tokens.ts';
import { definitionOf, recordOf } from '../../support/records.ts';

const RELIANCE = 738561;
const INFY = 408065;
const UNLISTED = 999_937;

let epoch = 1_764_900_000_000;
const sockets: WebSocket[] = [];

async function startSidecar(
  definitions = [definitionOf(RELIANCE), definitionOf(INFY)],
): Promise<TestSidecar> {
  epoch += 1_000;
  const sidecar = new TestSidecar(epoch);
  await sidecar.send({ known: [RELIANCE, INFY], definitions });
  return sidecar;
}

const tokenOf = (user: string) => mintToken({ claims: { sub: user } });

async function connectBinary(user: string): Promise<BinaryClient> {
  const client = await BinaryClient.connect(await tokenOf(user));
  sockets.push(client.client.socket);
  return client;
}

async function connectText(user: string, query = ''): Promise<TestClient> {
  const client = await TestClient.open(`?token=${await tokenOf(user)}${query}`);
  await client.next('connected');
  sockets.push(client.socket);
  return client;
}

function price(token: number, lastPrice: number) {
  return recordOf(token, RECORD_KIND.full, { lastPrice, close: 100 }, Date.now());
}

const evictGateway = () => evictDurableObject(env.CLIENT_GATEWAY.getByName('gw:apac-se:0'));

afterEach(() => {
  for (const socket of sockets.splice(0)) if (socket.readyState === WebSocket.OPEN) socket.close(1000);
});

describe('a binary socket', () => {
  test('is told its row ids, sent everything first, and then changes; neighbours get the same as JSON', async () => {
    const sidecar = await startSidecar();
    await sidecar.send({ ticks: [price(RELIANCE, 1_000), price(INFY, 2_000)] });
    const client = await connectBinary('binary_1');
    const neighbour = await connectText('neighbour');
    await neighbour.subscribe(RELIANCE, INFY);
    const ack = await client.subscribe(RELIANCE, INFY);
    expect(ack).toMatchObject({ tokens: [RELIANCE, INFY], total: 2, mode: 'full', speed: 'rt' });
    // Who has subscribed before has brought the definitions.
    const ids = new Map(client.rows.map(([id, token]) => [token, id]));
    expect(new Set(ids.values()).size).toBe(ids.size);
    const first = await client.tick();
    expect(first.isRestart).toBe(true);
    await sidecar.send({ ticks: [price(RELIANCE, 1_005)] });
    const tick = await client.priceOf(RELIANCE, 1_005);
    const {
      depth,
      seq,
      received_at: receivedAt,
    } = await neighbour.tick(RELIANCE).then(async (data) => {
      let latest = data;
      while (latest.last_price !== 10.05) latest = await neighbour.tick(RELIANCE);
      return latest;
    });
    expect(tick.isRestart).toBe(false);
    expect(tick.seq).toBe(seq);
    expect(new Date(tick.receivedAtMs).toISOString()).toBe(receivedAt);
    expect(tick.depth?.buy.map((level) => ({ ...level, price: level.price / 100 }))).toEqual(
      (depth as { buy: unknown[] }).buy,
    );
  });

  test('what has no definition yet is announced when it has one', async () => {
    epoch += 1_000;
    const client = await connectBinary('binary_2');
    const sidecar = new TestSidecar(epoch);
    await sidecar.send({ known: [RELIANCE, INFY, UNLISTED] });
    const ack = await client.subscribe(UNLISTED);
    expect(ack).toMatchObject({ tokens: [UNLISTED], pending: [UNLISTED] });
    expect(ack.rows).toBeUndefined();
    await sidecar.send({ definitions: [definitionOf(UNLISTED, 'LATE')], ticks: [price(UNLISTED, 777)] });
    const { rows } = await client.next('rows');
    expect(rows).toEqual([[0, UNLISTED, 5, 1, 'NSE', 'LATE']]);
    expect((await client.tick(UNLISTED)).lastPrice).toBe(777);
  });

  test('goes on after the gateway has lost its memory: ids are told again, then everything', async () => {
    const sidecar = await startSidecar();
    const client = await connectBinary('binary_3');
    await client.subscribe(RELIANCE, INFY);
    await sidecar.send({ ticks: [price(RELIANCE, 1_100), price(INFY, 2_100)] });
    await client.priceOf(INFY, 2_100);
    await evictGateway();
    await sidecar.send({ ticks: [price(RELIANCE, 1_105)] });
    await client.next('rows');
    const tick = await client.priceOf(RELIANCE, 1_105);
    expect(tick.isRestart).toBe(true);
    await sidecar.send({ ticks: [price(INFY, 2_105)] });
    expect((await client.priceOf(INFY, 2_105)).isRestart).toBe(false);
  });

  test('that asks for a restart is sent everything anew; other sockets know no such action', async () => {
    const sidecar = await startSidecar();
    const client = await connectBinary('binary_4');
    const text = await connectText('binary_4');
    await client.subscribe(RELIANCE, INFY);
    await sidecar.send({ ticks: [price(RELIANCE, 1_200), price(INFY, 2_200)] });
    await client.priceOf(INFY, 2_200);
    client.client.send({ action: 'restart' });
    const again = [await client.tick(), await client.tick()];
    expect(again.map(({ token, lastPrice, isRestart }) => [token, lastPrice, isRestart]).sort()).toEqual([
      [INFY, 2_200, true],
      [RELIANCE, 1_200, true],
    ]);
    text.send({ action: 'restart' });
    expect(await text.next('error')).toMatchObject({ message: 'Unknown action: restart' });
  });

  test('a new lot or tick is announced, and the next row needs nothing before it', async () => {
    const sidecar = await startSidecar();
    const client = await connectBinary('binary_5');
    await client.subscribe(RELIANCE);
    await sidecar.send({ ticks: [price(RELIANCE, 1_300)] });
    await client.priceOf(RELIANCE, 1_300);
    const definition = { ...definitionOf(RELIANCE), lot_size: 250, tick_size: 0.1 };
    await sidecar.send({ definitions: [definition] });
    expect((await client.next('rows')).rows).toEqual([[0, RELIANCE, 10, 250, 'NSE', `SYM${RELIANCE}`]]);
    await sidecar.send({ ticks: [price(RELIANCE, 1_310)] });
    expect((await client.priceOf(RELIANCE, 1_310)).lastPrice).toBe(1_310);
  });

  test('ltp rows are cut down, and a change of mode is a keyframe', async () => {
    const sidecar = await startSidecar();
    const client = await connectBinary('binary_6');
    const ltp = { action: 'subscribe', tokens: [INFY], mode: 'ltp' };
    client.client.send(ltp);
    await client.next('subscribed');
    await sidecar.send({ ticks: [price(INFY, 2_300)] });
    expect(await client.priceOf(INFY, 2_300)).toMatchObject({ mode: 'ltp' });
    client.client.send({ ...ltp, mode: 'quote', speed: 250 });
    await client.next('subscribed');
    await sidecar.send({ ticks: [price(INFY, 2_305)] });
    const tick = await client.priceOf(INFY, 2_305);
    expect(tick).toMatchObject({ mode: 'quote', close: 100 });
    expect(tick.depth).toBeUndefined();
  });
});

describe('a binary socket that comes back', () => {
  test('is sent every tick that it has missed under its own sequence, and then current values', async () => {
    const sidecar = await startSidecar();
    const neighbour = await connectText('neighbour');
    await neighbour.subscribe(RELIANCE);
    const token = await tokenOf('binary_7');
    const opened = await TestClient.open(`?token=${token}&format=binary`);
    const { epoch: connection } = await opened.next('connected');
    opened.send({ action: 'subscribe', tokens: [RELIANCE] });
    await opened.next('subscribed');
    await sidecar.send({ ticks: [price(RELIANCE, 1_400)] });
    let known = await neighbour.tick(RELIANCE);
    while (known.last_price !== 14) known = await neighbour.tick(RELIANCE);
    opened.socket.close(4321);
    await opened.closed;
    const seqs: unknown[] = [known.seq];
    for (const lastPrice of [1_405, 1_410, 1_415]) {
      await sidecar.send({ ticks: [price(RELIANCE, lastPrice)] });
      let data = await neighbour.tick(RELIANCE);
      while (data.last_price !== lastPrice / 100) data = await neighbour.tick(RELIANCE);
      seqs.push(data.seq);
    }
    const client = await connectBinary('binary_7');
    client.client.send({
      action: 'subscribe',
      tokens: [RELIANCE],
      resume: { epoch: connection, seq: known.seq },
    });
    expect(await client.next('subscribed')).toMatchObject({ recovered: true });
    const missed = [await client.tick(), await client.tick(), await client.tick(), await client.tick()];
    expect(missed.map(({ lastPrice }) => lastPrice)).toEqual([1_400, 1_405, 1_410, 1_415]);
    expect(missed.map(({ seq }) => seq)).toEqual(seqs);
    const current = await client.tick();
    expect([current.lastPrice, current.isRestart]).toEqual([1_415, true]);
    expect(current.seq).toBeGreaterThan(seqs.at(-1) as number);
    await sidecar.send({ ticks: [price(RELIANCE, 1_420)] });
    expect((await client.priceOf(RELIANCE, 1_420)).isRestart).toBe(false);
  });

  test.each([
    ['of another connection', { epoch: 'nobody', seq: 1_764_000_000_000 }],
    ['before everything', { seq: 1 }],
    ['of tomorrow', { seq: 9_000_000_000_000 }],
  ])('a position %s is no reason to be sent less than everything', async (_, lie) => {
    const sidecar = await startSidecar();
    const client = await connectBinary('binary_8');
    const hello = client.client.messages[0] as { epoch?: string };
    await sidecar.send({ ticks: [price(INFY, 2_500)] });
    const position = { epoch: hello.epoch, ...lie };
    client.client.send({ action: 'subscribe', tokens: [INFY], resume: position });
    expect(await client.next('subscribed')).toMatchObject({ recovered: false });
    const tick = await client.priceOf(INFY, 2_500);
    expect([tick.isRestart, tick.mode]).toEqual([true, 'full']);
  });
});

describe('a batched socket', () => {
  test('gets what has changed in one flush as one message', async () => {
    const sidecar = await startSidecar();
    const client = await connectText('batched_1', '&batch=1');
    await client.subscribe(RELIANCE, INFY);
    await sidecar.send({ ticks: [price(RELIANCE, 1_600), price(INFY, 2_600)] });
    const prices = new Map<unknown, unknown>();
    while (prices.get(RELIANCE) !== 16 || prices.get(INFY) !== 26) {
      for (const tick of (await client.next('ticks')).data as Record<string, unknown>[])
        prices.set(tick.instrument_token, tick.last_price);
    }
    expect(client.messages.some(({ type }) => type === 'tick')).toBe(false);
  });

  test('also after the gateway has lost its memory', async () => {
    const sidecar = await startSidecar();
    const client = await connectText('batched_2', '&batch=1');
    await client.subscribe(RELIANCE);
    await evictGateway();
    await sidecar.send({ ticks: [price(RELIANCE, 1_700)] });
    for (;;) {
      const [tick] = (await client.next('ticks')).data as { last_price: number }[];
      if (tick?.last_price === 17) break;
    }
  });
});

describe('the format of a socket', () => {
  const open = async (query: string, headers: Record<string, string> = {}) =>
    exports.default.fetch(`http://edge/ws/ticks?token=${await tokenOf('format')}${query}`, {
      headers: { upgrade: 'websocket', ...headers },
    });

  test('is the subprotocol that the client likes best, and that is selected', async () => {
    const offer = async (value: string) => {
      const response = await open('', { 'sec-websocket-protocol': value });
      response.webSocket?.accept();
      response.webSocket?.close(1000);
      return response.headers.get('sec-websocket-protocol');
    };
    expect(await offer('ticker.v1, ticker.json')).toBe('ticker.v1');
    expect(await offer('ticker.json, ticker.v1')).toBe('ticker.json');
    expect(await offer('ticker.v9, ticker.v1')).toBe('ticker.v1');
    expect(await offer('ticker.v9')).toBeNull();
  });

  test('one that there is not is refused in words', async () => {
    const response = await open('&format=msgpack');
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({
      code: 'invalid_parameter',
      message: 'format must be json or binary, got "msgpack"',
    });
  });
});
