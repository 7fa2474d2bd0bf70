-- Kite accounts, and who changed what about them. Credentials are text that only the holders of CREDENTIALS_KEYS can
-- read: AES-256-GCM, with the key's id in front and bound to this table, row and column (shared/credential-vault.ts).
create table accounts (
  id text primary key check (id ~ '^[a-z0-9][a-z0-9_-]{0,31}$'),
  -- Kite's limits are per api_key: two rows with the same one would take each other's sockets.
  api_key text not null unique check (api_key ~ '^[A-Za-z0-9_-]{1,64}$'),
  -- Whose account at Kite it is. Null until the first login says so; after that nobody else can log in for it.
  user_id text check (user_id <> ''),
  api_secret text check (octet_length(api_secret) <= 4096),
  access_token text check (octet_length(access_token) <= 4096),
  token_issued_at timestamptz,
  -- Computed by Kite's rule, null if unknown. Whether the token still lives only Kite can say.
  token_expires_at timestamptz,
  enabled boolean not null default true,
  connections_max integer not null default 3 check (connections_max between 1 and 3),
  instruments_max integer not null default 3000 check (instruments_max between 1 and 3000),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  check ((access_token is null) = (token_issued_at is null))
);

-- Rows outlive their account.
create table account_changes (
  id bigint generated always as identity primary key,
  account_id text not null,
  changed_at timestamptz not null default now(),
  -- `key:<name of the API key>`, `user:<id>` or `host:<who ran the command>`.
  changed_by text not null check (changed_by <> ''),
  action text not null check (action in ('added', 'changed', 'deleted', 'logged_in', 'rotated')),
  -- Fields and their values; of a credential, only that it was set.
  detail jsonb not null default '{}'
);

create index account_changes_account_id on account_changes (account_id, id desc);
