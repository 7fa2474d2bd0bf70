// Rows of the binary wire at one gateway: each is a change of what the last flush of its tier sent (docs/wire.md).
import type { InstrumentDefinition } from '../../../shared/instrument.ts';
import { FLUSH_ROWS_BYTES_MAX, ROWS_FRAME_BYTES_MAX, WIRE_ROW_BYTES_MAX } from '../../../shared/limits.ts';
import { type ModeRank, RANK_MAX, RECORD_WORDS_MAX } from '../../../shared/tick.ts';
import { BIT_WRITER_SLACK_BYTES } from '../../../shared/wire/bit-writer.ts';
import type { FlushTimes } from '../../../shared/wire/flush-times.ts';
import { FRAME_COUNTER_MASK, FrameWriter } from '../../../shared/wire/frame.ts';
import { RowEncoder } from '../../../shared/wire/row-encoder.ts';
import { type Scale, scaleOfInstrument } from '../../../shared/wire/scale.ts';
import type { Records, RowFormat } from '../../core/row-format.ts';
import type { SessionIndex } from '../../core/subscriptions.ts';
import type { Tier } from '../../core/terms.ts';
import { RowBytes } from '../row-bytes.ts';
import { SentRecords } from './sent-records.ts';
import { SessionCounters } from './session-counters.ts';

/** Room behind the last row for those of one more instrument, in all modes. */
const ROWS_SLACK_BYTES = RANK_MAX * WIRE_ROW_BYTES_MAX + BIT_WRITER_SLACK_BYTES;

export class WireRows implements RowFormat {
  readonly hasRowIds = true;
  readonly #records: Records;
  readonly #rows = new RowBytes(FLUSH_ROWS_BYTES_MAX, ROWS_SLACK_BYTES);
  readonly #encoder = new RowEncoder(this.#rows.bytes);
  readonly #frame = new FrameWriter(new Uint8Array(ROWS_FRAME_BYTES_MAX));
  readonly #sent = new SentRecords();
  readonly #counters = new SessionCounters();
  /** By slot, what it is worked out from and the scale. */
  readonly #scales: ({ readonly definition: InstrumentDefinition; readonly scale: Scale } | undefined)[] = [];
  #seq = 0;
  /** The frame as it was addressed last, which most sessions of a group share. */
  #addressed: Uint8Array | undefined;
  #addressedCounter = 0;
  #addressedSeq = 0;

  constructor(records: Records) {
    this.#records = records;
  }

  get isFull(): boolean {
    return this.#rows.isFull;
  }

  restart(session: SessionIndex): void {
    this.#counters.restart(session);
  }

  forget(slot: number): void {
    this.#sent.forget(slot);
    this.#scales[slot] = undefined;
  }

  startRows(seq: number, times: FlushTimes): void {
    this.#rows.clear();
    this.#seq = seq;
    this.#encoder.startFlush(times);
    this.#frame.startFlush(seq, times);
  }

  changeRow(slot: number, rank: ModeRank, tier: Tier, definition: InstrumentDefinition): number {
    const at = slot * RECORD_WORDS_MAX;
    const base = this.#sent.wordsFor(tier, slot);
    const scale = this.#scaleOf(slot, definition);
    return this.#rows.add(
      this.#encoder.encode(this.#rows.end, this.#records.words, at, base, at, rank, scale),
    );
  }

  settle(slot: number, tier: Tier, tiers: number): void {
    const isSent = (tiers & (1 << tier)) !== 0;
    if (isSent) this.#sent.keep(tier, slot, this.#records.words);
    // Of a tier that has nobody, nothing keeps what was sent up to date.
    if (tier === 0) this.#sent.forgetTiers(slot, ~tiers);
  }

  joins(slot: number, tier: Tier, isDue: boolean): boolean {
    // Also when nothing is known to have been sent: others may have what was forgotten, and this is not it.
    if (isDue) return false;
    this.#sent.keep(tier, slot, this.#records.words);
    return true;
  }

  keyframeRow({ words }: Records, at: number, rank: ModeRank, definition: InstrumentDefinition): number {
    const scale = scaleOfInstrument(definition);
    return this.#rows.add(this.#encoder.encodeKeyframe(this.#rows.end, words, at, rank, scale));
  }

  startFrame(): void {
    this.#frame.clear();
    this.#addressed = undefined;
  }

  add(row: number, id: number): boolean {
    return this.#frame.row(id, this.#rows.bytes, this.#rows.startOf(row), this.#rows.endOf(row));
  }

  frameFor(session: SessionIndex): Uint8Array {
    const counter = this.#counters.counterOf(session);
    const seqBefore = this.#counters.seqOf(session);
    this.#counters.sent(session, this.#seq);
    const isSame = counter === this.#addressedCounter && seqBefore === this.#addressedSeq;
    if (this.#addressed && isSame) return this.#addressed;
    // A restart names its counter, any other frame comes after the one before.
    if (seqBefore === 0) this.#frame.addressRestart((counter + 1) & FRAME_COUNTER_MASK);
    else this.#frame.address(counter, seqBefore);
    this.#addressed = this.#frame.finish();
    this.#addressedCounter = counter;
    this.#addressedSeq = seqBefore;
    return this.#addressed;
  }

  #scaleOf(slot: number, definition: InstrumentDefinition): Scale {
    const known = this.#scales[slot];
    if (known?.definition === definition) return known.scale;
    const scale = scaleOfInstrument(definition);
    this.#scales[slot] = { definition, scale };
    return scale;
  }
}
