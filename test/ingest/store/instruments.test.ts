// The instrument list in a real database: whole, replaced by date, and found again by symbol.
import postgres from 'postgres';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import {
  countStoredRows,
  readStoredInstruments,
  storeInstruments,
  tradingDateOf,
} from '../../../ingest/store/instruments.ts';
import type { InstrumentDefinition, InstrumentToken } from '../../../shared/instrument.ts';
import { INSTRUMENT_STORE_ROWS_PER_STATEMENT } from '../../../shared/limits.ts';
import { tokensOfSymbols } from '../../../worker/store/instruments.ts';
import { createTestDatabase } from '../../support/database.ts';

/** Threads and statements on a busy machine. */
vi.setConfig({ testTimeout: 30_000 });

let url: string;
let sql: postgres.Sql;

beforeAll(async () => {
  url = await createTestDatabase();
  sql = postgres(url, { max: 2, onnotice: () => undefined });
});
afterAll(() => sql.end());

function option(index: number): InstrumentDefinition {
  return {
    instrument_token: (((index + 1) << 8) | 2) as InstrumentToken,
    tradingsymbol: `NIFTY26N24${index}CE`,
    exchange: 'NFO',
    name: 'NIFTY',
    segment: 'NFO-OPT',
    instrument_type: 'CE',
    expiry: '2026-11-24',
    strike: index + 0.5,
    tick_size: 0.05,
    lot_size: 65,
  };
}

async function tradingDate(): Promise<unknown> {
  return (await sql`select trading_date::text from instrument_list`)[0]?.trading_date;
}

test('stores more than one statement, replaces the day before, keeps every column', async () => {
  const list = Array.from({ length: INSTRUMENT_STORE_ROWS_PER_STATEMENT + 1 }, (_, i) => option(i));
  await storeInstruments(sql, list, '2026-11-23');
  expect(
    await sql`select count(*)::int as n, min(strike)::float as low, max(lot_size) as lot from instruments`,
  ).toEqual([{ n: list.length, low: 0.5, lot: 65 }]);
  expect(await countStoredRows(sql)).toEqual(new Map([['NFO', list.length]]));
  const share: InstrumentDefinition = {
    instrument_token: option(0).instrument_token,
    tradingsymbol: 'M&M "quoted" \u0939',
    exchange: 'NSE',
    segment: 'NSE',
    instrument_type: 'EQ',
    tick_size: 0.1,
    lot_size: 1,
  };
  await storeInstruments(sql, [share], '2026-11-24');
  expect(
    await sql`
      select tradingsymbol, name, expiry, exchange_token::int, openalgo_symbol, openalgo_exchange from instruments`,
  ).toEqual([
    {
      tradingsymbol: share.tradingsymbol,
      name: '',
      expiry: null,
      exchange_token: 1,
      openalgo_symbol: share.tradingsymbol,
      openalgo_exchange: 'NSE',
    },
  ]);
  expect(await tradingDate()).toBe('2026-11-24');
});

test('what is stored is read back as it was', async () => {
  const list = [option(3), { ...option(4), tradingsymbol: 'A,"B"' }];
  const { strike: _strike, expiry: _expiry, name: _name, ...share } = option(5);
  await storeInstruments(sql, [...list, share], '2026-11-24');
  const read: InstrumentDefinition[] = [];
  expect(await readStoredInstruments(sql, (definition) => read.push(definition))).toBe('2026-11-24');
  expect(read.sort((a, b) => a.instrument_token - b.instrument_token)).toEqual([...list, share]);
});

test('rows that are the same in the next list are not written again', async () => {
  await storeInstruments(sql, [option(1), option(2)], '2026-11-23');
  const versions = () =>
    sql`select instrument_token::int as token, xmin::text from instruments order by token`;
  const before = await versions();
  await storeInstruments(sql, [option(1), { ...option(2), lot_size: 75 }], '2026-11-24');
  const after = await versions();
  expect(after[0]).toEqual(before[0]);
  expect(after[1]).not.toEqual(before[1]);
  expect(await sql`select lot_size from instruments order by instrument_token`).toEqual([
    { lot_size: 65 },
    { lot_size: 75 },
  ]);
});

test('a reader sees the old list or the new one, never a part of both, while lists are stored', async () => {
  const lists = [0, 1].map((day) =>
    Array.from({ length: 2_000 }, (_, i) => ({ ...option(i + day * 1_000), lot_size: 65 + day })),
  );
  await storeInstruments(sql, lists[0]!, '2026-11-23');
  let isStoring = true;
  const seen = new Set<string>();
  const storing = (async () => {
    const other = postgres(url, { max: 1, onnotice: () => undefined });
    for (let round = 1; round <= 4; round++) await storeInstruments(other, lists[round % 2]!, '2026-11-24');
    await other.end();
    isStoring = false;
  })();
  while (isStoring) {
    const [row] = await sql`
      select count(*)::int as n, min(lot_size) as low, max(lot_size) as high, min(strike)::float as strike
      from instruments`;
    seen.add(JSON.stringify(row));
  }
  await storing;
  const whole = [65, 66].map((lot, day) =>
    JSON.stringify({ n: 2_000, low: lot, high: lot, strike: day * 1_000 + 0.5 }),
  );
  expect([...seen].filter((row) => !whole.includes(row))).toEqual([]);
});

test('two that store at once leave one whole list, and its date', async () => {
  const lists = ['2026-11-23', '2026-11-24'].map((date, day) => ({
    date,
    list: Array.from({ length: 1_500 }, (_, i) => ({ ...option(i + day * 700), lot_size: 65 + day })),
  }));
  const others = lists.map(() => postgres(url, { max: 1, onnotice: () => undefined }));
  for (let round = 0; round < 3; round++) {
    await Promise.all(lists.map(({ date, list }, i) => storeInstruments(others[i]!, list, date)));
    const [row] = await sql`
      select count(*)::int as n, min(lot_size) as low, max(lot_size) as high from instruments`;
    const day = (await tradingDate()) === '2026-11-23' ? 0 : 1;
    expect(row).toEqual({ n: 1_500, low: 65 + day, high: 65 + day });
  }
  await Promise.all(others.map((other) => other.end()));
});

test('symbols are found by exchange and symbol, exactly; unknown ones are absent', async () => {
  await storeInstruments(sql, [option(1), { ...option(2), tradingsymbol: "it's; drop" }], '2026-11-25');
  const found = await tokensOfSymbols(sql, [
    { exchange: 'NFO', tradingsymbol: option(1).tradingsymbol },
    { exchange: 'NSE', tradingsymbol: option(1).tradingsymbol },
    { exchange: 'NFO', tradingsymbol: "it's; drop" },
    { exchange: 'nfo', tradingsymbol: option(1).tradingsymbol },
  ]);
  expect([...found]).toEqual([
    [`NFO:${option(1).tradingsymbol}`, option(1).instrument_token],
    ["NFO:it's; drop", option(2).instrument_token],
  ]);
});

test('a list that cannot be stored leaves the one that is there', async () => {
  await storeInstruments(sql, [option(5)], '2026-11-26');
  const bad = { ...option(6), tradingsymbol: '' };
  await expect(storeInstruments(sql, [option(7), bad], '2026-11-27')).rejects.toThrow(/tradingsymbol/);
  expect(await sql`select tradingsymbol from instruments`).toEqual([
    { tradingsymbol: option(5).tradingsymbol },
  ]);
});

test('the trading date is that of India', () => {
  expect(tradingDateOf(Date.parse('2026-11-24T18:29:59Z'))).toBe('2026-11-24');
  expect(tradingDateOf(Date.parse('2026-11-24T18:30:00Z'))).toBe('2026-11-25');
});
