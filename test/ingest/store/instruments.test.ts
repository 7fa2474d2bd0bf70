// The instrument list in a real database: whole, replaced by date, and found again by symbol.
import postgres from 'postgres';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { storeInstruments, tradingDateOf } from '../../../ingest/store/instruments.ts';
import type { InstrumentDefinition, InstrumentToken } from '../../../shared/instrument.ts';
import { INSTRUMENT_STORE_ROWS_PER_STATEMENT } from '../../../shared/limits.ts';
import { tokensOfSymbols } from '../../../worker/store/instruments.ts';
import { createTestDatabase } from '../../support/database.ts';

let sql: postgres.Sql;

beforeAll(async () => {
  sql = postgres(await createTestDatabase(), { max: 2, onnotice: () => undefined });
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

test('stores more than one statement, replaces the day before, keeps every column', async () => {
  const list = Array.from({ length: INSTRUMENT_STORE_ROWS_PER_STATEMENT + 1 }, (_, i) => option(i));
  await storeInstruments(sql, list, '2026-11-23');
  expect(
    await sql`select count(*)::int as n, min(strike)::float as low, max(lot_size) as lot from instruments`,
  ).toEqual([{ n: list.length, low: 0.5, lot: 65 }]);
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
    await sql`select tradingsymbol, name, expiry, exchange_token::int, trading_date::text from instruments`,
  ).toEqual([
    {
      tradingsymbol: share.tradingsymbol,
      name: '',
      expiry: null,
      exchange_token: 1,
      trading_date: '2026-11-24',
    },
  ]);
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
