// Which socket carries which instrument: the moves that lead from what is subscribed to what is desired.
import type { InstrumentToken } from '../../shared/instrument.ts';
import type { TickMode } from '../../shared/tick.ts';

/** A socket that can carry up to `instrumentsMax` instruments. Ids are unique over all accounts. */
export interface ConnectionCapacity {
  readonly id: string;
  readonly instrumentsMax: number;
}

/** What one socket carries. */
export type Subscriptions = ReadonlyMap<InstrumentToken, TickMode>;

export interface ConnectionMoves {
  readonly unsubscribe: readonly InstrumentToken[];
  /** New on this socket; Kite needs their mode set after it. */
  readonly subscribe: readonly (readonly [token: InstrumentToken, mode: TickMode])[];
  /** On this socket already, in another mode. */
  readonly changeMode: readonly (readonly [token: InstrumentToken, mode: TickMode])[];
}

export interface AssignmentPlan {
  /** One entry for each socket with something to do. */
  readonly moves: ReadonlyMap<string, ConnectionMoves>;
  /** No socket has room for these. */
  readonly notPlaced: readonly InstrumentToken[];
}

interface Draft {
  readonly capacity: ConnectionCapacity;
  load: number;
  readonly unsubscribe: InstrumentToken[];
  readonly subscribe: [InstrumentToken, TickMode][];
  readonly changeMode: [InstrumentToken, TickMode][];
}

/**
 * Plans the moves. An instrument stays on the socket that has it; a new one goes to the least loaded socket, so that a
 * lost socket costs as few instruments as can be. No socket gets more than its capacity, no instrument two sockets.
 * `current` has what each of `connections` carries; sockets without an entry carry nothing.
 */
export function planAssignment(
  desired: Subscriptions,
  current: ReadonlyMap<string, Subscriptions>,
  connections: readonly ConnectionCapacity[],
): AssignmentPlan {
  const drafts: Draft[] = connections.map((capacity) => ({
    capacity,
    load: 0,
    unsubscribe: [],
    subscribe: [],
    changeMode: [],
  }));
  const placed = new Set<InstrumentToken>();
  for (const draft of drafts) {
    for (const [token, mode] of current.get(draft.capacity.id) ?? []) {
      const desiredMode = desired.get(token);
      if (desiredMode === undefined || placed.has(token) || draft.load >= draft.capacity.instrumentsMax) {
        draft.unsubscribe.push(token);
        continue;
      }
      placed.add(token);
      draft.load++;
      if (desiredMode !== mode) draft.changeMode.push([token, desiredMode]);
    }
  }
  const notPlaced: InstrumentToken[] = [];
  for (const [token, mode] of desired) {
    if (placed.has(token)) continue;
    const target = leastLoaded(drafts);
    if (target === undefined) {
      notPlaced.push(token);
      continue;
    }
    target.load++;
    target.subscribe.push([token, mode]);
  }
  const moves = new Map<string, ConnectionMoves>();
  for (const { capacity, unsubscribe, subscribe, changeMode } of drafts) {
    if (unsubscribe.length + subscribe.length + changeMode.length > 0) {
      moves.set(capacity.id, { unsubscribe, subscribe, changeMode });
    }
  }
  return { moves, notPlaced };
}

/** The first of the least loaded sockets with room, undefined when all are full. */
function leastLoaded(drafts: readonly Draft[]): Draft | undefined {
  let best: Draft | undefined;
  for (const draft of drafts) {
    if (draft.load >= draft.capacity.instrumentsMax) continue;
    if (best === undefined || draft.load < best.load) best = draft;
  }
  return best;
}
