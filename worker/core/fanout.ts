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
  /** By tier, those of its slots of which more than the Greeks has changed; filled as `tierSlots`. */
  readonly ticked: readonly SlotSet[];
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
  /** The last flush, while there is something left of it to be sent, and up to how many frames it may go on. */
  #sending: Flush | undefined;
  #framesAtOnce = 0;
  /** Where it is: the session in the queue, while it leads a group that is being served; its group; its rows. */
  #position = 0;
  #leader: SessionIndex | undefined;
  #groupAt = 0;
  #entry = 0;
  #entriesLeft = 0;
  /** Of the frame that has just been put together: its first entry, and how many. */
  #first = 0;
  #rows = 0;

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
      this.#beginSending(flush);
      this.finish();
      this.#startRows(flush.seq);
    }
    this.#beginSending(flush);
    return this.sendOn(framesAtOnce);
  }

  /** Sends so many more frames of the last flush. Returns the frames delivered since the last call that told. */
  sendOn(framesAtOnce: number): number {
    this.#framesAtOnce = this.#frames + framesAtOnce;
    if (this.#sending) this.#sendQueued(this.#sending);
    return this.#takeFrames();
  }

  /** Sends all that is left of the last flush. Whatever changes sessions, rows or ids calls this first. */
  finish(): void {
    this.#framesAtOnce = Number.POSITIVE_INFINITY;
    if (this.#sending) this.#sendQueued(this.#sending);
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
    const isRenewal = flush.ticked[flush.tier]?.has(slot) !== true;
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
        if (flush.tier === 0 && !isRenewal) flush.ticked[tier]?.add(slot);
        continue;
      }
      if (isRenewal && !this.#lanes.sendsGreeks(session, rankOfTerms(member))) continue;
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

  /** Begins to send what is queued; those with filters are served here and now. */
  #beginSending(flush: Flush): void {
    const { filters } = this.#source.subscriptions;
    this.#sending = flush;
    this.#position = 0;
    this.#framesAtOnce = Number.POSITIVE_INFINITY;
    // What a filter is told of is the record of now: who has one cannot wait for a later one.
    for (let i = 0; filters.size > 0 && i < this.#queue.sessionCount; i++) {
      const leader = this.#queue.sessionAt(i);
      if (filters.countOf(leader) === 0) continue;
      this.#openFrames(leader);
      this.#sendFrames(leader, flush);
      // Not told by its filters later on: it may have others by then.
      this.#queue.take(leader);
    }
    this.#leader = undefined;
  }

  /**
   * Puts frames together and sends them, until `#framesAtOnce`. What is given to a socket leaves when nobody works here: with
   * a thousand in one go, the first would wait for the last.
   */
  #sendQueued(flush: Flush): void {
    const queue = this.#queue;
    const sessions = queue.sessionCount;
    // The last of a thousand is sent to 20 ms after the first: it is somebody else's turn in each flush.
    const turn = Math.floor(sessions * ((flush.seq * TURN) % 1));
    while (this.#position < sessions) {
      let leader = this.#leader;
      if (leader === undefined) {
        leader = queue.sessionAt((this.#position + turn) % sessions);
        if (queue.countOf(leader) === 0) {
          this.#position++;
          continue;
        }
        this.#openFrames(leader);
      }
      if (!this.#sendFrames(leader, flush)) return;
      this.#leader = undefined;
      this.#position++;
    }
    queue.clear();
    this.#sending = undefined;
  }

  /** The leader's group is next. */
  #openFrames(leader: SessionIndex): void {
    this.#leader = leader;
    this.#entry = this.#queue.firstOf(leader);
    this.#entriesLeft = this.#queue.countOf(leader);
    this.#fillFrame(leader);
  }

  /** Puts as many of the leader's rows that are left as it takes into a frame, for all of its group. */
  #fillFrame(leader: SessionIndex): void {
    const queue = this.#queue;
    const { format } = this.#lanes.of(leader) as Lane;
    let entry = this.#entry;
    let rows = 0;
    format.startFrame();
    while (rows < this.#entriesLeft && format.add(queue.rowAt(entry), queue.idAt(entry))) {
      rows++;
      entry = queue.after(entry);
    }
    this.#first = this.#entry;
    this.#rows = rows;
    this.#entry = entry;
    this.#entriesLeft -= rows;
    this.#groupAt = 0;
  }

  /** Sends the leader's group its frames; false when there are more than may be sent at once. */
  #sendFrames(leader: SessionIndex, flush: Flush): boolean {
    const { format } = this.#lanes.of(leader) as Lane;
    const group = this.#lanes.sharing.groupOf(leader);
    const turn = Math.floor(group.length * ((flush.seq * TURN) % 1));
    for (;;) {
      for (; this.#groupAt < group.length; this.#groupAt++) {
        if (this.#frames >= this.#framesAtOnce) return false;
        this.#sendFrame(group[(this.#groupAt + turn) % group.length] as SessionIndex, leader, format, flush);
      }
      if (this.#entriesLeft === 0) return true;
      this.#fillFrame(leader);
    }
  }

  /** Sends a session of the leader's group the frame that has just been put together, or has its instruments wait. */
  #sendFrame(session: SessionIndex, leader: SessionIndex, format: RowFormat, flush: Flush): void {
    const { outlets, subscriptions, store } = this.#source;
    const outlet = outlets[session];
    if (!outlet) return;
    if (!outlet.hasRoom(flush.seq)) {
      this.#visitSlots(leader, (slot) => outlet.hold(slot));
      flush.waiting.add(session);
      return;
    }
    outlet.deliver(format.frameFor(session));
    this.ticksSent += this.#rows;
    this.#frames++;
    if (subscriptions.filters.countOf(session) > 0)
      this.#visitSlots(leader, (slot) => subscriptions.filters.sent(session, slot, store));
  }

  /** The instruments of the frame that has just been put together. */
  #visitSlots(leader: SessionIndex, visit: (slot: number) => void): void {
    const slots = this.#slotsOfRows[this.#lanes.indexOf(leader)];
    let entry = this.#first;
    for (let i = 0; i < this.#rows; i++) {
      visit(slots?.get(this.#queue.rowAt(entry)) as number);
      entry = this.#queue.after(entry);
    }
  }
}
