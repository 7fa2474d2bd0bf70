// Pinned subscriptions in PostgreSQL, as the edge changes and lists them.
import type postgres from 'postgres';
import type { InstrumentToken } from '../../shared/instrument.ts';
import { SUBSCRIPTIONS_MAX } from '../../shared/limits.ts';
import type { TickMode } from '../../shared/tick.ts';

export interface SubscriptionRequest {
  readonly token: InstrumentToken;
  readonly mode: TickMode;
  readonly accountId: string | undefined;
  /** The sidecar has the account, whether or not it is in the table. */
  readonly isAccountReported: boolean;
}

export interface Subscription {
  readonly token: number;
  readonly mode: TickMode;
  readonly accountId: string | undefined;
  /** Undefined while the instrument is not in today's list. */
  readonly tradingsymbol: string | undefined;
  readonly exchange: string | undefined;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

interface SubscriptionRow {
  readonly instrument_token: string;
  readonly requested_mode: TickMode;
  readonly account_id: string | null;
  readonly tradingsymbol: string | null;
  readonly exchange: string | null;
  readonly created_at: Date;
  readonly updated_at: Date;
}

export type StoreResult =
  | { readonly kind: 'created' | 'replaced'; readonly subscription: Subscription }
  | { readonly kind: 'unknown_instrument' | 'unknown_account' | 'subscription_limit' };

export interface SubscriptionPage {
  readonly subscriptions: readonly Subscription[];
  /** Of all pages. */
  readonly total: number;
}

/** Any number that no other user of advisory locks in the same database takes: 'TESB' in ASCII. */
const LOCK_KEY = 0x5445_5342;

function subscriptionOf(row: SubscriptionRow): Subscription {
  return {
    token: Number(row.instrument_token),
    mode: row.requested_mode,
    accountId: row.account_id ?? undefined,
    tradingsymbol: row.tradingsymbol ?? undefined,
    exchange: row.exchange ?? undefined,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}

/** The day in India: a contract's last one is its expiry. */
const today = (sql: postgres.ISql) => sql`(now() at time zone 'UTC' + interval '5 hours 30 minutes')::date`;

async function isAccountKnown(sql: postgres.ISql, accountId: string): Promise<boolean> {
  const accounts = await sql`select 1 from accounts where id = ${accountId}`;
  return accounts.length > 0;
}

/**
 * Stores the subscription, replacing the one that the instrument has. One caller at a time, so that the limit holds;
 * subscriptions to contracts that have expired go on the way.
 */
export function storeSubscription(
  sql: postgres.Sql,
  { token, mode, accountId, isAccountReported }: SubscriptionRequest,
): Promise<StoreResult> {
  return sql.begin(async (tx): Promise<StoreResult> => {
    await tx`select pg_advisory_xact_lock(${LOCK_KEY})`;
    if (accountId !== undefined && !isAccountReported && !(await isAccountKnown(tx, accountId))) {
      return { kind: 'unknown_account' };
    }
    await tx`delete from subscriptions where expiry < ${today(tx)}`;
    const [count] = await tx<[{ others: number }]>`
      select count(*)::int as others from subscriptions where instrument_token <> ${token}`;
    if (count.others >= SUBSCRIPTIONS_MAX) return { kind: 'subscription_limit' };
    const [row] = await tx<(SubscriptionRow & { is_new: boolean })[]>`
      with stored as (
        insert into subscriptions (instrument_token, requested_mode, account_id, expiry)
        select instrument_token, ${mode}, ${accountId ?? null}, expiry
        from instruments where instrument_token = ${token}
        on conflict (instrument_token) do update set requested_mode = excluded.requested_mode,
          account_id = excluded.account_id, expiry = excluded.expiry, updated_at = now()
        returning *, xmax = 0 as is_new
      )
      select stored.*, tradingsymbol, exchange from stored join instruments using (instrument_token)`;
    if (!row) return { kind: 'unknown_instrument' };
    return { kind: row.is_new ? 'created' : 'replaced', subscription: subscriptionOf(row) };
  });
}

/** Subscriptions by ascending token, from the first one after `after`. Those to expired contracts are over. */
export async function listSubscriptions(
  sql: postgres.Sql,
  after: number,
  rowsMax: number,
): Promise<SubscriptionPage> {
  const [rows, [count]] = await Promise.all([
    sql<SubscriptionRow[]>`
      select s.instrument_token, requested_mode, account_id, tradingsymbol, exchange, created_at, updated_at
      from subscriptions s left join instruments i on i.instrument_token = s.instrument_token
      where s.instrument_token > ${after} and (s.expiry is null or s.expiry >= ${today(sql)})
      order by s.instrument_token
      limit ${rowsMax}`,
    sql<[{ total: number }]>`
      select count(*)::int as total from subscriptions where expiry is null or expiry >= ${today(sql)}`,
  ]);
  return { subscriptions: rows.map(subscriptionOf), total: count.total };
}

/** False when the instrument has no subscription. */
export async function deleteSubscription(sql: postgres.Sql, token: InstrumentToken): Promise<boolean> {
  const { count } = await sql`delete from subscriptions where instrument_token = ${token}`;
  return count > 0;
}
