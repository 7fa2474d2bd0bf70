// The life of sessions: a first token in time, a warning before its end, renewal, the end, and a while of memory after it.
import { INTEREST_LEASE_MS } from '../../shared/limits.ts';
import { authenticate } from '../auth/authentication.ts';
import type { ConnectionQuota } from '../core/connection-quota.ts';
import type { ClientCommand } from '../core/protocol.ts';
import { type DeadlineKind, SessionDeadlines } from '../core/session-deadlines.ts';
import type { SessionIndex } from '../core/subscriptions.ts';
import type { Bearer } from '../core/upgrade.ts';
import type { Env } from '../env.ts';
import type { ClientSockets, Session } from './client-sockets.ts';

export interface LifeContext {
  readonly env: Env;
  readonly ctx: DurableObjectState;
  readonly sockets: ClientSockets;
  readonly quota: ConnectionQuota;
  /** The client has authenticated for the first time: it is to be welcomed. */
  readonly onFirstToken: (session: Session, bearer: Bearer) => void;
  /** The client of a suspended session did not come back. */
  readonly onForget: (session: SessionIndex) => void;
  /** There are sessions, and their interest has to be proved to the shards again. */
  readonly onLease: () => void;
}

/** Deadlines are alarms and not timers: a session that has nothing to say must let the object hibernate. */
export class SessionLife {
  readonly #context: LifeContext;
  readonly #deadlines = new SessionDeadlines();
  #alarmAtMs = Number.POSITIVE_INFINITY;
  #leaseAtMs = Number.POSITIVE_INFINITY;

  constructor(context: LifeContext) {
    this.#context = context;
  }

  get deadlines(): number {
    return this.#deadlines.size;
  }

  /** From here on the session's token, or its lack of one, is watched. */
  follow(session: Session): void {
    this.#watch(session);
    this.#armAlarm();
  }

  /**
   * The same for a session that outlives this memory. The alarm that was set for it is in the storage; and nobody knows
   * when interest was last proved, so that the next alarm does.
   */
  resume(session: Session): void {
    this.#watch(session);
    if (session.leaveAtMs !== undefined) this.#deadlines.leave(session.index, session.leaveAtMs);
    this.#leaseAtMs = Date.now();
  }

  #watch({ index, bearer, identity, isWarned }: Session): void {
    if (bearer) this.#deadlines.followToken(index, bearer.expiresAtS * 1000, isWarned);
    else this.#deadlines.awaitToken(index, identity.connectedAtMs);
  }

  /** Announces to every session that it will be closed, each at its own moment within `windowMs`. */
  drain(windowMs: number): void {
    const { sockets } = this.#context;
    for (const session of sockets.all()) {
      const reconnectInMs = Math.floor(Math.random() * windowMs);
      sockets.tell(session, { kind: 'goaway', reconnectInMs, epoch: session.identity.connectionId });
      session.leaveAtMs = Date.now() + reconnectInMs;
      sockets.remember(session);
      this.#deadlines.leave(session.index, session.leaveAtMs);
    }
    this.#armAlarm();
  }

  /** From here on the session's client is awaited. */
  awaitReturn(session: SessionIndex): void {
    this.#deadlines.awaitReturn(session, Date.now());
    this.#armAlarm();
  }

  drop(session: SessionIndex): void {
    this.#deadlines.drop(session);
  }

  onAlarm(): void {
    this.#alarmAtMs = Number.POSITIVE_INFINITY;
    const nowMs = Date.now();
    if (nowMs >= this.#leaseAtMs) {
      this.#leaseAtMs = Number.POSITIVE_INFINITY;
      if (this.#context.sockets.size > 0) this.#context.onLease();
    }
    for (const { session: index, kind } of this.#deadlines.due(nowMs)) {
      if (kind === 'forget') this.#context.onForget(index);
      const session = this.#context.sockets.byIndex(index);
      if (session) this.#onDeadline(session, kind, nowMs);
    }
    this.#armAlarm();
  }

  #onDeadline(session: Session, kind: DeadlineKind, nowMs: number): void {
    const { sockets } = this.#context;
    const expiresAtMs = (session.bearer?.expiresAtS ?? 0) * 1000;
    if (kind === 'warn') {
      session.isWarned = true;
      sockets.remember(session);
      sockets.tell(session, { kind: 'token_expiring', expiresAtMs, inMs: expiresAtMs - nowMs });
    } else if (kind === 'leave') sockets.sendAway(session);
    else if (kind === 'expire') sockets.refuse(session, 'session_expired', 'Token expired');
    else sockets.refuse(session, 'not_authenticated', 'No token within the time to authenticate');
  }

  #armAlarm(): void {
    const isAlone = this.#context.sockets.size === 0;
    if (this.#leaseAtMs === Number.POSITIVE_INFINITY && !isAlone)
      this.#leaseAtMs = Date.now() + INTEREST_LEASE_MS;
    const atMs = Math.min(this.#deadlines.nextAtMs(), this.#leaseAtMs);
    if (atMs >= this.#alarmAtMs) return;
    this.#alarmAtMs = atMs;
    // What is overdue is due now: the runtime takes no time before the epoch, and none that a token makes up.
    this.#context.ctx.waitUntil(this.#context.ctx.storage.setAlarm(Math.max(atMs, Date.now())));
  }

  /** Takes a token that a client has sent: its first one, or a new one of the same user. */
  async authenticate(
    session: Session,
    command: Extract<ClientCommand, { kind: 'authenticate' }>,
  ): Promise<void> {
    const { env, ctx, sockets } = this.#context;
    const verdict = await authenticate(command.token, env, ctx);
    if (!sockets.get(session.socket)) return;
    const id = command.id === undefined ? {} : { id: command.id };
    if (verdict.ok) this.#accept(session, verdict.principal, id);
    else if (!session.bearer) sockets.refuse(session, verdict.code, verdict.message);
    // A client that has a good token keeps it: a renewal that fails ends nothing before its time.
    else sockets.tell(session, { kind: 'error', code: 'renewal_failed', message: verdict.message, ...id });
  }

  #accept(session: Session, bearer: Bearer, id: { id?: string | number }): void {
    const { sockets, quota, onFirstToken } = this.#context;
    const before = session.bearer;
    if (before && before.userId !== bearer.userId) {
      const text = 'This socket is of another user: open another one';
      sockets.tell(session, { kind: 'error', code: 'wrong_user', message: text, ...id });
      return;
    }
    if (!before && quota.add(bearer.userId, undefined) !== undefined) {
      sockets.refuse(session, 'too_many_connections', 'Too many connections of this user');
      return;
    }
    session.bearer = bearer;
    session.isWarned = false;
    sockets.remember(session);
    this.follow(session);
    if (before)
      sockets.tell(session, { kind: 'authenticated', expiresAtMs: bearer.expiresAtS * 1000, ...id });
    else onFirstToken(session, bearer);
  }
}
