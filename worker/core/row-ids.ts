// The small numbers by which one connection's rows name its instruments.
import { WIRE_ROW_IDS_MAX } from '../../shared/limits.ts';
import { NO_ROW_ID } from './slot-table.ts';

/** Gives ids out from 0, those that were given back first: small ids take one byte. */
export class RowIds {
  #next = 0;
  readonly #free: number[] = [];

  /** NO_ROW_ID when all are in use. */
  take(): number {
    const id = this.#free.pop() ?? this.#next;
    if (id === this.#next) {
      if (id >= WIRE_ROW_IDS_MAX) return NO_ROW_ID;
      this.#next++;
    }
    return id;
  }

  giveBack(id: number): void {
    this.#free.push(id);
  }
}
