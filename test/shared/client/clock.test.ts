import { afterEach, expect, test, vi } from 'vitest';
import { createClock } from '../../../shared/client/clock.ts';

afterEach(() => vi.restoreAllMocks());

/** The platform's two clocks, moved by hand. */
function platform() {
  const at = { wallMs: 1_764_000_000_000, steadyMs: 5_000 };
  vi.spyOn(Date, 'now').mockImplementation(() => at.wallMs);
  vi.spyOn(performance, 'now').mockImplementation(() => at.steadyMs);
  return {
    clock: createClock(),
    pass(wallMs: number, steadyMs = wallMs) {
      at.wallMs += wallMs;
      at.steadyMs += steadyMs;
    },
  };
}

test('passes with the steady clock, and while that sleeps with the wall', () => {
  const { clock, pass } = platform();
  const startMs = clock.nowMs();
  const elapsedMs = () => clock.nowMs() - startMs;
  pass(100);
  expect(elapsedMs()).toBe(100);
  pass(3_600_000, 2);
  expect(elapsedMs()).toBe(3_600_100);
  expect(elapsedMs(), 'counted once').toBe(3_600_100);
  pass(3_600_000, 0);
  expect(elapsedMs()).toBe(7_200_100);
});

test('never goes back, and sees the sleep after the wall clock was set back', () => {
  const { clock, pass } = platform();
  const startMs = clock.nowMs();
  pass(-7_200_000, 50);
  expect(clock.nowMs() - startMs).toBe(50);
  pass(3_600_000, 0);
  expect(clock.nowMs() - startMs).toBe(3_600_050);
});

test('two clocks that differ a little make no time', () => {
  const { clock, pass } = platform();
  const startMs = clock.nowMs();
  for (let look = 0; look < 1_000; look++) {
    pass(look % 3 === 0 ? 1 : 0, 0.4);
    clock.nowMs();
  }
  expect(clock.nowMs() - startMs).toBeCloseTo(400);
});
