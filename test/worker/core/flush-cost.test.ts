// What a gateway says that a round costs it: frames of any flush, none forgotten, none counted twice.
import { expect, test } from 'vitest';
import {
  FLUSH_COST_MS_MAX,
  FLUSH_COST_ROUNDS,
  GATEWAY_ROUND_MS,
  GATEWAY_SEND_COST_US,
  GATEWAY_SOCKETS_MAX,
} from '../../../shared/limits.ts';
import { FlushCost } from '../../../worker/core/flush-cost.ts';
import { SeededRandom } from '../../ingest/support/seeded-random.ts';

const START_MS = 1_764_000_000_000;
const msOf = (frames: number) => (frames * GATEWAY_SEND_COST_US) / 1_000;

/** A gateway whose frames and clock are the test's. */
class Gateway {
  readonly cost = new FlushCost();
  nowMs = START_MS;
  framesSent = 0;

  /** A round of pushes by all shards, and what it causes until the next one. */
  round(frames: number, { shards = 8, afterMs = 20 } = {}): number {
    this.nowMs += afterMs;
    for (let shard = 0; shard < shards; shard++) {
      this.cost.onPush(this.framesSent, this.nowMs + shard);
      this.framesSent += Math.floor((frames * (shard + 1)) / shards) - Math.floor((frames * shard) / shards);
    }
    return this.cost.ms(this.framesSent);
  }

  rounds(count: number, frames: number): number {
    let ms = 0;
    for (let i = 0; i < count; i++) ms = this.round(frames);
    return ms;
  }
}

test('is nothing before anything is sent', () => {
  expect(new FlushCost().ms(0)).toBe(0);
  expect(new Gateway().rounds(10, 0)).toBe(0);
});

test('a constant load costs its frames per round, by however many shards they come', () => {
  for (const shards of [1, 3, 8]) {
    const gateway = new Gateway();
    for (let i = 0; i < 100; i++) gateway.round(500, { shards });
    expect(gateway.round(500, { shards })).toBeCloseTo(msOf(500), 2);
  }
});

test('a load that begins is seen within its first round, and known within a few', () => {
  const gateway = new Gateway();
  expect(gateway.round(800)).toBeCloseTo(msOf(800) / FLUSH_COST_ROUNDS, 2);
  expect(gateway.rounds(2 * FLUSH_COST_ROUNDS, 800)).toBeGreaterThan(0.85 * msOf(800));
});

test('a load that ends is forgotten as fast', () => {
  const gateway = new Gateway();
  gateway.rounds(100, 800);
  expect(gateway.rounds(2 * FLUSH_COST_ROUNDS, 0)).toBeLessThan(0.15 * msOf(800));
  expect(gateway.rounds(100, 0)).toBe(0);
});

test('what a timer sends between two rounds counts, spread over the rounds around it', () => {
  const gateway = new Gateway();
  let highest = 0;
  for (let i = 0; i < 500; i++) {
    // Clients of the slowest tier, each second.
    if (i % 50 === 0) gateway.framesSent += 1_000;
    highest = Math.max(highest, gateway.round(10));
  }
  expect(highest).toBeLessThan(0.2 * msOf(1_000));
});

test('a push is of the round that it comes with, and of the next one after that', () => {
  const gateway = new Gateway();
  gateway.rounds(100, 500);
  const apart = [GATEWAY_ROUND_MS - 1, GATEWAY_ROUND_MS].map((afterMs) => {
    const { cost } = new Gateway();
    for (let i = 0; i < 200; i++) {
      cost.onPush(i * 1_000, START_MS + i * 50);
      cost.onPush(i * 1_000 + 500, START_MS + i * 50 + afterMs);
    }
    return cost.ms(200_000);
  });
  expect(apart[0]).toBeCloseTo(msOf(1_000), 1);
  expect(apart[1]).toBeCloseTo(msOf(500), 1);
});

test('a clock that is set back ends a round, and does not make one of hours', () => {
  const gateway = new Gateway();
  gateway.rounds(100, 500);
  gateway.nowMs -= 3_600_000;
  expect(gateway.rounds(100, 50)).toBeCloseTo(msOf(50), 2);
});

test('it is a number within bounds whatever the load, and the average of what was sent', () => {
  for (let seed = 1; seed <= 100; seed++) {
    const random = new SeededRandom(seed);
    const gateway = new Gateway();
    const most = random.pick([1, 100, GATEWAY_SOCKETS_MAX, 100 * GATEWAY_SOCKETS_MAX, 1e9]);
    for (let i = 0; i < 200; i++) {
      const options = { shards: 1 + random.below(8), afterMs: random.below(200) };
      const ms = gateway.round(random.below(most), options);
      expect(ms, `seed ${seed}`).toBeGreaterThanOrEqual(0);
      expect(ms, `seed ${seed}`).toBeLessThanOrEqual(FLUSH_COST_MS_MAX);
    }
  }
  expect(new Gateway().round(1e12)).toBe(FLUSH_COST_MS_MAX);
});
