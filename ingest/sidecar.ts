// The sidecar put together: Kite's frames through the pipeline to the shards, and the shards' demand back to Kite.
import type { WakeUp } from '../shared/control.ts';
import { assertNever } from '../shared/errors.ts';
import type { DemandItem } from '../shared/frame.ts';
import type { InstrumentToken } from '../shared/instrument.ts';
import { DEMAND_PLAN_MS_MIN, NOT_PLACED_TOKENS_MAX, STATUS_NOT_PLACED_MAX } from '../shared/limits.ts';
import type { SidecarStatus } from '../shared/status.ts';
import type { Clock, Timer } from './clock.ts';
import { type Config, greeksSettingsOf, readSessionCalendar } from './config.ts';
import { Batcher } from './core/batcher.ts';
import { DemandBook, type PinnedInstrument } from './core/demand.ts';
import { OptionMarket } from './core/greeks/option-market.ts';
import { EMPTY_INSTRUMENT_BOOK } from './core/instrument-book.ts';
import { OrderUpdates } from './core/order-updates.ts';
import { Pipeline } from './core/pipeline.ts';
import { accountHandlers, type QuestionedAccounts } from './edge/account-questions.ts';
import { ControlLink } from './edge/control-link.ts';
import { FlushLoop } from './edge/flush-loop.ts';
import { EdgeClient, type Post } from './edge/signed-post.ts';
import { StatusPoster } from './edge/status-poster.ts';
import { FeedWatch } from './feed-watch.ts';
import { Instruments } from './instruments/instruments.ts';
import type { KiteAccount } from './kite/account.ts';
import type { Accounts } from './kite/accounts.ts';
import { KitePool } from './kite/pool.ts';
import { type Lease, NO_LEASE } from './lease-keeper.ts';
import type { Logger } from './log.ts';
import { type OrderParts, OrderService } from './orders/order-service.ts';
import type { Source } from './source.ts';

export interface SidecarOptions {
  readonly config: Config;
  readonly accounts: Source<readonly KiteAccount[]>;
  /** What is known of the accounts' logins: it is told what their sockets say, and reported with it. */
  readonly logins?: Pick<Accounts, 'observe' | 'describe'>;
  /** What the edge may ask about accounts; absent when there is nobody to ask. */
  readonly questioned?: QuestionedAccounts;
  /** Absent: orders are off, and what sockets tell of orders placed elsewhere is passed on as it comes. */
  readonly orders?: OrderParts;
  /** Instruments that are streamed whether or not a client wants them. */
  readonly pinned: Source<readonly PinnedInstrument[]>;
  readonly clock: Clock;
  /** In [0, 1). */
  readonly random: () => number;
  readonly log: Logger;
  /** Fences what is posted: later ones outrank it. The time of the start when absent. */
  readonly epoch?: number;
  /** Asked before each post. */
  readonly lease?: Lease;
  /** A later sidecar is active: this one has stopped posting, and should end. */
  readonly onSuperseded: (reason: string) => void;
}

/** How often it is looked whether a wish has lingered long enough. */
const DEMAND_CHECK_MS = 1_000;

export class Sidecar {
  readonly #options: SidecarOptions;
  readonly #epoch: number;
  readonly #startedAtMs: number;
  readonly #lease: Lease;
  readonly #batcher: Batcher;
  readonly #optionMarket: OptionMarket;
  readonly #pipeline: Pipeline;
  readonly #demand = new DemandBook();
  readonly #orderUpdates = new OrderUpdates();
  readonly #instruments: Instruments;
  readonly #pool: KitePool;
  readonly #edge: EdgeClient;
  readonly #flushLoop: FlushLoop;
  readonly #statusPoster: StatusPoster;
  readonly #controlLink: ControlLink;
  readonly #feedWatch: FeedWatch;
  readonly #orders: OrderService | undefined;
  #desiredCount = 0;
  /** Pinned or wanted, and more than the buffer has slots for. */
  #overflow: readonly InstrumentToken[] = [];
  #isRunning = false;
  #demandTimer: Timer | undefined;
  /** Runs for DEMAND_PLAN_MS_MIN after each plan. */
  #planTimer: Timer | undefined;
  #isPlanDue = false;

  constructor(options: SidecarOptions) {
    const { config, clock, random, log, onSuperseded } = options;
    this.#options = options;
    this.#startedAtMs = clock.wallMs();
    this.#epoch = options.epoch ?? this.#startedAtMs;
    this.#lease = options.lease ?? NO_LEASE;
    this.#batcher = new Batcher(this.#epoch, EMPTY_INSTRUMENT_BOOK);
    this.#optionMarket = new OptionMarket({
      settings: greeksSettingsOf(config),
      buffer: this.#batcher,
      onSupportChange: () => this.#planSoon(),
    });
    this.#pipeline = new Pipeline(this.#batcher, this.#optionMarket);
    this.#edge = new EdgeClient(config.EDGE_URL, config.INGEST_SECRET, clock);
    const superseded = (reason: string) => {
      if (!this.#isRunning) return;
      void this.stop();
      onSuperseded(reason);
    };
    const post: Post = async (...args) => {
      await this.#lease.confirm();
      return this.#edge.post(...args);
    };
    this.#flushLoop = new FlushLoop({
      batcher: this.#batcher,
      greeks: this.#optionMarket,
      post,
      clock,
      random,
      log,
      window: { minMs: config.TICK_BATCH_WINDOW_MIN_MS, maxMs: config.TICK_BATCH_WINDOW_MS },
      ticksMax: config.TICK_BATCH_MAX_SIZE,
      onDemand: (shard, items) => this.#onDemand(shard, items),
      onSuperseded: superseded,
    });
    this.#statusPoster = new StatusPoster({
      post,
      clock,
      log,
      status: () => this.status(),
      onSuperseded: superseded,
    });
    this.#controlLink = this.#newControlLink(superseded);
    this.#feedWatch = new FeedWatch({
      calendar: readSessionCalendar(config),
      clock,
      log,
      onChange: () => this.#statusPoster.reportNow(),
    });
    this.#instruments = new Instruments({
      apiRoot: config.KITE_API_ROOT,
      databaseUrl: config.DATABASE_URL,
      mustBeWhole: config.INSTRUMENT_LIST_CHECK === 'whole',
      clock,
      random,
      log,
      onList: (book) => {
        this.#batcher.replaceInstruments(book);
        this.#optionMarket.replaceContracts(book);
        this.#applyDemand();
        this.#flushLoop.wake();
      },
    });
    this.#pool = this.#newPool();
    this.#orders =
      options.orders &&
      new OrderService({
        ...options.orders,
        epoch: this.#epoch,
        lease: this.#lease,
        clock,
        random,
        log,
        notify: (event) => this.#controlLink.notify('order_event', event),
      });
  }

  #newControlLink(onSuperseded: (reason: string) => void): ControlLink {
    const { config, clock, random, log } = this.#options;
    return new ControlLink({
      edgeUrl: config.EDGE_URL,
      secret: config.INGEST_SECRET,
      epoch: this.#epoch,
      handlers: {
        not_placed: async () => {
          const notPlaced = this.#notPlaced;
          return { total: notPlaced.length, tokens: notPlaced.slice(0, NOT_PLACED_TOKENS_MAX) };
        },
        ...accountHandlers(this.#options.questioned, (order) => this.#orders?.reread(order)),
      },
      clock,
      random,
      log,
      onWakeUp: (name) => this.#onWakeUp(name),
      onOpen: () => {
        this.#orders?.wake();
        this.#options.pinned.readNow();
        this.#options.accounts.readNow();
      },
      onSuperseded,
    });
  }

  #onWakeUp(name: WakeUp): void {
    switch (name) {
      case 'subscriptions_changed':
        this.#options.pinned.readNow();
        break;
      case 'accounts_changed':
        this.#options.accounts.readNow();
        break;
      case 'order_tasks_changed':
        this.#orders?.wake();
        break;
      default:
        assertNever(name);
    }
  }

  #newPool(): KitePool {
    const { config, clock, random, log } = this.#options;
    return new KitePool({
      wsRoot: config.KITE_WS_ROOT,
      wsParameters: config.KITE_WS_PARAMETERS,
      clock,
      random,
      log,
      onFrame: (bytes, receivedAtMs, connectionId) => {
        const meter = this.#feedWatch.meterOf(connectionId);
        if (this.#pipeline.step(bytes, receivedAtMs, meter) > 0) this.#flushLoop.wake();
      },
      onFrameTooBig: () => {
        this.#pipeline.counters.frameFaults.frame_too_big++;
      },
      onText: (message, accountId) => {
        if (message.type === 'order') this.#onOrderUpdate(accountId, message.data);
      },
      onOpen: (accountId) => this.#orders?.onSocketOpen(accountId),
    });
  }

  start(): void {
    const { accounts, pinned } = this.#options;
    this.#isRunning = true;
    this.#instruments.start();
    accounts.start((list) => this.#pool.setAccounts(list));
    pinned.start((items) => {
      this.#demand.setPinned(items);
      this.#applyDemand();
    });
    this.#flushLoop.wake();
    this.#statusPoster.start();
    this.#controlLink.start();
    this.#feedWatch.start(this.#pool);
    this.#orders?.start();
    this.#checkDemand();
  }

  /**
   * Closes all sockets and stops posting. What is still in the buffer is lost, as it would be a moment later. Resolves when
   * what has become of the orders under way is stored, or is left to be looked for.
   */
  async stop(): Promise<void> {
    const { accounts, pinned } = this.#options;
    this.#isRunning = false;
    this.#demandTimer?.cancel();
    this.#planTimer?.cancel();
    pinned.stop();
    this.#statusPoster.stop();
    this.#controlLink.stop();
    this.#feedWatch.stop();
    this.#flushLoop.stop();
    this.#pool.stop();
    this.#instruments.stop();
    this.#edge.close();
    // Orders that are under way have their answers by the accounts' calls.
    if (this.#orders) await this.#orders.stop();
    accounts.stop();
  }

  #onDemand(shard: number, items: readonly DemandItem[]): void {
    this.#demand.replace(shard, items, this.#options.clock.monotonicMs());
    this.#planSoon();
  }

  #planSoon(): void {
    if (this.#planTimer === undefined) this.#applyDemand();
    else this.#isPlanDue = true;
  }

  #pauseOver(): void {
    this.#planTimer = undefined;
    if (this.#isPlanDue) this.#applyDemand();
  }

  #checkDemand(): void {
    const { clock } = this.#options;
    if (this.#demand.expire(clock.monotonicMs())) this.#applyDemand();
    this.#options.logins?.observe(this.#pool.status());
    this.#demandTimer = clock.after(DEMAND_CHECK_MS, () => this.#checkDemand());
  }

  /** Without a database best effort, as Kite's own ticker: what is lost on the way is in the order book. */
  #onOrderUpdate(accountId: string, payload: object): void {
    const { clock, log } = this.#options;
    if (this.#orders) {
      this.#orders.onUpdate(accountId, payload);
      return;
    }
    const verdict = this.#orderUpdates.take(payload, clock.monotonicMs());
    if (verdict.kind === 'new') this.#controlLink.notify('order_update', verdict.order);
    // Never what is in it: that is somebody's order.
    if (verdict.kind === 'dropped') log.warn('order update dropped', { reason: verdict.reason });
  }

  /** Synchronous from the wish to the message at Kite's socket: no other event can come in between. */
  #applyDemand(): void {
    if (!this.#isRunning) return;
    const { config, clock } = this.#options;
    this.#isPlanDue = false;
    this.#planTimer?.cancel();
    this.#planTimer = clock.after(DEMAND_PLAN_MS_MIN, () => this.#pauseOver());
    const { items, overflow } = this.#demand.desired({
      modeMax: config.TICKER_MODE,
      exists: (token) => this.#batcher.exists(token),
      supportOf: (wished) => this.#optionMarket.plan(wished),
    });
    this.#overflow = overflow;
    this.#desiredCount = items.length + overflow.length;
    // The slots come first: Kite answers a subscription with a tick at once.
    this.#batcher.want(items);
    this.#optionMarket.attach(items, clock.monotonicMs());
    this.#pool.setDesired(items);
  }

  /** Pinned or wanted, and not streamed. */
  get #notPlaced(): readonly InstrumentToken[] {
    return [...this.#pool.notPlaced, ...this.#overflow];
  }

  status(): SidecarStatus {
    const { counters } = this.#pipeline;
    const notPlaced = this.#notPlaced;
    const { user, system } = process.cpuUsage();
    const orders = this.#orders?.status;
    return {
      epoch: this.#epoch,
      lease: this.#lease.state,
      started_at: this.#startedAtMs,
      running: this.#isRunning,
      accounts: this.#options.logins?.describe(this.#pool.status()) ?? this.#pool.status(),
      feed: this.#feedWatch.status,
      active_subscriptions: this.#pool.activeSubscriptions,
      desired: this.#desiredCount,
      not_placed: notPlaced.length,
      not_placed_tokens: notPlaced.slice(0, STATUS_NOT_PLACED_MAX),
      pinned: this.#demand.pinnedCount,
      ticks_received: counters.ticksAccepted,
      ticks_posted: this.#batcher.counters.ticksPosted,
      ticks_conflated: this.#batcher.counters.ticksConflated,
      ticks_rejected: counters.ticksRejected,
      frames_received: counters.frames,
      frame_faults: counters.frameFaults,
      batches_posted: this.#flushLoop.counters.batchesPosted,
      batches_retried: this.#flushLoop.counters.batchesRetried,
      batches_failed: this.#flushLoop.counters.batchesFailed,
      flush_window: this.#flushLoop.window,
      instruments: this.#instruments.status,
      ...(orders ? { orders } : {}),
      greeks: this.#optionMarket.figures(this.#flushLoop.valuationMs),
      rss_bytes: process.memoryUsage.rss(),
      cpu_seconds: (user + system) / 1e6,
    };
  }
}
