// The pushes of one round leave together; what does not come is not waited for.
import { expect, test } from 'vitest';
import { GATEWAY_GATHER_MS_MAX } from '../../../shared/limits.ts';
import { PushRound } from '../../../worker/core/push-round.ts';

const NOW_MS = 1_764_000_000_000;

function isOver(round: PushRound, nowMs: number): boolean {
  return nowMs >= round.endsAtMs(nowMs);
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
  expect(round.endsAtMs(NOW_MS)).toBe(NOW_MS + GATEWAY_GATHER_MS_MAX);
  round.onPush(1, 8);
  expect(round.endsAtMs(NOW_MS + 2)).toBe(NOW_MS + GATEWAY_GATHER_MS_MAX);
  expect(isOver(round, NOW_MS + GATEWAY_GATHER_MS_MAX)).toBe(true);
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
  expect(round.endsAtMs(earlierMs)).toBe(earlierMs + GATEWAY_GATHER_MS_MAX);
});

test('after what was here has been sent, the next round is a new one', () => {
  const round = new PushRound();
  round.onPush(0, 2);
  round.endsAtMs(NOW_MS);
  round.end();
  expect(isOver(round, NOW_MS)).toBe(true);
  round.onPush(0, 2);
  expect(round.endsAtMs(NOW_MS + 100)).toBe(NOW_MS + 100 + GATEWAY_GATHER_MS_MAX);
});
