// Batched JSON: the ticks of one flush in one message, each as in a message of its own.
import type { InstrumentDefinition } from '../../../shared/instrument.ts';
import { FLUSH_ROWS_CHARS_MAX, ROWS_FRAME_BYTES_MAX } from '../../../shared/limits.ts';
import type { ModeRank } from '../../../shared/tick.ts';
import { StandaloneRows } from '../standalone-rows.ts';
import { encodeTickData } from './tick.ts';

const HEAD = '{"type":"ticks","data":[';
const TAIL = ']}';

export class JsonRows extends StandaloneRows {
  readonly #rows: string[] = [];
  #rowsChars = 0;
  /** Of the frame under way. */
  readonly #parts: string[] = [];
  #frameChars = 0;
  /** Put together when the first session is sent it. */
  #frame: string | undefined;

  get isFull(): boolean {
    return this.#rowsChars >= FLUSH_ROWS_CHARS_MAX;
  }

  protected clear(): void {
    this.#rows.length = 0;
    this.#rowsChars = 0;
  }

  protected encode(view: DataView, at: number, rank: ModeRank, definition: InstrumentDefinition): number {
    const row = encodeTickData(view, at, rank, definition, this.seq);
    this.#rowsChars += row.length;
    return this.#rows.push(row) - 1;
  }

  startFrame(): void {
    this.#parts.length = 0;
    this.#frameChars = HEAD.length + TAIL.length;
    this.#frame = undefined;
  }

  add(row: number): boolean {
    const text = this.#rows[row] as string;
    // One tick is sent however long its symbol.
    const isTooLong = this.#frameChars + text.length + 1 > ROWS_FRAME_BYTES_MAX;
    if (isTooLong && this.#parts.length > 0) return false;
    this.#frameChars += text.length + 1;
    this.#parts.push(text);
    return true;
  }

  frameFor(): string {
    this.#frame ??= `${HEAD}${this.#parts.join(',')}${TAIL}`;
    return this.#frame;
  }
}
