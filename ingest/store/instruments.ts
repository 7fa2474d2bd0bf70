// The instrument list in PostgreSQL: what the edge searches, and the last good copy for mornings without Kite's.
import type postgres from 'postgres';
import { type InstrumentDefinition, parseInstrumentToken } from '../../shared/instrument.ts';
import { INSTRUMENT_STORE_ROWS_PER_STATEMENT } from '../../shared/limits.ts';
import { IST_OFFSET_MS } from '../../shared/market-session.ts';
import { openAlgoNameOf } from '../../shared/openalgo-name.ts';
import type { ExchangeRows } from '../core/list-check.ts';

/** `YYYY-MM-DD` in India at that time. */
export function tradingDateOf(nowMs: number): string {
  return new Date(nowMs + IST_OFFSET_MS).toISOString().slice(0, 10);
}

function rowOf(definition: InstrumentDefinition) {
  const openAlgo = openAlgoNameOf(definition);
  return {
    ...definition,
    name: definition.name ?? '',
    strike: definition.strike ?? 0,
    expiry: definition.expiry ?? null,
    openalgo_symbol: openAlgo.symbol,
    openalgo_exchange: openAlgo.exchange,
  };
}

/** The rows of the statements, as JSON. Each is made when it is asked for: between two of them ticks have their turn. */
function* jsonParts(definitions: Iterable<InstrumentDefinition>): Generator<string> {
  let rows: ReturnType<typeof rowOf>[] = [];
  for (const definition of definitions) {
    rows.push(rowOf(definition));
    if (rows.length < INSTRUMENT_STORE_ROWS_PER_STATEMENT) continue;
    yield JSON.stringify(rows);
    rows = [];
  }
  if (rows.length > 0) yield JSON.stringify(rows);
}

/** Puts what is in `incoming` in the place of what is there, touching only the rows that differ. */
async function takeOver(transaction: postgres.TransactionSql): Promise<void> {
  await transaction`
    insert into instruments as present (instrument_token, exchange_token, tradingsymbol, name, expiry, strike,
      tick_size, lot_size, instrument_type, segment, exchange, openalgo_symbol, openalgo_exchange)
    select instrument_token, exchange_token, tradingsymbol, name, expiry, strike,
      tick_size, lot_size, instrument_type, segment, exchange, openalgo_symbol, openalgo_exchange
    from incoming
    on conflict (instrument_token) do update set
      exchange_token = excluded.exchange_token, tradingsymbol = excluded.tradingsymbol, name = excluded.name,
      expiry = excluded.expiry, strike = excluded.strike, tick_size = excluded.tick_size,
      lot_size = excluded.lot_size, instrument_type = excluded.instrument_type, segment = excluded.segment,
      exchange = excluded.exchange, openalgo_symbol = excluded.openalgo_symbol,
      openalgo_exchange = excluded.openalgo_exchange
    where present is distinct from excluded`;
  await transaction`
    delete from instruments as present
    where not exists (
      select from incoming where incoming.instrument_token = present.instrument_token)`;
}

/**
 * Makes `definitions` the list of `tradingDate`, all in one transaction: no reader ever sees half a list, and what is
 * no longer in it goes after the new rows are in. Tokens of expired contracts are given to new ones: the token is the
 * key, the row is the contract that has it today. Two that store at once do it one after the other.
 */
export async function storeInstruments(
  sql: postgres.Sql,
  definitions: Iterable<InstrumentDefinition>,
  tradingDate: string,
): Promise<void> {
  await sql.begin(async (transaction) => {
    await transaction`create temporary table incoming (like instruments) on commit drop`;
    for (const rows of jsonParts(definitions)) {
      await transaction`
        insert into incoming (instrument_token, exchange_token, tradingsymbol, name, expiry, strike,
          tick_size, lot_size, instrument_type, segment, exchange, openalgo_symbol, openalgo_exchange)
        select instrument_token, instrument_token >> 8, tradingsymbol, name, expiry, strike,
          tick_size, lot_size, instrument_type, segment, exchange, openalgo_symbol, openalgo_exchange
        from json_to_recordset(${rows}::text::json) as row (
          instrument_token bigint, tradingsymbol text, name text, expiry date, strike numeric, tick_size numeric,
          lot_size integer, instrument_type text, segment text, exchange text, openalgo_symbol text,
          openalgo_exchange text)`;
    }
    await transaction`analyze incoming`;
    await transaction`lock table instruments in share row exclusive mode`;
    await takeOver(transaction);
    await transaction`
      insert into instrument_list (trading_date) values (${tradingDate}::text::date)
      on conflict (is_current) do update set trading_date = excluded.trading_date, stored_at = now()`;
    // Without it the planner would go by the list of before, or by none, for the next minute.
    await transaction`analyze instruments`;
  });
}

/** How many instruments each exchange has in the stored list. */
export async function countStoredRows(sql: postgres.Sql): Promise<ExchangeRows> {
  const rows = await sql<{ exchange: string; count: number }[]>`
    select exchange, count(*)::integer as count from instruments group by exchange`;
  return new Map(rows.map(({ exchange, count }) => [exchange, count]));
}

/** Rows that one round trip brings. */
const CURSOR_ROWS = 2_000;

interface StoredRow {
  readonly instrument_token: string;
  readonly tradingsymbol: string;
  readonly name: string;
  readonly expiry: string | null;
  readonly strike: number;
  readonly tick_size: number;
  readonly lot_size: number;
  readonly instrument_type: string;
  readonly segment: string;
  readonly exchange: string;
}

function definitionOf(row: StoredRow): InstrumentDefinition | undefined {
  const { instrument_token: text, name, expiry, strike, ...others } = row;
  const token = parseInstrumentToken(Number(text));
  if (token === undefined) return undefined;
  return {
    ...others,
    instrument_token: token,
    ...(name === '' ? {} : { name }),
    ...(expiry === null ? {} : { expiry }),
    ...(strike === 0 ? {} : { strike }),
  };
}

/**
 * Hands over the stored list, as it is at one moment, and returns its trading date; undefined, and nothing handed over,
 * when none was ever stored.
 */
export async function readStoredInstruments(
  sql: postgres.Sql,
  onInstrument: (definition: InstrumentDefinition) => void,
): Promise<string | undefined> {
  return sql.begin('isolation level repeatable read read only', async (transaction) => {
    const [list] = await transaction<{ trading_date: string }[]>`
      select trading_date::text from instrument_list`;
    if (list === undefined) return undefined;
    const query = transaction<StoredRow[]>`
      select instrument_token, tradingsymbol, name, expiry::text, strike::float8, tick_size::float8, lot_size,
        instrument_type, segment, exchange
      from instruments`;
    for await (const rows of query.cursor(CURSOR_ROWS)) {
      for (const row of rows) {
        const definition = definitionOf(row);
        if (definition) onInstrument(definition);
      }
    }
    return list.trading_date;
  });
}
