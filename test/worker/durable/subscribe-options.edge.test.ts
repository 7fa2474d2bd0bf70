// Subscribing by symbol, in any mode and at any speed, through the real Worker, objects and database.
import { evictDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import fc from 'fast-check';
import postgres from 'postgres';
import { afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { storeInstruments } from '../../../ingest/store/instruments.ts';
import { shardOf } from '../../../shared/shard.ts';
import { RECORD_KIND } from '../../../shared/tick.ts';
import { type Message, TestClient } from '../../support/edge/client.ts';
import { TestSidecar } from '../../support/edge/sidecar.ts';
import { mintToken } from '../../support/edge/tokens.ts';
import { definitionOf, recordOf } from '../../support/records.ts';

const [RELIANCE, INFY, NIFTY, TCS, UNLISTED] = [738561, 408065, 256265, 2953217, 999_937] as const;
const DEFINITIONS = [
  definitionOf(RELIANCE, 'RELIANCE'),
  definitionOf(INFY, 'INFY'),
  { ...definitionOf(NIFTY, 'NIFTY 50'), segment: 'INDICES' },
  // The sidecar knows it, and has not sent its definition yet: nobody has asked for it before.
  definitionOf(TCS, 'TCS'),
  // In the database's list, and not in the sidecar's: the list there is of an earlier day.
  definitionOf(UNLISTED, 'GONE'),
];

/** How long a condition is waited for; nothing but a failure takes so long. */
const UNTIL = { timeout: 5_000, interval: 5 };

let epoch = 1_764_300_000_000;
const clients: TestClient[] = [];

beforeAll(async () => {
  const sql = postgres(env.DB.connectionString, { max: 1, fetch_types: false });
  await storeInstruments(sql, DEFINITIONS, '2026-11-20');
  await sql.end();
});

/** A sidecar that outranks those of the tests before, and has sent the definitions of the first three instruments. */
async function startSidecar(): Promise<TestSidecar> {
  epoch += 1_000;
  const sidecar = new TestSidecar(epoch);
  await sidecar.send({ known: [RELIANCE, INFY, NIFTY, TCS], definitions: DEFINITIONS.slice(0, 3) });
  return sidecar;
}

async function connect(user = 'user_1'): Promise<TestClient> {
  const client = await TestClient.connect(await mintToken({ claims: { sub: user } }));
  clients.push(client);
  return client;
}

function full(token: number, lastPrice: number) {
  const kind = token === NIFTY ? RECORD_KIND.indexFull : RECORD_KIND.full;
  return recordOf(token, kind, { lastPrice, close: 100_000, ...(token === NIFTY ? {} : { volume: 7 }) });
}

async function request(client: TestClient, answer: string, fields: object): Promise<Message> {
  client.send(fields);
  return client.next(answer);
}

function subscribe(client: TestClient, fields: object): Promise<Message> {
  return request(client, 'subscribed', { action: 'subscribe', ...fields });
}

async function priceOf(client: TestClient, token: number, lastPrice: number) {
  let data = await client.tick(token);
  while (data.last_price !== lastPrice) data = await client.tick(token);
  return data;
}

/** What the client has, as the gateway tells it. */
async function listed(client: TestClient): Promise<Record<string, unknown>[]> {
  const { items } = await request(client, 'subscriptions', { action: 'list' });
  return (items as Record<string, unknown>[]).sort((a, b) => (a.token as number) - (b.token as number));
}

const gateway = () => env.CLIENT_GATEWAY.getByName('gw:apac-se:0');

afterEach(() => {
  for (const { socket } of clients.splice(0)) if (socket.readyState === WebSocket.OPEN) socket.close(1000);
});

describe('by symbol', () => {
  test('the symbol becomes its token, is named in the acknowledgement, and its ticks come', async () => {
    const sidecar = await startSidecar();
    await sidecar.send({ ticks: [full(RELIANCE, 245_675)] });
    const client = await connect();
    const ack = await subscribe(client, { symbols: ['NSE:RELIANCE', 'NSE:NIFTY 50'], id: 'by-symbol' });
    expect(ack).toMatchObject({ total: 2, pending: [NIFTY], id: 'by-symbol' });
    expect((ack.tokens as number[]).sort()).toEqual([NIFTY, RELIANCE].sort());
    expect(ack.items).toHaveLength(2);
    expect(ack.items).toContainEqual({
      token: RELIANCE,
      symbol: 'NSE:RELIANCE',
      mode: 'full',
      speed: 'rt',
      state: 'live',
    });
    expect((await client.tick(RELIANCE)).last_price).toBe(2456.75);
    await sidecar.send({ ticks: [full(NIFTY, 2_600_000)] });
    expect(await client.tick(NIFTY)).toMatchObject({ tradingsymbol: 'NIFTY 50', last_price: 26_000 });
  });

  test('each that cannot be had is rejected with its own reason, in the client’s words; the others stay', async () => {
    const sidecar = await startSidecar();
    const client = await connect();
    const symbols = ['NSE:RELIANCE', 'NSE:NOSUCH', 'reliance', 'NSE:GONE', 'BSE:RELIANCE', 'NSE:A\u0000'];
    const ack = await subscribe(client, { symbols, tokens: [INFY, 1.5] });
    expect([(ack.tokens as number[]).sort(), ack.total]).toEqual([[INFY, RELIANCE].sort(), 2]);
    const rejected = ack.rejected as { token?: unknown; symbol?: unknown; code: string; message: string }[];
    expect(rejected.map(({ token, symbol, code }) => [symbol ?? token, code]).sort()).toEqual(
      [
        [1.5, 'invalid_instrument_token'],
        ['BSE:RELIANCE', 'unknown_instrument'],
        ['NSE:A\u0000', 'invalid_symbol'],
        ['NSE:NOSUCH', 'unknown_instrument'],
        ['NSE:GONE', 'unknown_instrument'],
        ['reliance', 'invalid_symbol'],
      ].sort(),
    );
    for (const { message } of rejected) expect(message).not.toBe('');
    await sidecar.send({ ticks: [full(RELIANCE, 100), full(INFY, 200)] });
    await client.tick(RELIANCE);
  });

  test('what has not streamed yet is named in the acknowledgement by the symbol that the client gave', async () => {
    await startSidecar();
    const client = await connect();
    const ack = await subscribe(client, { symbols: ['NSE:TCS'], mode: 'ltp' });
    expect(ack).toMatchObject({ tokens: [TCS], pending: [TCS], total: 1 });
    expect(ack.items).toEqual([
      { token: TCS, symbol: 'NSE:TCS', mode: 'ltp', speed: 'rt', state: 'pending' },
    ]);
  });

  test('an instrument that is named in two ways and cannot be had is rejected in both', async () => {
    await startSidecar();
    const client = await connect();
    const ack = await subscribe(client, { tokens: [UNLISTED, 7], symbols: ['NSE:GONE'] });
    expect(ack).toMatchObject({ tokens: [], total: 0 });
    const rejected = ack.rejected as { token?: number; symbol?: string; code: string }[];
    expect(rejected.map(({ token, symbol, code }) => [symbol ?? token, code])).toEqual(
      expect.arrayContaining([
        [UNLISTED, 'unknown_instrument'],
        ['NSE:GONE', 'unknown_instrument'],
        [7, 'unknown_instrument'],
      ]),
    );
    expect(rejected).toHaveLength(3);
  });

  test('unsubscribes by it, too', async () => {
    const sidecar = await startSidecar();
    const client = await connect();
    await subscribe(client, { tokens: [RELIANCE, INFY] });
    const answer = await request(client, 'unsubscribed', {
      action: 'unsubscribe',
      symbols: ['NSE:RELIANCE', 'NSE:NOSUCH'],
      id: 4,
    });
    expect(answer).toMatchObject({ tokens: [RELIANCE], total: 1, id: 4 });
    expect(answer.rejected).toMatchObject([{ symbol: 'NSE:NOSUCH', code: 'unknown_instrument' }]);
    await sidecar.post(shardOf(RELIANCE));
    expect([...sidecar.demand(shardOf(RELIANCE)).keys()]).not.toContain(RELIANCE);
    expect((await listed(client)).map(({ token }) => token)).toEqual([INFY]);
    const both = { action: 'unsubscribe', tokens: [INFY], symbols: ['NSE:INFY'] };
    expect(await request(client, 'unsubscribed', both)).toMatchObject({ tokens: [INFY], total: 0 });
  });

  test('an instrument that is named by token and by symbol is one subscription, sent once', async () => {
    const sidecar = await startSidecar();
    await sidecar.send({ ticks: [full(RELIANCE, 300)] });
    const client = await connect();
    const ack = await subscribe(client, { tokens: [RELIANCE], symbols: ['NSE:RELIANCE'] });
    expect(ack).toMatchObject({ tokens: [RELIANCE], total: 1 });
    expect(ack.items).toHaveLength(1);
    client.send({ action: 'ping', id: 'end' });
    await client.next('pong');
    const after = client.messages.slice(client.messages.indexOf(ack) + 1).map(({ type }) => type);
    expect(after, 'no tick twice, and no lag where nobody was slow').toEqual(['tick', 'pong']);
  });

  test('bars too: named, and refused, by their symbol', async () => {
    await startSidecar();
    const client = await connect();
    const symbols = ['NSE:RELIANCE', 'NSE:NOSUCH', 'NSE:GONE'];
    const ack = await subscribe(client, { kind: 'bar', interval: '1m', symbols });
    expect(ack.items).toEqual([{ token: RELIANCE, symbol: 'NSE:RELIANCE', interval: '1m' }]);
    const rejected = ack.rejected as { symbol: string; code: string }[];
    expect(rejected.map(({ symbol, code }) => [symbol, code]).sort()).toEqual([
      ['NSE:GONE', 'unknown_instrument'],
      ['NSE:NOSUCH', 'unknown_instrument'],
    ]);
  });

  test('text with the database’s own meaning is a symbol that does not exist', async () => {
    await startSidecar();
    const client = await connect();
    const symbols = [
      "NSE:'; drop table instruments; --",
      'NSE:%',
      'NSE:RELIANC_',
      'NSE:\\',
      'NSE:"',
      'NSE:रिलायंस',
    ];
    const ack = await subscribe(client, { symbols: [...symbols, 'NSE:INFY'] });
    expect(ack.tokens).toEqual([INFY]);
    expect((ack.rejected as { symbol: string }[]).map(({ symbol }) => symbol)).toEqual(symbols);
  });
});

describe('mode and speed', () => {
  test('of each item are its own, are listed, and survive a loss of memory', async () => {
    const sidecar = await startSidecar();
    await sidecar.send({ ticks: [full(RELIANCE, 500), full(INFY, 600), full(NIFTY, 700)] });
    const client = await connect();
    const ack = await subscribe(client, {
      mode: 'quote',
      speed: 250,
      items: [
        { token: RELIANCE, mode: 'ltp' },
        { symbol: 'NSE:INFY', speed: 'rt' },
        { token: NIFTY },
        { token: 5, mode: 'best' },
      ],
    });
    expect(ack).toMatchObject({ total: 3, rejected: [{ token: 5, code: 'invalid_parameter' }] });
    const expected = [
      { token: NIFTY, symbol: 'NSE:NIFTY 50', mode: 'quote', speed: 250, state: 'live' },
      { token: INFY, symbol: 'NSE:INFY', mode: 'quote', speed: 'rt', state: 'live' },
      { token: RELIANCE, symbol: 'NSE:RELIANCE', mode: 'ltp', speed: 250, state: 'live' },
    ];
    expect(await listed(client)).toEqual(expected);
    const first = client.messages.filter(({ type }) => type === 'tick').map(({ data }) => data as object);
    expect(first).toHaveLength(3);
    for (const { token, mode } of expected)
      expect(first).toContainEqual(expect.objectContaining({ instrument_token: token, mode }));
    await evictDurableObject(gateway());
    const terms = (await listed(client)).map(({ token, mode, speed }) => ({ token, mode, speed }));
    expect(terms).toEqual(expected.map(({ token, mode, speed }) => ({ token, mode, speed })));
  });

  test('are in the acknowledgement: of all alike once, of each where they differ', async () => {
    await startSidecar();
    const client = await connect();
    const plain = await subscribe(client, { tokens: [RELIANCE, INFY] });
    expect([plain.mode, plain.speed, plain.items]).toEqual(['full', 'rt', undefined]);
    const filter = { min_change: 0.5 };
    const alike = await subscribe(client, { tokens: [RELIANCE, INFY], mode: 'ltp', speed: 250, filter });
    expect(alike).toMatchObject({ mode: 'ltp', speed: 250, filter });
    expect(alike.items).toBeUndefined();
    const items = [{ token: RELIANCE }, { token: INFY, mode: 'ltp' }];
    const mixed = await subscribe(client, { items, mode: 'quote' });
    expect([mixed.mode, mixed.speed]).toEqual([undefined, undefined]);
    expect(mixed.items).toMatchObject([
      { token: RELIANCE, mode: 'quote', speed: 'rt' },
      { token: INFY, mode: 'ltp', speed: 'rt' },
    ]);
    const none = await subscribe(client, { tokens: [7] });
    expect([none.mode, none.items]).toEqual([undefined, undefined]);
  });

  test('are changed by subscribing again, at once and as often as one likes', async () => {
    const sidecar = await startSidecar();
    await sidecar.send({ ticks: [full(RELIANCE, 1_000)] });
    const client = await connect();
    for (const mode of ['full', 'ltp', 'quote', 'ltp', 'full'] as const) {
      expect(await subscribe(client, { tokens: [RELIANCE], mode })).toMatchObject({ total: 1 });
      const snapshot = await client.tick(RELIANCE);
      expect([snapshot.mode, 'volume' in snapshot, 'depth' in snapshot]).toEqual([
        mode,
        mode !== 'ltp',
        mode === 'full',
      ]);
      await sidecar.post(shardOf(RELIANCE));
      expect(sidecar.demand(shardOf(RELIANCE)).get(RELIANCE), 'what Kite is asked for').toBe(mode);
    }
    expect(await listed(client)).toMatchObject([{ token: RELIANCE, mode: 'full', speed: 'rt' }]);
  });

  test('a slow subscription ends with the last value, in order and none twice', async () => {
    const sidecar = await startSidecar();
    await sidecar.send({ ticks: [full(RELIANCE, 10_000)] });
    const [slow, fast] = [await connect('slow'), await connect('fast')];
    await subscribe(slow, { tokens: [RELIANCE], speed: 250 });
    await subscribe(fast, { tokens: [RELIANCE] });
    for (let price = 10_001; price <= 10_030; price++) await sidecar.send({ ticks: [full(RELIANCE, price)] });
    await priceOf(fast, RELIANCE, 100.3);
    await priceOf(slow, RELIANCE, 100.3);
    const prices = slow.messages
      .filter(({ type }) => type === 'tick')
      .map(({ data }) => (data as { last_price: number }).last_price);
    expect(prices).toEqual([...prices].sort((a, b) => a - b));
    expect(new Set(prices).size, 'none twice').toBe(prices.length);
  });
});

describe('list', () => {
  test('says all that there is, by any names, and nothing of others', async () => {
    await startSidecar();
    const [client, other] = [await connect('lister'), await connect('other')];
    expect(await request(client, 'subscriptions', { action: 'list', id: 'none' })).toEqual({
      type: 'subscriptions',
      items: [],
      total: 0,
      id: 'none',
    });
    await subscribe(other, { tokens: [INFY] });
    await subscribe(client, { tokens: [RELIANCE], mode: 'ltp', speed: 1000 });
    const answer = await request(client, 'subscriptions', { action: 'list' });
    expect(answer).toMatchObject({
      total: 1,
      items: [{ token: RELIANCE, symbol: 'NSE:RELIANCE', mode: 'ltp', speed: 1000 }],
    });
    expect(answer).not.toHaveProperty('id');
  });
});

describe('id', () => {
  test('comes back with every answer, in the order of the requests', async () => {
    await startSidecar();
    const client = await connect();
    const requests = [
      { action: 'subscribe', tokens: [RELIANCE], id: 1 },
      { action: 'subscribe', symbols: ['NSE:INFY'], id: 2 },
      { action: 'explode', id: 3 },
      { action: 'list', id: 'four' },
      { action: 'unsubscribe', tokens: [RELIANCE], id: 5 },
      { action: 'subscribe', tokens: [RELIANCE], speed: 7, id: 6 },
      { action: 'ping', id: '' },
    ];
    for (const each of requests) client.send(each);
    await client.next('pong');
    const answers = client.messages.filter(({ id }) => id !== undefined).map(({ type, id }) => [type, id]);
    expect(answers).toEqual([
      ['subscribed', 1],
      ['subscribed', 2],
      ['error', 3],
      ['subscriptions', 'four'],
      ['unsubscribed', 5],
      ['error', 6],
      ['pong', ''],
    ]);
  });
});

describe('two clients on the same instruments', () => {
  const MODES = ['ltp', 'quote', 'full'] as const;
  const SPEEDS = ['rt', 100, 250, 1000] as const;
  type Act =
    | {
        readonly kind: 'subscribe';
        readonly token: number;
        readonly mode: string;
        readonly speed: string | number;
      }
    | { readonly kind: 'unsubscribe'; readonly token: number };

  const token = fc.constantFrom(RELIANCE, INFY);
  const act: fc.Arbitrary<Act> = fc.oneof(
    {
      weight: 3,
      arbitrary: fc.record({
        kind: fc.constant('subscribe'),
        token,
        mode: fc.constantFrom(...MODES),
        speed: fc.constantFrom(...SPEEDS),
      }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('unsubscribe'), token }) },
  );
  /** Whose turn it is, and whether the gateway loses its memory or a tick comes before it. */
  const step = fc.record({
    client: fc.nat(1),
    act,
    before: fc.constantFrom('nothing', 'nothing', 'tick', 'tick', 'evict'),
  });

  interface Side {
    readonly client: TestClient;
    readonly model: Map<number, { mode: string; speed: string | number }>;
  }

  async function take({ client, model }: Side, each: Act): Promise<void> {
    const { token } = each;
    if (each.kind === 'subscribe') {
      const { mode, speed } = each;
      expect((await subscribe(client, { tokens: [token], mode, speed })).rejected).toBeUndefined();
      model.set(token, { mode, speed });
    } else {
      await request(client, 'unsubscribed', { action: 'unsubscribe', tokens: [token] });
      model.delete(token);
    }
  }

  /** Everything that the client was sent since `from`, each tick in the mode that it had then. */
  function checkTicks({ client, model }: Side, from: number): void {
    for (const { type, data } of client.messages.slice(from)) {
      if (type !== 'tick') continue;
      const { instrument_token, mode } = data as { instrument_token: number; mode: string };
      expect(model.get(instrument_token)?.mode, `a tick of ${instrument_token}`).toBe(mode);
    }
  }

  test('never disturb each other, in any order', { timeout: 60_000 }, async () => {
    const sidecar = await startSidecar();
    let price = 100_000;
    const tick = async () => {
      price += 5;
      await sidecar.send({ ticks: [full(RELIANCE, price), full(INFY, price)] });
    };
    await tick();
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 10 }), async (steps) => {
        const sides: Side[] = [];
        for (const user of ['left', 'right']) sides.push({ client: await connect(user), model: new Map() });
        for (const { client, act: each, before } of steps) {
          if (before === 'tick') await tick();
          if (before === 'evict') await evictDurableObject(gateway());
          const other = sides[1 - client] as Side;
          const from = other.client.messages.length;
          await take(sides[client] as Side, each);
          await listed(other.client);
          checkTicks(other, from);
        }
        await tick();
        for (const side of sides) {
          const terms = (await listed(side.client)).map(({ token, mode, speed }) => [token, { mode, speed }]);
          expect(new Map(terms as [number, { mode: string; speed: string | number }][])).toEqual(side.model);
          for (const subscribed of side.model.keys()) {
            await vi.waitFor(() => {
              const last = side.client.messages.map(({ data }) => data as Record<string, unknown>);
              const data = last.findLast((each) => each?.instrument_token === subscribed);
              expect([data?.last_price, data?.mode]).toEqual([price / 100, side.model.get(subscribed)?.mode]);
            }, UNTIL);
          }
          side.client.socket.close(1000);
          await side.client.closed;
        }
      }),
      { numRuns: 12 },
    );
  });

  test('the sidecar is asked for the highest mode that any of them has, whoever leaves first', async () => {
    const sidecar = await startSidecar();
    const sides = await Promise.all(['low', 'high'].map((user) => connect(user)));
    const [low, high] = sides as [TestClient, TestClient];
    const demanded = async () => {
      await sidecar.post(shardOf(INFY));
      return sidecar.demand(shardOf(INFY)).get(INFY);
    };
    await subscribe(low, { tokens: [INFY], mode: 'ltp', speed: 1000 });
    expect(await demanded()).toBe('ltp');
    await subscribe(high, { tokens: [INFY], mode: 'full' });
    expect(await demanded()).toBe('full');
    await subscribe(low, { tokens: [INFY], mode: 'quote' });
    expect(await demanded()).toBe('full');
    await request(high, 'unsubscribed', { action: 'unsubscribe', tokens: [INFY] });
    expect(await demanded()).toBe('quote');
  });
});
