import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ReadingTurns } from '../../../worker/core/reading-turns.ts';

const INTERVAL_MS = 5_000;
const WAIT_MS_MAX = 1_000;
const NOW_MS = 1_764_000_000_000;

function begun(turns: ReadingTurns, nowMs: number) {
  const turn = turns.begin(nowMs);
  if (!turn) throw new Error(`no reading is due at ${nowMs - NOW_MS} ms`);
  return turn;
}

test('the first reads, the others wait until it has ended, and later ones find nothing to wait for', () => {
  const turns = new ReadingTurns(INTERVAL_MS, WAIT_MS_MAX);
  expect(turns.isAwaited(NOW_MS)).toBe(false);
  const turn = begun(turns, NOW_MS);
  expect(turns.begin(NOW_MS)).toBeUndefined();
  expect(turns.isAwaited(NOW_MS + 20)).toBe(true);
  turns.end(turn);
  expect(turns.isAwaited(NOW_MS + 20)).toBe(false);
  expect(turns.begin(NOW_MS + INTERVAL_MS - 1)).toBeUndefined();
  begun(turns, NOW_MS + INTERVAL_MS);
});

test('a reading whose request was given up is waited for up to the bound, and replaced when the next is due', () => {
  const turns = new ReadingTurns(INTERVAL_MS, WAIT_MS_MAX);
  const lost = begun(turns, NOW_MS);
  expect(turns.isAwaited(NOW_MS + WAIT_MS_MAX - 1)).toBe(true);
  expect(turns.isAwaited(NOW_MS + WAIT_MS_MAX)).toBe(false);
  begun(turns, NOW_MS + INTERVAL_MS);
  // One that was thought lost and ends after all does not end the next.
  turns.end(lost);
  expect(turns.isAwaited(NOW_MS + INTERVAL_MS + 1)).toBe(true);
});

test('a clock that was set back neither ends the readings nor prolongs a wait', () => {
  const turns = new ReadingTurns(INTERVAL_MS, WAIT_MS_MAX);
  begun(turns, NOW_MS);
  expect(turns.isAwaited(NOW_MS - 3_600_000)).toBe(false);
  begun(turns, NOW_MS - 3_600_000);
});

test('however many come, and whatever becomes of readings, one begins per interval and nobody waits for longer than the bound', () => {
  const arrivals = fc.array(fc.record({ gapMs: fc.nat(700), endsAfterMs: fc.option(fc.nat(3_000)) }), {
    maxLength: 200,
  });
  fc.assert(
    fc.property(arrivals, (list) => {
      const turns = new ReadingTurns(INTERVAL_MS, WAIT_MS_MAX);
      const begunAtMs: number[] = [];
      let ends: { atMs: number; end: () => void }[] = [];
      let nowMs = NOW_MS;
      for (const { gapMs, endsAfterMs } of list) {
        nowMs += gapMs;
        for (const { atMs, end } of ends) if (atMs <= nowMs) end();
        ends = ends.filter(({ atMs }) => atMs > nowMs);
        const turn = turns.begin(nowMs);
        if (turn) {
          begunAtMs.push(nowMs);
          if (endsAfterMs !== null) ends.push({ atMs: nowMs + endsAfterMs, end: () => turns.end(turn) });
        }
        let untilMs = nowMs;
        while (turns.isAwaited(untilMs)) untilMs += 50;
        expect(untilMs - nowMs).toBeLessThan(WAIT_MS_MAX + 50);
      }
      for (const [i, atMs] of begunAtMs.slice(1).entries()) {
        expect(atMs - (begunAtMs[i] as number)).toBeGreaterThanOrEqual(INTERVAL_MS);
      }
    }),
  );
});
