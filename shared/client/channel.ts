// The streams of one kind: who wants which, what the server was asked and has answered, and the promises about that.
import { AcknowledgementBook, type ItemOutcome } from './acknowledgement-book.ts';
import { DesiredState } from './desired-state.ts';
import type { FinalState } from './events.ts';
import type { ErrorMessage, RejectedItem, ServerLimits, SubscribedMessage } from './message.ts';
import { SessionSync, type StreamStatus } from './session-sync.ts';
import type { CommandFields, StreamKind } from './stream-kind.ts';
import type { Acknowledgement } from './subscription.ts';
import type { Instrument } from './subscription-options.ts';

export interface ChannelOptions<Options, Accepted> {
  readonly kind: StreamKind<Options>;
  /** Counts the commands of the client, whatever they are about. */
  readonly nextId: () => number;
  /** How the application is told of an accepted stream; `token` is absent while it is not known. */
  readonly acceptedOf: (status: StreamStatus<Options>, token: { readonly token?: number }) => Accepted;
  /** Something else is wanted, or the server has answered. */
  readonly onChanged: () => void;
  /** `token` is undefined while it is not known. */
  readonly onRejected: (item: RejectedItem, token: number | undefined) => void;
}

export class Channel<Options, Accepted> {
  readonly desired: DesiredState<Options>;
  readonly #options: ChannelOptions<Options, Accepted>;
  readonly #session: SessionSync<Options>;
  readonly #acknowledgements = new AcknowledgementBook<Accepted>();

  constructor(options: ChannelOptions<Options, Accepted>) {
    const { kind, nextId } = options;
    this.#options = options;
    this.desired = new DesiredState((a, b) => kind.merge(a, b));
    this.#session = new SessionSync(kind, nextId);
  }

  get openRequestsCount(): number {
    return this.#session.openRequestsCount;
  }

  /** Throws AppError and changes nothing when an instrument or a bound is wrong. */
  subscribe(
    holder: number,
    instruments: readonly Instrument[],
    options: Options,
  ): Promise<Acknowledgement<Accepted>> {
    const keys = this.desired.add(holder, instruments, options);
    for (const key of keys) this.#session.forgetRefusal(this.desired.canonicalOf(key));
    const acknowledgement = this.#acknowledgements.open(holder, keys);
    this.#settle(this.desired.holdersOf(keys));
    this.#options.onChanged();
    return acknowledgement;
  }

  update(holder: number, options: Options): void {
    const keys = this.desired.add(holder, this.desired.instrumentsHeldBy(holder), options);
    this.#settle(this.desired.holdersOf(keys));
    this.#options.onChanged();
  }

  unsubscribe(instruments: readonly Instrument[], holder?: number): void {
    const concerned = this.desired.holdersOf(instruments);
    this.desired.remove(instruments, holder);
    this.#settle(concerned);
    this.#options.onChanged();
  }

  /** Changes the options of every subscription of the instrument; false when there is none. */
  change(instrument: Instrument, change: (options: Options) => Options): boolean {
    const isHeld = this.desired.change(instrument, change);
    this.#settle(this.desired.holdersOf([instrument]));
    this.#options.onChanged();
    return isHeld;
  }

  begin(limits: ServerLimits): void {
    this.#session.begin(limits);
  }

  lose(): void {
    this.#session.end();
  }

  end(state: FinalState): void {
    this.#acknowledgements.end(state);
  }

  /** Streams that the server has taken, by canonical key. */
  accepted(): Iterable<[Instrument, StreamStatus<Options>]> {
    return this.#session.accepted();
  }

  hasAsked(id: number | undefined): boolean {
    return this.#session.hasAsked(id);
  }

  /** What comes of the token is of a stream that the server has taken, and not of one that was given up before. */
  isStreaming(token: number): boolean {
    return this.#session.statusOf(token)?.isStreaming === true;
  }

  learn(symbol: string, token: number): void {
    const before = this.desired.learn(symbol, token);
    this.#session.rename(before ?? symbol.toUpperCase(), token);
  }

  /** A value has come of the token. */
  onValue(token: number): void {
    this.#session.onTick(token);
  }

  /** Returns the tokens whose missed ticks follow. */
  onSubscribed(message: SubscribedMessage, nowMs: number): number[] {
    for (const { symbol, token } of message.names) this.learn(symbol, token);
    const { recovering, rejected } = this.#session.onSubscribed(message, nowMs);
    this.#tell(rejected);
    return tokensOf(recovering);
  }

  /** True when the error was about instruments, which have been told. */
  onError(error: ErrorMessage, nowMs: number): boolean {
    const rejected = this.#session.onError(error, nowMs);
    this.#tell(rejected);
    return rejected.length > 0;
  }

  /** The server has answered: settles what waits for that, and says what it has refused. */
  #tell(rejected: readonly RejectedItem[]): void {
    this.#settle();
    for (const item of rejected) this.#options.onRejected(item, this.desired.tokenOf(item.instrument));
    this.#options.onChanged();
  }

  markRecovery(tokens: readonly number[], nowMs: number): CommandFields {
    return this.#session.markRecovery(tokens, nowMs);
  }

  onPong(id: number | undefined): number[] {
    return tokensOf(this.#session.onPong(id));
  }

  expire(nowMs: number): { readonly askedCount: number; readonly recovering: readonly number[] } {
    const { asked, recovering } = this.#session.expire(nowMs);
    return { askedCount: asked.length, recovering: tokensOf(recovering) };
  }

  plan(nowMs: number, requestsMax: number): CommandFields[] {
    return this.#session.plan(this.desired.wanted(), nowMs, requestsMax);
  }

  nextDueMs(): number | undefined {
    return this.#session.nextDueMs();
  }

  /**
   * A wish that changes a stream may be the answer for others who have it: the stream may be again what the server
   * streams already, and then no answer of the server follows.
   */
  #settle(holders?: Iterable<number>): void {
    this.#acknowledgements.settle((holder, key) => this.#outcomeOf(holder, key), holders);
  }

  #outcomeOf(holder: number, key: Instrument): ItemOutcome<Accepted> | undefined {
    if (!this.desired.isHeldBy(holder, key)) return { kind: 'withdrawn' };
    const canonical = this.desired.canonicalOf(key);
    const status = this.#session.statusOf(canonical);
    const stream = status && this.desired.streamOf(canonical);
    const { kind, acceptedOf } = this.#options;
    if (!stream || kind.optionsKey(status.options) !== kind.optionsKey(stream.options)) return undefined;
    if (status.state === 'asked') return undefined;
    if (status.state === 'rejected') {
      const refusal = { code: 'rejected', message: '', ...status.refusal };
      return { kind: 'rejected', item: { instrument: status.wire, ...refusal } };
    }
    const token = typeof canonical === 'number' ? { token: canonical } : {};
    return { kind: 'accepted', item: acceptedOf(status, token) };
  }
}

function tokensOf(keys: readonly Instrument[]): number[] {
  return keys.filter((key) => typeof key === 'number');
}
