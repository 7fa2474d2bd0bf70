// What a client missed while it was away, as frames of its dialect.
import type { InstrumentDefinition } from '../../shared/instrument.ts';
import { RESUME_BYTES_MAX } from '../../shared/limits.ts';
import { type ModeRank, receivedAtOf } from '../../shared/tick.ts';
import { FlushTimes } from '../../shared/wire/flush-times.ts';
import { WORD } from '../../shared/wire/row-model.ts';
import type { FanoutSource } from './fanout.ts';
import type { ResumeRing } from './resume-ring.ts';
import type { Frame, Records, RowFormat } from './row-format.ts';
import type { SessionLanes } from './session-lanes.ts';
import { APART } from './slot-table.ts';
import type { SessionIndex } from './subscriptions.ts';
import { isFilteredTerms, rankOfTerms, tierOfTerms } from './terms.ts';

export interface MissedTicks {
  /** Everything after this sequence. */
  readonly before: number;
  /** Whose ticks they were, and who is to be sent them. */
  readonly departed: SessionIndex;
  readonly session: SessionIndex;
  readonly tokens: ReadonlySet<number>;
}

/** Frames so far, and their bytes. */
class FrameList {
  readonly frames: Frame[] = [];
  #bytes = 0;

  get isTooMuch(): boolean {
    return this.#bytes > RESUME_BYTES_MAX;
  }

  add(frame: Frame): void {
    this.#bytes += frame.length;
    // The next frame is made in the same bytes.
    this.frames.push(typeof frame === 'string' ? frame : frame.slice());
  }
}

/** Missed ticks as rows: those of one flush make frames of their own, as they did when it was now. */
class PastRows {
  readonly #source: FanoutSource;
  readonly #session: SessionIndex;
  readonly #format: RowFormat;
  readonly #list: FrameList;
  readonly #times = new FlushTimes();
  #records: Records | undefined;
  #seq = 0;
  /** Of the flush under way: where its records stand, their slots and modes. */
  readonly #places: number[] = [];
  readonly #slots: number[] = [];
  readonly #ranks: ModeRank[] = [];

  constructor(source: FanoutSource, session: SessionIndex, format: RowFormat, list: FrameList) {
    this.#source = source;
    this.#session = session;
    this.#format = format;
    this.#list = list;
  }

  /** Takes the record at word `at`. Sequences ascend. */
  add(seq: number, records: Records, at: number, slot: number, rank: ModeRank): void {
    if (seq !== this.#seq) this.finish();
    this.#seq = seq;
    this.#records = records;
    this.#places.push(at);
    this.#slots.push(slot);
    this.#ranks.push(rank);
  }

  finish(): void {
    const records = this.#records;
    if (!records || this.#places.length === 0) return;
    this.#times.start();
    for (const at of this.#places) this.#times.add(receivedAtOf(records.view, at * 4));
    for (let next = 0; next < this.#places.length; ) next = this.#makeFrame(records, next);
    this.#places.length = 0;
    this.#slots.length = 0;
    this.#ranks.length = 0;
  }

  /** Makes one frame of what stands from `first` on, and returns where it ended. */
  #makeFrame(records: Records, first: number): number {
    const format = this.#format;
    const table = this.#source.subscriptions.tableOf(this.#session);
    format.startRows(this.#seq, this.#times);
    format.startFrame();
    let next = first;
    for (; next < this.#places.length && !format.isFull; next++) {
      const slot = this.#slots[next] as number;
      const definition = this.#source.definitions[slot] as InstrumentDefinition;
      const row = format.keyframeRow(
        records,
        this.#places[next] as number,
        this.#ranks[next] as ModeRank,
        definition,
      );
      if (!format.add(row, table.idOf(slot) & ~APART)) break;
    }
    this.#list.add(format.frameFor(this.#session));
    return next;
  }
}

/** The frames of `missed` that are in the ring, oldest first; undefined when they are too many. */
export function pastFrames(
  source: FanoutSource,
  lanes: SessionLanes,
  ring: ResumeRing,
  missed: MissedTicks,
): Frame[] | undefined {
  const { store, subscriptions, definitions, outlets } = source;
  const output = outlets[missed.session]?.output;
  const list = new FrameList();
  const format = lanes.of(missed.session)?.format;
  // Their sequences are of before: no frame of now can come before them.
  format?.restart(missed.session);
  const rows = format && new PastRows(source, missed.session, format, list);
  ring.visitAfter(missed.before, (seq, records, at, isRenewal) => {
    const token = records.words[at + WORD.token] as number;
    const slot = missed.tokens.has(token) ? store.slotOf(token) : -1;
    const terms = slot < 0 ? 0 : subscriptions.termsFor(missed.departed, slot);
    const definition = definitions[slot];
    if (terms === 0 || tierOfTerms(terms) !== 0 || isFilteredTerms(terms)) return;
    if (!definition || list.isTooMuch) return;
    const rank = rankOfTerms(terms);
    if (isRenewal && !lanes.sendsGreeks(missed.session, rank)) return;
    if (rows) rows.add(seq, records, at, slot, rank);
    else if (output?.kind === 'messages')
      list.add(output.encodeTick(records.view, at * 4, rank, definition, seq));
  });
  rows?.finish();
  return list.isTooMuch ? undefined : list.frames;
}
