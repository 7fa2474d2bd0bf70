// Every fault of the REST API, as the official KiteConnect takes it and as it is on the wire.
import { createHash } from 'node:crypto';
import { KiteConnect } from 'kiteconnect';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { numberedAccounts } from '../../../ingest/simulator/account-sessions.ts';
import { type Simulator, startSimulator } from '../../../ingest/simulator/simulator.ts';
import { eventually } from '../support/eventually.ts';

const REDIRECT_URL = 'http://127.0.0.1:1/callback';
const accounts = numberedAccounts(
  { apiKey: 'key', apiSecret: 'secret', accessToken: 'token', userId: 'AB1234', redirectUrl: REDIRECT_URL },
  2,
);

let simulator: Simulator;
let nowMs = Date.parse('2026-11-23T06:30:00Z');
beforeAll(async () => {
  simulator = await startSimulator({
    instrumentsCount: 3_000,
    tradingDate: '2026-11-23',
    accounts,
    nowMs: () => nowMs,
  });
});
afterAll(async () => simulator.stop());
// Each test has a second of its own, and with it its own allowance.
afterEach(() => {
  simulator.clearFaults();
  nowMs += 1_000;
});

function connect(account = accounts[0]!): InstanceType<typeof KiteConnect> {
  const parameters = { api_key: account.apiKey, access_token: account.accessToken, root: simulator.url };
  return new KiteConnect(parameters);
}

/** Outcome of a call of the official client: its message, or 'ok'. */
async function outcome(call: Promise<unknown>): Promise<string> {
  return call.then(
    () => 'ok',
    (error: { message: string }) => error.message,
  );
}

const headers = { authorization: 'token key:token', 'accept-encoding': 'identity' };
const get = (path: string) => fetch(simulator.url + path, { headers });
const occurrences = () => simulator.state.faults.map(({ happened }) => happened);

test('a storm of 429 meets one account, so many times', async () => {
  simulator.addFault({ kind: 'rest_status', status: 429, account: 'AB1234', times: 2 });
  const [one, other] = [connect(accounts[0]), connect(accounts[1])];
  expect(await outcome(other.getProfile())).toBe('ok');
  expect(await outcome(one.getProfile())).toBe('Too many requests');
  const refused = await get('/quote/ltp?i=NSE:INFY');
  expect(refused.status).toBe(429);
  expect(await refused.json()).toEqual({
    status: 'error',
    message: 'Too many requests',
    error_type: 'NetworkException',
  });
  expect(await outcome(one.getProfile())).toBe('ok');
});

test('errors of Kite’s own, with their types and a message of choice', async () => {
  for (const [status, type] of [
    [400, 'InputException'],
    [403, 'TokenException'],
    [500, 'GeneralException'],
    [502, 'DataException'],
    [503, 'NetworkException'],
  ] as const) {
    nowMs += 1_000;
    const id = simulator.addFault({ kind: 'rest_status', status, message: 'told so' });
    const response = await get('/user/profile');
    expect(response.status).toBe(status);
    expect(await response.json()).toEqual({
      status: 'error',
      message: 'told so',
      data: null,
      error_type: type,
    });
    await expect(connect().getProfile()).rejects.toMatchObject({ message: 'told so', error_type: type });
    simulator.removeFault(id);
  }
});

test('a web page with status 200, which KiteConnect resolves, and with 502, which it rejects', async () => {
  const id = simulator.addFault({ kind: 'rest_html', status: 200, path: '/orders' });
  expect(await connect().getOrders()).toMatchObject({ error_type: 'DataException' });
  expect(await outcome(connect().getProfile())).toBe('ok');
  simulator.removeFault(id);
  simulator.addFault({ kind: 'rest_html', status: 502 });
  await expect(connect().getOrders()).rejects.toMatchObject({ error_type: 'NetworkException' });
  const page = await get('/instruments');
  expect([page.status, page.headers.get('content-type')]).toEqual([502, 'text/html']);
  expect(await page.text()).toContain('502 Bad Gateway');
});

test('no answer, or a reset: before the request was carried out', async () => {
  simulator.addFault({ kind: 'rest_hang', times: 1 });
  const parameters = { api_key: 'key', access_token: 'token', root: simulator.url, timeout: 200 };
  expect(await outcome(new KiteConnect(parameters).getProfile())).toContain('ECONNABORTED');
  simulator.addFault({ kind: 'rest_reset', times: 1 });
  expect(await outcome(connect().getProfile())).toContain('ECONNRESET');
  expect(await outcome(connect().getProfile())).toBe('ok');
});

test.each([
  { kind: 'rest_hang' },
  { kind: 'rest_reset' },
  { kind: 'rest_html', status: 502 },
  { kind: 'rest_status', status: 400 },
] as const)('carried out and then $kind: the login counts, its answer is lost', async (fault) => {
  const account = accounts[1]!;
  const login = await fetch(`${simulator.url}/connect/login?v=3&api_key=${account.apiKey}`, {
    redirect: 'manual',
  });
  const requestToken = new URL(login.headers.get('location') ?? '').searchParams.get('request_token') ?? '';
  const before = simulator.state.accounts[1]!.access_token;
  const checksum = createHash('sha256')
    .update(account.apiKey + requestToken + account.apiSecret)
    .digest('hex');
  const exchange = (stage: 'before' | 'after') => {
    simulator.addFault({ ...fault, stage, times: 1, method: 'POST', path: '/session/token' });
    const body = new URLSearchParams({ api_key: account.apiKey, request_token: requestToken, checksum });
    const signal = AbortSignal.timeout(fault.kind === 'rest_hang' ? 1_000 : 20_000);
    return fetch(`${simulator.url}/session/token`, { method: 'POST', body, signal }).then(
      ({ status }) => status,
      () => 'no answer',
    );
  };
  const seen = 'status' in fault ? fault.status : 'no answer';
  expect(await exchange('before')).toBe(seen);
  expect(simulator.state.accounts[1]!.access_token).toBe(before);
  expect(await exchange('after')).toBe(seen);
  await eventually(() => expect(simulator.state.accounts[1]!.access_token).not.toBe(before));
  simulator.clearFaults();
  await expect(connect().generateSession(requestToken, account.apiSecret)).rejects.toMatchObject({
    error_type: 'TokenException',
  });
});

test('a delay holds an answer back, whatever else comes in between', async () => {
  simulator.addFault({ kind: 'rest_delay', ms: 250, jitter_ms: 50, path: '/user' });
  const order: string[] = [];
  await Promise.all([
    get('/user/profile').then(() => order.push('delayed')),
    get('/orders').then(() => order.push('prompt')),
  ]);
  expect(order).toEqual(['prompt', 'delayed']);
  expect(occurrences()).toEqual([1]);
});

test('a dump whose connection is cut in the middle fails for who reads it, gzipped or not', async () => {
  simulator.addFault({ kind: 'rest_cut', path: '/instruments', times: 2 });
  const response = await get('/instruments');
  expect(response.status).toBe(200);
  const reader = response.body!.getReader();
  let bytes = 0;
  const readAll = async () => {
    for (let part = await reader.read(); !part.done; part = await reader.read())
      bytes += part.value.byteLength;
  };
  await expect(readAll()).rejects.toThrow();
  expect(bytes).toBe(Math.ceil(Number(response.headers.get('content-length')) / 2));
  expect(await outcome(connect().getInstruments())).not.toBe('ok');
  expect(await connect().getInstruments()).toHaveLength(3_001);
});

test('half a dump looks whole: status, length and gzip are in order', async () => {
  simulator.addFault({ kind: 'rest_half', path: '/instruments', fraction: 0.25, times: 2 });
  const half = await (await get('/instruments')).text();
  const rows = await connect().getInstruments();
  const whole = await (await get('/instruments')).text();
  expect(half).toBe(whole.slice(0, Math.floor(whole.length / 4)));
  expect(rows.length).toBeLessThan(1_000);
});

test('a dump with unusable rows still has all the others; other answers have none', async () => {
  simulator.addFault({ kind: 'malformed_rows', rows: 50, times: 2 });
  const spoilt = (await (await get('/instruments')).text()).split('\r\n');
  expect(await outcome(connect().getProfile())).toBe('ok');
  const whole = (await (await get('/instruments')).text()).split('\r\n');
  const good = new Set(whole);
  expect(spoilt).toHaveLength(whole.length + 50);
  expect(spoilt.filter((line) => good.has(line))).toEqual(whole);
});

test('faults by chance are the seed’s: the same requests meet the same ones again', async () => {
  const run = async () => {
    const other = await startSimulator({ seed: 5, tradingDate: '2026-11-23', accounts, nowMs: () => nowMs });
    other.addFault({ kind: 'rest_status', status: 503, probability: 0.5 });
    const statuses: number[] = [];
    for (let i = 0; i < 30; i++) {
      nowMs += 1_000;
      statuses.push((await fetch(`${other.url}/user/profile`, { headers })).status);
    }
    await other.stop();
    return statuses;
  };
  const statuses = await run();
  expect(new Set(statuses)).toEqual(new Set([200, 503]));
  expect(await run()).toEqual(statuses);
});
