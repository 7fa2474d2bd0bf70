// Many clients of the native protocol in one process: they open, subscribe, count or time their ticks, stop reading, return.
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { performance } from 'node:perf_hooks';
import { WebSocket } from 'ws';
import { receivedAtOf } from '../../shared/tick.ts';
import { FrameReader } from '../../shared/wire/frame-reader.ts';
import { scaleOf } from '../../shared/wire/scale.ts';
import { percentile } from './bench.ts';

/** Upgrades under way at a time: more only wait in the server's queue. */
const OPENING_MAX = 64;
const SAMPLES_MAX = 4_000_000;
const ANSWER_MS_MAX = 60_000;

export interface FleetOptions {
  /** Endpoint of each client in turn, its token included. */
  readonly urls: readonly string[];
  readonly clients: number;
  /** Time every tick; otherwise they are only counted. */
  readonly isTimed: boolean;
  /** How they are sent ticks; JSON where it does not say. */
  readonly format?: 'json' | 'binary';
  /** False for a server that says nothing to a new client. */
  readonly isWelcomed: boolean;
}

export interface Wish {
  readonly tokens: readonly number[];
  /** Each client takes so many of the tokens, a different stretch of them. */
  readonly perClient: number;
  readonly speed?: number;
}

export interface Percentiles {
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
}

export interface Timing {
  readonly ticks: number;
  /** From the gateway's flush to here. */
  readonly flush: Percentiles;
  /** From the sidecar's receipt to here. */
  readonly total: Percentiles;
}

/** Wall clock with the resolution of the monotonic one. */
function nowMs(): number {
  return performance.timeOrigin + performance.now();
}

class Samples {
  readonly #values = new Float64Array(SAMPLES_MAX);
  count = 0;

  add(value: number): void {
    if (this.count < SAMPLES_MAX) this.#values[this.count++] = value;
  }

  percentiles(): Percentiles {
    const sorted = this.#values.slice(0, this.count).sort();
    return { p50: percentile(sorted, 0.5), p99: percentile(sorted, 0.99), p999: percentile(sorted, 0.999) };
  }
}

/** Where the value of a tick's field is in its text; parsing the whole frame would cost more than the server's send. */
function textAfter(text: string, key: string, ends: string): string {
  const at = text.indexOf(key) + key.length;
  let end = at;
  while (end < text.length && !ends.includes(text[end] as string)) end++;
  return text.slice(at, end);
}

interface Client {
  socket: WebSocket;
  tokens: readonly number[];
  /** Tokens that a value has come of since the last subscribe. */
  readonly current: Set<number>;
  onChange: (() => void) | undefined;
  /** Of a binary client that is timed. */
  readonly reader: FrameReader;
}

export class ClientFleet {
  readonly #options: FleetOptions;
  readonly #clients: Client[] = [];
  readonly #flush = new Samples();
  readonly #total = new Samples();
  #wish: Wish = { tokens: [], perClient: 0 };
  #isTiming = false;
  /** Keep track of which instruments each client has a value of: only while that is asked for. */
  #isTracking = false;
  /** Frames with ticks: as JSON, one for each. */
  frames = 0;
  /** Ticks that clients were told they had missed by reading slowly. */
  skipped = 0;
  /** Close codes of sockets that this fleet did not close. */
  readonly closeCodes: number[] = [];

  constructor(options: FleetOptions) {
    this.#options = options;
  }

  /** Opens every socket; resolves when all are welcomed. */
  async open(): Promise<void> {
    await this.#each(async (i) => {
      this.#clients[i] = await this.#connect(i);
    });
  }

  /** Subscribes every client; resolves when all have been acknowledged. */
  async subscribe(wish: Wish): Promise<void> {
    this.#wish = wish;
    await this.#each((i) => this.#subscribe(this.#clients[i] as Client, i));
  }

  startTiming(): void {
    this.#flush.count = 0;
    this.#total.count = 0;
    this.#isTiming = true;
  }

  stopTiming(): Timing {
    this.#isTiming = false;
    return {
      ticks: this.#flush.count,
      flush: this.#flush.percentiles(),
      total: this.#total.percentiles(),
    };
  }

  /** Stops reading, or goes on: what a suspended laptop looks like from outside. */
  setReading(isReading: boolean): void {
    for (const { socket } of this.#clients) {
      const tcp = (socket as unknown as { _socket: Socket | undefined })._socket;
      if (isReading) tcp?.resume();
      else tcp?.pause();
    }
  }

  /** Unsubscribes and subscribes the wish again with the first client: ms until a value of every instrument is here. */
  async snapshot(wish: Wish): Promise<number> {
    const [client] = this.#clients;
    if (!client) throw new Error('a fleet without clients');
    const isBack = this.#answered(client, 'unsubscribed');
    client.socket.send(JSON.stringify({ action: 'unsubscribe', tokens: client.tokens }));
    await isBack;
    this.#wish = wish;
    this.#isTracking = true;
    const fromMs = performance.now();
    await this.#subscribe(client, 0);
    await this.#untilCurrent(client);
    this.#isTracking = false;
    return performance.now() - fromMs;
  }

  /** Cuts every connection and opens all again at once: ms until every client has a value of all that it wants. */
  async returnAtOnce(): Promise<{ readonly welcomedMs: number; readonly currentMs: number }> {
    this.#isTracking = true;
    for (const { socket } of this.#clients) {
      socket.removeAllListeners('close');
      socket.terminate();
    }
    const fromMs = performance.now();
    let welcomedMs = 0;
    await Promise.all(
      this.#clients.map(async (before, i) => {
        const client = await this.#connect(i);
        welcomedMs = performance.now() - fromMs;
        this.#clients[i] = client;
        client.tokens = before.tokens;
        await this.#subscribe(client, i);
        await this.#untilCurrent(client);
      }),
    );
    this.#isTracking = false;
    return { welcomedMs, currentMs: performance.now() - fromMs };
  }

  async close(): Promise<void> {
    const closed = this.#clients.map(({ socket }) => {
      socket.removeAllListeners('close');
      if (socket.readyState === WebSocket.CLOSED) return undefined;
      const end = once(socket, 'close');
      // Paused, it would never read the answer to its close.
      (socket as unknown as { _socket: Socket | undefined })._socket?.resume();
      socket.close(1000);
      return end;
    });
    await Promise.all(closed);
    this.#clients.length = 0;
  }

  async #each(act: (i: number) => Promise<void>): Promise<void> {
    let next = 0;
    const worker = async () => {
      while (next < this.#options.clients) await act(next++);
    };
    await Promise.all(Array.from({ length: OPENING_MAX }, worker));
  }

  async #connect(i: number): Promise<Client> {
    const { urls, isWelcomed } = this.#options;
    const format = this.#options.format === 'binary' ? '&format=binary' : '';
    const socket = new WebSocket(`${urls[i % urls.length]}${format}`, { perMessageDeflate: false });
    const reader = new FrameReader();
    const client: Client = { socket, tokens: [], current: new Set(), onChange: undefined, reader };
    socket.on('message', (data: Buffer, isBinary) => {
      if (isBinary) this.#onFrame(client, data);
      else this.#onMessage(client, data);
    });
    const welcomed = isWelcomed ? this.#answered(client, 'connected') : once(socket, 'open');
    await welcomed;
    socket.on('close', (code) => this.closeCodes.push(code));
    return client;
  }

  async #subscribe(client: Client, i: number): Promise<void> {
    const { tokens, perClient, speed } = this.#wish;
    client.tokens = Array.from(
      { length: perClient },
      (_, k) => tokens[(i * perClient + k) % tokens.length] as number,
    );
    client.current.clear();
    const acknowledged = this.#answered(client, 'subscribed');
    const pace = speed === undefined ? {} : { speed };
    client.socket.send(JSON.stringify({ action: 'subscribe', tokens: client.tokens, ...pace }));
    await acknowledged;
  }

  /** Resolves with the next message of the type; rejects when the socket ends before. */
  #answered({ socket }: Client, type: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const prefix = `{"type":"${type}"`;
      const timer = setTimeout(() => end(new Error(`no ${type} within ${ANSWER_MS_MAX} ms`)), ANSWER_MS_MAX);
      const onMessage = (data: Buffer) => {
        if (data.toString('latin1', 0, prefix.length) === prefix) end();
      };
      const onClose = (code: number, reason: Buffer) =>
        end(new Error(`closed with ${code} ${reason} before ${type}`));
      const end = (error?: Error) => {
        clearTimeout(timer);
        socket.off('message', onMessage).off('close', onClose).off('error', end);
        if (error) reject(error);
        else resolve();
      };
      socket.on('message', onMessage).on('close', onClose).on('error', end);
    });
  }

  async #untilCurrent(client: Client): Promise<void> {
    const wanted = new Set(client.tokens).size;
    while (client.current.size < wanted) {
      await new Promise<void>((resolve) => {
        client.onChange = resolve;
      });
    }
    client.onChange = undefined;
  }

  #learnRows({ reader }: Client, data: Buffer): void {
    const { rows = [] } = JSON.parse(String(data)) as { rows?: [number, number, number, number][] };
    for (const [id, token, tick, lot] of rows) reader.assign(id, token, scaleOf(tick, lot));
  }

  #onFrame({ reader }: Client, data: Buffer): void {
    this.frames++;
    if (!this.#options.isTimed) return;
    const atMs = nowMs();
    const rows = reader.read(data);
    if (!this.#isTiming) return;
    for (let i = 0; i < rows; i++) {
      this.#flush.add(atMs - reader.seq);
      this.#total.add(atMs - receivedAtOf(reader.view, reader.byteOffset(reader.ids[i] as number)));
    }
  }

  #onMessage(client: Client, data: Buffer): void {
    if (data.toString('latin1', 0, 14) !== '{"type":"tick"') {
      if (this.#options.format === 'binary') this.#learnRows(client, data);
      if (data.toString('latin1', 0, 13) === '{"type":"lag"')
        this.skipped += Number(JSON.parse(String(data)).skipped);
      return;
    }
    this.frames++;
    if (this.#isTracking) {
      client.current.add(Number(textAfter(data.toString('latin1'), '"instrument_token":', ',}')));
      client.onChange?.();
    }
    if (!this.#isTiming || !this.#options.isTimed) return;
    const atMs = nowMs();
    const text = data.toString('latin1');
    this.#flush.add(atMs - Number(textAfter(text, '"seq":', ',}')));
    this.#total.add(atMs - Date.parse(textAfter(text, '"received_at":"', '"')));
  }
}
