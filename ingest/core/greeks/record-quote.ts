// Prices and times out of tick records, in rupees and seconds of the exchange.
import { UNDERLYING_SPREAD_SHARE_MAX } from '../../../shared/limits.ts';
import {
  AT,
  DEPTH_LEVEL_BYTES,
  DEPTH_LEVELS,
  exchangeTimeOf,
  isFullKind,
  RECORD_KIND,
  RECORD_WORDS_MAX,
} from '../../../shared/tick.ts';
import { isSoundBook, type Quote } from './quote-price.ts';

const KIND_WORD = AT.kind / 4;
const LAST_PRICE_WORD = AT.lastPrice / 4;
const LAST_TRADE_TIME_WORD = AT.lastTradeTime / 4;
/** The price of a level follows its quantity. */
const BID_WORD = AT.depth / 4 + 1;
const ASK_WORD = BID_WORD + (DEPTH_LEVELS * DEPTH_LEVEL_BYTES) / 4;

export function newQuote(): Quote {
  // Fractions, so that V8 keeps the fields as doubles that are written in place.
  return { bid: 0.5, ask: 0.5, last: 0.5, lastTradeTimeS: 0.5, exchangeTimeS: 0.5, tickSize: 0.5 };
}

/** Whether the slot holds a record with a book. */
export function hasBook(words: Uint32Array, slot: number): boolean {
  return isFullKind(words[slot * RECORD_WORDS_MAX + KIND_WORD] as number);
}

/** Exchange time of the slot's record; 0 when it has none. */
export function timeAtSlot(words: Uint32Array, slot: number): number {
  return exchangeTimeOf(words, slot * RECORD_WORDS_MAX);
}

/** Reads book and last trade of the slot's record, which has a book. The times and the tick size are the caller's. */
export function readQuote(words: Uint32Array, slot: number, divisor: number, into: Quote): void {
  const at = slot * RECORD_WORDS_MAX;
  into.bid = (words[at + BID_WORD] as number) / divisor;
  into.ask = (words[at + ASK_WORD] as number) / divisor;
  into.last = (words[at + LAST_PRICE_WORD] as number) / divisor;
  into.lastTradeTimeS = words[at + LAST_TRADE_TIME_WORD] as number;
}

/** Leaves the last trade alone. */
export function clearBook(quote: Quote): void {
  quote.bid = 0;
  quote.ask = 0;
}

const quote = newQuote();

/** Middle of the slot's book if that is narrow; 0 if it is not, or there is none. */
export function narrowMid(words: Uint32Array, slot: number, divisor: number, tickSize: number): number {
  if (!hasBook(words, slot)) return 0;
  readQuote(words, slot, divisor, quote);
  const { bid, ask } = quote;
  return isSoundBook(bid, ask, tickSize, UNDERLYING_SPREAD_SHARE_MAX) ? 0.5 * (bid + ask) : 0;
}

/** Price of an index or a share: the middle of a narrow book, else the last price; 0 if there is none. */
export function spotPrice(words: Uint32Array, slot: number, divisor: number, tickSize: number): number {
  const at = slot * RECORD_WORDS_MAX;
  const kind = words[at + KIND_WORD] as number;
  // Only they tell when the price was.
  if (kind !== RECORD_KIND.indexFull && !isFullKind(kind)) return 0;
  return narrowMid(words, slot, divisor, tickSize) || (words[at + LAST_PRICE_WORD] as number) / divisor;
}
