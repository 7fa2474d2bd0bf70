// A client that sends whatever it is given and counts what it is told: every message has one answer, in its turn.
import { exports } from 'cloudflare:workers';
import { ERRORS } from '../../../shared/errors.ts';
import type { Message } from './client.ts';

/** Told unasked: everything else is the answer to a message. */
const UNASKED = ['connected', 'tick', 'bar', 'feed', 'lag', 'token_expiring'];
const ANSWERS = ['subscribed', 'unsubscribed', 'subscriptions', 'authenticated', 'pong', 'error'];
/** The largest honest answer is 3,000 rejected items, each with its text. */
const ANSWER_CHARS_MAX = 1_500_000;

export class HostileClient {
  readonly socket: WebSocket;
  /** Epoch of the connection, once it is welcomed. */
  epoch: string | undefined;
  /** Whose connection it is, once it is welcomed. */
  userId: string | undefined;
  sent = 0;
  answers = 0;
  /** Answers that say the message was not read because there were too many. */
  refused = 0;
  lastSeq = 0;
  /** What the last acknowledgements said of the whole set, of ticks and of bars. */
  total = 0;
  barsTotal = 0;
  /** The first answer that nobody may get. */
  fault: string | undefined;
  /** The answer to the message with the id `end`. */
  end: Message | undefined;
  closeCode: number | undefined;
  readonly #hasToken: boolean;
  #wake: (() => void) | undefined;

  private constructor(socket: WebSocket, hasToken: boolean) {
    this.socket = socket;
    this.#hasToken = hasToken;
    socket.addEventListener('message', ({ data }) => {
      this.#onMessage(data as string);
      this.#wake?.();
    });
    socket.addEventListener('close', ({ code }) => {
      this.closeCode = code;
      this.#wake?.();
    });
    socket.accept();
  }

  /** With a token in the query, or without one. */
  static async open(token?: string): Promise<HostileClient> {
    const query = token === undefined ? '?auth=message' : `?token=${token}`;
    const response = await exports.default.fetch(`http://edge/ws/ticks${query}`, {
      headers: { upgrade: 'websocket' },
    });
    if (!response.webSocket) throw new Error(`no socket: ${response.status} ${await response.text()}`);
    return new HostileClient(response.webSocket, token !== undefined);
  }

  get isOpen(): boolean {
    return this.closeCode === undefined && this.socket.readyState === WebSocket.OPEN;
  }

  /** Another client has said that it goes on where this one was. */
  get isTakenOver(): boolean {
    return this.closeCode === ERRORS.goaway.closeCode;
  }

  /** False when the socket is closed. */
  send(message: string | Uint8Array): boolean {
    if (!this.isOpen) return false;
    this.socket.send(message);
    this.sent++;
    return true;
  }

  /** Resolves when the condition holds, or the socket is closed. */
  async until(isDone: () => boolean): Promise<void> {
    while (!isDone() && this.closeCode === undefined) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  close(code: number): void {
    if (this.isOpen) this.socket.close(code, 'gone');
  }

  #onMessage(text: string): void {
    const message = JSON.parse(text) as Message;
    if (text.length > ANSWER_CHARS_MAX) this.fault ??= `answer of ${text.length} characters`;
    if (UNASKED.includes(message.type)) {
      if (message.type === 'connected') this.#onWelcome(message);
      if (message.type === 'tick') this.lastSeq = (message.data as { seq: number }).seq;
      return;
    }
    // An instrument that was taken back: nobody asked.
    if (message.type === 'error' && message.code === 'unknown_instrument') return;
    this.answers++;
    if (!ANSWERS.includes(message.type)) this.fault ??= `answer of type ${message.type}`;
    if (message.type === 'error') this.#onError(message);
    else if (message.type !== 'subscriptions' && typeof message.total === 'number') {
      if (message.kind === 'bar') this.barsTotal = message.total;
      else this.total = message.total;
    }
    const rejected = (message.rejected ?? []) as { code: string }[];
    const ours = rejected.find(({ code }) =>
      ['internal', 'shard_unavailable', 'symbols_unavailable'].includes(code),
    );
    if (ours) this.fault ??= `rejected item ${JSON.stringify(ours)}`;
    if (message.id === 'end') this.end = message;
  }

  /** Unasked at the upgrade; the answer to a first token that came as a message. */
  #onWelcome(message: Message): void {
    if (!this.#hasToken) this.answers++;
    this.epoch = message.epoch as string;
    this.userId = (message.user as { user_id: string }).user_id;
  }

  #onError(message: Message): void {
    const code = String(message.code);
    if (code === 'rate_limited') this.refused++;
    if (!Object.hasOwn(ERRORS, code) || code === 'internal') this.fault ??= JSON.stringify(message);
  }
}
