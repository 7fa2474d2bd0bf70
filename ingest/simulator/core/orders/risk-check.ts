// Kite's own checks of who may trade what with which money, before the exchange hears of an order.
import type { OrderContract, OrderRow, OrderTerms, Product, Side } from './order.ts';
import { inputRefusal, marginRefusal, type OrderRefusal } from './order-refusal.ts';
import { marginOf, type Positions, segmentOfExchange } from './positions.ts';

/** What an order would be. */
export interface Proposal {
  readonly contract: OrderContract;
  readonly side: Side;
  readonly product: Product;
  readonly terms: OrderTerms;
}

/** Shares are delivered or financed, everything else is carried; either may be of the day. */
export function checkProduct({ exchange, kind }: OrderContract, product: Product): OrderRefusal | undefined {
  const isShare = kind === 'share';
  const isAllowed = product === 'MIS' || (isShare ? product !== 'NRML' : product === 'NRML');
  return isAllowed
    ? undefined
    : inputRefusal(`Invalid \`product\`: ${product} is not allowed for ${exchange}.`);
}

/** Enough shares to deliver, and enough money for what the order would open, beside the orders that stand. */
export function checkFunds(
  { contract, side, product, terms }: Proposal,
  positions: Positions,
  standing: readonly OrderRow[],
): OrderRefusal | undefined {
  const closing = Math.min(terms.quantity, positions.closable(contract, product, side, standing));
  const opening = terms.quantity - closing;
  if (opening === 0) return undefined;
  if (product === 'CNC' && side === 'SELL')
    return {
      httpStatus: 400,
      errorType: 'HoldingException',
      message: `Insufficient stock holding. Required quantity is ${terms.quantity} but available quantity is ${closing}.`,
    };
  const required = marginOf(contract, side, product, opening, terms.price);
  const { available } = positions.marginOf(segmentOfExchange(contract.exchange), standing, () => undefined);
  return required > available ? marginRefusal(required, available) : undefined;
}
