// A tick made from a record is what native JSON says of it, field by field.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { tickOfRecord } from '../../../shared/client/wire-tick.ts';
import { SEGMENT } from '../../../shared/instrument.ts';
import { isoOfMs } from '../../../shared/iso-time.ts';
import {
  AT,
  FULL_RECORD_WORDS,
  RECORD_KIND,
  RECORD_WORDS_MAX,
  writeReceivedAt,
} from '../../../shared/tick.ts';
import { encodeTick } from '../../../worker/dialects/native-json/tick.ts';
import { definitionOf, recordOf } from '../../support/records.ts';
import { arbitraryRecord, KINDS } from '../arbitrary-records.ts';

/** Any time that ISO 8601 writes with four digits of a year. */
const receivedAt = fc.integer({ min: 0, max: Date.UTC(10_000, 0) - 1 });
/** Records as they come: much of them zero, and prices near each other. */
const sparse = fc
  .tuple(arbitraryRecord(), fc.array(fc.nat(3), { minLength: RECORD_WORDS_MAX, maxLength: RECORD_WORDS_MAX }))
  .map(([record, choices]) => {
    const near = [0, 1, 250_000, 250_005];
    const isKept = (at: number) => at <= AT.seq / 4 || (at >= FULL_RECORD_WORDS && choices[at] !== 0);
    // Zeros among Greeks are absences; what else is there is what there can be.
    return record.map((word, at) => {
      if (isKept(at)) return word;
      return at >= FULL_RECORD_WORDS ? 0 : (near[choices[at] ?? 0] as number);
    });
  });

test('any record', () => {
  fc.assert(
    fc.property(
      fc.oneof(arbitraryRecord(), sparse),
      receivedAt,
      fc.nat(),
      fc.nat(3),
      (record, receivedAtMs, seq, slot) => {
        const words = new Uint32Array((slot + 1) * RECORD_WORDS_MAX);
        const at = slot * RECORD_WORDS_MAX;
        words.set(record, at);
        writeReceivedAt(new DataView(words.buffer), at * 4, receivedAtMs);
        const names = { tradingsymbol: 'M&M "B"', exchange: 'NSE' };
        const definition = { ...definitionOf(record[0] as number), ...names };
        const text = encodeTick(new DataView(words.buffer), at * 4, 3, definition, seq);
        expect(tickOfRecord(words, at, names, seq)).toStrictEqual(JSON.parse(text).data);
      },
    ),
    { numRuns: 5_000 },
  );
});

test.each(KINDS)('kind %i with nothing in it has what it must', (kind) => {
  const segment = kind === RECORD_KIND.indexQuote || kind === RECORD_KIND.indexFull ? SEGMENT.INDICES : 3;
  const record = recordOf((5 << 8) | segment, kind);
  const words = new Uint32Array(RECORD_WORDS_MAX);
  words.set(record.subarray(0, AT.lastPrice / 4));
  const names = { tradingsymbol: 'A', exchange: 'CDS' };
  const definition = { ...definitionOf(record[0] as number), ...names };
  const text = encodeTick(new DataView(words.buffer), 0, 3, definition, 7);
  expect(tickOfRecord(words, 0, names, 7)).toStrictEqual(JSON.parse(text).data);
});

test('a tick keeps nothing of the record', () => {
  const words = recordOf(261, RECORD_KIND.full, { lastPrice: 100 });
  const tick = tickOfRecord(words, 0, { tradingsymbol: 'A', exchange: 'NSE' }, 7);
  const before = structuredClone(tick);
  words.fill(0x7fff_ffff);
  expect(tick).toEqual(before);
});

test('times are written as the platform writes them', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 2 ** 48 }), (ms) => {
      expect(isoOfMs(ms)).toBe(new Date(ms).toISOString());
    }),
  );
});
