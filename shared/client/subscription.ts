// What `subscribe` gives back: one caller's instruments, their acknowledgement, and what comes of them.
import type { TickMode } from '../tick.ts';
import type { Bar, BarInterval } from './bar.ts';
import type { RejectedItem } from './message.ts';
import type { Instrument, Speed, SubscriptionOptions } from './subscription-options.ts';
import type { Tick } from './tick.ts';

export interface AcceptedItem {
  readonly instrument: Instrument;
  /** Absent when the instrument was asked for by symbol and the server did not say. */
  readonly token?: number;
  readonly mode: TickMode;
  readonly speed: Speed;
  /** `pending`: accepted, and no value has come from the exchange so far. */
  readonly state: 'live' | 'pending';
}

export interface AcceptedBars {
  readonly instrument: Instrument;
  /** Absent when the instrument was asked for by symbol and the server did not say. */
  readonly token?: number;
  readonly interval: BarInterval;
}

/** The server's first answer for every instrument of a subscription. */
export interface Acknowledgement<Accepted = AcceptedItem> {
  readonly accepted: readonly Accepted[];
  readonly rejected: readonly RejectedItem[];
}

/** What came while the loop was busy. End it with `break` or `return()`. */
interface ItemIterator<Item> extends AsyncIterableIterator<Item, undefined> {
  /** What a newer one has replaced, or was given up, before it was read. */
  readonly skippedCount: number;
}

/** Ticks in the order they come; a slow reader gets the newest of each instrument. */
export type TickIterator = ItemIterator<Tick>;

/** Every closed bar, up to a bound, and of open ones the newest of each instrument and interval. */
export type BarIterator = ItemIterator<Bar>;

/** The client's side of a subscription. */
export interface SubscriptionHost<Item> {
  unsubscribe(holder: number, instruments: readonly Instrument[] | undefined): void;
  instrumentsHeldBy(holder: number): readonly Instrument[];
  itemsOf(holder: number): ItemIterator<Item>;
}

class InstrumentSubscription<Item, Accepted> implements AsyncIterable<Item, undefined> {
  /**
   * Settles once each instrument has been accepted or rejected, however many reconnects that takes; never rejects for
   * an instrument. Rejects with ClientEndedError when the client ends first.
   */
  readonly accepted: Promise<Acknowledgement<Accepted>>;
  readonly #host: SubscriptionHost<Item>;
  readonly #holder: number;

  constructor(host: SubscriptionHost<Item>, holder: number, accepted: Promise<Acknowledgement<Accepted>>) {
    this.#host = host;
    this.#holder = holder;
    this.accepted = accepted;
  }

  /** What is still subscribed, as keys: tokens, and symbols in upper case. */
  get instruments(): readonly Instrument[] {
    return this.#host.instrumentsHeldBy(this.#holder);
  }

  /** Gives up the instruments, all of them when none is named. Other subscriptions to the same ones go on. */
  unsubscribe(instruments?: readonly Instrument[]): void {
    this.#host.unsubscribe(this.#holder, instruments);
  }

  /** Starts with the last values that are live; ends when the subscription has been given up or the client closes. */
  [Symbol.asyncIterator](): ItemIterator<Item> {
    return this.#host.itemsOf(this.#holder);
  }
}

export class Subscription extends InstrumentSubscription<Tick, AcceptedItem> {
  readonly #update: (options: SubscriptionOptions) => void;

  constructor(
    host: SubscriptionHost<Tick>,
    holder: number,
    accepted: Promise<Acknowledgement>,
    update: (options: SubscriptionOptions) => void,
  ) {
    super(host, holder, accepted);
    this.#update = update;
  }

  /** Replaces mode, speed and filter of this subscription, live; those of others on the same instruments stay. */
  update(options: SubscriptionOptions): void {
    this.#update(options);
  }
}

export class BarSubscription extends InstrumentSubscription<Bar, AcceptedBars> {
  readonly interval: BarInterval;

  constructor(
    host: SubscriptionHost<Bar>,
    holder: number,
    accepted: Promise<Acknowledgement<AcceptedBars>>,
    interval: BarInterval,
  ) {
    super(host, holder, accepted);
    this.interval = interval;
  }
}
