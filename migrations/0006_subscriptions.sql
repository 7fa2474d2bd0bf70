-- Pinned subscriptions: instruments that stream whether or not a client wants them. One row per instrument.
create table subscriptions (
  instrument_token bigint primary key check (instrument_token between 1 and 4294967295),
  requested_mode text not null check (requested_mode in ('ltp', 'quote', 'full')),
  -- The account that should carry it; null: whichever has room.
  account_id text check (account_id <> ''),
  -- Last day of the contract that was asked for; null: it has none. After that day Kite gives the token to another
  -- contract, which nobody asked for: the subscription is over.
  expiry date,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
