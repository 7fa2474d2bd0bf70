// Kite's own clients against the whole system: the official KiteTicker, and the rules of its Python sister.
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { WebSocket } from 'ws';
import { type Simulator, startSimulator } from '../../ingest/simulator/simulator.ts';
import type { TickMode } from '../../shared/tick.ts';
import { KiteProcess, type KiteProcessSettings } from '../support/kite-process.ts';
import { type KiteTick, KiteTruth } from '../support/kite-truth.ts';
import { startTestStack, type TestStack } from '../support/stack.ts';

const WITHIN_MS = 30_000;
/** KiteTicker finds out after 5 s without a frame that a second connection is gone, and waits before each attempt. */
const RECONNECTED_WITHIN_MS = 60_000;
/** A gateway with nothing to do hibernates after ten seconds. */
const IDLE_MS = 12_000;

let truth: KiteTruth;
let simulator: Simulator;
let stack: TestStack;
let client: KiteProcess | undefined;
let wanted: Record<TickMode, number[]>;

beforeAll(async () => {
  truth = new KiteTruth();
  simulator = await startSimulator({ instrumentsCount: 200, ticksPerInstrumentPerSecond: 4 });
  const [account] = simulator.accounts;
  stack = await startTestStack({
    simulator: false,
    sidecarEnv: {
      KITE_API_ROOT: simulator.url,
      KITE_WS_ROOT: simulator.wsUrl,
      KITE_API_KEY: account?.apiKey ?? '',
      KITE_ACCESS_TOKEN: account?.accessToken ?? '',
      MARKET_SESSION: 'always_open',
      INSTRUMENT_LIST_CHECK: 'any',
      // Several sockets: each of them brings every order update.
      MAX_INSTRUMENTS_PER_WS: '60',
    },
  });
  const listed = async () => (await fetch(`${stack.info.url}/health`)).json();
  await vi.waitFor(async () => expect(await listed()).toMatchObject({ status: 'ok' }), {
    timeout: WITHIN_MS,
    interval: 100,
  });
  const tokens = (...symbols: string[]) =>
    symbols.map((symbol) => {
      const found = simulator.instruments.find(({ tradingsymbol }) => tradingsymbol === symbol);
      return found?.instrument_token ?? Number.NaN;
    });
  const others = simulator.instruments.map(({ instrument_token: token }) => token as number);
  const few = new Set(tokens('NIFTY 50', 'NIFTY BANK', 'INDIA VIX', 'RELIANCE', 'INFY', 'SBIN'));
  wanted = {
    ltp: tokens('NIFTY 50', 'RELIANCE'),
    quote: tokens('NIFTY BANK', 'SBIN'),
    full: [...tokens('INDIA VIX', 'INFY'), ...others.filter((token) => !few.has(token)).slice(0, 100)],
  };
});
afterEach(() => {
  client?.stop();
  client = undefined;
});
afterAll(async () => {
  await stack?.stop();
  await simulator?.stop();
  truth.stop();
});

function start(kind: 'javascript' | 'python', settings: Partial<KiteProcessSettings> = {}): KiteProcess {
  const { kiteWs: root, token: access_token } = stack.info;
  client = new KiteProcess(kind, { root, access_token, ltp: [], quote: [], full: [], ...settings });
  return client;
}

const until = (isDone: () => boolean, timeout = WITHIN_MS) =>
  vi.waitFor(
    () => {
      if (client?.exitCode !== undefined) throw new Error(`the client has ended: ${client.stderr}`);
      expect(isDone()).toBe(true);
    },
    { timeout, interval: 50 },
  );

const allTokens = () => Object.values(wanted).flat();

/** Instruments that have not come since then, in the mode that was asked for. */
function missing(process: KiteProcess, from = 0): number[] {
  const seen = new Set(
    process.ticks(from).map(({ instrument_token, mode }) => `${instrument_token} ${mode}`),
  );
  return (Object.keys(wanted) as TickMode[]).flatMap((mode) =>
    wanted[mode].filter((token) => !seen.has(`${token} ${mode}`)),
  );
}

const neverSaid = (ticks: readonly KiteTick[]) => ticks.filter((tick) => !truth.hasSaid(tick));

describe('KiteTicker', () => {
  test('sees what the market has said, to the last bit, and nothing else', async () => {
    const ticker = start('javascript', wanted);
    await until(() => missing(ticker).length === 0 && ticker.ticks().length > 5_000);
    const ticks = ticker.ticks();
    expect(neverSaid(ticks)).toEqual([]);
    expect(new Set(ticks.map(({ instrument_token }) => instrument_token))).toEqual(new Set(allTokens()));
    expect([ticker.count('disconnect'), ticker.count('error')]).toEqual([0, 0]);
  });

  test('is kept alive while it is subscribed to nothing', async () => {
    const ticker = start('javascript');
    await until(() => ticker.count('connect') === 1);
    await new Promise((resolve) => setTimeout(resolve, IDLE_MS));
    expect(ticker.count('heartbeat')).toBeGreaterThan(2);
    expect([ticker.count('disconnect'), ticker.count('error')]).toEqual([0, 0]);
  });

  test('comes back by itself when the edge dies, and is current again', async () => {
    const ticker = start('javascript', wanted);
    await until(() => missing(ticker).length === 0);
    for (let connects = 2; connects <= 3; connects++) {
      const back = stack.nextReady('workerd');
      stack.kill('workerd');
      await back;
      const from = ticker.events.length;
      await until(() => ticker.count('connect') === connects, RECONNECTED_WITHIN_MS);
      await until(() => missing(ticker, from).length === 0);
      expect(neverSaid(ticker.ticks(from))).toEqual([]);
    }
  });

  test('hears of each order update once, whatever the number of Kite’s sockets that bring it', async () => {
    const ticker = start('javascript', wanted);
    await until(() => missing(ticker).length === 0);
    expect(simulator.connections().length).toBeGreaterThan(1);
    const orderOf = (n: number) => ({
      order_id: `195334197559586816${n}`,
      user_id: 'SIM001',
      status: n === 2 ? 'COMPLETE' : 'UPDATE',
      quantity: 150,
      filled_quantity: 75 * n,
      tags: ['ü', '"'],
    });
    const orders = [0, 1, 2].map(orderOf);
    simulator.run({ command: 'send_orders', account: 'SIM001', orders, copies: 2 });
    await until(() => ticker.count('order_update') >= orders.length);
    // A tick that came after the last repeat was passed on, or was not.
    const from = ticker.events.length;
    await until(() => missing(ticker, from).length === 0);
    const heard = ticker.events.filter(({ event }) => event === 'order_update').map(({ data }) => data);
    expect(heard).toEqual(orders);
  });

  test('is refused with 403 for a token that is none, and with an API key it is let in', async () => {
    const refused = start('javascript', { access_token: 'dead' });
    await until(() => refused.count('error') > 0);
    expect(refused.events.find(({ event }) => event === 'error')?.data).toMatch(/403/);
    expect(refused.count('connect')).toBe(0);
    refused.stop();
    const ticker = start('javascript', { ...wanted, access_token: stack.info.apiKey });
    await until(() => missing(ticker).length === 0);
  });
});

test('a client with the rules of Kite’s Python ticker', async () => {
  const ticker = start('python', wanted);
  await until(() => missing(ticker).length === 0 && ticker.ticks().length > 2_000);
  expect(ticker.events.slice(0, 2)).toEqual([
    { event: 'connect', data: { extensions: [] } },
    { event: 'pong', data: null },
  ]);
  expect(neverSaid(ticker.ticks())).toEqual([]);
  expect(ticker.count('text')).toBe(0);
});

test('compression is for text only, whatever a client offers', async () => {
  const extensionsAt = (url: string) =>
    new Promise<string>((resolve, reject) => {
      const socket = new WebSocket(url);
      socket.on('error', reject);
      socket.on('open', () => {
        resolve(socket.extensions);
        socket.terminate();
      });
    });
  const { ws, kiteWs, token } = stack.info;
  expect(await extensionsAt(`${kiteWs}?api_key=a&access_token=${token}`)).toBe('');
  expect(await extensionsAt(`${ws}?token=${token}&format=binary`)).toBe('');
  expect(await extensionsAt(`${ws}?token=${token}`)).toBe('permessage-deflate');
  expect(await extensionsAt(`${ws}?token=${token}&batch=1`)).toBe('permessage-deflate');
});
