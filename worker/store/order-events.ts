// Order events in PostgreSQL, as gateways read what they or their clients have missed.
import type postgres from 'postgres';
import { ORDER_EVENTS_PAGE_ROWS } from '../../shared/limits.ts';
import type { NumberedOrderEvent } from '../core/order-event.ts';

/** The number of the last event, 0 before there is one. */
export async function lastOrderSeq(sql: postgres.Sql): Promise<number> {
  const [{ last }] = await sql<
    [{ last: string }]
  >`select coalesce(max(seq), 0)::text as last from order_events`;
  return Number(last);
}

/** The events behind `after` up to `upTo`, a page of them, in their order. */
export async function readOrderEvents(
  sql: postgres.Sql,
  after: number,
  upTo: number,
): Promise<readonly NumberedOrderEvent[]> {
  const rows = await sql<{ seq: string; account_id: string; payload: string }[]>`
    select seq::text, account_id, payload::text as payload from order_events
    where seq > ${after} and seq <= ${upTo}
    order by order_events.seq
    limit ${ORDER_EVENTS_PAGE_ROWS}`;
  return rows.map(({ seq, account_id: accountId, payload }) => ({
    seq: Number(seq),
    accountId,
    order: payload,
  }));
}
