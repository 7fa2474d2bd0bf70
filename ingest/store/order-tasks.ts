// Order tasks in PostgreSQL, as the executor claims and changes them: each call one statement, and fenced by the lease.
import type postgres from 'postgres';
import {
  ORDER_EXPIRED_ROWS_MAX,
  ORDER_STATEMENT_MS_MAX,
  ORDER_STORE_ANSWER_MS_MAX,
} from '../../shared/limits.ts';
import type { Clock } from '../clock.ts';
import type { OrderEventDraft, TaskChange } from '../core/orders/task.ts';
import type {
  ClaimAnswer,
  ClaimAsk,
  CommitAnswer,
  ExpireAnswer,
  LoadedOrders,
  OrderStore,
} from '../orders/ports.ts';
import { DatabaseSession } from './db.ts';
import { readOrders, taskJson, tradingDate } from './order-load.ts';
import {
  changeRowsOf,
  eventRowsOf,
  storableJson,
  type TaskRow,
  taskOf,
  transitionRowsOf,
} from './order-rows.ts';

/**
 * The lease's row, locked until the statement has committed: nobody can take the lease before that. Empty when it has
 * another epoch. Whatever writes looks at it first.
 */
export const heldLease = (sql: postgres.Sql, epoch: number) =>
  sql`lease as materialized (select from sidecar_lease where epoch = ${epoch} for share)`;

/** `sql.begin` is not used: a connection that breaks inside of one ends the process. One statement is a transaction, too. */
export class OrderTaskStore implements OrderStore {
  readonly #session: DatabaseSession;

  constructor(url: string, clock: Clock) {
    this.#session = new DatabaseSession(url, clock, ORDER_STORE_ANSWER_MS_MAX, ORDER_STATEMENT_MS_MAX);
  }

  load(): Promise<LoadedOrders> {
    return this.#session.ask(readOrders);
  }

  claim(ask: ClaimAsk): Promise<ClaimAnswer> {
    return this.#session.ask((sql) => claimTask(sql, ask));
  }

  expire(epoch: number, ageMsMax: number): Promise<ExpireAnswer> {
    return this.#session.ask((sql) => expireTasks(sql, epoch, ageMsMax));
  }

  commit(
    epoch: number,
    changes: readonly TaskChange[],
    events: readonly OrderEventDraft[],
  ): Promise<CommitAnswer> {
    return this.#session.ask((sql) => commitChanges(sql, epoch, changes, events));
  }

  close(): void {
    this.#session.close();
  }
}

async function claimTask(sql: postgres.Sql, ask: ClaimAsk): Promise<ClaimAnswer> {
  const { epoch, accountIds, ageMsMax } = ask;
  const [row] = await sql<
    [{ is_held: boolean; task: TaskRow | null; next_in_ms: number | null; trading_date: string }]
  >`
    with ${heldLease(sql, epoch)}, next as (
      select task.id, task.state
      from order_tasks task
      where exists (select from lease)
        and task.state in ('PENDING', 'RETRY_WAIT')
        and task.next_attempt_at <= now()
        and task.created_at >= now() - ${ageMsMax} * interval '1 millisecond'
        and task.account_id in (select jsonb_array_elements_text(${JSON.stringify(accountIds)}::text::jsonb))
        and (task.kind = 'cancel' or not exists (
          select from order_halts
          where scope in ('all', 'account:' || task.account_id, 'requester:' || task.requested_by)))
        and (task.kind = 'place' or not exists (
          select from order_tasks other
          where other.account_id = task.account_id and other.order_id = task.order_id and other.kind <> 'place'
            and other.state = 'SENDING'))
        and (task.kind <> 'modify' or not exists (
          select from order_tasks earlier
          where earlier.account_id = task.account_id and earlier.order_id = task.order_id and earlier.kind <> 'place'
            and (earlier.created_at, earlier.id) < (task.created_at, task.id)
            and earlier.state not in ('COMPLETE', 'CANCELLED', 'REJECTED', 'DEAD_LETTER')))
      order by task.kind = 'cancel' desc, task.created_at, task.id
      limit 1
      for update of task skip locked
    ), task as (
      update order_tasks task
      set state = 'SENDING', version = task.version + 1, attempts = task.attempts + 1, unknown_since = null,
        updated_at = now()
      from next where task.id = next.id
      returning task.*, next.state as from_state
    ), noted as (
      insert into order_task_transitions (task_id, version, from_state, to_state, cause, detail)
      select id, version, from_state, state, 'claimed', jsonb_build_object('epoch', ${epoch}::bigint) from task
    )
    select exists (select from lease) as is_held,
      (select ${taskJson(sql, sql`${epoch}::bigint`)} from task) as task,
      (select extract(epoch from min(next_attempt_at) - now())::float8 * 1000 from order_tasks
        where state = 'RETRY_WAIT' and next_attempt_at > now() and next_attempt_at < 'infinity') as next_in_ms,
      ${tradingDate(sql)}::text as trading_date`;
  if (!row.is_held) return { kind: 'fenced' };
  if (row.task) return { kind: 'claimed', task: taskOf(row.task), tradingDate: row.trading_date };
  return { kind: 'none', nextInMs: row.next_in_ms ?? undefined, tradingDate: row.trading_date };
}

async function expireTasks(sql: postgres.Sql, epoch: number, ageMsMax: number): Promise<ExpireAnswer> {
  const [row] = await sql<[{ is_held: boolean; tasks: TaskRow[] }]>`
    with ${heldLease(sql, epoch)}, old as (
      select task.id, task.state
      from order_tasks task
      where exists (select from lease)
        and task.state in ('PENDING', 'RETRY_WAIT')
        and task.created_at < now() - ${ageMsMax} * interval '1 millisecond'
      order by task.created_at, task.id
      limit ${ORDER_EXPIRED_ROWS_MAX}
      for update of task skip locked
    ), expired as (
      update order_tasks task set state = 'DEAD_LETTER', version = task.version + 1, updated_at = now()
      from old where task.id = old.id
      returning task.*, old.state as from_state
    ), noted as (
      insert into order_task_transitions (task_id, version, from_state, to_state, cause)
      select id, version, from_state, state, 'too_old' from expired
    )
    select exists (select from lease) as is_held,
      (select coalesce(jsonb_agg(${taskJson(sql, sql`null`)} order by task.created_at, task.id), '[]')
        from expired task) as tasks`;
  return row.is_held ? { kind: 'done', tasks: row.tasks.map(taskOf) } : { kind: 'fenced' };
}

async function commitChanges(
  sql: postgres.Sql,
  epoch: number,
  changes: readonly TaskChange[],
  events: readonly OrderEventDraft[],
): Promise<CommitAnswer> {
  const [row] = await sql<[{ is_held: boolean; is_done: boolean; seqs: number[] }]>`
    with ${heldLease(sql, epoch)}, change as materialized (
      select * from jsonb_to_recordset(${storableJson(changeRowsOf(changes))}::text::jsonb) as change (
        id uuid, version integer, to_version integer, state text, unknown_since text, next_attempt_ms float8,
        is_held boolean, order_id text, exchange_status text, filled_quantity bigint, average_price numeric,
        sets_status_message boolean, status_message text,
        sets_exchange_updated_at boolean, exchange_updated_at_ms float8)
    ), found as materialized (
      select task.id from order_tasks task join change on change.id = task.id and change.version = task.version
      where exists (select from lease)
      for update of task
    ), go as materialized (
      select from lease where (select count(*) from found) = (select count(*) from change)
    ), changed as (
      update order_tasks task
      set state = change.state, version = change.to_version, updated_at = now(),
        unknown_since = case change.unknown_since when 'now' then now() when 'kept' then task.unknown_since end,
        next_attempt_at = case when change.is_held then 'infinity'
          when change.next_attempt_ms is not null then now() + change.next_attempt_ms * interval '1 millisecond'
          else task.next_attempt_at end,
        order_id = coalesce(change.order_id, task.order_id),
        exchange_status = coalesce(change.exchange_status, task.exchange_status),
        filled_quantity = coalesce(change.filled_quantity, task.filled_quantity),
        average_price = coalesce(change.average_price, task.average_price),
        status_message = case when change.sets_status_message then change.status_message else task.status_message end,
        exchange_updated_at = case when change.sets_exchange_updated_at
          then to_timestamp(change.exchange_updated_at_ms / 1000) else task.exchange_updated_at end
      from change
      where task.id = change.id and exists (select from go)
    ), noted as (
      insert into order_task_transitions (task_id, version, from_state, to_state, cause, detail)
      select task_id, version, from_state, to_state, cause, detail
      from jsonb_to_recordset(${storableJson(transitionRowsOf(changes))}::text::jsonb) as noted (
        task_id uuid, version integer, from_state text, to_state text, cause text, detail jsonb)
      where exists (select from go)
    ), told as (
      -- Two that append at once want the same number: the second one fails whole, on the primary key.
      insert into order_events (seq, account_id, order_id, task_id, payload)
      select (select coalesce(max(seq), 0) from order_events) + n, account_id, order_id, task_id, payload
      from jsonb_to_recordset(${storableJson(eventRowsOf(events))}::text::jsonb) as event (
        n bigint, account_id text, order_id text, task_id uuid, payload jsonb)
      where exists (select from go)
      returning seq
    )
    select exists (select from lease) as is_held, exists (select from go) as is_done,
      (select coalesce(jsonb_agg(seq order by seq), '[]') from told) as seqs`;
  if (!row.is_held) return { kind: 'fenced' };
  if (!row.is_done) return { kind: 'stale' };
  return { kind: 'done', events: events.map((event, i) => ({ ...event, seq: Number(row.seqs[i]) })) };
}
