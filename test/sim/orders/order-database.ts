// A model of the database: each method is one transaction, whole and at one moment, over rows that outlive every process.

import type { KiteOrder } from '../../../ingest/core/orders/kite-order.ts';
import type { OrderEvent, OrderEventDraft, OrderTask, TaskChange } from '../../../ingest/core/orders/task.ts';
import type {
  ClaimAnswer,
  ClaimAsk,
  CommitAnswer,
  ExpireAnswer,
  LoadedOrders,
} from '../../../ingest/orders/ports.ts';
import type { LeaseHolder, LeaseRow } from '../../../ingest/store/sidecar-lease.ts';
import { ORDER_LATE_NEWS_MS, ORDER_SENT_LOADED_MS, SIDECAR_LEASE_MS } from '../../../shared/limits.ts';
import { isOverState, type OrderRequest, type OrderTaskState } from '../../../shared/order.ts';

export interface Transition {
  readonly version: number;
  readonly from: OrderTaskState | null;
  readonly to: OrderTaskState;
  readonly atMs: number;
  readonly cause: string;
  readonly epoch: number | null;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };
export type TaskRow = Mutable<
  Omit<OrderTask, 'kind' | 'request' | 'isHeld' | 'isUncertain' | 'sendingEpoch'>
> & {
  readonly asked: OrderRequest;
  nextAttemptAtMs: number;
  unknownSinceMs: number | null;
  updatedAtMs: number;
};

const IST_OFFSET_MS = 330 * 60_000;
const DAY_MS = 86_400_000;

/** From the table in the documentation of the states, written down apart from the product's. */
const FOLLOWERS: Readonly<Record<OrderTaskState, string>> = {
  PENDING: 'SENDING DEAD_LETTER',
  SENDING: 'PLACED OPEN COMPLETE CANCELLED REJECTED RETRY_WAIT UNKNOWN DEAD_LETTER',
  RETRY_WAIT: 'SENDING RETRY_WAIT PLACED OPEN COMPLETE CANCELLED REJECTED DEAD_LETTER',
  UNKNOWN: 'PLACED OPEN COMPLETE CANCELLED REJECTED DEAD_LETTER',
  PLACED: 'PLACED OPEN COMPLETE CANCELLED REJECTED DEAD_LETTER',
  OPEN: 'OPEN COMPLETE CANCELLED REJECTED DEAD_LETTER',
  COMPLETE: 'COMPLETE CANCELLED REJECTED',
  CANCELLED: 'COMPLETE CANCELLED REJECTED',
  REJECTED: 'PLACED OPEN COMPLETE CANCELLED REJECTED',
  DEAD_LETTER: 'PLACED OPEN COMPLETE CANCELLED REJECTED',
};

export class OrderDatabase {
  readonly #nowMs: () => number;
  readonly #report: (violation: string) => void;
  readonly rows = new Map<string, TaskRow>();
  readonly transitions = new Map<string, Transition[]>();
  readonly events: OrderEvent[] = [];
  readonly #eventTimesMs: number[] = [];
  readonly halts = new Map<string, number>();
  /** Sent before the run began: an account's requests, by when. */
  readonly past: { readonly accountId: string; readonly atMs: number }[] = [];
  lease: { holder: LeaseHolder; epoch: number; expiresAtMs: number } | undefined;
  /** False only to show what the fence is good for. */
  isFenced = true;
  onTransition: (row: TaskRow, transition: Transition) => void = () => undefined;

  constructor(nowMs: () => number, report: (violation: string) => void) {
    this.#nowMs = nowMs;
    this.#report = report;
  }

  insert(id: string, accountId: string, requestedBy: string, tag: string | null, asked: OrderRequest): void {
    const nowMs = this.#nowMs();
    const row: TaskRow = {
      id,
      accountId,
      requestedBy,
      tag,
      asked,
      orderId: asked.kind === 'place' ? null : asked.request.order_id,
      state: 'PENDING',
      version: 1,
      attempts: 0,
      exchangeStatus: null,
      filledQuantity: 0,
      createdAtMs: nowMs,
      nextAttemptAtMs: nowMs,
      unknownSinceMs: null,
      updatedAtMs: nowMs,
    };
    this.rows.set(id, row);
    const created = {
      version: 1,
      from: null,
      to: 'PENDING',
      atMs: nowMs,
      cause: 'created',
      epoch: null,
    } as const;
    this.transitions.set(id, [created]);
  }

  load(): LoadedOrders {
    const nowMs = this.#nowMs();
    const tasks: OrderTask[] = [];
    const sent = new Map<string, { agesMs: number[]; todayCount: number }>();
    const modifications = new Map<string, { accountId: string; orderId: string; count: number }>();
    const dayStartMs = nowMs - ((nowMs + IST_OFFSET_MS) % DAY_MS);
    const count = (accountId: string, atMs: number) => {
      const of = sent.get(accountId) ?? { agesMs: [], todayCount: 0 };
      sent.set(accountId, of);
      if (nowMs - atMs <= ORDER_SENT_LOADED_MS) of.agesMs.push(nowMs - atMs);
      if (atMs >= dayStartMs) of.todayCount++;
    };
    for (const { accountId, atMs } of this.past) count(accountId, atMs);
    for (const row of this.rows.values()) {
      const isLate = row.asked.kind === 'place' && nowMs - row.updatedAtMs <= ORDER_LATE_NEWS_MS;
      if (!isOverState(row.state) || isLate) tasks.push(this.#taskOf(row));
      for (const { to, atMs } of this.transitions.get(row.id) ?? []) {
        if (to !== 'SENDING') continue;
        count(row.accountId, atMs);
        if (row.asked.kind !== 'modify') continue;
        const orderId = row.orderId as string;
        const key = `${row.accountId}/${orderId}`;
        const before = modifications.get(key)?.count ?? 0;
        modifications.set(key, { accountId: row.accountId, orderId, count: before + 1 });
      }
    }
    const latest = new Map<string, { accountId: string; order: KiteOrder }>();
    for (const { accountId, orderId, payload } of this.events) {
      latest.set(`${accountId}/${orderId}`, { accountId, order: payload.order as KiteOrder });
    }
    return {
      tasks,
      latestOrders: [...latest.values()],
      sent: [...sent].map(([accountId, of]) => ({ accountId, ...of })),
      modifications: [...modifications.values()],
      tradingDate: this.#date(),
    };
  }

  claim({ epoch, accountIds, ageMsMax }: ClaimAsk): ClaimAnswer {
    if (!this.#holds(epoch)) return { kind: 'fenced' };
    const nowMs = this.#nowMs();
    const tradingDate = this.#date();
    let next: TaskRow | undefined;
    let nextAtMs = Number.POSITIVE_INFINITY;
    for (const row of this.rows.values()) {
      if (row.state !== 'PENDING' && row.state !== 'RETRY_WAIT') continue;
      if (row.nextAttemptAtMs > nowMs) {
        nextAtMs = Math.min(nextAtMs, row.nextAttemptAtMs);
        continue;
      }
      if (!accountIds.includes(row.accountId) || nowMs - row.createdAtMs > ageMsMax) continue;
      if (this.isHalted(row) || this.#isBlocked(row)) continue;
      // Rows are in the order of their creation.
      if (!next || (row.asked.kind === 'cancel' && next.asked.kind !== 'cancel')) next = row;
    }
    if (!next) {
      const nextInMs = Number.isFinite(nextAtMs) ? nextAtMs - nowMs : undefined;
      return { kind: 'none', nextInMs, tradingDate };
    }
    this.#write(next, 'SENDING', 'claimed', epoch);
    next.attempts++;
    return { kind: 'claimed', task: this.#taskOf(next), tradingDate };
  }

  expire(epoch: number, ageMsMax: number): ExpireAnswer {
    if (!this.#holds(epoch)) return { kind: 'fenced' };
    const old = [...this.rows.values()].filter(
      ({ state, createdAtMs }) =>
        (state === 'PENDING' || state === 'RETRY_WAIT') && this.#nowMs() - createdAtMs > ageMsMax,
    );
    for (const row of old) this.#write(row, 'DEAD_LETTER', 'too_old', null);
    return { kind: 'done', tasks: old.map((row) => this.#taskOf(row)) };
  }

  commit(epoch: number, changes: readonly TaskChange[], drafts: readonly OrderEventDraft[]): CommitAnswer {
    if (!this.#holds(epoch)) return { kind: 'fenced' };
    const versions = new Map<string, number>();
    for (const { taskId, version } of changes) {
      if ((versions.get(taskId) ?? this.rows.get(taskId)?.version) !== version) return { kind: 'stale' };
      versions.set(taskId, version + 1);
    }
    for (const change of changes) this.#apply(change);
    const events = drafts.map((draft, i) => ({ ...draft, seq: this.events.length + 1 + i }));
    this.events.push(...events);
    this.#eventTimesMs.push(...events.map(() => this.#nowMs()));
    return { kind: 'done', events };
  }

  /** As if the latest transition were not there yet: it is stored when the function is called. */
  takeBack(taskId: string): () => void {
    const row = this.rows.get(taskId) as TaskRow;
    const history = this.transitions.get(taskId) as Transition[];
    const last = history.pop() as Transition;
    Object.assign(row, { state: last.from, version: row.version - 1 });
    return () => {
      if (row.version === last.version - 1) this.#write(row, last.to, last.cause, last.epoch);
    };
  }

  isHalted({ accountId, requestedBy, asked }: TaskRow): boolean {
    const { halts } = this;
    if (asked.kind === 'cancel') return false;
    return halts.has('all') || halts.has(`account:${accountId}`) || halts.has(`requester:${requestedBy}`);
  }

  readLease(): LeaseRow | undefined {
    if (!this.lease) return undefined;
    const { holder, epoch, expiresAtMs } = this.lease;
    return { holder, epoch, remainingMs: expiresAtMs - this.#nowMs(), isReleased: false };
  }

  takeLease(holder: LeaseHolder, overEpoch: number, isGone: boolean): number | undefined {
    const nowMs = this.#nowMs();
    if ((this.lease?.epoch ?? 0) !== overEpoch) return undefined;
    if (this.lease && !isGone && this.lease.expiresAtMs > nowMs) return undefined;
    const epoch = Math.max(nowMs, overEpoch + 1);
    this.lease = { holder, epoch, expiresAtMs: nowMs + SIDECAR_LEASE_MS };
    return epoch;
  }

  renewLease(epoch: number): boolean {
    if (this.lease?.epoch !== epoch) return false;
    this.lease.expiresAtMs = this.#nowMs() + SIDECAR_LEASE_MS;
    return true;
  }

  #holds(epoch: number): boolean {
    return !this.isFenced || this.lease?.epoch === epoch;
  }

  #isBlocked(row: TaskRow): boolean {
    if (row.asked.kind === 'place') return false;
    for (const other of this.rows.values()) {
      const isOfOrder =
        other !== row &&
        other.asked.kind !== 'place' &&
        other.orderId === row.orderId &&
        other.accountId === row.accountId;
      if (!isOfOrder) continue;
      if (other.state === 'SENDING') return true;
      const isEarlier =
        other.createdAtMs < row.createdAtMs || (other.createdAtMs === row.createdAtMs && other.id < row.id);
      if (row.asked.kind === 'modify' && isEarlier && !isOverState(other.state)) return true;
    }
    return false;
  }

  #apply(change: TaskChange): void {
    const row = this.rows.get(change.taskId) as TaskRow;
    if (row.state !== change.from) this.#report(`${row.id}: from ${change.from} but it is ${row.state}`);
    const { to, cause, nextAttempt, orderId } = change;
    if (orderId !== undefined && row.orderId !== null && row.orderId !== orderId) {
      this.#report(`${row.id}: bound to ${orderId} and to ${row.orderId}`);
    }
    if (to === 'UNKNOWN') row.unknownSinceMs ??= this.#nowMs();
    else if (to !== 'DEAD_LETTER') row.unknownSinceMs = null;
    if (nextAttempt === 'held') row.nextAttemptAtMs = Number.POSITIVE_INFINITY;
    else if (nextAttempt) row.nextAttemptAtMs = this.#nowMs() + nextAttempt.afterMs;
    if (orderId !== undefined) row.orderId = orderId;
    row.exchangeStatus = change.exchangeStatus ?? row.exchangeStatus;
    if (change.filledQuantity !== undefined) {
      if (change.filledQuantity < row.filledQuantity) this.#report(`${row.id}: its fill went back`);
      row.filledQuantity = change.filledQuantity;
    }
    this.#write(row, to, cause, null);
  }

  #write(row: TaskRow, to: OrderTaskState, cause: string, epoch: number | null): void {
    const from = row.state;
    if (!FOLLOWERS[from].split(' ').includes(to)) this.#report(`${row.id}: ${to} after ${from}`);
    const history = this.transitions.get(row.id) as Transition[];
    if (history.at(-1)?.version !== row.version)
      this.#report(`${row.id}: its history has a gap at ${row.version}`);
    row.state = to;
    row.version++;
    row.updatedAtMs = this.#nowMs();
    const transition = { version: row.version, from, to, atMs: this.#nowMs(), cause, epoch };
    history.push(transition);
    this.onTransition(row, transition);
  }

  #date(): string {
    return new Date(this.#nowMs() + IST_OFFSET_MS).toISOString().slice(0, 10);
  }

  #taskOf({ asked, nextAttemptAtMs, unknownSinceMs, updatedAtMs: _, ...row }: TaskRow): OrderTask {
    const sendingEpoch =
      row.state === 'SENDING' ? (this.transitions.get(row.id)?.at(-1)?.epoch ?? null) : null;
    const isHeld = nextAttemptAtMs === Number.POSITIVE_INFINITY;
    return { ...row, ...asked, isHeld, isUncertain: unknownSinceMs !== null, sendingEpoch };
  }
}
