// Tokens whose signature was found good a moment ago: a user's devices, and all of them after a cut, come with the same one.
import { VERIFIED_TOKEN_MS_MAX, VERIFIED_TOKENS_MAX } from '../../shared/limits.ts';
import type { Bearer } from './upgrade.ts';

interface Verified {
  readonly bearer: Bearer;
  readonly atMs: number;
}

/**
 * Bounded in number and in time: a signing key that is withdrawn stays good for VERIFIED_TOKEN_MS_MAX longer, and no
 * token outlives its own end. Whether its user was revoked is another question, asked each time.
 */
export class VerifiedTokens {
  readonly #verified = new Map<string, Verified>();

  get size(): number {
    return this.#verified.size;
  }

  get(token: string, nowMs: number): Bearer | undefined {
    const known = this.#verified.get(token);
    if (!known) return undefined;
    const ageMs = nowMs - known.atMs;
    // A clock that was set back makes no entry younger than it is.
    if (ageMs >= 0 && ageMs < VERIFIED_TOKEN_MS_MAX && nowMs < known.bearer.expiresAtS * 1000)
      return known.bearer;
    this.#verified.delete(token);
    return undefined;
  }

  /** Over the bound, the entry that was added first goes. */
  add(token: string, bearer: Bearer, nowMs: number): void {
    this.#verified.delete(token);
    this.#verified.set(token, { bearer, atMs: nowMs });
    if (this.#verified.size <= VERIFIED_TOKENS_MAX) return;
    for (const oldest of this.#verified.keys()) {
      this.#verified.delete(oldest);
      return;
    }
  }
}
