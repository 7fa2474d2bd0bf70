// All streams of a client, of ticks and of bars: what the server says goes to those it is about, and they are kept in step.
import { BAR_INTERVALS, type BarInterval } from '../bar-interval.ts';
import type { BarGap } from './bar.ts';
import { BarStreams } from './bar-streams.ts';
import type { ChainFiguresEvent, ChainMembersEvent } from './chain.ts';
import { ChainStreams } from './chain-streams.ts';
import type { Clock } from './clock.ts';
import type { FinalState } from './events.ts';
import { ListRequests } from './list-requests.ts';
import type { ConnectedMessage, ErrorMessage, RejectedItem, SubscribedMessage } from './message.ts';
import { OrderStream, type OrderStreamOptions } from './order-stream.ts';
import { SyncLoop } from './sync-loop.ts';
import { TickStreams } from './tick-streams.ts';

export interface StreamsOptions extends Pick<OrderStreamOptions, 'onOrder' | 'onOrdersMissed'> {
  readonly clock: Clock;
  /** In [0, 1). */
  readonly random: () => number;
  /** Does nothing when there is no session: the next one starts from the wanted state. */
  readonly send: (fields: object) => void;
  readonly onRejected: (item: RejectedItem) => void;
  readonly onGap: (gap: BarGap) => void;
  readonly onChainMembers: (event: ChainMembersEvent) => void;
  readonly onChainFigures: (event: ChainFiguresEvent) => void;
  readonly onChainRefused: (refusal: { readonly code: string; readonly message: string }) => void;
  /** Some instruments are not wanted any more. */
  readonly onForgotten: () => void;
  /** A row has brought another value of a wanted instrument: `ticks.last` has it. */
  readonly onValue: (token: number) => void;
  /** A frame could not be read, and none will be until the server has started its rows anew. */
  readonly onUnread: (reason: string) => void;
  /** Requests about so many instruments were never answered; they are made again. */
  readonly onUnanswered: (count: number) => void;
}

export class Streams {
  readonly ticks: TickStreams;
  readonly chains: ChainStreams;
  readonly lists: ListRequests;
  readonly orders: OrderStream;
  readonly #bars: ReadonlyMap<BarInterval, BarStreams>;
  readonly #loop: SyncLoop;
  readonly #clock: Clock;
  #lastId = 0;

  constructor(options: StreamsOptions) {
    this.#clock = options.clock;
    const own = { ...options, nextId: () => this.nextId(), onChanged: () => this.#loop.soon() };
    this.chains = new ChainStreams(own);
    this.ticks = new TickStreams({ ...own, members: this.chains });
    this.#bars = new Map(BAR_INTERVALS.map((interval) => [interval, new BarStreams(interval, own)]));
    this.lists = new ListRequests(own);
    this.orders = new OrderStream(own);
    const { ticks, orders, chains, lists } = this;
    const all = [ticks.restart, orders, ticks, ...this.#bars.values(), chains, lists];
    this.#loop = new SyncLoop(options, all);
  }

  /** Counts the commands of the client, whatever they are about. */
  nextId(): number {
    return ++this.#lastId;
  }

  bars(interval: BarInterval): BarStreams {
    return this.#bars.get(interval) as BarStreams;
  }

  allBars(): Iterable<BarStreams> {
    return this.#bars.values();
  }

  onConnected(session: ConnectedMessage): void {
    this.ticks.onConnected(session);
    for (const bars of this.#bars.values()) bars.onConnected(session.limits);
    this.#loop.begin(session.limits);
  }

  onLost(closeCode: number): void {
    this.ticks.onLost(closeCode);
    for (const bars of this.#bars.values()) bars.onLost();
    this.chains.onLost();
    this.lists.lose();
    this.orders.lose();
    this.#loop.end();
  }

  onSubscribed(message: SubscribedMessage): void {
    const { interval } = message;
    const streams = interval === undefined ? this.ticks : this.bars(interval);
    streams.onSubscribed(message, this.#clock.nowMs());
  }

  /** True when the error was about instruments, which have been told; what is refused of orders is the application's to hear. */
  onError(error: ErrorMessage): boolean {
    this.#loop.pause(error.retry_after_ms ?? 0);
    if (this.chains.hasAsked(error.id)) {
      this.chains.onError(error, this.#clock.nowMs());
      return true;
    }
    if (this.orders.onError(error, this.#clock.nowMs())) {
      this.#loop.soon();
      return false;
    }
    if (error.id === undefined) this.chains.onStruck(error.tokens ?? []);
    const channels = [this.ticks.channel, ...[...this.#bars.values()].map(({ channel }) => channel)];
    const asked = channels.filter((channel) => channel.hasAsked(error.id));
    let isAboutInstruments = false;
    // One that answers no request is about the instruments that it names, whatever is streamed of them.
    for (const channel of asked.length > 0 ? asked : channels) {
      if (channel.onError(error, this.#clock.nowMs())) isAboutInstruments = true;
    }
    return isAboutInstruments;
  }

  /** Nothing more is expected of any server. */
  end(state: FinalState): void {
    this.#loop.end();
    this.ticks.channel.end(state);
    for (const { channel } of this.#bars.values()) channel.end(state);
    this.chains.end(state);
    this.lists.end(state);
  }
}
