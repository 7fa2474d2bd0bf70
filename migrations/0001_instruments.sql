-- Kite's instrument dump, one row per token. A token of an expired contract is given to another one later, so a row
-- says by trading_date which dump it comes from, and no column but the token is unique across dumps.
create table instruments (
  -- uint32 at Kite: over 2^31 - 1 it does not fit an integer.
  instrument_token bigint primary key check (instrument_token between 1 and 4294967295),
  exchange_token bigint not null check (exchange_token between 0 and 4294967295),
  tradingsymbol text not null check (tradingsymbol <> ''),
  name text not null,
  last_price numeric not null,
  expiry date,
  strike numeric not null,
  tick_size numeric not null,
  lot_size integer not null,
  instrument_type text not null,
  segment text not null,
  exchange text not null check (exchange <> ''),
  trading_date date not null
);

-- text_pattern_ops serves both equality and a prefix (like 'NIFTY%') whatever the collation of the database.
create index instruments_exchange_tradingsymbol on instruments (exchange, tradingsymbol text_pattern_ops);
create index instruments_tradingsymbol on instruments (tradingsymbol text_pattern_ops);
-- One underlying's contracts by expiry and strike range; its prefix serves the search by name.
create index instruments_name_expiry_strike on instruments (name text_pattern_ops, expiry, strike);
-- Rows of earlier dumps are found and removed by it.
create index instruments_trading_date on instruments (trading_date);
