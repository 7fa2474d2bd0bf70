// The gateway object: holds clients' hibernating sockets, keeps in step with the shards, flushes what changed.
import { DurableObject } from 'cloudflare:workers';
import { assertNever, type ErrorCode } from '../../shared/errors.ts';
import {
  CLIENT_COMMANDS_QUEUED_MAX,
  DRAIN_PAUSE_MS_MAX,
  DRAIN_PAUSE_MS_MIN,
  GATEWAY_FLUSH_WINDOW_MS,
  GATEWAY_SOCKETS_MAX,
} from '../../shared/limits.ts';
import { type Expulsion, GatewayBook, type InterestChange } from '../core/gateway-book.ts';
import type { GatewayStats } from '../core/gateway-stats.ts';
import type { ClientCommand, Principal, RejectedItem } from '../core/protocol.ts';
import type { ShardPush } from '../core/shard-book.ts';
import { DIALECTS } from '../dialects/registry.ts';
import type { Env } from '../env.ts';
import { ClientSockets, type Session } from './client-sockets.ts';
import { ShardCalls } from './shard-calls.ts';
import { controlStub } from './stubs.ts';

/** Set by the Worker after it has checked the token, and overwritten on every request that comes from outside. */
export const PRINCIPAL_HEADER = 'x-ticker-principal';

const REFUSALS: Partial<Record<ErrorCode, string>> = {
  unknown_instrument: 'no such instrument today',
  shard_unavailable: 'the object that keeps this instrument does not answer, try again',
};

export class ClientGateway extends DurableObject<Env> {
  readonly #name: string;
  readonly #book = new GatewayBook();
  readonly #calls: ShardCalls;
  readonly #sockets: ClientSockets;
  #flushTimer: ReturnType<typeof setTimeout> | undefined;
  #flushedAtMs = 0;
  #drainTimer: ReturnType<typeof setTimeout> | undefined;
  #drainPauseMs = DRAIN_PAUSE_MS_MIN;
  #isAnnounced = false;
  #counters = { frames_sent: 0, messages_received: 0, pushes_received: 0, flushes: 0, upgrades: 0 };

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.#name = ctx.id.name ?? '';
    this.#calls = new ShardCalls(env, this.#name, this.#book, (expulsions) => this.#afterNews(expulsions));
    this.#sockets = new ClientSockets(this.#book, ({ index }) =>
      this.#tellShards(this.#book.closeSession(index)),
    );
    const { request, response } = DIALECTS['native-json'].keepAlive;
    ctx.setWebSocketAutoResponse(new WebSocketRequestResponsePair(request, response));
    for (const socket of ctx.getWebSockets()) this.#sockets.restore(socket);
  }

  /** Upgrades a client whose token the Worker has checked; the principal comes in a header that only the Worker sets. */
  override async fetch(request: Request): Promise<Response> {
    if (this.#sockets.size >= GATEWAY_SOCKETS_MAX) return new Response('gateway full', { status: 503 });
    const principal = JSON.parse(
      decodeURIComponent(request.headers.get(PRINCIPAL_HEADER) ?? ''),
    ) as Principal;
    const { 0: client, 1: server } = new WebSocketPair();
    this.ctx.acceptWebSocket(server);
    const connectionId = crypto.randomUUID();
    const connectedAtMs = Date.now();
    const session = this.#sockets.open(server, {
      dialect: 'native-json',
      connectionId,
      principal,
      connectedAtMs,
    });
    this.#sockets.remember(session);
    this.#sockets.tell(session, { kind: 'connected', connectionId, principal, timestampMs: connectedAtMs });
    this.#counters.upgrades++;
    if (!this.#isAnnounced) {
      this.#isAnnounced = true;
      this.ctx.waitUntil(this.#announce());
    }
    return new Response(null, { status: 101, webSocket: client });
  }

  async #announce(): Promise<void> {
    try {
      await controlStub(this.env).announceGateway(this.#name);
    } catch (error) {
      console.warn(`gateway ${this.#name}: not announced: ${error}`);
      this.#isAnnounced = false;
    }
  }

  /** News of one shard. Synchronous up to the sends: pushes of one shard must not overtake each other. */
  push(push: ShardPush): void {
    this.#counters.pushes_received++;
    const verdict = this.#book.links[push.shard]?.onPush(push);
    if (verdict === 'resync') this.ctx.waitUntil(this.#calls.resync(push.shard));
    else if (verdict === 'apply') this.#afterNews(this.#book.applyPush(push));
  }

  stats(): GatewayStats {
    return {
      gateway: this.#name,
      connections: [...this.#sockets.all()].map(({ index, identity }) => ({
        connection_id: identity.connectionId,
        user_id: identity.principal.userId,
        subscriptions: this.#book.subscriptions.countOf(index),
        connected_at: new Date(identity.connectedAtMs).toISOString(),
      })),
      total_subscriptions: this.#book.subscriptions.total,
      tokens: this.#book.subscribedTokens(),
      resyncs: this.#calls.resyncs,
      ...this.#counters,
    };
  }

  override webSocketMessage(socket: WebSocket, message: string | ArrayBuffer): Promise<void> | undefined {
    const session = this.#sockets.get(socket);
    if (!session) return undefined;
    this.#counters.messages_received++;
    if (session.queued >= CLIENT_COMMANDS_QUEUED_MAX) {
      const text = `Too many commands: ${CLIENT_COMMANDS_QUEUED_MAX} are waiting already`;
      this.#sockets.refuse(session, 'too_many_commands', text);
      return undefined;
    }
    const command = DIALECTS[session.identity.dialect].parse(message);
    session.queued++;
    session.tail = session.tail
      .then(() => this.#carryOut(session, command))
      .catch((error) => {
        console.error(`gateway ${this.#name}: ${command.kind} failed: ${error}`);
        const text = `${command.kind} failed, try again`;
        this.#sockets.tell(session, { kind: 'error', code: 'internal', message: text });
      })
      .finally(() => session.queued--);
    return session.tail;
  }

  override webSocketClose(socket: WebSocket, code: number, reason: string): void {
    this.#sockets.closed(socket, code, reason);
  }

  override webSocketError(socket: WebSocket): void {
    this.#sockets.closed(socket, 1011, '');
  }

  async #carryOut(session: Session, command: ClientCommand): Promise<void> {
    if (!this.#sockets.get(session.socket)) return;
    switch (command.kind) {
      case 'subscribe':
        return this.#subscribe(session, command);
      case 'unsubscribe': {
        this.#tellShards(this.#book.unsubscribe(session.index, command.tokens));
        this.#sockets.remember(session);
        const total = this.#book.subscriptions.countOf(session.index);
        return this.#sockets.tell(session, { ...command, kind: 'unsubscribed', total });
      }
      case 'ping':
        return this.#sockets.tell(session, { kind: 'pong' });
      case 'refused':
        return this.#sockets.tell(session, { ...command, kind: 'error' });
      default:
        return assertNever(command);
    }
  }

  async #subscribe(session: Session, command: Extract<ClientCommand, { kind: 'subscribe' }>): Promise<void> {
    const plan = this.#book.planSubscribe(session.index, command.items);
    const refusals = await this.#calls.register(plan.contacts);
    const isGone = !this.#sockets.get(session.socket);
    const accepted = isGone ? [] : plan.accepted.filter(({ token }) => !refusals.has(token));
    // What is dirty goes to the present subscribers now; the new one gets it in its snapshot, once.
    this.#flush();
    const pending = this.#book.subscribe(session.index, accepted);
    this.#tellShards(this.#book.unclaim(plan.accepted));
    if (isGone) return;
    this.#sockets.remember(session);
    const refused = [...refusals].map(([token, code]) => ({
      item: token,
      code,
      message: REFUSALS[code] ?? code,
    }));
    const rejected: RejectedItem[] = [...command.rejected, ...plan.rejected, ...refused];
    const tokens = accepted.map(({ token }) => token);
    const total = this.#book.subscriptions.countOf(session.index);
    this.#sockets.tell(session, { kind: 'subscribed', tokens, pending, rejected, total });
    this.#book.holdSnapshot(session.index, accepted);
    this.#drain();
  }

  #afterNews(expulsions: readonly Expulsion[]): void {
    for (const { session: index, tokens } of expulsions) {
      const session = this.#sockets.byIndex(index);
      if (!session) continue;
      this.#sockets.remember(session);
      const message = `${REFUSALS.unknown_instrument}: ${tokens.join(', ')}`;
      this.#sockets.tell(session, { kind: 'error', code: 'unknown_instrument', message, tokens });
    }
    if (!this.#book.isDirty || this.#flushTimer !== undefined) return;
    const waitMs = this.#flushedAtMs + GATEWAY_FLUSH_WINDOW_MS - Date.now();
    if (waitMs <= 0) this.#flush();
    else this.#flushTimer = setTimeout(() => this.#flush(), waitMs);
  }

  /** One frame per changed instrument and subscriber, whichever shards the changes came from. */
  #flush(): void {
    clearTimeout(this.#flushTimer ?? null);
    this.#flushTimer = undefined;
    if (!this.#book.isDirty) return;
    this.#counters.frames_sent += this.#book.flush();
    this.#counters.flushes++;
    this.#flushedAtMs = Date.now();
    this.#armDrain();
  }

  /** Gives full sockets what they take by now, and comes back while any is still full. */
  #drain(): void {
    clearTimeout(this.#drainTimer ?? null);
    this.#drainTimer = undefined;
    const { delivered, caughtUp, stalled } = this.#book.drain(Date.now());
    this.#counters.frames_sent += delivered;
    for (const { session: index, skipped } of caughtUp) {
      const session = this.#sockets.byIndex(index);
      if (session) this.#sockets.tell(session, { kind: 'lag', skipped });
    }
    for (const index of stalled) {
      const session = this.#sockets.byIndex(index);
      if (session) this.#sockets.closeSlow(session);
    }
    this.#drainPauseMs =
      delivered > 0 ? DRAIN_PAUSE_MS_MIN : Math.min(this.#drainPauseMs * 2, DRAIN_PAUSE_MS_MAX);
    this.#armDrain();
  }

  #armDrain(): void {
    if (!this.#book.hasWaiting || this.#drainTimer !== undefined) return;
    this.#drainTimer = setTimeout(() => this.#drain(), this.#drainPauseMs);
  }

  #tellShards(changes: readonly InterestChange[]): void {
    if (changes.length > 0) this.ctx.waitUntil(this.#calls.tell(changes));
  }
}
