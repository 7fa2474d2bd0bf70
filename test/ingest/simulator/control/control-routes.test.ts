// The control over HTTP: its state, faults and commands, what it refuses, and whom.
import { readFileSync } from 'node:fs';
import { request } from 'node:http';
import { networkInterfaces } from 'node:os';
import { afterEach, expect, test } from 'vitest';
import { Command } from '../../../../ingest/simulator/control/command.ts';
import { isLoopbackAddress } from '../../../../ingest/simulator/control/control-routes.ts';
import { Fault } from '../../../../ingest/simulator/control/fault.ts';
import { FRAME_CORRUPTIONS } from '../../../../ingest/simulator/core/frame-corruption.ts';
import {
  type Simulator,
  type SimulatorOptions,
  startSimulator,
} from '../../../../ingest/simulator/simulator.ts';
import {
  SIMULATOR_ORDER_COPIES_MAX,
  SIMULATOR_ORDERS_PER_COMMAND_MAX,
  SIMULATOR_SPOT_JUMP_PERCENT_MAX,
  SIMULATOR_TEXT_CHARS_MAX,
} from '../../../../shared/limits.ts';
import { queryOf, statusOf, TickerClient } from '../ticker-client.ts';

let simulator: Simulator;
afterEach(async () => simulator?.stop());

async function start(options: SimulatorOptions = {}): Promise<void> {
  simulator = await startSimulator({ tradingDate: '2026-11-23', ...options });
}

interface Told {
  readonly httpStatus: number;
  readonly data?: unknown;
  readonly message?: string;
}

async function call(method: string, path: string, body?: unknown): Promise<Told> {
  const response = await fetch(`${simulator.url}/_simulator${path}`, {
    method,
    ...(body === undefined
      ? {}
      : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
  });
  return { httpStatus: response.status, ...((await response.json()) as object) };
}

test('the state tells accounts, sockets, faults and the clock', async () => {
  const nowMs = Date.parse('2026-11-23T05:00:00Z');
  await start({ seed: 9, nowMs: () => nowMs, isTokenDaily: true });
  const client = await TickerClient.connect(simulator);
  client.send({ a: 'subscribe', v: [256265] });
  await client.until(() => client.packets.length > 0);
  const { data: id } = await call('POST', '/faults', { kind: 'linger', ms: 5 });
  const { httpStatus, data } = await call('GET', '');
  expect(httpStatus).toBe(200);
  expect(data).toEqual({
    seed: 9,
    clock: { now: '2026-11-23 10:30:00', ahead_ms: 0 },
    trading_date: '2026-11-23',
    instruments: 500,
    accounts: [
      {
        api_key: 'simulator_key',
        api_secret: 'simulator_secret',
        user_id: 'SIM001',
        access_token: 'simulator_access_token',
        expires_at: '2026-11-24 06:00:00',
        redirect_url: null,
        sockets: 1,
      },
    ],
    sockets: [
      {
        id: 1,
        api_key: 'simulator_key',
        user_id: 'SIM001',
        subscriptions: { ltp: 0, quote: 1, full: 0 },
        packets_sent: 1,
        frames_sent: 1,
        frames_dropped: 0,
      },
    ],
    faults: [{ ...(id as object), fault: { kind: 'linger', ms: 5 }, happened: 0 }],
  });
  expect(data).toEqual(JSON.parse(JSON.stringify(simulator.state)));
});

test('faults come and go', async () => {
  await start();
  const query = queryOf(simulator);
  expect(await call('POST', '/faults', { kind: 'refuse_upgrade', status: 503 })).toMatchObject({
    httpStatus: 200,
    data: { id: 1 },
  });
  await call('POST', '/faults', { kind: 'stall', heartbeats: true, account: 'SIM001', for_ms: 60_000 });
  expect(await statusOf(simulator, query)).toBe(503);
  expect(await call('DELETE', '/faults/1')).toMatchObject({ data: [{ id: 2, fault: { kind: 'stall' } }] });
  expect(await call('DELETE', '/faults/1')).toMatchObject({
    httpStatus: 404,
    message: 'There is no fault 1.',
  });
  expect(await statusOf(simulator, query)).toBe(101);
  expect(await call('DELETE', '/faults')).toMatchObject({ data: [] });
});

test('commands answer with what came of them', async () => {
  await start();
  const client = await TickerClient.connect(simulator);
  expect(await call('POST', '/commands', { command: 'close_sockets', code: 1001 })).toMatchObject({
    data: { sockets: 1 },
  });
  await client.until(() => client.closeCode === 1001);
  const { data } = await call('POST', '/commands', { command: 'log_in', account: 'SIM001' });
  const { access_token: token } = data as { access_token: string };
  expect(await statusOf(simulator, queryOf(simulator))).toBe(403);
  expect(await statusOf(simulator, `api_key=simulator_key&access_token=${token}`)).toBe(101);
  expect(await call('POST', '/commands', { command: 'expire_token' })).toMatchObject({
    data: { accounts: 1 },
  });
  expect(await statusOf(simulator, `api_key=simulator_key&access_token=${token}`)).toBe(403);
  expect(simulator.state.accounts[0]).toMatchObject({ access_token: null, expires_at: null });
});

test('what cannot be is refused with 400 and named', async () => {
  await start();
  const refused = async (path: string, body: unknown) => {
    const { httpStatus, message } = await call('POST', path, body);
    expect(httpStatus, JSON.stringify(body)).toBe(400);
    return message;
  };
  expect(await refused('/faults', { kind: 'stal' })).toContain('kind');
  expect(await refused('/faults', { kind: 'stall', for_ms: -1 })).toContain('for_ms');
  expect(await refused('/faults', [])).toContain('body');
  expect(await refused('/commands', { command: 'dance' })).toContain('command');
  expect(await refused('/commands', { command: 'log_in', account: 'NOBODY' })).toContain("'NOBODY'");
  expect(await refused('/commands', { command: 'close_sockets', code: 1005 })).toContain('code');
  expect(await refused('/commands', { command: 'open_date', trading_date: '2026-02-30' })).toContain(
    'trading_date',
  );
  expect(await refused('/commands', { command: 'set_clock', to: '2026-11-23' })).toContain('to');
  const jump = { command: 'move_spot', by_percent: 1 };
  expect(await refused('/commands', { ...jump, symbol: 'NSE:NOSUCH' })).toContain("'NSE:NOSUCH'");
  const beyond = { symbol: 'NSE:NIFTY 50', by_percent: SIMULATOR_SPOT_JUMP_PERCENT_MAX + 1 };
  expect(await refused('/commands', { ...jump, ...beyond })).toContain('by_percent');
  const text = 'x'.repeat(SIMULATOR_TEXT_CHARS_MAX + 1);
  expect(await refused('/commands', { command: 'send_text', text })).toContain('text');
  const orders = Array.from({ length: SIMULATOR_ORDERS_PER_COMMAND_MAX + 1 }, () => ({}));
  expect(await refused('/commands', { command: 'send_orders', account: 'SIM001', orders })).toContain(
    'orders',
  );
  const copies = SIMULATOR_ORDER_COPIES_MAX + 1;
  expect(
    await refused('/commands', { command: 'send_orders', account: 'SIM001', orders: [{}], copies }),
  ).toContain('copies');
  for (const [method, path] of [
    ['GET', '/faults'],
    ['PUT', ''],
    ['POST', '/nothing'],
  ])
    expect((await call(method!, path!)).httpStatus, `${method} ${path}`).toBe(method === 'POST' ? 400 : 404);
});

/** A POST with these headers and body; the status of its answer. */
function post(headers: Record<string, string>, body: string, host = '127.0.0.1'): Promise<number> {
  const { port } = new URL(simulator.url);
  return new Promise((resolve, reject) => {
    request({ host, port, path: '/_simulator/faults', method: 'POST', headers }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    })
      .on('error', reject)
      .end(body);
  });
}

test('pages in a browser are refused, under whatever name they come', async () => {
  await start();
  const body = JSON.stringify({ kind: 'stall' });
  const json = { 'content-type': 'application/json' };
  expect(await post({ ...json, host: 'evil.example:80' }, body)).toBe(403);
  expect(await post({ ...json, origin: 'http://evil.example' }, body)).toBe(403);
  expect(await post({ 'content-type': 'text/plain' }, body)).toBe(400);
  expect(await post({}, body)).toBe(400);
  expect(await post(json, '{')).toBe(400);
  expect(simulator.state.faults).toEqual([]);
  expect(await post({ ...json, host: 'localhost:1' }, body)).toBe(200);
});

test('callers from elsewhere are refused', async () => {
  const elsewhere = Object.values(networkInterfaces())
    .flat()
    .find((address) => address?.family === 'IPv4' && !address.internal)?.address;
  await start({ host: '0.0.0.0' });
  for (const address of ['127.0.0.1', '127.8.9.1', '::1', '::ffff:127.0.0.1'])
    expect(isLoopbackAddress(address), address).toBe(true);
  for (const address of ['10.0.0.1', '::ffff:10.0.0.1', '128.0.0.1', '127.0.0.1.evil', '', '::2'])
    expect(isLoopbackAddress(address), address).toBe(false);
  const json = { 'content-type': 'application/json', host: '127.0.0.1' };
  expect(await post(json, '{"kind":"stall"}')).toBe(200);
  // A machine without a network has no elsewhere.
  if (elsewhere !== undefined) expect(await post(json, '{"kind":"stall"}', elsewhere)).toBe(403);
});

test('the README names every fault, every command and every way to spoil a frame', () => {
  const text = readFileSync(new URL('../../../../README.md', import.meta.url), 'utf8');
  const kinds = Fault.options.map(({ shape }) => shape.kind.value);
  const commands = Command.options.map(({ shape }) => shape.command.value);
  expect(kinds.length * commands.length).toBeGreaterThan(100);
  for (const name of [...kinds, ...commands, ...FRAME_CORRUPTIONS]) expect(text).toContain(`\`${name}\``);
});
