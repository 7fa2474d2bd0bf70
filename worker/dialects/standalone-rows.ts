// Rows that each say everything: nothing has to be kept of what was sent, and no client can lose its place.
import type { InstrumentDefinition } from '../../shared/instrument.ts';
import { type ModeRank, RECORD_BYTES_MAX } from '../../shared/tick.ts';
import type { Frame, Records, RowFormat } from '../core/row-format.ts';
import type { Tier } from '../core/terms.ts';

export abstract class StandaloneRows implements RowFormat {
  readonly hasRowIds = false;
  readonly #records: Records;
  protected seq = 0;

  constructor(records: Records) {
    this.#records = records;
  }

  abstract readonly isFull: boolean;
  /** Voids all rows. */
  protected abstract clear(): void;
  /** Makes a row of the record at byte `at`, and returns its number. */
  protected abstract encode(
    view: DataView,
    at: number,
    rank: ModeRank,
    definition: InstrumentDefinition,
  ): number;
  abstract startFrame(): void;
  abstract add(row: number): boolean;
  abstract frameFor(): Frame;

  restart(): void {
    // Whoever lost its place goes on with any row.
  }

  forget(): void {
    // Nothing is known of a slot.
  }

  settle(): void {
    // What was sent does not matter to what is sent next.
  }

  startRows(seq: number): void {
    this.seq = seq;
    this.clear();
  }

  changeRow(slot: number, rank: ModeRank, _tier: Tier, definition: InstrumentDefinition): number {
    return this.encode(this.#records.view, slot * RECORD_BYTES_MAX, rank, definition);
  }

  joins(): boolean {
    return true;
  }

  keyframeRow({ view }: Records, at: number, rank: ModeRank, definition: InstrumentDefinition): number {
    return this.encode(view, at * 4, rank, definition);
  }
}
