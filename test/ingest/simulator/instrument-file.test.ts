// A dump from a file: served as it stands, read by the official client, and streamed with the divisors of its segments.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { KiteConnect, KiteTicker } from 'kiteconnect';
import { afterAll, afterEach, expect, test } from 'vitest';
import { readInstrumentFile } from '../../../ingest/simulator/instrument-file.ts';
import { type Simulator, startSimulator } from '../../../ingest/simulator/simulator.ts';
import { priceDivisorOf } from '../../../shared/instrument.ts';
import { INSTRUMENT_DUMP_BYTES_MAX } from '../../../shared/limits.ts';
import { readTick } from '../../../shared/tick.ts';
import { TickerClient } from './ticker-client.ts';

const directory = mkdtempSync(join(tmpdir(), 'simulator-instruments-'));
afterAll(() => rmSync(directory, { recursive: true }));
let simulator: Simulator | undefined;
afterEach(async () => {
  await simulator?.stop();
  simulator = undefined;
});

function fileOf(name: string, content: string | Buffer): string {
  const path = join(directory, name);
  writeFileSync(path, content);
  return path;
}

const HEADER =
  'instrument_token,exchange_token,tradingsymbol,name,last_price,expiry,strike,tick_size,lot_size,instrument_type,segment,exchange';
const ROWS = [
  '256265,1001,NIFTY 50,NIFTY 50,0.0,,0.0,0.0,0,EQ,INDICES,NSE',
  '128083204,500325,RELIANCE,RELIANCE INDUSTRIES,0.0,,0.0,0.05,1,EQ,BSE,BSE',
  '14000898,54691,NIFTY26NOV26000CE,NIFTY,0.0,2026-11-24,26000.0,0.05,65,CE,NFO-OPT,NFO',
  '263171,1028,USDINR26NOVFUT,USDINR,88.5,2026-11-26,0.0,0.0025,1,FUT,CDS-FUT,CDS',
  '264198,1032,USDINR26NOVFUT,USDINR,87.5,2026-11-26,0.0,0.0025,1,FUT,BCD-FUT,BCD',
  '112130823,438011,GOLD26DECFUT,GOLD,125000.0,2026-12-04,0.0,1.0,1,FUT,MCX-FUT,MCX',
  'this,is,no row',
];
const CSV = [HEADER, ...ROWS, ''].join('\r\n');
const TOKENS = [256265, 128083204, 14000898, 263171, 264198, 112130823];

async function start(instrumentsFile: string): Promise<Simulator> {
  simulator = await startSimulator({ instrumentsFile, startMs: Date.parse('2026-11-23T10:00:00+05:30') });
  return simulator;
}

test.each([
  ['plain.csv', CSV],
  ['zipped.csv.gz', gzipSync(CSV)],
  // What it is tells the content, not the name.
  ['zipped.csv', gzipSync(CSV)],
])('%s is served as it stands, whole and by exchange', async (name, content) => {
  const { url, instruments } = await start(fileOf(name, content));
  expect(instruments.map(({ instrument_token: token }) => token)).toEqual(TOKENS);
  expect(await (await fetch(`${url}/instruments`)).text()).toBe(CSV);
  const cds = await (await fetch(`${url}/instruments/CDS`)).text();
  expect(cds).toBe([HEADER, ROWS[3], ''].join('\r\n'));
  const parameters = { api_key: 'simulator_key', root: url };
  const rows = await new KiteConnect(parameters).getInstruments();
  expect(rows.slice(0, -1).map((row) => row.tradingsymbol)).toContain('GOLD26DECFUT');
});

test('what is subscribed of it ticks, and the official client reads the prices that the market has', async () => {
  const running = await start(fileOf('dump.csv', CSV));
  const client = await TickerClient.connect(running);
  client.send({ a: 'mode', v: ['full', TOKENS] });
  await client.until(() => new Set(client.packets.map(({ token }) => token)).size === TOKENS.length);
  const frame = client.tickFrames[0]!;
  const bytes = frame.buffer.slice(frame.byteOffset, frame.byteOffset + frame.byteLength);
  const parser = new KiteTicker({ api_key: 'k', access_token: 't' }) as unknown as {
    parseBinary(
      bytes: ArrayBuffer,
    ): { instrument_token: number; last_price: number; ohlc: { close: number } }[];
  };
  const ticks = parser.parseBinary(bytes as ArrayBuffer);
  expect(ticks.map((tick) => tick.instrument_token)).toEqual(TOKENS);
  for (const { instrument_token: token, ohlc } of ticks) {
    const slot = running.market.slotOf(token);
    const { close = 0 } = readTick(running.market.records, running.market.recordOffset(slot));
    expect(ohlc.close, String(token)).toBe(close / priceDivisorOf(token));
  }
  const prices = new Map(ticks.map((tick) => [tick.instrument_token, tick.last_price]));
  expect(prices.get(263171)! / 88.5).toBeCloseTo(1, 1);
  expect(prices.get(264198)! / 87.5).toBeCloseTo(1, 1);
  expect(prices.get(112130823)! / 125_000).toBeCloseTo(1, 1);
  const headers = { authorization: 'token simulator_key:simulator_access_token' };
  const path = '/instruments/historical/263171/day?from=2026-11-16&to=2026-11-20';
  const { data } = (await (await fetch(running.url + path, { headers })).json()) as {
    data: { candles: [string, number][] };
  };
  for (const [, open] of data.candles) expect(open / 88.5).toBeCloseTo(1, 0);
});

test('the next trading date takes the expired ones over', async () => {
  const running = await start(fileOf('dump.csv', CSV));
  running.run({ command: 'set_clock', to: '2026-11-25T09:00:00+05:30' });
  const text = await (await fetch(`${running.url}/instruments`)).text();
  expect(text).toContain('14000898,54691,NIFTY26DEC26000CE,NIFTY,0,2026-12-29,26000,0.05,65,CE,NFO-OPT,NFO');
  expect(text).not.toContain('26NOV26000');
});

test('a file that is none is refused by name and reason', async () => {
  const refused = (path: string) =>
    readInstrumentFile(path, '2026-11-23').then(
      () => 'taken',
      (error: Error) => error.message,
    );
  expect(await refused(join(directory, 'missing.csv'))).toMatch(/^instruments file .*missing\.csv: ENOENT/);
  expect(await refused(fileOf('page.csv', '<html></html>'))).toContain('page.csv: the header has no column');
  expect(await refused(fileOf('cut.csv.gz', gzipSync(CSV).subarray(0, 100)))).toContain(
    'unexpected end of file',
  );
  const huge = Buffer.alloc(INSTRUMENT_DUMP_BYTES_MAX + 1, 0x20);
  expect(await refused(fileOf('huge.csv', huge))).toContain(`at most ${INSTRUMENT_DUMP_BYTES_MAX}`);
  expect(await refused(fileOf('bomb.csv.gz', gzipSync(huge)))).toContain('bomb.csv.gz: ');
});
