import { expect, it } from 'vitest';
import {
  type PriceSource,
  priceOf,
  priceSourceOf,
  type Quote,
} from '../../../../ingest/core/greeks/quote-price.ts';
import { OPTION_LAST_TRADE_AGE_S_MAX } from '../../../../shared/limits.ts';

const NOW_S = 1_795_600_000;
const QUOTE: Quote = {
  bid: 100,
  ask: 100.4,
  last: 101,
  lastTradeTimeS: NOW_S - 1,
  exchangeTimeS: NOW_S,
  tickSize: 0.05,
};
type Expected = readonly [source: PriceSource, price: number];
const LAST: Expected = ['last', 101];
const STALE: Expected = ['stale', 0];
const OLD = { lastTradeTimeS: NOW_S - OPTION_LAST_TRADE_AGE_S_MAX - 1 };

it.each<[string, Partial<Quote>, Expected]>([
  ['a book of both sides', {}, ['mid', 100.2]],
  ['the same, whatever the last trade', OLD, ['mid', 100.2]],
  ['a locked book', { ask: 100 }, ['mid', 100]],
  ['a spread of 30 % of the mid', { bid: 85, ask: 115 }, ['mid', 100]],
  ['a wider one', { bid: 85, ask: 115.05 }, LAST],
  ['a wider one and an old trade', { bid: 85, ask: 115.05, ...OLD }, STALE],
  ['four ticks at a low price', { bid: 0.05, ask: 0.25 }, ['mid', 0.15]],
  ['five ticks at a low price', { bid: 0.05, ask: 0.3 }, LAST],
  ['a crossed book', { bid: 100.4, ask: 100 }, LAST],
  ['a crossed book and an old trade', { bid: 100.4, ask: 100, ...OLD }, STALE],
  ['an ask alone', { bid: 0, ask: 0.05 }, LAST],
  ['an ask alone and an old trade', { bid: 0, ask: 0.05, ...OLD }, ['oneSided', 0]],
  ['a bid alone and an old trade', { ask: 0, ...OLD }, ['oneSided', 0]],
  ['no book', { bid: 0, ask: 0 }, LAST],
  ['no book and a trade of the oldest age', { bid: 0, ask: 0, lastTradeTimeS: OLD.lastTradeTimeS + 1 }, LAST],
  ['no book and an old trade', { bid: 0, ask: 0, ...OLD }, STALE],
  ['no book and no trade', { bid: 0, ask: 0, last: 0, lastTradeTimeS: 0 }, ['noPrice', 0]],
  ['a last price without its time', { bid: 0, ask: 0, lastTradeTimeS: 0 }, STALE],
  ['a trade of the future', { bid: 0, ask: 0, lastTradeTimeS: NOW_S + 60 }, STALE],
  ['numbers that are none', { bid: Number.NaN, ask: Number.NaN, last: Number.NaN }, ['noPrice', 0]],
])('%s', (_, change, [source, price]) => {
  const quote = { ...QUOTE, ...change };
  expect(priceSourceOf(quote)).toBe(source);
  expect(priceOf(quote, source)).toBeCloseTo(price, 12);
});
