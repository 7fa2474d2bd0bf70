// Order tasks in PostgreSQL, as the edge stores and shows them. What becomes of them is the sidecar's to say.
import type postgres from 'postgres';
import {
  ORDER_ACCOUNT_OPEN_MAX,
  ORDER_ACCOUNT_PER_MINUTE_MAX,
  ORDER_REQUESTER_OPEN_MAX,
  ORDER_REQUESTER_PER_MINUTE_MAX,
} from '../../shared/limits.ts';
import type { OrderRequest, OrderTaskKind, OrderTaskState } from '../../shared/order.ts';
import type { OrderInstrument } from '../core/order-request.ts';
import type { SymbolName } from './instruments.ts';

/** The columns of order_tasks as JSON has them; times with the zone's offset. */
export interface OrderTaskRow {
  readonly id: string;
  readonly kind: OrderTaskKind;
  readonly requested_by: string;
  readonly account_id: string;
  readonly body_hash: string;
  readonly request: Readonly<Record<string, unknown>>;
  readonly tag: string | null;
  readonly order_id: string | null;
  readonly state: OrderTaskState;
  readonly version: number;
  readonly attempts: number;
  readonly exchange_status: string | null;
  readonly status_message: string | null;
  readonly filled_quantity: number;
  readonly average_price: number | null;
  readonly created_at: string;
  readonly updated_at: string;
}

export interface OrderTransitionRow {
  readonly version: number;
  readonly from_state: OrderTaskState | null;
  readonly to_state: OrderTaskState;
  readonly at: string;
  readonly cause: string;
  readonly detail: unknown;
}

export interface OrderTaskHistory {
  readonly task: OrderTaskRow;
  readonly transitions: readonly OrderTransitionRow[];
}

/** Who asks again is known by this. */
export interface TaskKey {
  readonly requestedBy: string;
  readonly idempotencyKey: string;
}

export async function findTaskByKey(
  sql: postgres.Sql,
  { requestedBy, idempotencyKey }: TaskKey,
): Promise<OrderTaskRow | undefined> {
  const [found] = await sql<{ task: OrderTaskRow }[]>`
    select to_jsonb(t) as task from order_tasks t
    where requested_by = ${requestedBy} and idempotency_key = ${idempotencyKey}`;
  return found?.task;
}

export interface KnownAccount {
  readonly id: string;
  readonly enabled: boolean;
}

export async function listKnownAccounts(sql: postgres.Sql): Promise<readonly KnownAccount[]> {
  return sql<KnownAccount[]>`select id, enabled from accounts order by id`;
}

export interface OrderFacts {
  /** Of the same key, if there is one. */
  readonly task: OrderTaskRow | null;
  readonly accounts: readonly KnownAccount[];
  /** The one that the order is for, of today's list. */
  readonly instrument: OrderInstrument | null;
  /** The day in India, YYYY-MM-DD: a contract's last one is its expiry. */
  readonly today: string;
}

/** Numbers, where the driver would give texts. */
const columns = (sql: postgres.Sql) => sql`
  i.tradingsymbol, i.exchange, i.segment, i.expiry::text as expiry, i.tick_size::float8 as tick_size, i.lot_size`;

/** Everything that a request is checked against, in one go; the instrument is that of an order to place. */
export async function readOrderFacts(
  sql: postgres.Sql,
  key: TaskKey,
  symbol: SymbolName | undefined,
): Promise<OrderFacts> {
  const [facts] = await sql<[OrderFacts]>`
    select
      (select to_jsonb(t) from order_tasks t
        where requested_by = ${key.requestedBy} and idempotency_key = ${key.idempotencyKey}) as task,
      (select coalesce(json_agg(json_build_object('id', id, 'enabled', enabled) order by id), '[]')
        from accounts) as accounts,
      (select to_json(found) from (
        select ${columns(sql)} from instruments i
        where exchange = ${symbol?.exchange ?? null} and tradingsymbol = ${symbol?.tradingsymbol ?? null}
        order by instrument_token limit 1) as found) as instrument,
      ((now() at time zone 'UTC' + interval '5 hours 30 minutes')::date)::text as today`;
  return facts;
}

/** The instrument of an order that was placed here, as long as it is in the list. */
export async function findInstrumentOfOrder(
  sql: postgres.Sql,
  accountId: string,
  orderId: string,
): Promise<OrderInstrument | undefined> {
  const [row] = await sql<OrderInstrument[]>`
    select ${columns(sql)} from order_tasks t
    join instruments i on i.exchange = t.request->>'exchange' and i.tradingsymbol = t.request->>'tradingsymbol'
    where t.account_id = ${accountId} and t.order_id = ${orderId} and t.kind = 'place'
    order by i.instrument_token limit 1`;
  return row;
}

export type NewOrderTask = TaskKey &
  OrderRequest & {
    readonly id: string;
    readonly accountId: string;
    readonly bodyHash: string;
    /** Of place tasks. */
    readonly tag: string | undefined;
    /** Of the others. */
    readonly orderId: string | undefined;
  };

/** Tasks of the requester and of the account, the one that asks not among them. */
export interface TaskCounts {
  readonly requester_open: number;
  readonly account_open: number;
  readonly requester_minute: number;
  readonly account_minute: number;
}

export interface StoredTask extends TaskCounts {
  /** Null when a halt, a limit or a task of the same key is in the way. */
  readonly task: OrderTaskRow | null;
  /** The halt that holds for it. */
  readonly halt: { readonly scope: string; readonly reason: string } | null;
}

/**
 * Stores the task and its first transition, unless its scope is halted, a limit is reached or its key is taken: one statement, so
 * that of two equal requests one is stored. Requests at the same moment do not see each other in the counts, which may be passed by as many.
 */
export async function storeOrderTask(sql: postgres.Sql, task: NewOrderTask): Promise<StoredTask> {
  const { id, kind, requestedBy, accountId, idempotencyKey, bodyHash, request, tag, orderId } = task;
  // Whoever has too much open must be able to cancel it.
  const [requesterOpenMax, accountOpenMax] =
    kind === 'place' ? [ORDER_REQUESTER_OPEN_MAX, ORDER_ACCOUNT_OPEN_MAX] : [null, null];
  const [stored] = await sql<[StoredTask]>`
    with recent as (
      -- By the two indices that there are: what was created within a minute is open, or was over within that minute.
      select requested_by, account_id, created_at, true as is_open from order_tasks
      where state not in ('COMPLETE', 'CANCELLED', 'REJECTED', 'DEAD_LETTER')
      union all
      select requested_by, account_id, created_at, false from order_tasks
      where state in ('COMPLETE', 'CANCELLED', 'REJECTED', 'DEAD_LETTER') and updated_at > now() - interval '1 minute'
    ), counts as (
      select
        count(*) filter (where is_open and requested_by = ${requestedBy})::int as requester_open,
        count(*) filter (where is_open and account_id = ${accountId})::int as account_open,
        count(*) filter (where created_at > now() - interval '1 minute' and requested_by = ${requestedBy})::int
          as requester_minute,
        count(*) filter (where created_at > now() - interval '1 minute' and account_id = ${accountId})::int
          as account_minute
      from recent
    ), halt as (
      select scope, reason from order_halts
      where ${kind} <> 'cancel' and scope in ('all', ${`account:${accountId}`}, ${`requester:${requestedBy}`})
      order by scope limit 1
    ), stored as (
      insert into order_tasks
        (id, kind, requested_by, account_id, idempotency_key, body_hash, request, tag, order_id)
      select ${id}::uuid, ${kind}, ${requestedBy}, ${accountId}, ${idempotencyKey}, ${bodyHash},
        ${JSON.stringify(request)}::text::jsonb, ${tag ?? null}, ${orderId ?? null}
      from counts
      where not exists (select from halt)
        and requester_minute < ${ORDER_REQUESTER_PER_MINUTE_MAX}
        and account_minute < ${ORDER_ACCOUNT_PER_MINUTE_MAX}
        and (${requesterOpenMax}::int is null or requester_open < ${requesterOpenMax}::int)
        and (${accountOpenMax}::int is null or account_open < ${accountOpenMax}::int)
      on conflict (requested_by, idempotency_key) do nothing
      returning *
    ), born as (
      insert into order_task_transitions (task_id, version, to_state, cause)
      select id, version, state, 'requested' from stored
    )
    select counts.*,
      (select to_jsonb(stored) from stored) as task,
      (select to_jsonb(halt) from halt) as halt
    from counts`;
  return stored;
}

export interface TaskFilter {
  readonly requestedBy: string;
  readonly state: OrderTaskState | undefined;
  /** The task that the page before ended with. */
  readonly after: string | undefined;
}

/** When the task was created; it may have been archived since the page that it ended. */
const position = (sql: postgres.Sql, requestedBy: string, id: string) => sql`(
  select created_at from order_tasks where id = ${id}::text::uuid and requested_by = ${requestedBy}
  union all
  select created_at from order_task_archive where id = ${id}::text::uuid and requested_by = ${requestedBy}
  limit 1)`;

/** The requester's own tasks, the newest first; those of the same moment are told apart by their ids. */
export async function listOrderTasks(
  sql: postgres.Sql,
  { requestedBy, state, after }: TaskFilter,
  rowsMax: number,
): Promise<readonly OrderTaskRow[]> {
  const nothing = sql``;
  const rows = await sql<{ task: OrderTaskRow }[]>`
    select to_jsonb(t) as task from order_tasks t
    where requested_by = ${requestedBy}
      ${state === undefined ? nothing : sql`and state = ${state}`}
      ${after === undefined ? nothing : sql`and (created_at, id) < (${position(sql, requestedBy, after)}, ${after}::text::uuid)`}
    order by created_at desc, id desc
    limit ${rowsMax}`;
  return rows.map(({ task }) => task);
}

/** One of the requester's own tasks with all that has happened to it, also when it is in the archive. */
export async function findOrderTask(
  sql: postgres.Sql,
  requestedBy: string,
  id: string,
): Promise<OrderTaskHistory | undefined> {
  const [found] = await sql<OrderTaskHistory[]>`
    select to_jsonb(t) as task, (
      select coalesce(jsonb_agg(to_jsonb(h) order by version), '[]')
      from order_task_transitions h where task_id = t.id
    ) as transitions
    from order_tasks t where id = ${id} and requested_by = ${requestedBy}
    union all
    select task, transitions from order_task_archive where id = ${id} and requested_by = ${requestedBy}
    limit 1`;
  return found;
}
