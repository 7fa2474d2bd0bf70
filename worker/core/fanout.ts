// One flush of a gateway: every changed instrument is encoded once per (mode, dialect) and handed to all who want it so.
import type { InstrumentDefinition } from '../../shared/instrument.ts';
import type { ModeRank } from '../../shared/tick.ts';
import type { TickStore } from '../../shared/tick-store.ts';
import type { Outlet } from './outlet.ts';
import { rankOfMember, type SessionIndex, type Subscriptions, sessionOfMember } from './subscriptions.ts';

/** Turns a record into one frame of some dialect. Sessions of one dialect share one function. */
export type TickEncoder = (
  view: DataView,
  at: number,
  rank: ModeRank,
  definition: InstrumentDefinition,
) => string;

export interface FanoutSource {
  readonly store: TickStore;
  readonly subscriptions: Subscriptions;
  /** By slot; a slot without a definition is not sent: its symbol is not known yet. */
  readonly definitions: readonly (InstrumentDefinition | undefined)[];
  /** By session index; a session that has gone has none. */
  readonly outlets: readonly (Outlet | undefined)[];
}

/** One encoding of the slot being sent. There are as many as dialects times modes in use: a list beats a map. */
interface Encoding {
  readonly encodeTick: TickEncoder;
  readonly rank: ModeRank;
  readonly frame: string;
}

/**
 * Sends the slot's record to its members; those whose socket is full have it wait. Sessions that wait are added to
 * `waiting`. Returns the frames delivered.
 */
function fanOutSlot(source: FanoutSource, slot: number, flush: number, waiting: Set<SessionIndex>): number {
  const definition = source.definitions[slot];
  if (!definition || source.store.kindAt(slot) === 0) return 0;
  const at = source.store.byteOffset(slot);
  const encodings: Encoding[] = [];
  let delivered = 0;
  for (const member of source.subscriptions.membersOf(slot)) {
    const session = sessionOfMember(member);
    const outlet = source.outlets[session];
    if (!outlet) continue;
    if (!outlet.hasRoom(flush)) {
      outlet.hold(slot);
      waiting.add(session);
      continue;
    }
    const rank = rankOfMember(member);
    let encoding = encodings.find((e) => e.rank === rank && e.encodeTick === outlet.encodeTick);
    if (!encoding) {
      const frame = outlet.encodeTick(source.store.view, at, rank, definition);
      encoding = { encodeTick: outlet.encodeTick, rank, frame };
      encodings.push(encoding);
    }
    outlet.deliver(encoding.frame);
    delivered++;
  }
  return delivered;
}

/** Sends the current records of `slots` to everybody who subscribed to them. Returns the frames delivered. */
export function fanOut(
  source: FanoutSource,
  slots: Iterable<number>,
  flush: number,
  waiting: Set<SessionIndex>,
): number {
  let delivered = 0;
  for (const slot of slots) delivered += fanOutSlot(source, slot, flush, waiting);
  return delivered;
}

/** Sends one session what waits for it, each instrument's value of now. Returns the frames delivered. */
export function drainSession(
  source: FanoutSource,
  session: SessionIndex,
  flush: number,
  nowMs: number,
): number {
  const outlet = source.outlets[session];
  if (!outlet) return 0;
  return outlet.drain(flush, nowMs, (slot) => {
    const definition = source.definitions[slot];
    const rank = source.subscriptions.rankFor(session, slot);
    if (!definition || rank === 0 || source.store.kindAt(slot) === 0) return undefined;
    return outlet.encodeTick(source.store.view, source.store.byteOffset(slot), rank, definition);
  });
}
