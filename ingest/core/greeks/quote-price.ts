// Which price of a quote an option is valued by: the middle of a sound book, else a fresh last trade, else none.
import {
  OPTION_LAST_TRADE_AGE_S_MAX,
  OPTION_SPREAD_SHARE_MAX,
  OPTION_SPREAD_TICKS_MAX,
} from '../../../shared/limits.ts';

/** Prices in rupees, times in seconds of the exchange; 0 is what is not there. */
export interface Quote {
  readonly bid: number;
  readonly ask: number;
  readonly last: number;
  readonly lastTradeTimeS: number;
  readonly exchangeTimeS: number;
  readonly tickSize: number;
}

export type QuotePrice =
  | { readonly source: 'mid'; readonly price: number; readonly spread: number }
  | { readonly source: 'last'; readonly price: number }
  /** `oneSided`: the book has one side, which bounds the price and does not give it. `stale`: no sound book, no fresh trade. */
  | { readonly source: 'none'; readonly reason: 'oneSided' | 'stale' };

function isSound({ bid, ask, tickSize }: Quote): boolean {
  if (!(bid > 0 && ask >= bid)) return false;
  const spreadMax = Math.max(OPTION_SPREAD_SHARE_MAX * 0.5 * (bid + ask), OPTION_SPREAD_TICKS_MAX * tickSize);
  // Both sides are multiples of a tick that binary fractions do not hold: at the bound, rounding must not decide.
  return ask - bid <= spreadMax * (1 + 1e-9);
}

/** A crossed book is no book; half of a lone ask is no mid. */
export function quotePrice(quote: Quote): QuotePrice {
  const { bid, ask, last, lastTradeTimeS, exchangeTimeS } = quote;
  if (isSound(quote)) return { source: 'mid', price: 0.5 * (bid + ask), spread: ask - bid };
  const ageS = exchangeTimeS - lastTradeTimeS;
  const isFresh = lastTradeTimeS > 0 && ageS >= 0 && ageS <= OPTION_LAST_TRADE_AGE_S_MAX;
  if (last > 0 && isFresh) return { source: 'last', price: last };
  return { source: 'none', reason: bid > 0 !== ask > 0 ? 'oneSided' : 'stale' };
}
