// What the executor of orders needs of the world: the database, Kite, whoever wants news. Time and lease have their own files.
import type { CancelRequest, ModifyRequest, PlaceRequest } from '../../shared/order.ts';
import type { BookRows, KiteOrder } from '../core/orders/kite-order.ts';
import type { WriteOutcome } from '../core/orders/outcome.ts';
import type { OrderEvent, OrderEventDraft, OrderTask, TaskChange } from '../core/orders/task.ts';

/**
 * The database. Every method is one transaction, is over within seconds, and rejects when the database did not answer: then it may
 * have been committed all the same. The executor has at most one call under way, and after a rejection or `stale` it
 * forgets what it knows and loads again.
 *
 * Every method that writes is fenced: it locks the row of `sidecar_lease` (`for share`, so that nobody takes the lease before it has
 * committed) and does nothing but say `fenced` when the row's epoch is another one.
 */
export interface OrderStore {
  load(): Promise<LoadedOrders>;

  /**
   * Claims the task that is next: locked with `for update skip locked`, state SENDING, version and attempts one higher, its transition
   * (cause `claimed`, `detail.epoch`) in the same transaction. Those can be claimed that
   * - are in PENDING or RETRY_WAIT, due by the database's clock (`next_attempt_at <= now()`), and not older than `ageMsMax`,
   * - are of one of `accountIds`,
   * - cancel an order, or are under no halt (`all`, `account:<id>`, `requester:<requested_by>`), read in this transaction,
   * - of modify and cancel: have no other task on their order (same account and order id; place tasks do not count) in SENDING,
   * - of modify: have no earlier modify or cancel task on their order that is not over.
   * Cancels come first, then the oldest (created_at, id). Also with no account it tells the date.
   */
  claim(ask: ClaimAsk): Promise<ClaimAnswer>;

  /**
   * Tasks in PENDING and RETRY_WAIT that were created longer than `ageMsMax` ago, by the database's clock, become DEAD_LETTER (cause
   * `too_old`), each with its transition; up to 1,000 at a call. The answer has them as they are now.
   */
  expire(epoch: number, ageMsMax: number): Promise<ExpireAnswer>;

  /**
   * All changes, in this order (two may be of one task, with versions that follow each other), and all events, or nothing. `stale`:
   * a task has another version than its change names. Events get the numbers after the highest one, without gaps; appending is
   * serialised with any other.
   */
  commit(
    epoch: number,
    changes: readonly TaskChange[],
    events: readonly OrderEventDraft[],
  ): Promise<CommitAnswer>;
}

export interface LoadedOrders {
  /**
   * All tasks that are not over, and place tasks that are and were changed within ORDER_LATE_NEWS_MS: late news still finds them.
   * Oldest first (created_at, id).
   */
  readonly tasks: readonly OrderTask[];
  /** The latest event of each order that had one within ORDER_LATE_NEWS_MS: its payload, read as the book's rows are. */
  readonly latestOrders: readonly { readonly accountId: string; readonly order: KiteOrder }[];
  readonly sent: readonly AccountSent[];
  /** Modify requests that may have left, by order, of orders whose modify tasks are at most two days old. */
  readonly modifications: readonly {
    readonly accountId: string;
    readonly orderId: string;
    readonly count: number;
  }[];
  /** `YYYY-MM-DD` in India, by the database's clock. */
  readonly tradingDate: string;
}

/** Transitions to SENDING of one account: each is a request that may have left. */
export interface AccountSent {
  readonly accountId: string;
  /** How long ago, by the database's clock, each of the last ORDER_SENT_LOADED_MS was. */
  readonly agesMs: readonly number[];
  /** How many since the trading date began, those of `agesMs` included where they are of that date. */
  readonly todayCount: number;
}

export interface ClaimAsk {
  readonly epoch: number;
  readonly accountIds: readonly string[];
  readonly ageMsMax: number;
}

export type ClaimAnswer =
  | { readonly kind: 'claimed'; readonly task: OrderTask; readonly tradingDate: string }
  /** `nextInMs`: so long until the next RETRY_WAIT that is not due yet becomes due, of whatever account; undefined without one. */
  | { readonly kind: 'none'; readonly nextInMs: number | undefined; readonly tradingDate: string }
  | { readonly kind: 'fenced' };

export type ExpireAnswer =
  | { readonly kind: 'done'; readonly tasks: readonly OrderTask[] }
  | { readonly kind: 'fenced' };

export type CommitAnswer =
  /** The events with their numbers, in the order of the drafts. */
  | { readonly kind: 'done'; readonly events: readonly OrderEvent[] }
  | { readonly kind: 'stale' }
  | { readonly kind: 'fenced' };

/** An account whose orders can be sent just now: it has an access token that Kite has not refused. */
export interface OrderAccount {
  readonly accountId: string;
  /** The Zerodha user: Kite's order limits are of the user, and two accounts of ours may be one there. */
  readonly userId: string;
}

export type BookAnswer =
  | ({ readonly kind: 'orders' } & BookRows)
  /** Not 200, not Kite's envelope, no answer: it is no look at the book. */
  | { readonly kind: 'failed'; readonly problem: string };

/**
 * Kite's order calls. No method throws or rejects, and each is over within KITE_CALL_MS_MAX; that is, with its connection cut off.
 *
 * Writes: `classifyWrite` of core/orders/outcome-class makes the outcome of the reply. A write leaves in the synchronous part
 * of the call wherever it can, and if it cannot have left within ORDER_SEND_WAIT_MS_MAX it does not leave at all (`not_sent`): the
 * lease was confirmed right before. The executor has at most ORDER_WRITES_AT_ONCE_MAX writes of a user and one read of an account
 * under way and paces writes itself. There is no retry and no redirect below this.
 */
export interface KiteOrders {
  accounts(): readonly OrderAccount[];
  /** POST /orders/:variety with the tag. */
  place(accountId: string, request: PlaceRequest, tag: string): Promise<WriteOutcome>;
  /** PUT /orders/:variety/:order_id. */
  modify(accountId: string, request: ModifyRequest): Promise<WriteOutcome>;
  /** DELETE /orders/:variety/:order_id. */
  cancel(accountId: string, request: CancelRequest): Promise<WriteOutcome>;
  /** GET /orders: the day's orders. */
  book(accountId: string): Promise<BookAnswer>;
  /** GET /orders/:order_id: all that happened to it, the latest last. */
  history(accountId: string, orderId: string): Promise<BookAnswer>;
  /** A cheap GET that changes nothing: whether Kite's API answers this account (any answer below 500 but 429). */
  probe(accountId: string): Promise<boolean>;
}

/** Whoever is told. Called in the order of happening, after it was committed; must not throw. */
export interface OrderNews {
  /** Numbered without gaps, each at most once; after a commit whose answer was lost they are only in the database. */
  onEvents(events: readonly OrderEvent[]): void;
  /** A task that a person should look at: given up, or with two orders of one tag. */
  onAlarm(taskId: string, reason: string): void;
}
