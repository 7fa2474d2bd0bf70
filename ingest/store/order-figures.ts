// How many order tasks there are in which state, for the sidecar's status.
import type postgres from 'postgres';

export interface OrderFigures {
  /** Tasks that are not over, by state. */
  readonly open: Readonly<Record<string, number>>;
  /** Given up within a day, and not resolved: older ones would have all that is over looked at each time. */
  readonly givenUp: number;
}

export async function readOrderFigures(sql: postgres.Sql): Promise<OrderFigures> {
  const [row] = await sql<[{ open: Record<string, number> | null; given_up: number }]>`
    with open as (
      select state, count(*) as count from order_tasks
      where state not in ('COMPLETE', 'CANCELLED', 'REJECTED', 'DEAD_LETTER')
      group by state)
    select (select jsonb_object_agg(state, count) from open) as open,
      (select count(*)::integer from order_tasks task
        where task.state in ('COMPLETE', 'CANCELLED', 'REJECTED', 'DEAD_LETTER') and task.state = 'DEAD_LETTER'
          and task.updated_at > now() - interval '1 day'
          and not exists (select from order_task_transitions latest
            where latest.task_id = task.id and latest.version = task.version and latest.cause = 'resolved')) as given_up`;
  return { open: row.open ?? {}, givenUp: row.given_up };
}
