// Numbers of orders and trades as Kite and the exchange give them: texts, because the first kind is beyond 2^53.
import { mix } from '../random.ts';

/** Order numbers count milliseconds from here (the epoch that "snowflake" numbers began with), times 2^22. */
const EPOCH_MS = 1_288_834_974_657;
const PER_MS = 4_194_304n;
/** The least number of 19 digits. */
const ORDER_ID_MIN = 1_000_000_000_000_000_000n;
/** Leaves each book numbers of its own within a millisecond. */
const BOOKS = 4_096;

export class OrderIds {
  readonly #book: number;
  #lastOrderId = ORDER_ID_MIN;
  #exchangeOrders = 0;
  #trades = 0;

  constructor(seed: number) {
    this.#book = mix(seed, 0x01d5) % BOOKS;
  }

  /** 19 digits, each above the one before. */
  orderId(nowMs: number): string {
    const ofTime = BigInt(Math.max(0, Math.floor(nowMs) - EPOCH_MS)) * PER_MS + BigInt(this.#book);
    const next = this.#lastOrderId + BigInt(BOOKS);
    this.#lastOrderId = ofTime > next ? ofTime : next;
    return String(this.#lastOrderId);
  }

  exchangeOrderId(): string {
    this.#exchangeOrders += 1;
    return `11${String(this.#book).padStart(4, '0')}${String(this.#exchangeOrders).padStart(10, '0')}`;
  }

  tradeId(): string {
    this.#trades += 1;
    return `${String(this.#book + BOOKS)}${String(this.#trades).padStart(6, '0')}`;
  }
}
