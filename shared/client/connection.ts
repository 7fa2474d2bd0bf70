// One connection that comes back: opens the socket with a token, watches it, and reopens it as the close code asks.
import { AppError } from '../errors.ts';
import {
  CLIENT_SDK_FRAME_CHARS_MAX,
  CLIENT_SDK_HANDSHAKE_MS_MAX,
  CLIENT_SDK_PING_MS_MAX,
  CLIENT_SDK_PING_MS_MIN,
  CLIENT_SDK_PONG_GRACE_MS,
  CLIENT_SDK_STABLE_MS,
} from '../limits.ts';
import { WIRE_SUBPROTOCOL } from '../wire/frame.ts';
import type { Clock, Timer } from './clock.ts';
import type { ClientError, ClientState, FinalState } from './events.ts';
import type { ConnectedMessage, SessionMessage } from './message.ts';
import { readMessage } from './read-message.ts';
import { type CloseReaction, reactionTo, reconnectDelayMs } from './reconnect-policy.ts';
import { SOCKET_OPEN, type SocketConstructor, type SocketLike } from './socket.ts';
import type { TokenSource } from './token-source.ts';

/** Exactly this text is answered without waking the server's object. */
const PING = '{"action":"ping"}';
/** Subprotocol that every server selects; the token travels as another one, which it never repeats. */
const SUBPROTOCOL = 'ticker.json';
/** Stands for a connection that ended without a close frame (RFC 6455, 7.1.5). */
const NO_CLOSE_FRAME = 1006;
/** The client's own farewell (RFC 6455, 7.4.1). */
const NORMAL_CLOSURE = 1000;

/** How the token travels: in the query it can end up in logs of proxies. */
export type TokenTransport = 'query' | 'subprotocol' | 'message';

/** How the server is asked to send ticks. Whatever it does is read. */
export type TickFormat = 'binary' | 'json';

export interface ConnectionOptions {
  readonly url: string;
  readonly tokens: TokenSource;
  readonly tokenTransport: TokenTransport;
  readonly format: TickFormat;
  readonly Socket: SocketConstructor;
  readonly clock: Clock;
  /** In [0, 1). */
  readonly random: () => number;
  /** Silence after which the state is `silent`; half of it is the pause before a ping. */
  readonly staleAfterMs: number;
}

export interface ConnectionListener {
  /** Before `onState` with `connected`. */
  onConnected(session: ConnectedMessage): void;
  /** Everything else that could be read, in order; before `connected` it can only be an error. */
  onMessage(message: SessionMessage): void;
  /** A binary frame, unread; after `connected`. */
  onFrame(frame: Uint8Array): void;
  /** A connected session is over; its close code. Before the next `onState`. */
  onLost(closeCode: number): void;
  onState(state: ClientState): void;
  onError(error: ClientError): void;
}

export class Connection {
  readonly #options: ConnectionOptions;
  readonly #listener: ConnectionListener;
  readonly #pingAfterMs: number;
  #state: ClientState = { kind: 'idle' };
  #socket: SocketLike | undefined;
  #session: ConnectedMessage | undefined;
  /** Counts attempts: whatever an earlier one still brings is ignored. */
  #attemptId = 0;
  #timer: Timer | undefined;
  /** Attempts since the last stable connection, and refusals of a token since then. */
  #failures = 0;
  #refusals = 0;
  #connectedAtMs = 0;
  #heardAtMs = 0;
  /** Undefined while no ping waits for an answer. */
  #pingedAtMs: number | undefined;
  #retryAfterMs: number | undefined;
  #goawayAtMs: number | undefined;

  constructor(options: ConnectionOptions, listener: ConnectionListener) {
    this.#options = options;
    this.#listener = listener;
    this.#pingAfterMs = Math.min(
      CLIENT_SDK_PING_MS_MAX,
      Math.max(CLIENT_SDK_PING_MS_MIN, options.staleAfterMs / 2),
    );
  }

  get state(): ClientState {
    return this.#state;
  }

  /** Connected, and something has come within `staleAfterMs`: by the clock, for timers may be late. */
  get isHearing(): boolean {
    return this.#session !== undefined && this.#silenceMs() < this.#options.staleAfterMs;
  }

  /** Opens; ends a wait; undoes `unauthorized` and `stopped`. Nothing while an attempt or a session is under way. */
  connect(): void {
    switch (this.#state.kind) {
      case 'closed':
        throw new AppError('invalid_parameter', 'the client is closed: create another one');
      case 'connecting':
      case 'connected':
      case 'silent':
        return;
      case 'unauthorized':
      case 'stopped':
        this.#failures = 0;
        this.#refusals = 0;
    }
    this.#open();
  }

  close(): void {
    if (this.#state.kind === 'closed') return;
    this.#options.tokens.abandon();
    this.#finish({ kind: 'closed' }, NORMAL_CLOSURE);
  }

  /** False when there is no open socket; the next session starts from the wanted state anyway. */
  send(fields: object): boolean {
    if (!this.#session || this.#socket?.readyState !== SOCKET_OPEN) return false;
    this.#socket.send(JSON.stringify(fields));
    return true;
  }

  #become(state: ClientState): void {
    this.#state = state;
    this.#listener.onState(state);
  }

  #silenceMs(): number {
    return this.#options.clock.nowMs() - this.#heardAtMs;
  }

  #arm(delayMs: number, run: () => void): void {
    this.#timer?.cancel();
    this.#timer = this.#options.clock.after(delayMs, run);
  }

  /** Lets go of socket, timer and session. A dead network closes no socket: its events no longer count. */
  #abandon(closeCode: number): void {
    this.#attemptId++;
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#pingedAtMs = undefined;
    const socket = this.#socket;
    const hadSession = this.#session !== undefined;
    this.#socket = undefined;
    this.#session = undefined;
    socket?.close(NORMAL_CLOSURE);
    if (hadSession) this.#listener.onLost(closeCode);
  }

  #open(): void {
    this.#timer?.cancel();
    const attemptId = ++this.#attemptId;
    this.#retryAfterMs = undefined;
    this.#goawayAtMs = undefined;
    this.#become({ kind: 'connecting' });
    if (attemptId !== this.#attemptId) return;
    this.#options.tokens.fetch().then(
      (token) => {
        if (attemptId === this.#attemptId) this.#dial(token);
      },
      (cause: unknown) => {
        if (attemptId !== this.#attemptId) return;
        this.#listener.onError({ kind: 'token', message: 'the token callback failed', cause });
        this.#lose('the token callback failed');
      },
    );
  }

  #dial(token: string): void {
    const { Socket, tokenTransport, format } = this.#options;
    const url = new URL(this.#options.url);
    if (tokenTransport === 'query') url.searchParams.set('token', token);
    if (tokenTransport === 'message') url.searchParams.set('auth', 'message');
    const offered = format === 'binary' ? [WIRE_SUBPROTOCOL, SUBPROTOCOL] : [SUBPROTOCOL];
    const protocols = tokenTransport === 'subprotocol' ? [...offered, `bearer.${token}`] : [];
    // A server that selects none of the subprotocols ends the connection: only with a token among them are there any.
    if (protocols.length === 0 && format === 'binary') url.searchParams.set('format', format);
    let socket: SocketLike;
    try {
      socket = new Socket(url.href, protocols);
    } catch (cause) {
      // A token that is no token makes no subprotocol. The reason could quote the address, and the token with it.
      const name = cause instanceof Error ? cause.name : 'unknown error';
      this.#listener.onError({ kind: 'protocol', message: `the socket could not be created: ${name}` });
      this.#lose('the socket could not be created');
      return;
    }
    this.#socket = socket;
    socket.binaryType = 'arraybuffer';
    const isCurrent = () => socket === this.#socket;
    socket.addEventListener('open', () => {
      const isFirstMessage = isCurrent() && tokenTransport === 'message';
      if (isFirstMessage) socket.send(JSON.stringify({ action: 'authenticate', token }));
    });
    socket.addEventListener('message', ({ data }) => {
      if (isCurrent()) this.#read(data);
    });
    socket.addEventListener('close', ({ code, reason }) => {
      if (isCurrent()) this.#closed(code, reason);
    });
    // The close event that follows does what there is to do; without a listener some sockets throw.
    socket.addEventListener('error', () => undefined);
    this.#arm(CLIENT_SDK_HANDSHAKE_MS_MAX, () => this.#lose('the server does not answer'));
  }

  #read(data: unknown): void {
    this.#heard();
    // Whoever was told that the silence is over may have closed the client.
    if (!this.#socket) return;
    if (data instanceof ArrayBuffer && this.#session) {
      this.#listener.onFrame(new Uint8Array(data));
      return;
    }
    if (typeof data !== 'string' || data.length > CLIENT_SDK_FRAME_CHARS_MAX) {
      const what = typeof data === 'string' ? `a frame of ${data.length} characters` : nameOf(data);
      this.#listener.onError({ kind: 'protocol', message: `${what} was left unread` });
      return;
    }
    const message = readMessage(data);
    if (message.type === 'connected') {
      this.#welcome(message);
      return;
    }
    if (message.type === 'goaway') this.#goawayAtMs = this.#heardAtMs + message.reconnect_in_ms;
    if (message.type === 'error') this.#retryAfterMs = message.retry_after_ms ?? this.#retryAfterMs;
    if (message.type === 'invalid') {
      this.#listener.onError({ kind: 'protocol', message: message.reason });
    } else this.#listener.onMessage(message);
  }

  #heard(): void {
    this.#heardAtMs = this.#options.clock.nowMs();
    this.#pingedAtMs = undefined;
    if (this.#state.kind === 'silent') {
      const { session } = this.#state;
      this.#become({ kind: 'connected', session });
    }
  }

  #welcome(session: ConnectedMessage): void {
    if (this.#session) return;
    this.#session = session;
    this.#connectedAtMs = this.#heardAtMs;
    this.#arm(this.#pingAfterMs, () => this.#watch());
    this.#listener.onConnected(session);
    // A listener may have closed the client.
    if (this.#session === session) this.#become({ kind: 'connected', session });
  }

  /** A dead network says nothing: silence is asked whether anybody is there, and then taken for the answer. */
  #watch(): void {
    const silenceMs = this.#silenceMs();
    const { staleAfterMs, clock } = this.#options;
    const nowMs = clock.nowMs();
    if (this.#pingedAtMs === undefined && silenceMs >= this.#pingAfterMs) {
      this.#pingedAtMs = nowMs;
      if (this.#socket?.readyState === SOCKET_OPEN) this.#socket.send(PING);
    }
    if (this.#state.kind === 'connected' && silenceMs >= staleAfterMs) {
      this.#become({ kind: 'silent', session: this.#state.session });
      if (!this.#session) return;
    }
    if (this.#pingedAtMs === undefined) {
      this.#arm(this.#pingAfterMs - silenceMs, () => this.#watch());
      return;
    }
    // Counted from the ping, not from the last frame: after a sleep, the first thing to do is to ask.
    const deadInMs = this.#pingedAtMs + this.#pingAfterMs + CLIENT_SDK_PONG_GRACE_MS - nowMs;
    if (deadInMs <= 0) {
      this.#forgiveStable();
      this.#lose(`nothing came for ${Math.round(silenceMs / 1000)} s`);
      return;
    }
    const staleInMs = staleAfterMs - silenceMs;
    this.#arm(staleInMs > 0 ? Math.min(deadInMs, staleInMs) : deadInMs, () => this.#watch());
  }

  #closed(code: number, words: string): void {
    this.#forgiveStable();
    const reaction = reactionTo(code);
    const reason = words || `connection closed with ${code}`;
    if (reaction === 'stop') {
      this.#finish({ kind: 'stopped', code, reason }, code);
      return;
    }
    if (reaction === 'renew') {
      this.#refusals++;
      if (this.#refusals > 1 || !this.#options.tokens.canRenew) {
        this.#finish({ kind: 'unauthorized', code, reason }, code);
        return;
      }
    }
    this.#lose(reason, code, reaction);
  }

  /** A connection that has lived makes up for the failures before it. */
  #forgiveStable(): void {
    const isStable =
      this.#session && this.#options.clock.nowMs() - this.#connectedAtMs >= CLIENT_SDK_STABLE_MS;
    if (!isStable) return;
    this.#failures = 0;
    this.#refusals = 0;
  }

  #lose(reason: string, code?: number, reaction: Exclude<CloseReaction, 'stop'> = 'backoff'): void {
    const { clock, random } = this.#options;
    const retryInMs = reconnectDelayMs({
      reaction,
      attempt: this.#failures,
      random: random(),
      ...(this.#retryAfterMs === undefined ? {} : { retryAfterMs: this.#retryAfterMs }),
      ...(this.#goawayAtMs === undefined ? {} : { goawayMs: this.#goawayAtMs - clock.nowMs() }),
    });
    this.#failures++;
    this.#abandon(code ?? NO_CLOSE_FRAME);
    // Whoever was told of the loss may have closed the client.
    if (this.#state.kind === 'closed') return;
    this.#arm(retryInMs, () => this.#open());
    this.#become({ kind: 'waiting', reason, retryInMs, ...(code === undefined ? {} : { code }) });
  }

  #finish(state: FinalState, closeCode: number): void {
    this.#abandon(closeCode);
    this.#become(state);
  }
}

function nameOf(data: unknown): string {
  return data instanceof ArrayBuffer
    ? 'a binary frame before connected'
    : 'a binary frame that is no ArrayBuffer';
}
