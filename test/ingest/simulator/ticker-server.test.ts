// The ticker socket's rules: who gets in, what a subscription brings, limits and heartbeats.
import { afterEach, expect, test } from 'vitest';
import {
  type Simulator,
  type SimulatorOptions,
  startSimulator,
} from '../../../ingest/simulator/simulator.ts';
import { KITE_CONNECTIONS_PER_ACCOUNT_MAX } from '../../../shared/limits.ts';
import { queryOf, statusOf, TickerClient } from './ticker-client.ts';

const NIFTY = 256265;
const RELIANCE = 738561;
const INFY = 408065;

let simulator: Simulator;
afterEach(async () => simulator.stop());

async function start(options: SimulatorOptions = {}): Promise<void> {
  simulator = await startSimulator({ tradingDate: '2026-11-23', ...options });
}

/** Every packet for these tokens has come, whatever else. */
function has(client: TickerClient, ...wanted: [number, number][]): boolean {
  return wanted.every(([token, length]) =>
    client.packets.some((packet) => packet.token === token && packet.length === length),
  );
}

test('403 for a wrong token or key, 400 without one, 404 elsewhere', async () => {
  await start();
  expect(await statusOf(simulator, 'api_key=simulator_key&access_token=wrong')).toBe(403);
  expect(await statusOf(simulator, 'api_key=wrong&access_token=simulator_access_token')).toBe(403);
  expect(await statusOf(simulator, 'api_key=simulator_key')).toBe(400);
  expect(await statusOf(simulator, 'access_token=simulator_access_token')).toBe(400);
  expect(await statusOf(simulator, '')).toBe(400);
  expect(await statusOf(simulator, queryOf(simulator), 'other')).toBe(404);
  expect(await statusOf(simulator, queryOf(simulator), '/')).toBe(400);
  expect(await statusOf(simulator, `${queryOf(simulator)}&user_id=SIM001`)).toBe(101);
});

test('a fourth socket of an api_key gets 429, and its place when one leaves', async () => {
  const accounts = ['one', 'two'].map((name) => ({
    apiKey: name,
    apiSecret: 'secret',
    accessToken: 'token',
    userId: name,
  }));
  await start({ accounts });
  const clients: TickerClient[] = [];
  for (let i = 0; i < KITE_CONNECTIONS_PER_ACCOUNT_MAX; i++)
    clients.push(await TickerClient.connect(simulator));
  expect(await statusOf(simulator, queryOf(simulator))).toBe(429);
  expect(await statusOf(simulator, 'api_key=two&access_token=token')).toBe(101);
  await clients[0]!.close();
  expect(await statusOf(simulator, queryOf(simulator))).toBe(101);
  expect(clients[1]!.closeCode).toBeUndefined();
});

test('a socket outlives its token; the next one gets 403', async () => {
  let nowMs = Date.parse('2026-11-23T05:00:00Z');
  const account = { apiKey: 'k', apiSecret: 's', accessToken: 't', userId: 'u' };
  await start({ nowMs: () => nowMs, accounts: [{ ...account, accessTokenExpiresAtMs: nowMs + 1_000 }] });
  const client = await TickerClient.connect(simulator);
  nowMs += 1_000;
  expect(await statusOf(simulator, queryOf(simulator))).toBe(403);
  client.send({ a: 'mode', v: ['ltp', [INFY]] });
  await client.until(() => has(client, [INFY, 8]));
});

test('a subscription is answered with the last values, in quote mode, and then ticks', async () => {
  await start({ ticksPerInstrumentPerSecond: 20 });
  const client = await TickerClient.connect(simulator);
  client.send({ a: 'subscribe', v: [NIFTY, RELIANCE] });
  await client.until(() => client.packets.length > 0);
  expect(client.packets.slice(0, 2)).toEqual([
    { token: NIFTY, length: 28 },
    { token: RELIANCE, length: 44 },
  ]);
  await client.until(() => client.packets.filter(({ token }) => token === RELIANCE).length >= 5);
  expect(client.texts).toEqual([]);
});

test('every mode has its packets, mixed in a frame; a changed mode brings the value again, a kept one does not', async () => {
  // A clock that stands still: no ticks, so every packet answers a message.
  const nowMs = Date.parse('2026-11-23T05:00:00Z');
  await start({ nowMs: () => nowMs });
  const client = await TickerClient.connect(simulator);
  client.send({ a: 'subscribe', v: [NIFTY, RELIANCE] });
  client.send({ a: 'mode', v: ['full', [NIFTY, RELIANCE]] });
  client.send({ a: 'mode', v: ['full', [NIFTY, RELIANCE]] });
  client.send({ a: 'mode', v: ['ltp', [NIFTY]] });
  client.send({ a: 'subscribe', v: [NIFTY, RELIANCE] });
  client.send({ a: 'mode', v: ['quote', [INFY]] });
  await client.until(() => has(client, [INFY, 44]));
  expect(client.packets).toEqual([
    { token: NIFTY, length: 28 },
    { token: RELIANCE, length: 44 },
    { token: NIFTY, length: 32 },
    { token: RELIANCE, length: 184 },
    { token: NIFTY, length: 8 },
    { token: NIFTY, length: 8 },
    { token: RELIANCE, length: 184 },
    { token: INFY, length: 44 },
  ]);
  expect(simulator.connections()[0]?.subscriptions).toEqual({ ltp: 1, quote: 1, full: 1 });
});

test('unsubscribed instruments stop, the others go on', async () => {
  await start({ ticksPerInstrumentPerSecond: 20 });
  const client = await TickerClient.connect(simulator);
  client.send({ a: 'subscribe', v: [RELIANCE, INFY] });
  await client.until(() => has(client, [RELIANCE, 44], [INFY, 44]));
  client.send({ a: 'unsubscribe', v: [RELIANCE, 999_999_999] });
  // The mode message is handled after the unsubscribe, so its packet marks the point from which on nothing may come.
  client.send({ a: 'mode', v: ['full', [INFY]] });
  await client.until(() => has(client, [INFY, 184]));
  const marker = client.packets.findIndex(({ length }) => length === 184);
  const after = marker + 10;
  await client.until(() => client.packets.length > after);
  expect(client.packets.slice(marker).every(({ token }) => token === INFY)).toBe(true);
});

test('tokens that are strings or not listed, and messages that are none, are ignored; the socket lives', async () => {
  const nowMs = Date.parse('2026-11-23T05:00:00Z');
  await start({ nowMs: () => nowMs });
  const client = await TickerClient.connect(simulator);
  for (const message of [
    'not json',
    '[]',
    'null',
    '{"a":"subscribe"}',
    '{"a":"subscribe","v":"408065"}',
    '{"a":"dance","v":[408065]}',
    '{"a":"mode","v":["loud",[408065]]}',
    { a: 'subscribe', v: [String(INFY), null, {}, 1.5, -1, 4_294_967_297] },
    { a: 'subscribe', v: [RELIANCE] },
  ])
    client.send(message);
  await client.until(() => client.packets.length > 0);
  expect(client.packets).toEqual([{ token: RELIANCE, length: 44 }]);
  expect(client.texts).toEqual([]);
});

test('the 3,001st instrument is refused in words, the rest stay', async () => {
  await start({ instrumentsCount: 3_100 });
  const client = await TickerClient.connect(simulator);
  const tokens = simulator.instruments.map((instrument) => instrument.instrument_token);
  client.send({ a: 'subscribe', v: tokens.slice(0, 2_990) });
  await client.until(() => simulator.connections()[0]?.subscriptions.quote === 2_990);
  expect(client.texts).toEqual([]);
  client.send({ a: 'subscribe', v: tokens });
  await client.until(() => client.texts.length > 0);
  expect(client.texts).toEqual([
    JSON.stringify({ type: 'error', data: "Can't subscribe to more than 3000 instruments." }),
  ]);
  expect(simulator.connections()[0]?.subscriptions).toEqual({ ltp: 0, quote: 3_000, full: 0 });
  client.send({ a: 'unsubscribe', v: tokens.slice(0, 1) });
  client.send({ a: 'mode', v: ['full', tokens.slice(3_000, 3_001)] });
  await client.until(() => has(client, [tokens[3_000]!, 184]));
  expect(client.texts).toHaveLength(1);
});

test('an idle socket gets a single byte each second, and no compression', async () => {
  await start();
  const client = await TickerClient.connect(simulator);
  expect(client.extensions).toBe('');
  await client.until(() => client.frames.length >= 1);
  expect(client.frames[0]?.byteLength).toBe(1);
});

test('an oversized message closes that socket only', async () => {
  await start();
  const client = await TickerClient.connect(simulator);
  const other = await TickerClient.connect(simulator);
  client.send(' '.repeat(1024 * 1024));
  await client.until(() => client.closeCode !== undefined);
  expect(client.closeCode).toBe(1009);
  other.send({ a: 'subscribe', v: [INFY] });
  await other.until(() => other.packets.length > 0);
});
