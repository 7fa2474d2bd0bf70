// A bare WebSocket client of the ticker that keeps every frame, for tests that check what is really on the wire.
import { once } from 'node:events';
import WebSocket from 'ws';
import type { Simulator } from '../../../ingest/simulator/simulator.ts';
import { checkKiteFrame, isKiteHeartbeat } from '../../../shared/kite-packet.ts';

export interface Packet {
  readonly token: number;
  readonly length: number;
}

export class TickerClient {
  readonly frames: DataView[] = [];
  readonly texts: string[] = [];
  closeCode: number | undefined;
  closeReason = '';
  readonly #socket: WebSocket;
  #wake: () => void = () => undefined;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on('message', (data: Buffer, isBinary: boolean) => {
      if (isBinary) this.frames.push(new DataView(data.buffer, data.byteOffset, data.byteLength));
      else this.texts.push(data.toString());
      this.#wake();
    });
    socket.on('close', (code, reason) => {
      this.closeCode = code;
      this.closeReason = reason.toString();
      this.#wake();
    });
    socket.on('error', () => undefined);
  }

  /** Connects to the simulator's first account; rejects with the HTTP status when the upgrade is refused. */
  static async connect(simulator: Simulator, query = queryOf(simulator), path = ''): Promise<TickerClient> {
    const socket = new WebSocket(`${simulator.wsUrl}${path}?${query}`);
    const client = new TickerClient(socket);
    await new Promise<void>((resolve, reject) => {
      socket.on('open', () => resolve());
      socket.on('unexpected-response', (request, response) => {
        request.destroy();
        reject(response.statusCode);
      });
    });
    return client;
  }

  get extensions(): string {
    return this.#socket.extensions;
  }

  /** Frames that are no heartbeats. */
  get tickFrames(): DataView[] {
    return this.frames.filter((frame) => !isKiteHeartbeat(frame.byteLength));
  }

  get heartbeats(): number {
    return this.frames.length - this.tickFrames.length;
  }

  /** Packets of all frames so far that hold together. */
  get packets(): Packet[] {
    return this.tickFrames.filter((frame) => typeof checkKiteFrame(frame) === 'number').flatMap(packetsOf);
  }

  send(message: unknown): void {
    this.#socket.send(typeof message === 'string' ? message : JSON.stringify(message));
  }

  /** Resolves once the condition holds; it is looked at after every message and at the close. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  forget(): void {
    this.frames.length = 0;
    this.texts.length = 0;
  }

  async close(): Promise<void> {
    if (this.#socket.readyState === WebSocket.CLOSED) return;
    const closed = once(this.#socket, 'close');
    this.#socket.close();
    await closed;
  }

  /** Goes without a word to the other side. */
  async terminate(): Promise<void> {
    const closed = once(this.#socket, 'close');
    this.#socket.terminate();
    await closed;
  }
}

export function queryOf(simulator: Simulator, accountIndex = 0): string {
  const account = simulator.accounts[accountIndex];
  return `api_key=${account?.apiKey}&access_token=${account?.accessToken}&uid=1`;
}

/** The HTTP status of an upgrade: 101 when it is let in. */
export async function statusOf(simulator: Simulator, query: string, path = ''): Promise<unknown> {
  return TickerClient.connect(simulator, query, path).then(
    () => 101,
    (status: unknown) => status,
  );
}

function packetsOf(frame: DataView): Packet[] {
  const packets: Packet[] = [];
  let at = 2;
  for (let left = frame.getUint16(0); left > 0; left--) {
    const length = frame.getUint16(at);
    packets.push({ token: frame.getUint32(at + 2), length });
    at += 2 + length;
  }
  return packets;
}
