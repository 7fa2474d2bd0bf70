// Kite's ticker socket: who may connect, what each message does, and one frame per client and step of the market.
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import { assertNever } from '../../shared/errors.ts';
import {
  KITE_CONNECTIONS_PER_ACCOUNT_MAX,
  KITE_INSTRUMENTS_PER_CONNECTION_MAX,
  SIMULATOR_CLIENT_MESSAGE_BYTES_MAX,
} from '../../shared/limits.ts';
import type { TickMode } from '../../shared/tick.ts';
import type { AccountSessions, SimulatedAccount } from './account-sessions.ts';
import type { Market } from './core/market.ts';
import { type ConnectionStatus, TickerConnection } from './ticker-connection.ts';
import { parseTickerCommand, type TickerCommand } from './ticker-message.ts';

/** Settings that tests change while the simulator runs. */
export interface TickerFaults {
  /** True: nothing is sent, heartbeats included, while the connections stay open. */
  stall: boolean;
  /** HTTP status that every upgrade is refused with. */
  refuseUpgradesWith: number | undefined;
}

const REASONS: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  403: 'Forbidden',
  404: 'Not Found',
  429: 'Too Many Requests',
};

/** Kite accepts at upgrade and never looks at the token again: a socket outlives its token. */
export class TickerServer {
  readonly faults: TickerFaults = { stall: false, refuseUpgradesWith: undefined };
  readonly #sessions: AccountSessions;
  readonly #market: Market;
  readonly #monotonicMs: () => number;
  readonly #connections = new Set<TickerConnection>();
  /** Upgraded and not yet closed sockets of each api_key; at most KITE_CONNECTIONS_PER_ACCOUNT_MAX each. */
  readonly #socketsByKey = new Map<string, number>();
  /** Subscribers of each slot: what nobody wants is not refreshed. */
  readonly #watchers: Uint16Array;
  readonly #server = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    maxPayload: SIMULATOR_CLIENT_MESSAGE_BYTES_MAX,
  });

  constructor(sessions: AccountSessions, market: Market, monotonicMs: () => number) {
    this.#sessions = sessions;
    this.#market = market;
    this.#monotonicMs = monotonicMs;
    this.#watchers = new Uint16Array(market.instruments.length);
  }

  get connections(): readonly ConnectionStatus[] {
    return [...this.#connections].map((connection) => connection.status);
  }

  /** Answers an HTTP upgrade: 400, 403, 404 or 429, or a socket. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const admitted = this.#admit(request);
    if (typeof admitted === 'number') {
      refuseUpgrade(socket, admitted);
      return;
    }
    this.#server.handleUpgrade(request, socket, head, (client) => this.#connect(client, admitted));
  }

  /** One step of the market: refreshes what is due and wanted, then one frame to each client. */
  step(nowMs: number): void {
    this.#market.advance(nowMs, (slot) => {
      if (this.#watchers[slot] === 0) return;
      this.#market.refresh(slot);
      for (const connection of this.#connections) connection.append(slot);
    });
    const monotonicMs = this.#monotonicMs();
    for (const connection of this.#connections) connection.flush(monotonicMs, this.faults.stall);
  }

  /** An order update goes to every socket of the user. */
  broadcastOrder(userId: string, order: object): void {
    if (this.faults.stall) return;
    for (const connection of this.#connections)
      if (connection.account.userId === userId) connection.sendText('order', order);
  }

  /** Cuts every connection without a close frame. */
  dropConnections(): void {
    for (const connection of this.#connections) connection.terminate();
  }

  /** The account, or the HTTP status of the refusal. */
  #admit(request: IncomingMessage): SimulatedAccount | number {
    if (this.faults.refuseUpgradesWith !== undefined) return this.faults.refuseUpgradesWith;
    const url = URL.parse(request.url ?? '/', 'ws://simulator');
    if (url === null) return 400;
    if (url.pathname !== '/') return 404;
    const apiKey = url.searchParams.get('api_key');
    const accessToken = url.searchParams.get('access_token');
    if (!apiKey || !accessToken) return 400;
    const account = this.#sessions.authenticate(apiKey, accessToken);
    if (account === undefined) return 403;
    return (this.#socketsByKey.get(apiKey) ?? 0) < KITE_CONNECTIONS_PER_ACCOUNT_MAX ? account : 429;
  }

  #connect(socket: WebSocket, account: SimulatedAccount): void {
    const { apiKey } = account;
    const connection = new TickerConnection(socket, account, this.#market, this.#monotonicMs());
    this.#connections.add(connection);
    this.#socketsByKey.set(apiKey, (this.#socketsByKey.get(apiKey) ?? 0) + 1);
    socket.on('message', (data, isBinary) => {
      if (isBinary) return;
      const command = parseTickerCommand(data.toString());
      if (command !== undefined) this.#apply(connection, command);
    });
    // A reset or an oversized message: ws closes the socket, and 'close' does the rest.
    socket.on('error', () => undefined);
    socket.on('close', () => {
      for (const slot of connection.slots()) this.#watch(slot, -1);
      this.#connections.delete(connection);
      this.#socketsByKey.set(apiKey, (this.#socketsByKey.get(apiKey) ?? 1) - 1);
    });
  }

  #apply(connection: TickerConnection, command: TickerCommand): void {
    switch (command.action) {
      case 'subscribe':
        this.#subscribe(connection, command.tokens, undefined);
        return;
      case 'mode':
        this.#subscribe(connection, command.tokens, command.mode);
        return;
      case 'unsubscribe':
        for (const token of command.tokens) {
          const slot = this.#market.slotOf(token);
          if (slot >= 0 && connection.unsubscribe(slot)) this.#watch(slot, -1);
        }
        return;
      default:
        assertNever(command);
    }
  }

  /** Subscribes and answers with the last value of each; tokens that are not listed are ignored, as Kite does. */
  #subscribe(connection: TickerConnection, tokens: readonly number[], mode: TickMode | undefined): void {
    let isRefused = false;
    const answered = new Set<number>();
    for (const token of tokens) {
      const slot = this.#market.slotOf(token);
      if (slot < 0) continue;
      const outcome = connection.subscribe(slot, mode);
      isRefused ||= outcome === 'refused';
      if (outcome === 'added') this.#watch(slot, 1);
      // A repeated subscribe gets the last value again; a mode that it already has changes nothing.
      if (outcome === 'refused' || (outcome === 'kept' && mode !== undefined)) continue;
      answered.add(slot);
    }
    for (const slot of answered) {
      this.#market.refresh(slot);
      connection.append(slot);
    }
    connection.flush(this.#monotonicMs(), this.faults.stall);
    if (isRefused && !this.faults.stall)
      connection.sendText(
        'error',
        `Can't subscribe to more than ${KITE_INSTRUMENTS_PER_CONNECTION_MAX} instruments.`,
      );
  }

  #watch(slot: number, difference: 1 | -1): void {
    this.#watchers[slot] = (this.#watchers[slot] as number) + difference;
  }
}

function refuseUpgrade(socket: Duplex, status: number): void {
  // The client may be gone already; there is nobody left to tell.
  socket.on('error', () => undefined);
  const reason = REASONS[status] ?? 'Refused';
  socket.end(`HTTP/1.1 ${status} ${reason}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`);
}
