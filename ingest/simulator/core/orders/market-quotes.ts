// The simulated market as orders see it: contracts by name, and the best level of each side now.
import { priceDivisorOf } from '../../../../shared/instrument.ts';
import { readTick } from '../../../../shared/tick.ts';
import type { Market } from '../market.ts';
import type { OrderContract, OrderMarket, OrderQuote } from './order.ts';

/** Of whatever market is open at each call. */
export function orderMarketOf(currentMarket: () => Market): OrderMarket {
  return {
    contractOf: (exchange, tradingsymbol) => contractOf(currentMarket(), exchange, tradingsymbol),
    quoteOf: (contract) => quoteOf(currentMarket(), contract),
  };
}

function contractOf(market: Market, exchange: string, tradingsymbol: string): OrderContract | undefined {
  const instrument = market.instruments[market.slotOfSymbol(`${exchange}:${tradingsymbol}`)];
  if (instrument === undefined) return undefined;
  const divisor = priceDivisorOf(instrument.instrument_token);
  return {
    exchange,
    tradingsymbol,
    token: instrument.instrument_token,
    kind: instrument.kind,
    divisor,
    tick: Math.max(1, Math.round(instrument.tick_size * divisor)),
    lot: Math.max(1, instrument.lot_size),
    strike: Math.round((instrument.strike ?? 0) * divisor),
  };
}

function quoteOf(market: Market, { token, tradingsymbol }: OrderContract): OrderQuote | undefined {
  const slot = market.slotOf(token);
  // A token is used again: another contract's price is none.
  if (market.instruments[slot]?.tradingsymbol !== tradingsymbol) return undefined;
  market.refresh(slot);
  const { depth, lastPrice = 0, close = 0 } = readTick(market.records, market.recordOffset(slot));
  const [bid, ask] = [depth?.buy[0], depth?.sell[0]];
  return {
    bid: bid?.price ?? 0,
    bidQuantity: bid?.quantity ?? 0,
    ask: ask?.price ?? 0,
    askQuantity: ask?.quantity ?? 0,
    last: lastPrice,
    close,
  };
}
