// A server that says what a test tells it to: sockets that open, speak, close and fall silent on command.
import { TickerClient, type TickerClientOptions } from '../../../shared/client/index.ts';
import type { SocketCloseEvent, SocketLike } from '../../../shared/client/socket.ts';
import { StillClock } from './still-clock.ts';

type Command = Readonly<Record<string, unknown>>;

export class ScriptedSocket implements SocketLike {
  readyState = 0;
  binaryType = 'blob';
  readonly url: URL;
  readonly protocols: readonly string[];
  /** What the client has sent, keep-alive pings included. */
  readonly sent: Command[] = [];
  closedWith: number | undefined;
  readonly #listeners: Record<string, ((event: never) => void)[]> = {};

  constructor(url: string, protocols: readonly string[]) {
    this.url = new URL(url);
    this.protocols = protocols;
  }

  send(text: string): void {
    if (this.readyState !== 1) throw new Error('sent to a socket that is not open');
    this.sent.push(JSON.parse(text));
  }

  close(code?: number): void {
    this.closedWith = code;
    this.readyState = 3;
  }

  addEventListener(type: string, listener: (event: never) => void): void {
    const listeners = this.#listeners[type] ?? [];
    this.#listeners[type] = listeners;
    listeners.push(listener);
  }

  #emit(type: string, event: unknown): void {
    for (const listener of this.#listeners[type] ?? []) listener(event as never);
  }

  open(): void {
    this.readyState = 1;
    this.#emit('open', {});
  }

  frame(data: unknown): void {
    this.#emit('message', { data });
  }

  say(message: object): void {
    this.frame(JSON.stringify(message));
  }

  /** The server's side closes, or the network does. */
  drop(code: number, reason = ''): void {
    this.readyState = 3;
    this.#emit('error', {});
    this.#emit('close', { code, reason } satisfies SocketCloseEvent);
  }

  commands(action: string): Command[] {
    return this.sent.filter((command) => command.action === action);
  }

  /** Acknowledges the last subscribe as a whole. */
  acknowledge(fields: object = {}): void {
    const { id, tokens = [] } = this.commands('subscribe').at(-1) ?? {};
    this.say({ type: 'subscribed', tokens, total: 1, id, ...fields });
  }
}

export interface Scene {
  readonly client: TickerClient;
  readonly clock: StillClock;
  readonly sockets: ScriptedSocket[];
  readonly socket: ScriptedSocket;
  /** Connects, or waits for the next attempt's socket, and welcomes it. */
  connect(fields?: object): Promise<ScriptedSocket>;
  /** Lets the promises that are settled run on. */
  settle(): Promise<void>;
}

export function createScene(options: Partial<TickerClientOptions> = {}): Scene {
  const clock = new StillClock();
  const sockets: ScriptedSocket[] = [];
  class Socket extends ScriptedSocket {
    constructor(url: string, protocols: string[] = []) {
      super(url, protocols);
      sockets.push(this);
    }
  }
  const client = new TickerClient({
    url: 'wss://edge.example/ws/ticks',
    token: 'jwt',
    WebSocket: Socket,
    clock,
    random: () => 0.5,
    ...options,
  });
  const settle = () => new Promise<void>((resolve) => setImmediate(resolve));
  return {
    client,
    clock,
    sockets,
    settle,
    get socket() {
      return sockets.at(-1) as ScriptedSocket;
    },
    async connect(fields = {}) {
      client.connect();
      await settle();
      const socket = sockets.at(-1) as ScriptedSocket;
      socket.open();
      socket.say(welcome(fields));
      return socket;
    },
  };
}

export function welcome(fields: object = {}): object {
  return {
    type: 'connected',
    connection_id: 'c1',
    user: { user_id: 'u1' },
    timestamp: '2026-11-20T04:00:00.000Z',
    epoch: 'e1',
    ...fields,
  };
}

/** A tick message; `at` is milliseconds of the source's clock, which go with the seq unless given. */
export function tick(token: number, seq: number, price: number, fields: object = {}): object {
  return {
    type: 'tick',
    data: {
      instrument_token: token,
      tradingsymbol: `S${token}`,
      exchange: 'NSE',
      mode: 'full',
      last_price: price,
      received_at: new Date(1_764_000_000_000 + seq).toISOString(),
      seq,
      ...fields,
    },
  };
}

/** A bar message; `minute` counts from some midnight. It names the minute before it unless `fields` say otherwise. */
export function bar(token: number, minute: number, fields: object = {}): object {
  const data = {
    instrument_token: token,
    tradingsymbol: `S${token}`,
    exchange: 'NSE',
    interval: '1m',
    start: startOfMinute(minute),
    ...{ open: 100, high: 110, low: 90, close: 105, ticks: 3 },
    closed: false,
    previous_start: startOfMinute(minute - 1),
    ...fields,
  };
  return { type: 'bar', data };
}

export function startOfMinute(minute: number): string {
  return new Date(1_764_000_000_000 + minute * 60_000).toISOString();
}
