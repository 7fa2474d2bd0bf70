// The SDK's client: one connection that comes back, the application's subscriptions on it, and how fresh each value is.
import { AppError, assertNever } from '../errors.ts';
import { CLIENT_SDK_STALE_AFTER_MS } from '../limits.ts';
import type { TickMode } from '../tick.ts';
import { type Bar, type BarInterval, parseInterval } from './bar.ts';
import { type ChainOptions, parseChainOptions } from './chain.ts';
import { ChainSubscription } from './chain-subscription.ts';
import { checkOptions, platformSocket, type TickerClientOptions } from './client-options.ts';
import { createClock } from './clock.ts';
import { Connection } from './connection.ts';
import { type Deferred, deferred } from './deferred.ts';
import { ClientEndedError, type ClientEvents, type ClientState, type FinalState } from './events.ts';
import { Listeners } from './listeners.ts';
import { barLoopsOf, hostOf, tickLoopsOf } from './loop-sources.ts';
import type {
  ErrorMessage,
  ExpiringMessage,
  FeedMessage,
  SessionMessage,
  SubscriptionsMessage,
} from './message.ts';
import type { OpenLoops } from './open-loops.ts';
import { Streams } from './streams.ts';
import { type BarIterator, BarSubscription, Subscription, type TickIterator } from './subscription.ts';
import { type Instrument, parseOptions, type SubscriptionOptions } from './subscription-options.ts';
import type { Tick } from './tick.ts';
import { TokenSource } from './token-source.ts';

/**
 * `live`: confirmed on this connection, which is heard of, from a feed that is well. `stale`: a value that may have
 * been overtaken. `unknown`: no value, or not subscribed.
 */
export type Freshness = 'live' | 'stale' | 'unknown';

function isFinal(state: ClientState): state is FinalState {
  return state.kind === 'unauthorized' || state.kind === 'stopped' || state.kind === 'closed';
}

export class TickerClient {
  readonly #listeners = new Listeners();
  readonly #tokens: TokenSource;
  readonly #connection: Connection;
  readonly #streams: Streams;
  readonly #tickLoops: OpenLoops<Tick>;
  readonly #barLoops: OpenLoops<Bar>;
  #ready: Deferred<void> | undefined;
  #feed: FeedMessage | undefined;
  #lastHolder = 0;

  /** Throws AppError `invalid_parameter` for options that cannot be. Connects when `connect` is called. */
  constructor(options: TickerClientOptions) {
    checkOptions(options);
    const { clock = createClock(), random = Math.random } = options;
    this.#tokens = new TokenSource(options.token, clock);
    this.#streams = new Streams({
      clock,
      random,
      send: (fields) => this.#connection.send(fields),
      onRejected: (item) => this.#listeners.emit('rejected', item),
      onGap: (gap) => this.#listeners.emit('gap', gap),
      onChainMembers: (event) => this.#listeners.emit('chainMembers', event),
      onChainFigures: (event) => this.#listeners.emit('chain', event),
      onChainRefused: (refusal) => this.#listeners.emit('error', { kind: 'server', ...refusal }),
      onOrder: (update) => this.#listeners.emit('order', update),
      onOrdersMissed: (missed) => this.#listeners.emit('ordersMissed', missed),
      onValue: (token) => this.#onValue(token),
      onUnread: (message) => this.#listeners.emit('error', { kind: 'protocol', message }),
      onForgotten: () => {
        this.#tickLoops.prune();
        this.#barLoops.prune();
      },
      onUnanswered: (count) =>
        this.#listeners.emit('error', {
          kind: 'protocol',
          message: `no answer about ${count} instruments: asked again`,
        }),
    });
    const { ticks, chains } = this.#streams;
    this.#tickLoops = tickLoopsOf(ticks, chains, (token) => this.freshness(token) === 'live');
    const isLiveBar = (token: number, interval: BarInterval) => this.freshness(token, interval) === 'live';
    this.#barLoops = barLoopsOf([...this.#streams.allBars()], isLiveBar);
    this.#connection = new Connection(
      {
        url: options.url,
        tokens: this.#tokens,
        tokenTransport: options.tokenTransport ?? 'subprotocol',
        format: options.format ?? 'binary',
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
        onFrame: (frame) => this.#streams.ticks.onFrame(frame),
        onLost: (closeCode) => {
          this.#feed = undefined;
          this.#streams.onLost(closeCode);
        },
        onState: (state) => this.#onState(state),
        onError: (error) => this.#listeners.emit('error', error),
      },
    );
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
    return this.#streams.ticks.droppedCount;
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

  /** Ends everything: the socket, the timers, the loops. Values stay readable, as stale. */
  close(): void {
    this.#connection.close();
  }

  /**
   * Wants the instruments' ticks, now and after every reconnect. Several subscriptions may name the same one: the server
   * is asked for the highest mode, the fastest speed and the weakest filter among them.
   * Throws AppError `invalid_parameter` naming what is wrong, or `subscription_limit`; then nothing has changed.
   */
  subscribe(instruments: readonly Instrument[], options: SubscriptionOptions = {}): Subscription {
    const { channel } = this.#streams.ticks;
    const holder = this.#newHolder();
    const accepted = channel.subscribe(holder, instruments, parseOptions(options));
    const host = hostOf(channel, this.#tickLoops);
    return new Subscription(host, holder, accepted, (changed) =>
      channel.update(holder, parseOptions(changed)),
    );
  }

  /** Takes the instruments' ticks from every subscription. What nobody has subscribed to is passed over. */
  unsubscribe(instruments: readonly Instrument[]): void {
    this.#streams.ticks.channel.unsubscribe(instruments);
    this.#tickLoops.endAbandoned();
  }

  /** Changes the mode in every subscription of the instrument. Throws AppError when there is none. */
  setMode(instrument: Instrument, mode: TickMode): void {
    parseOptions({ mode });
    if (!this.#streams.ticks.channel.change(instrument, (options) => ({ ...options, mode }))) {
      throw new AppError('invalid_parameter', `nobody has subscribed to ${instrument}`);
    }
  }

  /**
   * Wants the instruments' bars of this interval, now and after every reconnect: the closed ones of a break come again
   * as far as the server still has them, and what it has not is told as `gap`.
   * Throws AppError as `subscribe` does.
   */
  subscribeBars(instruments: readonly Instrument[], interval: BarInterval): BarSubscription {
    const { channel } = this.#streams.bars(parseInterval(interval));
    const holder = this.#newHolder();
    const accepted = channel.subscribe(holder, instruments, interval);
    return new BarSubscription(hostOf(channel, this.#barLoops), holder, accepted, interval);
  }

  /** Takes the instruments' bars of this interval from every subscription. */
  unsubscribeBars(instruments: readonly Instrument[], interval: BarInterval): void {
    this.#streams.bars(parseInterval(interval)).channel.unsubscribe(instruments);
    this.#barLoops.endAbandoned();
  }

  /**
   * Wants the options around the money of one underlying and expiry: a window that moves with the forward, and figures of
   * it. It is asked for anew after every reconnect; then the members' current values come. Throws as `subscribe` does.
   */
  subscribeChain(options: ChainOptions): ChainSubscription {
    const { chains } = this.#streams;
    const { name, terms } = parseChainOptions(options);
    const holder = this.#newHolder();
    const accepted = chains.subscribe(holder, name, terms);
    const ticksOf = () => this.#tickLoops.open(holder);
    return new ChainSubscription(chains, holder, name, accepted, ticksOf, () =>
      this.#tickLoops.endAbandoned(),
    );
  }

  /**
   * Wants to hear what becomes of orders, from now on and across reconnects: `order` events, and `ordersMissed` when some cannot
   * be had any more. Needs the permission `orders:read`; without it there is an `error`.
   */
  subscribeOrders(): void {
    this.#streams.orders.want();
  }

  /**
   * What the server streams to this connection, by its own account, after all calls up to now. Waits for a session, and
   * for the next one if that ends first. Rejects with ClientEndedError when there will be none by itself.
   */
  list(): Promise<SubscriptionsMessage> {
    const { state } = this;
    return isFinal(state) ? Promise.reject(new ClientEndedError(state)) : this.#streams.lists.ask();
  }

  /** Calls `listener` at each event until the returned function is called. What it throws becomes an `error` event. */
  on<Name extends keyof ClientEvents>(name: Name, listener: (event: ClientEvents[Name]) => void): () => void {
    return this.#listeners.on(name, listener);
  }

  /** The newest tick that has come of a subscribed instrument; `freshness` says whether it still holds. */
  last(instrument: Instrument): Tick | undefined {
    return this.#streams.ticks.last(instrument);
  }

  /** The newest bar that has come of a subscribed instrument, open or closed. */
  lastBar(instrument: Instrument, interval: BarInterval): Bar | undefined {
    return this.#streams.bars(parseInterval(interval)).last(instrument);
  }

  /** Of the last tick; of the last bar when an interval is given. */
  freshness(instrument: Instrument, interval?: BarInterval): Freshness {
    const streams =
      interval === undefined ? this.#streams.ticks : this.#streams.bars(parseInterval(interval));
    const token = streams.channel.desired.tokenOf(instrument);
    if (token === undefined || !streams.hasLast(token)) return 'unknown';
    const isFeedWell = this.#feed?.state !== 'stale' && this.#feed?.state !== 'down';
    const isCurrent = streams.isCurrent(token);
    return this.#connection.isHearing && isFeedWell && isCurrent ? 'live' : 'stale';
  }

  /** Ticks of all subscriptions, from the last live values on; see TickIterator. Ends when the client closes. */
  ticks(): TickIterator {
    return this.#tickLoops.open(undefined);
  }

  /** Bars of all subscriptions, from the newest live ones on; see BarIterator. Ends when the client closes. */
  bars(): BarIterator {
    return this.#barLoops.open(undefined);
  }

  #newHolder(): number {
    const { state } = this;
    if (state.kind === 'closed') throw new ClientEndedError(state);
    return ++this.#lastHolder;
  }

  #onTick(tick: Tick): void {
    if (this.#streams.ticks.onTick(tick)) this.#show(tick);
  }

  /** A tick object is made for those who look at it. */
  #onValue(token: number): void {
    if (!this.#listeners.has('tick') && this.#tickLoops.isEmpty) return;
    const tick = this.#streams.ticks.last(token);
    if (tick) this.#show(tick);
  }

  #show(tick: Tick): void {
    this.#listeners.emit('tick', tick);
    this.#tickLoops.push(tick);
  }

  #onBar(bar: Bar): void {
    if (!this.#streams.bars(bar.interval).onBar(bar)) return;
    this.#listeners.emit('bar', bar);
    this.#barLoops.push(bar);
  }

  #onMessage(message: SessionMessage): void {
    switch (message.type) {
      case 'tick':
        this.#onTick(message.data);
        break;
      case 'bar':
        this.#onBar(message.data);
        break;
      case 'subscribed':
        this.#streams.ticks.onRows(message.rows);
        this.#streams.onSubscribed(message);
        break;
      case 'order_update':
        this.#streams.orders.onUpdate(message);
        break;
      case 'subscribed_orders':
        this.#streams.orders.onAnswer(message);
        break;
      case 'rows':
        this.#streams.ticks.onRows(message.rows);
        break;
      case 'subscribed_chain':
        this.#streams.ticks.onRows(message.rows);
        this.#streams.chains.onSubscribed(message);
        break;
      case 'chain_members':
        this.#streams.ticks.onRows(message.rows);
        this.#streams.chains.onMembers(message);
        break;
      case 'chain':
        this.#streams.chains.onFigures(message);
        break;
      case 'subscriptions':
        this.#streams.lists.onAnswer(message);
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
    const tokens = this.#streams.ticks.onPong(id);
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
    this.#tickLoops.end();
    this.#barLoops.end();
    this.#listeners.clear();
  }
}
