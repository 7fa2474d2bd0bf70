// Ticks as Kite's binary frames: packets of one flush behind their count, each behind its length, all big-endian.
import { encodeKitePacket, KITE_PACKET_BYTES } from '../../../shared/kite-packet.ts';
import { FLUSH_ROWS_BYTES_MAX, ROWS_FRAME_BYTES_MAX } from '../../../shared/limits.ts';
import { AT, kindAtRank, type ModeRank, RANK_MAX, type RecordKind } from '../../../shared/tick.ts';
import { RowBytes } from '../row-bytes.ts';
import { StandaloneRows } from '../standalone-rows.ts';

/** Of packets in front of a frame, and of bytes in front of a packet. A frame is full long before its count is. */
const COUNT_BYTES = 2;
const LENGTH_BYTES = 2;
/** Room behind the last row for those of one more instrument, in all modes. */
const ROWS_SLACK_BYTES = RANK_MAX * (LENGTH_BYTES + KITE_PACKET_BYTES.full);

export class KiteRows extends StandaloneRows {
  readonly #rows = new RowBytes(FLUSH_ROWS_BYTES_MAX, ROWS_SLACK_BYTES);
  readonly #rowsView = new DataView(this.#rows.bytes.buffer);
  readonly #frame = new Uint8Array(ROWS_FRAME_BYTES_MAX);
  readonly #frameView = new DataView(this.#frame.buffer);
  #frameBytes = COUNT_BYTES;
  #packets = 0;

  get isFull(): boolean {
    return this.#rows.isFull;
  }

  protected clear(): void {
    this.#rows.clear();
  }

  /** A record that holds less than the mode asks for is a packet of what it holds. */
  protected encode(view: DataView, at: number, rank: ModeRank): number {
    const kind = kindAtRank(view.getUint32(at + AT.kind, true) as RecordKind, rank);
    const start = this.#rows.end;
    const bytes = encodeKitePacket(view, at, kind, this.#rowsView, start + LENGTH_BYTES);
    this.#rowsView.setUint16(start, bytes);
    return this.#rows.add(start + LENGTH_BYTES + bytes);
  }

  startFrame(): void {
    this.#frameBytes = COUNT_BYTES;
    this.#packets = 0;
  }

  add(row: number): boolean {
    const [start, end] = [this.#rows.startOf(row), this.#rows.endOf(row)];
    if (this.#frameBytes + end - start > this.#frame.length) return false;
    this.#frame.set(this.#rows.bytes.subarray(start, end), this.#frameBytes);
    this.#frameBytes += end - start;
    this.#packets++;
    return true;
  }

  frameFor(): Uint8Array {
    this.#frameView.setUint16(0, this.#packets);
    return this.#frame.subarray(0, this.#frameBytes);
  }
}
