-- Keys of servers that call the REST API. The key itself is nowhere: what is kept is its HMAC-SHA-256 under the secret
-- API_KEY_PEPPER, so that neither this table nor the pepper alone is of use to anybody.
create table api_keys (
  id bigint generated always as identity primary key,
  name text not null check (name <> ''),
  key_hmac bytea not null unique check (octet_length(key_hmac) = 32),
  scopes text[] not null,
  created_at timestamptz not null default now(),
  -- Null: for ever.
  expires_at timestamptz,
  revoked_at timestamptz
);
