// The pushes of one round leave together; what does not come is not waited for.
import { expect, test } from 'vitest';
import { GATEWAY_GATHER_MS_MAX, GATEWAY_GATHER_MS_MIN } from '../../../shared/limits.ts';
import { PushRound } from '../../../worker/core/push-round.ts';

const NOW_MS = 1_764_000_000_000;

function isOver(round: PushRound, nowMs: number, flushCostMs = 0): boolean {
  return nowMs >= round.endsAtMs(nowMs, flushCostMs);
}

test('a round of one shard is over with its push', () => {
  const round = new PushRound();
  round.onPush(3, 1);
  expect(isOver(round, NOW_MS)).toBe(true);
});

test('a round of several is over with the last one’s, in any order', () => {
  const round = new PushRound();
  for (const shard of [5, 0, 7]) {
    round.onPush(shard, 4);
    expect(isOver(round, NOW_MS)).toBe(false);
  }
  round.onPush(1, 4);
  expect(isOver(round, NOW_MS)).toBe(true);
});

test('what does not come is waited for as long as the bound says, from the first push on', () => {
  const round = new PushRound();
  round.onPush(0, 8);
  expect(round.endsAtMs(NOW_MS, 0)).toBe(NOW_MS + GATEWAY_GATHER_MS_MIN);
  round.onPush(1, 8);
  expect(round.endsAtMs(NOW_MS + 2, 0)).toBe(NOW_MS + GATEWAY_GATHER_MS_MIN);
  expect(isOver(round, NOW_MS + GATEWAY_GATHER_MS_MIN)).toBe(true);
});

test('a dear flush is worth waiting as long as it takes, up to a bound', () => {
  const round = new PushRound();
  round.onPush(0, 8);
  expect(round.endsAtMs(NOW_MS, 12)).toBe(NOW_MS + 12);
  expect(round.endsAtMs(NOW_MS, 1_000)).toBe(NOW_MS + GATEWAY_GATHER_MS_MAX);
});

test('a shard’s second push is of the next round: the first has what it will get', () => {
  const round = new PushRound();
  round.onPush(0, 8);
  round.onPush(0, 8);
  expect(isOver(round, NOW_MS)).toBe(true);
});

test('a clock that is set back makes nobody wait until it is where it was', () => {
  const round = new PushRound();
  round.onPush(0, 2);
  expect(isOver(round, NOW_MS)).toBe(false);
  const earlierMs = NOW_MS - 3_600_000;
  expect(round.endsAtMs(earlierMs, 0)).toBe(earlierMs + GATEWAY_GATHER_MS_MIN);
});

test('after what was here has been sent, the next round is a new one', () => {
  const round = new PushRound();
  round.onPush(0, 2);
  round.endsAtMs(NOW_MS, 0);
  round.end();
  expect(isOver(round, NOW_MS)).toBe(true);
  round.onPush(0, 2);
  expect(round.endsAtMs(NOW_MS + 100, 0)).toBe(NOW_MS + 100 + GATEWAY_GATHER_MS_MIN);
});
