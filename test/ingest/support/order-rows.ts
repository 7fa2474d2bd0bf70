// Order tasks as the edge stores them, for tests of what the sidecar makes of them.
import { randomUUID } from 'node:crypto';
import type postgres from 'postgres';
import { newOrderTag, type OrderTaskKind, type PlaceRequest } from '../../../shared/order.ts';

export const PLACE: PlaceRequest = {
  variety: 'regular',
  exchange: 'NSE',
  tradingsymbol: 'INFY',
  transaction_type: 'BUY',
  quantity: 1,
  product: 'CNC',
  order_type: 'LIMIT',
  price: 1_500.05,
  validity: 'DAY',
};

export interface NewTask {
  readonly kind?: OrderTaskKind;
  readonly accountId?: string;
  readonly requestedBy?: string;
  readonly orderId?: string;
  readonly request?: object;
  /** Created so long ago. */
  readonly ageMs?: number;
  readonly tag?: string;
}

/** Stores a task in PENDING with its first transition, and returns its id. */
export async function storeTask(sql: postgres.Sql, task: NewTask = {}): Promise<string> {
  const { kind = 'place', accountId = 'primary', requestedBy = 'key:test', orderId, ageMs = 0 } = task;
  const id = randomUUID();
  const tag = task.tag ?? newOrderTag((bytes) => crypto.getRandomValues(new Uint8Array(bytes)));
  const own = kind === 'place' ? PLACE : { variety: 'regular', order_id: orderId };
  const request = JSON.stringify({ ...own, ...task.request });
  await sql`
    with task as (
      insert into order_tasks (id, kind, requested_by, account_id, idempotency_key, body_hash, request, tag, order_id,
        next_attempt_at, created_at, updated_at)
      values (${id}, ${kind}, ${requestedBy}, ${accountId}, ${id}, ${'0'.repeat(64)}, ${request}::text::jsonb,
        ${kind === 'place' ? tag : null}, ${orderId ?? null}, now() - ${ageMs} * interval '1 millisecond',
        now() - ${ageMs} * interval '1 millisecond', now() - ${ageMs} * interval '1 millisecond')
      returning id)
    insert into order_task_transitions (task_id, version, to_state, cause) select id, 1, 'PENDING', 'requested' from task`;
  return id;
}

/** Makes the sidecar of that epoch the one that holds the lease. */
export async function holdLease(sql: postgres.Sql, epoch: number): Promise<void> {
  await sql`
    insert into sidecar_lease (holder, epoch, expires_at) values (${`holder of ${epoch}`}, ${epoch}, now() + interval '1 hour')
    on conflict (only_row) do update set holder = excluded.holder, epoch = excluded.epoch, expires_at = excluded.expires_at`;
}
