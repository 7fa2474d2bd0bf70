// Instruments that sessions have only because a chain has them: they come and go with its window.
import type { SessionIndex, Subscriptions } from './subscriptions.ts';
import type { Terms } from './terms.ts';

export class HeldSlots {
  readonly #subscriptions: Subscriptions;
  readonly #bySession = new Map<SessionIndex, Set<number>>();

  constructor(subscriptions: Subscriptions) {
    this.#subscriptions = subscriptions;
  }

  has(session: SessionIndex, slot: number): boolean {
    return this.#bySession.get(session)?.has(slot) ?? false;
  }

  countOf(session: SessionIndex): number {
    return this.#bySession.get(session)?.size ?? 0;
  }

  /** Subscribes the session to the slot, or changes its terms. */
  hold(session: SessionIndex, slot: number, terms: Terms): void {
    this.#subscriptions.set(session, slot, terms);
    const held = this.#bySession.get(session);
    if (held) held.add(slot);
    else this.#bySession.set(session, new Set([slot]));
  }

  /** The chain does not have it any more; what the client has subscribed to itself stays. */
  letGo(session: SessionIndex, slot: number): void {
    if (this.forget(session, slot)) this.#subscriptions.remove(session, slot);
  }

  /** From here on the slot is the client's own, or nobody's. True when it was held. */
  forget(session: SessionIndex, slot: number): boolean {
    return this.#bySession.get(session)?.delete(slot) ?? false;
  }

  drop(session: SessionIndex): void {
    this.#bySession.delete(session);
  }
}
