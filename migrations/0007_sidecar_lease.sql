-- Which sidecar is the active one: a single row, which its holder renews every two seconds.
create table sidecar_lease (
  only_row boolean primary key default true check (only_row),
  holder text not null check (holder <> ''),
  -- Fences the holder's posts at the edge: milliseconds since the epoch when it took the lease, and always more than
  -- that of the holder before it. Never lowered and never deleted.
  epoch bigint not null check (epoch > 0),
  -- By this database's clock. In the past: the lease is free.
  expires_at timestamptz not null,
  -- Where the holder runs, as far as another process can tell: one on the same machine sees when it is gone.
  machine text,
  process_id integer
);
