// The binary frame: its version, its check, and how one is put together. docs/wire.md describes it for other languages.
import { WIRE_ROW_BYTES_MAX, WIRE_ROW_IDS_MAX } from '../limits.ts';
import type { FlushTimes } from './flush-times.ts';

/** The WebSocket subprotocol of clients that read these frames. */
export const WIRE_SUBPROTOCOL = 'ticker.v1';
export const WIRE_VERSION = 1;
/** Counters have 15 bits; the sixteenth says that the frame is a restart. */
export const FRAME_COUNTER_MASK = 0x7fff;
export const FRAME_RESTART = 0x8000;
export const FRAME_CHECK_BYTES = 2;
/** Version and order, counter, two numbers of one byte, check. */
export const FRAME_BYTES_MIN = 7;

/** Fletcher's sums may grow over this many bytes before they leave 31 bits. */
const SUM_BYTES_MAX = 2_048;
/** Version and order, counter, two numbers of eight bytes. */
const HEADER_BYTES_MAX = 19;
const ROW_ID_BYTES_MAX = 2;

/** Fletcher-16 of the bytes up to `end`: the plain sum in the low byte, the sum of sums in the high one. */
export function fletcher16(bytes: Uint8Array, end: number): number {
  let sum = 0;
  let sums = 0;
  for (let from = 0; from < end; from += SUM_BYTES_MAX) {
    const to = Math.min(end, from + SUM_BYTES_MAX);
    for (let i = from; i < to; i++) {
      sum += bytes[i] as number;
      sums += sum;
    }
    sum %= 255;
    sums %= 255;
  }
  return (sums << 8) | sum;
}

/** Writes frames, one after the other, into the same bytes. A frame may go to several connections: its rows are written once. */
export class FrameWriter {
  readonly #bytes: Uint8Array<ArrayBuffer>;
  readonly #header = new Uint8Array(HEADER_BYTES_MAX);
  #headerBytes = 0;
  /** Where the next row goes; rows stand behind the room for the largest header. */
  #at = HEADER_BYTES_MAX;
  #first = 0;
  #seq = 0;
  /** How much later than the base time the sequence is, as a number without a sign. */
  #lead = 0;
  /** Fletcher's sums of the rows, and up to where they are taken. */
  #sum = 0;
  #sums = 0;
  #summedTo = HEADER_BYTES_MAX;

  /** Throws RangeError on bytes that not even one row fits. */
  constructor(bytes: Uint8Array<ArrayBuffer>) {
    const bytesMin = HEADER_BYTES_MAX + ROW_ID_BYTES_MAX + WIRE_ROW_BYTES_MAX + FRAME_CHECK_BYTES;
    if (bytes.length < bytesMin) throw new RangeError(`${bytes.length} bytes, at least ${bytesMin}`);
    this.#bytes = bytes;
  }

  /** What the frames of a flush have in common. Sequences ascend and are times in ms, or near them. */
  startFlush(seq: number, times: FlushTimes): void {
    this.#first = (WIRE_VERSION << 4) | times.order;
    this.#seq = seq;
    const lead = seq - times.baseTimeMs;
    this.#lead = lead >= 0 ? 2 * lead : -2 * lead - 1;
  }

  /** Begins a frame without rows; `address` or `addressRestart` says whom it is for. */
  clear(): void {
    this.#at = HEADER_BYTES_MAX;
    this.#summedTo = HEADER_BYTES_MAX;
    this.#sum = 0;
    this.#sums = 0;
  }

  /** Has the frame come after the connection's one of `counterBefore` and `seqBefore`. */
  address(counterBefore: number, seqBefore: number): void {
    if (this.#seq < seqBefore) throw new RangeError(`sequence ${this.#seq} after ${seqBefore}`);
    this.#writeHeader((counterBefore + 1) & FRAME_COUNTER_MASK, this.#seq - seqBefore);
  }

  /**
   * Has the frame need none before it, as a connection's first one has to be: the client forgets what it has, and goes on
   * counting from `counter`.
   */
  addressRestart(counter: number): void {
    this.#writeHeader(FRAME_RESTART | counter, this.#seq);
  }

  start(counterBefore: number, seqBefore: number): void {
    this.clear();
    this.address(counterBefore, seqBefore);
  }

  restart(counter: number): void {
    this.clear();
    this.addressRestart(counter);
  }

  #writeHeader(counter: number, step: number): void {
    const header = this.#header;
    header[0] = this.#first;
    header[1] = counter;
    header[2] = counter >>> 8;
    this.#headerBytes = 3;
    this.#varint(step);
    this.#varint(this.#lead);
  }

  /**
   * Adds the row in `rows` from byte `from` up to `to`. False when the frame has no room for it: then finish it, start the
   * next, and add it there.
   */
  row(id: number, rows: Uint8Array, from: number, to: number): boolean {
    if (id >= WIRE_ROW_IDS_MAX) throw new RangeError(`row id ${id} of at most ${WIRE_ROW_IDS_MAX - 1}`);
    const bytes = this.#bytes;
    let at = this.#at;
    if (at + ROW_ID_BYTES_MAX + to - from + FRAME_CHECK_BYTES > bytes.length) return false;
    if (id < 0x80) {
      bytes[at++] = id;
    } else {
      bytes[at++] = 0x80 | id;
      bytes[at++] = id >>> 7;
    }
    // Rows are short: a loop beats a native copy of a dozen bytes.
    for (let i = from; i < to; i++) bytes[at++] = rows[i] as number;
    this.#at = at;
    return true;
  }

  /** The frame as it is addressed, a view that the next one overwrites. */
  finish(): Uint8Array<ArrayBuffer> {
    const bytes = this.#bytes;
    this.#sumRows();
    const from = HEADER_BYTES_MAX - this.#headerBytes;
    let sum = 0;
    let sums = 0;
    for (let i = 0; i < this.#headerBytes; i++) {
      const byte = this.#header[i] as number;
      bytes[from + i] = byte;
      sum += byte;
      sums += sum;
    }
    // Sums of the whole, of those of its two parts.
    sums += sum * (this.#at - HEADER_BYTES_MAX) + this.#sums;
    bytes[this.#at] = (sum + this.#sum) % 255;
    bytes[this.#at + 1] = sums % 255;
    return bytes.subarray(from, this.#at + FRAME_CHECK_BYTES);
  }

  /** Takes in the rows that were added since. */
  #sumRows(): void {
    const bytes = this.#bytes;
    const end = this.#at;
    let sum = this.#sum;
    let sums = this.#sums;
    for (let from = this.#summedTo; from < end; from += SUM_BYTES_MAX) {
      const to = Math.min(end, from + SUM_BYTES_MAX);
      for (let i = from; i < to; i++) {
        sum += bytes[i] as number;
        sums += sum;
      }
      sum %= 255;
      sums %= 255;
    }
    this.#sum = sum;
    this.#sums = sums;
    this.#summedTo = end;
  }

  /** LEB128. Numbers may be times, which have more than 32 bits. */
  #varint(value: number): void {
    let rest = value;
    while (rest > 0x7f) {
      this.#header[this.#headerBytes++] = 0x80 | (rest % 128);
      rest = Math.floor(rest / 128);
    }
    this.#header[this.#headerBytes++] = rest;
  }
}
