// A client that decodes everything, and knows whether each round has reached it: every instrument once, with the values
// that were posted.
import { once } from 'node:events';
import { WebSocket } from 'ws';
import type { EdgeHost } from './edge-host.ts';
import type { RoundMarket } from './round-market.ts';
import { FORMATS, type FormatName } from './stream-format.ts';
import { decoderOf, type TickDecoder } from './tick-decoder.ts';

const ROUND_MS_MAX = 30_000;

export class SampledClient {
  readonly #socket: WebSocket;
  readonly #decoder: TickDecoder;
  readonly #tokens: readonly number[];
  /** Tokens that have yet to tick in this round; undefined before the first. */
  #due: Set<number> | undefined;
  #whenChanged: (() => void) | undefined;
  #failure: Error | undefined;
  ticks = 0;
  bytes = 0;

  private constructor(socket: WebSocket, decoder: TickDecoder, tokens: readonly number[]) {
    this.#socket = socket;
    this.#decoder = decoder;
    this.#tokens = tokens;
    socket.on('message', (data: Buffer, isBinary) => this.#onMessage(data, isBinary));
    socket.on('close', (code) => this.#fail(new Error(`a sampled client was closed with ${code}`)));
    socket.on('error', (error) => this.#fail(error));
  }

  /** Resolves when the socket is open; the subscription is under way then. */
  static async open(
    { host, port }: EdgeHost,
    format: FormatName,
    token: string,
    market: RoundMarket,
    positions: readonly number[],
  ): Promise<SampledClient> {
    const { target, subprotocol, subscribe } = FORMATS[format];
    const url = `ws://${host}:${port}${target(token)}`;
    const offered = subprotocol === undefined ? [] : [subprotocol];
    const socket = new WebSocket(url, offered, { perMessageDeflate: false });
    const tokens = positions.map((position) => market.definitions[position]?.instrument_token as number);
    const client = new SampledClient(socket, decoderOf(format, market, positions), tokens);
    await once(socket, 'open');
    for (const text of subscribe(tokens)) socket.send(text);
    return client;
  }

  /** From here on every tick has to be of the round that brings these. */
  begin(roundTokens: ReadonlySet<number>): void {
    this.#due = new Set(this.#tokens.filter((token) => roundTokens.has(token)));
  }

  /** Resolves when the round is here as a whole; rejects when something was wrong, also before. */
  async finished(): Promise<void> {
    if (this.#failure) throw this.#failure;
    if (this.#due?.size === 0) return;
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => {
        reject(new Error(`${this.#due?.size} ticks of a round did not come within ${ROUND_MS_MAX} ms`));
      }, ROUND_MS_MAX);
      this.#whenChanged = () => {
        if (this.#due?.size !== 0 && !this.#failure) return;
        clearTimeout(timer);
        this.#whenChanged = undefined;
        if (this.#failure) reject(this.#failure);
        else resolve();
      };
    });
  }

  close(): void {
    this.#socket.removeAllListeners('close');
    this.#socket.terminate();
  }

  #onMessage(data: Buffer, isBinary: boolean): void {
    try {
      const ticks = this.#decoder.decode(data, isBinary);
      if (ticks.length > 0) this.bytes += data.length;
      this.ticks += ticks.length;
      for (const { token, isCurrent } of ticks) {
        if (this.#due === undefined) continue;
        if (!this.#due.delete(token)) throw new Error(`instrument ${token} came twice in a round`);
        if (!isCurrent) throw new Error(`instrument ${token} came with other values than were posted`);
      }
      this.#whenChanged?.();
    } catch (error) {
      this.#fail(error instanceof Error ? error : new Error(String(error)));
    }
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    this.#whenChanged?.();
  }
}
