// Which users' tokens are void, and from when on: the memory behind every check of a revocation.
import { REVOCATIONS_MAX } from '../../shared/limits.ts';

/** Tokens of the user that were issued before `notBeforeS` (seconds since the epoch) are void. */
export interface Revocation {
  readonly userId: string;
  readonly notBeforeS: number;
}

export class Revocations {
  readonly #notBeforeS = new Map<string, number>();
  readonly #sizeMax: number;

  constructor(sizeMax = REVOCATIONS_MAX) {
    this.#sizeMax = sizeMax;
  }

  /** Takes a revocation over; an earlier one than is known changes nothing. Returns how many were forgotten for want of room. */
  add({ userId, notBeforeS }: Revocation): number {
    const known = this.#notBeforeS.get(userId) ?? 0;
    this.#notBeforeS.delete(userId);
    this.#notBeforeS.set(userId, Math.max(known, notBeforeS));
    if (this.#notBeforeS.size <= this.#sizeMax) return 0;
    const [oldest] = this.#notBeforeS.keys();
    if (oldest !== undefined) this.#notBeforeS.delete(oldest);
    return 1;
  }

  /** A token that does not say when it was issued (`issuedAtS` 0) is older than any revocation. */
  isRevoked(userId: string, issuedAtS: number): boolean {
    return issuedAtS < (this.#notBeforeS.get(userId) ?? 0);
  }
}
