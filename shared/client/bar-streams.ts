// Streams of bars of one interval: the newest of each instrument, and what is missing between them.
import type { Bar, BarGap, BarInterval } from './bar.ts';
import { BarBook } from './bar-book.ts';
import { Channel } from './channel.ts';
import type { RejectedItem, ServerLimits, SubscribedMessage } from './message.ts';
import { BarKind, type CommandFields } from './stream-kind.ts';
import type { AcceptedBars } from './subscription.ts';
import type { Instrument } from './subscription-options.ts';
import type { Synced } from './sync-loop.ts';

export interface BarStreamsOptions {
  /** Counts the commands of the client, whatever they are about. */
  readonly nextId: () => number;
  readonly onChanged: () => void;
  readonly onRejected: (item: RejectedItem) => void;
  /** Comes before the bar that shows it. */
  readonly onGap: (gap: BarGap) => void;
  /** Some instruments are not wanted any more. */
  readonly onForgotten: () => void;
}

export class BarStreams implements Synced {
  readonly interval: BarInterval;
  readonly channel: Channel<BarInterval, AcceptedBars>;
  readonly #options: BarStreamsOptions;
  readonly #book: BarBook;

  constructor(interval: BarInterval, options: BarStreamsOptions) {
    const { nextId, onChanged, onRejected } = options;
    this.interval = interval;
    this.#options = options;
    this.#book = new BarBook(interval);
    this.channel = new Channel({
      kind: new BarKind(interval, (key) =>
        typeof key === 'number' ? this.#book.positionOf(key) : undefined,
      ),
      nextId,
      acceptedOf: ({ wire }, token) => ({ instrument: wire, ...token, interval }),
      onChanged,
      onRejected: (item, token) => {
        if (token !== undefined) this.#book.doubt(token);
        onRejected({ ...item, interval });
      },
    });
  }

  get openRequestsCount(): number {
    return this.channel.openRequestsCount;
  }

  last(instrument: Instrument): Bar | undefined {
    const { desired } = this.channel;
    const token = desired.tokenOf(instrument);
    return token !== undefined && desired.isWanted(token) ? this.#book.last(token) : undefined;
  }

  hasLast(token: number): boolean {
    return this.channel.desired.isWanted(token) && this.#book.last(token) !== undefined;
  }

  /** Newest bars of what is wanted. */
  *bars(): Iterable<Bar> {
    const { desired } = this.channel;
    for (const bar of this.#book.bars()) if (desired.isWanted(bar.instrument_token)) yield bar;
  }

  isCurrent(token: number): boolean {
    return this.#book.isCurrent(token);
  }

  onConnected(limits: ServerLimits): void {
    this.channel.begin(limits);
    this.#book.beginConnection();
  }

  onLost(): void {
    this.channel.lose();
    this.#book.beginConnection();
  }

  /** True when the bar is wanted and has not come before. */
  onBar(bar: Bar): boolean {
    const { channel } = this;
    const token = bar.instrument_token;
    if (!channel.isStreaming(token)) channel.learn(`${bar.exchange}:${bar.tradingsymbol}`, token);
    // A bar before the acknowledgement is the last of a stream that was given up.
    if (!channel.isStreaming(token)) return false;
    const { isNews, gap } = this.#book.take(bar);
    if (!isNews || !channel.desired.isWanted(token)) return false;
    if (gap) this.#options.onGap(gap);
    return true;
  }

  onSubscribed(message: SubscribedMessage, nowMs: number): void {
    this.channel.onSubscribed(message, nowMs);
  }

  expire(nowMs: number): number {
    return this.channel.expire(nowMs).askedCount;
  }

  plan(nowMs: number, requestsMax: number): readonly CommandFields[] {
    const commands = this.channel.plan(nowMs, requestsMax);
    this.#forgetUnwanted();
    return commands;
  }

  nextDueMs(): number | undefined {
    return this.channel.nextDueMs();
  }

  #forgetUnwanted(): void {
    const { channel } = this;
    let isForgotten = false;
    for (const { instrument_token: token } of this.#book.bars()) {
      if (channel.desired.isWanted(token) || channel.isStreaming(token)) continue;
      this.#book.forget(token);
      isForgotten = true;
    }
    if (isForgotten) this.#options.onForgotten();
  }
}
