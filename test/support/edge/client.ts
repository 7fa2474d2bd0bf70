// A client for tests inside workerd: opens a socket through the Worker and waits for messages by type.
import { exports } from 'cloudflare:workers';

export interface Message {
  readonly type: string;
  readonly [field: string]: unknown;
}

export class TestClient {
  readonly socket: WebSocket;
  readonly messages: Message[] = [];
  readonly closed: Promise<{ code: number; reason: string }>;
  #waiting: (() => void)[] = [];
  #read = 0;

  private constructor(socket: WebSocket) {
    this.socket = socket;
    socket.binaryType = 'arraybuffer';
    socket.addEventListener('message', ({ data }) => {
      this.messages.push(
        typeof data === 'string'
          ? (JSON.parse(data) as Message)
          : { type: 'frame', bytes: new Uint8Array(data as ArrayBuffer) },
      );
      for (const wake of this.#waiting.splice(0)) wake();
    });
    this.closed = new Promise((resolve) =>
      socket.addEventListener('close', ({ code, reason }) => {
        resolve({ code, reason });
        for (const wake of this.#waiting.splice(0)) wake();
      }),
    );
    socket.accept();
  }

  static async open(query: string, headers: Record<string, string> = {}): Promise<TestClient> {
    const response = await exports.default.fetch(`http://edge/ws/ticks${query}`, {
      headers: { upgrade: 'websocket', ...headers },
    });
    if (!response.webSocket) throw new Error(`no socket: ${response.status} ${await response.text()}`);
    return new TestClient(response.webSocket);
  }

  static async connect(token: string): Promise<TestClient> {
    const client = await TestClient.open(`?token=${token}`);
    await client.next('connected');
    return client;
  }

  send(message: unknown): void {
    this.socket.send(JSON.stringify(message));
  }

  /** The next unread message of the type, or of any type; those before it are passed over. */
  async next(type?: string): Promise<Message> {
    for (;;) {
      while (this.#read < this.messages.length) {
        const message = this.messages[this.#read++];
        if (message && message.type === (type ?? message.type)) return message;
      }
      if (this.socket.readyState !== WebSocket.OPEN)
        throw new Error(`closed while waiting for ${type ?? 'a message'}`);
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  /** Data of the next tick of the token. */
  async tick(token: number): Promise<Record<string, unknown>> {
    for (;;) {
      const data = (await this.next('tick')).data as Record<string, unknown>;
      if (data.instrument_token === token) return data;
    }
  }

  async subscribe(...tokens: number[]): Promise<Message> {
    this.send({ action: 'subscribe', tokens });
    return this.next('subscribed');
  }
}
