// Dials the control link, keeps it open, answers what the edge asks over it, and hears of news.
import { WebSocket } from 'ws';
import {
  CONTROL_PATH,
  CONTROL_PING,
  CONTROL_PONG,
  type ControlReply,
  type ControlRequest,
  type ControlRequestName,
  type ControlRequests,
  encodeControl,
  isWakeUp,
  type Notice,
  parseControl,
  signedEpoch,
  type WakeUp,
} from '../../shared/control.ts';
import { AppError, ERRORS } from '../../shared/errors.ts';
import { INGEST_HEADERS } from '../../shared/frame.ts';
import {
  CONTROL_BACKOFF_MS_MAX,
  CONTROL_BACKOFF_MS_MIN,
  CONTROL_HANDSHAKE_MS_MAX,
  CONTROL_MESSAGE_BYTES_MAX,
  CONTROL_PING_MS,
  CONTROL_REQUESTS_MAX,
  CONTROL_SILENCE_MS_MAX,
  CONTROL_STABLE_MS,
} from '../../shared/limits.ts';
import type { Clock, Timer } from '../clock.ts';
import { fullJitterMs } from '../core/backoff.ts';
import { errorText, type Logger, quote } from '../log.ts';
import { SigningTimes, signPost } from './signed-post.ts';

/** Answers of this sidecar. One that throws an AppError has its code and message told to whoever asked. */
export type ControlHandlers = {
  readonly [Name in ControlRequestName]: (question: unknown) => Promise<ControlRequests[Name]['answer']>;
};

export interface ControlLinkOptions {
  readonly edgeUrl: string;
  readonly secret: string;
  readonly epoch: number;
  readonly handlers: ControlHandlers;
  readonly clock: Clock;
  /** In [0, 1). */
  readonly random: () => number;
  readonly log: Logger;
  readonly onWakeUp: (name: WakeUp) => void;
  /** Open, for the first time or again: wake-ups of before may have been lost. */
  readonly onOpen: () => void;
  /** A later sidecar is active. */
  readonly onSuperseded: (reason: string) => void;
}

export class ControlLink {
  readonly #options: ControlLinkOptions;
  readonly #times: SigningTimes;
  #socket: WebSocket | undefined;
  /** Each attempt has its own number: what an older socket still says is not ours any more. */
  #generation = 0;
  #openSinceMs: number | undefined;
  #heardAtMs = 0;
  #failures = 0;
  #answering = 0;
  /** Handshake deadline, next ping or retry: never two of them. */
  #timer: Timer | undefined;

  constructor(options: ControlLinkOptions) {
    this.#options = options;
    this.#times = new SigningTimes(options.clock);
  }

  start(): void {
    this.#dial();
  }

  stop(): void {
    this.#abandonSocket();
  }

  /** Tells the edge once. It is lost when the link is not open, or breaks before it is there. */
  notify(name: Notice, payload: unknown): void {
    if (this.#openSinceMs === undefined) return;
    this.#socket?.send(encodeControl({ kind: 'notice', name, payload }));
  }

  #dial(): void {
    const { edgeUrl, secret, epoch } = this.#options;
    this.#abandonSocket();
    const generation = this.#generation;
    const timeMs = this.#times.next();
    const url = new URL(CONTROL_PATH, edgeUrl);
    url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
    const socket = new WebSocket(url, {
      perMessageDeflate: false,
      maxPayload: CONTROL_MESSAGE_BYTES_MAX,
      followRedirects: false,
      headers: {
        [INGEST_HEADERS.time]: String(timeMs),
        [INGEST_HEADERS.epoch]: String(epoch),
        [INGEST_HEADERS.signature]: signPost(secret, timeMs, CONTROL_PATH, signedEpoch(epoch)),
      },
    });
    this.#socket = socket;
    this.#arm(CONTROL_HANDSHAKE_MS_MAX, () =>
      this.#end(generation, `no handshake within ${CONTROL_HANDSHAKE_MS_MAX} ms`),
    );
    this.#listen(socket, generation);
  }

  #listen(socket: WebSocket, generation: number): void {
    const isCurrent = () => generation === this.#generation;
    let lastError = '';
    socket.on('open', () => {
      if (isCurrent()) this.#onOpen(generation);
    });
    socket.on('message', (data) => {
      if (!isCurrent() || !Buffer.isBuffer(data)) return;
      this.#heardAtMs = this.#options.clock.monotonicMs();
      this.#onText(data.toString('utf8'), generation);
    });
    socket.on('unexpected-response', (request, response) => {
      response.resume();
      request.destroy();
      const { statusCode } = response;
      const reason = `refused with ${statusCode}`;
      if (statusCode === ERRORS.ingest_superseded.httpStatus) this.#onSuperseded(generation, reason);
      else this.#end(generation, reason);
    });
    socket.on('error', (error) => {
      lastError = errorText(error);
    });
    socket.on('close', (code, reason) => {
      const text = `closed with ${code} ${quote(reason.toString('utf8'))}`;
      if (code === ERRORS.ingest_superseded.closeCode) this.#onSuperseded(generation, text);
      else this.#end(generation, lastError || text);
    });
  }

  #onOpen(generation: number): void {
    const { clock, log, onOpen } = this.#options;
    const nowMs = clock.monotonicMs();
    this.#openSinceMs = nowMs;
    this.#heardAtMs = nowMs;
    log.info('control link open');
    this.#watch(generation);
    onOpen();
  }

  /** Proves the link, and gives it up when nothing comes back: a half-open socket would swallow requests. */
  #watch(generation: number): void {
    const silenceMs = this.#options.clock.monotonicMs() - this.#heardAtMs;
    if (silenceMs >= CONTROL_SILENCE_MS_MAX) {
      this.#end(generation, `nothing heard for ${Math.round(silenceMs)} ms`);
      return;
    }
    this.#socket?.send(CONTROL_PING);
    this.#arm(CONTROL_PING_MS, () => this.#watch(generation));
  }

  #onText(text: string, generation: number): void {
    const { log, onWakeUp } = this.#options;
    if (text === CONTROL_PONG) return;
    const message = parseControl(text);
    if (message?.kind === 'request') void this.#answer(message, generation);
    // A name that this version does not know is for a later one.
    else if (message?.kind === 'wake_up' && isWakeUp(message.name)) onWakeUp(message.name);
    // The rest is of a version of the edge that says more.
    else log.debug('control link', { text: quote(text) });
  }

  async #answer(request: ControlRequest, generation: number): Promise<void> {
    const { clock } = this.#options;
    const receivedAtMs = clock.monotonicMs();
    const text = encodeControl(await this.#replyTo(request));
    if (generation !== this.#generation) return;
    if (clock.monotonicMs() - receivedAtMs > request.deadline_ms) return;
    const bytes = Buffer.byteLength(text);
    if (bytes <= CONTROL_MESSAGE_BYTES_MAX) this.#socket?.send(text);
    else {
      const message = `answer to ${quote(request.name)} of ${bytes} bytes, at most ${CONTROL_MESSAGE_BYTES_MAX}`;
      this.#socket?.send(encodeControl(refusalOf(request, new AppError('message_too_big', message))));
    }
  }

  async #replyTo(request: ControlRequest): Promise<ControlReply> {
    const { handlers, log } = this.#options;
    const { id, name, payload } = request;
    if (!Object.hasOwn(handlers, name)) {
      return refusalOf(request, new AppError('unknown_request', `request ${quote(name)} is not known here`));
    }
    if (this.#answering >= CONTROL_REQUESTS_MAX) {
      const message = `${this.#answering} requests are being answered, at most ${CONTROL_REQUESTS_MAX}`;
      return refusalOf(request, new AppError('sidecar_unavailable', message));
    }
    this.#answering++;
    try {
      const answer = await handlers[name as ControlRequestName](payload);
      return { kind: 'reply', id, ok: true, payload: answer };
    } catch (error) {
      if (error instanceof AppError) return refusalOf(request, error);
      log.error('request of the edge failed', { name: quote(name), error });
      return refusalOf(request, new AppError('internal', 'internal error'));
    } finally {
      this.#answering--;
    }
  }

  #onSuperseded(generation: number, reason: string): void {
    if (generation !== this.#generation) return;
    this.stop();
    this.#options.onSuperseded(`control link ${reason}`);
  }

  #end(generation: number, reason: string): void {
    const { clock, random, log } = this.#options;
    if (generation !== this.#generation) return;
    const openMs = this.#openSinceMs === undefined ? 0 : clock.monotonicMs() - this.#openSinceMs;
    if (openMs >= CONTROL_STABLE_MS) this.#failures = 0;
    this.#abandonSocket();
    const range = { minMs: CONTROL_BACKOFF_MS_MIN, maxMs: CONTROL_BACKOFF_MS_MAX };
    const delayMs = fullJitterMs(this.#failures, range, random());
    // Not each of them: an edge that is away for hours must not fill the disk.
    if (this.#failures === 0) log.warn('control link lost', { reason, retryInMs: delayMs });
    this.#failures++;
    this.#arm(delayMs, () => this.#dial());
  }

  /** Leaves the present socket behind: its late events carry an old generation. */
  #abandonSocket(): void {
    this.#generation++;
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#openSinceMs = undefined;
    // terminate, not close: a stalled peer never answers a close frame.
    this.#socket?.terminate();
    this.#socket = undefined;
  }

  #arm(delayMs: number, run: () => void): void {
    this.#timer?.cancel();
    this.#timer = this.#options.clock.after(delayMs, run);
  }
}

function refusalOf({ id }: ControlRequest, { code, message }: AppError): ControlReply {
  return { kind: 'reply', id, ok: false, code, message };
}
