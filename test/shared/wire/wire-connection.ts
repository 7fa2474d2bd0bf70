// Both ends of a binary connection in one process, for tests: records go in, what the client holds comes out.

import {
  AT,
  kindAtRank,
  type ModeRank,
  RECORD_WORDS_MAX,
  type RecordKind,
  recordWords,
} from '../../../shared/tick.ts';
import { FlushTimes } from '../../../shared/wire/flush-times.ts';
import { FrameWriter } from '../../../shared/wire/frame.ts';
import { FrameReader } from '../../../shared/wire/frame-reader.ts';
import { RowEncoder } from '../../../shared/wire/row-encoder.ts';
import { receivedAtIn } from '../../../shared/wire/row-model.ts';
import type { Scale } from '../../../shared/wire/scale.ts';

export interface SentRow {
  readonly id: number;
  readonly record: Uint32Array;
  readonly scale: Scale;
  readonly rank: ModeRank;
  /** What the client has already; a keyframe when absent. */
  readonly base?: Uint32Array | undefined;
}

/** The record with room for every kind's words, so that an encoder may look at it as at a slot of a store. */
export function slotOf(record: Uint32Array): Uint32Array {
  const words = new Uint32Array(RECORD_WORDS_MAX);
  words.set(record);
  return words;
}

/** What a client has after a row of the record: its words up to the kind of the rank, nothing beyond. */
export function recordAtRank(record: Uint32Array, rank: ModeRank): Uint32Array {
  const words = slotOf(record);
  const kind = kindAtRank(words[AT.kind / 4] as RecordKind, rank);
  words[AT.kind / 4] = kind;
  words[AT.seq / 4] = 0;
  return words.fill(0, recordWords(kind));
}

/** Writes frames of one connection that counts from 0. */
export class TestSender {
  readonly #rowBytes = new Uint8Array(8_192);
  readonly #rows = new RowEncoder(this.#rowBytes);
  readonly #frames = new FrameWriter(new Uint8Array(1 << 16));
  readonly #times = new FlushTimes();
  counter = 0;
  seq = 0;

  /** One flush as one frame, in bytes of its own; the first is a restart. */
  frame(seq: number, sent: readonly SentRow[], isRestart = this.seq === 0): Uint8Array {
    this.#times.start();
    for (const { record } of sent) this.#times.add(receivedAtIn(record, 0));
    this.#rows.startFlush(this.#times);
    this.#frames.startFlush(seq, this.#times);
    if (isRestart) this.#frames.restart(this.counter);
    else {
      this.#frames.start(this.counter, this.seq);
      this.counter = (this.counter + 1) & 0x7fff;
    }
    this.seq = seq;
    for (const row of sent) {
      if (!this.#frames.row(row.id, this.#rowBytes, 3, this.#encode(row)))
        throw new Error('the frame is full');
    }
    return this.#frames.finish().slice();
  }

  #encode({ record, scale, rank, base }: SentRow): number {
    const words = slotOf(record);
    return base
      ? this.#rows.encode(3, words, 0, slotOf(base), 0, rank, scale)
      : this.#rows.encodeKeyframe(3, words, 0, rank, scale);
  }
}

/** The client's record of the id, all words. */
export function heldRecord(reader: FrameReader, id: number): Uint32Array {
  return reader.words.slice(id * RECORD_WORDS_MAX, (id + 1) * RECORD_WORDS_MAX);
}

export { FrameReader };
