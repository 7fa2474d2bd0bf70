// The rows of one binary connection: which instrument each id is, and the record of each as the last frame left it.

import { RECORD_WORDS_MAX } from '../tick.ts';
import { FrameReader, type RowListener } from '../wire/frame-reader.ts';
import { scaleOf } from '../wire/scale.ts';
import type { AnnouncedRow } from './message.ts';
import type { Tick } from './tick.ts';
import { tickOfRecord } from './wire-tick.ts';

/** An id as long as it means this instrument. */
export interface Row {
  readonly id: number;
  readonly token: number;
  readonly tradingsymbol: string;
  readonly exchange: string;
  /** Sequence of the frame that has brought its record; 0 before there is one. */
  seq: number;
}

/** What is told of rows. A record is read from the table before it changes, or never. */
export interface RowTableListener {
  /** The row's record is about to be something else altogether. */
  onVoid(row: Row): void;
  /** The row's record is of the frame that is being read. */
  onRow(row: Row, isKeyframe: boolean): void;
}

export class RowTable implements RowListener {
  readonly #reader = new FrameReader();
  readonly #listener: RowTableListener;
  readonly #rows: (Row | undefined)[] = [];
  readonly #idOf = new Map<number, number>();

  constructor(listener: RowTableListener) {
    this.#listener = listener;
  }

  /** True from the start and after an error, until a frame that is a restart. */
  get isLost(): boolean {
    return this.#reader.isLost;
  }

  /** From now on the id is this instrument, with no record yet, and the instrument has no other id. */
  announce({ id, token, tick, lot, exchange, tradingsymbol }: AnnouncedRow): void {
    this.#release(this.#idOf.get(token));
    this.#release(id);
    this.#reader.assign(id, token, scaleOf(tick, lot));
    this.#rows[id] = { id, token, tradingsymbol, exchange, seq: 0 };
    this.#idOf.set(token, id);
  }

  /** Tells of each row of the frame. Throws AppError for one that cannot be read; see FrameReader. */
  read(frame: Uint8Array): void {
    this.#reader.read(frame, this);
  }

  /** The connection is a new one: nothing has been announced. */
  reset(): void {
    this.#reader.reset();
    this.#rows.length = 0;
    this.#idOf.clear();
  }

  /** The row's record as a tick of its own; undefined when there is none. */
  tickOf(row: Row): Tick | undefined {
    const { id, seq } = row;
    if (this.#rows[id] !== row || !this.#reader.hasRecord(id)) return undefined;
    return tickOfRecord(this.#reader.words, id * RECORD_WORDS_MAX, row, seq);
  }

  onKeyframe(id: number): void {
    this.#listener.onVoid(this.#rows[id] as Row);
  }

  onRow(id: number, isKeyframe: boolean): void {
    const row = this.#rows[id] as Row;
    row.seq = this.#reader.seq;
    this.#listener.onRow(row, isKeyframe);
  }

  #release(id: number | undefined): void {
    const row = id === undefined ? undefined : this.#rows[id];
    if (!row) return;
    this.#listener.onVoid(row);
    this.#reader.release(row.id);
    this.#rows[row.id] = undefined;
    this.#idOf.delete(row.token);
  }
}
