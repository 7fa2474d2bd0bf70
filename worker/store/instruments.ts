// Instruments in PostgreSQL, as the edge asks for them.
import type postgres from 'postgres';
import { type InstrumentToken, parseInstrumentToken } from '../../shared/instrument.ts';

/** A symbol as clients write it, `NSE:RELIANCE`, in its two parts. */
export interface SymbolName {
  readonly exchange: string;
  readonly tradingsymbol: string;
}

export function symbolKey({ exchange, tradingsymbol }: SymbolName): string {
  return `${exchange}:${tradingsymbol}`;
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
  const tokens = new Map<string, InstrumentToken>();
  for (const row of rows) {
    const token = parseInstrumentToken(Number(row.instrument_token));
    if (token !== undefined) tokens.set(symbolKey(row), token);
  }
  return tokens;
}
