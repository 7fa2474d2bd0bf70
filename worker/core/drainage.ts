// Full sockets as they empty, and snapshots: one session is sent what waits for it, each instrument's value of now.
import type { InstrumentDefinition } from '../../shared/instrument.ts';
import { RECORD_WORDS_MAX, receivedAtOf } from '../../shared/tick.ts';
import { FlushTimes } from '../../shared/wire/flush-times.ts';
import type { FanoutSource } from './fanout.ts';
import type { Outlet } from './outlet.ts';
import type { RowFormat } from './row-format.ts';
import type { Lane, SessionLanes } from './session-lanes.ts';
import { APART } from './slot-table.ts';
import type { SessionIndex } from './subscriptions.ts';
import { isFilteredTerms, rankOfTerms, type Tier, tierOfTerms } from './terms.ts';

export class Drainage {
  readonly #source: FanoutSource;
  readonly #lanes: SessionLanes;
  readonly #times = new FlushTimes();
  /** Ticks sent so far. */
  ticksSent = 0;

  constructor(source: FanoutSource, lanes: SessionLanes) {
    this.#source = source;
    this.#lanes = lanes;
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
    this.#lanes.beforeChange();
    const outlet = this.#source.outlets[session];
    if (!outlet) return 0;
    const lane = this.#lanes.of(session);
    return outlet.drain(seq, nowMs, (held) => {
      for (const slot of held) if (!this.#isWanted(session, slot)) held.delete(slot);
      if (lane) return this.#drainRows(session, outlet, lane, held, seq, isDue);
      return this.#drainMessages(session, outlet, held, seq);
    });
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
      const rows = this.#fillDrained(session, format, held, isDue);
      outlet.deliver(format.frameFor(session));
      this.ticksSent += rows;
      frames++;
    }
    return frames;
  }

  /** Puts as many of the held slots into a frame as it takes, at least one; they are not held any more. */
  #fillDrained(
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
