// What is to be subscribed at Kite, each instrument with its mode: what operators pinned and what clients want.
import type { DemandItem } from '../../shared/frame.ts';
import type { InstrumentToken } from '../../shared/instrument.ts';
import { DEMAND_LINGER_MS, SIDECAR_INSTRUMENTS_MAX } from '../../shared/limits.ts';
import { shardOf } from '../../shared/shard.ts';
import { rankOfMode, type TickMode } from '../../shared/tick.ts';
import type { DesiredInstrument } from './placement.ts';

/** An instrument that is to be streamed whether or not a client wants it. */
export interface PinnedInstrument {
  readonly token: InstrumentToken;
  readonly mode: TickMode;
  /** The account that should carry it while it has room. */
  readonly accountId?: string;
}

export interface DemandLimits {
  /** No instrument is subscribed in a higher mode than this. */
  readonly modeMax: TickMode;
  /** Whether the token is in today's list. */
  readonly exists: (token: InstrumentToken) => boolean;
  /** What the Greeks of the pinned and wanted items need beside them: instruments that exist, in full mode. */
  readonly supportOf?: (wished: readonly DesiredInstrument[]) => ReadonlySet<InstrumentToken>;
}

export interface DesiredInstruments {
  /** Each once: the pinned, then the wanted, oldest first, the support, then those that linger, the latest to end first. */
  readonly items: readonly DesiredInstrument[];
  /** Pinned or wanted, but more than a sidecar can have to do with. */
  readonly overflow: readonly InstrumentToken[];
  /** Pinned or wanted, but not in today's list. */
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
  #pinned: ReadonlyMap<InstrumentToken, PinnedInstrument> = new Map();
  readonly #wishes = new Map<InstrumentToken, Wish>();
  /** Items that a shard named although their token belongs to another one. */
  misroutedCount = 0;

  get pinnedCount(): number {
    return this.#pinned.size;
  }

  /** All pinned instruments, in place of those before. Of a token that is named twice the last counts. */
  setPinned(items: readonly PinnedInstrument[]): void {
    this.#pinned = new Map(items.map((item) => [item.token, item]));
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

  /** What to stream, if there is room for it. Who both pins and wants an instrument gets the higher mode of the two. */
  desired(limits: DemandLimits): DesiredInstruments {
    const items: DesiredInstrument[] = [];
    const overflow: InstrumentToken[] = [];
    let unknownCount = 0;
    const add = (item: DesiredInstrument): void => {
      const mode = lowerMode(item.mode, limits.modeMax);
      if (!limits.exists(item.token)) unknownCount++;
      else if (items.length >= SIDECAR_INSTRUMENTS_MAX) overflow.push(item.token);
      else items.push(mode === item.mode ? item : { ...item, mode });
    };
    for (const { token, mode, accountId } of this.#pinned.values()) {
      const wish = this.#wishes.get(token);
      add({
        token,
        mode: wish === undefined ? mode : higherMode(mode, wish.mode),
        priority: 'pinned',
        ...(accountId === undefined ? {} : { preferredAccountId: accountId }),
      });
    }
    const lingering: { token: InstrumentToken; mode: TickMode; endedAtMs: number }[] = [];
    for (const [token, { mode, endedAtMs }] of this.#wishes) {
      if (this.#pinned.has(token)) continue;
      if (endedAtMs === undefined) add({ token, mode, priority: 'demand' });
      else if (limits.exists(token)) lingering.push({ token, mode, endedAtMs });
    }
    const support = limits.supportOf?.(items) ?? NO_SUPPORT;
    addSupport(items, support, limits.modeMax);
    lingering.sort((a, b) => b.endedAtMs - a.endedAtMs);
    for (const { token, mode } of lingering) {
      if (items.length >= SIDECAR_INSTRUMENTS_MAX) break;
      if (!support.has(token))
        items.push({ token, mode: lowerMode(mode, limits.modeMax), priority: 'lingering' });
    }
    return { items, overflow, unknownCount };
  }
}

const NO_SUPPORT: ReadonlySet<InstrumentToken> = new Set();

/** Adds what is not among the items; what is there gets the mode that the support needs. */
function addSupport(
  items: DesiredInstrument[],
  support: ReadonlySet<InstrumentToken>,
  modeMax: TickMode,
): void {
  if (support.size === 0) return;
  const missing = new Set(support);
  for (const [at, item] of items.entries()) {
    if (missing.delete(item.token) && item.mode !== modeMax) items[at] = { ...item, mode: modeMax };
  }
  for (const token of missing) {
    if (items.length >= SIDECAR_INSTRUMENTS_MAX) return;
    items.push({ token, mode: modeMax, priority: 'support' });
  }
}

function lowerMode(a: TickMode, b: TickMode): TickMode {
  return rankOfMode(a) <= rankOfMode(b) ? a : b;
}

function higherMode(a: TickMode, b: TickMode): TickMode {
  return rankOfMode(a) >= rankOfMode(b) ? a : b;
}
