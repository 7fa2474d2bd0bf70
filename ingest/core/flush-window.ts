// How long the news of a shard waits for more: as short as gateways, shards and the way to them have room for.
import {
  FLUSH_REPORT_AGE_MS_MAX,
  FLUSH_WINDOW_PER_COST,
  FLUSH_WINDOW_PER_POST,
  FLUSH_WINDOW_POSTS,
  FLUSH_WINDOW_SHRINK,
} from '../../shared/limits.ts';
import type { FlushWindowStatus } from '../../shared/status.ts';

export interface FlushWindowSettings {
  readonly minMs: number;
  readonly maxMs: number;
}

/** What a shard's reply says of the room there is. */
export interface RoomReport {
  /** What a round costs its busiest gateway; undefined from an edge that does not know. */
  readonly flushCostMs: number | undefined;
  /** Time that the post took. */
  readonly postMs: number;
}

/**
 * The longest window until every shard has said that there is room, and again when one has not been heard of for
 * FLUSH_REPORT_AGE_MS_MAX. It grows at once and shrinks step by step: what a shorter one costs is seen before the next
 * step. Times are of any clock that never goes back.
 */
export class FlushWindow {
  readonly #settings: FlushWindowSettings;
  /** By shard, its latest report. */
  readonly #costMs: (number | undefined)[];
  readonly #heardAtMs: Float64Array;
  /** Durations of the latest posts, in a ring. */
  readonly #postsMs: number[] = [];
  #posts = 0;
  #windowMs: number;
  #shrunkAtMs = Number.NEGATIVE_INFINITY;

  constructor(shardCount: number, settings: FlushWindowSettings) {
    this.#settings = settings;
    this.#windowMs = settings.maxMs;
    this.#costMs = Array.from({ length: shardCount }, () => undefined);
    this.#heardAtMs = new Float64Array(shardCount).fill(Number.NEGATIVE_INFINITY);
  }

  onReply(shard: number, { flushCostMs, postMs }: RoomReport, nowMs: number): void {
    this.#costMs[shard] = flushCostMs;
    this.#heardAtMs[shard] = nowMs;
    this.#postsMs[this.#posts++ % FLUSH_WINDOW_POSTS] = postMs;
    const wantedMs = this.#wantedMs(nowMs);
    if (wantedMs >= this.#windowMs) this.#windowMs = wantedMs;
    else if (nowMs >= this.#shrunkAtMs + this.#windowMs) {
      this.#windowMs = Math.max(wantedMs, this.#windowMs * FLUSH_WINDOW_SHRINK);
      this.#shrunkAtMs = nowMs;
    }
  }

  /** The window in force, in ms. */
  at(nowMs: number): number {
    this.#windowMs = Math.max(this.#windowMs, this.#wantedMs(nowMs));
    return this.#windowMs;
  }

  status(nowMs: number): FlushWindowStatus {
    const costMs = this.#flushCostMs(nowMs);
    const postMs = this.#medianPostMs();
    return {
      window_ms: this.at(nowMs),
      ...(costMs === undefined ? {} : { flush_cost_ms: costMs }),
      ...(postMs === undefined ? {} : { post_ms: postMs }),
    };
  }

  #wantedMs(nowMs: number): number {
    const { minMs, maxMs } = this.#settings;
    const costMs = this.#flushCostMs(nowMs);
    if (costMs === undefined) return maxMs;
    const byPostsMs = FLUSH_WINDOW_PER_POST * (this.#medianPostMs() ?? 0);
    return Math.min(maxMs, Math.max(minMs, FLUSH_WINDOW_PER_COST * costMs, byPostsMs));
  }

  /** The highest of all shards; undefined when one has not said anything of late. */
  #flushCostMs(nowMs: number): number | undefined {
    let highestMs = 0;
    for (const [shard, costMs] of this.#costMs.entries()) {
      const heardAtMs = this.#heardAtMs[shard] as number;
      if (costMs === undefined || nowMs - heardAtMs > FLUSH_REPORT_AGE_MS_MAX) return undefined;
      highestMs = Math.max(highestMs, costMs);
    }
    return highestMs;
  }

  #medianPostMs(): number | undefined {
    return this.#postsMs.toSorted((a, b) => a - b)[this.#postsMs.length >> 1];
  }
}
