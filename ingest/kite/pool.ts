// The sockets of one Kite account, and which of them carries which instrument.

import type { InstrumentToken } from '../../shared/instrument.ts';
import {
  KITE_CONNECTIONS_PER_ACCOUNT_MAX,
  KITE_INSTRUMENTS_PER_CONNECTION_MAX,
} from '../../shared/limits.ts';
import type { AccountStatus } from '../../shared/status.ts';
import { type ConnectionCapacity, planAssignment, type Subscriptions } from '../core/assign.ts';
import { type ConnectionOptions, KiteConnection } from './connection.ts';

export interface PoolOptions extends Omit<ConnectionOptions, 'id' | 'onFrame'> {
  readonly accountId: string;
  /** As a connection's, with the id of the socket that the frame came by. */
  readonly onFrame: (bytes: Uint8Array, receivedAtMs: number, connectionId: string) => void;
  /** Sockets, at most KITE_CONNECTIONS_PER_ACCOUNT_MAX. */
  readonly connectionsMax: number;
  /** Instruments per socket, at most KITE_INSTRUMENTS_PER_CONNECTION_MAX. */
  readonly instrumentsMax: number;
}

export class KitePool {
  readonly accountId: string;
  readonly #connections: readonly KiteConnection[];
  readonly #capacities: readonly ConnectionCapacity[];

  constructor(options: PoolOptions) {
    this.accountId = options.accountId;
    const connections = Math.min(options.connectionsMax, KITE_CONNECTIONS_PER_ACCOUNT_MAX);
    const instrumentsMax = Math.min(options.instrumentsMax, KITE_INSTRUMENTS_PER_CONNECTION_MAX);
    this.#connections = Array.from({ length: connections }, (_, index) => {
      const id = `${options.accountId}/${index}`;
      const onFrame = (bytes: Uint8Array, receivedAtMs: number) => options.onFrame(bytes, receivedAtMs, id);
      return new KiteConnection({ ...options, id, onFrame });
    });
    this.#capacities = this.#connections.map(({ id }) => ({ id, instrumentsMax }));
  }

  get connections(): readonly KiteConnection[] {
    return this.#connections;
  }

  /** Instruments that all sockets together can carry. */
  get capacity(): number {
    return this.#capacities.reduce((sum, { instrumentsMax }) => sum + instrumentsMax, 0);
  }

  /** Instruments that an open socket carries. */
  get activeSubscriptions(): number {
    return this.#connections
      .filter(({ state }) => state.kind === 'open')
      .reduce((sum, { subscriptions }) => sum + subscriptions.size, 0);
  }

  /** Opens the first socket: even without instruments it shows that the account works and that Kite is alive. */
  start(): void {
    this.#connections[0]?.start();
  }

  stop(): void {
    for (const connection of this.#connections) connection.stop();
  }

  /** Opens a socket anew that has heartbeats but brings no ticks. False when it is not open. */
  recycle(connectionId: string): boolean {
    const connection = this.#connections.find(({ id }) => id === connectionId);
    return connection?.recycle('heartbeats without ticks') ?? false;
  }

  setAccessToken(accessToken: string): void {
    for (const connection of this.#connections) connection.setAccessToken(accessToken);
  }

  /** Makes these the account's subscriptions, opening sockets as they are needed. Returns what has no place. */
  apply(desired: Subscriptions): readonly InstrumentToken[] {
    const current = new Map(this.#connections.map(({ id, subscriptions }) => [id, subscriptions]));
    const plan = planAssignment(desired, current, this.#capacities);
    for (const connection of this.#connections) {
      const moves = plan.moves.get(connection.id);
      if (moves === undefined) continue;
      connection.apply(moves);
      if (connection.subscriptions.size > 0) connection.start();
    }
    return plan.notPlaced;
  }

  status(): AccountStatus {
    return {
      id: this.accountId,
      state: this.#state(),
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
    const states = this.#connections.map(({ state }) => state).filter(({ kind }) => kind !== 'idle');
    if (states.some(({ kind }) => kind === 'unauthorized')) return 'unauthorized';
    if (states.some((state) => state.kind === 'waiting' && state.isThrottled)) return 'throttled';
    if (states.some(({ kind }) => kind === 'waiting' || kind === 'stopped')) return 'down';
    if (states.some(({ kind }) => kind === 'connecting')) return 'connecting';
    return states.length === 0 ? 'down' : 'ok';
  }
}
