// Option chains in PostgreSQL: which contracts, and which expiries, an underlying has.
import type postgres from 'postgres';
import { parseInstrumentToken } from '../../shared/instrument.ts';
import { CHAIN_CONTRACTS_MAX, CHAIN_EXPIRIES_MAX } from '../../shared/limits.ts';
import type { ChainMember, ChainName, LegType } from '../core/chain-contracts.ts';

/** The options of today's list that are of the chain; none when there is no such chain. */
export async function findChain(
  sql: postgres.Sql,
  { underlying, exchange, expiry }: ChainName,
): Promise<ChainMember[]> {
  const rows = await sql<
    { instrument_token: string; tradingsymbol: string; strike: string; instrument_type: LegType }[]
  >`
    select instrument_token, tradingsymbol, strike, instrument_type
    from instruments
    where name = ${underlying} and expiry = ${expiry}::text::date and strike > 0
      and exchange = ${exchange} and instrument_type in ('CE', 'PE')
    order by strike, instrument_type, instrument_token
    limit ${CHAIN_CONTRACTS_MAX}`;
  return rows.flatMap(({ instrument_token, tradingsymbol, strike, instrument_type }) => {
    const token = parseInstrumentToken(Number(instrument_token));
    return token === undefined
      ? []
      : [{ token, tradingsymbol, strike: Number(strike), type: instrument_type }];
  });
}

export interface ExpiryRow {
  /** YYYY-MM-DD. */
  readonly expiry: string;
  /** Strikes that have an option. */
  readonly strikes: number;
}

/** Expiries of the underlying's options, ascending; none when it has no options at the exchange. */
export async function listExpiries(
  sql: postgres.Sql,
  { underlying, exchange }: Pick<ChainName, 'underlying' | 'exchange'>,
): Promise<ExpiryRow[]> {
  return sql<ExpiryRow[]>`
    select expiry::text, count(distinct strike)::int as strikes
    from instruments
    where name = ${underlying} and exchange = ${exchange} and instrument_type in ('CE', 'PE')
      and expiry is not null and strike > 0
    group by expiry
    order by expiry
    limit ${CHAIN_EXPIRIES_MAX}`;
}
