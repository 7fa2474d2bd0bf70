-- Order tasks: what a user wants done at Kite, stored before a byte of it is sent, and everything that became of it.
create table order_tasks (
  id uuid primary key,
  kind text not null check (kind in ('place', 'modify', 'cancel')),
  -- As account_changes.changed_by: `key:<name>` or `user:<id>`.
  requested_by text not null check (requested_by <> ''),
  account_id text not null check (account_id <> ''),
  -- Two requests with the same key are one task; body_hash tells whether they ask for the same.
  idempotency_key text not null check (octet_length(idempotency_key) between 1 and 128),
  body_hash text not null check (body_hash ~ '^[0-9a-f]{64}$'),
  -- The checked request (PlaceRequest, ModifyRequest or CancelRequest in shared/order.ts).
  request jsonb not null,
  -- Ours alone, of place tasks: Kite gives it back with the order, which is how one is found whose reply was lost.
  tag text unique check (tag ~ '^[A-Za-z0-9]{20}$'),
  -- Kite's, a text: its digits do not fit a double. Of place tasks once known, of the others as asked for.
  order_id text check (order_id ~ '^[A-Za-z0-9_-]{1,40}$'),
  state text not null default 'PENDING' check (state in (
    'PENDING', 'SENDING', 'RETRY_WAIT', 'UNKNOWN', 'PLACED', 'OPEN', 'COMPLETE', 'CANCELLED', 'REJECTED', 'DEAD_LETTER')),
  -- Raised by one with each transition: whoever changes a task names the version that it has read.
  version integer not null default 1 check (version > 0),
  attempts integer not null default 0 check (attempts >= 0),
  next_attempt_at timestamptz not null default now(),
  -- Since when it is not known whether Kite has it.
  unknown_since timestamptz,
  -- What Kite's book says of the order.
  exchange_status text,
  status_message text check (octet_length(status_message) <= 1024),
  filled_quantity bigint not null default 0 check (filled_quantity >= 0),
  average_price numeric,
  exchange_updated_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (requested_by, idempotency_key),
  check ((kind = 'place') = (tag is not null)),
  check (kind = 'place' or order_id is not null)
);

-- Work of the executor: everything that is not over.
create index order_tasks_open on order_tasks (next_attempt_at)
  where state not in ('COMPLETE', 'CANCELLED', 'REJECTED', 'DEAD_LETTER');
create index order_tasks_order_id on order_tasks (account_id, order_id);
create index order_tasks_requested_by on order_tasks (requested_by, created_at desc);
-- Old ones are found and archived by it.
create index order_tasks_updated_at on order_tasks (updated_at)
  where state in ('COMPLETE', 'CANCELLED', 'REJECTED', 'DEAD_LETTER');

-- Append only. Row `version` of a task says how it came to that version; the first one is its creation.
create table order_task_transitions (
  task_id uuid not null references order_tasks (id) on delete cascade,
  version integer not null check (version > 0),
  from_state text,
  to_state text not null,
  at timestamptz not null default now(),
  cause text not null check (cause <> '' and octet_length(cause) <= 128),
  detail jsonb not null default '{}',
  primary key (task_id, version)
);

-- Each is a write request that may have left for Kite, whatever became of it: Kite's limits count them all.
create index order_task_transitions_sending on order_task_transitions (at) where to_state = 'SENDING';

-- What became of orders, for clients' sockets: numbered without gaps by the active sidecar, in the order of happening.
create table order_events (
  seq bigint primary key check (seq > 0),
  account_id text not null check (account_id <> ''),
  order_id text not null,
  task_id uuid,
  at timestamptz not null default now(),
  -- Kite's order, as its ticker and its book have it.
  payload jsonb not null
);
create index order_events_at on order_events (at);

-- While a row is here no task of its scope is sent: `all`, `account:<id>` or `requester:<requested_by>`.
create table order_halts (
  scope text primary key check (scope ~ '^(all|account:.+|requester:.+)$'),
  halted_by text not null check (halted_by <> ''),
  halted_at timestamptz not null default now(),
  reason text not null default ''
);

-- Requests that were refused, and who halted or resumed what. Never with bodies.
create table order_audit (
  id bigint generated always as identity primary key,
  at timestamptz not null default now(),
  requested_by text not null,
  action text not null check (action in ('place', 'modify', 'cancel', 'halt', 'resume', 'postback')),
  code text not null,
  message text not null check (octet_length(message) <= 1024)
);
create index order_audit_at on order_audit (at);

-- Tasks that are over and older than ORDER_RETENTION_DAYS, with their transitions as a list.
create table order_task_archive (
  id uuid primary key,
  requested_by text not null,
  created_at timestamptz not null,
  archived_at timestamptz not null default now(),
  task jsonb not null,
  transitions jsonb not null
);
