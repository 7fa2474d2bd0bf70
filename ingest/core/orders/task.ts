// An order task as the database has it, and a change of one.
import type { OrderRequest, OrderTaskState } from '../../../shared/order.ts';

/** A row of `order_tasks` with what decides anything. */
export type OrderTask = OrderRequest & {
  readonly id: string;
  readonly requestedBy: string;
  readonly accountId: string;
  /** Of place tasks. */
  readonly tag: string | null;
  /** Kite's; of place tasks once known, of the others as asked for. */
  readonly orderId: string | null;
  readonly state: OrderTaskState;
  readonly version: number;
  /** Times that it was stored as SENDING. */
  readonly attempts: number;
  /** It waits for a look at Kite's book, and no claim takes it: `next_attempt_at` is `infinity`. */
  readonly isHeld: boolean;
  /** `unknown_since` is set: nobody knows, or knew when it was given up. */
  readonly isUncertain: boolean;
  readonly exchangeStatus: string | null;
  readonly filledQuantity: number;
  readonly createdAtMs: number;
  /** Of a task in SENDING, the epoch whose claim it was (the latest transition's `detail.epoch`); else null. */
  readonly sendingEpoch: number | null;
};

/** When a task in RETRY_WAIT may be claimed: so long from now, by the database's clock, or not before it is said again. */
export type NextAttempt = { readonly afterMs: number } | 'held';

/** Where a task goes, why, and what is set with that. What is not there stays as it is. */
export interface TaskUpdate {
  readonly to: OrderTaskState;
  /** A word, as `acknowledged`. */
  readonly cause: string;
  /** For people who read the history. */
  readonly detail?: Readonly<Record<string, string | number | boolean | null>>;
  readonly nextAttempt?: NextAttempt;
  readonly orderId?: string;
  readonly exchangeStatus?: string;
  readonly statusMessage?: string | null;
  readonly filledQuantity?: number;
  readonly averagePrice?: number;
  readonly exchangeUpdatedAtMs?: number | null;
}

/**
 * One transition. It applies to the task in exactly this version, raises it by one, sets what is there, leaves all other columns,
 * and has its row in `order_task_transitions`, all or nothing. `updated_at` is now; `unknown_since` becomes now with `to` UNKNOWN
 * from another state, and null with any other `to` than UNKNOWN and DEAD_LETTER.
 */
export interface TaskChange extends TaskUpdate {
  readonly taskId: string;
  /** The version that was read. */
  readonly version: number;
  readonly from: OrderTaskState;
  readonly detail: Readonly<Record<string, string | number | boolean | null>>;
}

/** An order's news to be numbered and stored: a row of `order_events`. */
export interface OrderEventDraft {
  readonly accountId: string;
  readonly orderId: string;
  /** The place task whose order it is; null of orders that were placed elsewhere. */
  readonly taskId: string | null;
  readonly payload: Readonly<Record<string, unknown>>;
}

export interface OrderEvent extends OrderEventDraft {
  readonly seq: number;
}
