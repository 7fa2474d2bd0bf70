// Chains through the real Worker and objects: a window that moves with the forward, figures, and evictions in between.
import { evictDurableObject } from 'cloudflare:test';
import { env, exports } from 'cloudflare:workers';
import { afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import type { InstrumentToken } from '../../../shared/instrument.ts';
import { CHAIN_STRIKES_MAX, CLIENT_CHAINS_MAX } from '../../../shared/limits.ts';
import { shardOf } from '../../../shared/shard.ts';
import { BinaryClient } from '../../support/edge/binary-client.ts';
import { type Message, TestClient } from '../../support/edge/client.ts';
import { addInstruments } from '../../support/edge/instruments.ts';
import { TestSidecar } from '../../support/edge/sidecar.ts';
import { mintToken } from '../../support/edge/tokens.ts';
import { chainDefinitions, type GreeksFields, optionRecordOf } from '../../support/option-records.ts';

const NAME = 'CHAINX';
const EXPIRY = '2026-12-01';
const OTHER_EXPIRIES = ['2026-12-08', '2026-12-15', '2026-12-22', '2026-12-29', '2027-01-26', '2027-02-23'];
/** 20,000 to 21,000. */
const STRIKES = Array.from({ length: 21 }, (_, i) => 20_000 + i * 50);
const OPTIONS = chainDefinitions(NAME, EXPIRY, STRIKES, 0xe000_0002);
const OTHERS = OTHER_EXPIRIES.flatMap((expiry, i) =>
  chainDefinitions(NAME, expiry, [20_000, 20_050], 0xe100_0002 + i * 0x1000),
);
/** 2026-11-24T10:00:00Z, exactly 7 days before the expiry at 15:30 IST. */
const EXCHANGE_TIME_S = Date.UTC(2026, 10, 24, 10) / 1_000;
const CHAIN = { underlying: NAME, expiry: EXPIRY, strikes: 2 };

let epoch = 1_766_000_000_000;
let sidecar: TestSidecar;
let receivedAtMs = 1_766_000_000_000;
const clients: TestClient[] = [];

function optionOf(strike: number, type: 'CE' | 'PE'): InstrumentToken {
  const found = OPTIONS.find((option) => option.strike === strike && option.instrument_type === type);
  if (!found) throw new Error(`no ${strike} ${type}`);
  return found.instrument_token;
}

/** Ticks of the strikes, whose Greeks know this forward. */
async function quote(
  forward: number,
  strikes: readonly number[] = STRIKES,
  greeks: GreeksFields = {},
): Promise<void> {
  receivedAtMs += 1;
  const ticks = strikes.flatMap((strike) =>
    (['CE', 'PE'] as const).map((type) => {
      const distance = Math.abs(strike - forward) / 1_000;
      const delta = type === 'CE' ? Math.max(0.05, 0.5 - distance) : -Math.max(0.05, 0.5 - distance);
      return optionRecordOf(
        optionOf(strike, type),
        {
          lastPrice: 10_000,
          oi: strike,
          volume: type === 'CE' ? 10 : 20,
          exchangeTimestamp: EXCHANGE_TIME_S,
        },
        { forward: forward * 100, underlying: 2_040_000, iv: 12 + distance, delta, ...greeks },
        receivedAtMs,
      );
    }),
  );
  await sidecar.send({ ticks });
}

async function connect(user: string): Promise<TestClient> {
  const client = await TestClient.connect(await mintToken({ claims: { sub: user } }));
  clients.push(client);
  return client;
}

async function subscribe(client: TestClient, chain: object = CHAIN, more: object = {}): Promise<Message> {
  client.send({ action: 'subscribe', chain, ...more });
  return client.next('subscribed');
}

function strikesOf(members: unknown): number[] {
  return [...new Set((members as { strike: number }[]).map(({ strike }) => strike))];
}

/** Tokens of the ticks that a client had from its n-th message on. */
function tickTokens(client: TestClient, from = 0): number[] {
  const ticks = client.messages.slice(from).filter(({ type }) => type === 'tick');
  return ticks.map(({ data }) => (data as { instrument_token: number }).instrument_token);
}

/** Everything that was on its way has come. */
async function settle(client: TestClient): Promise<number> {
  client.send({ action: 'ping', id: 'settled' });
  await client.next('pong');
  return client.messages.length;
}

const evictGateway = () => evictDurableObject(env.CLIENT_GATEWAY.getByName('gw:apac-se:0'));

beforeAll(async () => {
  await addInstruments([...OPTIONS, ...OTHERS]);
});

beforeEach(async () => {
  epoch += 1_000;
  sidecar = new TestSidecar(epoch);
  const known = OPTIONS.map(({ instrument_token }) => instrument_token);
  await sidecar.send({ known, definitions: OPTIONS });
});

afterEach(async () => {
  for (const client of clients.splice(0)) {
    client.socket.close(1000);
    await client.closed;
  }
  await evictGateway();
});

test('the window begins in the middle, follows the first forward at once and the next when it is far enough', async () => {
  const client = await connect('chain_1');
  const ack = await subscribe(client, CHAIN, { id: 7 });
  expect(ack).toMatchObject({
    kind: 'chain',
    chain: { underlying: NAME, exchange: 'NFO', expiry: EXPIRY, strikes: 2 },
    strikes: [20_400, 20_450, 20_500, 20_550, 20_600],
    total: 1,
    mode: 'full',
    speed: 'rt',
    id: 7,
  });
  expect(ack.members).toHaveLength(10);
  expect((ack.members as object[])[0]).toEqual({
    instrument_token: optionOf(20_400, 'CE'),
    tradingsymbol: `${NAME}2026120120400CE`,
    strike: 20_400,
    type: 'CE',
  });
  expect((ack.pending as number[]).length).toBe(10);
  await sidecar.send({ known: OPTIONS.map(({ instrument_token }) => instrument_token) });
  const wanted = [...sidecar.demand(shardOf(optionOf(20_500, 'CE')))];
  expect(wanted.every(([, mode]) => mode === 'full')).toBe(true);

  await quote(20_210);
  const moved = await client.next('chain_members');
  expect(strikesOf(moved.joined)).toEqual([20_100, 20_150, 20_200, 20_250, 20_300]);
  expect(moved.left).toHaveLength(10);
  const at = client.messages.indexOf(moved);
  const joined = (moved.joined as { instrument_token: number }[]).map((each) => each.instrument_token);
  const early = tickTokens(client).slice(0, -tickTokens(client, at).length || undefined);
  expect(early.filter((token) => joined.includes(token))).toEqual([]);
  const { data } = await client.next('chain');
  expect(data).toMatchObject({
    forward: 20_210,
    forward_source: 'synthetic',
    underlying: 20_400,
    days_to_expiry: 7,
    strikes_from: 20_100,
    strikes_to: 20_300,
    strikes_counted: 5,
    atm_strike: 20_200,
    pcr_volume: 2,
    pcr_oi: 1,
  });

  await settle(client);
  expect(new Set(tickTokens(client, at))).toEqual(new Set(joined));

  // The middle between 20,200 and 20,250 is 20,225: passed by 2, and that is not far enough.
  await quote(20_227);
  expect((await client.next('chain')).data).toMatchObject({
    forward: 20_227,
    atm_strike: 20_250,
    strikes_from: 20_100,
  });
  await quote(20_231);
  const next = await client.next('chain_members');
  expect(strikesOf(next.joined)).toEqual([20_350]);
  expect(next.left).toEqual([optionOf(20_100, 'CE'), optionOf(20_100, 'PE')]);
  const before = await settle(client);
  await quote(20_232, [20_100, 20_350]);
  expect(await client.tick(optionOf(20_350, 'PE'))).toMatchObject({
    instrument_token: optionOf(20_350, 'PE'),
  });
  await settle(client);
  expect(tickTokens(client, before).sort()).toEqual([optionOf(20_350, 'CE'), optionOf(20_350, 'PE')].sort());
});

test('evictions between any two steps lose neither the window nor a member', async () => {
  const client = await connect('chain_2');
  await quote(20_200);
  await subscribe(client);
  const first = await client.next('chain_members');
  expect(strikesOf(first.joined)).toEqual([20_100, 20_150, 20_200, 20_250, 20_300]);
  await client.next('chain');
  await evictGateway();
  // The members stream on by what the socket remembers; the contracts are looked up with the first news.
  await quote(20_400);
  const moved = await client.next('chain_members');
  expect(strikesOf(moved.joined)).toEqual([20_350, 20_400, 20_450, 20_500]);
  expect(moved.left).toHaveLength(8);
  expect((await client.next('chain')).data).toMatchObject({ forward: 20_400, strikes_from: 20_300 });
  await evictGateway();
  client.send({ action: 'list' });
  expect((await client.next('subscriptions')).chains).toEqual([
    { underlying: NAME, exchange: 'NFO', expiry: EXPIRY, strikes: 2, mode: 'full', speed: 'rt' },
  ]);
  const before = await settle(client);
  await quote(20_401);
  expect((await client.next('chain')).data).toMatchObject({ forward: 20_401, strikes_counted: 5 });
  await settle(client);
  expect(
    new Set(tickTokens(client, before)).size,
    'and a window that has not moved brings no news of it',
  ).toBe(10);
  expect(client.messages.slice(before).filter(({ type }) => type === 'chain_members')).toEqual([]);
  await evictGateway();
  client.send({ action: 'unsubscribe', chain: { underlying: NAME, expiry: EXPIRY }, id: 3 });
  expect(await client.next('unsubscribed')).toMatchObject({ kind: 'chain', total: 0, id: 3 });
  const after = await settle(client);
  await quote(20_600);
  await sidecar.send({ known: OPTIONS.map(({ instrument_token }) => instrument_token) });
  await settle(client);
  expect(client.messages.slice(after).filter(({ type }) => type !== 'pong')).toEqual([]);
  expect(sidecar.demand(shardOf(optionOf(20_400, 'CE'))).size).toBe(0);
});

test('what the client has subscribed to itself keeps its terms, and stays when it leaves the window', async () => {
  const client = await connect('chain_3');
  const own = optionOf(20_200, 'CE');
  client.send({ action: 'subscribe', tokens: [own], mode: 'ltp' });
  await client.next('subscribed');
  await quote(20_200);
  await subscribe(client);
  await client.next('chain_members');
  const before = await settle(client);
  await quote(20_201);
  await client.next('chain');
  await settle(client);
  const modes = new Map(
    client.messages.slice(before).flatMap(({ type, data }) => {
      const { instrument_token: token, mode } = (data ?? {}) as { instrument_token: number; mode: string };
      return type === 'tick' ? [[token, mode] as const] : [];
    }),
  );
  expect([modes.get(own), modes.get(optionOf(20_200, 'PE')), modes.size]).toEqual(['ltp', 'full', 10]);
  // One that a chain has brought becomes the client's own.
  const adopted = optionOf(20_250, 'PE');
  client.send({ action: 'subscribe', tokens: [adopted], mode: 'quote' });
  expect((await client.next('subscribed')).total).toBe(2);
  await evictGateway();
  await quote(20_600);
  const moved = await client.next('chain_members');
  expect(moved.left).toContain(own);
  await client.next('chain');
  const after = await settle(client);
  await quote(20_601);
  await client.next('chain');
  await settle(client);
  const seen = new Set(tickTokens(client, after));
  expect([seen.has(own), seen.has(adopted), seen.has(optionOf(20_200, 'PE')), seen.size]).toEqual([
    true,
    true,
    false,
    12,
  ]);
  // Back in the window, and given up by itself: the chain goes on having it, on the chain's terms.
  await quote(20_200);
  await client.next('chain_members');
  await client.next('chain');
  client.send({ action: 'unsubscribe', tokens: [own, optionOf(20_150, 'CE')] });
  expect((await client.next('unsubscribed')).total).toBe(1);
  await quote(20_202);
  expect(await client.tick(own)).toMatchObject({ mode: 'full' });
  expect(tickTokens(client)).toContain(optionOf(20_150, 'CE'));
  client.send({ action: 'list' });
  const { items, total } = await client.next('subscriptions');
  expect([total, items]).toMatchObject([1, [{ token: adopted, mode: 'quote' }]]);
});

test('figures are computed for each number of strikes, once a second at most, and told only when they have changed', async () => {
  const [narrow, wide] = [await connect('chain_4'), await connect('chain_5')];
  await quote(20_500);
  await subscribe(narrow, { ...CHAIN, strikes: 1 });
  await subscribe(wide, { ...CHAIN, strikes: CHAIN_STRIKES_MAX });
  expect((await narrow.next('chain')).data).toMatchObject({
    strikes_from: 20_450,
    strikes_to: 20_550,
    strikes_counted: 3,
  });
  const { data } = await wide.next('chain');
  expect(data).toMatchObject({ strikes_from: 20_000, strikes_to: 21_000, strikes_counted: 21, skew: 0 });
  // Shards post one after the other: what has not changed is not told again.
  const before = await settle(wide);
  await quote(20_500);
  await quote(20_510);
  await quote(20_520);
  expect((await wide.next('chain')).data).toMatchObject({ forward: 20_520 });
  await settle(wide);
  expect(wide.messages.slice(before).filter(({ type }) => type === 'chain')).toHaveLength(1);
});

const REFUSED: readonly (readonly [name: string, message: object, code: string, words: string])[] = [
  ['a chain that is no object', { chain: 5 }, 'invalid_parameter', 'chain must be an object, got 5'],
  ['no underlying', { chain: { expiry: EXPIRY } }, 'invalid_parameter', 'chain.underlying'],
  [
    'a name too long',
    { chain: { ...CHAIN, underlying: 'X'.repeat(33) } },
    'invalid_parameter',
    'chain.underlying',
  ],
  [
    'an unknown underlying',
    { chain: { ...CHAIN, underlying: 'NOSUCH' } },
    'unknown_instrument',
    '"NOSUCH" at NFO',
  ],
  ['another exchange', { chain: { ...CHAIN, exchange: 'BFO' } }, 'unknown_instrument', 'at BFO'],
  [
    'no exchange of options',
    { chain: { ...CHAIN, exchange: 'NSE' } },
    'invalid_parameter',
    'chain.exchange must be one of NFO',
  ],
  [
    'no date',
    { chain: { ...CHAIN, expiry: '2026-02-30' } },
    'invalid_parameter',
    'chain.expiry must be a date like 2026-12-01, got 2026-02-30',
  ],
  [
    'a day without expiry',
    { chain: { ...CHAIN, expiry: '2026-12-02' } },
    'invalid_parameter',
    'the nearest expiries are 2026-12-01, 2026-12-08, 2026-12-15, 2026-12-22, 2026-12-29',
  ],
  [
    'no strikes',
    { chain: { ...CHAIN, strikes: 0 } },
    'invalid_parameter',
    'chain.strikes must be an integer from 1 to 50, got 0',
  ],
  [
    'too many strikes',
    { chain: { ...CHAIN, strikes: 51 } },
    'invalid_parameter',
    'chain.strikes must be an integer from 1 to 50, got 51',
  ],
  ['half a strike', { chain: { ...CHAIN, strikes: 2.5 } }, 'invalid_parameter', 'got 2.5'],
  ['a misspelt field', { chain: { ...CHAIN, strike: 2 } }, 'invalid_parameter', 'chain.strike is none of'],
  ['tokens beside it', { chain: CHAIN, tokens: [1] }, 'invalid_parameter', 'tokens is not for chains'],
  ['a filter', { chain: CHAIN, filter: { on_trade: true } }, 'invalid_parameter', 'filter is not for chains'],
  ['an unknown mode', { chain: CHAIN, mode: 'all' }, 'invalid_parameter', 'mode must be ltp, quote or full'],
];

test('what is wrong with a request is said in words, and the socket goes on', async () => {
  const client = await connect('chain_6');
  for (const [name, message, code, words] of REFUSED) {
    client.send({ action: 'subscribe', id: 'bad', ...message });
    const error = await client.next('error');
    expect(error, name).toMatchObject({ code, id: 'bad' });
    expect(error.message, name).toContain(words);
  }
  expect(await subscribe(client)).toMatchObject({ total: 1 });
});

test('a connection has so many chains and no more; what a window may come to counts as subscriptions', async () => {
  const client = await connect('chain_7');
  const expiries = [EXPIRY, ...OTHER_EXPIRIES];
  await sidecar.send({
    known: [...OPTIONS, ...OTHERS].map(({ instrument_token }) => instrument_token),
    definitions: OTHERS,
  });
  for (const expiry of expiries.slice(0, CLIENT_CHAINS_MAX)) await subscribe(client, { ...CHAIN, expiry });
  client.send({ action: 'subscribe', chain: { ...CHAIN, expiry: expiries[CLIENT_CHAINS_MAX] } });
  expect(await client.next('error')).toMatchObject({
    code: 'subscription_limit',
    message: `at most ${CLIENT_CHAINS_MAX} chains per connection`,
  });
  const again = await subscribe(client, { ...CHAIN, strikes: 1 }, { mode: 'quote', speed: 1000 });
  expect(again).toMatchObject({ total: CLIENT_CHAINS_MAX, mode: 'quote', speed: 1000 });
  expect(again.members).toHaveLength(6);
  const tokens = Array.from({ length: 3_000 }, (_, i) => 0xd000_0001 + i * 256);
  client.send({ action: 'subscribe', tokens });
  const full = await client.next('subscribed');
  const reserved = 2 * 3 + (CLIENT_CHAINS_MAX - 1) * 2 * 5;
  const codes = (full.rejected as { code: string }[]).map(({ code }) => code);
  expect(codes.filter((code) => code === 'subscription_limit')).toHaveLength(reserved);
});

test('a binary client knows the ids of members before their rows, and is told who joins before theirs', async () => {
  const binary = await BinaryClient.connect(await mintToken({ claims: { sub: 'chain_8' } }));
  clients.push(binary.client);
  await quote(20_200);
  binary.client.send({ action: 'subscribe', chain: CHAIN });
  expect(await binary.next('subscribed')).toMatchObject({ kind: 'chain', total: 1 });
  const moved = await binary.next('chain_members');
  const joined = (moved.joined as { instrument_token: number }[]).map((each) => each.instrument_token);
  const announced = (moved.rows as [number, number][]).map(([, token]) => token);
  expect(announced.sort()).toEqual(joined.sort());
  const tick = await binary.tick(optionOf(20_200, 'CE'));
  expect(tick.greeks).toMatchObject({ status: 'ok', iv: 12, forward: 2_020_000, forwardSource: 'synthetic' });
  await evictGateway();
  await quote(20_250);
  const next = await binary.next('chain_members');
  expect(strikesOf(next.joined)).toEqual([20_350]);
  expect((await binary.tick(optionOf(20_350, 'PE'))).greeks).toMatchObject({ forward: 2_025_000 });
});

async function get(path: string, headers: Record<string, string> = {}): Promise<Response> {
  const token = await mintToken({ claims: { sub: 'chain_9' } });
  return exports.default.fetch(`http://edge${path}`, {
    headers: { authorization: `Bearer ${token}`, ...headers },
  });
}

test('GET /chain is the window around the forward, with values and figures, and wants nothing when it is done', async () => {
  await quote(20_200);
  const response = await get(`/chain?underlying=${NAME}&expiry=${EXPIRY}&strikes=2`);
  expect([response.status, response.headers.get('content-type')]).toEqual([200, 'application/json']);
  const document = (await response.json()) as Record<string, unknown>;
  expect(document).toMatchObject({
    chain: { underlying: NAME, exchange: 'NFO', expiry: EXPIRY, strikes: 2 },
    data: {
      forward: 20_200,
      strikes_from: 20_100,
      strikes_to: 20_300,
      strikes_counted: 5,
      days_to_expiry: 7,
    },
    pending: [],
  });
  expect(strikesOf(document.members)).toEqual([20_100, 20_150, 20_200, 20_250, 20_300]);
  expect((document.members as object[])[4]).toMatchObject({
    instrument_token: optionOf(20_200, 'CE'),
    strike: 20_200,
    type: 'CE',
    tick: { instrument_token: optionOf(20_200, 'CE'), last_price: 100, greeks: { iv: 12, forward: 20_200 } },
  });
  await sidecar.send({ known: OPTIONS.map(({ instrument_token }) => instrument_token) });
  expect(sidecar.demand(shardOf(optionOf(20_200, 'CE'))).size).toBe(0);
});

test('GET /chain names the members that have no value when the time is over, and has none that no shard knows', async () => {
  const path = `/chain?underlying=${NAME}&expiry=${OTHER_EXPIRIES[0]}&strikes=1`;
  const unknown = (await (await get(path)).json()) as Record<string, unknown[]>;
  expect([unknown.members, unknown.pending, unknown.data]).toEqual([[], [], { strikes_counted: 0 }]);
  const known = [...OPTIONS, ...OTHERS].map(({ instrument_token }) => instrument_token);
  await sidecar.send({ known, definitions: OTHERS });
  const { pending, members, data } = (await (await get(path)).json()) as Record<string, unknown[]>;
  expect(pending).toHaveLength(4);
  expect(members?.map((each) => Object.hasOwn(each as object, 'tick'))).toEqual([false, false, false, false]);
  expect(data).toEqual({ strikes_from: 20_000, strikes_to: 20_050, strikes_counted: 0 });
});

test('the expiries of an underlying, and what is told of questions that have no answer', async () => {
  const { expiries } = (await (await get(`/chain/expiries?underlying=${NAME}`)).json()) as Record<
    string,
    object[]
  >;
  expect(expiries?.slice(0, 2)).toEqual([
    { expiry: EXPIRY, strikes: 21 },
    { expiry: '2026-12-08', strikes: 2 },
  ]);
  const wrong: [path: string, status: number, code: string, words: string][] = [
    ['/chain', 400, 'invalid_parameter', 'underlying must be a name like NIFTY'],
    [`/chain?underlying=${NAME}`, 400, 'invalid_parameter', 'expiry must be a date'],
    [
      `/chain?underlying=${NAME}&expiry=${EXPIRY}&strikes=51`,
      400,
      'invalid_parameter',
      'strikes must be an integer from 1 to 50, got "51"',
    ],
    [`/chain?underlying=${NAME}&expiry=${EXPIRY}&strikes=x`, 400, 'invalid_parameter', 'got "x"'],
    [
      `/chain?underlying=${NAME}&expiry=${EXPIRY}&expiry=${EXPIRY}`,
      400,
      'invalid_parameter',
      'expiry: is given twice',
    ],
    [`/chain?underlying=${NAME}&expiry=${EXPIRY}&mode=ltp`, 400, 'invalid_parameter', '"mode" is none of'],
    [
      `/chain?underlying=${NAME}&expiry=2026-12-02`,
      400,
      'invalid_parameter',
      'the nearest expiries are 2026-12-01',
    ],
    ['/chain?underlying=NOSUCH&expiry=2026-12-01', 404, 'unknown_instrument', '"NOSUCH" at NFO'],
    ['/chain/expiries?underlying=NOSUCH', 404, 'unknown_instrument', '"NOSUCH" at NFO'],
    ['/chain/expiries', 400, 'invalid_parameter', 'underlying must be'],
    [`/chain/expiries?underlying=${NAME}&strikes=2`, 400, 'invalid_parameter', 'strikes: no such parameter'],
  ];
  for (const [path, status, code, words] of wrong) {
    const response = await get(path);
    const body = (await response.json()) as { code: string; message: string };
    expect([response.status, body.code], path).toEqual([status, code]);
    expect(body.message, path).toContain(words);
  }
  const stranger = await exports.default.fetch(`http://edge/chain?underlying=${NAME}&expiry=${EXPIRY}`);
  expect(stranger.status).toBe(401);
});
