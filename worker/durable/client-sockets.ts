// The sockets of one gateway and the sessions on them: opening, remembering across hibernation, sending, closing.
import { ERRORS, type ErrorCode } from '../../shared/errors.ts';
import {
  CLIENT_BUFFERED_BYTES_MAX,
  CLOSE_REASON_BYTES_MAX,
  MESSAGES_ABUSIVE_PER_SECOND,
  MESSAGES_JOINED_ABUSIVE_PER_SECOND,
} from '../../shared/limits.ts';
import {
  ATTACHMENT_VERSION,
  type Attachment,
  packBars,
  packSubscriptions,
  readAttachment,
  unpackBars,
  unpackSubscriptions,
} from '../core/attachment.ts';
import { packChains, unpackChains } from '../core/chain-attachment.ts';
import { type DialectName, isDialectName } from '../core/dialect-name.ts';
import type { GatewayBook } from '../core/gateway-book.ts';
import { Outlet, type OutletPort } from '../core/outlet.ts';
import type { ClientCommand, ServerEvent } from '../core/protocol.ts';
import { MessageRate } from '../core/rate-limit.ts';
import type { Frame } from '../core/row-format.ts';
import type { SessionIndex } from '../core/subscriptions.ts';
import type { Bearer } from '../core/upgrade.ts';
import { DIALECTS } from '../dialects/registry.ts';
import { Heartbeats } from './heartbeats.ts';

export type Identity = Pick<Attachment, 'connectionId' | 'address' | 'connectedAtMs'> & {
  readonly dialect: DialectName;
};

export interface Session {
  readonly index: SessionIndex;
  readonly socket: WebSocket;
  readonly outlet: Outlet;
  readonly identity: Identity;
  /** Absent until the client has authenticated; replaced when it renews its token. */
  bearer: Bearer | undefined;
  /** The client has been told that its token ends. */
  isWarned: boolean;
  /** When a planned goodbye is due. */
  leaveAtMs: number | undefined;
  /** It counts for the limits of its user and address. */
  isCounted: boolean;
  readonly rate: MessageRate;
  /** The last command: they are carried out in the order of arrival, also those that wait for a shard. */
  tail: Promise<void> | undefined;
  /** Messages that wait and will be carried out together; where the dialect joins them. */
  burst: { readonly commands: ClientCommand[]; items: number } | undefined;
  /** What the client is told before anything else; undefined when it has been. */
  firstWords: (() => void) | undefined;
  queued: number;
}

/** A class and no closures: there is one for each socket. */
class SocketPort implements OutletPort {
  readonly #socket: WebSocket;

  constructor(socket: WebSocket) {
    this.#socket = socket;
  }

  send(frame: Frame): void {
    // Sending on a socket that is being closed throws; its session is about to go.
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(frame);
  }

  bufferedBytes(): number | undefined {
    return this.#socket.bufferedAmount;
  }
}

export class ClientSockets {
  readonly #book: GatewayBook;
  readonly #onGone: (session: Session, mayReturn: boolean) => void;
  readonly #sessions = new Map<WebSocket, Session>();
  /** Indices are small and used again: a list, with holes. */
  readonly #byIndex: (Session | undefined)[] = [];
  readonly #byConnection = new Map<string, Session>();
  readonly #heartbeats = new Heartbeats();

  /** `onGone` is called once for every session that ends, whoever ended it; a client that was cut off may return. */
  constructor(book: GatewayBook, onGone: (session: Session, mayReturn: boolean) => void) {
    this.#book = book;
    this.#onGone = onGone;
  }

  get size(): number {
    return this.#sessions.size;
  }

  get(socket: WebSocket): Session | undefined {
    return this.#sessions.get(socket);
  }

  byIndex(index: SessionIndex): Session | undefined {
    return this.#byIndex[index];
  }

  byConnection(connectionId: string): Session | undefined {
    return this.#byConnection.get(connectionId);
  }

  all(): IterableIterator<Session> {
    return this.#sessions.values();
  }

  open(socket: WebSocket, identity: Identity, bearer: Bearer | undefined): Session {
    const { ticks, encodeBar, heartbeat, joinCommands } = DIALECTS[identity.dialect];
    const outlet = new Outlet(ticks, encodeBar, new SocketPort(socket));
    const index = this.#book.openSession(outlet);
    const rate = new MessageRate(
      joinCommands ? MESSAGES_JOINED_ABUSIVE_PER_SECOND : MESSAGES_ABUSIVE_PER_SECOND,
    );
    const life = { bearer, isWarned: false, leaveAtMs: undefined, isCounted: false };
    const work = { tail: undefined, burst: undefined, firstWords: undefined, queued: 0 };
    if (heartbeat) this.#heartbeats.follow(outlet, heartbeat);
    const session: Session = { index, socket, outlet, identity, ...life, rate, ...work };
    this.#sessions.set(socket, session);
    this.#byIndex[index] = session;
    this.#byConnection.set(identity.connectionId, session);
    return session;
  }

  /** After hibernation or a reset: the socket's attachment is all that is left of its session. */
  restore(socket: WebSocket): Session | undefined {
    if (socket.readyState !== WebSocket.OPEN) return undefined;
    const attachment = readAttachment(socket.deserializeAttachment());
    const items = attachment ? unpackSubscriptions(attachment.subscriptions) : undefined;
    const bars = attachment ? unpackBars(attachment.bars) : undefined;
    const chains = attachment ? unpackChains(attachment.chains) : undefined;
    if (!attachment || !items || !bars || !chains || !isDialectName(attachment.dialect)) {
      socket.close(1012, 'Session of another version, reconnect');
      return undefined;
    }
    const { dialect, connectionId, address, connectedAtMs, bearer, isWarned, leaveAtMs } = attachment;
    const from = address === undefined ? {} : { address };
    const session = this.open(socket, { dialect, connectionId, connectedAtMs, ...from }, bearer);
    Object.assign(session, { isWarned, leaveAtMs });
    const dropped = [
      ...this.#book.restore(session.index, items, chains),
      ...this.#book.bars.restore(session.index, bars),
    ];
    if (dropped.length === 0) return session;
    this.#close(socket, 1012, 'No room for the session here, reconnect');
    return undefined;
  }

  /** Writes the session's state to its socket. Called after every change: an eviction may come at any time. */
  remember(session: Session): void {
    const subscriptions = packSubscriptions(this.#book.subscriptionsOf(session.index));
    const bars = packBars(this.#book.bars.itemsOf(session.index));
    const chains = packChains(this.#book.chains.itemsOf(session.index));
    const { socket, identity, bearer, isWarned, leaveAtMs } = session;
    const life = { bearer, isWarned, leaveAtMs };
    const wanted = { subscriptions, bars, chains };
    socket.serializeAttachment({ version: ATTACHMENT_VERSION, ...identity, ...life, ...wanted });
  }

  /**
   * Has the client be told this once its upgrade has been answered, before anything else. What is sent before the answer
   * goes through buffers of the runtime that the socket then keeps for good: 8 kB each, measured in workerd 1.20261117.1.
   * Only a pong may overtake it: the runtime answers pings by itself.
   */
  tellFirst(session: Session, event: () => ServerEvent): void {
    session.firstWords = () => this.tell(session, event());
    setTimeout(() => this.#sayFirstWords(session));
  }

  #sayFirstWords(session: Session): void {
    const { firstWords } = session;
    session.firstWords = undefined;
    firstWords?.();
  }

  /** Replies are never dropped: a client that leaves even them unread is cut off at a bound. */
  tell(session: Session, event: ServerEvent): void {
    const { socket } = session;
    this.#sayFirstWords(session);
    if (socket.readyState !== WebSocket.OPEN) return;
    const frame = DIALECTS[session.identity.dialect].encode(event);
    if ((socket.bufferedAmount ?? 0) > CLIENT_BUFFERED_BYTES_MAX) this.closeSlow(session);
    else if (frame !== undefined) socket.send(frame);
  }

  /** Ticks of before, in their order: they go at once, a bounded number of them, and count for the socket's backlog. */
  sendMissed({ socket }: Session, frames: readonly Frame[]): void {
    for (const frame of frames) if (socket.readyState === WebSocket.OPEN) socket.send(frame);
  }

  /** A close that was announced: the client comes back, here or at another gateway. */
  sendAway({ socket }: Session): void {
    this.#close(socket, ERRORS.goaway.closeCode, 'Planned: reconnect', true);
  }

  closeSlow(session: Session): void {
    this.#close(
      session.socket,
      ERRORS.slow_client.closeCode,
      'Slow client: it does not read what it is sent',
    );
  }

  /** Tells everybody. Who has yet to be welcomed learns by that how things are. */
  tellAll(event: ServerEvent): void {
    for (const session of this.#sessions.values()) {
      if (session.bearer && !session.firstWords) this.tell(session, event);
    }
  }

  /** Says what was wrong and, where the code's entry in the error table has a close code, ends the session. */
  refuse(session: Session, code: ErrorCode, message: string): void {
    this.tell(session, { kind: 'error', code, message });
    const { closeCode } = ERRORS[code];
    if (closeCode !== null) this.#close(session.socket, closeCode, message);
  }

  /**
   * The client has closed, or is lost. The runtime does not answer a close frame for a hibernating socket, so we do;
   * codes that only the protocol itself may use (1005, 1006, 1015 and the unassigned) are answered with 1000.
   */
  closed(socket: WebSocket, code: number, reason: string): void {
    const isSendable = (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) || code >= 3000;
    this.#close(socket, isSendable ? code : 1000, isSendable ? reason : '', code !== 1000);
  }

  #close(socket: WebSocket, code: number, reason: string, mayReturn = false): void {
    this.#drop(socket, mayReturn);
    try {
      socket.close(code, reason.slice(0, CLOSE_REASON_BYTES_MAX));
    } catch {
      // The peer's end is gone already, which is all that closing was for.
    }
  }

  #drop(socket: WebSocket, mayReturn: boolean): void {
    const session = this.#sessions.get(socket);
    if (!session) return;
    this.#sessions.delete(socket);
    this.#byIndex[session.index] = undefined;
    this.#heartbeats.drop(session.outlet);
    this.#byConnection.delete(session.identity.connectionId);
    this.#onGone(session, mayReturn);
  }
}
