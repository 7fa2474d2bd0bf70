// What has to happen to which session at what time: a token that must come, or ends, or a client that did not come back.
import { AUTHENTICATE_MS_MAX, RESUME_AGE_MS_MAX, TOKEN_WARNING_MS } from '../../shared/limits.ts';
import type { SessionIndex } from './subscriptions.ts';

export type DeadlineKind = 'authenticate' | 'warn' | 'expire' | 'leave' | 'forget';

export interface Deadline {
  readonly session: SessionIndex;
  readonly kind: DeadlineKind;
  readonly atMs: number;
}

/** One deadline per session, the next of its life: to authenticate; then to be warned; then to end with its token. */
export class SessionDeadlines {
  readonly #deadlines = new Map<SessionIndex, Deadline>();

  /** The session has no token yet. */
  awaitToken(session: SessionIndex, connectedAtMs: number): void {
    this.#set(session, 'authenticate', connectedAtMs + AUTHENTICATE_MS_MAX);
  }

  /** The session has a token, perhaps a new one, that ends at `expiresAtMs`. */
  followToken(session: SessionIndex, expiresAtMs: number, nowMs: number): void {
    const warnAtMs = expiresAtMs - TOKEN_WARNING_MS;
    if (warnAtMs > nowMs) this.#set(session, 'warn', warnAtMs);
    else this.#set(session, 'expire', expiresAtMs);
  }

  /** The session is to be closed on purpose. Whatever else was to happen to it happens to the next one. */
  leave(session: SessionIndex, atMs: number): void {
    this.#set(session, 'leave', atMs);
  }

  /** The session's client has gone; if it is not back in time, the session is forgotten. */
  awaitReturn(session: SessionIndex, departedAtMs: number): void {
    this.#set(session, 'forget', departedAtMs + RESUME_AGE_MS_MAX);
  }

  drop(session: SessionIndex): void {
    this.#deadlines.delete(session);
  }

  /** Takes what is due. A warning is followed by the end of the token. */
  due(nowMs: number): Deadline[] {
    const due = [...this.#deadlines.values()].filter(({ atMs }) => atMs <= nowMs);
    for (const { session, kind, atMs } of due) {
      if (kind === 'warn') this.#set(session, 'expire', atMs + TOKEN_WARNING_MS);
      else this.#deadlines.delete(session);
    }
    return due;
  }

  /** When something is due next; infinity when nothing ever is. */
  nextAtMs(): number {
    let next = Number.POSITIVE_INFINITY;
    for (const { atMs } of this.#deadlines.values()) next = Math.min(next, atMs);
    return next;
  }

  #set(session: SessionIndex, kind: DeadlineKind, atMs: number): void {
    this.#deadlines.set(session, { session, kind, atMs });
  }
}
