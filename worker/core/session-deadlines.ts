// What has to happen to which session at what time: a token that must come, or ends, or a client that did not come back.
import { AUTHENTICATE_MS_MAX, RESUME_AGE_MS_MAX, TOKEN_WARNING_MS } from '../../shared/limits.ts';
import type { SessionIndex } from './subscriptions.ts';

export type DeadlineKind = 'authenticate' | 'warn' | 'expire' | 'leave' | 'forget';

export interface Deadline {
  readonly session: SessionIndex;
  readonly kind: DeadlineKind;
  readonly atMs: number;
}

/**
 * One deadline per session, the next of its life: to authenticate; then to be warned; then to end with its token. Beside
 * it the moment of a planned goodbye, which nothing else puts off.
 */
export class SessionDeadlines {
  readonly #deadlines = new Map<SessionIndex, Deadline>();
  readonly #leaving = new Map<SessionIndex, Deadline>();

  get size(): number {
    return this.#deadlines.size + this.#leaving.size;
  }

  /** The session has no token yet. */
  awaitToken(session: SessionIndex, connectedAtMs: number): void {
    this.#set(session, 'authenticate', connectedAtMs + AUTHENTICATE_MS_MAX);
  }

  /** The session has a token, perhaps a new one, that ends at `expiresAtMs`. Its client is warned of that once. */
  followToken(session: SessionIndex, expiresAtMs: number, isWarned: boolean): void {
    if (isWarned) this.#set(session, 'expire', expiresAtMs);
    else this.#set(session, 'warn', expiresAtMs - TOKEN_WARNING_MS);
  }

  /** The session is to be closed on purpose, if it does not end before. */
  leave(session: SessionIndex, atMs: number): void {
    this.#leaving.set(session, { session, kind: 'leave', atMs });
  }

  /** The session's client has gone; if it is not back in time, the session is forgotten. */
  awaitReturn(session: SessionIndex, departedAtMs: number): void {
    this.#set(session, 'forget', departedAtMs + RESUME_AGE_MS_MAX);
  }

  drop(session: SessionIndex): void {
    this.#deadlines.delete(session);
    this.#leaving.delete(session);
  }

  /** Takes what is due. A warning is followed by the end of the token, which may be due with it. */
  due(nowMs: number): Deadline[] {
    const due: Deadline[] = [];
    for (const deadline of this.#deadlines.values()) {
      if (deadline.atMs > nowMs) continue;
      const endsAtMs = deadline.atMs + TOKEN_WARNING_MS;
      if (deadline.kind === 'warn' && endsAtMs > nowMs) {
        due.push(deadline);
        this.#set(deadline.session, 'expire', endsAtMs);
        continue;
      }
      due.push(deadline.kind === 'warn' ? { ...deadline, kind: 'expire', atMs: endsAtMs } : deadline);
      this.#deadlines.delete(deadline.session);
    }
    for (const deadline of this.#leaving.values()) {
      if (deadline.atMs > nowMs) continue;
      due.push(deadline);
      this.#leaving.delete(deadline.session);
    }
    return due;
  }

  /** When something is due next; infinity when nothing ever is. */
  nextAtMs(): number {
    let next = Number.POSITIVE_INFINITY;
    for (const { atMs } of this.#deadlines.values()) next = Math.min(next, atMs);
    for (const { atMs } of this.#leaving.values()) next = Math.min(next, atMs);
    return next;
  }

  #set(session: SessionIndex, kind: DeadlineKind, atMs: number): void {
    this.#deadlines.set(session, { session, kind, atMs });
  }
}
