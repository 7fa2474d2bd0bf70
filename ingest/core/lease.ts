// The rules of the lease: how long an answer of the database holds, and when a standby may take over.
import { SIDECAR_LEASE_MARGIN_MS, SIDECAR_LEASE_MS, SIDECAR_LEASE_POLL_MS } from '../../shared/limits.ts';

/** One moment by two clocks: the monotonic one stands still while the machine sleeps, the wall clock may be set. */
export interface Instant {
  readonly monotonicMs: number;
  readonly wallMs: number;
}

/**
 * Whether what the database said of the lease still holds. It was asked at `askedAt`, before its answer was true, so
 * that nobody else can have taken the lease while this is so. A clock that was set makes it false: then one asks again.
 */
export function isCertain(askedAt: Instant, now: Instant): boolean {
  const monotonicMs = now.monotonicMs - askedAt.monotonicMs;
  const wallMs = Math.abs(now.wallMs - askedAt.wallMs);
  return Math.max(monotonicMs, wallMs) < SIDECAR_LEASE_MS - SIDECAR_LEASE_MARGIN_MS;
}

/** The lease as a standby finds it. */
export interface FoundLease {
  readonly epoch: number;
  /** By the database's clock; not above zero when it has ended. */
  readonly remainingMs: number;
  /** Its holder gave it back. */
  readonly isReleased: boolean;
  /** Its holder's process is known to have ended. */
  readonly isHolderGone: boolean;
}

export type StandbyMove =
  | { readonly kind: 'take'; readonly overEpoch: number }
  | { readonly kind: 'wait'; readonly forMs: number };

export class StandbyWatch {
  #isAway = false;
  /** End of the first claim's time, after a database that was away. */
  #holderFirstUntilMs = Number.NEGATIVE_INFINITY;

  /** The database does not answer. */
  onAway(): void {
    this.#isAway = true;
  }

  /**
   * What to do about the lease that was found; undefined when nobody has ever had it. A lease that ended while the
   * database was away is its holder's for a while yet: it went on streaming, and is about to renew.
   */
  decide(found: FoundLease | undefined, nowMs: number): StandbyMove {
    if (this.#isAway) this.#holderFirstUntilMs = nowMs + SIDECAR_LEASE_MS;
    this.#isAway = false;
    if (!found) return { kind: 'take', overEpoch: 0 };
    const { epoch, remainingMs, isReleased, isHolderGone } = found;
    const waitMs = Math.max(remainingMs, this.#holderFirstUntilMs - nowMs);
    if (isReleased || isHolderGone || waitMs <= 0) return { kind: 'take', overEpoch: epoch };
    return { kind: 'wait', forMs: Math.min(waitMs, SIDECAR_LEASE_POLL_MS) };
  }
}
