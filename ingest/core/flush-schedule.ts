// When which shard gets a batch: at once after a quiet window, then at most once per window, all shards together.

export interface FlushSettings {
  readonly heartbeatMs: number;
  /** A shard with this much news does not wait for the window. */
  readonly ticksMax: number;
}

/** A shard as the schedule sees it. A busy one has a batch under way, or waits after a failure. */
export interface ShardLoad {
  readonly dirtyCount: number;
  readonly isBusy: boolean;
}

export interface FlushDecision {
  /** Shards to be sent a batch now. */
  readonly shards: readonly number[];
  /** How many of them have ticks to send; the others get a heartbeat. */
  readonly shardsWithTicks: number;
  /** Decide again at this time, or sooner when a shard gets news or ceases to be busy. */
  readonly nextAtMs: number;
}

/**
 * Rounds are shared, so that all shards' batches leave together and a gateway can merge them. A shard that is busy when
 * a round starts catches up as soon as it can. Times are of any clock that never goes back.
 */
export class FlushSchedule {
  readonly #settings: FlushSettings;
  readonly #lastSentAtMs: Float64Array;
  /** The shard had news in a round that left without it. */
  readonly #missedRound: Uint8Array;
  #lastRoundAtMs = Number.NEGATIVE_INFINITY;

  constructor(shardCount: number, settings: FlushSettings) {
    this.#settings = settings;
    this.#lastSentAtMs = new Float64Array(shardCount).fill(Number.NEGATIVE_INFINITY);
    this.#missedRound = new Uint8Array(shardCount);
  }

  /**
   * What to send now; the caller sends it, in any case. `loads` has one entry per shard, by index. The window may be
   * another one each time: it counts from the last round.
   */
  decide(nowMs: number, windowMs: number, loads: readonly ShardLoad[]): FlushDecision {
    const { heartbeatMs, ticksMax } = this.#settings;
    const isRound = nowMs >= this.#lastRoundAtMs + windowMs;
    const shards: number[] = [];
    let shardsWithTicks = 0;
    let nextAtMs = Number.POSITIVE_INFINITY;
    for (const [shard, { dirtyCount, isBusy }] of loads.entries()) {
      const hasNews = dirtyCount > 0;
      if (isBusy) {
        if (isRound && hasNews) this.#missedRound[shard] = 1;
        continue;
      }
      const lastSentAtMs = this.#lastSentAtMs[shard] as number;
      const sendsTicks = hasNews && (isRound || this.#missedRound[shard] === 1 || dirtyCount >= ticksMax);
      if (sendsTicks || nowMs >= lastSentAtMs + heartbeatMs) {
        shards.push(shard);
        if (hasNews) shardsWithTicks++;
        this.#lastSentAtMs[shard] = nowMs;
        this.#missedRound[shard] = 0;
        nextAtMs = Math.min(nextAtMs, nowMs + heartbeatMs);
      } else {
        const roundAtMs = hasNews ? this.#lastRoundAtMs + windowMs : Number.POSITIVE_INFINITY;
        nextAtMs = Math.min(nextAtMs, lastSentAtMs + heartbeatMs, roundAtMs);
      }
    }
    if (isRound && shardsWithTicks > 0) this.#lastRoundAtMs = nowMs;
    return { shards, shardsWithTicks, nextAtMs };
  }
}
