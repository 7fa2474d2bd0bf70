// The order books of the simulator's users: who may write to them, what goes wrong with it, and who is told of it.
import { SIMULATOR_TAGS_COUNTED_MAX } from '../../shared/limits.ts';
import type { SimulatedAccount } from './account-sessions.ts';
import type { FaultBook } from './control/fault-book.ts';
import type { OrderChanges, OrderMarket, OrderRequest, OrderUpdate } from './core/orders/order.ts';
import { OrderBook, type OrderFate, type OrderOutcome } from './core/orders/order-book.ts';
import { ADDRESS_REFUSAL, type OrderRefusal } from './core/orders/order-refusal.ts';
import type { OrderTuning } from './core/orders/order-tuning.ts';
import { OrderWindow } from './core/orders/order-window.ts';
import { UpdateStream } from './core/orders/update-stream.ts';
import { hashText, mix } from './core/random.ts';
import { KiteError } from './kite-error.ts';

/** Rupees that every user begins with. */
const OPENING_CASH = { equity: 1_000_000, commodity: 0 };

export interface OrderDeskParts {
  readonly market: OrderMarket;
  readonly faults: FaultBook;
  readonly seed: number;
  readonly nowMs: () => number;
  readonly tuning: OrderTuning | undefined;
  /** Addresses that may write orders; all, if absent. */
  readonly addresses: readonly string[] | undefined;
  readonly tell: (userId: string, update: OrderUpdate) => void;
}

/** What tests ask for: requests that came in, and orders that exist. */
export interface OrderCounts {
  readonly user_id: string;
  /** POST requests by tag, whatever came of them. */
  readonly posts: Readonly<Record<string, number>>;
  /** Orders by tag, hidden ones too. */
  readonly orders: Readonly<Record<string, number>>;
  /** Most order requests of a second, a minute and a day that passed the gate. */
  readonly peaks: { readonly per_second: number; readonly per_minute: number; readonly per_day: number };
}

interface UserOrders {
  readonly book: OrderBook;
  readonly window: OrderWindow;
  readonly stream: UpdateStream;
  readonly posts: Map<string, number>;
}

export class OrderDesk {
  readonly #parts: OrderDeskParts;
  readonly #users = new Map<string, UserOrders>();

  constructor(parts: OrderDeskParts) {
    this.#parts = parts;
  }

  bookOf({ userId }: SimulatedAccount): OrderBook {
    return this.#userOf(userId).book;
  }

  get counts(): readonly OrderCounts[] {
    return [...this.#users].map(([userId, { book, window, posts }]) => ({
      user_id: userId,
      posts: Object.fromEntries(posts),
      orders: Object.fromEntries(book.countByTag()),
      peaks: {
        per_second: window.peaks.perSecond,
        per_minute: window.peaks.perMinute,
        per_day: window.peaks.perDay,
      },
    }));
  }

  /** A request to place an order has come in, from a user that exists. */
  countPost(userId: string, tag: string): void {
    const { posts } = this.#userOf(userId);
    const count = (posts.get(tag) ?? 0) + 1;
    posts.delete(tag);
    posts.set(tag, count);
    if (posts.size <= SIMULATOR_TAGS_COUNTED_MAX) return;
    const [oldest] = posts.keys();
    if (oldest !== undefined) posts.delete(oldest);
  }

  /** Whether the address may write orders, and how often. Throws KiteError 403 or 429. */
  admit({ userId }: SimulatedAccount, address: string): void {
    const { addresses, nowMs } = this.#parts;
    const isKnown = addresses === undefined || addresses.includes(address.replace(/^::ffff:/, ''));
    const refusal = isKnown ? this.#userOf(userId).window.admit(nowMs()) : ADDRESS_REFUSAL;
    if (refusal !== undefined) throw errorOf(refusal);
  }

  /** Returns its number. Throws KiteError. */
  place(account: SimulatedAccount, request: OrderRequest): string {
    const fate = this.#fateOf(account);
    return numberOf(this.bookOf(account).place(request, this.#parts.nowMs(), fate));
  }

  modify(account: SimulatedAccount, orderId: string, changes: OrderChanges): string {
    return numberOf(this.bookOf(account).modify(orderId, changes, this.#parts.nowMs()));
  }

  cancel(account: SimulatedAccount, orderId: string): string {
    return numberOf(this.bookOf(account).cancel(orderId, this.#parts.nowMs()));
  }

  /** Lets time pass in every book, and tells what came of it. */
  step(): void {
    const nowMs = this.#parts.nowMs();
    for (const [userId, { book, stream }] of this.#users) {
      for (const update of book.advance(nowMs)) {
        const subject = { apiKey: update.row.appId, userId };
        const how = this.#parts.faults.happening(['order_updates'], subject)?.fault.how ?? [];
        for (const sent of stream.pass(update, how, nowMs)) this.#parts.tell(userId, sent);
      }
      for (const sent of stream.release(nowMs)) this.#parts.tell(userId, sent);
    }
  }

  #fateOf({ apiKey, userId }: SimulatedAccount): OrderFate {
    const { faults } = this.#parts;
    const subject = { apiKey, userId };
    const held = faults.happening(['order_hold'], subject)?.fault;
    const hidden = faults.happening(['order_hide'], subject)?.fault;
    const rejected = faults.happening(['order_reject'], subject)?.fault;
    return {
      ...(held === undefined ? {} : { heldMs: held.ms }),
      ...(hidden === undefined ? {} : { hiddenMs: hidden.ms }),
      ...(rejected === undefined ? {} : { rejection: rejected.message }),
    };
  }

  #userOf(userId: string): UserOrders {
    const known = this.#users.get(userId);
    if (known !== undefined) return known;
    const { market, seed, tuning } = this.#parts;
    const book = new OrderBook({
      market,
      seed: mix(seed, hashText(userId)),
      cash: OPENING_CASH,
      ...(tuning === undefined ? {} : { tuning }),
    });
    const user = { book, window: new OrderWindow(), stream: new UpdateStream(), posts: new Map() };
    this.#users.set(userId, user);
    return user;
  }
}

function errorOf({ httpStatus, errorType, message }: OrderRefusal): KiteError {
  return new KiteError(httpStatus, errorType, message);
}

function numberOf(outcome: OrderOutcome): string {
  if (outcome.kind === 'refused') throw errorOf(outcome.refusal);
  return outcome.orderId;
}
