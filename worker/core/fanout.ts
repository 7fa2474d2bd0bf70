// The fan-out engine: each changed instrument is encoded once per (mode, dialect), and goes to all who want it so.
//
// Dialects that send a message per tick are served on the spot. For the others a flush only notes which row goes to whom;
// then each session's frame is put together from rows, once for all sessions that get the same.
import type { InstrumentDefinition } from '../../shared/instrument.ts';
import { RECORD_WORDS_MAX, receivedAtOf } from '../../shared/tick.ts';
import type { TickStore } from '../../shared/tick-store.ts';
import { FlushTimes } from '../../shared/wire/flush-times.ts';
import { MessageEncodings } from './message-encodings.ts';
import type { Outlet } from './outlet.ts';
import type { RowFormat } from './row-format.ts';
import { RowQueue } from './row-queue.ts';
import { RowSlots } from './row-slots.ts';
import { GONE, type Lane, MESSAGES, type SessionLanes } from './session-lanes.ts';
import type { SlotSet } from './slot-set.ts';
import { APART } from './slot-table.ts';
import { type SessionIndex, type Subscriptions, sessionOfMember } from './subscriptions.ts';
import { isFilteredTerms, rankOfTerms, type Tier, tierOfTerms } from './terms.ts';

export interface FanoutSource {
  readonly store: TickStore;
  readonly subscriptions: Subscriptions;
  /** By slot; a slot without a definition is not sent: its symbol is not known yet. */
  readonly definitions: readonly (InstrumentDefinition | undefined)[];
  /** By session index; a session that has gone has none. */
  readonly outlets: readonly (Outlet | undefined)[];
}

/** One flush: what it sends, and what it leaves for later. */
export interface Flush {
  /** Its number, above that of every flush before: what clients see as `seq`. */
  readonly seq: number;
  /** Whose turn it is. */
  readonly tier: Tier;
  /** Gets the sessions whose socket is full. */
  readonly waiting: Set<SessionIndex>;
  /** By tier, gets the slots that slower subscriptions are due: filled by the flush of tier 0. */
  readonly tierSlots: readonly SlotSet[];
}

const RANKS = 4;
/** The golden ratio's fraction: its multiples spread evenly, however many there are. */
const TURN = 0.618_033_988_749_895;

export class Fanout {
  readonly #source: FanoutSource;
  readonly #lanes: SessionLanes;
  readonly #queue = new RowQueue();
  readonly #times = new FlushTimes();
  readonly #encodings = new MessageEncodings();
  /** Of the slot being flushed: by lane, whether it stands alone, and rank its row, or -1; by lane the tiers that have clients. */
  #rowsOfSlot = new Int32Array(0);
  #tiersOfSlot = new Int32Array(0);
  /** By lane. */
  #slotsOfRows: RowSlots[] = [];
  /** Ticks sent so far, each to each of its clients. */
  ticksSent = 0;
  /** Frames sent that nobody was told of yet. */
  #frames = 0;
  /** The rest of the last flush, while there is one, and up to how many frames it may go on. */
  #sending: Generator<undefined, void> | undefined;
  #framesAtOnce = 0;

  constructor(source: FanoutSource, lanes: SessionLanes) {
    this.#source = source;
    this.#lanes = lanes;
    lanes.beforeChange = () => this.finish();
  }

  /** True while frames of the last flush are still to be sent: `sendOn` does it. */
  get isSending(): boolean {
    return this.#sending !== undefined;
  }

  /**
   * Sends the current records of `slots` to everybody whose turn it is: all at once, or so many frames now and the others by
   * `sendOn`. Returns the frames delivered since the last call that told.
   */
  flush(slots: SlotSet, flush: Flush, framesAtOnce = Number.POSITIVE_INFINITY): number {
    this.finish();
    const { store } = this.#source;
    this.#times.start();
    if (this.#lanes.all.length > 0) {
      for (let i = 0; i < slots.size; i++) {
        const slot = slots.at(i);
        if (store.kindAt(slot) !== 0) this.#times.add(receivedAtOf(store.view, store.byteOffset(slot)));
      }
    }
    this.#startRows(flush.seq);
    for (let i = 0; i < slots.size; i++) {
      this.#frames += this.#flushSlot(slots.at(i), flush);
      if (!this.#queue.isFull && !this.#lanes.all.some(({ format }) => format.isFull)) continue;
      this.#sending = this.#sendQueued(flush);
      this.finish();
      this.#startRows(flush.seq);
    }
    this.#sending = this.#sendQueued(flush);
    return this.sendOn(framesAtOnce);
  }

  /** Sends so many more frames of the last flush. Returns the frames delivered since the last call that told. */
  sendOn(framesAtOnce: number): number {
    this.#framesAtOnce = this.#frames + framesAtOnce;
    if (this.#sending?.next().done) this.#sending = undefined;
    return this.#takeFrames();
  }

  /** Sends all that is left of the last flush. Whatever changes sessions, rows or ids calls this first. */
  finish(): void {
    this.#framesAtOnce = Number.POSITIVE_INFINITY;
    this.#sending?.next();
    this.#sending = undefined;
  }

  #takeFrames(): number {
    const frames = this.#frames;
    this.#frames = 0;
    return frames;
  }

  #startRows(seq: number): void {
    const lanes = this.#lanes.all.length;
    if (this.#tiersOfSlot.length !== lanes) {
      this.#rowsOfSlot = new Int32Array(lanes * 2 * RANKS);
      this.#tiersOfSlot = new Int32Array(lanes);
      this.#slotsOfRows = Array.from({ length: lanes }, () => new RowSlots());
    }
    for (const { format } of this.#lanes.all) format.startRows(seq, this.#times);
  }

  #flushSlot(slot: number, flush: Flush): number {
    const { store, subscriptions, definitions } = this.#source;
    const definition = definitions[slot];
    if (!definition || store.kindAt(slot) === 0) return 0;
    const { members, ids, count } = subscriptions.memberList(slot);
    this.#rowsOfSlot.fill(-1);
    this.#tiersOfSlot.fill(0);
    this.#encodings.start();
    let frames = 0;
    for (let i = 0; i < count; i++) {
      const member = members[i] as number;
      const session = sessionOfMember(member);
      const lane = this.#lanes.indexOf(session);
      if (lane === GONE) continue;
      const tier = tierOfTerms(member);
      if (lane >= 0) this.#tiersOfSlot[lane] = (this.#tiersOfSlot[lane] as number) | (1 << tier);
      if (tier !== flush.tier) {
        if (flush.tier === 0) flush.tierSlots[tier]?.add(slot);
        continue;
      }
      if (lane >= 0 && !this.#lanes.sharing.leads(session)) continue;
      if (isFilteredTerms(member) && !subscriptions.filters.passes(session, slot, store)) continue;
      if (lane === MESSAGES) frames += this.#sendMessage(slot, member, definition, flush);
      else this.#queueRow(lane, slot, member, ids[i] as number, definition, flush);
    }
    for (const [lane, { format }] of this.#lanes.all.entries())
      format.settle(slot, flush.tier, this.#tiersOfSlot[lane] as number);
    return frames;
  }

  /** Sends the tick as a message of its own, or has it wait. */
  #sendMessage(slot: number, member: number, definition: InstrumentDefinition, flush: Flush): number {
    const { store, subscriptions, outlets } = this.#source;
    const session = sessionOfMember(member);
    const outlet = outlets[session];
    if (outlet?.output.kind !== 'messages') return 0;
    if (!outlet.hasRoom(flush.seq)) {
      outlet.hold(slot);
      flush.waiting.add(session);
      return 0;
    }
    const { encodeTick } = outlet.output;
    const at = store.byteOffset(slot);
    outlet.deliver(
      this.#encodings.get(encodeTick, store.view, at, rankOfTerms(member), definition, flush.seq),
    );
    this.ticksSent++;
    if (isFilteredTerms(member)) subscriptions.filters.sent(session, slot, store);
    return 1;
  }

  #queueRow(
    lane: number,
    slot: number,
    member: number,
    id: number,
    definition: InstrumentDefinition,
    flush: Flush,
  ): void {
    const { format } = this.#lanes.all[lane] as Lane;
    const session = sessionOfMember(member);
    if ((id & APART) !== 0 && format.hasRowIds) {
      // They need all of it, and those without an id have to be told that first: NO_ROW_ID has this bit, too.
      this.#holdForGroup(session, slot, flush);
      return;
    }
    const rank = rankOfTerms(member);
    // Through a filter it has not had every change: its rows stand alone.
    const isAlone = isFilteredTerms(member);
    const at = (lane * 2 + (isAlone ? 1 : 0)) * RANKS + rank;
    let row = this.#rowsOfSlot[at] as number;
    if (row < 0) {
      row = isAlone
        ? format.keyframeRow(this.#source.store, slot * RECORD_WORDS_MAX, rank, definition)
        : format.changeRow(slot, rank, flush.tier, definition);
      this.#rowsOfSlot[at] = row;
      this.#slotsOfRows[lane]?.set(row, slot);
    }
    this.#queue.push(session, row, id);
  }

  #holdForGroup(leader: SessionIndex, slot: number, flush: Flush): void {
    for (const session of this.#lanes.sharing.groupOf(leader)) {
      this.#source.outlets[session]?.hold(slot);
      flush.waiting.add(session);
    }
  }

  /**
   * Puts frames together and sends them, and stops after each `#framesAtOnce`. What is given to a socket leaves when nobody
   * works here: with a thousand in one go, the first would wait for the last.
   */
  *#sendQueued(flush: Flush): Generator<undefined, void> {
    const { filters } = this.#source.subscriptions;
    const queue = this.#queue;
    const sessions = queue.sessionCount;
    // What a filter is told of is the record of now: who has one cannot wait for a later one.
    for (let i = 0; filters.size > 0 && i < sessions; i++) {
      const leader = queue.sessionAt(i);
      if (filters.countOf(leader) > 0) for (const _ of this.#sendTo(leader, flush));
    }
    // The last of a thousand is sent to 20 ms after the first: it is somebody else's turn in each flush.
    const turn = Math.floor(sessions * ((flush.seq * TURN) % 1));
    for (let i = 0; i < sessions; i++) {
      const leader = queue.sessionAt((i + turn) % sessions);
      if (filters.countOf(leader) === 0) yield* this.#sendTo(leader, flush);
    }
    queue.clear();
  }

  /** Sends the leader's group its frames. */
  *#sendTo(leader: SessionIndex, flush: Flush): Generator<undefined, void> {
    const queue = this.#queue;
    const { format } = this.#lanes.of(leader) as Lane;
    const count = queue.countOf(leader);
    let entry = queue.firstOf(leader);
    let [first, rows] = [entry, 0];
    format.startFrame();
    for (let done = 0; done < count; done++) {
      if (!format.add(queue.rowAt(entry), queue.idAt(entry))) {
        yield* this.#sendFrame(leader, format, first, rows, flush);
        [first, rows] = [entry, 0];
        format.startFrame();
        format.add(queue.rowAt(entry), queue.idAt(entry));
      }
      rows++;
      entry = queue.after(entry);
    }
    yield* this.#sendFrame(leader, format, first, rows, flush);
  }

  /** Sends the frame that has just been put together, of so many entries from `first` on, to the leader's group. */
  *#sendFrame(
    leader: SessionIndex,
    format: RowFormat,
    first: number,
    rows: number,
    flush: Flush,
  ): Generator<undefined, void> {
    const { outlets, subscriptions, store } = this.#source;
    const group = this.#lanes.sharing.groupOf(leader);
    const turn = Math.floor(group.length * ((flush.seq * TURN) % 1));
    for (let i = 0; i < group.length; i++) {
      if (this.#frames >= this.#framesAtOnce) yield;
      const session = group[(i + turn) % group.length] as SessionIndex;
      const outlet = outlets[session];
      if (!outlet) continue;
      if (!outlet.hasRoom(flush.seq)) {
        this.#visitSlots(leader, first, rows, (slot) => outlet.hold(slot));
        flush.waiting.add(session);
        continue;
      }
      outlet.deliver(format.frameFor(session));
      this.ticksSent += rows;
      this.#frames++;
      if (subscriptions.filters.countOf(session) > 0)
        this.#visitSlots(leader, first, rows, (slot) => subscriptions.filters.sent(session, slot, store));
    }
  }

  #visitSlots(leader: SessionIndex, first: number, rows: number, visit: (slot: number) => void): void {
    const slots = this.#slotsOfRows[this.#lanes.indexOf(leader)];
    let entry = first;
    for (let i = 0; i < rows; i++) {
      visit(slots?.get(this.#queue.rowAt(entry)) as number);
      entry = this.#queue.after(entry);
    }
  }

  /**
   * Sends one session what waits for it, each instrument's value of now. What was news when it began to wait and is none
   * any more to its filter is not sent. `isDue` tells whether a flush of that tier will send the slot. Returns the frames
   * delivered.
   */
  drain(
    session: SessionIndex,
    seq: number,
    nowMs: number,
    isDue: (slot: number, tier: Tier) => boolean,
  ): number {
    this.finish();
    const outlet = this.#source.outlets[session];
    if (!outlet) return this.#takeFrames();
    const lane = this.#lanes.of(session);
    const drained = outlet.drain(seq, nowMs, (held) => {
      for (const slot of held) if (!this.#isWanted(session, slot)) held.delete(slot);
      if (lane) return this.#drainRows(session, outlet, lane, held, seq, isDue);
      return this.#drainMessages(session, outlet, held, seq);
    });
    return drained + this.#takeFrames();
  }

  #isWanted(session: SessionIndex, slot: number): boolean {
    const { definitions, subscriptions, store } = this.#source;
    const terms = subscriptions.termsFor(session, slot);
    if (!definitions[slot] || terms === 0 || store.kindAt(slot) === 0) return false;
    return !isFilteredTerms(terms) || subscriptions.filters.passes(session, slot, store);
  }

  #drainMessages(session: SessionIndex, outlet: Outlet, held: Set<number>, seq: number): number {
    const { store, subscriptions, definitions } = this.#source;
    if (outlet.output.kind !== 'messages') return 0;
    let frames = 0;
    for (const slot of held) {
      if (!outlet.hasRoomLeft) break;
      held.delete(slot);
      const rank = rankOfTerms(subscriptions.termsFor(session, slot));
      const definition = definitions[slot] as InstrumentDefinition;
      outlet.deliver(outlet.output.encodeTick(store.view, store.byteOffset(slot), rank, definition, seq));
      subscriptions.filters.sent(session, slot, store);
      this.ticksSent++;
      frames++;
    }
    return frames;
  }

  #drainRows(
    session: SessionIndex,
    outlet: Outlet,
    { output, format }: Lane,
    held: Set<number>,
    seq: number,
    isDue: (slot: number, tier: Tier) => boolean,
  ): number {
    const { store } = this.#source;
    let frames = 0;
    const announced = this.#lanes.announce(session, held);
    if (announced.length > 0 && output.encodeRows) {
      outlet.deliver(output.encodeRows(announced));
      frames++;
    }
    this.#times.start();
    for (const slot of held) this.#times.add(receivedAtOf(store.view, store.byteOffset(slot)));
    while (held.size > 0 && outlet.hasRoomLeft) {
      format.startRows(seq, this.#times);
      const rows = this.#fillFrame(session, format, held, isDue);
      outlet.deliver(format.frameFor(session));
      this.ticksSent += rows;
      frames++;
    }
    return frames;
  }

  /** Puts as many of the held slots into a frame as it takes, at least one; they are not held any more. */
  #fillFrame(
    session: SessionIndex,
    format: RowFormat,
    held: Set<number>,
    isDue: (slot: number, tier: Tier) => boolean,
  ): number {
    const { store, subscriptions, definitions } = this.#source;
    let [rows, isRegrouped] = [0, false];
    format.startFrame();
    for (const slot of held) {
      if (format.isFull) break;
      const terms = subscriptions.termsFor(session, slot);
      const definition = definitions[slot] as InstrumentDefinition;
      const row = format.keyframeRow(store, slot * RECORD_WORDS_MAX, rankOfTerms(terms), definition);
      if (!format.add(row, subscriptions.tableOf(session).idOf(slot) & ~APART)) break;
      held.delete(slot);
      const tier = tierOfTerms(terms);
      const isApart = !format.joins(slot, tier, isDue(slot, tier));
      if (subscriptions.setApart(session, slot, isApart)) isRegrouped = true;
      subscriptions.filters.sent(session, slot, store);
      rows++;
    }
    if (isRegrouped) this.#lanes.regroup(session);
    return rows;
  }
}
