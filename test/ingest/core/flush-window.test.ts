// The flush window: always within its bounds, longer at once, shorter step by step, and at rest under a load that is.
import { describe, expect, test } from 'vitest';
import { FlushWindow } from '../../../ingest/core/flush-window.ts';
import {
  FLUSH_COST_MS_MAX,
  FLUSH_REPORT_AGE_MS_MAX,
  FLUSH_WINDOW_PER_COST,
  FLUSH_WINDOW_PER_POST,
  FLUSH_WINDOW_POSTS,
  FLUSH_WINDOW_SHRINK,
  INGEST_HEARTBEAT_MS,
} from '../../../shared/limits.ts';
import { SeededRandom } from '../support/seeded-random.ts';

const SHARDS = 4;
const SETTINGS = { minMs: 20, maxMs: 100 };

/** A window and the rounds that feed it, each as long as the window is. */
class Rounds {
  readonly window = new FlushWindow(SHARDS, SETTINGS);
  nowMs = 0;

  /** Every shard replies; returns the window after it. */
  next(flushCostMs: number | undefined, postMs = 1): number {
    this.nowMs += this.window.at(this.nowMs);
    for (let shard = 0; shard < SHARDS; shard++) {
      this.window.onReply(shard, { flushCostMs, postMs }, this.nowMs);
    }
    return this.window.at(this.nowMs);
  }

  many(count: number, flushCostMs: number, postMs = 1): number {
    for (let i = 0; i < count; i++) this.next(flushCostMs, postMs);
    return this.window.at(this.nowMs);
  }
}

describe('what is known', () => {
  test('is nothing at first: the longest window, until every shard has reported', () => {
    const window = new FlushWindow(SHARDS, SETTINGS);
    expect(window.at(0)).toBe(100);
    for (let shard = 1; shard < SHARDS; shard++) {
      window.onReply(shard, { flushCostMs: 0, postMs: 1 }, 10);
      expect(window.at(10)).toBe(100);
    }
    expect(window.status(10)).toEqual({ window_ms: 100, post_ms: 1 });
    window.onReply(0, { flushCostMs: 0, postMs: 1 }, 10);
    expect(window.at(10)).toBe(90);
    expect(window.status(10)).toEqual({ window_ms: 90, flush_cost_ms: 0, post_ms: 1 });
  });

  test('an edge that reports no cost leaves it at the longest, and so does one shard of it', () => {
    const rounds = new Rounds();
    for (let i = 0; i < 50; i++) expect(rounds.next(undefined)).toBe(100);
    expect(rounds.many(50, 1)).toBe(20);
    rounds.window.onReply(2, { flushCostMs: undefined, postMs: 1 }, rounds.nowMs);
    expect(rounds.window.at(rounds.nowMs)).toBe(100);
  });

  test('a shard that is not heard of any more has no room; heartbeats are enough', () => {
    const rounds = new Rounds();
    rounds.many(50, 1);
    const heardAtMs = rounds.nowMs;
    expect(rounds.window.at(heardAtMs + FLUSH_REPORT_AGE_MS_MAX)).toBe(20);
    for (let shard = 1; shard < SHARDS; shard++)
      rounds.window.onReply(shard, { flushCostMs: 1, postMs: 1 }, heardAtMs + 2 * INGEST_HEARTBEAT_MS);
    expect(rounds.window.at(heardAtMs + FLUSH_REPORT_AGE_MS_MAX + 1)).toBe(100);
  });
});

describe('how it moves', () => {
  test('one busy shard is enough to make it longer, at once and as long as it asks for', () => {
    const rounds = new Rounds();
    expect(rounds.many(50, 1)).toBe(20);
    rounds.window.onReply(3, { flushCostMs: 15, postMs: 1 }, rounds.nowMs);
    expect(rounds.window.at(rounds.nowMs)).toBe(15 * FLUSH_WINDOW_PER_COST);
    rounds.window.onReply(3, { flushCostMs: FLUSH_COST_MS_MAX, postMs: 1 }, rounds.nowMs);
    expect(rounds.window.at(rounds.nowMs)).toBe(100);
  });

  test('it becomes shorter by one step per window, however many replies there are', () => {
    const rounds = new Rounds();
    rounds.many(1, 25);
    const steps = [1, 2, 3].map(() => rounds.next(2));
    expect(steps).toEqual([1, 2, 3].map((i) => expect.closeTo(100 * FLUSH_WINDOW_SHRINK ** i)));
    const before = rounds.window.at(rounds.nowMs);
    for (let i = 0; i < 1_000; i++)
      rounds.window.onReply(i % SHARDS, { flushCostMs: 0, postMs: 0 }, rounds.nowMs + 1);
    expect(rounds.window.at(rounds.nowMs + 1)).toBe(before);
  });

  test('posts that take long keep it long: at most half of the time one is under way', () => {
    const rounds = new Rounds();
    expect(rounds.many(100, 0, 30)).toBe(30 * FLUSH_WINDOW_PER_POST);
    expect(rounds.many(100, 0, 500)).toBe(100);
    expect(rounds.many(100, 0, 1)).toBe(20);
  });

  test('one slow post among many does not: the median counts', () => {
    const rounds = new Rounds();
    rounds.many(50, 0);
    for (let i = 0; i < FLUSH_WINDOW_POSTS / 2 - 1; i++)
      rounds.window.onReply(0, { flushCostMs: 0, postMs: 5_000 }, rounds.nowMs);
    expect(rounds.window.status(rounds.nowMs)).toEqual({ window_ms: 20, flush_cost_ms: 0, post_ms: 1 });
  });
});

test('whatever is reported, it stays within its bounds, and is never shorter than the latest reports ask for', () => {
  for (let seed = 1; seed <= 300; seed++) {
    const random = new SeededRandom(seed);
    const minMs = 1 + random.below(100);
    const maxMs = minMs + random.below(1_000);
    const window = new FlushWindow(SHARDS, { minMs, maxMs });
    const costs: (number | undefined)[] = Array.from({ length: SHARDS }, () => undefined);
    let nowMs = random.below(1_000_000);
    for (let i = 0; i < 300; i++) {
      nowMs += random.chance(30) ? random.below(5_000) : random.below(150);
      const before = window.at(nowMs);
      const shard = random.below(SHARDS);
      const scale = random.pick([0, 1, 20, 300, FLUSH_COST_MS_MAX]);
      costs[shard] = random.chance(20) ? undefined : (random.below(1_001) / 1_000) * scale;
      window.onReply(shard, { flushCostMs: costs[shard], postMs: random.below(200) }, nowMs);
      const windowMs = window.at(nowMs);
      const message = `seed ${seed}, reply ${i}`;
      expect(windowMs, message).toBeGreaterThanOrEqual(minMs);
      expect(windowMs, message).toBeLessThanOrEqual(maxMs);
      expect(windowMs, message).toBeGreaterThanOrEqual(Math.min(before * FLUSH_WINDOW_SHRINK, maxMs) - 1e-9);
      const wanted =
        FLUSH_WINDOW_PER_COST * Math.max(...costs.map((cost) => cost ?? Number.POSITIVE_INFINITY));
      expect(windowMs, message).toBeGreaterThanOrEqual(Math.min(wanted, maxMs));
    }
  }
});

describe('under a constant load it comes to rest', () => {
  /**
   * Windows of the last 100 of 400 rounds, where `costOf` is what a round of that length costs. Gateways report
   * averages, so that what is heard lags behind what is.
   */
  function rest(costOf: (windowMs: number) => number, startCostMs: number): { min: number; max: number } {
    const rounds = new Rounds();
    let reportedMs = startCostMs;
    let min = Number.POSITIVE_INFINITY;
    let max = 0;
    for (let i = 0; i < 400; i++) {
      reportedMs += (costOf(rounds.window.at(rounds.nowMs)) - reportedMs) / 8;
      const windowMs = rounds.next(reportedMs);
      if (i < 300) continue;
      min = Math.min(min, windowMs);
      max = Math.max(max, windowMs);
    }
    return { min, max };
  }

  test.each<[string, (windowMs: number) => number, number]>([
    ['one frame per client, whatever is in it', () => 12, 48],
    ['little', () => 1, 20],
    ['more than there is room for', () => 40, 100],
    // The longer the window, the more ticks of one instrument become one frame.
    ['frames that are conflated the more the longer it is', (ms) => 25 * (1 - Math.exp(-ms / 50)), 79.68],
    ['frames that are never conflated, with room', (ms) => ms / 5, 20],
    ['frames that are never conflated, without', (ms) => ms / 3, 100],
  ])('%s', (_, costOf, windowMs) => {
    for (const startCostMs of [0, 5, 1_000]) {
      const { min, max } = rest(costOf, startCostMs);
      expect(min).toBeGreaterThan(windowMs * 0.98);
      expect(max).toBeLessThan(windowMs * 1.02);
    }
  });
});
