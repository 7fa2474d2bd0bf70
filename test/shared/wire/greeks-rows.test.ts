// Rows of options with Greeks: golden bytes, what they cost, and what the reader refuses.
import { readFileSync } from 'node:fs';
import { beforeEach, describe, expect, test } from 'vitest';
import { AppError } from '../../../shared/errors.ts';
import { countTicks } from '../../../shared/frame.ts';
import { SEGMENT } from '../../../shared/instrument.ts';
import {
  FORWARD_SOURCES,
  GREEKS_STATUSES,
  greekOfWord,
  greekWord,
  STATUS_STALE,
} from '../../../shared/record-greeks.ts';
import { AT, RECORD_KIND, readTick, recordWords } from '../../../shared/tick.ts';
import { BitWriter } from '../../../shared/wire/bit-writer.ts';
import { fletcher16 } from '../../../shared/wire/frame.ts';
import { FrameReader } from '../../../shared/wire/frame-reader.ts';
import { formOf, GREEK, STEPS_END, stepsOf, wordOfSteps } from '../../../shared/wire/greeks-model.ts';
import { scaleOf } from '../../../shared/wire/scale.ts';
import { optionSession } from '../../bench/option-session.ts';
import { measureSizes } from '../../bench/wire-connection.ts';
import { recordOf } from '../../support/records.ts';
import { heldRecord, recordAtRank, TestSender } from './wire-connection.ts';

const OPTION = (40_123 << 8) | SEGMENT.NFO;
const SCALE = scaleOf(5, 75);
const SEQ = 1_795_405_200_140;
const RECEIVED_AT_MS = 1_795_405_200_100;

const option = recordOf(
  OPTION,
  RECORD_KIND.optionFull,
  {
    lastPrice: 23_195,
    lastQuantity: 75,
    averagePrice: 23_102,
    volume: 912_450,
    close: 23_050,
    lastTradeTime: 1_795_405_199,
    oi: 1_230_000,
    exchangeTimestamp: 1_795_405_200,
  },
  RECEIVED_AT_MS,
);
option.fill(0, AT.depth / 4, GREEK.flags);
option.set([75, 23_150, 1], AT.depth / 4);
option.set([150, 23_195, 2], AT.depth / 4 + 15);
option.set(
  [
    1 << 8,
    2_605_111,
    2_609_124,
    ...[13.4987, 13.4843, 13.5132, 0.534348, 0.000750355, -12.709, 15.5458, -0.0522437].map(greekWord),
  ],
  GREEK.flags,
);

/** Its book moves, and its Greeks with that and with the forward. */
const ticked = option.slice();
ticked[AT.receivedAtLow / 4] = (option[AT.receivedAtLow / 4] as number) + 98;
ticked[AT.depth / 4 + 1] = 23_205;
ticked[AT.depth / 4 + 16] = 23_285;
ticked.set(
  [
    2_605_192,
    2_609_232,
    ...[13.5082, 13.4824, 13.5339, 0.535141, 0.000749663, -12.7161, 15.5436, -0.0524073].map(greekWord),
  ],
  GREEK.underlying,
);

/** The forward moves; the option itself does not tick. */
const followed = ticked.slice();
followed.set(
  [
    2_605_192,
    2_609_371,
    ...[13.463, 13.4373, 13.4887, 0.536, 0.000752, -12.672, 15.5418, -0.0524073].map(greekWord),
  ],
  GREEK.underlying,
);

/** Its book is gone: no price, no Greeks. */
const stale = followed.slice();
stale[GREEK.flags] = STATUS_STALE | (1 << 8);
stale.fill(0, GREEK.iv, GREEK.rho + 1);

const LIFE = [option, ticked, followed, stale, followed];

let sender: TestSender;
let reader: FrameReader;

/** A frame for each state of the option, the first a keyframe. */
function framesOf(life: readonly Uint32Array[]): Uint8Array[] {
  return life.map((record, i) =>
    sender.frame(SEQ + i * 100, [{ id: 0, record, scale: SCALE, rank: 3, base: life[i - 1] }]),
  );
}

beforeEach(() => {
  sender = new TestSender();
  reader = new FrameReader();
  reader.assign(0, OPTION, SCALE);
});

describe('golden bytes', () => {
  const golden = readFileSync(new URL('../../fixtures/wire-v1-greeks.hex', import.meta.url), 'utf8')
    .trim()
    .split('\n');

  test('today’s encoder writes them', () => {
    expect(framesOf(LIFE).map((frame) => Buffer.from(frame).toString('hex'))).toEqual(golden);
  });

  test('every later reader of version 1 reads them', () => {
    for (const [i, line] of golden.entries()) {
      expect(reader.read(Buffer.from(line, 'hex'))).toBe(1);
      expect(heldRecord(reader, 0)).toEqual(recordAtRank(LIFE[i] as Uint32Array, 3));
    }
    const { greeks } = readTick(reader.view as DataView<ArrayBuffer>, reader.byteOffset(0));
    expect(greeks).toEqual({
      status: 'ok',
      forwardSource: 'future',
      underlying: 2_605_192,
      forward: 2_609_371,
      iv: 13.463,
      ivBid: 13.4373,
      ivAsk: 13.4886,
      delta: 0.536003,
      gamma: 0.000752002,
      theta: -12.672,
      vega: 15.5417,
      rho: -0.0524073,
    });
  });
});

describe('sizes', () => {
  test('of a tick with Greeks that follow from it, of Greeks alone, and of neither', () => {
    const sizes = framesOf([...LIFE, followed]).map((frame) => frame.length);
    // What is no row: three bytes of version and counter, one of the sequence, one or two of the base time, an id, and the check.
    expect([sizes[1], sizes[2], sizes[5]]).toEqual([8 + 10, 9 + 7, 9 + 1]);
  });

  test('in a session of options, Greeks take less than six bytes, and every word arrives', () => {
    const { greeks, plain } = optionSession(1);
    const [more, less] = [measureSizes(greeks, 3), measureSizes(plain, 3)];
    expect(more.rows).toBeGreaterThan(4_000);
    expect((more.bytes - less.bytes) / more.rows).toBeLessThan(6);
  });
});

describe('a cut to a lower mode', () => {
  test.each([1, 2] as const)('rank %i has no Greeks, and those alone change nothing', (rank) => {
    const row = { id: 0, scale: SCALE, rank };
    reader.read(sender.frame(SEQ, [{ ...row, record: ticked }]));
    reader.read(sender.frame(SEQ + 100, [{ ...row, record: followed, base: ticked }]));
    expect(heldRecord(reader, 0)).toEqual(recordAtRank(followed, rank));
    expect(heldRecord(reader, 0)[AT.kind / 4]).toBe(rank);
  });

  test('Greeks that come and go are another kind: a keyframe', () => {
    const kinds: [number, boolean][] = [];
    const listener = {
      onKeyframe: () => undefined,
      onRow: (_: number, isKeyframe: boolean) => {
        kinds.push([heldRecord(reader, 0)[AT.kind / 4] as number, isKeyframe]);
      },
    };
    const plain = ticked.slice(0, GREEK.flags);
    plain[AT.kind / 4] = RECORD_KIND.full;
    for (const frame of framesOf([option, plain, plain, followed])) reader.read(frame, listener);
    expect(kinds).toEqual([
      [RECORD_KIND.optionFull, true],
      [RECORD_KIND.full, true],
      [RECORD_KIND.full, false],
      [RECORD_KIND.optionFull, true],
    ]);
    expect(heldRecord(reader, 0)).toEqual(recordAtRank(followed, 3));
  });
});

describe('steps', () => {
  test('ascend as the floats do, one by one, through zero', () => {
    const values = [-3e38, -15.5, -0.00075, -1e-40, 0, 1e-40, 0.00075, 0.534, 15.5, 3e38];
    const steps = values.map((value) => stepsOf(greekWord(value)));
    expect(steps).toEqual(steps.toSorted((a, b) => a - b));
    for (const value of values) {
      const word = greekWord(value);
      expect(wordOfSteps(stepsOf(word))).toBe(word);
    }
    expect([stepsOf(1 << 7), stepsOf(0x8000_0080), stepsOf(0)]).toEqual([1, -1, 0]);
    expect(stepsOf(greekWord(3.4028e38))).toBeLessThan(STEPS_END);
  });

  test('a Greek has six digits, whatever its size', () => {
    for (const value of [1e-38, 1e-12, 7.503e-4, 0.534348, 15.5458, 999_999, 1.5e6, 3e38]) {
      for (const sign of [1, -1]) {
        const word = greekWord(sign * value);
        const float = new Float32Array(Uint32Array.of(word).buffer)[0] as number;
        expect(greekOfWord(word)).toBe(Number(float.toPrecision(6)));
        expect(greekWord(greekOfWord(word))).toBe(word);
      }
    }
  });
});

describe('frames of Greeks that were altered, with a check that is right', () => {
  /** Reads the frames, the last of which is not as it was sent; undefined when it is refused as it should be. */
  function read(frames: readonly Uint8Array[], last: Uint8Array): Uint32Array | undefined {
    reader = new FrameReader();
    reader.assign(0, OPTION, SCALE);
    for (const frame of frames) reader.read(frame);
    const end = last.length - 2;
    const check = fletcher16(last, end);
    last[end] = check;
    last[end + 1] = check >>> 8;
    try {
      if (reader.read(last) === 0) return undefined;
    } catch (error) {
      expect(error).toBeInstanceOf(AppError);
      expect(['frame_invalid', 'frame_truncated', 'frame_missed', 'frame_version']).toContain(
        (error as AppError).code,
      );
      expect(reader.isLost).toBe(true);
      return undefined;
    }
    return reader.hasRecord(0) ? heldRecord(reader, 0) : undefined;
  }

  test('any bit flipped: refused, or a record that there can be', () => {
    const frames = framesOf(LIFE);
    let records = 0;
    for (const [i, frame] of frames.entries()) {
      for (let bit = 0; bit < (frame.length - 2) * 8; bit++) {
        const flipped = frame.slice();
        flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (0x80 >> (bit & 7));
        const record = read(frames.slice(0, i), flipped);
        if (!record) continue;
        records++;
        expect(
          countTicks(record.subarray(0, recordWords(record[1] as number))),
          `frame ${i} bit ${bit}`,
        ).toBe(1);
      }
    }
    expect(records).toBeGreaterThan(100);
  });

  test('cut anywhere: refused, or a record that there can be', () => {
    const frames = framesOf(LIFE);
    for (const [i, frame] of frames.entries()) {
      for (let end = 7; end < frame.length; end++) {
        const record = read(frames.slice(0, i), frame.slice(0, end));
        if (record) expect(countTicks(record.subarray(0, recordWords(record[1] as number)))).toBe(1);
      }
    }
  });
});

describe('Greeks that no encoder writes, in frames that are whole', () => {
  /** A frame of one row of the option: nothing new but what is written. */
  function crafted(write: (out: BitWriter) => void): Uint8Array {
    const bytes = new Uint8Array(300);
    const out = new BitWriter(bytes);
    out.startAt(0);
    // A delta of Greeks alone.
    out.bits(0b0_0_1, 3);
    write(out);
    const frame = Uint8Array.of(0x10, 1, 0, 100, 84, 0, ...bytes.subarray(0, out.byteEnd), 0, 0);
    const check = fletcher16(frame, frame.length - 2);
    frame[frame.length - 2] = check;
    frame[frame.length - 1] = check >>> 8;
    return frame;
  }

  function form(out: BitWriter, status: number, source: number, there: number): void {
    out.bits(1, 1);
    out.bits(status, 5);
    out.bits(source, 3);
    out.bits(there, 10);
  }

  const all = formOf(option, 0);

  beforeEach(() => {
    for (const frame of framesOf([option])) reader.read(frame);
  });

  test('the same bytes are a row when they are right', () => {
    const frame = crafted((out) => {
      form(out, 0, 2, all);
      out.bits(0, 10);
    });
    expect(reader.read(frame)).toBe(1);
    expect(heldRecord(reader, 0)[GREEK.flags]).toBe(2 << 8);
    expect(heldRecord(reader, 0).subarray(GREEK.iv)).toEqual(option.subarray(GREEK.iv));
  });

  test.each<[string, (out: BitWriter) => void]>([
    [`flags ${GREEKS_STATUSES.length} of Greeks`, (out) => form(out, GREEKS_STATUSES.length, 0, all)],
    [`flags ${FORWARD_SOURCES.length << 8} of Greeks`, (out) => form(out, 0, FORWARD_SOURCES.length, all)],
    [
      'a price of Greeks that is 0',
      (out) => {
        out.bits(0, 1);
        out.change(-2_605_111, 9);
      },
    ],
    [
      '4295065296 is no unsigned 32-bit number',
      (out) => {
        out.bits(0, 1);
        out.change(4_295_065_296 - 2_605_111, 9);
      },
    ],
    [
      `a Greek of ${STEPS_END} steps`,
      (out) => {
        out.bits(0, 3);
        out.change(STEPS_END - stepsOf(option[GREEK.iv] as number), 0);
      },
    ],
    [
      `a Greek of ${-STEPS_END} steps`,
      (out) => {
        out.bits(0, 3);
        out.change(-STEPS_END - stepsOf(option[GREEK.iv] as number), 0);
      },
    ],
    [
      'a Greek of 0 steps',
      (out) => {
        out.bits(0, 4);
        out.change(-stepsOf(option[GREEK.delta] as number), 3);
      },
    ],
  ])('%s', (message, write) => {
    let error: unknown;
    try {
      reader.read(crafted(write));
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(AppError);
    expect(error).toMatchObject({ code: 'frame_invalid', message });
    expect(reader.hasRecord(0)).toBe(false);
    expect(reader.isLost).toBe(true);
  });

  test.each([
    ['infinity', 0xff << 16],
    ['minus infinity', 0x1ff << 16],
    ['no number', (0xff << 16) | 1],
    ['minus zero', 1 << 24],
    ['zero', 0],
  ])('a float that was not there and is %s', (_, bits) => {
    sender = new TestSender();
    for (const frame of framesOf([stale])) reader.read(frame);
    const frame = crafted((out) => {
      form(out, 0, 1, all);
      out.bits(0, 2);
      out.bits(bits >>> 16, 9);
      out.bits(bits & 0xffff, 16);
    });
    expect(() => reader.read(frame)).toThrow('a Greek of');
    expect(reader.hasRecord(0)).toBe(false);
  });
});
