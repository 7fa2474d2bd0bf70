// What is over and old of orders: tasks go to the archive, events and refusals are removed. Nothing unresolved is touched.
import type postgres from 'postgres';
import { ORDER_ARCHIVE_ROWS_PER_STATEMENT } from '../../shared/limits.ts';
import { heldLease } from './order-tasks.ts';

/** How many rows a portion has taken away. */
export interface ArchivedPortion {
  readonly tasks: number;
  readonly events: number;
  readonly refusals: number;
}

/**
 * A task that was given up stays, however old it is, until it is known what became of it: only those go that Kite certainly
 * has not done, or that a person has resolved, which is a transition of that cause.
 */
const KNOWN_ENDS = JSON.stringify(['attempts_spent', 'too_old', 'resolved']);

async function archiveTasks(sql: postgres.Sql, epoch: number, cutoffDays: number): Promise<number> {
  const { count } = await sql`
    with ${heldLease(sql, epoch)}, over as materialized (
      select task.id from order_tasks task
      where task.state in ('COMPLETE', 'CANCELLED', 'REJECTED', 'DEAD_LETTER')
        and task.updated_at < now() - ${cutoffDays} * interval '1 day'
        and (task.state <> 'DEAD_LETTER' or exists (
          select from order_task_transitions latest
          where latest.task_id = task.id and latest.version = task.version
            and ${KNOWN_ENDS}::text::jsonb ? latest.cause))
        and exists (select from lease)
      order by task.updated_at
      limit ${ORDER_ARCHIVE_ROWS_PER_STATEMENT}
      for update skip locked
    ), archived as (
      insert into order_task_archive (id, requested_by, created_at, task, transitions)
      select task.id, task.requested_by, task.created_at, to_jsonb(task), (
        select coalesce(jsonb_agg(to_jsonb(transition) - 'task_id' order by version), '[]')
        from order_task_transitions transition where transition.task_id = task.id)
      from order_tasks task join over on over.id = task.id
      returning id
    )
    delete from order_tasks where id in (select id from archived)`;
  return count;
}

/** The oldest go first, so that what is left has no gaps; the last one stays whatever its age, as numbers go on from it. */
async function removeEvents(sql: postgres.Sql, epoch: number, cutoffDays: number): Promise<number> {
  const { count } = await sql`
    with ${heldLease(sql, epoch)}, oldest as materialized (
      select seq, at from order_events order by seq limit ${ORDER_ARCHIVE_ROWS_PER_STATEMENT}
    ), kept as (
      select min(seq) as seq from oldest
      where at >= now() - ${cutoffDays} * interval '1 day' or seq = (select max(seq) from order_events)
    )
    delete from order_events event using oldest, kept
    where event.seq = oldest.seq and (kept.seq is null or event.seq < kept.seq) and exists (select from lease)`;
  return count;
}

async function removeRefusals(sql: postgres.Sql, epoch: number, cutoffDays: number): Promise<number> {
  const { count } = await sql`
    with ${heldLease(sql, epoch)}
    delete from order_audit where id in (
      select id from order_audit where at < now() - ${cutoffDays} * interval '1 day'
      order by at limit ${ORDER_ARCHIVE_ROWS_PER_STATEMENT})
      and exists (select from lease)`;
  return count;
}

/** Takes a portion of what is older than so many days away, if the lease is still that of `epoch`. */
export async function archivePortion(
  sql: postgres.Sql,
  epoch: number,
  retentionDays: number,
): Promise<ArchivedPortion> {
  return {
    tasks: await archiveTasks(sql, epoch, retentionDays),
    events: await removeEvents(sql, epoch, retentionDays),
    refusals: await removeRefusals(sql, epoch, retentionDays),
  };
}
