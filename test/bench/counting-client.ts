// A client that counts: a WebSocket on a bare TCP socket that reads heads and nothing else, many to a process.
import { randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { MessageHeads, OPCODE, textFrame } from './message-heads.ts';
import { emptyTally, type StreamFormat } from './stream-format.ts';

const ANSWER_MS_MAX = 60_000;
const RESPONSE_CHARS_MAX = 16_384;
const READ_BYTES_MAX = 256 * 1024;
/** Of all sockets of the process: each chunk is read through before the next one comes. */
const chunk = Buffer.alloc(READ_BYTES_MAX);

export class CountingClient {
  readonly #format: StreamFormat;
  readonly #socket: Socket;
  readonly #message = new MessageHeads();
  readonly #onMessage = () => this.#take();
  #response = '';
  #isOpen = false;
  #isEnding = false;
  #wantedTicks = 0;
  /** Why the connection ended without our wish. */
  failure: string | undefined;
  readonly tally = emptyTally();
  #whenChanged: (() => void) | undefined;

  constructor(format: StreamFormat, host: string, port: number, token: string) {
    this.#format = format;
    const read = (bytes: number, buffer: Uint8Array) => this.#read(bytes, buffer);
    this.#socket = connect({ host, port, noDelay: true, onread: { buffer: chunk, callback: read } });
    const lines = [
      `GET ${format.target(token)} HTTP/1.1`,
      `Host: ${host}:${port}`,
      'Connection: Upgrade',
      'Upgrade: websocket',
      'Sec-WebSocket-Version: 13',
      `Sec-WebSocket-Key: ${randomBytes(16).toString('base64')}`,
      ...(format.subprotocol === undefined ? [] : [`Sec-WebSocket-Protocol: ${format.subprotocol}`]),
    ];
    this.#socket.write(`${lines.join('\r\n')}\r\n\r\n`);
    this.#socket.on('error', (error) => this.#fail(String(error)));
    this.#socket.on('close', () => this.#fail('the server closed the connection'));
  }

  /** Resolves when the server has agreed to the upgrade. */
  opened(): Promise<void> {
    return this.#until('upgrade', () => this.#isOpen);
  }

  /** Resolves when the subscription is known to have been taken. */
  subscribe(tokens: readonly number[]): Promise<void> {
    this.#wantedTicks = tokens.length;
    for (const text of this.#format.subscribe(tokens)) this.#socket.write(textFrame(text));
    return this.#until('subscription', () => this.#isSubscribed());
  }

  /** Resolves when the connection is gone. */
  close(): Promise<void> {
    this.#isEnding = true;
    if (this.#socket.closed) return Promise.resolve();
    const closed = new Promise<void>((resolve) => this.#socket.once('close', () => resolve()));
    this.#socket.destroy();
    return closed;
  }

  #isSubscribed(): boolean {
    const { acknowledged, ticks } = this.tally;
    return this.#format.acknowledges ? acknowledged : ticks >= this.#wantedTicks;
  }

  #until(what: string, isDone: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      const end = (error?: Error) => {
        clearTimeout(timer);
        this.#whenChanged = undefined;
        if (error) reject(error);
        else resolve();
      };
      const timer = setTimeout(() => end(new Error(`no ${what} within ${ANSWER_MS_MAX} ms`)), ANSWER_MS_MAX);
      this.#whenChanged = () => {
        if (this.failure !== undefined) end(new Error(`${what}: ${this.failure}`));
        else if (isDone()) end();
      };
      this.#whenChanged();
    });
  }

  #fail(reason: string): void {
    if (this.#isEnding) return;
    this.failure ??= reason;
    this.#whenChanged?.();
  }

  #read(bytes: number, buffer: Uint8Array): boolean {
    try {
      const from = this.#isOpen ? 0 : this.#readResponse(bytes, buffer);
      if (from >= 0) this.#message.push(buffer, from, bytes, this.#onMessage);
    } catch (error) {
      this.#fail(String(error));
      this.#socket.destroy();
    }
    this.#whenChanged?.();
    return true;
  }

  /** Where in the chunk the frames begin; -1 while the response has not ended. */
  #readResponse(bytes: number, buffer: Uint8Array): number {
    const before = this.#response.length;
    this.#response += Buffer.from(buffer.buffer, buffer.byteOffset, bytes).toString('latin1');
    const end = this.#response.indexOf('\r\n\r\n');
    if (
      !this.#response.startsWith('HTTP/1.1 101'.slice(0, this.#response.length)) ||
      end > RESPONSE_CHARS_MAX
    )
      throw new Error(`the upgrade was answered with ${this.#response.slice(0, 200)}`);
    if (end < 0) return -1;
    this.#isOpen = true;
    this.#response = '';
    return end + 4 - before;
  }

  #take(): void {
    const { opcode } = this.#message;
    if (opcode === OPCODE.close) {
      const [high = 0, low = 0] = this.#message.head;
      this.#fail(`closed with ${high * 256 + low} ${this.#message.headText().slice(2)}`);
    } else if (opcode === OPCODE.text || opcode === OPCODE.binary) {
      this.#format.note(this.#message, this.tally);
    }
  }
}
