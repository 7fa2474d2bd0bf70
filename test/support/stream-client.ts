// A client of the native protocol for e2e tests and benches: reconnects, resubscribes, keeps the last tick of each token.
import { WebSocket } from 'ws';

export interface TickData {
  readonly instrument_token: number;
  readonly tradingsymbol: string;
  readonly last_price?: number;
  readonly volume?: number;
  readonly exchange_timestamp?: string;
  readonly received_at: string;
  readonly seq: number;
  readonly [field: string]: unknown;
}

export interface StreamMessage {
  readonly type: string;
  readonly [field: string]: unknown;
}

const RECONNECT_MS = 100;

export class StreamClient {
  readonly last = new Map<number, TickData>();
  readonly messages: StreamMessage[] = [];
  /** Ticks that were older than one this client has had of the same instrument: must stay empty. */
  readonly backward: [before: TickData, after: TickData][] = [];
  ticks = 0;
  connects = 0;
  readonly #url: string;
  readonly #tokens: readonly number[];
  #onTick: (tick: TickData) => void = () => undefined;
  #socket: WebSocket | undefined;
  #isStopped = false;

  constructor(url: string, tokens: readonly number[]) {
    this.#url = url;
    this.#tokens = tokens;
  }

  onTick(listener: (tick: TickData) => void): void {
    this.#onTick = listener;
  }

  start(): this {
    const socket = new WebSocket(this.#url, { perMessageDeflate: false });
    this.#socket = socket;
    socket.on('open', () => {
      this.connects++;
      socket.send(JSON.stringify({ action: 'subscribe', tokens: this.#tokens }));
    });
    socket.on('message', (data) => this.#onMessage(JSON.parse(String(data)) as StreamMessage));
    // The close that follows an error does what there is to do.
    socket.on('error', () => undefined);
    socket.on('close', () => {
      if (!this.#isStopped) setTimeout(() => this.start(), RECONNECT_MS);
    });
    return this;
  }

  stop(): void {
    this.#isStopped = true;
    this.#socket?.terminate();
  }

  #onMessage(message: StreamMessage): void {
    if (message.type !== 'tick') {
      this.messages.push(message);
      return;
    }
    const tick = message.data as TickData;
    const before = this.last.get(tick.instrument_token);
    if (before && isOlder(tick, before)) this.backward.push([before, tick]);
    this.last.set(tick.instrument_token, tick);
    this.ticks++;
    this.#onTick(tick);
  }
}

function isOlder(tick: TickData, than: TickData): boolean {
  if (Date.parse(tick.received_at) < Date.parse(than.received_at)) return true;
  return Date.parse(String(tick.exchange_timestamp)) < Date.parse(String(than.exchange_timestamp));
}
