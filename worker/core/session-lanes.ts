// Which sessions are of which dialect, who leads whose frames, and which ids their rows have.

import { type ModeRank, RANK_MAX } from '../../shared/tick.ts';
import type { FanoutSource } from './fanout.ts';
import { FrameSharing, printOfRows } from './frame-sharing.ts';
import type { RowAnnouncement, RowFormat, TickOutput } from './row-format.ts';
import { NO_ROW_ID } from './slot-table.ts';
import { type SessionIndex, sessionOfMember } from './subscriptions.ts';

/** All sessions of one dialect that sends frames of rows. */
export interface Lane {
  readonly output: Extract<TickOutput, { kind: 'rows' }>;
  readonly format: RowFormat;
}

/** What stands for a session's lane when it has none: its client is not here, or is sent messages. */
export const GONE = -1;
export const MESSAGES = -2;

const SESSIONS_AT_START = 64;

export class SessionLanes {
  readonly #source: FanoutSource;
  /** Called before anything here changes: who is in the middle of sending has to end it. */
  beforeChange: () => void = () => undefined;
  readonly all: Lane[] = [];
  readonly sharing = new FrameSharing();
  /** By session, the index of its lane, or one of the two above. */
  #laneOf = new Int8Array(SESSIONS_AT_START).fill(GONE);

  constructor(source: FanoutSource) {
    this.#source = source;
  }

  /** The index of the session's lane, GONE or MESSAGES. */
  indexOf(session: SessionIndex): number {
    return this.#laneOf[session] ?? GONE;
  }

  /** Undefined where the session has none. */
  of(session: SessionIndex): Lane | undefined {
    return this.all[this.indexOf(session)];
  }

  /** Whether the session's client is sent Greeks in the mode of `rank`. */
  sendsGreeks(session: SessionIndex, rank: ModeRank): boolean {
    return rank === RANK_MAX && !this.#source.outlets[session]?.output.lacksGreeks;
  }

  /** The session has an outlet, which is new: its client has nothing. */
  open(session: SessionIndex): void {
    this.beforeChange();
    const outlet = this.#source.outlets[session];
    if (!outlet) return;
    if (session >= this.#laneOf.length) this.#growSessions(session + 1);
    const { output } = outlet;
    this.#laneOf[session] = output.kind === 'rows' ? this.#laneFor(output) : MESSAGES;
    this.of(session)?.format.restart(session);
    this.regroup(session);
  }

  /** The session has no outlet any more. */
  close(session: SessionIndex): void {
    this.beforeChange();
    this.#laneOf[session] = GONE;
    this.sharing.leave(session);
  }

  /** The session's subscriptions, or the ids of its rows, are others. */
  regroup(session: SessionIndex): void {
    const lane = this.indexOf(session);
    if (lane < 0) return;
    this.beforeChange();
    const { subscriptions } = this.#source;
    const table = subscriptions.tableOf(session);
    const isAlone = subscriptions.filters.countOf(session) > 0;
    this.sharing.update(session, printOfRows(lane, table), (other) => {
      if (isAlone || this.#laneOf[other] !== lane || subscriptions.filters.countOf(other) > 0) return false;
      return table.isSameAs(subscriptions.tableOf(other));
    });
  }

  /** The slot has no value: who comes now has nothing of it, so that the next row must need nothing. */
  forgetValue(slot: number): void {
    this.beforeChange();
    for (const { format } of this.all) format.forget(slot);
  }

  /** Nothing that was told or sent of the slot counts any more. */
  forget(slot: number): void {
    this.forgetValue(slot);
    const { subscriptions } = this.#source;
    for (const member of subscriptions.membersOf(slot)) {
      const session = sessionOfMember(member);
      if (!this.hasRowIds(session)) continue;
      subscriptions.forgetRowId(session, slot);
      this.regroup(session);
    }
  }

  /** True when the session's rows are changes, and name instruments by ids. */
  hasRowIds(session: SessionIndex): boolean {
    return this.of(session)?.format.hasRowIds ?? false;
  }

  /** The client has lost its place: what comes next needs nothing before it. The caller has it be sent everything. */
  restart(session: SessionIndex): void {
    this.beforeChange();
    this.of(session)?.format.restart(session);
  }

  /** Ids for the session's rows of these slots, those that had none before and whose definition is known. */
  announce(session: SessionIndex, slots: Iterable<number>): RowAnnouncement[] {
    const announced: RowAnnouncement[] = [];
    if (!this.hasRowIds(session)) return announced;
    this.beforeChange();
    const { subscriptions, definitions } = this.#source;
    const table = subscriptions.tableOf(session);
    for (const slot of slots) {
      const definition = definitions[slot];
      if (!definition || !table.has(slot) || table.idOf(slot) !== NO_ROW_ID) continue;
      const id = subscriptions.giveRowId(session, slot);
      if (id !== NO_ROW_ID) announced.push({ id, definition });
    }
    if (announced.length > 0) this.regroup(session);
    return announced;
  }

  #laneFor(output: Lane['output']): number {
    const known = this.all.findIndex((lane) => lane.output === output);
    if (known >= 0) return known;
    return this.all.push({ output, format: output.createFormat(this.#source.store) }) - 1;
  }

  #growSessions(sessions: number): void {
    const lanes = new Int8Array(sessions * 2).fill(GONE);
    lanes.set(this.#laneOf);
    this.#laneOf = lanes;
  }
}
