// Kite's frames of a flush: every record comes back as it was, as far as its mode goes, and frames are whole and bounded.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isIndex } from '../../../../shared/instrument.ts';
import { KITE_PACKET_BYTES } from '../../../../shared/kite-packet.ts';
import { FLUSH_ROWS_BYTES_MAX, ROWS_FRAME_BYTES_MAX } from '../../../../shared/limits.ts';
import {
  AT,
  FULL_RECORD_WORDS,
  kindAtRank,
  type ModeRank,
  RECORD_BYTES_MAX,
  RECORD_KIND,
  RECORD_WORDS_MAX,
  type RecordKind,
  recordWords,
} from '../../../../shared/tick.ts';
import { KiteRows } from '../../../../worker/dialects/kite/rows.ts';
import { kite } from '../../../../worker/dialects/kite.ts';
import { arbitraryRecord } from '../../../shared/arbitrary-records.ts';
import { packetsOf } from '../../../support/kite-frame.ts';
import { definitionOf, recordOf } from '../../../support/records.ts';

const DEFINITION = definitionOf(1);
const RANKS: readonly ModeRank[] = [1, 2, 3];

/** Records one behind the other in slots, as a gateway's store has them. */
function storeOf(records: readonly Uint32Array[]) {
  const words = new Uint32Array(records.length * RECORD_WORDS_MAX);
  for (const [slot, record] of records.entries()) words.set(record, slot * RECORD_WORDS_MAX);
  return { words, view: new DataView(words.buffer) };
}

function rowsOf(records: readonly Uint32Array[]): KiteRows {
  const rows = new KiteRows(storeOf(records));
  rows.startRows(1);
  return rows;
}

/** What a client in this mode can know of the record: neither the time of arrival nor Greeks are in the packet. */
function asSeenIn(record: Uint32Array, rank: ModeRank): Uint32Array {
  const own = kindAtRank(record[AT.kind / 4] as RecordKind, rank);
  const kind = own === RECORD_KIND.optionFull ? RECORD_KIND.full : own;
  const seen = record.slice(0, recordWords(kind));
  seen[AT.kind / 4] = kind;
  seen[AT.receivedAtHigh / 4] = 0;
  seen[AT.receivedAtLow / 4] = 0;
  return seen;
}

describe('rows', () => {
  test('every kind in every mode: what is sent is what there is, bit for bit', () => {
    const records = fc.array(arbitraryRecord(), { minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(records, fc.constantFrom(...RANKS), (given, rank) => {
        const rows = rowsOf(given);
        rows.startFrame();
        for (const slot of given.keys())
          expect(rows.add(rows.changeRow(slot, rank, 0, DEFINITION))).toBe(true);
        const packets = packetsOf(rows.frameFor());
        expect(packets.map(({ record }) => record)).toEqual(given.map((record) => asSeenIn(record, rank)));
      }),
      { numRuns: 1_000 },
    );
  });

  test('lengths are those of Kite, by mode and kind of instrument', () => {
    const { ltp, quote, full, indexQuote, indexFull } = KITE_PACKET_BYTES;
    const records = [
      recordOf(738_561, RECORD_KIND.full, { lastPrice: 5 }),
      recordOf(256_265, RECORD_KIND.indexFull, { lastPrice: 5 }),
      recordOf(738_561, RECORD_KIND.quote, { lastPrice: 5 }),
      recordOf(256_265, RECORD_KIND.indexQuote, { lastPrice: 5 }),
      recordOf(738_561, RECORD_KIND.ltp, { lastPrice: 5 }),
    ];
    const rows = rowsOf(records);
    const lengthsIn = (rank: ModeRank) => {
      rows.startFrame();
      for (const slot of records.keys()) rows.add(rows.changeRow(slot, rank, 0, DEFINITION));
      return packetsOf(rows.frameFor()).map(({ length }) => length);
    };
    expect(lengthsIn(1)).toEqual([ltp, ltp, ltp, ltp, ltp]);
    expect(lengthsIn(2)).toEqual([quote, indexQuote, quote, indexQuote, ltp]);
    // Less than the mode asks for is sent as what it is.
    expect(lengthsIn(3)).toEqual([full, indexFull, quote, indexQuote, ltp]);
    expect([ltp, indexQuote, indexFull, quote, full]).toEqual([8, 28, 32, 44, 184]);
  });

  test('an option with Greeks is a full packet, in which they are not', () => {
    const record = recordOf(10_271_490, RECORD_KIND.optionFull, { lastPrice: 23_195, oi: 7 }).slice();
    record.fill(0x3f80_0000, FULL_RECORD_WORDS);
    const plain = record.slice(0, FULL_RECORD_WORDS);
    plain[AT.kind / 4] = RECORD_KIND.full;
    const framesOf = (given: Uint32Array) =>
      RANKS.map((rank) => {
        const rows = rowsOf([given]);
        rows.startFrame();
        rows.add(rows.changeRow(0, rank, 0, DEFINITION));
        return rows.frameFor().slice();
      });
    expect(framesOf(record)).toEqual(framesOf(plain));
    expect(framesOf(record).map((frame) => frame.length - 4)).toEqual([8, 44, 184]);
  });

  test('an index packet has its signed change of price', () => {
    const rows = rowsOf([recordOf(256_265, RECORD_KIND.indexQuote, { lastPrice: 100, close: 250 })]);
    rows.startFrame();
    rows.add(rows.changeRow(0, 2, 0, DEFINITION));
    const frame = rows.frameFor();
    expect(new DataView(frame.buffer, frame.byteOffset).getInt32(4 + 24)).toBe(-150);
  });

  test('rows are full before their room is, whatever the last instrument adds in all modes', () => {
    const rows = rowsOf([recordOf(738_561, RECORD_KIND.full, { lastPrice: 5 })]);
    let made = 0;
    while (!rows.isFull) {
      for (const rank of RANKS) rows.changeRow(0, rank, 0, DEFINITION);
      made += RANKS.length;
    }
    expect(made).toBeGreaterThan(FLUSH_ROWS_BYTES_MAX / (2 + KITE_PACKET_BYTES.full));
    rows.startRows(2);
    expect(rows.isFull).toBe(false);
  });

  test('a row may be of a record that is in no slot', () => {
    const record = recordOf(738_561, RECORD_KIND.quote, { lastPrice: 7 });
    const words = new Uint32Array(3 + record.length);
    words.set(record, 3);
    const rows = rowsOf([]);
    rows.startFrame();
    rows.add(rows.keyframeRow({ words, view: new DataView(words.buffer) }, 3, 3, DEFINITION));
    expect(packetsOf(rows.frameFor())[0]?.record[AT.lastPrice / 4]).toBe(7);
    expect(RECORD_BYTES_MAX).toBe(RECORD_WORDS_MAX * 4);
  });
});

describe('frames', () => {
  test.each<[string, ModeRank, number]>([
    ['full', 3, 184],
    ['quote', 2, 44],
    ['ltp', 1, 8],
  ])('take packets up to their bound and no further: %s', (_, rank, bytes) => {
    const records = [recordOf(738_561, RECORD_KIND.full, { lastPrice: 5 })];
    const rows = rowsOf(records);
    const row = rows.changeRow(0, rank, 0, DEFINITION);
    rows.startFrame();
    let packets = 0;
    while (rows.add(row)) packets++;
    const frame = rows.frameFor();
    expect(packets).toBe(Math.floor((ROWS_FRAME_BYTES_MAX - 2) / (bytes + 2)));
    expect(frame.length).toBe(2 + packets * (bytes + 2));
    expect(packetsOf(frame)).toHaveLength(packets);
    // The count is two bytes: no frame has room for so many.
    expect(packets).toBeLessThan(0x1_0000);
    rows.startFrame();
    expect(rows.add(row)).toBe(true);
    expect(packetsOf(rows.frameFor())).toHaveLength(1);
  });

  test('of one flush have nothing of the one before', () => {
    const store = storeOf([recordOf(738_561, RECORD_KIND.ltp, { lastPrice: 5 })]);
    const rows = new KiteRows(store);
    const priceIn = (seq: number) => {
      rows.startRows(seq);
      rows.startFrame();
      rows.add(rows.changeRow(0, 3, 0, DEFINITION));
      return packetsOf(rows.frameFor()).map(({ record }) => record[AT.lastPrice / 4]);
    };
    expect(priceIn(1)).toEqual([5]);
    store.view.setUint32(AT.lastPrice, 0xffff_ffff, true);
    expect(priceIn(2)).toEqual([0xffff_ffff]);
  });
});

test('the dialect’s rows are these, its heartbeat is one zero byte, and it has no bars', () => {
  expect(isIndex(256_265)).toBe(true);
  expect(kite.heartbeat).toEqual(Uint8Array.of(0));
  expect(kite.encodeBar).toBeUndefined();
  if (kite.ticks.kind !== 'rows') throw new Error('Kite’s ticks are rows');
  expect(kite.ticks.createFormat(storeOf([]))).toBeInstanceOf(KiteRows);
});
