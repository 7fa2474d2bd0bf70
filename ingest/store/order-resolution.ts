// Tasks that were given up, and what a person has found out about them.
import type postgres from 'postgres';
import { ORDERS_GIVEN_UP_ROWS_MAX } from '../../shared/limits.ts';

export interface GivenUpTask {
  readonly id: string;
  readonly kind: string;
  readonly accountId: string;
  readonly tag: string | null;
  readonly orderId: string | null;
  readonly cause: string;
  readonly request: unknown;
  /** ISO 8601. */
  readonly givenUpAt: string;
}

/** The tasks in DEAD_LETTER that nobody has resolved, the oldest first. */
export async function listGivenUp(sql: postgres.Sql): Promise<GivenUpTask[]> {
  return sql<GivenUpTask[]>`
    select task.id, task.kind, task.account_id as "accountId", task.tag, task.order_id as "orderId", latest.cause,
      task.request, to_char(latest.at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') as "givenUpAt"
    from order_tasks task
    join order_task_transitions latest on latest.task_id = task.id and latest.version = task.version
    where task.state = 'DEAD_LETTER' and latest.cause <> 'resolved'
    order by task.updated_at
    limit ${ORDERS_GIVEN_UP_ROWS_MAX}`;
}

/** Notes what somebody has found out: from then on the task is as good as any that is over. False when it was not given up. */
export async function resolveTask(
  sql: postgres.Sql,
  id: string,
  resolvedBy: string,
  note: string,
): Promise<boolean> {
  const { count } = await sql`
    with resolved as (
      update order_tasks set version = version + 1, updated_at = now()
      where id::text = ${id} and state = 'DEAD_LETTER'
      returning id, version)
    insert into order_task_transitions (task_id, version, from_state, to_state, cause, detail)
    select id, version, 'DEAD_LETTER', 'DEAD_LETTER', 'resolved',
      jsonb_build_object('by', ${resolvedBy}::text, 'note', ${note}::text)
    from resolved`;
  return count === 1;
}
