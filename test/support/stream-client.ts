// A client of the native protocol for e2e tests and benches: reconnects, resubscribes, keeps the last tick of each token.
import { WebSocket } from 'ws';
import { EXCHANGE_TIME_TRUSTED_AHEAD_S_MAX } from '../../shared/limits.ts';
import type { TickMode } from '../../shared/tick.ts';

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

/** How far an instrument has come at this client. */
interface Progress {
  readonly epoch: unknown;
  readonly seq: number;
  readonly receivedAtMs: number;
  readonly exchangeTimeMs: number;
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
  /** Without a mode where the server shall choose. */
  readonly #wanted: Map<number, TickMode | undefined>;
  readonly #progress = new Map<number, Progress>();
  #epoch: unknown;
  #onTick: (tick: TickData) => void = () => undefined;
  #socket: WebSocket | undefined;
  #isStopped = false;

  constructor(url: string, tokens: readonly number[]) {
    this.#url = url;
    this.#wanted = new Map(tokens.map((token) => [token, undefined]));
  }

  get wanted(): ReadonlyMap<number, TickMode | undefined> {
    return this.#wanted;
  }

  onTick(listener: (tick: TickData) => void): void {
    this.#onTick = listener;
  }

  start(): this {
    const socket = new WebSocket(this.#url, { perMessageDeflate: false });
    this.#socket = socket;
    socket.on('open', () => {
      this.connects++;
      for (const mode of new Set(this.#wanted.values())) {
        const tokens = [...this.#wanted].filter(([, wanted]) => wanted === mode).map(([token]) => token);
        this.#send({ action: 'subscribe', tokens, mode });
      }
    });
    socket.on('message', (data) => this.#onMessage(JSON.parse(String(data)) as StreamMessage));
    // The close that follows an error does what there is to do.
    socket.on('error', () => undefined);
    socket.on('close', () => {
      if (!this.#isStopped) setTimeout(() => this.start(), RECONNECT_MS);
    });
    return this;
  }

  /** Wants these too, or in another mode. */
  subscribe(tokens: readonly number[], mode: TickMode): void {
    for (const token of tokens) this.#wanted.set(token, mode);
    this.#send({ action: 'subscribe', tokens, mode });
  }

  unsubscribe(tokens: readonly number[]): void {
    for (const token of tokens) this.#wanted.delete(token);
    this.#send({ action: 'unsubscribe', tokens });
  }

  stop(): void {
    this.#isStopped = true;
    this.#socket?.terminate();
  }

  /** While there is no connection nothing is sent: opening one sends all that is wanted. */
  #send(command: object): void {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(command));
  }

  #onMessage(message: StreamMessage): void {
    if (message.type !== 'tick') {
      if (message.type === 'connected') this.#epoch = message.epoch;
      this.messages.push(message);
      return;
    }
    const tick = message.data as TickData;
    const before = this.last.get(tick.instrument_token);
    if (!this.#advance(tick) && before) this.backward.push([before, tick]);
    this.last.set(tick.instrument_token, tick);
    this.ticks++;
    this.#onTick(tick);
  }

  /** False when the instrument has been further than this tick. */
  #advance({ instrument_token, seq, received_at, exchange_timestamp }: TickData): boolean {
    const receivedAtMs = Date.parse(received_at);
    const stampMs = Date.parse(exchange_timestamp ?? '');
    // A clock of the exchange that runs ahead of ours does not order what comes after it has been set right.
    const isTrusted = stampMs <= receivedAtMs + EXCHANGE_TIME_TRUSTED_AHEAD_S_MAX * 1_000;
    const before = this.#progress.get(instrument_token);
    const exchangeTimeMs = isTrusted ? stampMs : (before?.exchangeTimeMs ?? Number.NaN);
    this.#progress.set(instrument_token, { epoch: this.#epoch, seq, receivedAtMs, exchangeTimeMs });
    if (before === undefined) return true;
    // Another gateway, or one that has lost its memory, counts anew.
    if (before.epoch === this.#epoch && seq < before.seq) return false;
    return !(receivedAtMs < before.receivedAtMs || stampMs < before.exchangeTimeMs);
  }
}
