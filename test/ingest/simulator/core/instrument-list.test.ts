// The generated instruments: real tokens, correct terms, and lists that grow without renaming anything.
import { expect, test } from 'vitest';
import { instrumentCsv } from '../../../../ingest/simulator/core/instrument-csv.ts';
import {
  indexFutureTick,
  type ListedInstrument,
  listInstruments,
  shareTick,
} from '../../../../ingest/simulator/core/instrument-list.ts';
import { INSTRUMENT_DUMP_ROWS_MAX } from '../../../../shared/limits.ts';

const tradingDate = '2026-11-23';
const list = (instrumentsCount: number) => listInstruments({ tradingDate, instrumentsCount }).instruments;
const find = (instruments: readonly ListedInstrument[], symbol: string) => {
  const found = instruments.find((instrument) => instrument.tradingsymbol === symbol);
  expect(found, symbol).toBeDefined();
  return found as ListedInstrument;
};

test('indices and large shares have their real tokens', () => {
  const instruments = list(500);
  const tokens = Object.fromEntries(instruments.map((each) => [each.tradingsymbol, each.instrument_token]));
  expect(tokens).toMatchObject({
    'NIFTY 50': 256265,
    'NIFTY BANK': 260105,
    'INDIA VIX': 264969,
    'NIFTY FIN SERVICE': 257801,
    SENSEX: 265,
    RELIANCE: 738561,
    HDFCBANK: 341249,
    INFY: 408065,
    SBIN: 779521,
  });
});

test('the default list has futures for three months, and chains for every expiry', () => {
  const instruments = list(500);
  expect(instruments).toHaveLength(500);
  for (const symbol of ['NIFTY26NOVFUT', 'BANKNIFTY26DECFUT', 'RELIANCE27JANFUT']) find(instruments, symbol);
  for (const code of ['26NOV', '26D01', '26D08', '26D15', '26DEC', '27JAN'])
    for (const type of ['CE', 'PE']) find(instruments, `NIFTY${code}26050${type}`);
  for (const code of ['26NOV', '26DEC', '27JAN']) find(instruments, `BANKNIFTY${code}58900CE`);
  expect(instruments.some(({ tradingsymbol }) => tradingsymbol.startsWith('BANKNIFTY26D0'))).toBe(false);
});

test('lots, ticks, strikes and expiries are the exchange’s', () => {
  const instruments = list(5_000);
  expect(find(instruments, 'NIFTY26NOVFUT')).toMatchObject({
    lot_size: 65,
    tick_size: 0.1,
    expiry: '2026-11-24',
    segment: 'NFO-FUT',
    instrument_type: 'FUT',
  });
  expect(find(instruments, 'BANKNIFTY26NOVFUT')).toMatchObject({ lot_size: 30, tick_size: 0.2 });
  expect(find(instruments, 'NIFTY26D0126000PE')).toMatchObject({
    lot_size: 65,
    tick_size: 0.05,
    strike: 26_000,
    expiry: '2026-12-01',
    segment: 'NFO-OPT',
    name: 'NIFTY',
  });
  expect(find(instruments, 'TATASTEEL26NOV170CE')).toMatchObject({ lot_size: 5_500, tick_size: 0.01 });
  for (const { name, strike, instrument_token: token, kind } of instruments) {
    if (kind !== 'index' && kind !== 'share') expect(token & 0xff).toBe(2);
    if (strike !== undefined && name === 'NIFTY') expect(strike % 50).toBe(0);
    if (strike !== undefined && name === 'BANKNIFTY') expect(strike % 100).toBe(0);
  }
});

test('ticks follow the price bands of the exchange', () => {
  expect([249.99, 250, 1_000, 5_000, 10_000, 20_000].map(shareTick)).toEqual([0.01, 0.05, 0.1, 0.5, 1, 5]);
  expect([15_000, 15_001, 30_000, 30_001].map(indexFutureTick)).toEqual([0.05, 0.1, 0.1, 0.2]);
});

test('115,000 instruments have distinct tokens below 2^31 and distinct symbols', () => {
  const instruments = list(115_000);
  expect(instruments).toHaveLength(115_000);
  expect(new Set(instruments.map((each) => each.instrument_token)).size).toBe(115_000);
  expect(new Set(instruments.map((each) => `${each.exchange}:${each.tradingsymbol}`)).size).toBe(115_000);
  let highest = 0;
  for (const each of instruments) highest = Math.max(highest, each.instrument_token);
  expect(highest).toBeLessThan(2 ** 31);
});

test('a longer list begins with the shorter one', () => {
  const short = list(500);
  expect(list(9_000).slice(0, short.length)).toEqual(short);
});

test('a contract keeps its token from one day to the next', () => {
  const tomorrow = listInstruments({ tradingDate: '2026-11-24', instrumentsCount: 500 }).instruments;
  const symbol = 'NIFTY26D0126050CE';
  expect(find(tomorrow, symbol).instrument_token).toBe(find(list(500), symbol).instrument_token);
});

test('counts and dates that cannot be are refused by name', () => {
  for (const count of [0, -1, 1.5, INSTRUMENT_DUMP_ROWS_MAX + 1, Number.NaN])
    expect(() => list(count)).toThrow(/instrumentsCount/);
  expect(() => listInstruments({ tradingDate: '2026-13-01', instrumentsCount: 1 })).toThrow(/2026-13-01/);
  expect(list(1)).toHaveLength(1);
});

test('the dump writes rows as Kite does, and quotes a field that would shift columns', () => {
  const lines = instrumentCsv(list(500)).split('\r\n');
  expect(lines[0]).toBe(
    'instrument_token,exchange_token,tradingsymbol,name,last_price,expiry,strike,tick_size,lot_size,instrument_type,segment,exchange',
  );
  expect(lines[1]).toBe('256265,1001,NIFTY 50,NIFTY 50,0,,0,0,0,EQ,INDICES,NSE');
  expect(lines).toContain('738561,2885,RELIANCE,RELIANCE INDUSTRIES,0,,0,0.1,1,EQ,NSE,NSE');
  const option = lines.find((line) => line.includes('NIFTY26D0126050CE')) ?? '';
  expect(option).toMatch(/^\d+,\d+,NIFTY26D0126050CE,NIFTY,0,2026-12-01,26050,0\.05,65,CE,NFO-OPT,NFO$/);
  expect(lines).toHaveLength(502);
  const [first] = list(1);
  expect(instrumentCsv([{ ...(first as ListedInstrument), name: 'A, "B"' }])).toContain(',"A, ""B""",0,');
});
