// Sessions whose client has gone and may come back: what they had, for as long as what they miss is kept.
import {
  RESUME_SESSIONS_MAX,
  RESUME_SESSIONS_PER_USER_MAX,
  RESUME_SUBSCRIPTIONS_MAX,
} from '../../shared/limits.ts';
import type { ResumePosition } from './protocol.ts';
import type { SessionIndex } from './subscriptions.ts';

export interface Departed {
  readonly session: SessionIndex;
  readonly userId: string;
  readonly subscriptions: number;
  /** From here on every tick was sent in the flush that it was of; infinity if something still waited. */
  readonly waitedAtSeq: number;
}

export class DepartedSessions {
  /** By the epoch of the connection, in the order of departure. */
  readonly #byEpoch = new Map<string, Departed>();
  #subscriptions = 0;

  get size(): number {
    return this.#byEpoch.size;
  }

  /**
   * Keeps a session in mind. Returns those that have to be forgotten for it: the oldest of a user who has too many, and
   * the oldest of all while they are too many or had subscribed to too much.
   */
  add(epoch: string, departed: Departed): Departed[] {
    this.#byEpoch.set(epoch, departed);
    this.#subscriptions += departed.subscriptions;
    const forgotten: Departed[] = [];
    const ofUser = [...this.#byEpoch].filter(([, { userId }]) => userId === departed.userId);
    for (const [old] of ofUser.slice(0, -RESUME_SESSIONS_PER_USER_MAX)) forgotten.push(...this.#remove(old));
    for (const [old] of this.#byEpoch) {
      const isTooMuch = this.#subscriptions > RESUME_SUBSCRIPTIONS_MAX;
      if (this.#byEpoch.size <= RESUME_SESSIONS_MAX && !isTooMuch) break;
      forgotten.push(...this.#remove(old));
    }
    return forgotten;
  }

  #remove(epoch: string): Departed[] {
    const departed = this.#byEpoch.get(epoch);
    if (!departed) return [];
    this.#byEpoch.delete(epoch);
    this.#subscriptions -= departed.subscriptions;
    return [departed];
  }

  forget(session: SessionIndex): void {
    for (const [epoch, departed] of this.#byEpoch) {
      if (departed.session === session) this.#remove(epoch);
    }
  }

  /** The session that a position is of, if it was this user's and nothing was held back from it in or after its flush. */
  find({ epoch, seq }: ResumePosition, userId: string): Departed | undefined {
    const departed = this.#byEpoch.get(epoch);
    return departed?.userId === userId && departed.waitedAtSeq < seq ? departed : undefined;
  }
}
