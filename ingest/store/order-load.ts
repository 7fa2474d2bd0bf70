// Everything that an executor starts from, read in one statement: the tasks, the latest news of orders, and what was sent.
import type postgres from 'postgres';
import { ORDER_LATE_NEWS_MS, ORDER_SENT_LOADED_MS } from '../../shared/limits.ts';
import { readKiteOrder } from '../kite/order-payload.ts';
import type { AccountSent, LoadedOrders } from '../orders/ports.ts';
import { type TaskRow, taskOf } from './order-rows.ts';

/** A row of `order_tasks` named `task`, as TaskRow; `epoch` is an expression for the claim that it is under. */
export function taskJson(sql: postgres.Sql, epoch: postgres.PendingQuery<postgres.Row[]>) {
  return sql`jsonb_build_object('id', task.id, 'kind', task.kind, 'request', task.request,
    'requested_by', task.requested_by, 'account_id', task.account_id, 'tag', task.tag, 'order_id', task.order_id,
    'state', task.state, 'version', task.version, 'attempts', task.attempts,
    'is_held', task.next_attempt_at = 'infinity', 'is_uncertain', task.unknown_since is not null,
    'exchange_status', task.exchange_status, 'filled_quantity', task.filled_quantity,
    'created_at_ms', floor(extract(epoch from task.created_at) * 1000), 'sending_epoch', ${epoch})`;
}

/** `YYYY-MM-DD` in India, by the database's clock. */
export const tradingDate = (sql: postgres.Sql) =>
  sql`((now() at time zone 'UTC' + interval '5 hours 30 minutes')::date)`;

interface LoadedRow {
  readonly tasks: readonly TaskRow[];
  readonly events: readonly { readonly accountId: string; readonly payload: unknown }[];
  readonly sent: readonly AccountSent[];
  readonly modifications: LoadedOrders['modifications'];
  readonly trading_date: string;
}

export async function readOrders(sql: postgres.Sql): Promise<LoadedOrders> {
  const claimEpoch = sql`(select (detail ->> 'epoch')::bigint from order_task_transitions
    where task_id = task.id and version = task.version)`;
  const since = (ms: number) => sql`(now() - ${ms} * interval '1 millisecond')`;
  const midnight = sql`((${tradingDate(sql)}::timestamp - interval '5 hours 30 minutes') at time zone 'UTC')`;
  const [row] = await sql<[LoadedRow]>`
    with loaded as (
      select * from order_tasks where state not in ('COMPLETE', 'CANCELLED', 'REJECTED', 'DEAD_LETTER')
      union all
      select * from order_tasks
      where state in ('COMPLETE', 'CANCELLED', 'REJECTED', 'DEAD_LETTER')
        and kind = 'place' and updated_at > ${since(ORDER_LATE_NEWS_MS)}
    ), latest as (
      select distinct on (account_id, order_id) account_id, payload
      from order_events where at > ${since(ORDER_LATE_NEWS_MS)}
      order by account_id, order_id, seq desc
    ), sending as (
      select task.account_id, extract(epoch from now() - transition.at)::float8 * 1000 as age_ms,
        transition.at >= ${midnight} as is_of_today
      from order_task_transitions transition join order_tasks task on task.id = transition.task_id
      where transition.to_state = 'SENDING'
        and transition.at >= least(${midnight}, ${since(ORDER_SENT_LOADED_MS)})
    ), sent as (
      select account_id, count(*) filter (where is_of_today) as today_count,
        coalesce(jsonb_agg(age_ms order by age_ms) filter (where age_ms <= ${ORDER_SENT_LOADED_MS}), '[]') as ages_ms
      from sending group by account_id
    ), modified as (
      select task.account_id, task.order_id, count(*) as count
      from order_tasks task join order_task_transitions transition on transition.task_id = task.id
      where task.kind = 'modify' and task.created_at > now() - interval '2 days' and transition.to_state = 'SENDING'
      group by task.account_id, task.order_id
    )
    select
      (select coalesce(jsonb_agg(${taskJson(sql, claimEpoch)} order by task.created_at, task.id), '[]')
        from loaded task) as tasks,
      (select coalesce(jsonb_agg(jsonb_build_object('accountId', account_id, 'payload', payload)), '[]')
        from latest) as events,
      (select coalesce(jsonb_agg(jsonb_build_object('accountId', account_id, 'agesMs', ages_ms,
        'todayCount', today_count)), '[]') from sent) as sent,
      (select coalesce(jsonb_agg(jsonb_build_object('accountId', account_id, 'orderId', order_id,
        'count', count)), '[]') from modified) as modifications,
      ${tradingDate(sql)}::text as trading_date`;
  return {
    tasks: row.tasks.map(taskOf),
    // Read when it was stored; of a version that read less, the next news counts.
    latestOrders: row.events.flatMap(({ accountId, payload }) => {
      const order = readKiteOrder(payload);
      return 'problem' in order ? [] : [{ accountId, order }];
    }),
    sent: row.sent,
    modifications: row.modifications,
    tradingDate: row.trading_date,
  };
}
