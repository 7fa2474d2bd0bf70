// One socket to Kite's ticker: opened, watched, reopened and resubscribed. Hands out the bytes of binary frames unread.
import { WebSocket } from 'ws';
import type { InstrumentToken } from '../../shared/instrument.ts';
import {
  KITE_BACKOFF_MS_MAX,
  KITE_BACKOFF_MS_MIN,
  KITE_FRAME_BYTES_MAX,
  KITE_HANDSHAKE_MS_MAX,
  KITE_SILENCE_MS_MAX,
  KITE_STABLE_MS,
  KITE_THROTTLED_BACKOFF_MS_MIN,
} from '../../shared/limits.ts';
import type { TickMode } from '../../shared/tick.ts';
import type { Clock, Timer } from '../clock.ts';
import { fullJitterMs } from '../core/backoff.ts';
import type { ConnectionMoves, Subscriptions } from '../core/placement.ts';
import { errorText, type Logger, quote } from '../log.ts';
import { commandsOf } from './commands.ts';
import { parseTextMessage, type TextMessage } from './text-message.ts';

/** Times are of the monotonic clock. */
export type ConnectionState =
  | { readonly kind: 'idle' }
  | { readonly kind: 'connecting' }
  | { readonly kind: 'open'; readonly sinceMs: number }
  | {
      readonly kind: 'waiting';
      readonly retryAtMs: number;
      readonly reason: string;
      readonly isThrottled: boolean;
    }
  /** Kite refused the credentials with this status; without one there is no token to try. */
  | { readonly kind: 'unauthorized'; readonly httpStatus?: number }
  | { readonly kind: 'stopped' };

/** Why an attempt or a socket ended. */
type Ending =
  | { readonly kind: 'refused'; readonly httpStatus: number }
  | { readonly kind: 'lost'; readonly reason: string };

export interface ConnectionOptions {
  readonly id: string;
  readonly wsRoot: string;
  /** More parameters for the URL, as a query string. */
  readonly wsParameters: string;
  readonly apiKey: string;
  /** Absent until somebody has logged in. */
  readonly accessToken: string | undefined;
  readonly clock: Clock;
  /** In [0, 1). */
  readonly random: () => number;
  readonly log: Logger;
  /** A binary frame, with the wall clock's time of its arrival. The bytes are valid during the call only. */
  readonly onFrame: (bytes: Uint8Array, receivedAtMs: number) => void;
  /** A frame over the size cap closes the socket before its bytes can be seen. */
  readonly onFrameTooBig: () => void;
  readonly onText?: (message: TextMessage) => void;
  readonly onState?: (state: ConnectionState) => void;
}

export class KiteConnection {
  readonly id: string;
  readonly #options: ConnectionOptions;
  readonly #subscriptions = new Map<InstrumentToken, TickMode>();
  #accessToken: string | undefined;
  #state: ConnectionState = { kind: 'idle' };
  #socket: WebSocket | undefined;
  /** Each attempt has its own number: what an older socket still says is not ours any more. */
  #generation = 0;
  #failures = 0;
  #opened = 0;
  #lastFrameAtMs: number | undefined;
  /** Since when it should be open and is not; undefined while it is open, and while nobody has asked for it. */
  #missingSinceMs: number | undefined;
  /** Handshake deadline, silence watch or retry, as the state has it: never two of them. */
  #timer: Timer | undefined;

  constructor(options: ConnectionOptions) {
    this.id = options.id;
    this.#options = options;
    this.#accessToken = options.accessToken;
  }

  get state(): ConnectionState {
    return this.#state;
  }

  /** What this socket carries, or will carry once it is open. */
  get subscriptions(): Subscriptions {
    return this.#subscriptions;
  }

  /** Times that the socket was opened again after it had been open. */
  get reconnects(): number {
    return Math.max(0, this.#opened - 1);
  }

  /** Time since any frame, heartbeats and texts included; undefined before the first. */
  get lastFrameAgeMs(): number | undefined {
    return this.#lastFrameAtMs === undefined
      ? undefined
      : this.#options.clock.monotonicMs() - this.#lastFrameAtMs;
  }

  /** Monotonic time since when it should be open and is not; undefined while it is open or not asked for. */
  get missingSinceMs(): number | undefined {
    return this.#missingSinceMs;
  }

  /** It was lost or refused, and has not lived for KITE_STABLE_MS since. */
  get hasFailedLately(): boolean {
    return this.#failures > 0 && !(this.#state.kind === 'open' && this.#hasLived(this.#state.sinceMs));
  }

  /** Opens a socket that is idle. */
  start(): void {
    if (this.#state.kind === 'idle') this.#connect();
  }

  /** Closes the socket for good. */
  stop(): void {
    this.#abandonSocket();
    this.#enter({ kind: 'stopped' });
  }

  /** Cuts an open socket off and opens it anew with all that it carries. False when it was not open. */
  recycle(reason: string): boolean {
    if (this.#state.kind !== 'open') return false;
    this.#end(this.#generation, { kind: 'lost', reason });
    return true;
  }

  /**
   * Another token, or none until the next login. A socket that is open stays, because Kite checks tokens at connect
   * only; any other is idle after it, also one that was refused, and opens with the new token when it is started.
   */
  setAccessToken(accessToken: string | undefined): void {
    if (accessToken === this.#accessToken) return;
    this.#accessToken = accessToken;
    this.#failures = 0;
    if (this.#state.kind === 'open' || this.#state.kind === 'stopped') return;
    this.#abandonSocket();
    this.#enter({ kind: 'idle' });
  }

  /** Changes what this socket carries. Before it is open nothing is sent: opening subscribes all. */
  apply(moves: ConnectionMoves): void {
    for (const token of moves.unsubscribe) this.#subscriptions.delete(token);
    for (const [token, mode] of moves.subscribe) this.#subscriptions.set(token, mode);
    for (const [token, mode] of moves.changeMode) this.#subscriptions.set(token, mode);
    if (this.#state.kind === 'open') this.#send(moves);
  }

  #connect(): void {
    const { wsRoot, wsParameters, apiKey, clock } = this.#options;
    this.#abandonSocket();
    this.#missingSinceMs ??= clock.monotonicMs();
    if (this.#accessToken === undefined) {
      this.#enter({ kind: 'unauthorized' });
      return;
    }
    const generation = this.#generation;
    const url = new URL(wsRoot);
    for (const [name, value] of new URLSearchParams(wsParameters)) url.searchParams.set(name, value);
    url.searchParams.set('api_key', apiKey);
    url.searchParams.set('access_token', this.#accessToken);
    const socket = new WebSocket(url, {
      perMessageDeflate: false,
      maxPayload: KITE_FRAME_BYTES_MAX,
      followRedirects: false,
      headers: { 'X-Kite-Version': '3' },
    });
    this.#socket = socket;
    this.#enter({ kind: 'connecting' });
    // Ours, not the option of ws: that one starts anew with each byte that a server lets trickle.
    this.#arm(KITE_HANDSHAKE_MS_MAX, () =>
      this.#end(generation, { kind: 'lost', reason: `no handshake within ${KITE_HANDSHAKE_MS_MAX} ms` }),
    );
    this.#listen(socket, generation);
  }

  #listen(socket: WebSocket, generation: number): void {
    const { clock, onFrame, onFrameTooBig } = this.#options;
    const isCurrent = () => generation === this.#generation;
    let lastError = '';
    socket.on('open', () => {
      if (isCurrent()) this.#onOpen(generation);
    });
    socket.on('message', (data, isBinary) => {
      if (!isCurrent()) return;
      this.#lastFrameAtMs = clock.monotonicMs();
      // With the default binaryType ws hands over one Buffer per message.
      if (!Buffer.isBuffer(data)) return;
      if (isBinary) onFrame(data, clock.wallMs());
      else this.#onText(data.toString('utf8'));
    });
    socket.on('ping', () => {
      if (isCurrent()) this.#lastFrameAtMs = clock.monotonicMs();
    });
    socket.on('unexpected-response', (request, response) => {
      response.resume();
      request.destroy();
      this.#end(generation, { kind: 'refused', httpStatus: response.statusCode ?? 0 });
    });
    socket.on('error', (error) => {
      lastError = errorText(error);
      if (isCurrent() && 'code' in error && error.code === 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH')
        onFrameTooBig();
    });
    socket.on('close', (code, reason) => {
      const text = quote(reason.toString('utf8'));
      this.#end(generation, {
        kind: 'lost',
        reason: lastError || `closed with ${code}${text === '' ? '' : ` ${text}`}`,
      });
    });
  }

  #onOpen(generation: number): void {
    const { clock, log } = this.#options;
    const nowMs = clock.monotonicMs();
    this.#opened++;
    this.#missingSinceMs = undefined;
    this.#lastFrameAtMs = nowMs;
    this.#enter({ kind: 'open', sinceMs: nowMs });
    log.info('kite socket open', { connection: this.id, instruments: this.#subscriptions.size });
    this.#send({ unsubscribe: [], subscribe: [...this.#subscriptions], changeMode: [] });
    this.#watch(generation);
  }

  /** One timer for all frames: it looks when the last one came, and sleeps for what is left of the allowed silence. */
  #watch(generation: number): void {
    const silenceMs = this.lastFrameAgeMs ?? 0;
    if (silenceMs >= KITE_SILENCE_MS_MAX) {
      this.#end(generation, { kind: 'lost', reason: `no frame for ${Math.round(silenceMs)} ms` });
      return;
    }
    this.#arm(KITE_SILENCE_MS_MAX - silenceMs, () => this.#watch(generation));
  }

  #onText(text: string): void {
    const { log, onText } = this.#options;
    const message = parseTextMessage(text);
    if (message === undefined) {
      log.warn('kite socket sent an unknown text', { connection: this.id, text: quote(text) });
      return;
    }
    if (message.type === 'error') {
      log.warn('kite socket sent an error', { connection: this.id, text: quote(message.data) });
    }
    onText?.(message);
  }

  #end(generation: number, ending: Ending): void {
    const { clock, random, log } = this.#options;
    if (generation !== this.#generation) return;
    const nowMs = clock.monotonicMs();
    const { kind } = this.#state;
    this.#missingSinceMs ??= nowMs;
    if (this.#state.kind === 'open' && this.#hasLived(this.#state.sinceMs)) this.#failures = 0;
    this.#abandonSocket();
    if (ending.kind === 'refused' && (ending.httpStatus === 403 || ending.httpStatus === 400)) {
      // The same credentials will be refused again: asking on only makes the account conspicuous.
      log.error('kite refused the credentials, a login is needed', {
        connection: this.id,
        httpStatus: ending.httpStatus,
      });
      this.#enter({ kind: 'unauthorized', httpStatus: ending.httpStatus });
      return;
    }
    const isThrottled = ending.kind === 'refused' && ending.httpStatus === 429;
    const range = { minMs: KITE_BACKOFF_MS_MIN, maxMs: KITE_BACKOFF_MS_MAX };
    const jitterMs = fullJitterMs(this.#failures, range, random());
    const delayMs = isThrottled ? KITE_THROTTLED_BACKOFF_MS_MIN + jitterMs : jitterMs;
    const reason = ending.kind === 'refused' ? `refused with ${ending.httpStatus}` : ending.reason;
    this.#failures++;
    log.warn('kite socket lost', { connection: this.id, was: kind, reason, retryInMs: delayMs });
    this.#arm(delayMs, () => this.#connect());
    this.#enter({ kind: 'waiting', retryAtMs: nowMs + delayMs, reason, isThrottled });
  }

  #hasLived(sinceMs: number): boolean {
    return this.#options.clock.monotonicMs() - sinceMs >= KITE_STABLE_MS;
  }

  /** Leaves the present socket behind: its late events carry an old generation. */
  #abandonSocket(): void {
    this.#generation++;
    this.#timer?.cancel();
    this.#timer = undefined;
    // terminate, not close: a stalled peer never answers a close frame, and would keep its slot at Kite meanwhile.
    this.#socket?.terminate();
    this.#socket = undefined;
  }

  #arm(delayMs: number, run: () => void): void {
    this.#timer?.cancel();
    this.#timer = this.#options.clock.after(delayMs, run);
  }

  #send(moves: ConnectionMoves): void {
    for (const command of commandsOf(moves)) this.#socket?.send(command);
  }

  #enter(state: ConnectionState): void {
    if (state.kind === 'idle' || state.kind === 'stopped') this.#missingSinceMs = undefined;
    this.#state = state;
    this.#options.onState?.(state);
  }
}
