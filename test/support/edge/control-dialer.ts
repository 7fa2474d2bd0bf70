// The sidecar's end of the control link for tests inside workerd: dials like the real one, or wrongly, and answers by hand.
import { env, exports } from 'cloudflare:workers';
import {
  CONTROL_PATH,
  type ControlMessage,
  type ControlRequest,
  encodeControl,
  signedEpoch,
} from '../../../shared/control.ts';
import { INGEST_HEADERS } from '../../../shared/frame.ts';
import { sign } from './sidecar.ts';

export interface DialParts {
  readonly epoch?: number;
  readonly timeMs?: number;
  readonly secret?: string;
  /** The epoch in the header, where it is not the one that is signed. */
  readonly namedEpoch?: string;
}

let lastMs = 0;
/** A time that no dial of this test file has had, and that is not in the future for long. */
export function nextDialMs(): number {
  lastMs = Math.max(lastMs + 1, Date.now() - 5_000);
  return lastMs;
}

export async function dialRequest(parts: DialParts = {}): Promise<Request> {
  const { epoch = 1_764_000_000_000, timeMs = nextDialMs(), secret = env.INGEST_SECRET } = parts;
  return new Request(`http://edge${CONTROL_PATH}`, {
    headers: {
      upgrade: 'websocket',
      [INGEST_HEADERS.time]: String(timeMs),
      [INGEST_HEADERS.epoch]: parts.namedEpoch ?? String(epoch),
      [INGEST_HEADERS.signature]: await sign(CONTROL_PATH, timeMs, signedEpoch(epoch), secret),
    },
  });
}

export class ControlDialer {
  readonly socket: WebSocket;
  readonly messages: ControlMessage[] = [];
  readonly texts: string[] = [];
  readonly closed: Promise<{ code: number; reason: string }>;
  #wake: (() => void)[] = [];

  private constructor(socket: WebSocket) {
    this.socket = socket;
    socket.addEventListener('message', ({ data }) => {
      this.texts.push(data as string);
      if ((data as string).startsWith('{')) this.messages.push(JSON.parse(data as string) as ControlMessage);
      for (const wake of this.#wake.splice(0)) wake();
    });
    this.closed = new Promise((resolve) =>
      socket.addEventListener('close', ({ code, reason }) => resolve({ code, reason })),
    );
    socket.accept();
  }

  static async open(parts: DialParts = {}): Promise<ControlDialer> {
    const response = await exports.default.fetch(await dialRequest(parts));
    if (!response.webSocket) throw new Error(`no socket: ${response.status} ${await response.text()}`);
    return new ControlDialer(response.webSocket);
  }

  send(message: ControlMessage | string): void {
    this.socket.send(typeof message === 'string' ? message : encodeControl(message));
  }

  /** Waits until so many messages have come. */
  async received(count: number): Promise<readonly ControlMessage[]> {
    while (this.messages.length < count) await new Promise<void>((resolve) => this.#wake.push(resolve));
    return this.messages;
  }

  /** The request that came as the message with this number, from 1. */
  async request(number = 1): Promise<ControlRequest> {
    const message = (await this.received(number))[number - 1];
    if (message?.kind !== 'request') throw new Error(`message ${number} is ${JSON.stringify(message)}`);
    return message;
  }

  reply(id: string, payload: unknown): void {
    this.send({ kind: 'reply', id, ok: true, payload });
  }

  /** Resolves when everything sent before has reached the object. */
  async flushed(): Promise<void> {
    const before = this.messages.length;
    this.send({ kind: 'request', id: 'flush', name: 'nothing that is known', deadline_ms: 1, payload: null });
    await this.received(before + 1);
    this.messages.pop();
  }
}
