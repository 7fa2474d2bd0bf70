// The official KiteTicker against the simulator: it must see the values that our decoder sees, in all five packet kinds.
// KiteTicker is one connection per process, so this file has one and its tests follow each other on it.
import { KiteTicker } from 'kiteconnect';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Simulator, startSimulator } from '../../../ingest/simulator/simulator.ts';
import { checkKiteFrame, decodeKitePacket } from '../../../shared/kite-packet.ts';
import { RECORD_BYTES_MAX, readTick, type Tick } from '../../../shared/tick.ts';
import { asKiteTick } from '../../support/kite-tick.ts';

type Ticker = InstanceType<typeof KiteTicker>;

let simulator: Simulator;
let ticker: Ticker;

function makeTicker(accessToken: string): Ticker {
  const [account] = simulator.accounts;
  const parameters = {
    api_key: account!.apiKey,
    access_token: accessToken,
    root: simulator.wsUrl,
    reconnect: false,
  };
  return new KiteTicker(parameters);
}

function nextEvent(source: Ticker, event: string): Promise<unknown> {
  // KiteTicker types one overload per event; the names here are among them.
  const on = source.on.bind(source) as (event: string, listener: (value: unknown) => void) => void;
  return new Promise((resolve) => on(event, resolve));
}

beforeAll(async () => {
  simulator = await startSimulator({ tradingDate: '2026-11-23', ticksPerInstrumentPerSecond: 10 });
});
afterAll(async () => {
  ticker?.disconnect();
  await simulator.stop();
});

/** Decodes a frame as the sidecar does. */
function decode(frame: ArrayBuffer): { tick: Tick; length: number }[] {
  const view = new DataView(frame);
  const count = checkKiteFrame(view);
  expect(count).toBeTypeOf('number');
  const record = new DataView(new ArrayBuffer(RECORD_BYTES_MAX));
  const ticks: { tick: Tick; length: number }[] = [];
  let at = 2;
  for (let i = 0; i < Number(count); i++) {
    const length = view.getUint16(at);
    expect(decodeKitePacket(view, at + 2, length, 0, record, 0)).toBeTypeOf('number');
    ticks.push({ tick: readTick(record, 0), length });
    at += 2 + length;
  }
  return ticks;
}

test('a dead token is refused with 403 at the upgrade', async () => {
  const refused = makeTicker('expired');
  const error = nextEvent(refused, 'error');
  const closed = nextEvent(refused, 'close');
  refused.connect();
  expect(String(((await error) as { message: string }).message)).toContain('403');
  await closed;
});

test('KiteTicker and our decoder read the same values from every kind of packet', async () => {
  const token = (symbol: string) =>
    simulator.instruments.find(({ tradingsymbol }) => tradingsymbol === symbol)!.instrument_token;
  const wanted = new Map<'ltp' | 'quote' | 'full', number[]>([
    ['ltp', [token('NIFTY 50'), token('RELIANCE')]],
    ['quote', [token('NIFTY BANK'), token('SBIN'), token('NIFTY26D0126050CE')]],
    ['full', [token('INDIA VIX'), token('INFY'), token('NIFTY26NOVFUT'), token('NIFTY26NOV26050PE')]],
  ]);
  ticker = makeTicker(simulator.accounts[0]!.accessToken);
  const connected = nextEvent(ticker, 'connect');
  ticker.connect();
  await connected;
  const lengths = new Set<number>();
  let frame = new ArrayBuffer(0);
  let compared = 0;
  const enough = new Promise<void>((resolve, reject) => {
    ticker.on('message', (bytes: ArrayBuffer) => {
      frame = bytes;
    });
    ticker.on('ticks', (ticks: object[]) => {
      try {
        const ours = decode(frame);
        expect(ticks).toEqual(ours.map(({ tick, length }) => asKiteTick(tick, length)));
        for (const { length } of ours) lengths.add(length);
        compared += ours.length;
      } catch (error) {
        reject(error);
      }
      if (compared >= 200 && lengths.size === 5) resolve();
    });
  });
  for (const [mode, tokens] of wanted) {
    ticker.subscribe(tokens);
    ticker.setMode(mode, tokens);
  }
  await enough;
  expect([...lengths].sort((a, b) => a - b)).toEqual([8, 28, 32, 44, 184]);
});

test('order updates arrive as KiteTicker’s order_update', async () => {
  const update = nextEvent(ticker, 'order_update');
  const orders = [{ order_id: '1953341975595868160', status: 'COMPLETE' }];
  simulator.run({ command: 'send_orders', account: 'SIM001', orders });
  expect(await update).toEqual({ order_id: '1953341975595868160', status: 'COMPLETE' });
});
