import { expect, test } from 'vitest';
import { FlushSchedule, type ShardLoad } from '../../../ingest/core/flush-schedule.ts';
import { SeededRandom } from '../support/seeded-random.ts';

const SETTINGS = { heartbeatMs: 1_000, ticksMax: 50 };
const WINDOW_MS = 100;
const load = (dirtyCount: number, isBusy = false): ShardLoad => ({ dirtyCount, isBusy });

/** Two shards that have both had their first batch at 0. */
function started(): FlushSchedule {
  const schedule = new FlushSchedule(2, SETTINGS);
  schedule.decide(0, WINDOW_MS, [load(0), load(0)]);
  return schedule;
}

test('every shard hears from the sidecar at once, and then each heartbeat', () => {
  const schedule = new FlushSchedule(2, SETTINGS);
  expect(schedule.decide(0, WINDOW_MS, [load(0), load(0)])).toEqual({
    shards: [0, 1],
    shardsWithTicks: 0,
    nextAtMs: 1_000,
  });
  expect(schedule.decide(999, WINDOW_MS, [load(0), load(0)])).toEqual({
    shards: [],
    shardsWithTicks: 0,
    nextAtMs: 1_000,
  });
  expect(schedule.decide(1_000, WINDOW_MS, [load(0), load(0)]).shards).toEqual([0, 1]);
});

test('the first tick after a quiet window leaves at once, the next one waits for the window', () => {
  const schedule = started();
  expect(schedule.decide(500, WINDOW_MS, [load(1), load(0)])).toEqual({
    shards: [0],
    shardsWithTicks: 1,
    nextAtMs: 1_000,
  });
  expect(schedule.decide(510, WINDOW_MS, [load(1), load(1)])).toEqual({
    shards: [],
    shardsWithTicks: 0,
    nextAtMs: 600,
  });
  expect(schedule.decide(600, WINDOW_MS, [load(1), load(1)])).toMatchObject({
    shards: [0, 1],
    shardsWithTicks: 2,
  });
});

test('a heartbeat does not open a window: a tick right after it leaves at once', () => {
  const schedule = started();
  expect(schedule.decide(1_000, WINDOW_MS, [load(0), load(0)]).shards).toEqual([0, 1]);
  expect(schedule.decide(1_001, WINDOW_MS, [load(1), load(0)]).shards).toEqual([0]);
});

test('a shard with a full batch does not wait, and does not make the others wait longer', () => {
  const schedule = started();
  schedule.decide(500, WINDOW_MS, [load(1), load(0)]);
  expect(schedule.decide(520, WINDOW_MS, [load(50), load(1)])).toMatchObject({
    shards: [0],
    shardsWithTicks: 1,
    nextAtMs: 600,
  });
  expect(schedule.decide(600, WINDOW_MS, [load(0), load(1)]).shards).toEqual([1]);
});

test('a shard that was busy in a round catches up as soon as it is free', () => {
  const schedule = started();
  expect(schedule.decide(500, WINDOW_MS, [load(1), load(1, true)]).shards).toEqual([0]);
  expect(schedule.decide(530, WINDOW_MS, [load(0), load(3)])).toMatchObject({
    shards: [1],
    shardsWithTicks: 1,
  });
  // That was its turn of this round: what comes now waits for the next.
  expect(schedule.decide(540, WINDOW_MS, [load(0), load(1)])).toMatchObject({ shards: [], nextAtMs: 600 });
});

test('with all shards busy there is no next time', () => {
  expect(started().decide(5_000, WINDOW_MS, [load(1, true), load(0, true)]).nextAtMs).toBe(
    Number.POSITIVE_INFINITY,
  );
});

test('a window that has become shorter counts from the last round, and so does one that has become longer', () => {
  const schedule = started();
  schedule.decide(500, 100, [load(1), load(0)]);
  expect(schedule.decide(515, 20, [load(1), load(0)])).toMatchObject({ shards: [], nextAtMs: 520 });
  expect(schedule.decide(520, 20, [load(1), load(0)])).toMatchObject({ shards: [0], shardsWithTicks: 1 });
  expect(schedule.decide(540, 60, [load(1), load(0)])).toMatchObject({ shards: [], nextAtMs: 580 });
  expect(schedule.decide(580, 60, [load(1), load(0)]).shards).toEqual([0]);
});

/** Three shards with news at random, now and then busy; `windowOf` is asked for the window at each decision. */
function run(seed: number, windowOf: (random: SeededRandom) => number): void {
  const random = new SeededRandom(seed);
  const schedule = new FlushSchedule(3, SETTINGS);
  const dirty = [0, 0, 0];
  const dirtySinceMs = [0, 0, 0];
  const busyUntilMs = [0, 0, 0];
  const freeSinceMs = [0, 0, 0];
  const sentAtMs = [0, 0, 0];
  let nextAtMs = 0;
  let roundAtMs = Number.NEGATIVE_INFINITY;
  for (let nowMs = 0; nowMs < 10_000; nowMs++) {
    let isWoken = nowMs >= nextAtMs;
    for (let shard = 0; shard < 3; shard++) {
      if (busyUntilMs[shard] === nowMs) {
        freeSinceMs[shard] = nowMs;
        isWoken = true;
      }
      if (random.chance(150)) {
        if (dirty[shard] === 0) dirtySinceMs[shard] = nowMs;
        dirty[shard]! += 1 + random.below(10);
        isWoken = true;
      }
    }
    if (!isWoken) continue;
    const isBusy = (shard: number) => (busyUntilMs[shard] as number) > nowMs;
    const windowMs = windowOf(random);
    const isWindowOver = nowMs - roundAtMs >= windowMs;
    const decision = schedule.decide(
      nowMs,
      windowMs,
      dirty.map((dirtyCount, shard) => load(dirtyCount, isBusy(shard))),
    );
    nextAtMs = decision.nextAtMs;
    for (let shard = 0; shard < 3; shard++) {
      const hasToLeave = isWindowOver && dirty[shard]! > 0 && !isBusy(shard);
      if (hasToLeave) expect(decision.shards, `seed ${seed} at ${nowMs}`).toContain(shard);
    }
    if (isWindowOver && decision.shardsWithTicks > 0) roundAtMs = nowMs;
    for (const shard of decision.shards) {
      expect(isBusy(shard), `seed ${seed}`).toBe(false);
      const readyAtMs = Math.max(dirtySinceMs[shard]!, freeSinceMs[shard]!);
      if (dirty[shard]! > 0) expect(nowMs - readyAtMs, `seed ${seed} at ${nowMs}`).toBeLessThanOrEqual(100);
      expect(nowMs - Math.max(sentAtMs[shard]!, freeSinceMs[shard]!)).toBeLessThanOrEqual(1_000);
      dirty[shard] = 0;
      sentAtMs[shard] = nowMs;
      busyUntilMs[shard] = nowMs + random.below(250);
      if (busyUntilMs[shard] === nowMs) freeSinceMs[shard] = nowMs;
    }
  }
}

test('no tick ever waits longer than the window, no shard longer than a heartbeat, and no busy shard is sent to', () => {
  for (let seed = 1; seed <= 200; seed++) run(seed, () => WINDOW_MS);
});

test('nor does it while the window changes all the time: the longest is what none waits longer than', () => {
  for (let seed = 1; seed <= 200; seed++) run(seed, (random) => 20 + random.below(81));
});
