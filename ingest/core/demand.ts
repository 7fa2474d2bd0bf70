// What is to be subscribed at Kite, each instrument with its mode: what is pinned, and what clients want, from all shards.
import type { DemandItem } from '../../shared/frame.ts';
import type { InstrumentToken } from '../../shared/instrument.ts';
import { DEMAND_LINGER_MS, SIDECAR_INSTRUMENTS_MAX } from '../../shared/limits.ts';
import { shardOf } from '../../shared/shard.ts';
import { rankOfMode, type TickMode } from '../../shared/tick.ts';

export interface DemandLimits {
  /** Instruments that all accounts together can stream. */
  readonly capacity: number;
  /** No instrument is subscribed in a higher mode than this. */
  readonly modeMax: TickMode;
  /** Whether the token is in today's list. */
  readonly exists: (token: InstrumentToken) => boolean;
}

/** An instrument that streams whether or not a client wants it. */
export interface PinnedInstrument {
  readonly token: InstrumentToken;
  readonly mode: TickMode;
  /** The account that should carry it; absent, whichever has room. */
  readonly accountId?: string;
}

export interface DesiredInstruments {
  /** What is pinned comes first. */
  readonly modes: ReadonlyMap<InstrumentToken, TickMode>;
  /** Pinned or wanted by clients now, but over the capacity. */
  readonly notPlaced: readonly InstrumentToken[];
  /** Pinned or wanted by clients now, but not in today's list. */
  readonly unknownCount: number;
}

interface Wish {
  mode: TickMode;
  /** When nobody wanted it any more; undefined while somebody does. */
  endedAtMs: number | undefined;
}

/**
 * Wishes in the order in which they came: when there is no room for all, those that are placed keep their place.
 * Times are of any clock that never goes back.
 */
export class DemandBook {
  readonly #wishes = new Map<InstrumentToken, Wish>();
  #pinned: ReadonlyMap<InstrumentToken, TickMode> = new Map();
  /** Items that a shard named although their token belongs to another one. */
  misroutedCount = 0;

  get pinnedCount(): number {
    return this.#pinned.size;
  }

  /** These, in this order, replace what was pinned. */
  setPinned(instruments: readonly PinnedInstrument[]): void {
    this.#pinned = new Map(instruments.map(({ token, mode }) => [token, mode]));
  }

  /** The whole demand of a shard replaces its last one. What it no longer names lingers while there is memory for it. */
  replace(shard: number, items: readonly DemandItem[], nowMs: number): void {
    const named = new Set<InstrumentToken>();
    for (const [token, mode] of items) {
      if (shardOf(token) !== shard) {
        this.misroutedCount++;
        continue;
      }
      named.add(token);
      const wish = this.#wishes.get(token);
      if (wish) {
        wish.mode = mode;
        wish.endedAtMs = undefined;
      } else this.#wishes.set(token, { mode, endedAtMs: undefined });
    }
    for (const [token, wish] of this.#wishes) {
      if (shardOf(token) !== shard || named.has(token)) continue;
      if (this.#wishes.size > SIDECAR_INSTRUMENTS_MAX) this.#wishes.delete(token);
      else wish.endedAtMs ??= nowMs;
    }
  }

  /** Forgets wishes that ended DEMAND_LINGER_MS ago. Returns whether there were any. */
  expire(nowMs: number): boolean {
    let hasExpired = false;
    for (const [token, { endedAtMs }] of this.#wishes) {
      if (endedAtMs === undefined || nowMs < endedAtMs + DEMAND_LINGER_MS) continue;
      this.#wishes.delete(token);
      hasExpired = true;
    }
    return hasExpired;
  }

  /**
   * What to stream: first what is pinned, then what clients want. Wishes that linger get only the room that all these
   * leave, the latest to end first.
   */
  desired(limits: DemandLimits): DesiredInstruments {
    const modes = new Map<InstrumentToken, TickMode>();
    const notPlaced: InstrumentToken[] = [];
    const lingering: { token: InstrumentToken; mode: TickMode; endedAtMs: number }[] = [];
    let unknownCount = 0;
    const place = (token: InstrumentToken, mode: TickMode) => {
      if (!limits.exists(token)) unknownCount++;
      else if (modes.size >= limits.capacity) notPlaced.push(token);
      else modes.set(token, lowerMode(mode, limits.modeMax));
    };
    for (const [token, mode] of this.#pinned) {
      const wish = this.#wishes.get(token);
      place(token, wish?.endedAtMs === undefined ? higherMode(mode, wish?.mode ?? mode) : mode);
    }
    for (const [token, { mode, endedAtMs }] of this.#wishes) {
      if (this.#pinned.has(token)) continue;
      if (endedAtMs === undefined) place(token, mode);
      else if (limits.exists(token)) lingering.push({ token, mode, endedAtMs });
    }
    lingering.sort((a, b) => b.endedAtMs - a.endedAtMs);
    for (const { token, mode } of lingering.slice(0, limits.capacity - modes.size)) {
      modes.set(token, lowerMode(mode, limits.modeMax));
    }
    return { modes, notPlaced, unknownCount };
  }
}

function higherMode(a: TickMode, b: TickMode): TickMode {
  return rankOfMode(a) >= rankOfMode(b) ? a : b;
}

function lowerMode(a: TickMode, b: TickMode): TickMode {
  return rankOfMode(a) <= rankOfMode(b) ? a : b;
}
