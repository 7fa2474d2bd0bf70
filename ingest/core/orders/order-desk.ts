// The tasks at hand: what an outcome, an order's news or a look at Kite's book makes of them.
import { assertNever } from '../../../shared/errors.ts';
import { ORDER_MODIFICATIONS_MAX } from '../../../shared/limits.ts';
import { isOverState, type OrderTaskState } from '../../../shared/order.ts';
import type { BookRows, KiteOrder } from './kite-order.ts';
import type { LookSchedule } from './look-schedule.ts';
import { isAloneOfTag, mayBeOf, parentOf, tagsOf } from './order-tags.ts';
import { isEnd, reduceLook, reduceNews, stateOfOrder } from './order-view.ts';
import type { WriteOutcome } from './outcome.ts';
import { retryAfterMs, throttleMs } from './retry.ts';
import type { OrderEventDraft, OrderTask, TaskChange, TaskUpdate } from './task.ts';
import { changeOf, taskAfter } from './task-change.ts';
import { TaskIndex } from './task-index.ts';
import { evidenceOf } from './write-evidence.ts';

/** What is to be stored in one transaction, and whom to tell after it. */
export interface Staged {
  readonly changes: TaskChange[];
  readonly events: OrderEventDraft[];
  readonly alarms: { readonly taskId: string; readonly reason: string }[];
}

export function nothingStaged(): Staged {
  return { changes: [], events: [], alarms: [] };
}

export interface DeskContents {
  readonly tasks: readonly OrderTask[];
  readonly latestOrders: readonly { readonly accountId: string; readonly order: KiteOrder }[];
  readonly modifications: readonly {
    readonly accountId: string;
    readonly orderId: string;
    readonly count: number;
  }[];
}

/** A moment: a clock that never goes back, and a number in [0, 1). */
export interface Chance {
  readonly nowMs: number;
  readonly random: number;
}

/**
 * A copy of what the database has. Each method changes it and adds what it changed to `staged`; when that could not be stored the desk is
 * thrown away, another one is made of what the database has then, and the same is done again: nothing here is done twice by that.
 */
export class OrderDesk {
  readonly #index = new TaskIndex();
  /** What counts of each order. */
  readonly #orders = new Map<string, KiteOrder>();
  readonly #modifications = new Map<string, number>();
  readonly #strangers = new Set<string>();
  readonly #looksOf: (accountId: string) => LookSchedule;
  /** `YYYY-MM-DD` in India, by the database's clock. */
  tradingDate = '';

  /** Looks outlive a desk: what was looked for goes on being looked for. */
  constructor(contents: DeskContents, looksOf: (accountId: string) => LookSchedule, nowMs: number) {
    this.#looksOf = looksOf;
    for (const { accountId, order } of contents.latestOrders) {
      const key = keyOf(accountId, order.orderId);
      this.#orders.set(key, reduceNews(this.#orders.get(key), order));
    }
    for (const { accountId, orderId, count } of contents.modifications) {
      this.#modifications.set(keyOf(accountId, orderId), count);
    }
    for (const task of contents.tasks) this.#keep(task, nowMs);
  }

  get(taskId: string): OrderTask | undefined {
    return this.#index.get(taskId);
  }

  /**
   * Tasks in SENDING of which this process knows nothing: what an earlier one was sending may be at Kite. What was claimed in our own
   * epoch without our knowing was not sent: the database committed it, and its answer was lost.
   */
  recover(epoch: number, isOurs: (taskId: string) => boolean, chance: Chance, staged: Staged): void {
    for (const task of this.#index.all()) {
      if (task.state !== 'SENDING' || isOurs(task.id)) continue;
      if (task.sendingEpoch === epoch) this.#retry(task, 'never_sent', {}, chance, staged);
      else this.#change(task, { to: 'UNKNOWN', cause: 'found_sending' }, chance.nowMs, staged);
    }
  }

  /**
   * The task as it was claimed. False when it must not be sent: Kite allows its order no more modifications.
   */
  onClaimed(task: OrderTask, nowMs: number, staged: Staged): boolean {
    this.#keep(task, nowMs);
    if (task.kind !== 'modify') return true;
    const key = keyOf(task.accountId, task.request.order_id);
    const count = (this.#modifications.get(key) ?? 0) + 1;
    this.#modifications.set(key, count);
    if (count <= ORDER_MODIFICATIONS_MAX) return true;
    const statusMessage = `order ${task.request.order_id} has had ${ORDER_MODIFICATIONS_MAX} modifications`;
    this.#change(task, { to: 'REJECTED', cause: 'modifications_spent', statusMessage }, nowMs, staged);
    return false;
  }

  /** Tasks that the database has given up, as they are since. */
  onExpired(tasks: readonly OrderTask[], nowMs: number): void {
    for (const task of tasks) this.#keep(task, nowMs);
  }

  /** What became of a task's request. A task that is not in SENDING any more has been told before, or its order's news was faster. */
  onWriteEnded(taskId: string, outcome: WriteOutcome, chance: Chance, staged: Staged): void {
    const task = this.#index.get(taskId);
    if (!task) return;
    const { nowMs } = chance;
    if (task.state !== 'SENDING') {
      if (outcome.kind === 'acknowledged' && task.kind === 'place') {
        this.#bind(task, outcome.orderId, 'acknowledged', nowMs, staged);
      }
      return;
    }
    switch (outcome.kind) {
      case 'acknowledged':
        if (task.kind === 'place') this.#bind(task, outcome.orderId, 'acknowledged', nowMs, staged);
        else this.#change(task, { to: 'PLACED', cause: 'acknowledged' }, nowMs, staged);
        return;
      case 'refused': {
        const { code, message: statusMessage } = outcome;
        this.#change(
          task,
          { to: 'REJECTED', cause: 'refused', statusMessage, detail: { code } },
          nowMs,
          staged,
        );
        return;
      }
      case 'not_sent':
        this.#retry(task, 'not_sent', { problem: outcome.problem }, chance, staged);
        return;
      case 'throttled':
        this.#hold(task, outcome.retryAfterMs, nowMs, staged);
        return;
      case 'unknown':
        this.#change(
          task,
          { to: 'UNKNOWN', cause: 'unknown', detail: { problem: outcome.problem } },
          nowMs,
          staged,
        );
        return;
      default:
        assertNever(outcome);
    }
  }

  /** Something was heard of an order, from wherever. `accountId` is where; a tag tells better whose it is. */
  onOrder(accountId: string, order: KiteOrder, nowMs: number, staged: Staged): void {
    this.#hear(accountId, order, reduceNews, nowMs, staged);
  }

  #hear(accountId: string, order: KiteOrder, reduce: typeof reduceNews, nowMs: number, staged: Staged): void {
    const tagged = this.#index.placeOfTag(tagsOf(order));
    const ownerId = tagged?.accountId ?? accountId;
    const key = keyOf(ownerId, order.orderId);
    const parentId = parentOf(order);
    if (tagged && tagged.orderId !== order.orderId) {
      if (tagged.orderId === null && parentId === null)
        this.#bind(tagged, order.orderId, 'found', nowMs, staged, order);
      else if (isAloneOfTag(order)) this.#reportStranger(tagged, order.orderId, staged);
    }
    const before = this.#orders.get(key);
    const counts = reduce(before, order);
    if (counts === before) return;
    this.#orders.set(key, counts);
    const own = this.#index.placeOfOrder(key);
    const parent = parentId === null ? undefined : this.#index.placeOfOrder(keyOf(ownerId, parentId));
    const taskId = (own ?? tagged ?? parent)?.id ?? null;
    staged.events.push({ accountId: ownerId, orderId: order.orderId, taskId, payload: order.payload });
    if (own) this.#follow(own, counts, 'news', nowMs, staged, before);
    for (const task of this.#index.writesOfOrder(key)) this.#conclude(task, counts, nowMs, staged);
  }

  /** A look at an account's book that was started at `startedAtMs` and succeeded. */
  onLook(
    accountId: string,
    { orders, unread }: BookRows,
    startedAtMs: number,
    nowMs: number,
    staged: Staged,
  ): void {
    for (const order of orders) this.#hear(accountId, order, reduceLook, nowMs, staged);
    const listed = new Set(orders.map(({ orderId }) => orderId));
    const looks = this.#looksOf(accountId);
    for (const taskId of looks.taskIds()) {
      const task = this.#index.get(taskId);
      if (!task) {
        looks.forget(taskId);
        continue;
      }
      const mayBeUnread = unread.some((row) => mayBeOf(task, row));
      if (task.kind === 'place' && task.orderId !== null && (mayBeUnread || listed.has(task.orderId)))
        looks.onFound(taskId);
      else this.#onNotFound(task, mayBeUnread, startedAtMs, nowMs, staged);
    }
  }

  /** `mayBeUnread`: its order may be among the rows that cannot be read. It is not sent again then, and not said to be nowhere. */
  #onNotFound(
    task: OrderTask,
    mayBeUnread: boolean,
    startedAtMs: number,
    nowMs: number,
    staged: Staged,
  ): void {
    const { state, accountId } = task;
    const known =
      task.kind === 'place' || task.orderId === null
        ? undefined
        : this.#orders.get(keyOf(accountId, task.orderId));
    if (known && this.#conclude(task, known, nowMs, staged)) return;
    if (!this.#looksOf(accountId).onNotFound(task.id, startedAtMs)) return;
    const giveUp = (cause: string) => this.#change(task, { to: 'DEAD_LETTER', cause }, nowMs, staged);
    if (state === 'RETRY_WAIT') {
      if (mayBeUnread) return;
      const nextAttempt = { afterMs: 0 };
      this.#change(task, { to: 'RETRY_WAIT', cause: 'not_in_book', nextAttempt }, nowMs, staged);
    } else if (state === 'UNKNOWN') {
      giveUp(mayBeUnread ? 'book_unreadable' : 'unknown_not_found');
    } else if (state === 'PLACED' && task.kind !== 'place') {
      giveUp(mayBeUnread ? 'book_unreadable' : 'no_effect_seen');
    } else if (!isOverState(state) && dateOf(task.createdAtMs) < this.tradingDate) {
      // Kite's book is of the day: what became of an order of an earlier one it does not tell any more.
      giveUp('gone_from_book');
    }
  }

  /** The order of a place task is known. `news`: as far as it was not stored yet. */
  #bind(
    task: OrderTask,
    orderId: string,
    cause: string,
    nowMs: number,
    staged: Staged,
    news?: KiteOrder,
  ): void {
    if (task.orderId !== null || task.state === 'PENDING') {
      if (task.orderId !== orderId) this.#reportStranger(task, orderId, staged);
      return;
    }
    const before = this.#orders.get(keyOf(task.accountId, orderId));
    const order = news ? reduceNews(before, news) : before;
    if (order) this.#follow(task, order, cause, nowMs, staged);
    else this.#change(task, { to: 'PLACED', cause, orderId }, nowMs, staged);
  }

  /** The place task is where its order is. `before`: what counted of the order, and is stored. */
  #follow(
    task: OrderTask,
    order: KiteOrder,
    cause: string,
    nowMs: number,
    staged: Staged,
    before?: KiteOrder,
  ): void {
    // What was stored before the orders at hand began is not taken back.
    const isOver = task.orderId !== null && isEnd(task.state);
    if (order.filledQuantity < task.filledQuantity || (isOver && !isEnd(order.status))) return;
    const { orderId, status: exchangeStatus, filledQuantity, statusMessage, averagePrice } = order;
    const reached = stateOfOrder(order);
    const to = reached === 'PLACED' && task.state === 'OPEN' ? 'OPEN' : reached;
    const isKnown =
      task.state === to &&
      task.orderId === orderId &&
      task.exchangeStatus === exchangeStatus &&
      task.filledQuantity === filledQuantity &&
      (before === undefined || before.averagePrice === averagePrice);
    if (isKnown) return;
    const { exchangeUpdatedAtMs } = order;
    const found = {
      orderId,
      exchangeStatus,
      statusMessage,
      filledQuantity,
      averagePrice,
      exchangeUpdatedAtMs,
    };
    this.#change(task, { to, cause, ...found }, nowMs, staged);
  }

  /** Ends a modification or cancellation whose outcome its order tells. True when it does. */
  #conclude(task: OrderTask, order: KiteOrder, nowMs: number, staged: Staged): boolean {
    const isAwaited = task.state === 'UNKNOWN' || task.state === 'PLACED' || task.isHeld;
    const evidence = isAwaited ? evidenceOf(task, order) : 'none';
    if (evidence === 'none') return false;
    const to: OrderTaskState = evidence === 'took_effect' ? 'COMPLETE' : 'REJECTED';
    this.#change(task, { to, cause: evidence, exchangeStatus: order.status }, nowMs, staged);
    return true;
  }

  #retry(
    task: OrderTask,
    cause: string,
    detail: TaskChange['detail'],
    { nowMs, random }: Chance,
    staged: Staged,
  ): void {
    const afterMs = retryAfterMs(task.attempts, random);
    if (afterMs === undefined)
      this.#change(task, { to: 'DEAD_LETTER', cause: 'attempts_spent', detail }, nowMs, staged);
    else this.#change(task, { to: 'RETRY_WAIT', cause, detail, nextAttempt: { afterMs } }, nowMs, staged);
  }

  /** After a 429: not before a look at the book has shown that it is not there. */
  #hold(task: OrderTask, askedMs: number | undefined, nowMs: number, staged: Staged): void {
    if (retryAfterMs(task.attempts, 0) === undefined) {
      // Of the last attempt it is only inferred that Kite has not done it: kept until somebody has looked.
      this.#change(task, { to: 'DEAD_LETTER', cause: 'throttled' }, nowMs, staged);
      return;
    }
    const restMs = throttleMs(task.attempts, askedMs);
    this.#looksOf(task.accountId).await(task.id, 'release', nowMs + restMs);
    this.#change(task, { to: 'RETRY_WAIT', cause: 'throttled', nextAttempt: 'held' }, nowMs, staged);
  }

  /** A second order of its tag, or one that was there before it was sent. */
  #reportStranger(task: OrderTask, orderId: string, staged: Staged): void {
    const key = `${task.id} ${orderId}`;
    if (this.#strangers.has(key)) return;
    this.#strangers.add(key);
    staged.alarms.push({ taskId: task.id, reason: `order ${orderId} has its tag and is not its own` });
  }

  #change(task: OrderTask, update: TaskUpdate, nowMs: number, staged: Staged): void {
    const change = changeOf(task, update);
    staged.changes.push(change);
    if (change.to === 'DEAD_LETTER') staged.alarms.push({ taskId: task.id, reason: change.cause });
    this.#keep(taskAfter(task, change), nowMs);
  }

  #keep(task: OrderTask, nowMs: number): void {
    this.#index.set(task);
    const looks = this.#looksOf(task.accountId);
    const { state } = task;
    if (task.isHeld && state === 'RETRY_WAIT') looks.await(task.id, 'release', nowMs);
    else if (state === 'UNKNOWN' || state === 'PLACED') looks.await(task.id, 'search', nowMs);
    else if (state === 'OPEN') looks.await(task.id, 'watch', nowMs);
    else if (
      state === 'DEAD_LETTER' &&
      task.kind === 'place' &&
      (task.isUncertain || task.orderId !== null)
    ) {
      looks.await(task.id, 'late', nowMs);
    } else looks.forget(task.id);
  }
}

const IST_OFFSET_MS = 330 * 60_000;

function dateOf(ms: number): string {
  return new Date(ms + IST_OFFSET_MS).toISOString().slice(0, 10);
}

export function keyOf(accountId: string, orderId: string): string {
  return `${accountId}/${orderId}`;
}
