// Sessions whose client has gone and may come back: what they had, for as long as what they miss is kept.
import { RESUME_SESSIONS_MAX } from '../../shared/limits.ts';
import type { ResumePosition } from './protocol.ts';
import type { SessionIndex } from './subscriptions.ts';

export interface Departed {
  readonly session: SessionIndex;
  readonly userId: string;
  /** From here on every tick was sent in the flush that it was of; infinity if something still waited. */
  readonly waitedAtSeq: number;
}

export class DepartedSessions {
  /** By the epoch of the connection, in the order of departure. */
  readonly #byEpoch = new Map<string, Departed>();

  /** Keeps a session in mind. Returns the one that had to be forgotten for it, if any. */
  add(epoch: string, departed: Departed): Departed | undefined {
    this.#byEpoch.set(epoch, departed);
    if (this.#byEpoch.size <= RESUME_SESSIONS_MAX) return undefined;
    const [oldest] = this.#byEpoch;
    if (!oldest) return undefined;
    this.#byEpoch.delete(oldest[0]);
    return oldest[1];
  }

  forget(session: SessionIndex): void {
    for (const [epoch, departed] of this.#byEpoch) {
      if (departed.session === session) this.#byEpoch.delete(epoch);
    }
  }

  /** The session that a position is of, if it was this user's and nothing was held back from it after the position. */
  find({ epoch, seq }: ResumePosition, userId: string): Departed | undefined {
    const departed = this.#byEpoch.get(epoch);
    return departed?.userId === userId && departed.waitedAtSeq <= seq ? departed : undefined;
  }
}
