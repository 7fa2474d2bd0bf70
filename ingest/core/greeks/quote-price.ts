// Which price of a quote an option is valued by: the middle of a sound book, else a fresh last trade, else none.
import {
  OPTION_LAST_TRADE_AGE_S_MAX,
  OPTION_SPREAD_SHARE_MAX,
  OPTION_SPREAD_TICKS_MAX,
} from '../../../shared/limits.ts';

/** Prices in rupees, times in seconds of the exchange; 0 is what is not there. */
export interface Quote {
  bid: number;
  ask: number;
  last: number;
  lastTradeTimeS: number;
  /** What the last trade's age is counted to. */
  exchangeTimeS: number;
  tickSize: number;
}

/**
 * `oneSided`: the book has one side, which bounds the price and does not give it. `stale`: no sound book, no fresh trade.
 * `noPrice`: neither a book nor any trade.
 */
export type PriceSource = 'mid' | 'last' | 'oneSided' | 'stale' | 'noPrice';

/** Whether the book has both sides, in order, and no wider apart than the share of their middle, or four ticks. */
export function isSoundBook(bid: number, ask: number, tickSize: number, spreadShareMax: number): boolean {
  if (!(bid > 0 && ask >= bid)) return false;
  const spreadMax = Math.max(spreadShareMax * 0.5 * (bid + ask), OPTION_SPREAD_TICKS_MAX * tickSize);
  // Both sides are multiples of a tick that binary fractions do not hold: at the bound, rounding must not decide.
  return ask - bid <= spreadMax * (1 + 1e-9);
}

/** A crossed book is no book; half of a lone ask is no mid. */
export function priceSourceOf(quote: Readonly<Quote>): PriceSource {
  const { bid, ask, last, lastTradeTimeS, exchangeTimeS, tickSize } = quote;
  if (isSoundBook(bid, ask, tickSize, OPTION_SPREAD_SHARE_MAX)) return 'mid';
  const ageS = exchangeTimeS - lastTradeTimeS;
  const isFresh = lastTradeTimeS > 0 && ageS >= 0 && ageS <= OPTION_LAST_TRADE_AGE_S_MAX;
  if (last > 0 && isFresh) return 'last';
  if (bid > 0 !== ask > 0) return 'oneSided';
  return bid > 0 || last > 0 ? 'stale' : 'noPrice';
}

/** In rupees; 0 where the source is none. */
export function priceOf(quote: Readonly<Quote>, source: PriceSource): number {
  if (source === 'mid') return 0.5 * (quote.bid + quote.ask);
  return source === 'last' ? quote.last : 0;
}
