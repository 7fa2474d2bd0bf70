// Keeps the server's set of streams equal to the wanted one, at a pace that the server takes, and their values in order.
import { ERRORS } from '../errors.ts';
import {
  CLIENT_SDK_MESSAGES_PER_S,
  CLIENT_SDK_REFUSED_RETRY_MS,
  CLIENT_SDK_RETRY_AFTER_MS_MAX,
} from '../limits.ts';
import type { TickMode } from '../tick.ts';
import { AcknowledgementBook, type ItemOutcome } from './acknowledgement-book.ts';
import type { Clock, Timer } from './clock.ts';
import { DesiredState } from './desired-state.ts';
import type { FinalState } from './events.ts';
import type { ConnectedMessage, ErrorMessage, RejectedItem, SubscribedMessage } from './message.ts';
import { reactionTo } from './reconnect-policy.ts';
import { type ResumePoint, SessionSync, type StreamStatus } from './session-sync.ts';
import type { Acknowledgement } from './subscription.ts';
import { type Instrument, optionsKey, type StreamOptions } from './subscription-options.ts';
import type { Tick } from './tick.ts';
import { ValueBook } from './value-book.ts';

/** Shortest pause before something is tried again that nothing has changed about. */
const RECHECK_MS_MIN = 1_000;

export interface StreamsOptions {
  readonly clock: Clock;
  /** In [0, 1). */
  readonly random: () => number;
  /** False when there is no session; the next one starts from the wanted state. */
  readonly send: (fields: object) => boolean;
  readonly onRejected: (item: RejectedItem) => void;
  /** Nobody wants the instrument of that token any more. */
  readonly onForgotten: (token: number) => void;
  /** Requests about so many instruments were never answered; they are made again. */
  readonly onUnanswered: (count: number) => void;
}

export class Streams {
  readonly desired = new DesiredState();
  readonly #values = new ValueBook();
  readonly #options: StreamsOptions;
  readonly #session = new SessionSync();
  readonly #acknowledgements = new AcknowledgementBook();
  #connected: ConnectedMessage | undefined;
  #resume: readonly ResumePoint[] = [];
  #timer: Timer | undefined;
  #timerAtMs = Infinity;
  /** The server's rate of commands allows the next one then. */
  #sendAtMs = 0;

  constructor(options: StreamsOptions) {
    this.#options = options;
  }

  /** Throws AppError and changes nothing when an instrument or a bound is wrong. */
  subscribe(
    holder: number,
    instruments: readonly Instrument[],
    options: StreamOptions,
  ): Promise<Acknowledgement> {
    const keys = this.desired.add(holder, instruments, options);
    for (const key of keys) this.#session.forgetRefusal(this.desired.canonicalOf(key));
    const acknowledgement = this.#acknowledgements.open(holder, keys);
    this.#settle(holder);
    this.#syncSoon();
    return acknowledgement;
  }

  update(holder: number, options: StreamOptions): void {
    this.desired.add(holder, this.desired.instrumentsHeldBy(holder), options);
    this.#syncSoon();
  }

  unsubscribe(instruments: readonly Instrument[], holder?: number): void {
    this.desired.remove(instruments, holder);
    this.#settle(holder);
    this.#syncSoon();
  }

  /** False when nobody has subscribed to the instrument. */
  setMode(instrument: Instrument, mode: TickMode): boolean {
    const isHeld = this.desired.setMode(instrument, mode);
    this.#syncSoon();
    return isHeld;
  }

  get droppedCount(): number {
    return this.#values.droppedCount;
  }

  last(instrument: Instrument): Tick | undefined {
    const token = this.desired.tokenOf(instrument);
    return token !== undefined && this.desired.isWanted(token) ? this.#values.last(token) : undefined;
  }

  /** Last ticks of what is wanted. */
  *ticks(): Iterable<Tick> {
    for (const tick of this.#values.ticks()) if (this.desired.isWanted(tick.instrument_token)) yield tick;
  }

  isCurrent(token: number): boolean {
    return this.#values.isCurrent(token);
  }

  nextId(): number {
    return this.#session.nextId();
  }

  onConnected(session: ConnectedMessage): void {
    this.#connected = session;
    this.#session.begin(session.limits, this.#resume);
    this.#values.beginConnection();
    this.#sendAtMs = 0;
    this.#sync();
  }

  onLost(closeCode: number): void {
    this.#resume = this.#resumePoints(closeCode);
    this.#connected = undefined;
    this.#values.beginConnection();
    this.#cancelTimer();
  }

  /** True when the tick is wanted and not older than what is held. */
  onTick(tick: Tick): boolean {
    const token = tick.instrument_token;
    if (!this.#isStreaming(token)) this.#learn(`${tick.exchange}:${tick.tradingsymbol}`, token);
    // A tick before the acknowledgement is the last of a stream that was given up: newer ones may have been missed.
    if (!this.#isStreaming(token) || !this.#values.take(tick, this.#connected?.epoch)) return false;
    this.#session.onTick(token);
    return this.desired.isWanted(token);
  }

  onSubscribed(message: SubscribedMessage): void {
    for (const { symbol, token } of message.names) this.#learn(symbol, token);
    const nowMs = this.#options.clock.nowMs();
    const { recovering, rejected } = this.#session.onSubscribed(message, nowMs);
    if (recovering.length > 0) {
      this.#values.beginRecovery(tokensOf(recovering));
      this.#options.send(this.#session.markRecovery(recovering, nowMs));
    }
    this.#afterAnswer(rejected);
  }

  /** True when the error was about instruments, which have been told. */
  onError(error: ErrorMessage): boolean {
    const nowMs = this.#options.clock.nowMs();
    const rejected = this.#session.onError(error, nowMs);
    const pauseMs = Math.min(error.retry_after_ms ?? 0, CLIENT_SDK_RETRY_AFTER_MS_MAX);
    this.#sendAtMs = Math.max(this.#sendAtMs, nowMs + pauseMs);
    this.#afterAnswer(rejected);
    return rejected.length > 0;
  }

  /** The tokens whose missed ticks are all here, when the pong means that. */
  onPong(id: number | undefined): readonly number[] {
    const tokens = tokensOf(this.#session.onPong(id));
    this.#values.completeRecovery(tokens);
    return tokens;
  }

  end(state: FinalState): void {
    this.#cancelTimer();
    this.#acknowledgements.end(state);
  }

  #learn(symbol: string, token: number): void {
    const before = this.desired.learn(symbol, token);
    this.#session.rename(before ?? symbol.toUpperCase(), token);
  }

  #isStreaming(token: number): boolean {
    return this.#session.statusOf(token)?.isStreaming === true;
  }

  /** Not what still streams: it may be wanted again before the server is told, and then gets no snapshot. */
  #forgetUnwanted(): void {
    for (const { instrument_token: token } of this.#values.ticks()) {
      if (this.desired.isWanted(token) || this.#isStreaming(token)) continue;
      this.#values.forget(token);
      this.#session.forgetResume(token);
      this.#options.onForgotten(token);
    }
  }

  #afterAnswer(rejected: readonly RejectedItem[]): void {
    this.#settle();
    for (const item of rejected) {
      const token = this.desired.tokenOf(item.instrument);
      if (token !== undefined) this.#values.doubt(token);
      this.#options.onRejected(item);
    }
    this.#syncSoon();
  }

  #settle(only?: number): void {
    this.#acknowledgements.settle((holder, key) => this.#outcomeOf(holder, key), only);
  }

  #outcomeOf(holder: number, key: Instrument): ItemOutcome | undefined {
    if (!this.desired.isHeldBy(holder, key)) return { kind: 'withdrawn' };
    const canonical = this.desired.canonicalOf(key);
    const status = this.#connected && this.#session.statusOf(canonical);
    const stream = status && this.desired.streamOf(canonical);
    if (!stream || optionsKey(status.options) !== optionsKey(stream.options)) return undefined;
    return outcomeOf(status, canonical);
  }

  /** Calls of one turn of the event loop become one message per kind of options. */
  #syncSoon(): void {
    if (this.#connected) this.#wakeAt(this.#sendAtMs);
  }

  #wakeAt(atMs: number): void {
    if (this.#timer && this.#timerAtMs <= atMs) return;
    this.#cancelTimer();
    const { clock } = this.#options;
    this.#timerAtMs = atMs;
    this.#timer = clock.after(Math.max(0, atMs - clock.nowMs()), () => {
      this.#cancelTimer();
      this.#sync();
    });
  }

  #cancelTimer(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#timerAtMs = Infinity;
  }

  #sync(): void {
    if (!this.#connected) return;
    const { clock, random, send, onUnanswered } = this.#options;
    const nowMs = clock.nowMs();
    const { asked, recovering } = this.#session.expire(nowMs);
    this.#values.abandonRecovery(tokensOf(recovering));
    const commands = this.#session.plan(this.desired.wanted(), nowMs);
    for (const command of commands) send(command);
    this.#forgetUnwanted();
    const perSecond = this.#connected.limits.messages_per_second ?? CLIENT_SDK_MESSAGES_PER_S;
    this.#sendAtMs = Math.max(this.#sendAtMs, nowMs + (commands.length * 1_000) / perSecond);
    const dueMs = this.#session.nextDueMs();
    if (dueMs !== undefined) {
      const jitterMs = Math.floor(random() * CLIENT_SDK_REFUSED_RETRY_MS);
      this.#wakeAt(Math.max(dueMs, nowMs + RECHECK_MS_MIN) + jitterMs);
    }
    if (asked.length > 0) onUnanswered(asked.length);
  }

  /** Where to resume: by options, the newest position among instruments that had missed nothing. */
  #resumePoints(closeCode: number): ResumePoint[] {
    const epoch = this.#connected?.epoch;
    // Ticks of a slow client waited by instrument, not by seq: its newest position says nothing of the others.
    if (epoch === undefined || closeCode === ERRORS.slow_client.closeCode || reactionTo(closeCode) === 'stop')
      return [];
    const points = new Map<string, ResumePoint>();
    for (const [key, { options }] of this.#session.accepted()) {
      const position = typeof key === 'number' ? this.#values.positionOf(key) : undefined;
      if (position?.epoch !== epoch) continue;
      const kind = optionsKey(options);
      const point = points.get(kind) ?? { kind, epoch, seq: 0, keys: new Set() };
      // Ticks of one flush may share their seq, and the connection may have ended between two of them.
      point.seq = Math.max(point.seq, position.seq - 1);
      point.keys.add(key);
      points.set(kind, point);
    }
    return [...points.values()];
  }
}

function tokensOf(keys: readonly Instrument[]): number[] {
  return keys.filter((key) => typeof key === 'number');
}

function outcomeOf(
  { state, wire, options, refusal }: StreamStatus,
  canonical: Instrument,
): ItemOutcome | undefined {
  if (state === 'asked') return undefined;
  if (state === 'rejected') {
    return { kind: 'rejected', item: { instrument: wire, code: 'rejected', message: '', ...refusal } };
  }
  const { mode, speed } = options;
  const token = typeof canonical === 'number' ? { token: canonical } : {};
  return { kind: 'accepted', item: { instrument: wire, ...token, mode, speed, state } };
}
