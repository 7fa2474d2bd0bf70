// The batch frame: round trips, golden bytes, and what happens to frames that were cut, altered or over a limit.
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { AppError } from '../../shared/errors.ts';
import {
  BATCH_HEADER_BYTES,
  BATCH_MAGIC,
  type Batch,
  type BatchParts,
  countTicks,
  decodeBatch,
  decodeTokenList,
  encodeBatch,
  encodeTokenList,
  signedPrefix,
  tokenListLength,
} from '../../shared/frame.ts';
import {
  BATCH_BYTES_MAX,
  BATCH_DEFINITIONS_MAX,
  BATCH_KNOWN_TOKENS_MAX,
  BATCH_TICKS_MAX,
} from '../../shared/limits.ts';
import {
  FORWARD_SOURCES,
  GREEKS_AT,
  GREEKS_STATUSES,
  GREEKS_WORDS,
  STATUS_STALE,
} from '../../shared/record-greeks.ts';
import { AT, FULL_RECORD_WORDS, RECORD_KIND } from '../../shared/tick.ts';
import { definitionOf, joinRecords, recordOf } from '../support/records.ts';
import { arbitraryRecord, arbitraryWord } from './arbitrary-records.ts';

const HEADER = { shard: 3, epoch: 1_764_000_000_123, seq: 7, boot: 99, demandVersion: 4, roundShards: 8 };

function partsOf(records: readonly Uint32Array[], more: Partial<BatchParts> = {}): BatchParts {
  const ticks = joinRecords(records);
  return {
    ...HEADER,
    ticks,
    tickWords: ticks.length,
    tickCount: records.length,
    definitions: [],
    ...more,
  };
}

const arbitraryTokens = fc
  .uniqueArray(fc.integer({ min: 1, max: 0xffff_ffff }), { minLength: 1, maxLength: 40 })
  .map((tokens) => tokens.sort((a, b) => a - b));

/** Text with quotes, control characters and every plane of Unicode; no lone surrogates, which UTF-8 does not have. */
const text = fc.string({ unit: 'grapheme', maxLength: 20 });

const arbitraryBatch = fc.record({
  header: fc.record({
    shard: arbitraryWord,
    epoch: fc.maxSafeNat(),
    seq: arbitraryWord,
    boot: arbitraryWord,
    demandVersion: arbitraryWord,
    roundShards: arbitraryWord,
  }),
  records: fc.array(arbitraryRecord(), { maxLength: 8 }),
  definitions: fc.array(
    fc
      .tuple(fc.integer({ min: 1, max: 0xffff_ffff }), text)
      .map(([token, symbol]) => definitionOf(token, symbol)),
    { maxLength: 4 },
  ),
  tokens: fc.option(arbitraryTokens, { nil: undefined }),
});

function encodeArbitrary({ header, records, definitions, tokens }: ArbitraryBatch): Uint8Array<ArrayBuffer> {
  const known = tokens ? { knownTokens: encodeTokenList(tokens) } : {};
  return encodeBatch(partsOf(records, { ...header, definitions, ...known }));
}
type ArbitraryBatch = typeof arbitraryBatch extends fc.Arbitrary<infer T> ? T : never;

/** The batch, or undefined when it was refused as it should be; any other error fails the test. */
function decodeOrRefuse(bytes: Uint8Array): Batch | undefined {
  try {
    return decodeBatch(bytes);
  } catch (error) {
    expect(error).toBeInstanceOf(AppError);
    expect((error as AppError).code).toBe('ingest_frame');
    return undefined;
  }
}

function refusal(bytes: Uint8Array): string {
  try {
    decodeBatch(bytes);
  } catch (error) {
    if (error instanceof AppError && error.code === 'ingest_frame') return error.message;
    throw error;
  }
  throw new Error('the frame was not refused');
}

describe('round trip', () => {
  test('what is encoded is decoded', () => {
    fc.assert(
      fc.property(arbitraryBatch, (batch) => {
        const { header, records, definitions, tokens } = batch;
        expect(decodeBatch(encodeArbitrary(batch))).toEqual({
          ...header,
          ticks: joinRecords(records),
          tickCount: records.length,
          definitions,
          ...(tokens ? { knownTokens: tokens } : {}),
        });
      }),
      { numRuns: 300 },
    );
  });

  test('from a view at any offset of a larger buffer, a Node Buffer of the pool included', () => {
    const bytes = encodeBatch(partsOf([recordOf(408_065, RECORD_KIND.full, { lastPrice: 5 })]));
    const expected = decodeBatch(bytes);
    for (let offset = 0; offset < 8; offset++) {
      const larger = new Uint8Array(bytes.length + 16).fill(0xff);
      larger.set(bytes, offset);
      expect(decodeBatch(larger.subarray(offset, offset + bytes.length))).toEqual(expected);
    }
    expect(decodeBatch(Buffer.from(bytes))).toEqual(expected);
  });

  test('the decoded ticks are a copy: the bytes may be used again', () => {
    const bytes = encodeBatch(partsOf([recordOf(408_065, RECORD_KIND.ltp, { lastPrice: 5 })]));
    const { ticks } = decodeBatch(bytes);
    bytes.fill(0);
    expect(ticks[AT.lastPrice / 4]).toBe(5);
  });

  test('only the first tickWords words of a longer buffer are sent', () => {
    const record = recordOf(408_065, RECORD_KIND.ltp, { lastPrice: 5 });
    const staging = new Uint32Array(100).fill(7);
    staging.set(record);
    const batch = decodeBatch(encodeBatch(partsOf([], { ticks: staging, tickWords: 6, tickCount: 1 })));
    expect(batch.ticks).toEqual(record);
  });

  test('golden bytes: a frame of today is read by every later version with this magic number', () => {
    const hex = readFileSync(new URL('../fixtures/batch-v1.hex', import.meta.url), 'utf8').replace(/\s/g, '');
    const parts = partsOf(
      [
        recordOf(408_065, RECORD_KIND.ltp, { lastPrice: 162_345 }),
        recordOf(256_265, RECORD_KIND.indexQuote, {
          lastPrice: 2_600_000,
          open: 1,
          high: 4,
          low: 2,
          close: 3,
        }),
      ],
      {
        definitions: [{ ...definitionOf(408_065, 'INFY'), name: 'INFOSYS “é”' }],
        knownTokens: encodeTokenList([1, 128, 408_065, 0xffff_ffff]),
      },
    );
    expect(Buffer.from(encodeBatch(parts)).toString('hex')).toBe(hex);
    expect(decodeBatch(Buffer.from(hex, 'hex')).knownTokens).toEqual([1, 128, 408_065, 0xffff_ffff]);
  });
});

describe('frames that are not what an encoder wrote', () => {
  const whole = encodeBatch(
    partsOf(
      [
        recordOf(408_065, RECORD_KIND.full, { lastPrice: 162_345, exchangeTimestamp: 1_764_000_000 }),
        recordOf(256_265, RECORD_KIND.indexFull, { lastPrice: 2_600_000 }),
        recordOf(738_561, RECORD_KIND.ltp, { lastPrice: 1 }),
      ],
      {
        definitions: [definitionOf(408_065, 'M&M "é"'), definitionOf(256_265)],
        knownTokens: encodeTokenList([256_265, 408_065, 738_561]),
      },
    ),
  );

  test('cut at every length: refused', () => {
    for (let length = 0; length < whole.length; length++) {
      expect(decodeOrRefuse(whole.subarray(0, length)), `length ${length}`).toBeUndefined();
    }
    expect(refusal(Uint8Array.from([...whole, 0]))).toContain(`frame of ${whole.length + 1} bytes says`);
  });

  test('with any single bit flipped: refused, or a batch that holds every rule', () => {
    // Ones behind the frame: a read past its end would be seen as a token or a count that is not there.
    const larger = new Uint8Array(whole.length + 64).fill(0xff);
    for (let bit = 0; bit < whole.length * 8; bit++) {
      larger.set(whole);
      larger[bit >> 3] = (larger[bit >> 3] as number) ^ (1 << (bit & 7));
      const batch = decodeOrRefuse(larger.subarray(0, whole.length));
      if (!batch) continue;
      expect(countTicks(batch.ticks)).toBe(batch.tickCount);
      for (const token of batch.knownTokens ?? []) {
        expect(Number.isInteger(token) && token > 0 && token <= 0xffff_ffff, `bit ${bit}`).toBe(true);
      }
      for (const { instrument_token: token, tradingsymbol, exchange } of batch.definitions) {
        expect(Number.isInteger(token) && token > 0).toBe(true);
        expect([typeof tradingsymbol, typeof exchange]).toEqual(['string', 'string']);
      }
    }
  });

  test('any bytes behind a right magic number: refused or a batch', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), arbitraryBatch, fc.nat(), (noise, batch, at) => {
        const bytes = encodeArbitrary(batch);
        bytes.set(
          noise.subarray(0, bytes.length - 4),
          4 + (at % Math.max(1, bytes.length - 4 - noise.length)),
        );
        decodeOrRefuse(bytes);
      }),
      { numRuns: 500 },
    );
  });

  test('another version is refused by its number', () => {
    const bytes = whole.slice();
    new DataView(bytes.buffer).setUint32(0, BATCH_MAGIC + 1, true);
    expect(refusal(bytes)).toBe('frame version 54454202, ours is 54454201');
    expect(refusal(new Uint8Array(BATCH_HEADER_BYTES - 1))).toBe('frame of 63 bytes has no header');
  });

  test('lengths whose sum is over 32 bits do not wrap round to fit', () => {
    const bytes = encodeBatch(partsOf([]));
    const view = new DataView(bytes.buffer);
    view.setUint32(32, 0x4000_0000, true);
    expect(refusal(bytes)).toBe('frame of 64 bytes says it has 4294967360');
  });

  test('ticks that no encoder could have written', () => {
    const tick = (fill: (record: Uint32Array) => void) => {
      const record = recordOf(408_065, RECORD_KIND.quote, { lastPrice: 1 }).slice();
      fill(record);
      return refusal(encodeBatch(partsOf([record])));
    };
    expect(tick((record) => record.fill(0, 0, 1))).toBe('tick 0: token 0');
    expect(tick((record) => record.fill(0, 1, 2))).toBe('tick 0: unknown kind 0');
    expect(tick((record) => record.fill(9, 1, 2))).toBe('tick 0: unknown kind 9');
    expect(tick((record) => record.fill(RECORD_KIND.full, 1, 2))).toBe('tick 0: ends past the section');
    expect(tick((record) => record.fill(256_265, 0, 1))).toBe('tick 0: kind 2 for token 256265');
    expect(tick((record) => record.fill(RECORD_KIND.indexQuote, 1, 2))).toBe(
      'tick 0: kind 4 for token 408065',
    );
    expect(tick((record) => record.fill(58_999, 2, 3))).toBe('tick 0: received in or after December 9999');
    expect(refusal(encodeBatch(partsOf([], { ticks: Uint32Array.of(5), tickWords: 1, tickCount: 1 })))).toBe(
      'tick 0: unknown kind undefined',
    );
    const record = recordOf(408_065, RECORD_KIND.ltp);
    expect(refusal(encodeBatch(partsOf([record], { tickCount: 2 })))).toBe('tick count is not 2');
    expect(refusal(encodeBatch(partsOf([record], { tickCount: 0 })))).toBe('0 ticks in 6 words');
  });

  test('Greeks of what has none, of no status or source, and floats that no row could carry', () => {
    const option = 10_271_490;
    const tick = (word: number, value: number, token = option) => {
      const record = recordOf(token, RECORD_KIND.optionFull, { lastPrice: 1 }).slice();
      record[FULL_RECORD_WORDS + word] = value;
      return refusal(encodeBatch(partsOf([record])));
    };
    for (const token of [408_065, 256_265])
      expect(tick(0, 0, token)).toBe(`tick 0: kind 6 for token ${token}`);
    for (const flags of [GREEKS_STATUSES.length, FORWARD_SOURCES.length << 8, 1 << 16, 1 << 31]) {
      expect(tick(0, flags)).toBe(`tick 0: flags ${flags >>> 0} of its Greeks`);
    }
    for (let word = GREEKS_AT.iv / 4; word < GREEKS_WORDS; word++) {
      for (const value of [1, 0x3f80_0040, 0x7f80_0000, 0xff80_0000, 0x7fff_ff80, 0x8000_0000]) {
        expect(tick(word, value)).toBe(`tick 0: ${value} as word ${word} of its Greeks`);
      }
    }
    const record = recordOf(option, RECORD_KIND.optionFull).slice();
    record.set([STATUS_STALE | (4 << 8), 0xffff_ffff, 0xffff_ffff, 0xff7f_ff80, 0x80], FULL_RECORD_WORDS);
    expect(decodeBatch(encodeBatch(partsOf([record]))).ticks).toEqual(record);
  });

  test('definitions that are not definitions', () => {
    const withDefinitions = (json: string | Uint8Array) => {
      const definitions = typeof json === 'string' ? new TextEncoder().encode(json) : json;
      const header = encodeBatch(partsOf([]));
      const bytes = new Uint8Array(header.length + definitions.length);
      bytes.set(header);
      bytes.set(definitions, header.length);
      new DataView(bytes.buffer).setUint32(36, definitions.length, true);
      return refusal(bytes);
    };
    expect(withDefinitions('{')).toBe('definitions are not UTF-8 JSON');
    expect(withDefinitions(Uint8Array.of(0x5b, 0x22, 0xff, 0x22, 0x5d))).toBe(
      'definitions are not UTF-8 JSON',
    );
    expect(withDefinitions('{}')).toBe('definitions are not a list');
    const incomplete = 'definition without instrument_token, tradingsymbol or exchange';
    for (const item of ['null', '1', '[]', '{"instrument_token":1,"tradingsymbol":"A"}']) {
      expect(withDefinitions(`[${item}]`), item).toBe(incomplete);
    }
    for (const token of ['0', '-1', '1.5', '4294967296', '"1"']) {
      const item = `{"instrument_token":${token},"tradingsymbol":"A","exchange":"NSE"}`;
      expect(withDefinitions(`[${item}]`), token).toBe(incomplete);
    }
  });
});

describe('limits', () => {
  test(`${BATCH_TICKS_MAX} full ticks and ${BATCH_DEFINITIONS_MAX} definitions are taken; one more of each is not`, () => {
    const records = (count: number) =>
      Array.from({ length: count }, (_, i) =>
        recordOf((i + 1) * 256 + 2, RECORD_KIND.full, { lastPrice: 1 }),
      );
    expect(decodeBatch(encodeBatch(partsOf(records(BATCH_TICKS_MAX)))).tickCount).toBe(BATCH_TICKS_MAX);
    expect(refusal(encodeBatch(partsOf(records(BATCH_TICKS_MAX + 1))))).toMatch(/^2001 ticks in/);
    const definitions = (count: number) => Array.from({ length: count }, (_, i) => definitionOf(i + 1));
    const most = encodeBatch(partsOf([], { definitions: definitions(BATCH_DEFINITIONS_MAX) }));
    expect(decodeBatch(most).definitions).toHaveLength(BATCH_DEFINITIONS_MAX);
    const over = encodeBatch(partsOf([], { definitions: definitions(BATCH_DEFINITIONS_MAX + 1) }));
    expect(refusal(over)).toBe('definitions: 501 of at most 500');
  });

  test('the known tokens of a whole shard are taken and fit a post; one token more is refused', () => {
    const tokens = Array.from({ length: BATCH_KNOWN_TOKENS_MAX + 1 }, (_, i) => (i + 1) * 42_000);
    const most = encodeBatch(
      partsOf([], { knownTokens: encodeTokenList(tokens.slice(0, BATCH_KNOWN_TOKENS_MAX)) }),
    );
    expect(most.length).toBeLessThan(BATCH_BYTES_MAX);
    expect(decodeBatch(most).knownTokens).toHaveLength(BATCH_KNOWN_TOKENS_MAX);
    const over = encodeBatch(partsOf([], { knownTokens: encodeTokenList(tokens) }));
    expect(refusal(over)).toBe(`token list: more than ${BATCH_KNOWN_TOKENS_MAX} tokens`);
  });
});

describe('token list', () => {
  test('round trip', () => {
    fc.assert(
      fc.property(arbitraryTokens, (tokens) => {
        expect(decodeTokenList(encodeTokenList(tokens), 40)).toEqual(tokens);
        expect(tokenListLength(encodeTokenList(tokens))).toBe(tokens.length);
      }),
      { numRuns: 300 },
    );
    expect(decodeTokenList(encodeTokenList([]), 0)).toEqual([]);
    expect(decodeTokenList(encodeTokenList([0xffff_ffff]), 1)).toEqual([0xffff_ffff]);
  });

  test('tokens must ascend and be above zero', () => {
    for (const tokens of [[0], [2, 1], [5, 5]]) expect(() => encodeTokenList(tokens)).toThrow(RangeError);
  });

  test('whatever is decoded is what an encoder wrote, byte for byte; all else is refused', () => {
    const refused = (bytes: number[]) => {
      try {
        decodeTokenList(Uint8Array.from(bytes), 1_000);
        return 'accepted';
      } catch (error) {
        expect(error).toBeInstanceOf(AppError);
        return (error as AppError).message;
      }
    };
    expect(refused([0x80])).toBe('token list: ends inside a token');
    expect(refused([0])).toBe('token list: bad token 0');
    expect(refused([0x81, 0x00])).toBe('token list: padded difference');
    expect(refused([0xff, 0xff, 0xff, 0xff, 0x1f])).toBe('token list: difference over 32 bits');
    expect(refused([0xff, 0xff, 0xff, 0xff, 0x0f, 0x01])).toBe('token list: bad token 4294967296');
    // Zeros without end: the weight of a byte would grow to infinity and the difference to no number at all.
    expect(refused([...new Array(200).fill(0x80), 0x01])).toBe('token list: difference over 32 bits');
    const bytes = fc.array(fc.oneof(fc.constantFrom(0, 1, 0x7f, 0x80, 0xff), fc.nat(255)), { maxLength: 12 });
    fc.assert(
      fc.property(bytes, (list) => {
        let tokens: number[];
        try {
          tokens = decodeTokenList(Uint8Array.from(list), 12);
        } catch (error) {
          expect(error).toBeInstanceOf(AppError);
          return;
        }
        expect([...encodeTokenList(tokens)]).toEqual(list);
      }),
      { numRuns: 2_000 },
    );
  });
});

test('a signature is bound to its time and path', () => {
  const decoder = new TextDecoder();
  expect(decoder.decode(signedPrefix(1_764_000_000_000, '/ingest/batch/3'))).toBe(
    '1764000000000\n/ingest/batch/3\n',
  );
});
