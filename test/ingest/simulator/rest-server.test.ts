// REST v3 through the official KiteConnect, and by plain requests where that client hides what matters.
import { gunzipSync } from 'node:zlib';
import { KiteConnect } from 'kiteconnect';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { type Simulator, startSimulator } from '../../../ingest/simulator/simulator.ts';
import {
  KITE_OTHER_REQUESTS_PER_S_MAX,
  KITE_QUOTE_INSTRUMENTS_MAX,
  SIMULATOR_REQUEST_BODY_BYTES_MAX,
} from '../../../shared/limits.ts';

const account = {
  apiKey: 'key',
  apiSecret: 'secret',
  accessToken: 'token',
  userId: 'AB1234',
  redirectUrl: 'http://127.0.0.1:1/callback',
};
const other = { ...account, apiKey: 'key_2', accessToken: 'token_2', userId: 'CD5678' };
const INFY = 408065;

let simulator: Simulator;
let nowMs = Date.parse('2026-11-23T06:30:00Z');
let kite: InstanceType<typeof KiteConnect>;

function connect(accessToken = account.accessToken): InstanceType<typeof KiteConnect> {
  const parameters = { api_key: account.apiKey, access_token: accessToken, root: simulator.url };
  return new KiteConnect(parameters);
}

beforeAll(async () => {
  simulator = await startSimulator({
    instrumentsCount: 3_000,
    tradingDate: '2026-11-23',
    accounts: [account, other],
    nowMs: () => nowMs,
  });
});
afterAll(async () => simulator.stop());
beforeEach(() => {
  kite = connect();
});
// Each test has a second of its own, and with it its own allowance.
afterEach(() => {
  nowMs += 1_000;
});

const authorization = { authorization: `token ${account.apiKey}:${account.accessToken}` };

test('the profile, margins, and the books of an account that has not traded', async () => {
  expect(await kite.getProfile()).toMatchObject({ user_id: 'AB1234', broker: 'ZERODHA' });
  const margins = await kite.getMargins();
  expect(margins).toMatchObject({ equity: { enabled: true, net: 1_000_000 }, commodity: { net: 0 } });
  expect(await kite.getMargins('equity')).toMatchObject({ available: { cash: 1_000_000 } });
  expect(await kite.getOrders()).toEqual([]);
  expect(await kite.getTrades()).toEqual([]);
  expect(await kite.getHoldings()).toEqual([]);
  expect(await kite.getPositions()).toEqual({ net: [], day: [] });
});

test('a wrong token is a TokenException with 403, and the session hook is told', async () => {
  const stranger = connect('wrong');
  let hooks = 0;
  stranger.setSessionExpiryHook(() => {
    hooks += 1;
  });
  await expect(stranger.getProfile()).rejects.toMatchObject({ error_type: 'TokenException' });
  expect(hooks).toBe(1);
  const response = await fetch(`${simulator.url}/user/profile`);
  expect(response.status).toBe(403);
  expect(await response.json()).toEqual({
    status: 'error',
    message: 'Incorrect `api_key` or `access_token`.',
    data: null,
    error_type: 'TokenException',
  });
});

test('unknown routes are 404 and wrong methods 405, in the envelope', async () => {
  for (const [method, path, status] of [
    ['GET', '/nothing', 404],
    ['GET', '/orders/1/2/3', 404],
    ['PUT', '/user/profile', 405],
    ['GET', '//', 404],
  ] as const) {
    const response = await fetch(simulator.url + path, { method, headers: authorization });
    expect(response.status, path).toBe(status);
    expect(await response.json()).toMatchObject({ status: 'error', error_type: 'GeneralException' });
  }
});

test('the instrument dump is read by KiteConnect, whole and by exchange, without a token', async () => {
  const rows = await connect('wrong').getInstruments();
  // The official client makes one junk row of the last line end.
  expect(rows).toHaveLength(3_001);
  const future = rows.find((row) => row.tradingsymbol === 'NIFTY26NOVFUT');
  expect(future).toMatchObject({ name: 'NIFTY', lot_size: 65, tick_size: 0.1, exchange: 'NFO' });
  expect(future?.expiry).toEqual(new Date('2026-11-24'));
  expect(rows.find((row) => row.tradingsymbol === 'M&M')?.instrument_token).toBe('519937');
  const nse = await kite.getInstruments('NSE');
  expect(new Set(nse.slice(0, -1).map((row) => row.exchange))).toEqual(new Set(['NSE']));
  await expect(kite.getInstruments('NOWHERE' as 'NSE')).rejects.toMatchObject({
    error_type: 'InputException',
  });
});

test('the dump has exactly text/csv, CRLF, and gzip for who accepts it', async () => {
  const plain = await fetch(`${simulator.url}/instruments/NFO`, {
    headers: { 'accept-encoding': 'identity' },
  });
  expect(plain.headers.get('content-type')).toBe('text/csv');
  expect(plain.headers.get('content-encoding')).toBeNull();
  const text = await plain.text();
  expect(text.replaceAll('\r\n', '')).not.toMatch(/[\r\n]/);
  const { request } = await import('node:http');
  const gzipped = await new Promise<Buffer>((resolve, reject) => {
    const headers = { 'accept-encoding': 'gzip, deflate' };
    request(`${simulator.url}/instruments/NFO`, { headers }, async (response) => {
      expect(response.headers).toMatchObject({ 'content-type': 'text/csv', 'content-encoding': 'gzip' });
      resolve(Buffer.concat(await response.toArray()));
    })
      .on('error', reject)
      .end();
  });
  expect(gzipped.byteLength).toBeLessThan(text.length / 3);
  expect(gunzipSync(gzipped).toString()).toBe(text);
});

test('quotes agree with the market’s record; what is not listed is absent', async () => {
  const quotes = await kite.getQuote(['NSE:INFY', 'NSE:NIFTY 50', 'NFO:NIFTY26NOVFUT', 'NSE:NOTHING']);
  expect(Object.keys(quotes).sort()).toEqual(['NFO:NIFTY26NOVFUT', 'NSE:INFY', 'NSE:NIFTY 50']);
  const infy = quotes['NSE:INFY'];
  expect(infy).toMatchObject({ instrument_token: INFY, oi: 0 });
  expect(infy?.depth.buy).toHaveLength(5);
  expect(infy?.depth.sell).toHaveLength(5);
  const { low, high } = infy!.ohlc;
  expect(infy!.last_price).toBeGreaterThanOrEqual(low);
  expect(infy!.last_price).toBeLessThanOrEqual(high);
  expect(infy!.net_change).toBeCloseTo(infy!.last_price - infy!.ohlc.close, 8);
  expect(quotes['NFO:NIFTY26NOVFUT']?.oi).toBeGreaterThan(0);
  expect(quotes['NSE:NIFTY 50']).not.toHaveProperty('depth');
});

test('ohlc and ltp, by symbol and by token', async () => {
  const ohlc = await kite.getOHLC(['NSE:INFY', String(INFY)]);
  expect(ohlc[String(INFY)]).toEqual(ohlc['NSE:INFY']);
  expect(Object.keys(ohlc['NSE:INFY']!.ohlc)).toEqual(['open', 'high', 'low', 'close']);
  nowMs += 1_000;
  const ltp = await kite.getLTP('NSE:SBIN');
  expect(ltp['NSE:SBIN']?.instrument_token).toBe(779521);
});

test('each quote call has its maximum, and takes that many', async () => {
  const names = simulator.instruments.slice(0, 1_001).map((each) => `${each.exchange}:${each.tradingsymbol}`);
  for (const [call, max] of [
    [(list: string[]) => kite.getQuote(list), KITE_QUOTE_INSTRUMENTS_MAX],
    [(list: string[]) => kite.getOHLC(list), 1_000],
    [(list: string[]) => kite.getLTP(list), 1_000],
  ] as const) {
    nowMs += 1_000;
    expect(Object.keys(await call(names.slice(0, max)))).toHaveLength(max);
    nowMs += 1_000;
    await expect(call(names.slice(0, max + 1))).rejects.toMatchObject({ error_type: 'InputException' });
  }
  nowMs += 1_000;
  await expect(kite.getQuote([])).rejects.toMatchObject({ error_type: 'InputException' });
});

test('history: candles in IST around the price, the same each time, with open interest on demand', async () => {
  const candles = await kite.getHistoricalData(INFY, 'minute', '2026-11-20 09:15:00', '2026-11-20 15:30:00');
  expect(candles).toHaveLength(375);
  expect(candles[0]?.date).toEqual(new Date('2026-11-20T09:15:00+05:30'));
  const again = await kite.getHistoricalData(INFY, 'minute', '2026-11-20 09:15:00', '2026-11-20 15:30:00');
  expect(again).toEqual(candles);
  for (const { close } of candles) {
    expect(close).toBeGreaterThan(1_200);
    expect(close).toBeLessThan(2_000);
  }
  const future = simulator.instruments.find(({ tradingsymbol }) => tradingsymbol === 'NIFTY26NOVFUT')!;
  const path = `/instruments/historical/${future.instrument_token}/day?from=2026-11-16&to=2026-11-20&oi=1`;
  const response = await fetch(simulator.url + path, { headers: authorization });
  const { data } = (await response.json()) as { data: { candles: [string, ...number[]][] } };
  expect(data.candles.map(([stamp]) => stamp)).toEqual(
    [16, 17, 18, 19, 20].map((day) => `2026-11-${day}T00:00:00+0530`),
  );
  expect(data.candles.every((row) => row.length === 7 && row[6]! > 0)).toBe(true);
});

test('history refuses what Kite refuses: token, interval, dates, span', async () => {
  const refused = async (...call: Parameters<typeof kite.getHistoricalData>) => {
    nowMs += 1_000;
    const error: { message: string } = await kite.getHistoricalData(...call).then(
      () => ({ message: 'accepted' }),
      (reason) => reason,
    );
    return error.message;
  };
  expect(await refused(1, 'day', '2026-11-01', '2026-11-02')).toBe('invalid token');
  expect(await refused(INFY, 'hour' as 'day', '2026-11-01', '2026-11-02')).toBe('invalid interval');
  expect(await refused(INFY, 'day', '2026-02-30', '2026-11-02')).toContain("invalid from date: '2026-02-30'");
  expect(await refused(INFY, 'day', '2026-11-01', 'soon')).toContain("invalid to date: 'soon'");
  expect(await refused(INFY, 'day', '2026-11-02', '2026-11-01')).toContain('after the to date');
  expect(await refused(INFY, 'minute', '2026-01-01', '2026-03-03')).toContain('60 days');
  expect(await refused(INFY, '60minute', '2025-01-01', '2026-03-03')).toContain('400 days');
  expect(await refused(INFY, 'minute', '2026-09-01', '2026-10-31')).toBe('accepted');
});

test('each rate limit answers 429 with Kite’s body, until the second is over', async () => {
  const allowances = [
    ['/quote/ltp?i=NSE:INFY', 1],
    [`/instruments/historical/${INFY}/day?from=2026-11-19&to=2026-11-20`, 3],
    ['/user/profile', KITE_OTHER_REQUESTS_PER_S_MAX],
  ] as const;
  for (const [path, allowance] of allowances) {
    for (const second of [1, 2]) {
      nowMs += 1_000;
      const statuses: number[] = [];
      for (let i = 0; i <= allowance; i++) {
        const response = await fetch(simulator.url + path, { headers: authorization });
        statuses.push(response.status);
        const body = await response.json();
        if (response.status === 429)
          expect(body).toEqual({
            status: 'error',
            message: 'Too many requests',
            error_type: 'NetworkException',
          });
      }
      expect(statuses, `${path} in second ${second}`).toEqual([...Array(allowance).fill(200), 429]);
    }
  }
  nowMs += 1_000;
  await kite.getLTP('NSE:INFY');
  await expect(kite.getLTP('NSE:INFY')).rejects.toMatchObject({ error_type: 'NetworkException' });
});

test('each api_key has an allowance of its own', async () => {
  const headersOf = ({ apiKey, accessToken }: typeof account) => ({
    authorization: `token ${apiKey}:${accessToken}`,
  });
  const statusFor = async (who: typeof account) =>
    (await fetch(`${simulator.url}/quote/ltp?i=NSE:INFY`, { headers: headersOf(who) })).status;
  expect([await statusFor(account), await statusFor(account), await statusFor(other)]).toEqual([
    200, 429, 200,
  ]);
});

test('a login: redirect, exchange, the new token works and the old one does not, logout', async () => {
  const login = await fetch(`${simulator.url}/connect/login?v=3&api_key=key`, { redirect: 'manual' });
  expect(login.status).toBe(302);
  const target = new URL(login.headers.get('location') ?? '');
  expect(`${target.origin}${target.pathname}`).toBe(account.redirectUrl);
  const requestToken = target.searchParams.get('request_token') ?? '';
  const fresh = connect('');
  await expect(fresh.generateSession(requestToken, 'not the secret')).rejects.toMatchObject({
    error_type: 'TokenException',
  });
  const session = await fresh.generateSession(requestToken, account.apiSecret);
  expect(session).toMatchObject({ user_id: 'AB1234', api_key: 'key', refresh_token: '' });
  await expect(fresh.getProfile()).resolves.toMatchObject({ user_id: 'AB1234' });
  await expect(kite.getProfile()).rejects.toMatchObject({ error_type: 'TokenException' });
  await expect(fresh.generateSession(requestToken, account.apiSecret)).rejects.toMatchObject({
    error_type: 'TokenException',
  });
  const relogin = connect(session.access_token);
  expect(await relogin.invalidateAccessToken()).toBe(true);
  await expect(relogin.getProfile()).rejects.toMatchObject({ error_type: 'TokenException' });
});

test('logins and exchanges that lack something are refused by name', async () => {
  for (const query of ['', '?v=3', '?v=3&api_key=unknown', '?api_key=key']) {
    const response = await fetch(`${simulator.url}/connect/login${query}`, { redirect: 'manual' });
    expect(response.status, query).toBe(400);
  }
  const empty = await fetch(`${simulator.url}/session/token`, { method: 'POST', body: '' });
  expect(await empty.json()).toMatchObject({ error_type: 'InputException' });
  const body = `api_key=${'x'.repeat(SIMULATOR_REQUEST_BODY_BYTES_MAX)}`;
  const huge = await fetch(`${simulator.url}/session/token`, { method: 'POST', body });
  expect(huge.status).toBe(400);
  expect(await huge.json()).toMatchObject({ error_type: 'InputException' });
});

test('a market of 115,000 instruments starts, serves its dump, and quotes the last of them', async () => {
  const large = await startSimulator({ instrumentsCount: 115_000, accounts: [account], nowMs: () => nowMs });
  try {
    const text = await (await fetch(`${large.url}/instruments`)).text();
    expect(text.split('\r\n')).toHaveLength(115_002);
    const last = large.instruments.at(-1)!;
    const name = `${last.exchange}:${last.tradingsymbol}`;
    const path = `/quote/ltp?i=${encodeURIComponent(name)}`;
    const response = await fetch(large.url + path, { headers: authorization });
    expect(await response.json()).toMatchObject({
      data: { [name]: { instrument_token: last.instrument_token } },
    });
  } finally {
    await large.stop();
  }
});
