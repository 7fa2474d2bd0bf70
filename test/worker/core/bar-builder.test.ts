// Bars are what the ticks were: each tick in one bar, each bar closed once, in order, and what was not seen is said.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { InstrumentToken } from '../../../shared/instrument.ts';
import { BAR_GAP_MS_MAX, BAR_GRACE_MS, BAR_LIVE_1M_MS, BAR_LIVE_1S_MS } from '../../../shared/limits.ts';
import { RECORD_KIND, type RecordKind } from '../../../shared/tick.ts';
import { ALL_INTERVALS, type Bar } from '../../../worker/core/bar.ts';
import { BarBuilder } from '../../../worker/core/bar-builder.ts';
import { definitionOf, type RecordFields, recordOf } from '../../support/records.ts';

const SHARE = 738_561 as InstrumentToken;
const FUTURE = (256 * 500 + 2) as InstrumentToken;
const OPTION = 10_271_490 as InstrumentToken;
const OPTION_FULL = RECORD_KIND.optionFull;
const INDEX = 256_265 as InstrumentToken;
/** 10:00:00 in India. */
const TEN = Date.parse('2026-01-05T10:00:00+05:30');
const SECOND = 1;
const MINUTE = 2;

interface Seen {
  readonly receivedAtMs: number;
  readonly fields: RecordFields;
  readonly kind?: RecordKind;
}

/** A shard's batches: each signed at some time, with ticks that came before it. */
class Feed {
  readonly builder = new BarBuilder((token) => definitionOf(token));
  readonly told: Bar[] = [];
  readonly token: InstrumentToken;

  constructor(intervals: number, token = SHARE, clockMs = TEN - 3_000) {
    this.token = token;
    this.builder.setIntervals(token, intervals);
    this.batch(clockMs);
  }

  /** Returns what this batch tells. */
  batch(clockMs: number, ticks: readonly Seen[] = [], isNewSidecar = false): Bar[] {
    this.builder.beginBatch(clockMs, isNewSidecar);
    for (const { receivedAtMs, fields, kind = RECORD_KIND.quote } of ticks) {
      const record = recordOf(this.token, kind, fields, receivedAtMs);
      this.builder.addTick(this.token, new DataView(record.slice().buffer), 0);
    }
    const told = this.builder.endBatch();
    this.told.push(...told);
    return told;
  }

  /** A tick in a batch of its own, signed as it comes. */
  tick(receivedAtMs: number, fields: RecordFields, kind?: RecordKind): Bar[] {
    return this.batch(receivedAtMs, [{ receivedAtMs, fields, ...(kind ? { kind } : {}) }]);
  }

  /** Heartbeats, one a second, as the sidecar sends them. */
  idle(fromMs: number, toMs: number): void {
    for (let clockMs = fromMs + 1_000; clockMs < toMs; clockMs += 1_000) this.batch(clockMs);
  }

  get closed(): Bar[] {
    return this.told.filter(({ isClosed }) => isClosed);
  }
}

/** A feed whose instrument has been seen, so that what follows is whole. */
function warm(
  intervals = SECOND,
  token = SHARE,
  fields: RecordFields = { lastPrice: 100, volume: 1_000 },
): Feed {
  const feed = new Feed(intervals, token);
  feed.tick(TEN - 2_000, fields);
  feed.batch(TEN - 500);
  feed.told.splice(0);
  return feed;
}

describe('one bar', () => {
  test('open, extremes, close, volume since the last tick, count; starts where a second of India starts', () => {
    const feed = warm();
    for (const [ms, lastPrice, volume] of [
      [100, 105, 1_010],
      [300, 109, 1_010],
      [600, 99, 1_030],
      [900, 101, 1_031],
    ] as const) {
      feed.tick(TEN + ms, { lastPrice, volume });
    }
    feed.batch(TEN + 1_000 + BAR_GRACE_MS);
    expect(feed.closed).toEqual([
      {
        token: SHARE,
        tradingsymbol: `SYM${SHARE}`,
        exchange: 'NSE',
        interval: '1s',
        startMs: TEN,
        open: 105,
        high: 109,
        low: 99,
        close: 101,
        volume: 31,
        ticks: 4,
        isClosed: true,
        isPartial: false,
        previousStartMs: TEN - 2_000,
      },
    ]);
  });

  test('a new extreme of the day between two ticks is one of the bar, the day’s own extremes are not', () => {
    const day = { open: 90, high: 120, low: 80 };
    const feed = warm(SECOND, SHARE, { lastPrice: 100, volume: 5, ...day });
    feed.tick(TEN + 100, { lastPrice: 101, volume: 6, ...day });
    feed.tick(TEN + 200, { lastPrice: 102, volume: 7, ...day, high: 125 });
    feed.tick(TEN + 300, { lastPrice: 103, volume: 8, ...day, high: 125, low: 78 });
    feed.tick(TEN + 1_100, { lastPrice: 104, volume: 9, ...day, high: 125, low: 78 });
    feed.tick(TEN + 2_100, { lastPrice: 104, volume: 9, ...day, high: 125, low: 78 });
    expect(feed.closed.map(({ high, low }) => [high, low])).toEqual([
      [125, 78],
      [104, 104],
    ]);
  });

  test('open interest where there is one, no volume for an index', () => {
    const future = warm(MINUTE, FUTURE);
    future.tick(TEN, { lastPrice: 100, volume: 5, oi: 70 }, RECORD_KIND.full);
    future.tick(TEN + 500, { lastPrice: 100, volume: 5, oi: 90 }, RECORD_KIND.full);
    future.tick(TEN + 700, { lastPrice: 101, volume: 5 });
    future.batch(TEN + 60_000 + BAR_GRACE_MS);
    expect(future.closed.at(-1)).toMatchObject({ oi: 90, close: 101 });
    const index = warm(MINUTE, INDEX);
    index.tick(TEN, { lastPrice: 2_400_000 }, RECORD_KIND.indexQuote);
    index.tick(TEN + 60_000, { lastPrice: 2_400_100 }, RECORD_KIND.indexQuote);
    expect(index.closed.at(-1)).toMatchObject({ ticks: 1, open: 2_400_000 });
    expect(index.closed.at(-1)).not.toHaveProperty('volume');
    expect(index.closed.at(-1)).not.toHaveProperty('oi');
  });

  test('an option’s Greeks alone are no tick: no bar is told, none is opened, and a gap is not seen by them', () => {
    const fields = { lastPrice: 100, volume: 1_000, oi: 70, high: 110, low: 90 };
    const feed = warm(SECOND, OPTION);
    const greeks = (clockMs: number) =>
      feed.batch(clockMs, [{ receivedAtMs: TEN, fields, kind: OPTION_FULL }]);
    expect(feed.tick(TEN, fields, OPTION_FULL)).toHaveLength(1);
    expect(greeks(TEN + 600)).toEqual([]);
    expect(greeks(TEN + 1_000 + BAR_GRACE_MS)).toMatchObject([{ ticks: 1, volume: 0, isClosed: true }]);
    expect(greeks(TEN + 4_000)).toEqual([]);
    // Nothing was heard for long; the option's next tick has what happened meanwhile, which is not of its bar.
    const later = TEN + 4_000 + 2 * BAR_GAP_MS_MAX;
    expect(greeks(later)).toEqual([]);
    const [bar] = feed.tick(later + 100, { ...fields, volume: 5_000, high: 130 }, OPTION_FULL);
    expect(bar).toMatchObject({ open: 100, high: 100, volume: 0, ticks: 1 });
  });

  test('a price of zero is none', () => {
    const feed = warm();
    expect(feed.tick(TEN, { lastPrice: 0, volume: 9_000 })).toEqual([]);
  });
});

describe('the day’s volume', () => {
  const volumes = (list: readonly [ms: number, volume: number][]) => {
    const feed = warm(MINUTE);
    for (const [ms, volume] of list) feed.tick(TEN + ms, { lastPrice: 100, volume });
    return feed.builder.currentOf(SHARE, MINUTE)[0]?.volume;
  };

  test('a smaller one is a correction: counting goes on from where it was', () => {
    expect(
      volumes([
        [0, 1_010],
        [100, 1_005],
        [200, 1_012],
      ]),
    ).toBe(12);
  });

  test('the next day it starts anew', () => {
    const feed = warm(MINUTE);
    feed.tick(TEN, { lastPrice: 100, volume: 1_010 });
    const tomorrow = TEN + 23 * 3_600_000;
    for (let ms = TEN + 4_000; ms < tomorrow; ms += 4_000) feed.batch(ms);
    feed.tick(tomorrow, { lastPrice: 100, volume: 40 });
    feed.tick(tomorrow + 100, { lastPrice: 100, volume: 45 });
    expect(feed.builder.currentOf(SHARE, MINUTE)).toMatchObject([{ volume: 45, ticks: 2, isPartial: false }]);
  });
});

describe('closing', () => {
  test('by the clock after the grace, not before; by the next bar’s first tick at once', () => {
    const feed = warm();
    feed.tick(TEN + 100, { lastPrice: 100 });
    feed.batch(TEN + 1_000 + BAR_GRACE_MS - 1);
    expect(feed.closed).toEqual([]);
    feed.batch(TEN + 1_000 + BAR_GRACE_MS);
    expect(feed.closed).toHaveLength(1);
    feed.tick(TEN + 2_100, { lastPrice: 100 });
    feed.tick(TEN + 3_050, { lastPrice: 100 });
    expect(feed.closed.map(({ startMs }) => startMs)).toEqual([TEN, TEN + 2_000]);
    feed.batch(TEN + 9_000);
    feed.batch(TEN + 10_000);
    expect(feed.closed).toHaveLength(3);
  });

  test('a tick within the grace is the bar’s; one after it is the next bar’s, and nothing is reopened', () => {
    const feed = warm();
    feed.tick(TEN + 100, { lastPrice: 100 });
    feed.batch(TEN + 1_000 + BAR_GRACE_MS - 1, [{ receivedAtMs: TEN + 990, fields: { lastPrice: 110 } }]);
    feed.batch(TEN + 1_000 + BAR_GRACE_MS);
    feed.batch(TEN + 1_300, [{ receivedAtMs: TEN + 995, fields: { lastPrice: 120 } }]);
    feed.batch(TEN + 5_000, [{ receivedAtMs: TEN + 999, fields: { lastPrice: 130 } }]);
    feed.batch(TEN + 9_000);
    expect(feed.closed.map(({ startMs, close, ticks }) => [startMs - TEN, close, ticks])).toEqual([
      [0, 110, 2],
      [1_000, 120, 1],
      [5_000, 130, 1],
    ]);
  });

  test('each bar names the closed one before it, whatever lies between; the first of a memory names none', () => {
    const feed = new Feed(SECOND);
    for (const ms of [0, 1_000, 4_000, 4_600]) feed.tick(TEN + ms, { lastPrice: 100 });
    const [open] = feed.builder.currentOf(SHARE, SECOND);
    expect([...feed.closed, open].map((bar) => [bar?.startMs, bar?.previousStartMs])).toEqual([
      [TEN, undefined],
      [TEN + 1_000, TEN],
      [TEN + 4_000, TEN + 1_000],
    ]);
  });

  test('a second without a tick has no bar', () => {
    const feed = warm();
    for (const ms of [0, 3_500, 4_000]) feed.tick(TEN + ms, { lastPrice: 100 });
    feed.batch(TEN + 8_000);
    expect(feed.closed.map(({ startMs }) => startMs - TEN)).toEqual([0, 3_000, 4_000]);
  });
});

describe('open bars are told', () => {
  test('two a second of a second’s bar, four of a minute’s, the newest at the end of each pause', () => {
    for (const [intervals, pauseMs] of [
      [SECOND, BAR_LIVE_1S_MS],
      [MINUTE, BAR_LIVE_1M_MS],
    ] as const) {
      const feed = warm(intervals);
      const told: [ms: number, close: number][] = [];
      for (let ms = 0; ms < 10_000; ms += 10) {
        for (const bar of feed.tick(TEN + ms, { lastPrice: 1_000 + ms })) {
          if (!bar.isClosed) told.push([ms, bar.close]);
        }
      }
      expect(told.every(([ms, close]) => close === 1_000 + ms)).toBe(true);
      const pauses = told.slice(1).map(([ms], i) => ms - (told[i] as [number, number])[0]);
      expect(Math.min(...pauses)).toBeGreaterThanOrEqual(pauseMs);
      expect(told.length).toBeGreaterThan(8_000 / pauseMs);
    }
  });

  test('the last change before a silence too, with the next batch', () => {
    const feed = warm(MINUTE);
    feed.tick(TEN, { lastPrice: 100 });
    expect(feed.tick(TEN + 10, { lastPrice: 105 })).toEqual([]);
    expect(feed.batch(TEN + 1_000)).toMatchObject([{ close: 105, isClosed: false }]);
    expect(feed.batch(TEN + 2_000), 'once').toEqual([]);
  });
});

describe('what was not seen is said', () => {
  test('the first bar is partial, and tells no volume of before; the second is whole', () => {
    const feed = new Feed(ALL_INTERVALS);
    feed.tick(TEN + 100, { lastPrice: 100, volume: 5_000_000, high: 500, low: 1 });
    feed.tick(TEN + 1_100, { lastPrice: 100, volume: 5_000_010, high: 500, low: 1 });
    feed.idle(TEN + 1_100, TEN + 60_000);
    feed.tick(TEN + 60_000, { lastPrice: 100, volume: 5_000_011, high: 500, low: 1 });
    feed.idle(TEN + 60_000, TEN + 120_000);
    feed.tick(TEN + 120_000, { lastPrice: 100, volume: 5_000_011, high: 500, low: 1 });
    const of = (interval: string) =>
      feed.closed.flatMap((bar) =>
        bar.interval === interval ? [[bar.isPartial, bar.volume, bar.high]] : [],
      );
    expect(of('1s').slice(0, 2)).toEqual([
      [true, 0, 100],
      [false, 10, 100],
    ]);
    expect(of('1m')).toEqual([
      [true, 10, 100],
      [false, 1, 100],
    ]);
  });

  test('a value of before this memory makes no bar: its bar has been told', () => {
    const feed = new Feed(SECOND);
    feed.batch(TEN, [{ receivedAtMs: TEN - 40_000, fields: { lastPrice: 100, volume: 7 } }]);
    feed.batch(TEN + 2_000);
    expect(feed.told).toEqual([]);
  });

  test('a gap: bars that ended in it, and the first after it, which tells no volume of the gap', () => {
    for (const isNewSidecar of [false, true]) {
      const feed = warm();
      feed.tick(TEN + 100, { lastPrice: 100, volume: 1_001 });
      const afterMs = TEN + 100 + (isNewSidecar ? 1_500 : BAR_GAP_MS_MAX + 1);
      feed.batch(
        afterMs,
        [{ receivedAtMs: afterMs, fields: { lastPrice: 90, volume: 9_000, high: 200, low: 50 } }],
        isNewSidecar,
      );
      feed.tick(afterMs + 2_000, { lastPrice: 91, volume: 9_002, high: 200, low: 50 });
      feed.batch(afterMs + 5_000);
      expect(feed.closed.map(({ volume, high, isPartial }) => [volume, high, isPartial])).toEqual([
        [1, 100, true],
        [0, 90, true],
        [2, 91, false],
      ]);
    }
  });

  test('a gap within a bar hides nothing: volume and extremes are told by the next tick', () => {
    const feed = warm(MINUTE, SHARE, { lastPrice: 100, volume: 1_000, high: 100, low: 100 });
    feed.tick(TEN, { lastPrice: 100, volume: 1_001, high: 100, low: 100 });
    feed.tick(TEN + 20_000, { lastPrice: 100, volume: 1_500, high: 130, low: 100 });
    expect(feed.builder.currentOf(SHARE, MINUTE)).toMatchObject([
      { volume: 500, high: 130, isPartial: false },
    ]);
  });
});

test('the same tick again, in a batch whose first reply was lost, counts once', () => {
  const feed = warm();
  const tick = { receivedAtMs: TEN + 100, fields: { lastPrice: 105, volume: 1_005 } };
  feed.batch(TEN + 110, [tick]);
  feed.batch(TEN + 150, [tick]);
  expect(feed.builder.currentOf(SHARE, SECOND)).toMatchObject([{ ticks: 1, volume: 5 }]);
});

test('what nobody wants any more is forgotten, one interval without the other', () => {
  const feed = warm(ALL_INTERVALS);
  feed.tick(TEN, { lastPrice: 100 });
  feed.builder.setIntervals(SHARE, MINUTE);
  expect(feed.builder.currentOf(SHARE, ALL_INTERVALS).map(({ interval }) => interval)).toEqual(['1m']);
  feed.builder.setIntervals(SHARE, 0);
  expect(feed.batch(TEN + 70_000)).toEqual([]);
  expect(feed.tick(TEN + 70_100, { lastPrice: 100 })).toEqual([]);
});

describe('any sequence of ticks', () => {
  interface Tick {
    readonly ms: number;
    readonly price: number;
    readonly traded: number;
  }

  const sequence = fc.array(
    fc.record({
      afterMs: fc.oneof(
        { weight: 6, arbitrary: fc.integer({ min: 1, max: 400 }) },
        fc.integer({ min: 400, max: 4_000 }),
      ),
      price: fc.integer({ min: 1, max: 1_000 }),
      traded: fc.integer({ min: 0, max: 50 }),
      /** How long it waits for its batch. */
      waitMs: fc.integer({ min: 0, max: BAR_GRACE_MS - 1 }),
    }),
    { minLength: 1, maxLength: 80 },
  );

  /** The obvious way: ticks by interval. */
  function recomputed(ticks: readonly Tick[], intervalMs: number) {
    const bars = new Map<number, Tick[]>();
    for (const tick of ticks) {
      const startMs = Math.floor(tick.ms / intervalMs) * intervalMs;
      bars.set(startMs, [...(bars.get(startMs) ?? []), tick]);
    }
    return [...bars].map(([startMs, own]) => ({
      startMs,
      open: own[0]?.price,
      close: own.at(-1)?.price,
      high: Math.max(...own.map(({ price }) => price)),
      low: Math.min(...own.map(({ price }) => price)),
      volume: own.reduce((sum, { traded }) => sum + traded, 0),
      ticks: own.length,
    }));
  }

  test('gives the bars of a plain recomputation, each closed once, in order, nothing after it', () => {
    fc.assert(
      fc.property(sequence, (list) => {
        const feed = warm(ALL_INTERVALS);
        const ticks: Tick[] = [];
        let [ms, volume, clockMs] = [TEN, 1_000, TEN - 500];
        for (const { afterMs, price, traded, waitMs } of list) {
          feed.idle(clockMs, ms + afterMs);
          ms += afterMs;
          volume += traded;
          clockMs = Math.max(clockMs, ms + waitMs);
          ticks.push({ ms, price, traded });
          feed.batch(clockMs, [{ receivedAtMs: ms, fields: { lastPrice: price, volume } }]);
        }
        feed.idle(clockMs, clockMs + 70_000);
        for (const [interval, intervalMs] of [
          ['1s', 1_000],
          ['1m', 60_000],
        ] as const) {
          const told = feed.told.filter((bar) => bar.interval === interval);
          const closed = told.filter((bar) => bar.isClosed && bar.startMs >= TEN);
          expect(
            closed.map(({ startMs, open, close, high, low, volume: own, ticks: count }) => ({
              ...{ startMs, open, close, high, low },
              volume: own,
              ticks: count,
            })),
          ).toEqual(recomputed(ticks, intervalMs));
          for (const [i, bar] of told.entries()) {
            const before = told[i - 1];
            if (!before) continue;
            expect(bar.startMs, 'order').toBeGreaterThanOrEqual(before.startMs);
            if (bar.startMs === before.startMs) expect(before.isClosed, 'reopened').toBe(false);
            const closedBefore = told.slice(0, i).findLast((each) => each.isClosed);
            if (closedBefore) expect(bar.previousStartMs, 'chain').toBe(closedBefore.startMs);
          }
        }
      }),
      { numRuns: 300 },
    );
  });

  test('however late ticks come, none is lost and none counted twice', () => {
    const late = fc.array(
      fc.tuple(fc.integer({ min: 1, max: 3_000 }), fc.integer({ min: 0, max: 5_000 }), fc.nat(20)),
      { minLength: 1, maxLength: 60 },
    );
    fc.assert(
      fc.property(late, (list) => {
        const feed = warm(ALL_INTERVALS);
        let [clockMs, receivedAtMs, volume] = [TEN, TEN, 1_000];
        for (const [passMs, lateMs, traded] of list) {
          clockMs += passMs;
          receivedAtMs = Math.max(receivedAtMs + 1, clockMs - lateMs);
          clockMs = Math.max(clockMs, receivedAtMs);
          volume += traded;
          feed.batch(clockMs, [{ receivedAtMs, fields: { lastPrice: 100, volume } }]);
        }
        feed.idle(clockMs, clockMs + 70_000);
        for (const interval of ['1s', '1m']) {
          const closed = feed.closed.filter((bar) => bar.interval === interval && bar.startMs >= TEN);
          expect(closed.reduce((sum, { ticks }) => sum + ticks, 0)).toBe(list.length);
          expect(closed.reduce((sum, bar) => sum + (bar.volume ?? 0), 0)).toBe(volume - 1_000);
          expect(new Set(closed.map(({ startMs }) => startMs)).size).toBe(closed.length);
          expect(closed.map(({ startMs }) => startMs)).toEqual(
            closed.map(({ startMs }) => startMs).sort((a, b) => a - b),
          );
        }
      }),
      { numRuns: 300 },
    );
  });
});
