// Kite accounts in PostgreSQL, as the edge sees them: it writes credentials, sealed, and never reads them.
import postgres from 'postgres';
import { AppError } from '../../shared/errors.ts';
import { ACCOUNT_CHANGES_ROWS_MAX, KITE_ACCOUNTS_MAX } from '../../shared/limits.ts';
import type { AccountRecord } from '../core/account-view.ts';

/** What may be set; credentials are envelopes. */
export interface AccountFields {
  readonly api_key?: string;
  readonly user_id?: string | null;
  readonly enabled?: boolean;
  readonly connections_max?: number;
  readonly instruments_max?: number;
  readonly api_secret?: string;
  readonly access_token?: string;
  /** With an access token; milliseconds since the epoch. */
  readonly token_issued_at_ms?: number;
  readonly token_expires_at_ms?: number;
}

/** Who changes something, and what of it the record shall say: no credential. */
export interface ChangeNote {
  readonly changedBy: string;
  readonly detail: Readonly<Record<string, unknown>>;
}

const UNIQUE_VIOLATION = '23505';

type Queries = postgres.Sql | postgres.TransactionSql;

const isoTime = (sql: Queries, column: string) =>
  sql`to_char(${sql(column)} at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;

function columns(sql: Queries) {
  return sql`id, api_key, user_id, enabled, connections_max, instruments_max,
    api_secret is not null as has_secret, access_token is not null as has_token,
    ${isoTime(sql, 'token_issued_at')} as token_issued_at, ${isoTime(sql, 'token_expires_at')} as token_expires_at,
    ${isoTime(sql, 'created_at')} as created_at, ${isoTime(sql, 'updated_at')} as updated_at`;
}

/** All accounts by id. */
export async function listAccounts(sql: postgres.Sql): Promise<readonly AccountRecord[]> {
  return sql<AccountRecord[]>`select ${columns(sql)} from accounts order by id limit ${KITE_ACCOUNTS_MAX}`;
}

export async function findAccount(sql: postgres.Sql, id: string): Promise<AccountRecord | undefined> {
  const [row] = await sql<AccountRecord[]>`select ${columns(sql)} from accounts where id = ${id}`;
  return row;
}

/** The columns of what is given. */
function assignments(fields: AccountFields): Record<string, string | number | boolean | null> {
  const { token_issued_at_ms: issuedAtMs, token_expires_at_ms: expiresAtMs, ...plain } = fields;
  const time = (ms: number | undefined) => (ms === undefined ? undefined : new Date(ms).toISOString());
  const all = { ...plain, token_issued_at: time(issuedAtMs), token_expires_at: time(expiresAtMs) };
  return Object.fromEntries(
    Object.entries(all).flatMap(([name, value]) => (value === undefined ? [] : [[name, value] as const])),
  );
}

function taken(error: unknown, id: string): unknown {
  if (!(error instanceof postgres.PostgresError) || error.code !== UNIQUE_VIOLATION) return error;
  const message =
    error.constraint_name === 'accounts_pkey' ? `id: there is an account ${id} already` : undefined;
  return new AppError('account_exists', message ?? 'api_key: another account has it already', {
    cause: error,
  });
}

/** Throws `account_exists` or `account_limit`. */
export async function insertAccount(
  sql: postgres.Sql,
  account: AccountFields & { readonly id: string; readonly api_key: string },
  { changedBy, detail }: ChangeNote,
): Promise<AccountRecord> {
  const { id, ...fields } = account;
  const row = await sql
    .begin(async (transaction) => {
      // Two at once could both see room for one.
      await transaction`lock table accounts in share row exclusive mode`;
      const [{ count }] = await transaction<[{ count: number }]>`select count(*)::int as count from accounts`;
      if (count >= KITE_ACCOUNTS_MAX) {
        throw new AppError('account_limit', `there are ${count} accounts already, the most that may be`);
      }
      const [added] = await transaction<[AccountRecord]>`
        insert into accounts ${transaction({ id, ...assignments(fields) })}
        returning ${columns(transaction)}`;
      await note(transaction, id, 'added', { changedBy, detail });
      return added;
    })
    .catch((error: unknown) => {
      throw taken(error, id);
    });
  return row;
}

async function note(
  sql: Queries,
  id: string,
  action: 'added' | 'changed' | 'deleted',
  { changedBy, detail }: ChangeNote,
): Promise<void> {
  await sql`
    insert into account_changes (account_id, changed_by, action, detail)
    values (${id}, ${changedBy}, ${action}, ${JSON.stringify(detail)}::text::jsonb)`;
}

/** Undefined when there is no such account. */
export async function updateAccount(
  sql: postgres.Sql,
  id: string,
  fields: AccountFields,
  change: ChangeNote,
): Promise<AccountRecord | undefined> {
  return sql.begin(async (transaction) => {
    const [row] = await transaction<AccountRecord[]>`
      update accounts set ${transaction(assignments(fields))}, updated_at = now()
      where id = ${id}
      returning ${columns(transaction)}`;
    if (row) await note(transaction, id, 'changed', change);
    return row;
  });
}

/** False when there is no such account. Its credentials go with it, the record of its changes stays. */
export async function deleteAccount(sql: postgres.Sql, id: string, change: ChangeNote): Promise<boolean> {
  return sql.begin(async (transaction) => {
    const rows = await transaction`delete from accounts where id = ${id} returning id`;
    if (rows.length > 0) await note(transaction, id, 'deleted', change);
    return rows.length > 0;
  });
}

export interface AccountChange {
  readonly changed_at: string;
  readonly changed_by: string;
  readonly action: string;
  readonly detail: Readonly<Record<string, unknown>>;
}

/** The latest changes of an account, the last first; also of one that is gone. */
export async function listAccountChanges(sql: postgres.Sql, id: string): Promise<readonly AccountChange[]> {
  return sql<AccountChange[]>`
    select ${isoTime(sql, 'changed_at')} as changed_at, changed_by, action, detail
    from account_changes
    where account_id = ${id}
    order by account_changes.id desc
    limit ${ACCOUNT_CHANGES_ROWS_MAX}`;
}
