-- Users whose tokens are void: those that were issued before not_before. Rows stay, as a token may live for long.
create table token_revocations (
  user_id text primary key check (user_id <> ''),
  not_before timestamptz not null
);

-- Workers read what is new since they last looked.
create index token_revocations_not_before on token_revocations (not_before);
