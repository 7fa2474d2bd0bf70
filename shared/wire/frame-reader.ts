// Reads binary frames into a table of tick records by row id, or says why it cannot.
import { AppError } from '../errors.ts';
import { WIRE_FRAME_BYTES_MAX, WIRE_ROW_BYTES_MAX, WIRE_ROW_IDS_MAX } from '../limits.ts';
import { RECORD_BYTES_MAX, RECORD_WORDS_MAX } from '../tick.ts';
import { BIT_READER_SLACK_BYTES, BitReader } from './bit-reader.ts';
import {
  FRAME_BYTES_MIN,
  FRAME_CHECK_BYTES,
  FRAME_COUNTER_MASK,
  FRAME_RESTART,
  fletcher16,
  WIRE_VERSION,
} from './frame.ts';
import { decodeRow } from './row-decoder.ts';
import { WORD } from './row-model.ts';
import type { Scale } from './scale.ts';

const IDS_AT_START = 256;
const BYTES_AT_START = 16_384;
/** Zeros after a frame: a row that ends too early is read on into them, never past them. */
const PADDING_BYTES = WIRE_ROW_BYTES_MAX + BIT_READER_SLACK_BYTES;
/** Weight of the eighth and last byte of a header's number: more would be no whole number any more. */
const VARINT_SCALE_MAX = 128 ** 7;

/** What is told of the rows of a frame, one by one and in their order: an instrument may have several. */
export interface RowListener {
  /** A keyframe is about to take the place of the id's record, which is whole until then. */
  onKeyframe(id: number): void;
  /** The id's record is what the row says. */
  onRow(id: number, isKeyframe: boolean): void;
}

/** Both bits that a row begins with are set in a keyframe only. */
const KEYFRAME_BYTE_MIN = 0b1100_0000;

/**
 * The reading end of one connection. No row allocates anything; the table grows with the ids that are given out.
 *
 * A frame is checked as a whole before any of it is believed. After an error nothing is read until the server restarts
 * (`isLost`: ask for it). Until then the records keep their last good values; one in whose row the error was has none.
 */
export class FrameReader {
  readonly #bits = new BitReader();
  #padded = new Uint8Array(0);
  #words = new Uint32Array(IDS_AT_START * RECORD_WORDS_MAX);
  #view = new DataView(this.#words.buffer);
  /** By id; an id without a scale is nobody's. */
  readonly #scales: (Scale | undefined)[] = new Array(IDS_AT_START).fill(undefined);
  /** By id, 1 where there is a record that a delta may be to. */
  #isBase = new Uint8Array(IDS_AT_START);
  #ids = new Uint16Array(IDS_AT_START);
  #rows = 0;
  #isLost = true;
  #counter = 0;
  #seq = 0;
  #at = 0;

  /** True from the start and after an error, until a frame that is a restart. */
  get isLost(): boolean {
    return this.#isLost;
  }

  /** Sequence of the last frame that was read: what its ticks have as `seq`. */
  get seq(): number {
    return this.#seq;
  }

  /** Ids of the rows of the last frame, in its order; only the first so many as `read` returned count. */
  get ids(): Uint16Array {
    return this.#ids;
  }

  /** Tick records by id (layout of shared/tick.ts, `seq` is 0). Replaced when the table grows. */
  get view(): DataView {
    return this.#view;
  }

  get words(): Uint32Array {
    return this.#words;
  }

  byteOffset(id: number): number {
    return id * RECORD_BYTES_MAX;
  }

  /** False while the id's record has no value. */
  hasRecord(id: number): boolean {
    return (this.#words[id * RECORD_WORDS_MAX + WORD.kind] ?? 0) !== 0;
  }

  /** The server has given the id out for this instrument. */
  assign(id: number, token: number, scale: Scale): void {
    if (!Number.isInteger(id) || id < 0 || id >= WIRE_ROW_IDS_MAX) {
      throw new AppError('frame_invalid', `row id ${id} of at most ${WIRE_ROW_IDS_MAX - 1}`);
    }
    while (id >= this.#scales.length) this.#growTable();
    this.#clear(id);
    this.#words[id * RECORD_WORDS_MAX + WORD.token] = token;
    this.#scales[id] = scale;
  }

  /** The server has taken the id back. */
  release(id: number): void {
    if (id >= this.#scales.length) return;
    this.#clear(id);
    this.#scales[id] = undefined;
  }

  /** The connection is a new one: its ids are others. */
  reset(): void {
    this.#scales.fill(undefined);
    this.#words.fill(0);
    this.#isBase.fill(0);
    this.#isLost = true;
    this.#seq = 0;
  }

  /**
   * Reads one frame and returns how many rows it has; none while `isLost`, unless the frame is a restart. Throws
   * `frame_version`, `frame_truncated`, `frame_invalid` or `frame_missed`, and is lost from then on. Who listens has
   * been told of the rows before the error: they stand.
   */
  read(frame: Uint8Array, listener?: RowListener): number {
    this.#rows = 0;
    try {
      return this.#read(frame, listener);
    } catch (error) {
      this.#isLost = true;
      throw error;
    }
  }

  #read(frame: Uint8Array, listener: RowListener | undefined): number {
    checkFrame(frame);
    const word = (frame[1] as number) | ((frame[2] as number) << 8);
    const isRestart = (word & FRAME_RESTART) !== 0;
    if (this.#isLost && !isRestart) return 0;
    const counter = word & FRAME_COUNTER_MASK;
    const due = (this.#counter + 1) & FRAME_COUNTER_MASK;
    if (!isRestart && counter !== due) {
      throw new AppError('frame_missed', `frame ${counter} came when ${due} was due`);
    }
    const end = frame.byteLength - FRAME_CHECK_BYTES;
    this.#pad(frame, end);
    this.#at = 3;
    const step = this.#varint(end);
    const lead = this.#varint(end);
    if (isRestart) this.#isBase.fill(0);
    this.#isLost = false;
    this.#counter = counter;
    this.#seq = isRestart ? step : this.#seq + step;
    const baseTimeMs = this.#seq - (lead % 2 === 0 ? lead / 2 : -(lead + 1) / 2);
    const receivedOrder = (frame[0] as number) & 0x0f;
    while (this.#at < end) this.#readRow(end, baseTimeMs, receivedOrder, listener);
    return this.#rows;
  }

  #readRow(end: number, baseTimeMs: number, receivedOrder: number, listener: RowListener | undefined): void {
    const id = this.#readId();
    const scale = this.#scales[id];
    if (scale === undefined) throw new AppError('frame_invalid', `a row of id ${id}, which is nobody's`);
    const isKeyframe = (this.#padded[this.#at] as number) >= KEYFRAME_BYTE_MIN;
    if (isKeyframe) listener?.onKeyframe(id);
    const bits = this.#bits;
    bits.startAt(this.#at);
    try {
      const at = id * RECORD_WORDS_MAX;
      decodeRow(bits, this.#words, at, this.#isBase[id] === 1, scale, baseTimeMs, receivedOrder);
      if (bits.byteEnd > end)
        throw new AppError('frame_truncated', `the row of id ${id} goes on past the frame`);
      if (bits.restOfByte !== 0) throw new AppError('frame_invalid', `bits set after the row of id ${id}`);
    } catch (error) {
      this.#clear(id);
      throw error;
    }
    this.#at = bits.byteEnd;
    this.#isBase[id] = 1;
    if (this.#rows === this.#ids.length) this.#growIds();
    this.#ids[this.#rows++] = id;
    listener?.onRow(id, isKeyframe);
  }

  #readId(): number {
    const low = this.#padded[this.#at++] as number;
    if (low < 0x80) return low;
    const high = this.#padded[this.#at++] as number;
    if (high >= 0x80) throw new AppError('frame_invalid', 'a row id of more than two bytes');
    return (high << 7) | (low & 0x7f);
  }

  #varint(end: number): number {
    let value = 0;
    for (let scale = 1; scale <= VARINT_SCALE_MAX; scale *= 128) {
      if (this.#at >= end) throw new AppError('frame_truncated', 'the frame ends inside its header');
      const byte = this.#padded[this.#at++] as number;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
    throw new AppError('frame_invalid', 'a number of more than eight bytes in the header');
  }

  /** Only the token stays. */
  #clear(id: number): void {
    const at = id * RECORD_WORDS_MAX;
    this.#words.fill(0, at + WORD.kind, at + RECORD_WORDS_MAX);
    this.#isBase[id] = 0;
  }

  #pad(frame: Uint8Array, end: number): void {
    if (end + PADDING_BYTES > this.#padded.length) {
      this.#padded = new Uint8Array(Math.max(BYTES_AT_START, 2 * end) + PADDING_BYTES);
      this.#bits.bytes = this.#padded;
    }
    this.#padded.set(frame);
    this.#padded.fill(0, end, end + PADDING_BYTES);
  }

  #growTable(): void {
    const ids = this.#scales.length * 2;
    const words = new Uint32Array(ids * RECORD_WORDS_MAX);
    words.set(this.#words);
    const isBase = new Uint8Array(ids);
    isBase.set(this.#isBase);
    this.#words = words;
    this.#view = new DataView(words.buffer);
    this.#isBase = isBase;
    while (this.#scales.length < ids) this.#scales.push(undefined);
  }

  #growIds(): void {
    const ids = new Uint16Array(this.#ids.length * 2);
    ids.set(this.#ids);
    this.#ids = ids;
  }
}

/** Throws unless the version, the size and the check are right. */
function checkFrame(frame: Uint8Array): void {
  const first = frame[0] ?? WIRE_VERSION << 4;
  if (first >>> 4 !== WIRE_VERSION) {
    throw new AppError(
      'frame_version',
      `frame version ${first >>> 4}, this client reads version ${WIRE_VERSION}`,
    );
  }
  const { byteLength } = frame;
  if (byteLength < FRAME_BYTES_MIN) throw new AppError('frame_truncated', `a frame of ${byteLength} bytes`);
  if (byteLength > WIRE_FRAME_BYTES_MAX) {
    throw new AppError('frame_invalid', `a frame of ${byteLength} bytes, at most ${WIRE_FRAME_BYTES_MAX}`);
  }
  const end = byteLength - FRAME_CHECK_BYTES;
  const check = fletcher16(frame, end);
  const stated = (frame[end] as number) | ((frame[end + 1] as number) << 8);
  if (check !== stated) throw new AppError('frame_invalid', `frame check ${check}, stated as ${stated}`);
}
