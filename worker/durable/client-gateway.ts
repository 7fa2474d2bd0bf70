// The gateway object: holds clients' hibernating sockets, keeps in step with the shards, flushes what changed.
import { DurableObject } from 'cloudflare:workers';
import { DRAIN_CLOSED_AFTER_MS } from '../../shared/limits.ts';
import type { ChainName } from '../core/chain-contracts.ts';
import { CLIENT_LIMITS } from '../core/client-limits.ts';
import { ConnectionQuota } from '../core/connection-quota.ts';
import { DepartedSessions } from '../core/departed-sessions.ts';
import type { FeedEvent } from '../core/feed.ts';
import { type Expulsion, GatewayBook, type InterestChange } from '../core/gateway-book.ts';
import type { GatewayCounts, GatewayStats } from '../core/gateway-stats.ts';
import type { OrderEvent } from '../core/order-event.ts';
import { REJECTION_TEXTS } from '../core/rejection.ts';
import type { ShardPush } from '../core/shard-book.ts';
import type { SessionIndex } from '../core/subscriptions.ts';
import { type Bearer, readUpgrade, upgradeAnswerHeaders } from '../core/upgrade.ts';
import { KEEP_ALIVE } from '../dialects/registry.ts';
import type { Env } from '../env.ts';
import type { ChainDocument } from './chain-documents.ts';
import { ChainStreams } from './chain-streams.ts';
import { ClientCommands } from './client-commands.ts';
import { ClientSockets, type Session } from './client-sockets.ts';
import { GatewayFeed } from './gateway-feed.ts';
import { GatewayFigures } from './gateway-figures.ts';
import { GatewayFlusher } from './gateway-flusher.ts';
import { OrderUpdates } from './order-updates.ts';
import { SessionLife } from './session-life.ts';
import { ShardCalls } from './shard-calls.ts';
import { SymbolBook } from './symbol-book.ts';
import { refusalOf } from './upgrade-refusal.ts';

/** Until when a drained gateway lets nobody in, across losses of its memory. */
const CLOSED_UNTIL_KEY = 'closed-until';

export class ClientGateway extends DurableObject<Env> {
  readonly #name: string;
  readonly #book = new GatewayBook(Date.now());
  readonly #departed = new DepartedSessions();
  readonly #quota = new ConnectionQuota();
  readonly #calls: ShardCalls;
  readonly #sockets: ClientSockets;
  readonly #flusher: GatewayFlusher;
  readonly #life: SessionLife;
  readonly #chains: ChainStreams;
  readonly #commands: ClientCommands;
  readonly #figures: GatewayFigures;
  readonly #feed: GatewayFeed;
  readonly #orders: OrderUpdates;
  #closedUntilMs = 0;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.#name = ctx.id.name ?? '';
    this.#calls = new ShardCalls(env, this.#name, this.#book, (expulsions) => this.#afterNews(expulsions));
    this.#sockets = new ClientSockets(this.#book, (session, mayReturn) => this.#onGone(session, mayReturn));
    this.#feed = new GatewayFeed(this.#name, env, this.#sockets);
    this.#orders = new OrderUpdates(this.#name, env, ctx, this.#sockets);
    this.#flusher = new GatewayFlusher(this.#book.delivery, {
      onCaughtUp: (index, skipped) =>
        this.#withSession(index, (s) => this.#sockets.tell(s, { kind: 'lag', skipped })),
      onStalled: (index) => this.#withSession(index, (s) => this.#sockets.closeSlow(s)),
    });
    this.#life = new SessionLife({
      env,
      ctx,
      sockets: this.#sockets,
      quota: this.#quota,
      onFirstToken: (session, bearer) => this.#welcome(session, bearer),
      onForget: (session) => this.#forget(session),
      onLease: () => {
        this.#orders.look();
        this.ctx.waitUntil(Promise.all([this.#calls.renewAll(), this.#feed.learn()]));
      },
    });
    const shared = {
      gateway: this.#name,
      book: this.#book,
      departed: this.#departed,
      sockets: this.#sockets,
      flusher: this.#flusher,
      calls: this.#calls,
      symbols: new SymbolBook(env, ctx),
      tellShards: (changes: readonly InterestChange[]) => this.#tellShards(changes),
      orders: this.#orders,
    };
    this.#chains = new ChainStreams(shared, env, ctx);
    const parts = { ...shared, chains: this.#chains };
    this.#figures = new GatewayFigures({ ...parts, quota: this.#quota, life: this.#life });
    this.#commands = new ClientCommands({
      ...parts,
      authenticate: (session, command) => this.#life.authenticate(session, command),
    });
    ctx.setWebSocketAutoResponse(new WebSocketRequestResponsePair(KEEP_ALIVE.request, KEEP_ALIVE.response));
    this.#closedUntilMs = ctx.storage.kv.get<number>(CLOSED_UNTIL_KEY) ?? 0;
    for (const socket of ctx.getWebSockets()) this.#restore(socket);
  }

  /** Upgrades a client. Its token has been checked by the Worker, which alone sets the headers that say so. */
  override async fetch(request: Request): Promise<Response> {
    await this.#feed.learn();
    const upgrade = readUpgrade(request.headers);
    const isClosed = Date.now() < this.#closedUntilMs;
    const refusal = refusalOf(upgrade, this.#quota, this.#sockets.size, isClosed);
    if (refusal) return refusal;
    const { dialect, bearer, address } = upgrade;
    const { 0: client, 1: server } = new WebSocketPair();
    this.ctx.acceptWebSocket(server);
    const from = address === undefined ? {} : { address };
    const own = { connectionId: crypto.randomUUID(), connectedAtMs: Date.now(), ...from };
    const session = this.#sockets.open(server, { dialect, ...own }, bearer);
    session.isCounted = true;
    this.#figures.counters.upgrades++;
    this.#sockets.remember(session);
    this.#life.follow(session);
    if (bearer) this.#welcome(session, bearer);
    return new Response(null, { status: 101, webSocket: client, headers: upgradeAnswerHeaders(upgrade) });
  }

  /**
   * News of one shard. Synchronous up to the sends: pushes of one shard must not overtake each other. Returns what a
   * round of pushes costs this gateway, in ms.
   */
  push(push: ShardPush): number {
    this.#flusher.beginPush();
    this.#figures.counters.pushes_received++;
    this.#flusher.sendBars(this.#book.bars.take(push.bars, push.boot));
    const verdict = this.#book.links[push.shard]?.onPush(push);
    if (verdict === 'resync') this.ctx.waitUntil(this.#calls.resync(push.shard));
    else if (verdict === 'apply') this.#afterNews(this.#book.applyPush(push));
    return this.#flusher.costMs;
  }

  /** The feed has changed. Who hears an earlier event after a later one ignores it. */
  feedChanged(feed: FeedEvent): void {
    this.#feed.change(feed);
  }

  /** What became of an order, for those who may know of orders. */
  orderEvent(event: OrderEvent): void {
    this.#orders.take(event);
  }

  /** Ends the user's sessions whose token was issued before the revocation. Returns how many there were. */
  revokeUser(userId: string, notBeforeS: number): number {
    const revoked = [...this.#sockets.all()].filter(
      ({ bearer }) => bearer?.userId === userId && bearer.issuedAtS < notBeforeS,
    );
    for (const session of revoked) this.#sockets.refuse(session, 'token_revoked', 'Token revoked');
    return revoked.length;
  }

  /** Empties this gateway for a while, so that it can start anew: no client comes in, those here leave one by one. */
  drain(windowMs: number): number {
    this.#closedUntilMs = Date.now() + windowMs + DRAIN_CLOSED_AFTER_MS;
    this.ctx.storage.kv.put(CLOSED_UNTIL_KEY, this.#closedUntilMs);
    this.#life.drain(windowMs);
    return this.#sockets.size;
  }

  /** A chain with the last values of its members. */
  chain(name: ChainName, strikes: number): Promise<ChainDocument> {
    return this.#chains.documents.gather(name, strikes);
  }

  counts(): GatewayCounts {
    return this.#figures.counts();
  }

  stats(): GatewayStats {
    return this.#figures.stats();
  }

  override webSocketMessage(socket: WebSocket, message: string | ArrayBuffer): Promise<void> | undefined {
    const session = this.#sockets.get(socket);
    if (!session) return undefined;
    this.#figures.counters.messages_received++;
    return this.#commands.receive(session, message);
  }

  override webSocketClose(socket: WebSocket, code: number, reason: string): void {
    this.#sockets.closed(socket, code, reason);
  }

  override webSocketError(socket: WebSocket): void {
    this.#sockets.closed(socket, 1011, '');
  }

  override alarm(): void {
    this.#life.onAlarm();
  }

  #welcome(session: Session, principal: Bearer): void {
    const { connectionId, connectedAtMs: timestampMs } = session.identity;
    const identity = { connectionId, principal, timestampMs, epoch: connectionId, limits: CLIENT_LIMITS };
    this.#sockets.tellFirst(session, () => {
      const feed = this.#feed.current;
      return { kind: 'connected', ...identity, ...(feed ? { feed } : {}) };
    });
  }

  #restore(socket: WebSocket): void {
    const session = this.#sockets.restore(socket);
    if (!session) return;
    this.#quota.restore(session.bearer?.userId, session.identity.address);
    session.isCounted = true;
    this.#life.resume(session);
  }

  /** A client that was cut off is awaited: what it had subscribed to goes on being kept for it. */
  #onGone({ index, bearer, identity, isCounted }: Session, mayReturn: boolean): void {
    this.#life.drop(index);
    if (isCounted) this.#quota.remove(bearer?.userId, identity.address);
    const subscriptions = this.#book.countOf(index);
    if (!mayReturn || !bearer || subscriptions === 0) {
      this.#forget(index);
      return;
    }
    const waitedAtSeq = this.#book.suspendSession(index);
    const departed = { session: index, userId: bearer.userId, subscriptions, waitedAtSeq };
    const forgotten = this.#departed.add(identity.connectionId, departed);
    this.#life.awaitReturn(index);
    for (const { session } of forgotten) this.#forget(session);
  }

  #forget(session: SessionIndex): void {
    this.#life.drop(session);
    this.#departed.forget(session);
    this.#tellShards(this.#book.closeSession(session));
  }

  #withSession(index: number, act: (session: Session) => void): void {
    const session = this.#sockets.byIndex(index);
    if (session) act(session);
  }

  #afterNews(expulsions: readonly Expulsion[]): void {
    for (const { session: index, tokens } of expulsions) {
      this.#withSession(index, (session) => {
        this.#sockets.remember(session);
        const message = `${REJECTION_TEXTS.unknown_instrument}: ${tokens.join(', ')}`;
        this.#sockets.tell(session, { kind: 'error', code: 'unknown_instrument', message, tokens });
      });
    }
    this.#flusher.flush();
    this.#chains.onNews();
  }

  #tellShards(changes: readonly InterestChange[]): void {
    if (changes.length > 0) this.ctx.waitUntil(this.#calls.tell(changes));
  }
}
