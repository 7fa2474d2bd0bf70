// One flush of a gateway: every changed instrument is encoded once per (mode, dialect) and handed to all who want it so.
import type { InstrumentDefinition } from '../../shared/instrument.ts';
import type { ModeRank } from '../../shared/tick.ts';
import type { TickStore } from '../../shared/tick-store.ts';
import type { Outlet } from './outlet.ts';
import { type SessionIndex, type Subscriptions, sessionOfMember } from './subscriptions.ts';
import { isFilteredTerms, rankOfTerms, type Tier, tierOfTerms } from './terms.ts';

/** Turns a record into one frame of some dialect. Sessions of one dialect share one function. */
export type TickEncoder = (
  view: DataView,
  at: number,
  rank: ModeRank,
  definition: InstrumentDefinition,
  seq: number,
) => string;

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
  readonly tierSlots: readonly Set<number>[];
}

/** One encoding of the slot being sent. There are as many as dialects times modes in use: a list beats a map. */
interface Encoding {
  readonly encodeTick: TickEncoder;
  readonly rank: ModeRank;
  readonly frame: string;
}

function encodingFor(
  source: FanoutSource,
  slot: number,
  encodings: Encoding[],
  encodeTick: TickEncoder,
  rank: ModeRank,
  seq: number,
): Encoding | undefined {
  const known = encodings.find((encoding) => encoding.rank === rank && encoding.encodeTick === encodeTick);
  if (known) return known;
  const definition = source.definitions[slot];
  if (!definition) return undefined;
  const frame = encodeTick(source.store.view, source.store.byteOffset(slot), rank, definition, seq);
  const encoding = { encodeTick, rank, frame };
  encodings.push(encoding);
  return encoding;
}

/** Sends the slot's record to its members of the flush's tier; those whose socket is full have it wait. */
function fanOutSlot(source: FanoutSource, slot: number, flush: Flush): number {
  if (!source.definitions[slot] || source.store.kindAt(slot) === 0) return 0;
  const encodings: Encoding[] = [];
  const { filters } = source.subscriptions;
  let delivered = 0;
  for (const member of source.subscriptions.membersOf(slot)) {
    const tier = tierOfTerms(member);
    if (tier !== flush.tier) {
      if (flush.tier === 0) flush.tierSlots[tier]?.add(slot);
      continue;
    }
    const session = sessionOfMember(member);
    const outlet = source.outlets[session];
    if (!outlet) continue;
    const isFiltered = isFilteredTerms(member);
    if (isFiltered && !filters.passes(session, slot, source.store)) continue;
    if (!outlet.hasRoom(flush.seq)) {
      outlet.hold(slot);
      flush.waiting.add(session);
      continue;
    }
    const encoding = encodingFor(source, slot, encodings, outlet.encodeTick, rankOfTerms(member), flush.seq);
    if (!encoding) continue;
    outlet.deliver(encoding.frame);
    if (isFiltered) filters.sent(session, slot, source.store);
    delivered++;
  }
  return delivered;
}

/** Sends the current records of `slots` to everybody whose turn it is. Returns the frames delivered. */
export function fanOut(source: FanoutSource, slots: Iterable<number>, flush: Flush): number {
  let delivered = 0;
  for (const slot of slots) delivered += fanOutSlot(source, slot, flush);
  return delivered;
}

/**
 * Sends one session what waits for it, each instrument's value of now. What was news when it began to wait and is none
 * any more to its filter is not sent. Returns the frames delivered.
 */
export function drainSession(
  source: FanoutSource,
  session: SessionIndex,
  seq: number,
  nowMs: number,
): number {
  const outlet = source.outlets[session];
  if (!outlet) return 0;
  return outlet.drain(seq, nowMs, (slot) => {
    const definition = source.definitions[slot];
    const terms = source.subscriptions.termsFor(session, slot);
    if (!definition || terms === 0 || source.store.kindAt(slot) === 0) return undefined;
    if (isFilteredTerms(terms)) {
      const { filters } = source.subscriptions;
      if (!filters.passes(session, slot, source.store)) return undefined;
      filters.sent(session, slot, source.store);
    }
    const at = source.store.byteOffset(slot);
    return outlet.encodeTick(source.store.view, at, rankOfTerms(terms), definition, seq);
  });
}
