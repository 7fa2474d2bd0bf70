// Rows: whatever a record becomes, the client has it, word by word.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SEGMENT } from '../../../shared/instrument.ts';
import { WIRE_ROW_BYTES_MAX } from '../../../shared/limits.ts';
import { greekWord } from '../../../shared/record-greeks.ts';
import {
  AT,
  FULL_RECORD_WORDS,
  isFullKind,
  isKindOfToken,
  type ModeRank,
  RECORD_KIND,
  RECORD_WORDS_MAX,
  type RecordKind,
  recordWords,
  writeReceivedAt,
} from '../../../shared/tick.ts';
import { FlushTimes } from '../../../shared/wire/flush-times.ts';
import { GREEK, STEPS_END, stepsOf, wordOfSteps } from '../../../shared/wire/greeks-model.ts';
import { RowEncoder } from '../../../shared/wire/row-encoder.ts';
import { scaleOf } from '../../../shared/wire/scale.ts';
import { recordOf } from '../../support/records.ts';
import {
  arbitraryFlags,
  arbitraryGreek,
  arbitraryRecord,
  arbitraryWord,
  KINDS,
} from '../arbitrary-records.ts';
import { FrameReader, heldRecord, recordAtRank, slotOf, TestSender } from './wire-connection.ts';

const OPTION = (40_000 << 8) | SEGMENT.NFO;
const FIRST_SEQ = 1_764_000_000_100;

/** One change of a record, as markets make them and as they do not. */
type Change =
  | { readonly do: 'move'; readonly word: number; readonly by: number }
  | { readonly do: 'set'; readonly word: number; readonly to: number }
  | { readonly do: 'shift'; readonly side: number; readonly by: number; readonly fresh: readonly number[] }
  | { readonly do: 'requote'; readonly side: number; readonly level: number; readonly by: number }
  | { readonly do: 'empty'; readonly side: number; readonly levels: number }
  | { readonly do: 'flag'; readonly flags: number }
  | { readonly do: 'step'; readonly greek: number; readonly by: number }
  | { readonly do: 'revalue'; readonly greek: number; readonly to: number }
  | { readonly do: 'become'; readonly record: Uint32Array }
  | { readonly do: 'wait'; readonly ms: number };

const arbitraryField = fc.integer({ min: AT.lastPrice / 4, max: FULL_RECORD_WORDS - 1 });
/** Words of Greeks that are floats. */
const arbitraryFloat = fc.integer({ min: GREEK.iv, max: GREEK.rho });
const small = fc.integer({ min: -40, max: 40 });

const arbitraryChange: fc.Arbitrary<Change> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('move' as const), word: arbitraryField, by: small }) },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.integer({ min: -5, max: 5_000 }) }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('shift' as const),
      side: fc.nat(1),
      by: fc.integer({ min: -4, max: 4 }),
      fresh: fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 15, maxLength: 15 }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('requote' as const),
      side: fc.nat(1),
      level: fc.nat(4),
      by: fc.integer({ min: -6, max: 6 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('empty' as const), side: fc.nat(1), levels: fc.nat(5) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('set' as const), word: arbitraryField, to: arbitraryWord }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('flag' as const), flags: arbitraryFlags }) },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('step' as const),
      greek: fc.integer({ min: GREEK.underlying, max: GREEK.rho }),
      by: fc.integer({ min: -3_000, max: 3_000 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('revalue' as const),
      greek: arbitraryFloat,
      to: arbitraryGreek,
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('become' as const), record: arbitraryRecord() }) },
);

/** Moves a side's levels by `by` places; those that come in are new ones of the given quantities. */
function shiftSide(
  record: Uint32Array,
  side: number,
  by: number,
  fresh: readonly number[],
  tick: number,
  lot: number,
) {
  const at = AT.depth / 4 + side * 15;
  const before = record.slice(at, at + 15);
  const direction = side === 0 ? -1 : 1;
  for (let level = 0; level < 5; level++) {
    const old = level + by;
    for (let word = 0; word < 3; word++) {
      const isKept = old >= 0 && old < 5;
      const near = (before[1] as number) + direction * tick * old * (fresh[level] as number);
      const value = word === 1 ? near : (fresh[5 + level * word] as number) * (word === 0 ? lot : 1);
      record[at + level * 3 + word] = isKept ? (before[old * 3 + word] as number) : Math.max(0, value);
    }
  }
}

function applyChange(before: Uint32Array, change: Change, tick: number, lot: number): Uint32Array {
  const record = before.slice();
  const kind = record[AT.kind / 4] as number;
  const words = recordWords(kind);
  const isIndexRecord = kind === RECORD_KIND.indexQuote || kind === RECORD_KIND.indexFull;
  switch (change.do) {
    case 'become': {
      // The token stays: an id is one instrument's. So does what its segment may have.
      const token = before[AT.token / 4] as number;
      if (!isKindOfToken(change.record[AT.kind / 4] as number, token)) return record;
      const next = change.record.slice();
      next[AT.token / 4] = token;
      return next;
    }
    case 'wait': {
      const view = new DataView(record.buffer);
      const high = record[AT.receivedAtHigh / 4] as number;
      const receivedAtMs = high * 2 ** 32 + (record[AT.receivedAtLow / 4] as number) + change.ms;
      writeReceivedAt(view, 0, Math.max(0, receivedAtMs));
      return record;
    }
    case 'shift':
      if (isFullKind(kind)) shiftSide(record, change.side, change.by, change.fresh, tick, lot);
      return record;
    case 'requote': {
      // One level is quoted some ticks off: among the others as a rule, sometimes past its neighbour.
      const priceAt = AT.depth / 4 + change.side * 15 + change.level * 3 + 1;
      if (isFullKind(kind)) record[priceAt] = Math.max(0, (record[priceAt] as number) + change.by * tick);
      return record;
    }
    case 'empty': {
      const at = AT.depth / 4 + change.side * 15;
      if (isFullKind(kind)) record.fill(0, at + change.levels * 3, at + 15);
      return record;
    }
    case 'flag':
      if (kind === RECORD_KIND.optionFull) record[GREEK.flags] = change.flags;
      return record;
    case 'revalue':
      if (kind === RECORD_KIND.optionFull) record[change.greek] = change.to;
      return record;
    case 'step': {
      if (kind !== RECORD_KIND.optionFull) return record;
      const { greek, by } = change;
      const before = record[greek] as number;
      if (greek < GREEK.iv) record[greek] = Math.max(0, before + by);
      else
        record[greek] = wordOfSteps(Math.max(1 - STEPS_END, Math.min(stepsOf(before) + by, STEPS_END - 1)));
      return record;
    }
    default: {
      const { word } = change;
      const isOfIndex = [AT.open, AT.high, AT.low, AT.close, AT.lastPrice, AT.exchangeTimestamp].includes(
        (word * 4) as 20,
      );
      if (word >= words || (isIndexRecord && !isOfIndex)) return record;
      const isPrice = word === AT.lastPrice / 4 || (word >= AT.open / 4 && word <= AT.close / 4);
      const unit = word >= AT.depth / 4 ? [lot, tick, 1][(word - AT.depth / 4) % 3] : isPrice ? tick : lot;
      record[word] =
        change.do === 'set'
          ? change.to
          : Math.max(0, (record[word] as number) + change.by * (unit as number));
      return record;
    }
  }
}

const arbitraryScale = fc
  .tuple(fc.constantFrom(1, 5, 10, 25_000), fc.constantFrom(1, 35, 65, 1_500))
  .map(([tick, lot]) => ({ tick, lot, scale: scaleOf(tick, lot) }));

/** Of a call at the money, a week before its expiry. */
const NEAT_GREEKS = [
  1 << 8,
  2_605_000,
  2_609_000,
  ...[13.5, 13.48, 13.52, 0.534, 0.00075, -12.7, 15.5, -0.052].map(greekWord),
];

/** A record as a market makes it: all in ticks and lots, levels some ticks apart. */
function neatRecord(kind: RecordKind, tick: number, lot: number): Uint32Array {
  const isIndexRecord = kind === RECORD_KIND.indexQuote || kind === RECORD_KIND.indexFull;
  const token = isIndexRecord ? (1_001 << 8) | SEGMENT.INDICES : OPTION;
  const [last, open, high, low, close] = [5_200, 5_000, 5_400, 4_800, 5_100].map((ticks) => ticks * tick);
  const record = recordOf(token, kind, { lastPrice: last, open, high, low, close } as Record<string, number>);
  if (!isFullKind(kind)) return record;
  for (let level = 0; level < 10; level++) {
    const at = AT.depth / 4 + level * 3;
    record[at] = (level + 2) * lot;
    record[at + 1] = (5_200 + 5 * (level < 5 ? -level : level - 4)) * tick;
    record[at + 2] = 1 + (level % 4);
  }
  if (kind === RECORD_KIND.optionFull) record.set(NEAT_GREEKS, GREEK.flags);
  return record;
}

const arbitraryLife = arbitraryScale.chain((scale) =>
  fc.record({
    scale: fc.constant(scale),
    start: fc.oneof(
      arbitraryRecord(),
      fc
        .constantFrom(RECORD_KIND.full, RECORD_KIND.optionFull, ...KINDS)
        .map((kind) => neatRecord(kind, scale.tick, scale.lot)),
    ),
    rank: fc.constantFrom<ModeRank>(3, 3, 2, 1),
    changes: fc.array(fc.array(arbitraryChange, { minLength: 0, maxLength: 4 }), {
      minLength: 1,
      maxLength: 20,
    }),
  }),
);

describe('every record of an instrument arrives as it was', () => {
  test('through any life, in any mode; and whoever joins with a keyframe has the same and goes on with the same rows', () => {
    fc.assert(
      fc.property(
        arbitraryLife,
        fc.nat(20),
        ({ start, scale: { scale, tick, lot }, rank, changes }, joinAt) => {
          const token = start[AT.token / 4] as number;
          const [sender, late] = [new TestSender(), new TestSender()];
          const [reader, lateReader] = [new FrameReader(), new FrameReader()];
          reader.assign(7, token, scale);
          lateReader.assign(200, token, scale);
          let record = start;
          let base: Uint32Array | undefined;
          for (const [i, step] of [[], ...changes].entries()) {
            for (const change of step) record = applyChange(record, change, tick, lot);
            const seq = FIRST_SEQ + i * 100;
            expect(reader.read(sender.frame(seq, [{ id: 7, record, scale, rank, base }]))).toBe(1);
            expect(heldRecord(reader, 7)).toEqual(recordAtRank(record, rank));
            if (i >= joinAt) {
              const lateBase = i > joinAt ? base : undefined;
              lateReader.read(late.frame(seq, [{ id: 200, record, scale, rank, base: lateBase }]));
              expect(heldRecord(lateReader, 200)).toEqual(heldRecord(reader, 7));
            }
            base = record;
          }
        },
      ),
      { numRuns: 2_000 },
    );
  });

  test('from any record to any other of the same instrument', () => {
    fc.assert(
      fc.property(arbitraryRecord(), arbitraryRecord(), arbitraryScale, (before, after, { scale }) => {
        const token = before[AT.token / 4] as number;
        fc.pre(isKindOfToken(after[AT.kind / 4] as number, token));
        after[AT.token / 4] = token;
        for (const rank of [1, 2, 3] as const) {
          const sender = new TestSender();
          const reader = new FrameReader();
          reader.assign(0, token, scale);
          reader.read(sender.frame(FIRST_SEQ, [{ id: 0, record: before, scale, rank }]));
          reader.read(sender.frame(FIRST_SEQ + 1, [{ id: 0, record: after, scale, rank, base: before }]));
          expect(heldRecord(reader, 0)).toEqual(recordAtRank(after, rank));
        }
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('sizes', () => {
  const rows = new RowEncoder(new Uint8Array(8_192));
  const times = new FlushTimes();

  function rowBytes(
    record: Uint32Array,
    base: Uint32Array | undefined,
    tick = 5,
    lot = 35,
    baseTimeMs = 1_764_000_000_000,
  ): number {
    times.start();
    times.add(baseTimeMs);
    rows.startFlush(times);
    const scale = scaleOf(tick, lot);
    return base
      ? rows.encode(0, slotOf(record), 0, slotOf(base), 0, 3, scale)
      : rows.encodeKeyframe(0, slotOf(record), 0, 3, scale);
  }

  const full = recordOf(OPTION, RECORD_KIND.full, { lastPrice: 26_000, volume: 700, averagePrice: 26_010 });

  test('a record that has not changed is two bytes', () => {
    expect(rowBytes(full, full)).toBe(2);
  });

  test('a book that moved by a level costs the levels that came in, not those that moved', () => {
    const moved = full.slice();
    shiftSide(moved, 0, 1, new Array(15).fill(1), 5, 75);
    // Four levels kept, one of them after a level that is gone, and one new: 29 bits with the rest of the row.
    expect(rowBytes(moved, full, 5, 75)).toBeLessThanOrEqual(5);
  });

  test('one value off the scale costs bytes, not its truth', () => {
    const odd = full.slice();
    odd[AT.lastPrice / 4] = 26_003;
    expect(rowBytes(odd, full)).toBeLessThanOrEqual(8);
  });

  test('the longest row is within its bound, and near it', () => {
    const low = new Uint32Array(RECORD_WORDS_MAX);
    low[AT.token / 4] = OPTION;
    low[AT.kind / 4] = RECORD_KIND.optionFull;
    const high = low.slice().fill(0xffff_ffff, AT.lastPrice / 4);
    // What is coded by another field of the same record is as far from it as can be.
    low[AT.volume / 4] = 0xffff_ffff;
    high[AT.volume / 4] = 0;
    high[AT.lastTradeTime / 4] = 1;
    for (const field of ['open', 'high', 'low', 'close', 'oiDayHigh', 'oiDayLow'] as const) {
      low[AT[field] / 4] = 1;
      high[AT[field] / 4] = 0;
    }
    for (let level = 0; level < 5; level++) {
      high[AT.depth / 4 + level * 3 + 1] = 0xffff_ffff - level * 0x3000_0000;
      high[AT.depth / 4 + 15 + level * 3 + 1] = 0x0fff_ffff + level * 0x3000_0000;
    }
    low[GREEK.underlying] = low[GREEK.forward] = 1;
    high[GREEK.flags] = 1;
    for (let word = GREEK.iv; word <= GREEK.rho; word++) {
      low[word] = wordOfSteps(1 - STEPS_END);
      high[word] = wordOfSteps(STEPS_END - 1);
    }
    const bytes = rowBytes(high, low, 1, 1, 58_999 * 2 ** 32 - 1);
    expect(bytes).toBeLessThanOrEqual(WIRE_ROW_BYTES_MAX);
    expect(bytes).toBeGreaterThan(0.9 * WIRE_ROW_BYTES_MAX);
  });

  test('no row is longer than its bound', () => {
    fc.assert(
      fc.property(
        arbitraryRecord([RECORD_KIND.full, RECORD_KIND.optionFull]),
        arbitraryRecord([RECORD_KIND.full, RECORD_KIND.optionFull]),
        (before, after) => {
          for (const record of [before, after]) writeReceivedAt(new DataView(record.buffer), 0, 0);
          expect(rowBytes(after, before)).toBeLessThanOrEqual(WIRE_ROW_BYTES_MAX);
          expect(rowBytes(after, undefined)).toBeLessThanOrEqual(WIRE_ROW_BYTES_MAX);
        },
      ),
    );
  });
});

test('a record that was received after the flush is a mistake of ours', () => {
  const rows = new RowEncoder(new Uint8Array(1_024));
  const times = new FlushTimes();
  times.start();
  times.add(999);
  rows.startFlush(times);
  const record = slotOf(recordOf(OPTION, RECORD_KIND.ltp, {}, 1_000));
  expect(() => rows.encodeKeyframe(0, record, 0, 1, scaleOf(5, 35))).toThrow(
    "received at 1000, after the flush's base time 999",
  );
});

test('kinds are cut down to the mode', () => {
  const kindOf = (kind: RecordKind, rank: ModeRank) =>
    recordAtRank(recordOf(OPTION, kind), rank)[AT.kind / 4] as RecordKind;
  const { ltp, quote, full, indexQuote, indexFull } = RECORD_KIND;
  expect(
    [ltp, quote, full, indexQuote, indexFull].map((kind) =>
      [1, 2, 3].map((rank) => kindOf(kind, rank as ModeRank)),
    ),
  ).toEqual([
    [ltp, ltp, ltp],
    [ltp, quote, quote],
    [ltp, quote, full],
    [ltp, indexQuote, indexQuote],
    [ltp, indexQuote, indexFull],
  ]);
});
