// Instruments in the database that all edge tests share: each file adds its own, and takes nobody else's away.
import { env } from 'cloudflare:workers';
import postgres from 'postgres';
import type { InstrumentDefinition } from '../../../shared/instrument.ts';
import { openAlgoNameOf } from '../../../shared/openalgo-name.ts';

export const TRADING_DATE = '2026-11-20';

export async function addInstruments(definitions: readonly InstrumentDefinition[]): Promise<void> {
  const sql = postgres(env.DB.connectionString, { max: 1, fetch_types: false });
  const rows = definitions.map((definition) => {
    const { symbol, exchange } = openAlgoNameOf(definition);
    const absent = { name: '', strike: 0, expiry: null };
    return { ...absent, ...definition, openalgo_symbol: symbol, openalgo_exchange: exchange };
  });
  await sql`
    insert into instruments (instrument_token, exchange_token, tradingsymbol, name, expiry, strike, tick_size,
      lot_size, instrument_type, segment, exchange, openalgo_symbol, openalgo_exchange)
    select instrument_token, instrument_token >> 8, tradingsymbol, name, expiry, strike, tick_size,
      lot_size, instrument_type, segment, exchange, openalgo_symbol, openalgo_exchange
    from json_populate_recordset(null::instruments, ${JSON.stringify(rows)}::text::json)
    on conflict (instrument_token) do nothing`;
  await sql`
    insert into instrument_list (trading_date) values (${TRADING_DATE}::text::date)
    on conflict (is_current) do nothing`;
  await sql.end();
}
