// Instruments in PostgreSQL, as the edge asks for them.
import type postgres from 'postgres';
import { type InstrumentToken, parseInstrumentToken } from '../../shared/instrument.ts';
import type { OpenAlgoName } from '../../shared/openalgo-name.ts';

/** A symbol as clients write it, `NSE:RELIANCE`, in its two parts. */
export interface SymbolName {
  readonly exchange: string;
  readonly tradingsymbol: string;
}

export function symbolKey({ exchange, tradingsymbol }: SymbolName): string {
  return `${exchange}:${tradingsymbol}`;
}

function tokensBy<Row extends { readonly instrument_token: string }>(
  rows: readonly Row[],
  keyOf: (row: Row) => string,
): Map<string, InstrumentToken> {
  const tokens = new Map<string, InstrumentToken>();
  for (const row of rows) {
    const token = parseInstrumentToken(Number(row.instrument_token));
    if (token !== undefined) tokens.set(keyOf(row), token);
  }
  return tokens;
}

/** Tokens of today's list by `EXCHANGE:SYMBOL`; a symbol that does not exist is absent. */
export async function tokensOfSymbols(
  sql: postgres.Sql,
  symbols: readonly SymbolName[],
): Promise<Map<string, InstrumentToken>> {
  const rows = await sql<{ instrument_token: string; exchange: string; tradingsymbol: string }[]>`
    select instrument_token, exchange, tradingsymbol
    from json_to_recordset(${JSON.stringify(symbols)}::text::json) as wanted (exchange text, tradingsymbol text)
    join instruments using (exchange, tradingsymbol)`;
  return tokensBy(rows, symbolKey);
}

export function openAlgoKey({ exchange, symbol }: OpenAlgoName): string {
  return `${exchange}:${symbol}`;
}

/** The same by OpenAlgo's names. Should two instruments have one name, it is that of the lower token. */
export async function tokensOfOpenAlgoNames(
  sql: postgres.Sql,
  names: readonly OpenAlgoName[],
): Promise<Map<string, InstrumentToken>> {
  const rows = await sql<{ instrument_token: string; exchange: string; symbol: string }[]>`
    select distinct on (wanted.exchange, symbol) instrument_token, wanted.exchange, symbol
    from json_to_recordset(${JSON.stringify(names)}::text::json) as wanted (exchange text, symbol text)
    join instruments on openalgo_exchange = wanted.exchange and openalgo_symbol = symbol
    order by wanted.exchange, symbol, instrument_token`;
  return tokensBy(rows, openAlgoKey);
}

/** As the table has it; '' and 0 stand for what an instrument does not have. */
export interface InstrumentRow {
  readonly instrument_token: number;
  readonly exchange_token: number;
  readonly tradingsymbol: string;
  readonly name: string;
  readonly exchange: string;
  readonly segment: string;
  readonly instrument_type: string;
  readonly expiry: string | null;
  readonly strike: number;
  readonly tick_size: number;
  readonly lot_size: number;
  readonly openalgo_symbol: string;
  readonly openalgo_exchange: string;
}

/** Where a page ends: the next one begins behind it, also in a list that is a day younger. */
export interface InstrumentPosition {
  readonly tradingsymbol: string;
  readonly token: InstrumentToken;
}

/** All that are given have to hold. */
export interface InstrumentFilter {
  readonly symbolPrefix?: string | undefined;
  readonly name?: string | undefined;
  readonly namePrefix?: string | undefined;
  readonly exchange?: string | undefined;
  readonly segment?: string | undefined;
  readonly type?: string | undefined;
  /** YYYY-MM-DD. */
  readonly expiry?: string | undefined;
  readonly strikeMin?: number | undefined;
  readonly strikeMax?: number | undefined;
  readonly after?: InstrumentPosition | undefined;
}

export interface InstrumentPage {
  /** Of the list, YYYY-MM-DD; null before there is one. */
  readonly trading_date: string | null;
  readonly instruments: readonly InstrumentRow[];
}

/** The highest character: what has the prefix lies between it and it with this behind. */
const LAST_CHARACTER = '\u{10FFFF}';

/** The first `rowsMax` instruments that the filter lets through, by symbol and token. */
export async function searchInstruments(
  sql: postgres.Sql,
  filter: InstrumentFilter,
  rowsMax: number,
): Promise<InstrumentPage> {
  const { symbolPrefix, name, namePrefix, exchange, segment, type, expiry, strikeMin, strikeMax, after } =
    filter;
  const prefixed = (column: postgres.Fragment, prefix: string) =>
    sql`and ${column} between ${prefix} and ${prefix + LAST_CHARACTER}`;
  const nothing = sql``;
  const [page] = await sql<InstrumentPage[]>`
    select
      (select trading_date::text from instrument_list) as trading_date,
      coalesce(json_agg(found order by tradingsymbol, instrument_token), '[]') as instruments
    from (
      select * from instruments
      where true
        ${symbolPrefix === undefined ? nothing : prefixed(sql`tradingsymbol`, symbolPrefix)}
        ${name === undefined ? nothing : sql`and name = ${name}`}
        ${namePrefix === undefined ? nothing : prefixed(sql`name`, namePrefix)}
        ${exchange === undefined ? nothing : sql`and exchange = ${exchange}`}
        ${segment === undefined ? nothing : sql`and segment = ${segment}`}
        ${type === undefined ? nothing : sql`and instrument_type = ${type}`}
        ${expiry === undefined ? nothing : sql`and expiry = ${expiry}::text::date`}
        ${strikeMin === undefined ? nothing : sql`and strike >= ${strikeMin}`}
        ${strikeMax === undefined ? nothing : sql`and strike <= ${strikeMax}`}
        ${after === undefined ? nothing : sql`and (tradingsymbol, instrument_token) > (${after.tradingsymbol}, ${after.token})`}
      order by tradingsymbol, instrument_token
      limit ${rowsMax}
    ) as found`;
  return page ?? { trading_date: null, instruments: [] };
}

/** The instrument of the token; undefined when today's list has none. */
export async function findInstrument(
  sql: postgres.Sql,
  token: InstrumentToken,
): Promise<InstrumentRow | undefined> {
  const [found] = await sql<{ instrument: InstrumentRow }[]>`
    select to_json(present) as instrument from instruments as present where instrument_token = ${token}`;
  return found?.instrument;
}
