// The sockets of one Kite account: opened one after the other as they are needed, and how far each can be relied on.
import { assertNever } from '../../shared/errors.ts';
import {
  KITE_CONNECTIONS_PER_ACCOUNT_MAX,
  KITE_FAILOVER_GRACE_MS,
  KITE_INSTRUMENTS_PER_CONNECTION_MAX,
  KITE_OPENING_STAGGER_MS,
} from '../../shared/limits.ts';
import type { AccountStatus } from '../../shared/status.ts';
import type { Timer } from '../clock.ts';
import type { Availability, ConnectionMoves, PlannedSocket } from '../core/placement.ts';
import type { KiteAccount } from './account.ts';
import { type ConnectionOptions, type ConnectionState, KiteConnection } from './connection.ts';
import type { TextMessage } from './text-message.ts';

export interface AccountSocketsOptions
  extends Omit<ConnectionOptions, 'id' | 'apiKey' | 'accessToken' | 'onFrame' | 'onText' | 'onState'> {
  /** As a connection's, with the id of the socket that the frame came by. */
  readonly onFrame: (bytes: Uint8Array, receivedAtMs: number, connectionId: string) => void;
  /** As a connection's, with the id of the account. */
  readonly onText?: (message: TextMessage, accountId: string) => void;
  /** A socket of the account is open, for the first time or again. */
  readonly onOpen?: (accountId: string) => void;
  /** The state of a socket became another one. */
  readonly onChange: () => void;
}

export class AccountSockets {
  readonly #options: AccountSocketsOptions;
  #account: KiteAccount;
  readonly #connections: KiteConnection[] = [];
  /** The socket whose first answer the next one waits for, at most KITE_OPENING_STAGGER_MS. */
  #opening: { readonly connection: KiteConnection; readonly timer: Timer } | undefined;

  constructor(account: KiteAccount, options: AccountSocketsOptions) {
    this.#options = options;
    this.#account = account;
    this.update(account);
  }

  get connections(): readonly KiteConnection[] {
    return this.#connections;
  }

  /** What has changed about the account takes effect at once; sockets that it does not concern stay as they are. */
  update(account: KiteAccount): void {
    const { id, apiKey, accessToken, isEnabled, connectionsMax } = account;
    const count = isEnabled ? Math.min(connectionsMax, KITE_CONNECTIONS_PER_ACCOUNT_MAX) : 0;
    this.#close(apiKey === this.#account.apiKey ? count : 0);
    this.#account = account;
    for (const connection of this.#connections) connection.setAccessToken(accessToken);
    for (let index = this.#connections.length; index < count; index++) {
      this.#connections.push(this.#newConnection(`${id}/${index}`));
    }
  }

  /** Closes all sockets for good. */
  stop(): void {
    this.#close(0);
  }

  /** Closes all sockets but the first `count`. */
  #close(count: number): void {
    // Out of the list first: none of them is to be opened because another one is closed.
    for (const connection of this.#connections.splice(count)) connection.stop();
  }

  #newConnection(id: string): KiteConnection {
    const { onFrame, onText, onOpen, onChange, ...options } = this.#options;
    const { id: accountId, apiKey, accessToken } = this.#account;
    const connection: KiteConnection = new KiteConnection({
      ...options,
      id,
      apiKey,
      accessToken,
      onFrame: (bytes, receivedAtMs) => onFrame(bytes, receivedAtMs, id),
      onText: (message) => onText?.(message, accountId),
      onState: (state) => {
        if (state.kind === 'open') onOpen?.(accountId);
        if (this.#opening?.connection === connection && state.kind !== 'connecting') this.#openNext();
        onChange();
      },
    });
    return connection;
  }

  /** The sockets as the planner sees them at the monotonic time `nowMs`. */
  planned(nowMs: number): PlannedSocket[] {
    const isTroubled = this.#connections.some((connection) => availabilityOf(connection, nowMs) === 'away');
    // An idle socket would be refused as its sibling was; a sibling that is merely lost makes it a second choice.
    const ofIdle = this.#isRefused ? 'away' : isTroubled ? 'doubtful' : 'ready';
    return this.#connections.map((connection) => ({
      id: connection.id,
      accountId: this.#account.id,
      instrumentsMax: this.#instrumentsMax,
      availability: availabilityOf(connection, nowMs) ?? ofIdle,
      subscriptions: connection.subscriptions,
    }));
  }

  /** When the next socket after `nowMs` loses its instruments if nothing happens; undefined while all is well. */
  graceEndsAtMs(nowMs: number): number | undefined {
    const ends = this.#connections
      .filter((connection) => availabilityOf(connection, nowMs) !== 'away')
      .flatMap(({ missingSinceMs }) => (missingSinceMs === undefined ? [] : [graceEndOf(missingSinceMs)]));
    return ends.length === 0 ? undefined : Math.min(...ends);
  }

  /** Carries out the moves of this account's sockets, and opens those that have something to carry. */
  apply(moves: ReadonlyMap<string, ConnectionMoves>): void {
    for (const connection of this.#connections) {
      const own = moves.get(connection.id);
      if (own !== undefined) connection.apply(own);
    }
    if (this.#opening === undefined) this.#openNext();
  }

  /** The first socket is opened also without instruments: it shows that the account works and that Kite is alive. */
  #openNext(): void {
    this.#opening?.timer.cancel();
    this.#opening = undefined;
    if (this.#isRefused) return;
    const connection = this.#connections.find(
      ({ state, subscriptions }, index) => state.kind === 'idle' && (index === 0 || subscriptions.size > 0),
    );
    if (connection === undefined) return;
    const timer = this.#options.clock.after(KITE_OPENING_STAGGER_MS, () => this.#openNext());
    this.#opening = { connection, timer };
    connection.start();
  }

  /** Kite has just said no to this account, or would: there is no token, it is dead, or others hold the slots. */
  get #isRefused(): boolean {
    return (
      this.#account.accessToken === undefined ||
      this.#connections.some(({ state }) => state.kind === 'unauthorized' || isThrottled(state))
    );
  }

  get #instrumentsMax(): number {
    return Math.min(this.#account.instrumentsMax, KITE_INSTRUMENTS_PER_CONNECTION_MAX);
  }

  status(): AccountStatus {
    const nowMs = this.#options.clock.monotonicMs();
    const usable = this.planned(nowMs).filter(({ availability }) => availability !== 'away');
    const instruments = usable.reduce((sum, { subscriptions }) => sum + subscriptions.size, 0);
    return {
      id: this.#account.id,
      state: this.#state(),
      capacity: this.#connections.length * this.#instrumentsMax,
      instruments,
      room: Math.max(0, usable.length * this.#instrumentsMax - instruments),
      sockets: this.#connections.map(({ state, subscriptions, lastFrameAgeMs, reconnects }) => ({
        state: state.kind,
        instruments: subscriptions.size,
        ...(lastFrameAgeMs === undefined ? {} : { last_frame_age_ms: Math.round(lastFrameAgeMs) }),
        reconnects,
      })),
    };
  }

  /** The worst of the sockets that are in use. */
  #state(): AccountStatus['state'] {
    const { isEnabled, accessToken } = this.#account;
    if (!isEnabled) return 'disabled';
    const states = this.#connections.map(({ state }) => state).filter(({ kind }) => kind !== 'idle');
    if (accessToken === undefined || states.some(({ kind }) => kind === 'unauthorized'))
      return 'unauthorized';
    if (states.some(isThrottled)) return 'throttled';
    if (states.some(({ kind }) => kind === 'waiting' || kind === 'stopped')) return 'down';
    if (states.some(({ kind }) => kind === 'connecting')) return 'connecting';
    return states.length === 0 ? 'down' : 'ok';
  }
}

function isThrottled(state: ConnectionState): boolean {
  return state.kind === 'waiting' && state.isThrottled;
}

function graceEndOf(missingSinceMs: number): number {
  return missingSinceMs + KITE_FAILOVER_GRACE_MS;
}

/** How far the socket can be relied on by itself; undefined while it is idle, when its siblings tell. */
function availabilityOf(connection: KiteConnection, nowMs: number): Availability | undefined {
  const { state, missingSinceMs, hasFailedLately } = connection;
  const endsAtMs = missingSinceMs === undefined ? Number.POSITIVE_INFINITY : graceEndOf(missingSinceMs);
  const isGraceOver = nowMs >= endsAtMs;
  switch (state.kind) {
    case 'idle':
      return undefined;
    case 'open':
      return hasFailedLately ? 'doubtful' : 'ready';
    case 'connecting':
      if (isGraceOver) return 'away';
      return hasFailedLately ? 'doubtful' : 'ready';
    case 'waiting':
      // Who will not be back within the grace is not waited for.
      return isGraceOver || state.isThrottled || state.retryAtMs >= endsAtMs ? 'away' : 'doubtful';
    case 'unauthorized':
    case 'stopped':
      return 'away';
    default:
      return assertNever(state);
  }
}
