// What `subscribe` gives back: one caller's instruments, their acknowledgement, and their ticks.

import type { TickMode } from '../tick.ts';
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

/** The server's first answer for every instrument of a subscription. */
export interface Acknowledgement {
  readonly accepted: readonly AcceptedItem[];
  readonly rejected: readonly RejectedItem[];
}

/** Ticks in the order they come; a slow reader gets the newest of each instrument. End it with `break` or `return()`. */
export interface TickIterator extends AsyncIterableIterator<Tick, undefined> {
  /** Ticks that a newer one of their instrument replaced before they were read. */
  readonly skippedCount: number;
}

/** The client's side of a subscription. */
export interface SubscriptionHost {
  update(holder: number, options: SubscriptionOptions): void;
  unsubscribe(holder: number, instruments: readonly Instrument[] | undefined): void;
  instrumentsHeldBy(holder: number): readonly Instrument[];
  ticksOf(holder: number): TickIterator;
}

export class Subscription implements AsyncIterable<Tick, undefined> {
  /**
   * Settles once each instrument has been accepted or rejected, however many reconnects that takes; never rejects for
   * an instrument. Rejects with ClientEndedError when the client ends first.
   */
  readonly accepted: Promise<Acknowledgement>;
  readonly #host: SubscriptionHost;
  readonly #holder: number;

  constructor(host: SubscriptionHost, holder: number, accepted: Promise<Acknowledgement>) {
    this.#host = host;
    this.#holder = holder;
    this.accepted = accepted;
  }

  /** What is still subscribed, as keys: tokens, and symbols in upper case. */
  get instruments(): readonly Instrument[] {
    return this.#host.instrumentsHeldBy(this.#holder);
  }

  /** Replaces mode, speed and filter of this subscription, live; those of others on the same instruments stay. */
  update(options: SubscriptionOptions): void {
    this.#host.update(this.#holder, options);
  }

  /** Gives up the instruments, all of them when none is named. Other subscriptions to the same ones go on. */
  unsubscribe(instruments?: readonly Instrument[]): void {
    this.#host.unsubscribe(this.#holder, instruments);
  }

  /** Starts with the last values that are live; ends when the client closes. */
  [Symbol.asyncIterator](): TickIterator {
    return this.#host.ticksOf(this.#holder);
  }
}
