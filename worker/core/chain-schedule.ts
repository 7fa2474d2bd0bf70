// When chains with news are looked at: each once a second at most, and never for nothing.
import { CHAIN_GATHER_MS, CHAIN_PACE_MS } from '../../shared/limits.ts';
import type { Chain } from './chain.ts';

/** Stands for the time of news that came since the last look at the clock. */
const UNSTAMPED = Number.POSITIVE_INFINITY;

export class ChainSchedule {
  /** Chains with news, and since when. */
  readonly #news = new Map<Chain, number>();

  get size(): number {
    return this.#news.size;
  }

  /** The chain has news. Called for every value of a member: it looks at no clock. */
  add(chain: Chain): void {
    if (!this.#news.has(chain)) this.#news.set(chain, UNSTAMPED);
  }

  delete(chain: Chain): void {
    this.#news.delete(chain);
  }

  /** When the next chain is due; infinity while none has news. */
  nextDueMs(nowMs: number): number {
    let next = Number.POSITIVE_INFINITY;
    for (const [chain, since] of this.#news) {
      const sinceMs = since === UNSTAMPED ? nowMs : since;
      if (since === UNSTAMPED) this.#news.set(chain, sinceMs);
      next = Math.min(next, dueMs(chain, sinceMs));
    }
    return next;
  }

  /** The chains that are due, which have no news from here on. */
  take(nowMs: number): Chain[] {
    const due: Chain[] = [];
    for (const [chain, sinceMs] of this.#news) {
      // A clock that is set back must not hold them up until it is where it was.
      if (dueMs(chain, sinceMs) > nowMs && chain.lookedAtMs <= nowMs) continue;
      this.#news.delete(chain);
      chain.lookedAtMs = nowMs;
      due.push(chain);
    }
    return due;
  }
}

/** The first forward is followed at once: until then the window may be far from the money. */
function dueMs(chain: Chain, sinceMs: number): number {
  const isFirst = chain.isAnchored && chain.forward !== undefined;
  return Math.max(sinceMs + CHAIN_GATHER_MS, isFirst ? 0 : chain.lookedAtMs + CHAIN_PACE_MS);
}
