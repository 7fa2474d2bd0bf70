import { expect, test } from 'vitest';
import { type PulseReading, SegmentPulse } from '../../../ingest/core/segment-pulse.ts';
import { FEED_LIQUID_INSTRUMENTS_MIN, FEED_OBSERVE_MS, STALE_AFTER_MS } from '../../../shared/limits.ts';

const STALE_LOOKS = STALE_AFTER_MS / FEED_OBSERVE_MS;

function pulseOf(instruments: number, hasBenchmark = false) {
  const pulse = new SegmentPulse();
  let ticks = 0;
  /** One look per character: `x` with ticks, anything else without. */
  const look = (pattern: string, more: Partial<PulseReading> = {}) => {
    for (const character of pattern) {
      if (character === 'x') ticks++;
      pulse.observe({ instruments, hasBenchmark, ticks, isAlive: true, isOpen: true, ...more });
    }
    return pulse;
  };
  return { pulse, look };
}

const silence = (looks: number) => '.'.repeat(looks);

test('what has shown that it ticks each second is stalled after ten silent looks, and not after nine', () => {
  const { look } = pulseOf(1);
  look('x'.repeat(40));
  expect(look(silence(STALE_LOOKS - 1)).isStalled).toBe(false);
  expect(look('.').isStalled).toBe(true);
});

test.each([
  ['one unproven instrument', 1, false, false],
  ['one below the number that never rests', FEED_LIQUID_INSTRUMENTS_MIN - 1, false, false],
  ['so many that they never all rest', FEED_LIQUID_INSTRUMENTS_MIN, false, true],
  ['a benchmark', 1, true, true],
])('%s that never ticked: silent, and stalled or not', (_what, instruments, hasBenchmark, isStalled) => {
  const { look } = pulseOf(instruments, hasBenchmark);
  const pulse = look(silence(STALE_LOOKS));
  expect(pulse.isSilent).toBe(true);
  expect(pulse.isStalled).toBe(isStalled);
});

test('thin trading is never stalled, however it was before', () => {
  const { look } = pulseOf(5);
  look('x'.repeat(60));
  look('x..'.repeat(30));
  expect(look(silence(60)).isStalled).toBe(false);
});

test('cached packets after a subscription neither prove nor disprove anything, and do not end a stall', () => {
  const { pulse, look } = pulseOf(FEED_LIQUID_INSTRUMENTS_MIN, true);
  look(silence(STALE_LOOKS));
  look('xx');
  expect(pulse.isStalled).toBe(true);
  look(silence(30));
  look('x');
  expect(pulse.isStalled).toBe(true);
  look('xx');
  expect(pulse.isStalled).toBe(false);
  expect(pulse.isFlowing).toBe(true);
});

test('a stall that was proven by ticks alone outlives the cached packets of the socket that was opened anew', () => {
  const { pulse, look } = pulseOf(1);
  look('x'.repeat(40));
  look(silence(60));
  look('x');
  expect(pulse.isStalled).toBe(true);
  expect(look(silence(30)).isStalled).toBe(true);
});

test('the proof goes with the instruments that may have been the liquid ones', () => {
  const { look } = pulseOf(5);
  look('x'.repeat(40));
  look('x', { instruments: 4 });
  expect(look(silence(STALE_LOOKS), { instruments: 4 }).isStalled).toBe(false);
});

test('silence counts only in open session and on a living socket', () => {
  const closed = pulseOf(1, true);
  closed.look(silence(100), { isOpen: false });
  expect(closed.pulse.isSilent).toBe(false);
  expect(closed.look(silence(STALE_LOOKS - 1)).isStalled).toBe(false);
  expect(closed.look('.').isStalled).toBe(true);
  expect(closed.look('.', { isOpen: false }).isStalled).toBe(false);
  const dead = pulseOf(1, true);
  dead.look(silence(100), { isAlive: false });
  expect(dead.pulse.isStalled).toBe(false);
  expect(dead.look(silence(STALE_LOOKS)).isStalled).toBe(true);
  // It stays stalled while it is opened anew: only ticks show that it is not.
  expect(dead.look('..', { isAlive: false }).isStalled).toBe(true);
  expect(dead.look('xxx').isStalled).toBe(false);
});

test('ticks of before the first look are not news', () => {
  const pulse = new SegmentPulse();
  pulse.observe({ instruments: 1, hasBenchmark: false, ticks: 5_000, isAlive: true, isOpen: true });
  expect(pulse.hasTicked).toBe(false);
});
