// Rows of the order tables as the executor has them, and its changes as statements take them.
import type { OrderRequest, OrderTaskState } from '../../shared/order.ts';
import type { OrderEventDraft, OrderTask, TaskChange } from '../core/orders/task.ts';

/** A row of `order_tasks` as JSON, with the epoch of the claim that it is under. */
export type TaskRow = OrderRequest & {
  readonly id: string;
  readonly requested_by: string;
  readonly account_id: string;
  readonly tag: string | null;
  readonly order_id: string | null;
  readonly state: OrderTaskState;
  readonly version: number;
  readonly attempts: number;
  readonly is_held: boolean;
  readonly is_uncertain: boolean;
  readonly exchange_status: string | null;
  readonly filled_quantity: number;
  readonly created_at_ms: number;
  readonly sending_epoch: number | null;
};

export function taskOf(row: TaskRow): OrderTask {
  return {
    // What is stored was checked when it came, and the kind with it.
    ...({ kind: row.kind, request: row.request } as OrderRequest),
    id: row.id,
    requestedBy: row.requested_by,
    accountId: row.account_id,
    tag: row.tag,
    orderId: row.order_id,
    state: row.state,
    version: row.version,
    attempts: row.attempts,
    isHeld: row.is_held,
    isUncertain: row.is_uncertain,
    exchangeStatus: row.exchange_status,
    filledQuantity: row.filled_quantity,
    createdAtMs: row.created_at_ms,
    sendingEpoch: row.state === 'SENDING' ? row.sending_epoch : null,
  };
}

/** All changes of one task as one: a statement can change a row only once. Null is not to be changed, unless `sets_` says so. */
export interface ChangeRow {
  readonly id: string;
  /** Before the first of them, and after the last one. */
  readonly version: number;
  readonly to_version: number;
  readonly state: OrderTaskState;
  readonly unknown_since: 'now' | 'null' | 'kept';
  readonly next_attempt_ms: number | null;
  readonly is_held: boolean;
  readonly order_id: string | null;
  readonly exchange_status: string | null;
  readonly filled_quantity: number | null;
  readonly average_price: number | null;
  readonly sets_status_message: boolean;
  readonly status_message: string | null;
  readonly sets_exchange_updated_at: boolean;
  readonly exchange_updated_at_ms: number | null;
}

function unchanged({ taskId, version, from }: TaskChange): ChangeRow {
  return {
    id: taskId,
    version,
    to_version: version,
    state: from,
    unknown_since: 'kept',
    next_attempt_ms: null,
    is_held: false,
    order_id: null,
    exchange_status: null,
    filled_quantity: null,
    average_price: null,
    sets_status_message: false,
    status_message: null,
    sets_exchange_updated_at: false,
    exchange_updated_at_ms: null,
  };
}

function unknownSinceOf({ from, to }: TaskChange, before: ChangeRow['unknown_since']) {
  if (to === 'UNKNOWN') return from === 'UNKNOWN' ? before : 'now';
  return to === 'DEAD_LETTER' ? before : 'null';
}

function withChange(before: ChangeRow, change: TaskChange): ChangeRow {
  const { nextAttempt, orderId, exchangeStatus, filledQuantity, averagePrice } = change;
  const { statusMessage, exchangeUpdatedAtMs } = change;
  return {
    ...before,
    to_version: before.to_version + 1,
    state: change.to,
    unknown_since: unknownSinceOf(change, before.unknown_since),
    ...(nextAttempt === undefined
      ? {}
      : {
          is_held: nextAttempt === 'held',
          next_attempt_ms: nextAttempt === 'held' ? null : nextAttempt.afterMs,
        }),
    order_id: orderId ?? before.order_id,
    exchange_status: exchangeStatus ?? before.exchange_status,
    filled_quantity: filledQuantity ?? before.filled_quantity,
    average_price: averagePrice ?? before.average_price,
    ...(statusMessage === undefined ? {} : { sets_status_message: true, status_message: statusMessage }),
    ...(exchangeUpdatedAtMs === undefined
      ? {}
      : { sets_exchange_updated_at: true, exchange_updated_at_ms: exchangeUpdatedAtMs }),
  };
}

/** The changes by task. Throws when changes of one task do not follow each other: they are of a caller that is lost. */
export function changeRowsOf(changes: readonly TaskChange[]): ChangeRow[] {
  const rows = new Map<string, ChangeRow>();
  for (const change of changes) {
    const before = rows.get(change.taskId) ?? unchanged(change);
    if (change.version !== before.to_version || change.from !== before.state) {
      throw new Error(
        `invariant broken: task ${change.taskId} is ${before.state} in version ${before.to_version}, not ${change.from} in ${change.version}`,
      );
    }
    rows.set(change.taskId, withChange(before, change));
  }
  return [...rows.values()];
}

export function transitionRowsOf(changes: readonly TaskChange[]) {
  return changes.map(({ taskId, version, from, to, cause, detail }) => ({
    task_id: taskId,
    version: version + 1,
    from_state: from,
    to_state: to,
    cause,
    detail,
  }));
}

export function eventRowsOf(events: readonly OrderEventDraft[]) {
  return events.map(({ accountId, orderId, taskId, payload }, i) => ({
    n: i + 1,
    account_id: accountId,
    order_id: orderId,
    task_id: taskId,
    payload,
  }));
}

/**
 * JSON that the database takes, whatever a broker's text holds: jsonb knows neither U+0000 nor half a surrogate pair, and
 * one order that cannot be stored would hold up all that come after it.
 */
export function storableJson(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) =>
    typeof part === 'string' ? part.replaceAll(/\0|\p{Surrogate}/gu, '\u{fffd}') : part,
  );
}
