// Whether the market takes an order now: at which price, how much of it, and whether its trigger is reached.
import { type OrderQuote, type OrderRow, remainingOf } from './order.ts';

/** A day's prices lie within this fraction of the previous close, as quotes tell it; options have no such band here. */
const BAND_FRACTION = 0.1;

export interface Fill {
  readonly price: number;
  readonly quantity: number;
}

/** What the best level of the other side has, in whole lots; undefined while the order's price does not reach it. */
export function fillOf(row: OrderRow, quote: OrderQuote): Fill | undefined {
  const isBuy = row.side === 'BUY';
  const price = isBuy ? quote.ask : quote.bid;
  const offered = isBuy ? quote.askQuantity : quote.bidQuantity;
  if (price <= 0 || (isBuy ? price > row.terms.price : price < row.terms.price)) return undefined;
  const { lot } = row.contract;
  const quantity = Math.min(remainingOf(row), Math.floor(offered / lot) * lot);
  return quantity > 0 ? { price, quantity } : undefined;
}

export function isTriggered({ side, terms }: OrderRow, quote: OrderQuote): boolean {
  return side === 'BUY' ? quote.last >= terms.triggerPrice : quote.last <= terms.triggerPrice;
}

/** Why the exchange rejects an order that Kite let pass, or undefined. */
export function rejectionOf(
  { contract, terms }: OrderRow,
  quote: OrderQuote | undefined,
): string | undefined {
  if (quote === undefined) return 'The instrument is not open for trading.';
  if (contract.kind !== 'share' && contract.kind !== 'future') return undefined;
  const band = quote.close * BAND_FRACTION;
  if (terms.price > quote.close + band || terms.price < quote.close - band)
    return 'Order price is not within the circuit limits.';
  return undefined;
}
