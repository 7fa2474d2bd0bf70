// Arbitrary tick records and definitions for property tests: every kind, every segment, the whole range of each field.
import fc from 'fast-check';
import { SEGMENT } from '../../shared/instrument.ts';
import {
  FORWARD_SOURCES,
  GREEK_ZERO_BITS,
  GREEKS_STATUSES,
  GREEKS_WORDS,
  isGreekWord,
} from '../../shared/record-greeks.ts';
import {
  AT,
  FULL_RECORD_WORDS,
  isFullKind,
  isKindOfToken,
  RECORD_KIND,
  RECORD_WORDS_MAX,
  type RecordKind,
  recordWords,
} from '../../shared/tick.ts';

/** Any uint32, with the ends of the signed and the unsigned range often among them. */
export const arbitraryWord: fc.Arbitrary<number> = fc.oneof(
  fc.constantFrom(0, 1, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff),
  fc.nat(0xffff_ffff),
);

export const KINDS: readonly RecordKind[] = Object.values(RECORD_KIND);

/** Segments that Kite names, and 12, which occurs and is named nowhere. */
export const SEGMENTS: readonly number[] = [...Object.values(SEGMENT), 12];

/** Flags of Greeks, with every status and source that there is. */
export const arbitraryFlags: fc.Arbitrary<number> = fc
  .tuple(fc.nat(GREEKS_STATUSES.length - 1), fc.nat(FORWARD_SOURCES.length - 1))
  .map(([status, source]) => status | (source << 8));

/** Any float that a Greek can be, with the ends of both signs often among them. */
export const arbitraryGreek: fc.Arbitrary<number> = fc
  .oneof(
    fc.constantFrom(0, 1, 0x00ff_ffff >>> GREEK_ZERO_BITS, 0xff_0000 - 1, 0x1fe_ffff, 0x100_0001),
    fc.nat(0x1ff_ffff),
  )
  .map((steps) => (steps << GREEK_ZERO_BITS) >>> 0)
  .filter(isGreekWord);

const arbitraryGreeks: fc.Arbitrary<number[]> = fc
  .tuple(
    arbitraryFlags,
    arbitraryWord,
    arbitraryWord,
    fc.array(arbitraryGreek, { minLength: GREEKS_WORDS - 3, maxLength: GREEKS_WORDS - 3 }),
  )
  .map(([flags, underlying, forward, floats]) => [flags, underlying, forward, ...floats]);

/** A token above zero of a segment in which records of this kind exist. */
export function arbitraryToken(kind: RecordKind): fc.Arbitrary<number> {
  return fc
    .tuple(
      fc.oneof(fc.constantFrom(0, 1, 0x7f_ffff, 0x80_0000, 0xff_ffff), fc.nat(0xff_ffff)),
      fc.constantFrom(...SEGMENTS.filter((segment) => isKindOfToken(kind, segment))),
    )
    .map(([exchangeToken, segment]) => exchangeToken * 256 + segment);
}

/** Words that an index record has and no index packet carries. */
const INDEX_EMPTY = [
  AT.lastQuantity,
  AT.averagePrice,
  AT.volume,
  AT.buyQuantity,
  AT.sellQuantity,
  AT.lastTradeTime,
  AT.oi,
  AT.oiDayHigh,
  AT.oiDayLow,
];

/** A record as a decoder would make it: fields that its kind does not carry are zero, orders fit 16 bits, seq is 0. */
export function arbitraryRecord(kinds: readonly RecordKind[] = KINDS): fc.Arbitrary<Uint32Array> {
  return fc.constantFrom(...kinds).chain((kind) =>
    fc
      .record({
        token: arbitraryToken(kind),
        words: fc.array(arbitraryWord, { minLength: RECORD_WORDS_MAX, maxLength: RECORD_WORDS_MAX }),
        receivedAtMs: fc.integer({ min: 0, max: 58_999 * 2 ** 32 - 1 }),
        greeks: arbitraryGreeks,
      })
      .map(({ token, words, receivedAtMs, greeks }) => {
        const record = Uint32Array.from(words).subarray(0, recordWords(kind));
        record[AT.token / 4] = token;
        record[AT.kind / 4] = kind;
        record[AT.receivedAtHigh / 4] = Math.floor(receivedAtMs / 0x1_0000_0000);
        record[AT.receivedAtLow / 4] = receivedAtMs % 0x1_0000_0000;
        record[AT.seq / 4] = 0;
        if (isFullKind(kind)) {
          for (let at = AT.depth / 4 + 2; at < FULL_RECORD_WORDS; at += 3)
            record[at] = (record[at] ?? 0) % 0x1_0000;
        }
        if (kind === RECORD_KIND.optionFull) record.set(greeks, FULL_RECORD_WORDS);
        if (kind === RECORD_KIND.indexQuote || kind === RECORD_KIND.indexFull) {
          for (const offset of INDEX_EMPTY) if (offset / 4 < record.length) record[offset / 4] = 0;
        }
        return record;
      }),
  );
}
