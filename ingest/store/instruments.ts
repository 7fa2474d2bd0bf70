// The instrument list in PostgreSQL: what the edge looks symbols up in.
import type postgres from 'postgres';
import type { InstrumentDefinition } from '../../shared/instrument.ts';
import { INSTRUMENT_STORE_ROWS_PER_STATEMENT } from '../../shared/limits.ts';

/** `YYYY-MM-DD` in India at that time. */
export function tradingDateOf(nowMs: number): string {
  const IST_OFFSET_MS = 5.5 * 3_600_000;
  return new Date(nowMs + IST_OFFSET_MS).toISOString().slice(0, 10);
}

function rowOf(definition: InstrumentDefinition) {
  return {
    ...definition,
    name: definition.name ?? '',
    strike: definition.strike ?? 0,
    expiry: definition.expiry ?? null,
  };
}

/**
 * Makes `definitions` the list of `tradingDate`: rows are inserted or replaced, those of other dates removed, all in one
 * transaction, so that no reader ever sees half a list. Tokens of expired contracts are given to new ones: the token is
 * the key, the row is the contract that has it today.
 */
export async function storeInstruments(
  sql: postgres.Sql,
  definitions: readonly InstrumentDefinition[],
  tradingDate: string,
): Promise<void> {
  await sql.begin(async (transaction) => {
    for (let at = 0; at < definitions.length; at += INSTRUMENT_STORE_ROWS_PER_STATEMENT) {
      const rows = definitions.slice(at, at + INSTRUMENT_STORE_ROWS_PER_STATEMENT).map(rowOf);
      await transaction`
        insert into instruments (instrument_token, exchange_token, tradingsymbol, name, last_price, expiry, strike,
          tick_size, lot_size, instrument_type, segment, exchange, trading_date)
        select instrument_token, instrument_token >> 8, tradingsymbol, name, 0, expiry, strike,
          tick_size, lot_size, instrument_type, segment, exchange, ${tradingDate}::date
        from json_to_recordset(${JSON.stringify(rows)}::text::json) as row (
          instrument_token bigint, tradingsymbol text, name text, expiry date, strike numeric, tick_size numeric,
          lot_size integer, instrument_type text, segment text, exchange text)
        on conflict (instrument_token) do update set
          exchange_token = excluded.exchange_token, tradingsymbol = excluded.tradingsymbol, name = excluded.name,
          expiry = excluded.expiry, strike = excluded.strike, tick_size = excluded.tick_size,
          lot_size = excluded.lot_size, instrument_type = excluded.instrument_type, segment = excluded.segment,
          exchange = excluded.exchange, trading_date = excluded.trading_date`;
    }
    await transaction`delete from instruments where trading_date <> ${tradingDate}::date`;
  });
}
