// Places, modifies and cancels at Kite what the database has tasks for: each once, or it is known not to have been.
import { assertNever } from '../../shared/errors.ts';
import {
  ORDER_EXPIRY_CHECK_MS,
  ORDER_FACTS_PER_COMMIT,
  ORDER_FACTS_WAITING_MAX,
  ORDER_POLL_MS,
  ORDER_REJECTIONS_MAX,
  ORDER_STORE_LATE_MS,
  ORDER_STORE_RETRY_MS,
  ORDER_UNSENT_AGE_MS_MAX,
} from '../../shared/limits.ts';
import type { Clock, Timer } from '../clock.ts';
import type { KiteOrder } from '../core/orders/kite-order.ts';
import { nothingStaged, OrderDesk, type Staged } from '../core/orders/order-desk.ts';
import type { WriteOutcome } from '../core/orders/outcome.ts';
import type { OrderTask } from '../core/orders/task.ts';
import type { Lease } from '../lease-keeper.ts';
import type { Logger } from '../log.ts';
import type { AccountLane } from './account-lane.ts';
import { AccountLanes } from './account-lanes.ts';
import { type Fact, Fenced } from './fact.ts';
import type { KiteOrders, OrderNews, OrderStore } from './ports.ts';

export interface ExecutorOptions {
  /** The lease's: nothing is written under another. */
  readonly epoch: number;
  readonly store: OrderStore;
  readonly kite: KiteOrders;
  readonly news: OrderNews;
  readonly lease: Pick<Lease, 'confirm'>;
  readonly clock: Clock;
  readonly log: Logger;
  /** In [0, 1). */
  readonly random: () => number;
}

/**
 * One loop does all that touches the database, one thing after the other: it stores facts, claims tasks and sends them. What Kite
 * answers comes back as facts. When the database rejects, or has something else than what is at hand, all is loaded again.
 */
export class OrderExecutor {
  readonly #options: ExecutorOptions;
  readonly #lanes: AccountLanes;
  #facts: Fact[] = [];
  /** Claimed by us; what became of them is not stored yet. */
  readonly #sending = new Set<string>();
  #desk: OrderDesk | undefined;
  #state: 'running' | 'stopping' | 'over' = 'running';
  /** Commits of facts that were rejected, in a row. */
  #rejections = 0;
  #reloadAtMs = Number.POSITIVE_INFINITY;
  #claimAtMs = Number.NEGATIVE_INFINITY;
  #dateAskedAtMs = Number.NEGATIVE_INFINITY;
  #expireAtMs = Number.NEGATIVE_INFINITY;
  #isSignalled = false;
  #sleeper: { readonly timer: Timer; readonly resolve: () => void } | undefined;

  constructor(options: ExecutorOptions) {
    this.#options = options;
    this.#lanes = new AccountLanes(options.kite);
  }

  /** Works until it is stopped, or the lease is lost; then it resolves. Never rejects. */
  async run(): Promise<void> {
    while (!this.#isOver()) {
      let sleepMs: number;
      try {
        await this.#turn();
        sleepMs = this.#idleMs();
      } catch (error) {
        sleepMs = this.#onTurnFailed(error);
      }
      if (!this.#isOver()) await this.#sleep(sleepMs);
    }
    this.#state = 'over';
  }

  /** Ends when what is under way at Kite has come to an end, and that is stored; nothing more is sent. */
  stop(): void {
    if (this.#state === 'running') this.#state = 'stopping';
    this.#signal();
  }

  /** There may be new tasks. */
  wake(): void {
    this.#claimAtMs = Number.NEGATIVE_INFINITY;
    this.#signal();
  }

  /** An order's news from a socket. */
  onOrder(accountId: string, order: KiteOrder): void {
    if (this.#facts.length < ORDER_FACTS_WAITING_MAX) this.#learn({ kind: 'order', accountId, order });
    else this.#lanes.askAll();
  }

  /** Somebody says that an order has changed: it is read from Kite. */
  rereadOrder(accountId: string, orderId: string): void {
    this.#lanes.get(accountId).askOrder(orderId);
    this.#signal();
  }

  /** A socket was away, and what it would have said is lost: the book is fetched and compared. */
  compareBook(accountId: string): void {
    this.#lanes.get(accountId).ask();
    this.#signal();
  }

  #isOver(): boolean {
    const isDone = this.#sending.size === 0 && this.#facts.length === 0;
    return this.#state === 'over' || (this.#state === 'stopping' && isDone);
  }

  async #turn(): Promise<void> {
    const nowMs = this.#nowMs();
    if (nowMs >= this.#reloadAtMs) {
      this.#desk = undefined;
      this.#reloadAtMs = Number.POSITIVE_INFINITY;
    }
    const desk = this.#desk ?? (await this.#load());
    await this.#storeFacts(desk);
    if (this.#state !== 'running') return;
    await this.#expire(desk);
    await this.#claim(desk);
    for (const lane of this.#lanes.authorized()) this.#read(lane);
  }

  #onTurnFailed(error: unknown): number {
    this.#desk = undefined;
    if (error instanceof Fenced || this.#state === 'stopping') {
      this.#options.log.warn('orders are no longer ours to write', { error });
      this.#state = 'over';
      return 0;
    }
    this.#options.log.error('orders: the database did not take or give what it should, all is loaded again', {
      error,
    });
    // A transaction without an answer may be committed later than what is loaded next.
    this.#reloadAtMs = this.#nowMs() + ORDER_STORE_LATE_MS;
    return ORDER_STORE_RETRY_MS;
  }

  async #load(): Promise<OrderDesk> {
    const { store, epoch } = this.#options;
    const loaded = await store.load();
    const nowMs = this.#nowMs();
    this.#lanes.restore(loaded, nowMs);
    const looksOf = (accountId: string) => this.#lanes.get(accountId).looks;
    const desk = new OrderDesk(loaded, looksOf, nowMs);
    desk.tradingDate = loaded.tradingDate;
    const staged = nothingStaged();
    desk.recover(epoch, (taskId) => this.#sending.has(taskId), this.#chance(), staged);
    await this.#commit(staged);
    this.#desk = desk;
    return desk;
  }

  async #storeFacts(desk: OrderDesk): Promise<void> {
    while (this.#facts.length > 0) {
      const facts = this.#facts.slice(0, this.#rejections > 0 ? 1 : ORDER_FACTS_PER_COMMIT);
      const staged = nothingStaged();
      for (const fact of facts) this.#apply(desk, fact, staged);
      try {
        await this.#commit(staged);
      } catch (error) {
        this.#onRejected(facts[0] as Fact, error);
        throw error;
      }
      this.#rejections = 0;
      this.#facts.splice(0, facts.length);
      for (const fact of facts) {
        if (fact.kind === 'ended') this.#sending.delete(fact.taskId);
        else if (fact.kind === 'look') fact.lane.onLooked(fact.asks);
      }
    }
  }

  /** News that the database rejects time after time, though it lets itself be loaded, must not hold up all other orders. */
  #onRejected(fact: Fact, error: unknown): void {
    this.#rejections++;
    if (this.#rejections < ORDER_REJECTIONS_MAX || fact.kind === 'ended' || error instanceof Fenced) return;
    this.#rejections = 0;
    this.#facts.shift();
    this.#options.log.error('orders: news that cannot be stored is dropped', { kind: fact.kind, error });
    if (fact.kind !== 'look') return;
    fact.lane.onLookFailed(this.#nowMs());
    fact.lane.isReading = false;
  }

  #apply(desk: OrderDesk, fact: Fact, staged: Staged): void {
    const chance = this.#chance();
    switch (fact.kind) {
      case 'ended':
        desk.onWriteEnded(fact.taskId, fact.outcome, chance, staged);
        break;
      case 'order':
        desk.onOrder(fact.accountId, fact.order, chance.nowMs, staged);
        break;
      case 'look': {
        const { lane, orders, startedAtMs } = fact;
        desk.onLook(lane.accountId, orders, startedAtMs, chance.nowMs, staged);
        break;
      }
      default:
        assertNever(fact);
    }
  }

  async #commit({ changes, events, alarms }: Staged): Promise<void> {
    if (changes.length > 0 || events.length > 0) {
      const { store, epoch, news } = this.#options;
      const answer = await store.commit(epoch, changes, events);
      if (answer.kind === 'fenced') throw new Fenced('the lease is held under another epoch');
      if (answer.kind === 'stale') throw new Error('a task is not in the version that was read');
      if (answer.events.length > 0) news.onEvents(answer.events);
    }
    for (const { taskId, reason } of alarms) this.#options.news.onAlarm(taskId, reason);
  }

  async #expire(desk: OrderDesk): Promise<void> {
    const nowMs = this.#nowMs();
    if (nowMs < this.#expireAtMs) return;
    const { store, epoch, news } = this.#options;
    const answer = await store.expire(epoch, ORDER_UNSENT_AGE_MS_MAX);
    if (answer.kind === 'fenced') throw new Fenced('the lease is held under another epoch');
    this.#expireAtMs = nowMs + ORDER_EXPIRY_CHECK_MS;
    desk.onExpired(answer.tasks, nowMs);
    for (const { id } of answer.tasks) news.onAlarm(id, 'too_old');
  }

  /** Claims and sends task after task, until none is due or no account may send. */
  async #claim(desk: OrderDesk): Promise<void> {
    const { store, epoch } = this.#options;
    while (this.#state === 'running' && this.#nowMs() >= this.#claimAtMs) {
      const askedAtMs = this.#nowMs();
      const accountIds = this.#lanes.ready(askedAtMs);
      // Before it is asked: what wakes us while the answer is on its way is not in it.
      this.#claimAtMs = Math.min(askedAtMs + ORDER_POLL_MS, this.#lanes.writeAtMs(askedAtMs));
      // With no account the question is for the date only.
      if (accountIds.length === 0 && askedAtMs < this.#dateAskedAtMs + ORDER_POLL_MS) return;
      this.#dateAskedAtMs = askedAtMs;
      const answer = await store.claim({ epoch, accountIds, ageMsMax: ORDER_UNSENT_AGE_MS_MAX });
      if (answer.kind === 'fenced') throw new Fenced('the lease is held under another epoch');
      this.#startDay(desk, answer.tradingDate);
      if (answer.kind === 'none') {
        this.#claimAtMs = Math.min(this.#claimAtMs, this.#nowMs() + (answer.nextInMs ?? ORDER_POLL_MS));
        return;
      }
      this.#claimAtMs = Number.NEGATIVE_INFINITY;
      await this.#onClaimed(desk, answer.task);
    }
  }

  async #onClaimed(desk: OrderDesk, task: OrderTask): Promise<void> {
    this.#sending.add(task.id);
    const staged = nothingStaged();
    if (desk.onClaimed(task, this.#nowMs(), staged)) {
      void this.#send(task);
      return;
    }
    this.#sending.delete(task.id);
    await this.#commit(staged);
  }

  /** Never rejects. The task is stored as SENDING. */
  async #send(task: OrderTask): Promise<void> {
    const { lease, log } = this.#options;
    const write = this.#lanes.startWrite(task.accountId, this.#nowMs());
    let outcome: WriteOutcome = { kind: 'not_sent', problem: 'the sidecar ends' };
    try {
      await lease.confirm();
      if (this.#state === 'running') outcome = await this.#write(task);
    } catch (error) {
      log.warn('orders: the lease is lost, nothing more is sent', { error });
      this.#state = 'over';
    }
    write.end(outcome, this.#nowMs());
    this.#learn({ kind: 'ended', taskId: task.id, outcome });
  }

  async #write(task: OrderTask): Promise<WriteOutcome> {
    const { kite } = this.#options;
    try {
      switch (task.kind) {
        case 'place':
          return await kite.place(task.accountId, task.request, task.tag as string);
        case 'modify':
          return await kite.modify(task.accountId, task.request);
        case 'cancel':
          return await kite.cancel(task.accountId, task.request);
        default:
          return assertNever(task);
      }
    } catch (error) {
      // Against its contract, and then nobody knows.
      return { kind: 'unknown', problem: String(error) };
    }
  }

  #read(lane: AccountLane): void {
    const read = lane.nextRead(this.#nowMs());
    if (!read) return;
    const { kite } = this.#options;
    switch (read.kind) {
      case 'probe':
        void kite
          .probe(lane.accountId)
          .then((isUp) => lane.breaker.onProbe(isUp, this.#nowMs()))
          .finally(() => this.#onRead(lane));
        return;
      case 'order':
        void this.#readOrder(lane, read.orderId).finally(() => this.#onRead(lane));
        return;
      case 'book':
        void this.#readBook(lane, read.asks);
        return;
      default:
        assertNever(read);
    }
  }

  async #readOrder(lane: AccountLane, orderId: string): Promise<void> {
    const answer = await this.#options.kite.history(lane.accountId, orderId);
    const latest = answer.kind === 'orders' ? answer.orders.at(-1) : undefined;
    if (latest) this.onOrder(lane.accountId, latest);
    else lane.ask();
  }

  async #readBook(lane: AccountLane, asks: number): Promise<void> {
    const startedAtMs = this.#nowMs();
    const answer = await this.#options.kite.book(lane.accountId);
    if (answer.kind === 'orders') {
      // Another look makes no sense before this one is stored.
      this.#learn({ kind: 'look', lane, orders: answer.orders, startedAtMs, asks });
      return;
    }
    lane.onLookFailed(this.#nowMs());
    this.#options.log.warn('order book not read', { account: lane.accountId, problem: answer.problem });
    this.#onRead(lane);
  }

  #onRead(lane: AccountLane): void {
    lane.isReading = false;
    this.wake();
  }

  #startDay(desk: OrderDesk, tradingDate: string): void {
    if (tradingDate === desk.tradingDate) return;
    desk.tradingDate = tradingDate;
    this.#lanes.startDay();
    // What is of days long past need not stay at hand.
    this.#reloadAtMs = Math.min(this.#reloadAtMs, this.#nowMs() + ORDER_STORE_LATE_MS);
  }

  #learn(fact: Fact): void {
    this.#facts.push(fact);
    if (fact.kind !== 'order') this.#claimAtMs = Number.NEGATIVE_INFINITY;
    this.#signal();
  }

  /** How long nothing is to be done unless something happens. */
  #idleMs(): number {
    // Once stopped, nothing is due but what is learned yet, and that wakes us.
    if (this.#state !== 'running') return ORDER_POLL_MS;
    const nowMs = this.#nowMs();
    const dueAtMs = Math.min(this.#claimAtMs, this.#reloadAtMs, this.#lanes.readAtMs());
    return Math.min(ORDER_POLL_MS, Math.max(0, dueAtMs - nowMs));
  }

  #nowMs(): number {
    return this.#options.clock.monotonicMs();
  }

  #chance(): { readonly nowMs: number; readonly random: number } {
    return { nowMs: this.#nowMs(), random: this.#options.random() };
  }

  #signal(): void {
    this.#isSignalled = true;
    this.#sleeper?.timer.cancel();
    this.#sleeper?.resolve();
  }

  async #sleep(delayMs: number): Promise<void> {
    if (!this.#isSignalled) {
      await new Promise<void>((resolve) => {
        this.#sleeper = { timer: this.#options.clock.after(delayMs, resolve), resolve };
      });
      this.#sleeper = undefined;
    }
    this.#isSignalled = false;
  }
}
