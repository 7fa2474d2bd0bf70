// The SDK's client: one connection that comes back, the application's subscriptions on it, and how fresh each value is.
import { AppError, assertNever } from '../errors.ts';
import { CLIENT_SDK_ITERATORS_MAX, CLIENT_SDK_STALE_AFTER_MS } from '../limits.ts';
import type { TickMode } from '../tick.ts';
import { type Clock, systemClock } from './clock.ts';
import { Connection, type TokenTransport } from './connection.ts';
import { ClientEndedError, type ClientEvents, type ClientState, type FinalState } from './events.ts';
import { Listeners } from './listeners.ts';
import type { ErrorMessage, ExpiringMessage, FeedMessage, SessionMessage } from './message.ts';
import type { SocketConstructor } from './socket.ts';
import { Streams } from './streams.ts';
import { Subscription, type SubscriptionHost, type TickIterator } from './subscription.ts';
import { type Instrument, parseOptions, type SubscriptionOptions } from './subscription-options.ts';
import type { Tick } from './tick.ts';
import { TickQueue } from './tick-queue.ts';
import { type TokenOption, TokenSource } from './token-source.ts';

/**
 * `live`: confirmed on this connection, which is heard of, from a feed that is well. `stale`: a value that may have
 * been overtaken. `unknown`: no value, or not subscribed.
 */
export type Freshness = 'live' | 'stale' | 'unknown';

export interface TickerClientOptions {
  /** Address of the native protocol, as in `wss://ticker.example.com/ws/ticks`. */
  readonly url: string;
  /** A JWT, or a callback that gives one: asked before each connect and when the present one runs out. */
  readonly token: TokenOption;
  /** How the token travels; `subprotocol` keeps it out of addresses, and so out of logs. */
  readonly tokenTransport?: TokenTransport;
  /** Silence after which values count as stale; the connection is asked for a sign of life after half of it. */
  readonly staleAfterMs?: number;
  /** Stands in for the platform's own, as the `ws` package does before Node 22. */
  readonly WebSocket?: SocketConstructor;
  /** In [0, 1); for tests. */
  readonly random?: () => number;
  /** For tests. */
  readonly clock?: Clock;
}

interface OpenQueue {
  readonly queue: TickQueue;
  /** Undefined: every subscription. */
  readonly holder: number | undefined;
}

const STALE_AFTER_MS_MIN = 1_000;
const TRANSPORTS: readonly TokenTransport[] = ['query', 'subprotocol', 'message'];

/** Throws AppError `invalid_parameter`; a token inside an address is not repeated. */
function checkOptions({ url, tokenTransport, staleAfterMs }: TickerClientOptions): void {
  if (!URL.canParse(url) || !/^wss?:$/.test(new URL(url).protocol)) {
    throw new AppError('invalid_parameter', 'url must be an address like wss://host/ws/ticks');
  }
  if (tokenTransport !== undefined && !TRANSPORTS.includes(tokenTransport)) {
    const names = TRANSPORTS.join(', ');
    throw new AppError('invalid_parameter', `tokenTransport must be one of ${names}, got ${tokenTransport}`);
  }
  if (staleAfterMs !== undefined && !(staleAfterMs >= STALE_AFTER_MS_MIN && Number.isFinite(staleAfterMs))) {
    const text = `staleAfterMs must be a number from ${STALE_AFTER_MS_MIN}, got ${staleAfterMs}`;
    throw new AppError('invalid_parameter', text);
  }
}

function platformSocket(): SocketConstructor {
  const { WebSocket: Socket } = globalThis as { WebSocket?: SocketConstructor };
  if (!Socket) {
    throw new AppError('invalid_parameter', 'this platform has no WebSocket: pass one in the options');
  }
  return Socket;
}

function isFinal(state: ClientState): state is FinalState {
  return state.kind === 'unauthorized' || state.kind === 'stopped' || state.kind === 'closed';
}

export class TickerClient {
  readonly #listeners = new Listeners();
  readonly #tokens: TokenSource;
  readonly #connection: Connection;
  readonly #streams: Streams;
  readonly #queues = new Set<OpenQueue>();
  readonly #subscriptionHost: SubscriptionHost;
  #ready: { promise: Promise<void>; resolve(): void; reject(error: Error): void } | undefined;
  #feed: FeedMessage | undefined;
  #lastHolder = 0;

  /** Throws AppError `invalid_parameter` for options that cannot be. Connects when `connect` is called. */
  constructor(options: TickerClientOptions) {
    checkOptions(options);
    const { clock = systemClock, random = Math.random } = options;
    this.#tokens = new TokenSource(options.token, clock);
    this.#streams = new Streams({
      clock,
      random,
      send: (fields) => this.#connection.send(fields),
      onRejected: (item) => this.#listeners.emit('rejected', item),
      onForgotten: (token) => {
        for (const { queue } of this.#queues) queue.drop(token);
      },
      onUnanswered: (count) =>
        this.#listeners.emit('error', {
          kind: 'protocol',
          message: `no answer about ${count} instruments: asked again`,
        }),
    });
    this.#connection = new Connection(
      {
        url: options.url,
        tokens: this.#tokens,
        tokenTransport: options.tokenTransport ?? 'subprotocol',
        Socket: options.WebSocket ?? platformSocket(),
        clock,
        random,
        staleAfterMs: options.staleAfterMs ?? CLIENT_SDK_STALE_AFTER_MS,
      },
      {
        onConnected: (session) => {
          this.#feed = session.feed;
          this.#streams.onConnected(session);
        },
        onMessage: (message) => this.#onMessage(message),
        onLost: (closeCode) => {
          this.#feed = undefined;
          this.#streams.onLost(closeCode);
        },
        onState: (state) => this.#onState(state),
        onError: (error) => this.#listeners.emit('error', error),
      },
    );
    this.#subscriptionHost = {
      update: (holder, changed) => this.#streams.update(holder, parseOptions(changed)),
      unsubscribe: (holder, instruments = this.#streams.desired.instrumentsHeldBy(holder)) =>
        this.#unsubscribe(instruments, holder),
      instrumentsHeldBy: (holder) => this.#streams.desired.instrumentsHeldBy(holder),
      ticksOf: (holder) => this.#openQueue(holder),
    };
  }

  get state(): ClientState {
    return this.#connection.state;
  }

  /** The feed's state as last told on this connection; undefined without one, or from a server that does not tell. */
  get feed(): FeedMessage | undefined {
    return this.#feed;
  }

  /** Ticks that came behind a newer one of their instrument and were left out. */
  get droppedTicksCount(): number {
    return this.#streams.droppedCount;
  }

  /** Connects and stays connected until `close`. Ends a wait; starts anew after `unauthorized` and `stopped`. */
  connect(): void {
    this.#connection.connect();
  }

  /** Resolves when there is a session; rejects with ClientEndedError when there will be none by itself. */
  ready(): Promise<void> {
    const { state } = this;
    if (state.kind === 'connected' || state.kind === 'silent') return Promise.resolve();
    if (isFinal(state)) return Promise.reject(new ClientEndedError(state));
    this.#ready ??= deferred();
    return this.#ready.promise;
  }

  /** Ends everything: the socket, the timers, the loops over ticks. Values stay readable, as stale. */
  close(): void {
    this.#connection.close();
  }

  /**
   * Wants the instruments, now and after every reconnect. Several subscriptions may name the same one: the server is
   * asked for the highest mode, the fastest speed and the weakest filter among them.
   * Throws AppError `invalid_parameter` naming what is wrong, or `subscription_limit`; then nothing has changed.
   */
  subscribe(instruments: readonly Instrument[], options: SubscriptionOptions = {}): Subscription {
    const { state } = this;
    if (state.kind === 'closed') throw new ClientEndedError(state);
    const holder = ++this.#lastHolder;
    const accepted = this.#streams.subscribe(holder, instruments, parseOptions(options));
    return new Subscription(this.#subscriptionHost, holder, accepted);
  }

  /** Takes the instruments from every subscription. What nobody has subscribed to is passed over. */
  unsubscribe(instruments: readonly Instrument[]): void {
    this.#unsubscribe(instruments);
  }

  /** Changes the mode in every subscription of the instrument. Throws AppError when there is none. */
  setMode(instrument: Instrument, mode: TickMode): void {
    parseOptions({ mode });
    if (!this.#streams.setMode(instrument, mode)) {
      throw new AppError('invalid_parameter', `nobody has subscribed to ${instrument}`);
    }
  }

  /** Calls `listener` at each event until the returned function is called. What it throws becomes an `error` event. */
  on<Name extends keyof ClientEvents>(name: Name, listener: (event: ClientEvents[Name]) => void): () => void {
    return this.#listeners.on(name, listener);
  }

  /** The newest tick that has come of a subscribed instrument; `freshness` says whether it still holds. */
  last(instrument: Instrument): Tick | undefined {
    return this.#streams.last(instrument);
  }

  freshness(instrument: Instrument): Freshness {
    const tick = this.#streams.last(instrument);
    if (!tick) return 'unknown';
    const isFeedWell = this.#feed?.state !== 'stale' && this.#feed?.state !== 'down';
    const isCurrent = this.#streams.isCurrent(tick.instrument_token);
    return this.#connection.isHearing && isFeedWell && isCurrent ? 'live' : 'stale';
  }

  /** Ticks of all subscriptions, from the last live values on; see TickIterator. Ends when the client closes. */
  ticks(): TickIterator {
    return this.#openQueue(undefined);
  }

  #unsubscribe(instruments: readonly Instrument[], of?: number): void {
    const { desired } = this.#streams;
    this.#streams.unsubscribe(instruments, of);
    for (const { queue, holder } of this.#queues) {
      if (holder !== undefined && desired.instrumentsHeldBy(holder).length === 0) queue.end();
    }
  }

  #openQueue(holder: number | undefined): TickIterator {
    if (this.#queues.size >= CLIENT_SDK_ITERATORS_MAX) {
      const text = `at most ${CLIENT_SDK_ITERATORS_MAX} loops over ticks at once`;
      throw new AppError('subscription_limit', text);
    }
    const { desired } = this.#streams;
    const accepts = (token: number) =>
      holder === undefined ? desired.isWanted(token) : desired.holds(holder, token);
    const open: OpenQueue = { queue: new TickQueue(accepts, () => this.#queues.delete(open)), holder };
    this.#queues.add(open);
    for (const tick of this.#streams.ticks()) {
      if (this.freshness(tick.instrument_token) === 'live') open.queue.push(tick);
    }
    const isOver = holder !== undefined && desired.instrumentsHeldBy(holder).length === 0;
    if (isOver || this.state.kind === 'closed') open.queue.end();
    return open.queue;
  }

  #onTick(tick: Tick): void {
    if (!this.#streams.onTick(tick)) return;
    this.#listeners.emit('tick', tick);
    for (const { queue } of this.#queues) queue.push(tick);
  }

  #onMessage(message: SessionMessage): void {
    switch (message.type) {
      case 'tick':
        this.#onTick(message.data);
        break;
      case 'subscribed':
        this.#streams.onSubscribed(message);
        break;
      case 'pong':
        this.#onPong(message.id);
        break;
      case 'feed':
        this.#feed = message;
        this.#listeners.emit('feed', message);
        break;
      case 'lag':
        this.#listeners.emit('lag', message);
        break;
      case 'goaway':
        this.#listeners.emit('goaway', message);
        break;
      case 'token_expiring':
        this.#onExpiring(message);
        break;
      case 'error':
        this.#onRefusal(message);
        break;
      case 'authenticated':
        this.#listeners.emit('renewed', message);
        break;
      // One says what is known, the other is of a newer server.
      case 'unsubscribed':
      case 'unknown':
        break;
      default:
        assertNever(message);
    }
  }

  #onPong(id: number | undefined): void {
    const tokens = this.#streams.onPong(id);
    if (tokens.length > 0) this.#listeners.emit('recovered', { tokens });
  }

  #onRefusal(error: ErrorMessage): void {
    if (this.#streams.onError(error)) return;
    const { code = 'unnamed', message, retry_after_ms: retryAfterMs } = error;
    const pause = retryAfterMs === undefined ? {} : { retryAfterMs };
    this.#listeners.emit('error', { kind: 'server', code, message, ...pause });
  }

  /** Renews on the open socket. A renewal that fails is not repeated: the server closes, and the reconnect asks again. */
  #onExpiring(message: ExpiringMessage): void {
    this.#listeners.emit('expiring', message);
    if (!this.#tokens.canRenew || this.state.kind === 'closed') return;
    const before = this.state;
    const session = 'session' in before ? before.session : undefined;
    this.#tokens.fetch().then(
      (token) => {
        const now = this.state;
        const isSameSession = 'session' in now && now.session === session;
        if (isSameSession) {
          this.#connection.send({ action: 'authenticate', token, id: this.#streams.nextId() });
        }
      },
      (cause: unknown) =>
        this.#listeners.emit('error', { kind: 'token', message: 'the token callback failed', cause }),
    );
  }

  #onState(state: ClientState): void {
    if (state.kind === 'connected') {
      this.#ready?.resolve();
      this.#ready = undefined;
    }
    if (isFinal(state)) {
      this.#ready?.reject(new ClientEndedError(state));
      this.#ready = undefined;
      this.#streams.end(state);
    }
    this.#listeners.emit('state', state);
    if (state.kind !== 'closed') return;
    for (const { queue } of this.#queues) queue.end();
    this.#listeners.clear();
  }
}

function deferred(): { promise: Promise<void>; resolve(): void; reject(error: Error): void } {
  let resolve: () => void = () => undefined;
  let reject: (error: Error) => void = () => undefined;
  const promise = new Promise<void>((settle, fail) => {
    resolve = settle;
    reject = fail;
  });
  // Whoever waits is told; one that looks later must not end a Node process meanwhile.
  promise.catch(() => undefined);
  return { promise, resolve, reject };
}
