// Kite's ticker socket: who may connect, what each message does, and one frame per client and step of the market.
import { type IncomingMessage, STATUS_CODES } from 'node:http';
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
import type { FaultBook } from './control/fault-book.ts';
import { corruptFrame } from './core/frame-corruption.ts';
import type { Market } from './core/market.ts';
import { SocketSlots } from './socket-slots.ts';
import {
  type ConnectionStatus,
  type StreamCondition,
  TickerConnection,
  UNDISTURBED,
} from './ticker-connection.ts';
import { parseTickerCommand, type TickerCommand } from './ticker-message.ts';
import { Wire } from './wire.ts';

/** Which connections are meant: those that fit all that is given. */
export interface ConnectionTarget {
  /** An api_key, or a user id. */
  readonly account?: string;
  readonly socket?: number;
}

export interface TickerServerParts {
  readonly sessions: AccountSessions;
  readonly market: Market;
  readonly faults: FaultBook;
  readonly monotonicMs: () => number;
}

interface LiveConnection {
  readonly connection: TickerConnection;
  readonly wire: Wire;
}

/** Kite accepts at upgrade and never looks at the token again: a socket outlives its token. */
export class TickerServer {
  readonly #sessions: AccountSessions;
  readonly #faults: FaultBook;
  readonly #monotonicMs: () => number;
  readonly #live = new Set<LiveConnection>();
  readonly #slots: SocketSlots;
  /** Sockets that were not let in and that are not closed yet. */
  readonly #turnedAway = new Set<Duplex>();
  #market: Market;
  /** Subscribers of each slot: what nobody wants is not refreshed. */
  #watchers: Uint16Array;
  #lastId = 0;
  readonly #server = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    maxPayload: SIMULATOR_CLIENT_MESSAGE_BYTES_MAX,
  });

  constructor({ sessions, market, faults, monotonicMs }: TickerServerParts) {
    this.#sessions = sessions;
    this.#market = market;
    this.#faults = faults;
    this.#monotonicMs = monotonicMs;
    this.#slots = new SocketSlots(KITE_CONNECTIONS_PER_ACCOUNT_MAX, monotonicMs);
    this.#watchers = new Uint16Array(market.instruments.length);
  }

  get connections(): readonly ConnectionStatus[] {
    return [...this.#live].map(({ connection }) => connection.status);
  }

  /** What each open socket is subscribed to: modes by token. */
  get subscriptions(): readonly ReadonlyMap<number, TickMode>[] {
    return [...this.#live].map(({ connection }) => connection.modes);
  }

  /** Answers an HTTP upgrade: 400, 403, 404 or 429, what a fault says, or a socket. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const admitted = this.#admit(request);
    if (admitted !== 'hang' && typeof admitted !== 'number') {
      const wire = new Wire(socket);
      this.#server.handleUpgrade(request, wire, head, (client) => this.#connect(client, wire, admitted));
      return;
    }
    this.#turnedAway.add(socket);
    socket.on('close', () => this.#turnedAway.delete(socket));
    // The client may be gone already; there is nobody left to tell.
    socket.on('error', () => undefined);
    if (admitted !== 'hang') refuseUpgrade(socket, admitted);
  }

  /** One step of the market: refreshes what is due and wanted, then one frame to each client. */
  step(nowMs: number): void {
    this.applyFaults();
    const listeners: TickerConnection[] = [];
    for (const { connection } of this.#live)
      if (this.#faults.standing('quiet', subjectOf(connection)) === undefined) listeners.push(connection);
    this.#market.advance(nowMs, (slot) => {
      if (this.#watchers[slot] === 0) return;
      this.#market.refresh(slot);
      for (const connection of listeners) connection.append(slot);
    });
    const monotonicMs = this.#monotonicMs();
    for (const { connection } of this.#live) connection.flush(monotonicMs, this.#conditionOf(connection));
  }

  /** Faults of the line itself begin and end here; a step does it by itself. */
  applyFaults(): void {
    for (const { connection, wire } of this.#live) {
      const subject = subjectOf(connection);
      wire.setFrozen(this.#faults.standing('freeze', subject) !== undefined);
      wire.setDrip(this.#faults.standing('drip', subject)?.bytes_per_s);
    }
  }

  /** Another market, whose slots are its own. */
  enter(market: Market): void {
    this.#market = market;
    this.#watchers = new Uint16Array(market.instruments.length);
    for (const { connection } of this.#live) {
      connection.enter(market);
      for (const slot of connection.slots()) this.#watch(slot, 1);
    }
  }

  /** An order update goes to every socket of the user. */
  broadcastOrder(userId: string, order: object): void {
    this.sendText({ account: userId }, JSON.stringify({ type: 'order', data: order }));
  }

  /** Returns how many sockets it was sent to; those that are stalled do not get it. */
  sendText(target: ConnectionTarget, text: string): number {
    const reached = this.#targets(target).filter((connection) => this.#conditionOf(connection).ticks);
    for (const connection of reached) connection.sendText(text);
    return reached.length;
  }

  /** Closes with a close frame, or for 1006 without one. Returns how many there were. */
  close(target: ConnectionTarget, code: number, reason = ''): number {
    const targets = this.#targets(target);
    for (const connection of targets) connection.close(code, reason);
    return targets.length;
  }

  /** Cuts everything, also what was never let in. */
  stop(): void {
    for (const { wire } of this.#live) wire.destroy();
    for (const socket of this.#turnedAway) socket.destroy();
  }

  #targets({ account, socket }: ConnectionTarget): TickerConnection[] {
    return [...this.#live]
      .map(({ connection }) => connection)
      .filter(({ id, account: { apiKey, userId } }) => {
        const isOfAccount = account === undefined || account === apiKey || account === userId;
        return isOfAccount && (socket === undefined || socket === id);
      });
  }

  #conditionOf(connection: TickerConnection): StreamCondition {
    const subject = subjectOf(connection);
    const stall = this.#faults.standing('stall', subject);
    if (stall !== undefined) return { ticks: false, heartbeats: stall.heartbeats };
    if (this.#faults.standing('corrupt', subject) === undefined) return UNDISTURBED;
    return { ...UNDISTURBED, garble: (frame) => this.#garble(connection, frame) };
  }

  #garble(connection: TickerConnection, frame: Uint8Array): Uint8Array {
    const active = this.#faults.happening(['corrupt'], subjectOf(connection));
    if (active === undefined) return frame;
    const { fault, random } = active;
    const how = fault.how[Math.floor(random.unit() * fault.how.length)];
    return how === undefined ? frame : corruptFrame(frame, how, random);
  }

  /** The account, the HTTP status of the refusal, or no answer. */
  #admit(request: IncomingMessage): SimulatedAccount | number | 'hang' {
    const url = URL.parse(request.url ?? '/', 'ws://simulator');
    const apiKey = url?.searchParams.get('api_key') ?? undefined;
    const subject = { apiKey, userId: this.#sessions.accountOf(apiKey ?? '')?.userId };
    const active = this.#faults.happening(['refuse_upgrade', 'hang_upgrade'], subject);
    if (active !== undefined) return active.fault.kind === 'hang_upgrade' ? 'hang' : active.fault.status;
    if (url === null) return 400;
    if (url.pathname !== '/') return 404;
    const accessToken = url.searchParams.get('access_token');
    if (!apiKey || !accessToken) return 400;
    const account = this.#sessions.authenticate(apiKey, accessToken);
    if (account === undefined) return 403;
    return this.#slots.isFree(apiKey) ? account : 429;
  }

  #connect(socket: WebSocket, wire: Wire, account: SimulatedAccount): void {
    const { apiKey } = account;
    const connection = new TickerConnection(
      ++this.#lastId,
      socket,
      account,
      this.#market,
      this.#monotonicMs(),
    );
    const live = { connection, wire };
    this.#live.add(live);
    this.#slots.take(apiKey);
    this.applyFaults();
    socket.on('message', (data, isBinary) => {
      if (isBinary) return;
      const command = parseTickerCommand(data.toString());
      if (command !== undefined) this.#apply(connection, command);
    });
    // A reset or an oversized message: ws closes the socket, and 'close' does the rest.
    socket.on('error', () => undefined);
    socket.on('close', () => {
      for (const slot of connection.slots()) this.#watch(slot, -1);
      this.#live.delete(live);
      this.#slots.release(apiKey, this.#faults.standing('linger', subjectOf(connection))?.ms ?? 0);
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
    connection.flush(this.#monotonicMs(), this.#conditionOf(connection));
    if (!isRefused) return;
    const data = `Can't subscribe to more than ${KITE_INSTRUMENTS_PER_CONNECTION_MAX} instruments.`;
    this.sendText({ socket: connection.id }, JSON.stringify({ type: 'error', data }));
  }

  #watch(slot: number, difference: 1 | -1): void {
    this.#watchers[slot] = (this.#watchers[slot] as number) + difference;
  }
}

function subjectOf({ id, account }: TickerConnection): { apiKey: string; userId: string; socket: number } {
  return { apiKey: account.apiKey, userId: account.userId, socket: id };
}

function refuseUpgrade(socket: Duplex, status: number): void {
  const reason = STATUS_CODES[status] ?? 'Refused';
  socket.end(`HTTP/1.1 ${status} ${reason}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`);
}
