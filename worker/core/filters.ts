// Filters of subscriptions: which ticks a client wants at all, judged against the last one that it was sent.
import { priceDivisorOf } from '../../shared/instrument.ts';
import { AT, isFullKind, RECORD_KIND } from '../../shared/tick.ts';
import type { TickStore } from '../../shared/tick-store.ts';
import type { TickFilter } from './protocol.ts';
import type { SessionIndex } from './subscriptions.ts';

/** A filter in an instrument's own units; both conditions hold where both are set, and one is. */
export interface RawFilter {
  /** Raw price units that the last price has to differ by; 0 for no such condition. */
  readonly minChange: number;
  readonly onTrade: boolean;
}

/** Largest raw price, and so the largest change that there can be. */
export const MIN_CHANGE_MAX = 0xffff_ffff;
/** What decimal rupees may be off by once they are binary and multiplied. */
const ROUNDING = 1e-6;

/** The filter in the token's raw prices. A fraction of the smallest step is the step. */
export function rawFilterOf({ minChange, onTrade }: TickFilter, token: number): RawFilter {
  const raw =
    minChange === undefined ? 0 : Math.max(1, Math.ceil(minChange * priceDivisorOf(token) - ROUNDING));
  return { minChange: Math.min(raw, MIN_CHANGE_MAX), onTrade: onTrade === true };
}

/** The filter as clients write it. */
export function tickFilterOf({ minChange, onTrade }: RawFilter, token: number): TickFilter {
  return {
    ...(minChange === 0 ? {} : { minChange: minChange / priceDivisorOf(token) }),
    ...(onTrade ? { onTrade: true as const } : {}),
  };
}

/** What a tick tells of trades. Zero where the record does not say: an index, or a mode without it. */
interface TradeMark {
  readonly lastPrice: number;
  readonly volume: number | undefined;
  readonly lastTradeTime: number;
}

function markOf({ view }: TickStore, at: number): TradeMark {
  const kind = view.getUint32(at + AT.kind, true);
  const hasVolume = kind === RECORD_KIND.quote || isFullKind(kind);
  return {
    lastPrice: view.getUint32(at + AT.lastPrice, true),
    volume: hasVolume ? view.getUint32(at + AT.volume, true) : undefined,
    lastTradeTime: isFullKind(kind) ? view.getUint32(at + AT.lastTradeTime, true) : 0,
  };
}

/** Fields that one of the two does not have say nothing; where neither tells of volume, a trade is a change of price. */
function isTraded(before: TradeMark, now: TradeMark): boolean {
  const hasTimes = before.lastTradeTime !== 0 && now.lastTradeTime !== 0;
  if (hasTimes && before.lastTradeTime !== now.lastTradeTime) return true;
  if (before.volume !== undefined && now.volume !== undefined) return before.volume !== now.volume;
  return before.lastPrice !== now.lastPrice;
}

interface FilterState {
  readonly filter: RawFilter;
  /** The last tick that this client was sent; absent until then, and when the next one has to be sent. */
  sent: TradeMark | undefined;
}

/** Bounded by the filters that each session may have (CLIENT_FILTERS_MAX, kept by the plan of a request). */
export class Filters {
  readonly #bySession = new Map<SessionIndex, Map<number, FilterState>>();

  /** Filters of all sessions together. */
  get size(): number {
    let size = 0;
    for (const states of this.#bySession.values()) size += states.size;
    return size;
  }

  /** Sets a session's filter of a slot. What it was sent before no longer counts. */
  set(session: SessionIndex, slot: number, filter: RawFilter): void {
    let states = this.#bySession.get(session);
    if (!states) {
      states = new Map();
      this.#bySession.set(session, states);
    }
    states.set(slot, { filter, sent: undefined });
  }

  remove(session: SessionIndex, slot: number): void {
    const states = this.#bySession.get(session);
    states?.delete(slot);
    if (states?.size === 0) this.#bySession.delete(session);
  }

  drop(session: SessionIndex): void {
    this.#bySession.delete(session);
  }

  get(session: SessionIndex, slot: number): RawFilter | undefined {
    return this.#bySession.get(session)?.get(slot)?.filter;
  }

  countOf(session: SessionIndex): number {
    return this.#bySession.get(session)?.size ?? 0;
  }

  /** Has the next tick be sent, whatever it is: the client is due the current value. */
  reset(session: SessionIndex, slot: number): void {
    const state = this.#bySession.get(session)?.get(slot);
    if (state) state.sent = undefined;
  }

  /** Whether the slot's record differs enough from the last one sent. */
  passes(session: SessionIndex, slot: number, store: TickStore): boolean {
    const state = this.#bySession.get(session)?.get(slot);
    if (!state?.sent) return true;
    const now = markOf(store, store.byteOffset(slot));
    const { minChange, onTrade } = state.filter;
    if (minChange > 0 && Math.abs(now.lastPrice - state.sent.lastPrice) < minChange) return false;
    return !onTrade || isTraded(state.sent, now);
  }

  /** The slot's record has been sent: what comes is measured against it. */
  sent(session: SessionIndex, slot: number, store: TickStore): void {
    const state = this.#bySession.get(session)?.get(slot);
    if (state) state.sent = markOf(store, store.byteOffset(slot));
  }
}
