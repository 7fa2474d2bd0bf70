-- The instrument list as clients search it. Text is compared by its bytes, so that one index serves equality, a prefix
-- and the order of pages, whatever the collation of the database.
drop index instruments_exchange_tradingsymbol, instruments_tradingsymbol, instruments_name_expiry_strike;

-- The date is the list's and not the row's: a row that is the same in the next list need not be written again. The last
-- price is 0 in Kite's lists, and would be of the day before if it were not.
alter table instruments
  drop column trading_date,
  drop column last_price,
  alter column tradingsymbol type text collate "C",
  alter column name type text collate "C",
  alter column instrument_type type text collate "C",
  alter column segment type text collate "C",
  alter column exchange type text collate "C",
  -- What OpenAlgo's clients call the instrument. Empty until the sidecar stores its next list.
  add column openalgo_symbol text collate "C" not null default '',
  add column openalgo_exchange text collate "C" not null default '';

create index instruments_symbol on instruments (tradingsymbol, instrument_token);
create index instruments_exchange_symbol on instruments (exchange, tradingsymbol, instrument_token);
create index instruments_segment_symbol on instruments (segment, tradingsymbol, instrument_token);
create index instruments_type_symbol on instruments (instrument_type, tradingsymbol, instrument_token);
create index instruments_expiry_symbol on instruments (expiry, tradingsymbol, instrument_token);
-- One underlying's contracts by expiry and strike range.
create index instruments_name_expiry_strike on instruments (name, expiry, strike);
create index instruments_openalgo on instruments (openalgo_exchange, openalgo_symbol);

-- One row: which list `instruments` holds.
create table instrument_list (
  is_current boolean primary key default true check (is_current),
  trading_date date not null,
  stored_at timestamptz not null default now()
);
