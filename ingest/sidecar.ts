// The sidecar put together: Kite's frames through the pipeline to the shards, and the shards' demand back to Kite.
import type { DemandItem } from '../shared/frame.ts';
import type { InstrumentToken } from '../shared/instrument.ts';
import type { SidecarStatus } from '../shared/status.ts';
import type { Clock, Timer } from './clock.ts';
import { type Config, readSessionCalendar } from './config.ts';
import { Batcher } from './core/batcher.ts';
import { DemandBook } from './core/demand.ts';
import { EMPTY_INSTRUMENT_BOOK } from './core/instrument-book.ts';
import { Pipeline } from './core/pipeline.ts';
import { FlushLoop } from './edge/flush-loop.ts';
import { EdgeClient } from './edge/signed-post.ts';
import { StatusPoster } from './edge/status-poster.ts';
import { FeedWatch } from './feed-watch.ts';
import { Instruments } from './instruments/instruments.ts';
import { KitePool } from './kite/pool.ts';
import type { Logger } from './log.ts';

export interface SidecarOptions {
  readonly config: Config;
  readonly clock: Clock;
  /** In [0, 1). */
  readonly random: () => number;
  readonly log: Logger;
  /** A later sidecar is active: this one has stopped posting, and should end. */
  readonly onSuperseded: (reason: string) => void;
}

/** How often it is looked whether a wish has lingered long enough. */
const DEMAND_CHECK_MS = 1_000;

export class Sidecar {
  readonly #options: SidecarOptions;
  readonly #epoch: number;
  readonly #batcher: Batcher;
  readonly #pipeline: Pipeline;
  readonly #demand = new DemandBook();
  readonly #instruments: Instruments;
  readonly #pool: KitePool;
  readonly #edge: EdgeClient;
  readonly #flushLoop: FlushLoop;
  readonly #statusPoster: StatusPoster;
  readonly #feedWatch: FeedWatch;
  #desiredCount = 0;
  #notPlaced: readonly InstrumentToken[] = [];
  #isRunning = false;
  #demandTimer: Timer | undefined;

  constructor(options: SidecarOptions) {
    const { config, clock, random, log, onSuperseded } = options;
    this.#options = options;
    this.#epoch = clock.wallMs();
    this.#batcher = new Batcher(this.#epoch, EMPTY_INSTRUMENT_BOOK);
    this.#pipeline = new Pipeline(this.#batcher);
    this.#edge = new EdgeClient(config.EDGE_URL, config.INGEST_SECRET, clock);
    const superseded = (reason: string) => {
      if (!this.#isRunning) return;
      this.stop();
      onSuperseded(reason);
    };
    this.#flushLoop = new FlushLoop({
      batcher: this.#batcher,
      post: this.#edge.post,
      clock,
      random,
      log,
      windowMs: config.TICK_BATCH_WINDOW_MS,
      ticksMax: config.TICK_BATCH_MAX_SIZE,
      onDemand: (shard, items) => this.#onDemand(shard, items),
      onSuperseded: superseded,
    });
    this.#statusPoster = new StatusPoster({
      post: this.#edge.post,
      clock,
      log,
      status: () => this.status(),
      onSuperseded: superseded,
    });
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
        this.#applyDemand();
        this.#flushLoop.wake();
      },
    });
    this.#pool = this.#newPool();
  }

  #newPool(): KitePool {
    const { config, clock, random, log } = this.#options;
    return new KitePool({
      accountId: 'primary',
      wsRoot: config.KITE_WS_ROOT,
      wsParameters: config.KITE_WS_PARAMETERS,
      apiKey: config.KITE_API_KEY,
      accessToken: config.KITE_ACCESS_TOKEN,
      connectionsMax: config.MAX_WS_CONNECTIONS,
      instrumentsMax: config.MAX_INSTRUMENTS_PER_WS,
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
    });
  }

  start(): void {
    this.#isRunning = true;
    this.#instruments.start();
    this.#pool.start();
    this.#flushLoop.wake();
    this.#statusPoster.start();
    this.#feedWatch.start(this.#pool);
    this.#checkDemand();
  }

  /** Closes all sockets and stops posting. What is still in the buffer is lost, as it would be a moment later. */
  stop(): void {
    this.#isRunning = false;
    this.#demandTimer?.cancel();
    this.#statusPoster.stop();
    this.#feedWatch.stop();
    this.#flushLoop.stop();
    this.#pool.stop();
    this.#instruments.stop();
    this.#edge.close();
  }

  #onDemand(shard: number, items: readonly DemandItem[]): void {
    this.#demand.replace(shard, items, this.#options.clock.monotonicMs());
    this.#applyDemand();
  }

  #checkDemand(): void {
    const { clock } = this.#options;
    if (this.#demand.expire(clock.monotonicMs())) this.#applyDemand();
    this.#demandTimer = clock.after(DEMAND_CHECK_MS, () => this.#checkDemand());
  }

  /** Synchronous from the wish to the message at Kite's socket: no other event can come in between. */
  #applyDemand(): void {
    const { config, log } = this.#options;
    const { modes, notPlaced } = this.#demand.desired({
      capacity: this.#pool.capacity,
      modeMax: config.TICKER_MODE,
      exists: (token) => this.#batcher.exists(token),
    });
    if (notPlaced.length > 0 && this.#notPlaced.length === 0) {
      log.warn('more instruments wanted than the account carries', {
        notPlaced: notPlaced.length,
        capacity: this.#pool.capacity,
      });
    }
    this.#desiredCount = modes.size + notPlaced.length;
    // The slots come first: Kite answers a subscription with a tick at once.
    this.#batcher.want(modes.keys());
    this.#notPlaced = [...notPlaced, ...this.#pool.apply(modes)];
  }

  status(): SidecarStatus {
    const { counters } = this.#pipeline;
    const { user, system } = process.cpuUsage();
    return {
      epoch: this.#epoch,
      started_at: this.#epoch,
      running: this.#isRunning,
      accounts: [this.#pool.status()],
      feed: this.#feedWatch.status,
      active_subscriptions: this.#pool.activeSubscriptions,
      desired: this.#desiredCount,
      not_placed: this.#notPlaced.length,
      ticks_received: counters.ticksAccepted,
      ticks_posted: this.#batcher.counters.ticksPosted,
      ticks_conflated: this.#batcher.counters.ticksConflated,
      ticks_rejected: counters.ticksRejected,
      frames_received: counters.frames,
      frame_faults: counters.frameFaults,
      batches_posted: this.#flushLoop.counters.batchesPosted,
      batches_retried: this.#flushLoop.counters.batchesRetried,
      batches_failed: this.#flushLoop.counters.batchesFailed,
      instruments: this.#instruments.status,
      rss_bytes: process.memoryUsage.rss(),
      cpu_seconds: (user + system) / 1e6,
    };
  }
}
