// Frames at the client: golden bytes, and what becomes of those that were cut, altered, lost, or of another version.
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { AppError, type ErrorCode } from '../../../shared/errors.ts';
import { SEGMENT } from '../../../shared/instrument.ts';
import { WIRE_FRAME_BYTES_MAX, WIRE_ROW_IDS_MAX } from '../../../shared/limits.ts';
import { AT, RECORD_KIND, RECORD_WORDS_MAX, readTick } from '../../../shared/tick.ts';
import { BitWriter } from '../../../shared/wire/bit-writer.ts';
import { FlushTimes } from '../../../shared/wire/flush-times.ts';
import { FRAME_BYTES_MIN, FrameWriter, fletcher16 } from '../../../shared/wire/frame.ts';
import { FrameReader } from '../../../shared/wire/frame-reader.ts';
import { scaleOf } from '../../../shared/wire/scale.ts';
import { recordOf } from '../../support/records.ts';
import { arbitraryRecord } from '../arbitrary-records.ts';
import { heldRecord, recordAtRank, type SentRow, TestSender } from './wire-connection.ts';

const OPTION = (40_123 << 8) | SEGMENT.NFO;
const SHARE = (1_594 << 8) | SEGMENT.NSE;
const INDEX = (1_001 << 8) | SEGMENT.INDICES;
const SCALES = { option: scaleOf(5, 75), share: scaleOf(10, 1), index: scaleOf(1, 1) };
const SEQ = 1_795_405_200_140;
const RECEIVED_AT_MS = 1_795_405_200_100;

const option = recordOf(
  OPTION,
  RECORD_KIND.full,
  {
    lastPrice: 18_245,
    lastQuantity: 75,
    averagePrice: 18_102,
    volume: 912_450,
    buyQuantity: 412_500,
    sellQuantity: 388_125,
    open: 17_900,
    high: 18_600,
    low: 17_350,
    close: 18_050,
    lastTradeTime: 1_795_405_199,
    oi: 1_230_000,
    oiDayHigh: 1_245_000,
    oiDayLow: 1_180_500,
    exchangeTimestamp: 1_795_405_200,
  },
  RECEIVED_AT_MS,
);
for (const [at, price] of [
  18_240, 18_235, 18_225, 18_220, 18_210, 18_255, 18_260, 18_275, 18_280, 18_290,
].entries()) {
  option[AT.depth / 4 + at * 3] = (at + 1) * 75;
  option[AT.depth / 4 + at * 3 + 1] = price;
  option[AT.depth / 4 + at * 3 + 2] = 1 + (at % 3);
}
const share = recordOf(SHARE, RECORD_KIND.ltp, { lastPrice: 154_510 }, RECEIVED_AT_MS - 3);
const index = recordOf(
  INDEX,
  RECORD_KIND.indexQuote,
  { lastPrice: 2_606_815, open: 2_601_200, high: 2_611_000, low: 2_598_135, close: 2_604_690 },
  RECEIVED_AT_MS,
);

/** Both move on: the option trades a tick lower and its best bid is gone, the share is a tick up. */
const optionNext = option.slice();
optionNext.set([18_240, 150, 18_102, 912_600, 412_425, 388_200], AT.lastPrice / 4);
optionNext[AT.receivedAtLow / 4] = (option[AT.receivedAtLow / 4] as number) + 98;
optionNext[AT.lastTradeTime / 4] = 1_795_405_200;
optionNext.copyWithin(AT.depth / 4, AT.depth / 4 + 3, AT.depth / 4 + 15);
optionNext.set([300, 18_205, 2], AT.depth / 4 + 12);
optionNext[AT.depth / 4 + 15] = 525;
const shareNext = recordOf(SHARE, RECORD_KIND.ltp, { lastPrice: 154_520 }, RECEIVED_AT_MS + 96);

const FIRST: readonly SentRow[] = [
  { id: 0, record: option, scale: SCALES.option, rank: 3 },
  { id: 1, record: share, scale: SCALES.share, rank: 1 },
  { id: 300, record: index, scale: SCALES.index, rank: 2 },
];
const SECOND: readonly SentRow[] = [
  { id: 1, record: shareNext, scale: SCALES.share, rank: 1, base: share },
  { id: 0, record: optionNext, scale: SCALES.option, rank: 3, base: option },
];

function newReader(): FrameReader {
  const reader = new FrameReader();
  reader.assign(0, OPTION, SCALES.option);
  reader.assign(1, SHARE, SCALES.share);
  reader.assign(300, INDEX, SCALES.index);
  return reader;
}

let sender: TestSender;
let reader: FrameReader;
let first: Uint8Array;
let second: Uint8Array;

beforeEach(() => {
  sender = new TestSender();
  reader = newReader();
  first = sender.frame(SEQ, FIRST);
  second = sender.frame(SEQ + 100, SECOND);
});

/** The code and text of the refusal; fails on any other error, and when there is none. */
function refusal(frame: Uint8Array, by = reader): { code: ErrorCode; message: string } {
  try {
    by.read(frame);
  } catch (error) {
    if (error instanceof AppError) return { code: error.code, message: error.message };
    throw error;
  }
  throw new Error('the frame was not refused');
}

/** The frame with its check made right again after a change. */
function checked(frame: Uint8Array): Uint8Array {
  const end = frame.length - 2;
  const check = fletcher16(frame, end);
  frame[end] = check;
  frame[end + 1] = check >>> 8;
  return frame;
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

function tickOf(id: number) {
  return readTick(reader.view as DataView<ArrayBuffer>, reader.byteOffset(id));
}

describe('golden bytes', () => {
  const golden = readFileSync(new URL('../../fixtures/wire-v1.hex', import.meta.url), 'utf8')
    .trim()
    .split('\n');

  test('today`s encoder writes them', () => {
    expect([hex(first), hex(second)]).toEqual(golden);
  });

  test('every later reader of version 1 reads them', () => {
    const [one, two] = golden.map((line) => Buffer.from(line, 'hex')) as [Buffer, Buffer];
    expect(reader.read(one)).toBe(3);
    expect([...reader.ids.subarray(0, 3)]).toEqual([0, 1, 300]);
    expect(reader.seq).toBe(SEQ);
    expect(heldRecord(reader, 0)).toEqual(recordAtRank(option, 3));
    expect(heldRecord(reader, 300)).toEqual(recordAtRank(index, 2));
    expect(reader.read(two)).toBe(2);
    expect(reader.seq).toBe(SEQ + 100);
    expect(heldRecord(reader, 0)).toEqual(recordAtRank(optionNext, 3));
    expect(tickOf(1)).toEqual({
      token: SHARE,
      mode: 'ltp',
      receivedAtMs: RECEIVED_AT_MS + 96,
      seq: 0,
      lastPrice: 154_520,
    });
    expect(tickOf(300)).toMatchObject({ token: INDEX, mode: 'quote', high: 2_611_000 });
  });

  test('the description of the format has them', () => {
    const page = readFileSync(new URL('../../../docs/wire.md', import.meta.url), 'utf8');
    const spaced = golden.map((line) => line.match(/../g)?.join(' '));
    const text = page.replace(/\s+/g, ' ');
    for (const bytes of spaced) expect(text).toContain(bytes);
  });

  test('the check is Fletcher-16 as everybody has it', () => {
    const text = new TextEncoder().encode('abcdefgh');
    expect([5, 6, 8].map((length) => fletcher16(text, length).toString(16))).toEqual(['c8f0', '2057', '627']);
    const ones = new Uint8Array(1_000_000).fill(0xfe);
    // 254 is -1 modulo 255: the sums are those of a million times -1.
    expect(fletcher16(ones, 1_000_000)).toBe(
      ((255 - (((1_000_000 * 1_000_001) / 2) % 255)) << 8) | (255 - (1_000_000 % 255)),
    );
  });
});

describe('frames that are not what was sent', () => {
  test('one that is cut off anywhere is refused, and nothing of it is believed', () => {
    reader.read(first);
    for (let length = 0; length < second.length; length++) {
      const cut = newReader();
      cut.read(first);
      const { code } = refusal(second.subarray(0, length), cut);
      expect(code).toBe(length < FRAME_BYTES_MIN ? 'frame_truncated' : 'frame_invalid');
      expect(cut.isLost).toBe(true);
      expect(heldRecord(cut, 0)).toEqual(heldRecord(reader, 0));
      expect(heldRecord(cut, 1)).toEqual(heldRecord(reader, 1));
    }
  });

  test('one with any bit turned is refused, and nothing of it is believed', () => {
    for (let bit = 0; bit < second.length * 8; bit++) {
      const turned = second.slice();
      turned[bit >>> 3] = (turned[bit >>> 3] as number) ^ (0x80 >>> (bit & 7));
      const other = newReader();
      other.read(first);
      const { code } = refusal(turned, other);
      expect(code).toBe(bit < 4 ? 'frame_version' : 'frame_invalid');
      expect(heldRecord(other, 0)).toEqual(recordAtRank(option, 3));
      expect(other.read(sender.frame(SEQ + 200, SECOND))).toBe(0);
    }
  });

  test('bytes that pass the check and are no frame give typed errors, and no record is left half new', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 80 }),
        fc.nat(second.length - 1),
        fc.boolean(),
        arbitraryRecord([RECORD_KIND.full, RECORD_KIND.optionFull]),
        (noise, at, isRestart, record) => {
          const other = newReader();
          const token = OPTION;
          record[AT.token / 4] = token;
          other.read(new TestSender().frame(SEQ, [{ id: 0, record, scale: SCALES.option, rank: 3 }]));
          const bytes = new Uint8Array(second.length + noise.length);
          bytes.set(second);
          bytes.set(noise, Math.max(3, at));
          if (isRestart) bytes[2] = (bytes[2] as number) | 0x80;
          const before = heldRecord(other, 0);
          let rows = 0;
          try {
            rows = other.read(checked(bytes));
          } catch (error) {
            expect(error).toBeInstanceOf(AppError);
            expect(['frame_invalid', 'frame_truncated']).toContain((error as AppError).code);
            expect(other.isLost).toBe(true);
            // Either the row was read whole before the error, or the record is what it was, or it is gone.
            if (!other.hasRecord(0)) expect(other.read(second)).toBe(0);
            return;
          }
          expect(other.isLost).toBe(false);
          if (rows === 0) expect(heldRecord(other, 0)).toEqual(before);
        },
      ),
      { numRuns: 3_000 },
    );
  });

  test('a row that is cut off in a frame with the right check is told', () => {
    // Order 6: one bit of delta and seven of a receive time fill a byte, the price is in the next one, which is not there.
    const cut = checked(Uint8Array.of(0x16, 1, 0, 100, 80, 1, 0b0100_0000, 0, 0));
    reader.read(first);
    expect(refusal(cut)).toEqual({
      code: 'frame_truncated',
      message: 'the row of id 1 goes on past the frame',
    });
    expect(reader.hasRecord(1)).toBe(false);
  });

  test('bits after a row, which no encoder sets, are told', () => {
    const more = checked(Uint8Array.of(0x16, 1, 0, 100, 80, 1, 0b0100_0000, 0b0000_0001, 0, 0));
    reader.read(first);
    expect(refusal(more)).toEqual({ code: 'frame_invalid', message: 'bits set after the row of id 1' });
  });

  test('another version is refused with both versions', () => {
    first[0] = 0x20 | ((first[0] as number) & 0x0f);
    expect(refusal(first)).toEqual({
      code: 'frame_version',
      message: 'frame version 2, this client reads version 1',
    });
    expect(reader.isLost).toBe(true);
  });

  test('one that is longer than any server sends is refused before it is read', () => {
    const { code, message } = refusal(new Uint8Array(WIRE_FRAME_BYTES_MAX + 1).fill(0x10));
    expect([code, message]).toEqual([
      'frame_invalid',
      `a frame of ${WIRE_FRAME_BYTES_MAX + 1} bytes, at most ${WIRE_FRAME_BYTES_MAX}`,
    ]);
  });

  test('the longest frame is read', () => {
    const times = new FlushTimes();
    const writer = new FrameWriter(new Uint8Array(WIRE_FRAME_BYTES_MAX));
    writer.startFlush(SEQ, times);
    writer.restart(0);
    const rows = new Uint8Array([0b110_001_1_1, 0b1_000_0000]);
    let count = 0;
    while (writer.row(1, rows, 0, 1)) count++;
    expect(count).toBeGreaterThan(500_000);
    const frame = writer.finish();
    expect(frame.length).toBeGreaterThan(WIRE_FRAME_BYTES_MAX - 20);
    expect(refusal(frame).code).toBe('frame_invalid');
  });
});

describe('a row', () => {
  test('of an id that is nobody`s is refused', () => {
    reader.release(300);
    expect(refusal(first)).toEqual({
      code: 'frame_invalid',
      message: 'a row of id 300, which is nobody`s'.replace('`', "'"),
    });
  });

  test('that is a delta to nothing is refused, and its id has no record', () => {
    reader.read(first);
    reader.assign(0, OPTION, SCALES.option);
    expect(refusal(second)).toEqual({
      code: 'frame_invalid',
      message: 'a delta to a record that is not there',
    });
    expect(reader.hasRecord(0)).toBe(false);
    expect(reader.hasRecord(1)).toBe(true);
  });

  test('that is a delta to a record from before a restart is refused', () => {
    reader.read(first);
    const restart = new TestSender();
    const row = { id: 1, record: shareNext, scale: SCALES.share, rank: 1 as const, base: share };
    expect(refusal(restart.frame(SEQ + 100, [row]))).toMatchObject({ code: 'frame_invalid' });
    expect(reader.hasRecord(1)).toBe(false);
  });

  test('of a kind that its segment does not have is refused', () => {
    reader.assign(1, INDEX, SCALES.share);
    const row = { id: 1, record: recordOf(SHARE, RECORD_KIND.quote), scale: SCALES.share, rank: 2 as const };
    expect(refusal(new TestSender().frame(SEQ, [row]))).toEqual({
      code: 'frame_invalid',
      message: `a keyframe of kind 2 for token ${INDEX}`,
    });
  });
});

describe('rows that no encoder writes, in frames that are whole', () => {
  /** A frame of one row of the id, after `first`, with the base time of `second`. */
  function crafted(id: number, write: (out: BitWriter) => void): Uint8Array {
    const bytes = new Uint8Array(100);
    const out = new BitWriter(bytes);
    out.startAt(0);
    write(out);
    return checked(Uint8Array.of(0x10, 1, 0, 100, 84, id, ...bytes.subarray(0, out.byteEnd), 0, 0));
  }

  /** All of a full delta up to the book: nothing new but the receive time. */
  function untilBook(out: BitWriter): void {
    out.bits(0b0, 1);
    out.unsigned(0, 0);
    out.bits(0b0_0_0_0_0_0, 6);
  }

  beforeEach(() => {
    reader.read(first);
  });

  test('the same bytes are a row when they are right', () => {
    const frame = crafted(0, (out) => {
      untilBook(out);
      out.bits(0b00, 2);
    });
    expect(reader.read(frame)).toBe(1);
    expect(heldRecord(reader, 0).subarray(4)).toEqual(recordAtRank(option, 3).subarray(4));
  });

  test.each<[string, number, (out: BitWriter) => void]>([
    [
      '-90 is no unsigned 32-bit number',
      1,
      (out) => {
        out.bits(0b0, 1);
        out.unsigned(0, 0);
        out.change(-15_460, 3);
      },
    ],
    [
      'a record received at -1 ms',
      1,
      (out) => {
        out.bits(0b0, 1);
        out.unsigned(SEQ + 59, 0);
      },
    ],
    [
      'a level kept that was not there',
      0,
      (out) => {
        untilBook(out);
        out.bits(0b10_111, 5);
        out.unsigned(4, 0);
      },
    ],
    [
      'a side of 6 levels',
      0,
      (out) => {
        untilBook(out);
        out.bits(0b111_110, 6);
      },
    ],
    ['a keyframe of kind 6 for token 408065', 1, (out) => out.bits(0b110_110, 6)],
    ['a keyframe of kind 0 for token 408065', 1, (out) => out.bits(0b110_000, 6)],
    ['a number of more than 53 bits', 1, (out) => out.bits(0, 16)],
  ])('%s', (message, id, write) => {
    expect(refusal(crafted(id, write))).toEqual({ code: 'frame_invalid', message });
    expect(reader.hasRecord(id)).toBe(false);
    expect(reader.isLost).toBe(true);
  });
});

test.each<[ErrorCode, string, number[]]>([
  ['frame_truncated', 'the frame ends inside its header', [0x10, 1, 0, 0xff, 0xff]],
  [
    'frame_invalid',
    'a number of more than eight bytes in the header',
    [0x10, 1, 0, ...new Array(9).fill(0x80)],
  ],
  ['frame_invalid', 'a row id of more than two bytes', [0x10, 1, 0, 100, 84, 0x81, 0x81, 0]],
])('%s: %s', (code, message, bytes) => {
  reader.read(first);
  expect(refusal(checked(Uint8Array.of(...bytes, 0, 0)))).toEqual({ code, message });
});

describe('the count of frames', () => {
  test('a frame that did not come is missed at the next one, and then nothing is read until a restart', () => {
    reader.read(first);
    const third = sender.frame(SEQ + 200, SECOND);
    expect(refusal(third)).toEqual({ code: 'frame_missed', message: 'frame 2 came when 1 was due' });
    expect(reader.isLost).toBe(true);
    expect(reader.read(second)).toBe(0);
    expect(heldRecord(reader, 0)).toEqual(recordAtRank(option, 3));
    expect(reader.read(sender.frame(SEQ + 300, FIRST, true))).toBe(3);
    expect(reader.isLost).toBe(false);
    expect(reader.read(sender.frame(SEQ + 400, SECOND))).toBe(2);
    expect(heldRecord(reader, 0)).toEqual(recordAtRank(optionNext, 3));
  });

  test('a frame that comes twice is refused', () => {
    reader.read(first);
    reader.read(second);
    expect(refusal(second).code).toBe('frame_missed');
  });

  test('a connection begins with a restart, which may begin anywhere in the count', () => {
    expect(reader.isLost).toBe(true);
    expect(reader.read(second)).toBe(0);
    sender.counter = 0x7fff;
    expect(reader.read(sender.frame(SEQ, FIRST, true))).toBe(3);
    expect(reader.read(sender.frame(SEQ + 100, SECOND))).toBe(2);
    expect(sender.counter).toBe(0);
  });

  test('an empty frame counts, and carries the sequence on', () => {
    reader.read(first);
    reader.read(second);
    const empty = sender.frame(SEQ + 5_000, []);
    expect(reader.read(empty)).toBe(0);
    expect([reader.seq, empty.length]).toEqual([SEQ + 5_000, 13]);
  });
});

describe('who listens', () => {
  test('is told of each row in its order, and of a keyframe while the record before it is whole', () => {
    const told: unknown[] = [];
    const listener = {
      onKeyframe: (id: number) => told.push(['keyframe', id, heldRecord(reader, id)[AT.lastPrice / 4]]),
      onRow: (id: number, isKeyframe: boolean) =>
        told.push([id, isKeyframe, heldRecord(reader, id)[AT.lastPrice / 4]]),
    };
    // Half a lot: a delta that is off the scale begins with a bit that keyframes begin with too.
    const odd = optionNext.slice();
    odd[AT.buyQuantity / 4] = 412_463;
    odd[AT.receivedAtLow / 4] = (optionNext[AT.receivedAtLow / 4] as number) + 1;
    const third = sender.frame(SEQ + 200, [
      { id: 0, record: odd, scale: SCALES.option, rank: 3, base: optionNext },
      { id: 1, record: share, scale: SCALES.share, rank: 1 },
      { id: 1, record: shareNext, scale: SCALES.share, rank: 1, base: share },
    ]);
    for (const frame of [first, second, third]) reader.read(frame, listener);
    expect(told.slice(0, 4)).toEqual([
      ['keyframe', 0, 0],
      [0, true, 18_245],
      ['keyframe', 1, 0],
      [1, true, 154_510],
    ]);
    expect(told.slice(6)).toEqual([
      [1, false, 154_520],
      [0, false, 18_240],
      [0, false, 18_240],
      ['keyframe', 1, 154_520],
      [1, true, 154_510],
      [1, false, 154_520],
    ]);
  });

  test('has been told of the rows before an error', () => {
    const told: number[] = [];
    reader.release(1);
    const listener = { onKeyframe: () => undefined, onRow: (id: number) => told.push(id) };
    expect(() => reader.read(first, listener)).toThrow('a row of id 1');
    expect(told).toEqual([0]);
  });
});

describe('the table', () => {
  test('ids to the last one', () => {
    const last = WIRE_ROW_IDS_MAX - 1;
    const row = { id: last, record: share, scale: SCALES.share, rank: 1 as const };
    reader.assign(last, SHARE, SCALES.share);
    expect(reader.read(new TestSender().frame(SEQ, [row]))).toBe(1);
    expect(reader.ids[0]).toBe(last);
    expect(heldRecord(reader, last)).toEqual(recordAtRank(share, 1));
    for (const id of [-1, 0.5, WIRE_ROW_IDS_MAX]) {
      expect(() => reader.assign(id, SHARE, SCALES.share)).toThrow(`row id ${id} of at most ${last}`);
    }
    expect(() => new TestSender().frame(SEQ, [{ ...row, id: last + 1 }])).toThrow(`row id ${last + 1}`);
  });

  test('an id that is given out again knows nothing of its last owner', () => {
    reader.read(first);
    reader.release(0);
    expect(reader.hasRecord(0)).toBe(false);
    reader.assign(0, SHARE, SCALES.share);
    expect(heldRecord(reader, 0)).toEqual(new Uint32Array(RECORD_WORDS_MAX).fill(SHARE, 0, 1));
  });

  test('a new connection starts from nothing', () => {
    reader.read(first);
    reader.reset();
    expect([reader.isLost, reader.hasRecord(0), reader.hasRecord(300), reader.hasRecord(9_999)]).toEqual([
      true,
      false,
      false,
      false,
    ]);
    expect(refusal(first).message).toBe("a row of id 0, which is nobody's");
  });
});

describe('writing frames', () => {
  const times = new FlushTimes();

  test('a row that has no room is told, and the frame is whole without it', () => {
    const writer = new FrameWriter(new Uint8Array(500));
    writer.startFlush(SEQ, times);
    writer.restart(0);
    const rows = new Uint8Array(300);
    expect(writer.row(0, rows, 0, 300)).toBe(true);
    expect(writer.row(1, rows, 0, 300)).toBe(false);
    const frame = writer.finish();
    expect(fletcher16(frame, frame.length - 2)).toBe(
      new DataView(frame.buffer, frame.byteOffset).getUint16(frame.length - 2, true),
    );
  });

  test('one set of rows goes to several connections, each frame as if it were the only one', () => {
    const rows = new Uint8Array(700).map((_, i) => i * 7);
    const addresses = [
      (writer: FrameWriter) => writer.addressRestart(5),
      (writer: FrameWriter) => writer.address(0x7fff, SEQ - 1),
      (writer: FrameWriter) => writer.address(4_000, SEQ - 100_000),
    ];
    const shared = new FrameWriter(new Uint8Array(8_192));
    const alone = new FrameWriter(new Uint8Array(8_192));
    for (const writer of [shared, alone]) writer.startFlush(SEQ, times);
    shared.clear();
    for (let id = 0; id < 10; id++) shared.row(id * 30, rows, 0, 700);
    for (const address of addresses) {
      alone.clear();
      for (let id = 0; id < 10; id++) alone.row(id * 30, rows, 0, 700);
      address(alone);
      address(shared);
      const frame = shared.finish();
      expect(frame).toEqual(alone.finish());
      expect(fletcher16(frame, frame.length - 2)).toBe(
        new DataView(frame.buffer, frame.byteOffset).getUint16(frame.length - 2, true),
      );
    }
  });

  test('too few bytes for a row, and a sequence that goes back, are mistakes of ours', () => {
    expect(() => new FrameWriter(new Uint8Array(478))).toThrow('478 bytes, at least 479');
    const writer = new FrameWriter(new Uint8Array(479));
    writer.startFlush(SEQ, times);
    expect(() => writer.start(0, SEQ + 1)).toThrow(`sequence ${SEQ} after ${SEQ + 1}`);
  });
});

describe('the receive times of a flush', () => {
  test.each([
    [[1_000, 1_000, 1_000], 1_000, 0],
    [[1_000, 1_100, 1_050], 1_100, 5],
    [[5, 1_200, 600], 1_200, 9],
    [[5_000, 904, 1_000], 5_000, 11],
    // One that is too old to say anything about the others, whichever comes first.
    [[0, 1e12, 1e12 - 100], 1e12, 5],
    [[1e12, 1e12 - 100, 1e12 - 4_097], 1e12, 5],
    [Array.from({ length: 20 }, (_, i) => i * 4_000), 76_000, 15],
    [[], 0, 0],
  ])('%j: newest %i, order %i', (receivedAtMs, newest, order) => {
    const times = new FlushTimes();
    times.add(9e12);
    times.start();
    for (const ms of receivedAtMs) times.add(ms);
    expect([times.baseTimeMs, times.order]).toEqual([newest, order]);
  });
});
