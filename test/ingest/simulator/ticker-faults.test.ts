// Every fault of the ticker socket on real connections: what the client sees, whom it meets, and that it ends.
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { numberedAccounts } from '../../../ingest/simulator/account-sessions.ts';
import type { FrameCorruption } from '../../../ingest/simulator/core/frame-corruption.ts';
import {
  SIMULATOR_DEFAULTS,
  type Simulator,
  type SimulatorOptions,
  startSimulator,
} from '../../../ingest/simulator/simulator.ts';
import { checkKiteFrame } from '../../../shared/kite-packet.ts';
import { KITE_CONNECTIONS_PER_ACCOUNT_MAX } from '../../../shared/limits.ts';
import { eventually } from '../support/eventually.ts';
import { queryOf, statusOf, TickerClient } from './ticker-client.ts';

const NIFTY = 256265;
const RELIANCE = 738561;
const INFY = 408065;

let simulator: Simulator;
afterEach(async () => simulator.stop());

async function start(options: SimulatorOptions = {}): Promise<void> {
  const accounts = numberedAccounts(SIMULATOR_DEFAULTS.account, 2);
  simulator = await startSimulator({
    tradingDate: '2026-11-23',
    accounts,
    ticksPerInstrumentPerSecond: 20,
    ...options,
  });
}

/** A client of the account that has its first ticks. */
async function streaming(accountIndex = 0): Promise<TickerClient> {
  const client = await TickerClient.connect(simulator, queryOf(simulator, accountIndex));
  client.send({ a: 'mode', v: ['full', [NIFTY, RELIANCE, INFY]] });
  await client.until(() => client.packets.length >= 6);
  return client;
}

const sentTo = (id: number) => simulator.connections().find((each) => each.id === id)!;

test('a stall is silence on an open socket, heartbeats included; then it goes on', async () => {
  await start();
  const client = await streaming();
  const fault = simulator.addFault({ kind: 'stall' });
  const { framesSent } = sentTo(1);
  await eventually(() => expect(sentTo(1).framesDropped).toBeGreaterThan(22));
  expect(sentTo(1).framesSent).toBe(framesSent);
  expect(client.heartbeats).toBe(0);
  // Not even a refusal or an order gets through.
  simulator.run({ command: 'send_orders', account: 'SIM001', orders: [{ order_id: '1' }] });
  expect(simulator.removeFault(fault)).toBe(true);
  client.forget();
  await client.until(() => client.packets.length > 0);
  expect(client.texts).toEqual([]);
  expect(client.closeCode).toBeUndefined();
});

test('a stall with heartbeats looks alive and brings no data', async () => {
  await start();
  const client = await streaming();
  simulator.addFault({ kind: 'stall', heartbeats: true });
  const { framesSent } = sentTo(1);
  await client.until(() => client.heartbeats >= 2);
  client.send({ a: 'mode', v: ['ltp', [INFY]] });
  await client.until(() => client.heartbeats >= 3);
  expect(sentTo(1).framesSent).toBe(framesSent);
  expect(client.packets.some(({ length }) => length === 8)).toBe(false);
});

test('a stall meets one socket, one account, or all', async () => {
  await start();
  const clients = [await streaming(0), await streaming(0), await streaming(1)];
  const silent = async () => {
    const before = simulator.connections().map(({ framesSent }) => framesSent);
    // One market step decides for all: whoever is not stalled gets a frame with it.
    const dropped = simulator.connections().map(({ framesDropped }) => framesDropped);
    const hasMoved = () =>
      simulator
        .connections()
        .every(
          ({ framesSent, framesDropped }, at) =>
            framesSent > before[at]! + 2 || framesDropped > dropped[at]! + 2,
        );
    await eventually(() => expect(hasMoved()).toBe(true));
    return simulator.connections().map(({ framesSent }, at) => framesSent === before[at]);
  };
  expect(await silent()).toEqual([false, false, false]);
  const faults = [simulator.addFault({ kind: 'stall', socket: 2 })];
  expect(await silent()).toEqual([false, true, false]);
  faults.push(simulator.addFault({ kind: 'stall', account: 'SIM001_2' }));
  expect(await silent()).toEqual([false, true, true]);
  for (const id of faults) simulator.removeFault(id);
  simulator.addFault({ kind: 'stall', account: 'simulator_key' });
  expect(await silent()).toEqual([true, true, false]);
  simulator.clearFaults();
  expect(await silent()).toEqual([false, false, false]);
  for (const client of clients) await client.close();
});

test('a quiet market answers a subscription and then sends heartbeats only', async () => {
  await start();
  simulator.addFault({ kind: 'quiet' });
  const client = await TickerClient.connect(simulator);
  client.send({ a: 'subscribe', v: [NIFTY, RELIANCE] });
  await client.until(() => client.heartbeats >= 2);
  expect(client.packets).toEqual([
    { token: NIFTY, length: 28 },
    { token: RELIANCE, length: 44 },
  ]);
  simulator.clearFaults();
  await client.until(() => client.packets.length > 4);
});

test('closed with a code and a reason, or cut with neither: one socket, or an account', async () => {
  await start();
  const clients = [await streaming(0), await streaming(0), await streaming(1)];
  const [first, second, third] = clients as [TickerClient, TickerClient, TickerClient];
  expect(simulator.run({ command: 'close_sockets', socket: 2, code: 1001, reason: 'going away' })).toEqual({
    sockets: 1,
  });
  await second.until(() => second.closeCode !== undefined);
  expect([second.closeCode, second.closeReason]).toEqual([1001, 'going away']);
  expect(simulator.run({ command: 'close_sockets', account: 'SIM001', code: 1006 })).toEqual({ sockets: 1 });
  await first.until(() => first.closeCode !== undefined);
  expect(first.closeCode).toBe(1006);
  third.forget();
  await third.until(() => third.packets.length > 0);
  expect(third.closeCode).toBeUndefined();
});

test('frozen, a socket says and hears nothing, and its place stays taken when its client has left', async () => {
  await start();
  const client = await streaming();
  const query = queryOf(simulator);
  const others = [await TickerClient.connect(simulator, query), await TickerClient.connect(simulator, query)];
  const fault = simulator.addFault({ kind: 'freeze', socket: 1 });
  client.forget();
  // The other socket gets its answer, so whatever the frozen one was to get would be there as well.
  others[0]!.send({ a: 'subscribe', v: [INFY] });
  await others[0]!.until(() => others[0]!.packets.length > 3);
  expect(client.frames).toHaveLength(0);
  await client.terminate();
  expect(await statusOf(simulator, query)).toBe(429);
  expect(simulator.connections()).toHaveLength(KITE_CONNECTIONS_PER_ACCOUNT_MAX);
  simulator.removeFault(fault);
  await eventually(() => expect(simulator.connections().length).toBe(KITE_CONNECTIONS_PER_ACCOUNT_MAX - 1));
  expect(await statusOf(simulator, query)).toBe(101);
});

test('a short freeze loses nothing: what was held back comes in order', async () => {
  await start();
  const client = await streaming();
  simulator.addFault({ kind: 'freeze', for_ms: 400 });
  const { framesSent } = sentTo(1);
  await eventually(() => expect(sentTo(1).framesSent).toBeGreaterThan(framesSent + 5));
  await client.until(() => client.tickFrames.length >= sentTo(1).framesSent);
  expect(client.packets.length).toBe(client.tickFrames.reduce((sum, frame) => sum + frame.getUint16(0), 0));
  expect(sentTo(1).framesDropped).toBe(0);
});

test('a drip lets a frame through bit by bit', async () => {
  await start();
  const client = await streaming();
  const fault = simulator.addFault({ kind: 'drip', bytes_per_s: 20 });
  client.forget();
  const sent = sentTo(1).framesSent;
  await eventually(() => expect(sentTo(1).framesSent).toBeGreaterThan(sent + 10));
  // Ten frames of some 400 bytes were given to a line that takes 20 a second.
  expect(client.tickFrames.length).toBeLessThan(5);
  simulator.removeFault(fault);
  await client.until(() => client.tickFrames.length > 10);
  expect(client.tickFrames.every((frame) => typeof checkKiteFrame(frame) === 'number')).toBe(true);
});

test.each<[FrameCorruption, string | number]>([
  ['truncated', 'frame_truncated'],
  ['overlong', 'frame_overlong'],
  ['count_high', 'frame_truncated'],
  ['length_low', 'frame_overlong'],
  ['noise', 'frame_truncated'],
])('frames go out %s, so many times, and right again', async (how, found) => {
  await start();
  const client = await streaming();
  const id = simulator.addFault({ kind: 'corrupt', how: [how], times: 3 });
  const faults = () => client.tickFrames.map(checkKiteFrame).filter((check) => typeof check === 'string');
  await client.until(() => faults().length === 3);
  expect(faults()).toEqual([found, found, found]);
  const before = client.packets.length;
  await client.until(() => client.packets.length > before + 5);
  expect(faults()).toHaveLength(3);
  expect(simulator.state.faults.find((each) => each.id === id)).toMatchObject({ happened: 3 });
});

test('a frame over every size is sent whole', async () => {
  await start();
  const client = await streaming();
  simulator.addFault({ kind: 'corrupt', how: ['too_big'], times: 1 });
  await client.until(() => client.frames.some((frame) => frame.byteLength === 4 * 1024 * 1024 + 1));
});

test('upgrades are refused for a time, with a status, of one account', async () => {
  await start();
  for (const status of [403, 429, 503]) {
    const id = simulator.addFault({ kind: 'refuse_upgrade', status, account: 'SIM001' });
    expect(await statusOf(simulator, queryOf(simulator, 0))).toBe(status);
    expect(await statusOf(simulator, queryOf(simulator, 1))).toBe(101);
    simulator.removeFault(id);
    simulator.run({ command: 'close_sockets', code: 1006 });
    await eventually(() => expect(simulator.connections().length).toBe(0));
  }
  simulator.addFault({ kind: 'refuse_upgrade', status: 503, for_ms: 200 });
  expect(await statusOf(simulator, queryOf(simulator))).toBe(503);
  await eventually(async () => expect(await statusOf(simulator, queryOf(simulator))).toBe(101));
});

test('an upgrade that is never answered holds nobody up, not even the stop', async () => {
  await start();
  simulator.addFault({ kind: 'hang_upgrade', times: 1 });
  const { port } = new URL(simulator.url);
  const socket: Socket = connect(Number(port), '127.0.0.1');
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  socket.write(
    `GET /?${queryOf(simulator)} HTTP/1.1\r\nhost: 127.0.0.1\r\nupgrade: websocket\r\nconnection: Upgrade\r\n` +
      'sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
  );
  await eventually(() => expect(simulator.state.faults[0]?.happened).toBe(1));
  expect(await statusOf(simulator, queryOf(simulator))).toBe(101);
  expect(Buffer.concat(chunks)).toHaveLength(0);
  const closed = once(socket, 'close');
  await simulator.stop();
  await closed;
  await start();
});

test('a closed socket keeps its place while it lingers', async () => {
  await start();
  const query = queryOf(simulator);
  const clients: TickerClient[] = [];
  for (let i = 0; i < KITE_CONNECTIONS_PER_ACCOUNT_MAX; i++)
    clients.push(await TickerClient.connect(simulator, query));
  simulator.addFault({ kind: 'linger', ms: 60_000 });
  await clients[0]!.close();
  await eventually(() => expect(simulator.connections().length).toBe(2));
  expect(await statusOf(simulator, query)).toBe(429);
  simulator.clearFaults();
  await clients[1]!.close();
  await eventually(() => expect(simulator.connections().length).toBe(1));
  expect(await statusOf(simulator, query)).toBe(101);
  expect(await statusOf(simulator, query)).toBe(429);
});

test('orders go to every socket of the user, in order, twice if told, a late UPDATE behind COMPLETE', async () => {
  await start();
  const clients = [await TickerClient.connect(simulator), await TickerClient.connect(simulator)];
  const stranger = await TickerClient.connect(simulator, queryOf(simulator, 1));
  const orders = [
    { order_id: '1953341975595868160', status: 'COMPLETE', filled_quantity: 65 },
    { order_id: '1953341975595868160', status: 'UPDATE', filled_quantity: 40 },
  ];
  expect(simulator.run({ command: 'send_orders', account: 'SIM001', orders, copies: 2 })).toEqual({
    orders: 4,
  });
  const [complete, update] = orders.map((data) => JSON.stringify({ type: 'order', data }));
  for (const client of clients) {
    await client.until(() => client.texts.length >= 4);
    expect(client.texts).toEqual([complete, complete, update, update]);
  }
  expect(stranger.texts).toEqual([]);
  expect(() => simulator.run({ command: 'send_orders', account: 'NOBODY', orders })).toThrow("no 'NOBODY'");
});

test('any text can be sent, to one socket', async () => {
  await start();
  const clients = [await TickerClient.connect(simulator), await TickerClient.connect(simulator)];
  expect(simulator.run({ command: 'send_text', socket: 2, text: 'not json' })).toEqual({ sockets: 1 });
  await clients[1]!.until(() => clients[1]!.texts.length > 0);
  expect(clients.map(({ texts }) => texts)).toEqual([[], ['not json']]);
});
