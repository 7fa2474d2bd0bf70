// Rows of a flush as bytes, one behind the other, named by numbers.
import { FLUSH_ROWS_MAX } from '../../shared/limits.ts';

const ROWS_AT_START = 256;

export class RowBytes {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly #bytesMax: number;
  /** By row, where it ends: it starts where the one before it ended. */
  #ends = new Uint32Array(ROWS_AT_START);
  #count = 0;

  /** Rows may begin up to `bytesMax`, and write `slackBytes` from there. */
  constructor(bytesMax: number, slackBytes: number) {
    this.#bytesMax = bytesMax;
    this.bytes = new Uint8Array(bytesMax + slackBytes);
  }

  get isFull(): boolean {
    return this.end >= this.#bytesMax || this.#count >= FLUSH_ROWS_MAX;
  }

  /** Where the next row is to be written. */
  get end(): number {
    return this.startOf(this.#count);
  }

  /** Takes in the row that was written from `end` up to here. Returns its number. */
  add(end: number): number {
    if (this.#count === this.#ends.length) {
      const ends = new Uint32Array(this.#ends.length * 2);
      ends.set(this.#ends);
      this.#ends = ends;
    }
    this.#ends[this.#count] = end;
    return this.#count++;
  }

  startOf(row: number): number {
    return row === 0 ? 0 : (this.#ends[row - 1] as number);
  }

  endOf(row: number): number {
    return this.#ends[row] as number;
  }

  clear(): void {
    this.#count = 0;
  }
}
