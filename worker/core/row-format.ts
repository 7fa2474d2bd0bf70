// The contract of dialects that send one frame per client and flush: rows are made once, frames are put together from them.
import type { InstrumentDefinition } from '../../shared/instrument.ts';
import type { ModeRank } from '../../shared/tick.ts';
import type { FlushTimes } from '../../shared/wire/flush-times.ts';
import type { SessionIndex } from './subscriptions.ts';
import type { Tier } from './terms.ts';

/** Tick records, one every RECORD_WORDS_MAX words. */
export interface Records {
  readonly words: Uint32Array;
  readonly view: DataView;
}

/** What a socket sends: bytes as a binary message, a string as a text one. Bytes are good until the next frame is asked for. */
export type Frame = string | Uint8Array;

/** What a client is told of an instrument before the first row of it. */
export interface RowAnnouncement {
  readonly id: number;
  readonly definition: InstrumentDefinition;
}

/**
 * Rows and frames of one dialect at one gateway. A row is named by a number that is good until the next `startRows`.
 *
 * Rows may be changes: a client of a tier has, of each instrument, the record that the tier's last flush of it sent, or it
 * is sent a whole row first. Who calls this keeps to that.
 */
export interface RowFormat {
  /** True when rows name instruments by ids that the client has to be told. */
  readonly hasRowIds: boolean;
  /** True when there may be no room for another instrument's rows. */
  readonly isFull: boolean;
  /** The session's connection is new, or its client has lost its place: it has nothing that a row could be a change of. */
  restart(session: SessionIndex): void;
  /** The slot has no value, or is another instrument's: what was sent of it is nothing to be a change of. */
  forget(slot: number): void;
  /** Voids all rows. `times` has the receive time of every record that may become one now; `seq` is what clients see. */
  startRows(seq: number, times: FlushTimes): void;
  /** The slot's record for clients that have what the tier's last flush of it sent. */
  changeRow(slot: number, rank: ModeRank, tier: Tier, definition: InstrumentDefinition): number;
  /** The flush of `tier` has made its rows of the slot; `tiers` has a bit for each that has clients of this format. */
  settle(slot: number, tier: Tier, tiers: number): void;
  /**
   * Whether a client that is sent the slot's record now has what the tier's next row of it will be a change of. When the
   * tier's next flush will send it (`isDue`), that row is a change of an older record.
   */
  joins(slot: number, tier: Tier, isDue: boolean): boolean;
  /** The record at word `at` on its own. */
  keyframeRow(records: Records, at: number, rank: ModeRank, definition: InstrumentDefinition): number;
  /** Begins a frame; `add` adds a row, or answers false when the frame has no room for it. */
  startFrame(): void;
  add(row: number, id: number): boolean;
  /** The frame as this session has to be sent it. Asked once for each session that is sent it. */
  frameFor(session: SessionIndex): Frame;
}

/** How a dialect sends ticks: each in a message of its own, or as rows of frames. One object for all sessions of a dialect. */
export type TickOutput = {
  /** Set where no tick carries an option's Greeks, not even in full mode: new Greeks alone are no news there. */
  readonly lacksGreeks?: true;
} & (
  | {
      readonly kind: 'messages';
      /** The record at byte `at` as one frame, cut down to `rank`. Called once per (instrument, rank) and flush. */
      readonly encodeTick: TickEncoder;
    }
  | {
      readonly kind: 'rows';
      /** A gateway makes one for all its sessions. */
      readonly createFormat: (records: Records) => RowFormat;
      /** The message that announces rows; only where they have ids. */
      readonly encodeRows?: (rows: readonly RowAnnouncement[]) => string;
    }
);

/** Turns a record into one frame of some dialect; `seq` is the flush's number. */
export type TickEncoder = (
  view: DataView,
  at: number,
  rank: ModeRank,
  definition: InstrumentDefinition,
  seq: number,
) => string;
