// Which socket carries which instrument: the moves that lead from what is subscribed to what is desired.
import { assert } from '../../shared/errors.ts';
import type { InstrumentToken } from '../../shared/instrument.ts';
import type { TickMode } from '../../shared/tick.ts';
import { levelLoads } from './load-leveling.ts';

/**
 * Who yields to whom when there is no room for all: what operators pinned, what clients want, what the Greeks of these
 * need, and what clients wanted a moment ago.
 */
export const PRIORITIES = ['pinned', 'demand', 'support', 'lingering'] as const;
export type Priority = (typeof PRIORITIES)[number];

/** Somebody asked for it by name. */
export function isWished(priority: Priority): boolean {
  return priority === 'pinned' || priority === 'demand';
}

export interface DesiredInstrument {
  readonly token: InstrumentToken;
  readonly mode: TickMode;
  readonly priority: Priority;
  /** Where it goes when it is placed, if there is room. It is not moved there, and streams elsewhere rather than not at all. */
  readonly preferredAccountId?: string;
}

/**
 * `ready`: open, or about to be. `doubtful`: keeps what it has, and gets more only when no other socket has room.
 * `away`: what it has goes to others as far as they have room; the rest waits on it for its return.
 */
export type Availability = 'ready' | 'doubtful' | 'away';

/** What one socket carries. */
export type Subscriptions = ReadonlyMap<InstrumentToken, TickMode>;

export interface PlannedSocket {
  /** Unique over all accounts. */
  readonly id: string;
  readonly accountId: string;
  readonly instrumentsMax: number;
  readonly availability: Availability;
  readonly subscriptions: Subscriptions;
}

export interface ConnectionMoves {
  readonly unsubscribe: readonly InstrumentToken[];
  /** New on this socket; Kite needs their mode set after it. */
  readonly subscribe: readonly (readonly [token: InstrumentToken, mode: TickMode])[];
  /** On this socket already, in another mode. */
  readonly changeMode: readonly (readonly [token: InstrumentToken, mode: TickMode])[];
}

export interface PlacementPlan {
  /** One entry for each socket with something to do. */
  readonly moves: ReadonlyMap<string, ConnectionMoves>;
  /** Pinned or wanted, and on no socket that streams. */
  readonly notPlaced: readonly InstrumentToken[];
}

interface Draft {
  readonly socket: PlannedSocket;
  load: number;
  readonly unsubscribe: InstrumentToken[];
  readonly subscribe: [InstrumentToken, TickMode][];
  readonly changeMode: [InstrumentToken, TickMode][];
}

/** Where each desired instrument is, by its place in the list. */
interface Places {
  /** Number of the draft, or NOWHERE. */
  readonly draftOf: Int32Array;
  /** 1 where it is there in another mode than the desired one. */
  readonly isOtherMode: Uint8Array;
}

const NOWHERE = -1;
const RANK: Readonly<Record<Priority, number>> = { pinned: 0, demand: 1, support: 2, lingering: 3 };
const AVAILABILITIES = ['ready', 'doubtful', 'away'] as const satisfies readonly Availability[];

/**
 * Plans the moves. `desired` names each instrument once; within a priority the earlier goes before the later.
 *
 * No socket gets more than its capacity and no instrument two sockets. An instrument that streams stays where it is
 * unless a higher priority needs the place or its socket carries too many, so that the fewest instruments move; of one
 * priority those that stream go before those that do not. New ones go to the least loaded sockets, so that a lost
 * socket costs as few instruments as can be. A second plan on the result of the first is empty.
 */
export function planPlacement(
  desired: readonly DesiredInstrument[],
  sockets: readonly PlannedSocket[],
): PlacementPlan {
  const drafts = sockets.map(
    (socket): Draft => ({ socket, load: 0, unsubscribe: [], subscribe: [], changeMode: [] }),
  );
  const places = findPlaces(desired, drafts);
  const { incoming, notPlaced } = choose(desired, drafts, places);
  distribute(incoming, drafts);
  const moves = new Map<string, ConnectionMoves>();
  for (const { socket, unsubscribe, subscribe, changeMode } of drafts) {
    if (unsubscribe.length + subscribe.length + changeMode.length > 0) {
      moves.set(socket.id, { unsubscribe, subscribe, changeMode });
    }
  }
  return { moves, notPlaced };
}

/** Finds what is desired on the sockets, and takes off them what is not, what is there twice and what is too much. */
function findPlaces(desired: readonly DesiredInstrument[], drafts: readonly Draft[]): Places {
  const indexOf = new Map<InstrumentToken, number>();
  for (const [index, { token }] of desired.entries()) indexOf.set(token, index);
  assert(indexOf.size === desired.length, `${desired.length - indexOf.size} instruments desired twice`);
  const draftOf = new Int32Array(desired.length).fill(NOWHERE);
  const isOtherMode = new Uint8Array(desired.length);
  for (const availability of AVAILABILITIES) {
    for (const [number, draft] of drafts.entries()) {
      if (draft.socket.availability !== availability) continue;
      const here: number[] = [];
      for (const [token, mode] of draft.socket.subscriptions) {
        const index = indexOf.get(token);
        if (index === undefined || draftOf[index] !== NOWHERE) {
          draft.unsubscribe.push(token);
          continue;
        }
        draftOf[index] = number;
        isOtherMode[index] = desired[index]?.mode === mode ? 0 : 1;
        here.push(index);
      }
      for (const index of excessOf(here, desired, draft.socket.instrumentsMax)) {
        draftOf[index] = NOWHERE;
        draft.unsubscribe.push((desired[index] as DesiredInstrument).token);
      }
      draft.load = Math.min(here.length, draft.socket.instrumentsMax);
    }
  }
  return { draftOf, isOtherMode };
}

/** Those of one socket that go first when it carries more than it may: its capacity can be lowered at any time. */
function excessOf(here: number[], desired: readonly DesiredInstrument[], instrumentsMax: number): number[] {
  if (here.length <= instrumentsMax) return [];
  const rankAt = (index: number) => RANK[(desired[index] as DesiredInstrument).priority];
  return here.sort((a, b) => rankAt(a) - rankAt(b) || a - b).slice(instrumentsMax);
}

interface Chosen {
  readonly incoming: readonly DesiredInstrument[];
  readonly notPlaced: readonly InstrumentToken[];
}

/** Decides who streams, by priority: those that do already, then those that do not. Takes everybody else off. */
function choose(desired: readonly DesiredInstrument[], drafts: readonly Draft[], places: Places): Chosen {
  const incoming: DesiredInstrument[] = [];
  const notPlaced: InstrumentToken[] = [];
  const quotas = quotasOf(desired, drafts, places);
  for (const [index, item] of desired.entries()) {
    const { token, mode, priority } = item;
    const quota = quotas[RANK[priority]] as Quota;
    const draft = drafts[places.draftOf[index] as number];
    const isStreaming = draft !== undefined && draft.socket.availability !== 'away';
    const isChosen = (isStreaming ? quota.staying : quota.incoming) > 0;
    if (isStreaming && isChosen) quota.staying--;
    else if (isChosen) {
      quota.incoming--;
      incoming.push(item);
    } else if (isWished(priority)) notPlaced.push(token);
    if (draft === undefined) continue;
    // Stays: it streams and shall, or it waits for its socket and nobody else has room for it.
    if (isStreaming === isChosen) {
      if (places.isOtherMode[index] === 1) draft.changeMode.push([token, mode]);
    } else {
      draft.unsubscribe.push(token);
      draft.load--;
    }
  }
  return { incoming, notPlaced };
}

/** How many of one priority keep their place, and how many get one. */
interface Quota {
  staying: number;
  incoming: number;
}

function quotasOf(
  desired: readonly DesiredInstrument[],
  drafts: readonly Draft[],
  { draftOf }: Places,
): Quota[] {
  const quotas = PRIORITIES.map((): Quota => ({ staying: 0, incoming: 0 }));
  for (const [index, { priority }] of desired.entries()) {
    const quota = quotas[RANK[priority]] as Quota;
    const draft = drafts[draftOf[index] as number];
    if (draft !== undefined && draft.socket.availability !== 'away') quota.staying++;
    else quota.incoming++;
  }
  let room = 0;
  for (const { socket } of drafts) if (socket.availability !== 'away') room += socket.instrumentsMax;
  for (const quota of quotas) {
    quota.staying = Math.min(quota.staying, room);
    room -= quota.staying;
    quota.incoming = Math.min(quota.incoming, room);
    room -= quota.incoming;
  }
  return quotas;
}

/** Gives the incoming instruments their sockets: the preferred account's, else the least loaded ones. */
function distribute(incoming: readonly DesiredInstrument[], drafts: readonly Draft[]): void {
  const byAccount = new Map<string, DesiredInstrument[]>();
  const elsewhere: DesiredInstrument[] = [];
  for (const item of incoming) {
    const { preferredAccountId } = item;
    if (preferredAccountId === undefined) {
      elsewhere.push(item);
      continue;
    }
    const others = byAccount.get(preferredAccountId);
    if (others) others.push(item);
    else byAccount.set(preferredAccountId, [item]);
  }
  const ready = drafts.filter(({ socket }) => socket.availability === 'ready');
  const doubtful = drafts.filter(({ socket }) => socket.availability === 'doubtful');
  for (const [accountId, items] of byAccount) {
    const own = ready.filter(({ socket }) => socket.accountId === accountId);
    elsewhere.push(...fill(items, own));
  }
  const left = fill(fill(elsewhere, ready), doubtful);
  assert(left.length === 0, `${left.length} instruments were promised a place that is not there`);
}

/** Spreads the items over the drafts by turns, so that each gets some of every kind. Returns those without room. */
function fill(items: readonly DesiredInstrument[], drafts: readonly Draft[]): readonly DesiredInstrument[] {
  const shares = levelLoads(
    items.length,
    drafts.map(({ load, socket }) => ({ load, capacity: socket.instrumentsMax })),
  );
  const turns = drafts
    .map((draft, number) => ({ draft, share: shares[number] as number }))
    .filter(({ share }) => share > 0);
  let turn = 0;
  let placed = 0;
  for (const { token, mode } of items) {
    if (turns.length === 0) break;
    if (turn >= turns.length) turn = 0;
    const next = turns[turn] as { draft: Draft; share: number };
    next.draft.subscribe.push([token, mode]);
    next.draft.load++;
    placed++;
    next.share--;
    if (next.share === 0) turns.splice(turn, 1);
    else turn++;
  }
  return items.slice(placed);
}
