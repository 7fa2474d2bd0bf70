// Drives batches from the buffer to the shards: asks the schedule what is due, takes it and hands it to the posters.
import type { BatchReply, DemandItem } from '../../shared/frame.ts';
import { INGEST_HEARTBEAT_MS } from '../../shared/limits.ts';
import { SHARD_COUNT } from '../../shared/shard.ts';
import type { FlushWindowStatus } from '../../shared/status.ts';
import type { Clock, Timer } from '../clock.ts';
import type { Batcher } from '../core/batcher.ts';
import { FlushSchedule } from '../core/flush-schedule.ts';
import { FlushWindow, type FlushWindowSettings } from '../core/flush-window.ts';
import type { Logger } from '../log.ts';
import { type PosterCounters, ShardPoster } from './shard-poster.ts';
import type { Post } from './signed-post.ts';

/** Puts Greeks into the buffer's records, see OptionMarket. */
export interface GreeksSource {
  renew(nowMs: number): void;
  value(nowMs: number): void;
}

export interface FlushLoopOptions {
  readonly batcher: Batcher;
  readonly greeks?: GreeksSource;
  readonly post: Post;
  readonly clock: Clock;
  /** In [0, 1). */
  readonly random: () => number;
  readonly log: Logger;
  readonly window: FlushWindowSettings;
  /** Ticks per batch. */
  readonly ticksMax: number;
  readonly onDemand: (shard: number, items: readonly DemandItem[]) => void;
  readonly onSuperseded: (reason: string) => void;
}

export class FlushLoop {
  readonly counters: PosterCounters = { batchesPosted: 0, batchesRetried: 0, batchesFailed: 0 };
  readonly #options: FlushLoopOptions;
  readonly #posters: readonly ShardPoster[];
  readonly #schedule: FlushSchedule;
  readonly #window: FlushWindow;
  /** Time that valuations have taken. */
  valuationMs = 0;
  #isRunDue = false;
  #isStopped = false;
  #timer: Timer | undefined;

  constructor(options: FlushLoopOptions) {
    this.#options = options;
    const { window, ticksMax } = options;
    this.#schedule = new FlushSchedule(SHARD_COUNT, { ticksMax, heartbeatMs: INGEST_HEARTBEAT_MS });
    this.#window = new FlushWindow(SHARD_COUNT, window);
    this.#posters = Array.from({ length: SHARD_COUNT }, (_, shard) => this.#posterOf(shard));
  }

  /** The buffer may have news. Runs once for all calls of one turn, so that frames that came together leave together. */
  wake(): void {
    if (this.#isRunDue || this.#isStopped) return;
    this.#isRunDue = true;
    this.#options.clock.soon(() => this.#run());
  }

  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
    for (const poster of this.#posters) poster.stop();
  }

  get window(): FlushWindowStatus {
    return this.#window.status(this.#options.clock.monotonicMs());
  }

  #posterOf(shard: number): ShardPoster {
    const { batcher, post, clock, random, log } = this.#options;
    return new ShardPoster({
      shard,
      post,
      clock,
      random,
      log,
      counters: this.counters,
      onReply: (reply, postMs) => this.#onReply(shard, reply, postMs),
      onGiveUp: () => batcher.giveUp(shard),
      onIdle: () => this.wake(),
      onSuperseded: (reason) => {
        if (this.#isStopped) return;
        this.stop();
        this.#options.onSuperseded(reason);
      },
    });
  }

  #onReply(shard: number, reply: BatchReply, postMs: number): void {
    const { batcher, clock, onDemand } = this.#options;
    this.#window.onReply(shard, { flushCostMs: reply.flushCostMs, postMs }, clock.monotonicMs());
    batcher.acknowledge(shard, reply);
    if (reply.demand) onDemand(shard, reply.demand.items);
  }

  #run(): void {
    const { batcher, clock, ticksMax, greeks } = this.#options;
    this.#isRunDue = false;
    if (this.#isStopped) return;
    const nowMs = clock.monotonicMs();
    greeks?.renew(nowMs);
    this.valuationMs += clock.monotonicMs() - nowMs;
    const loads = this.#posters.map(({ isBusy }, shard) => ({
      dirtyCount: batcher.dirtyCount(shard),
      isBusy,
    }));
    const windowMs = this.#window.at(nowMs);
    const { shards, shardsWithTicks, nextAtMs } = this.#schedule.decide(nowMs, windowMs, loads);
    // As late as can be: of many ticks of an option one is valued, with the forward of now.
    if (shardsWithTicks > 0) this.#value(nowMs);
    for (const shard of shards) {
      this.#posters[shard]?.send(
        batcher.take(shard, { ticksMax, roundShards: Math.max(1, shardsWithTicks) }),
      );
    }
    this.#timer?.cancel();
    this.#timer = undefined;
    // With every shard busy there is no next time: the first that is idle again wakes the loop.
    if (Number.isFinite(nextAtMs)) this.#timer = clock.after(nextAtMs - nowMs, () => this.#run());
  }
  #value(nowMs: number): void {
    const { greeks, clock } = this.#options;
    const fromMs = clock.monotonicMs();
    greeks?.value(nowMs);
    this.valuationMs += clock.monotonicMs() - fromMs;
  }
}
