// A client of Kite's protocol for tests inside workerd: keeps frames in the order in which they came, and waits for them.
import { createExecutionContext } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { AT } from '../../../shared/tick.ts';
import type { Env } from '../../../worker/env.ts';
import worker from '../../../worker/index.ts';
import { type KitePacket, packetsOf } from '../kite-frame.ts';

export type KiteText = { readonly type: string; readonly data: unknown };

/**
 * The Worker's answer to an upgrade, asked directly: an upgrade through `exports` that is refused after a look into the
 * database keeps the test's runtime from ending.
 */
export async function askForKite(query: string, headers: Record<string, string> = {}): Promise<Response> {
  const request = new Request(`http://edge/ws/kite${query}`, {
    headers: { upgrade: 'websocket', ...headers },
  });
  return worker.fetch(request, env as unknown as Env, createExecutionContext());
}

export class KiteClient {
  readonly socket: WebSocket;
  readonly packets: KitePacket[] = [];
  /** But those about the feed, which is down where nobody plays a sidecar. */
  readonly texts: KiteText[] = [];
  readonly feedTexts: KiteText[] = [];
  heartbeats = 0;
  readonly closed: Promise<{ code: number; reason: string }>;
  #wake: (() => void)[] = [];
  #packetsRead = 0;
  #textsRead = 0;

  private constructor(socket: WebSocket) {
    this.socket = socket;
    socket.binaryType = 'arraybuffer';
    socket.addEventListener('message', ({ data }) => {
      this.#onMessage(data as string | ArrayBuffer);
      for (const wake of this.#wake.splice(0)) wake();
    });
    this.closed = new Promise((resolve) =>
      socket.addEventListener('close', ({ code, reason }) => {
        resolve({ code, reason });
        for (const wake of this.#wake.splice(0)) wake();
      }),
    );
    socket.accept();
  }

  static async connect(accessToken: string): Promise<KiteClient> {
    const response = await askForKite(`?api_key=some_app&access_token=${accessToken}&uid=1764000000000`);
    if (!response.webSocket) throw new Error(`no socket: ${response.status} ${await response.text()}`);
    return new KiteClient(response.webSocket);
  }

  send(message: unknown): void {
    this.socket.send(JSON.stringify(message));
  }

  /** Resolves when the condition holds; throws when the socket is closed before that. */
  async until(isDone: () => boolean): Promise<void> {
    while (!isDone()) {
      if (this.socket.readyState !== WebSocket.OPEN) throw new Error('closed while waiting');
      await new Promise<void>((resolve) => this.#wake.push(resolve));
    }
  }

  /** The next packet that was not read yet. */
  async packet(): Promise<{ token: number; price: number; length: number }> {
    await this.until(() => this.packets.length > this.#packetsRead);
    const { record, length } = this.packets[this.#packetsRead++] as KitePacket;
    return { token: record[AT.token / 4] as number, price: record[AT.lastPrice / 4] as number, length };
  }

  /** The next text that was not read yet. */
  async text(): Promise<KiteText> {
    await this.until(() => this.texts.length > this.#textsRead);
    return this.texts[this.#textsRead++] as KiteText;
  }

  #onText(text: KiteText): void {
    const isOfFeed = String(text.data).startsWith('The market data feed');
    (isOfFeed ? this.feedTexts : this.texts).push(text);
  }

  #onMessage(data: string | ArrayBuffer): void {
    if (typeof data === 'string') this.#onText(JSON.parse(data) as KiteText);
    else if (data.byteLength === 1) this.heartbeats++;
    else {
      const packets = packetsOf(new Uint8Array(data));
      if (packets.length === 0) throw new Error('an empty frame');
      this.packets.push(...packets);
    }
  }
}
