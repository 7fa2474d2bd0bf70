// History: the same path for every interval, in trading hours, never ahead of the clock.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  type CandleSource,
  candleHistory,
  isCandleInterval,
  WAVE_HEIGHT_SUM,
} from '../../../../ingest/simulator/core/candle-history.ts';
import { istStamp } from '../../../../ingest/simulator/core/expiry-calendar.ts';

const source: CandleSource = {
  key: 77,
  close: 154_510,
  tick: 10,
  lot: 1,
  amplitude: 0.08,
  minuteLots: 1_000,
  openInterest: 0,
};
const at = (ist: string) => Date.parse(`${ist}+05:30`);
const now = at('2026-11-23T12:00:30');

test('a trading day has 375 minutes, 25 quarters of an hour, seven hours and one day', () => {
  const count = (interval: Parameters<typeof candleHistory>[1]) =>
    candleHistory(source, interval, at('2026-11-20T00:00:00'), at('2026-11-20T23:59:59'), now).length;
  expect([count('minute'), count('15minute'), count('60minute'), count('day')]).toEqual([375, 25, 7, 1]);
});

test('candles of any interval are made of the same minutes', () => {
  fc.assert(
    fc.property(
      fc.constantFrom('3minute', '5minute', '10minute', '15minute', '30minute', '60minute', 'day'),
      fc.integer({ min: 0, max: 0xffff_ffff }),
      (interval, key) => {
        expect(isCandleInterval(interval)).toBe(true);
        const span = [at('2026-11-18T00:00:00'), at('2026-11-20T23:59:59'), now] as const;
        const minutes = candleHistory({ ...source, key }, 'minute', ...span);
        const candles = candleHistory({ ...source, key }, interval as 'day', ...span);
        const sum = (list: typeof candles) => list.reduce((total, { volume }) => total + volume, 0);
        expect(sum(candles)).toBe(sum(minutes));
        expect(Math.max(...candles.map(({ high }) => high))).toBe(
          Math.max(...minutes.map(({ high }) => high)),
        );
        expect(Math.min(...candles.map(({ low }) => low))).toBe(Math.min(...minutes.map(({ low }) => low)));
        expect(candles[0]?.open).toBe(minutes[0]?.open);
        expect(candles.at(-1)?.close).toBe(minutes.at(-1)?.close);
      },
    ),
    { numRuns: 40 },
  );
});

test('prices are on the grid, in order, and inside the range of the close', () => {
  const candles = candleHistory(source, '30minute', at('2026-06-01T00:00:00'), now, now);
  const reach = Math.exp(source.amplitude * WAVE_HEIGHT_SUM);
  expect(candles.length).toBeGreaterThan(1_500);
  for (const { open, high, low, close } of candles) {
    for (const price of [open, high, low, close]) expect(price % source.tick).toBe(0);
    expect(low).toBeLessThanOrEqual(Math.min(open, close));
    expect(high).toBeGreaterThanOrEqual(Math.max(open, close));
    expect(high).toBeLessThan(source.close * reach + 5 * source.tick);
    expect(low).toBeGreaterThan(source.close / reach - 5 * source.tick);
  }
});

test('nothing at weekends, nothing after now, and the running candle is there', () => {
  expect(candleHistory(source, 'minute', at('2026-11-21T00:00:00'), at('2026-11-22T23:59:59'), now)).toEqual(
    [],
  );
  const today = candleHistory(source, '60minute', at('2026-11-23T00:00:00'), at('2026-11-24T23:59:59'), now);
  expect(today.map(({ startMs }) => istStamp(startMs).slice(11))).toEqual([
    '09:15:00',
    '10:15:00',
    '11:15:00',
  ]);
  expect(candleHistory(source, 'day', at('2026-11-24T00:00:00'), at('2026-11-30T00:00:00'), now)).toEqual([]);
});

test('bounds are those of the candle’s start', () => {
  const candles = candleHistory(source, 'minute', at('2026-11-20T09:20:00'), at('2026-11-20T09:22:59'), now);
  expect(candles.map(({ startMs }) => istStamp(startMs).slice(11))).toEqual([
    '09:20:00',
    '09:21:00',
    '09:22:00',
  ]);
});
