// What an order is: its terms, its statuses, and what is known of it at one moment. Prices are whole raw units.
import type { InstrumentKind } from '../instrument-list.ts';

export type Side = 'BUY' | 'SELL';
export const PRODUCTS = ['CNC', 'NRML', 'MIS', 'MTF'] as const;
export type Product = (typeof PRODUCTS)[number];
export const ORDER_TYPES = ['MARKET', 'LIMIT', 'SL', 'SL-M'] as const;
export type OrderType = (typeof ORDER_TYPES)[number];
export const VALIDITIES = ['DAY', 'IOC', 'TTL'] as const;
export type Validity = (typeof VALIDITIES)[number];
export type Variety = 'regular' | 'amo';

/** As Kite spells them; `UPDATE` is of messages only (see OrderUpdate). */
export type OrderStatus =
  | 'PUT ORDER REQ RECEIVED'
  | 'AMO REQ RECEIVED'
  | 'VALIDATION PENDING'
  | 'OPEN PENDING'
  | 'OPEN'
  | 'TRIGGER PENDING'
  | 'MODIFY VALIDATION PENDING'
  | 'MODIFY PENDING'
  | 'MODIFIED'
  | 'CANCEL PENDING'
  | 'COMPLETE'
  | 'CANCELLED'
  | 'REJECTED';

export function isTerminal(status: OrderStatus): boolean {
  return status === 'COMPLETE' || status === 'CANCELLED' || status === 'REJECTED';
}

/** What an order is for. */
export interface OrderContract {
  readonly exchange: string;
  readonly tradingsymbol: string;
  readonly token: number;
  readonly kind: InstrumentKind;
  /** Raw units per rupee. */
  readonly divisor: number;
  readonly tick: number;
  readonly lot: number;
  /** Raw; 0 where there is none. */
  readonly strike: number;
}

/** The best of each side now, in raw units. */
export interface OrderQuote {
  readonly bid: number;
  readonly bidQuantity: number;
  readonly ask: number;
  readonly askQuantity: number;
  readonly last: number;
  readonly close: number;
}

/** Where orders are filled. */
export interface OrderMarket {
  contractOf(exchange: string, tradingsymbol: string): OrderContract | undefined;
  /** Undefined when the contract is listed no more. */
  quoteOf(contract: OrderContract): OrderQuote | undefined;
}

/** What a modification may change. Prices in rupees, as callers give them. */
export interface OrderChanges {
  readonly quantity?: number;
  readonly orderType?: OrderType;
  readonly price?: number;
  readonly triggerPrice?: number;
  readonly validity?: Validity;
  readonly validityTtlMinutes?: number;
  readonly disclosedQuantity?: number;
  /** Percent; -1 leaves it to Kite. */
  readonly marketProtection?: number;
}

export interface OrderRequest extends OrderChanges {
  readonly variety: Variety;
  readonly exchange: string;
  readonly tradingsymbol: string;
  readonly side: Side;
  readonly product: Product;
  readonly quantity: number;
  readonly orderType: OrderType;
  readonly tag?: string;
  /** The api_key that it came through: only that app is sent its postbacks. */
  readonly appId: string;
}

/** Terms as they stand at the exchange: MARKET has become LIMIT there, and SL-M has become SL. */
export interface OrderTerms {
  readonly orderType: 'LIMIT' | 'SL';
  readonly quantity: number;
  readonly price: number;
  readonly triggerPrice: number;
  readonly validity: Validity;
  readonly validityTtlMinutes: number;
  readonly disclosedQuantity: number;
  /** Of a MARKET or SL-M order, in percent: it is told in tags, not in the order's own fields. */
  readonly protectedPercent?: number;
}

/** An order at one moment: a line of its history, and the newest of them a row of the book. */
export interface OrderRow {
  readonly orderId: string;
  /** Null before the exchange has it. */
  readonly exchangeOrderId: string | null;
  readonly appId: string;
  readonly variety: Variety;
  readonly contract: OrderContract;
  readonly side: Side;
  readonly product: Product;
  readonly terms: OrderTerms;
  readonly tag: string | null;
  readonly status: OrderStatus;
  readonly statusMessage: string | null;
  readonly isModified: boolean;
  readonly orderedAtMs: number;
  readonly exchangeAtMs: number | null;
  readonly updatedAtMs: number | null;
  readonly filledQuantity: number;
  /** Sum of price times quantity of its trades. */
  readonly filledValue: number;
  readonly cancelledQuantity: number;
}

export interface Trade {
  readonly tradeId: string;
  readonly orderId: string;
  readonly exchangeOrderId: string;
  readonly contract: OrderContract;
  readonly product: Product;
  readonly side: Side;
  readonly quantity: number;
  readonly price: number;
  readonly tradedAtMs: number;
}

/** What Kite tells its user of an order by itself. `UPDATE` is a partial fill or a modification. */
export interface OrderUpdate {
  readonly status: OrderStatus | 'UPDATE';
  readonly row: OrderRow;
}

export function remainingOf({ terms, filledQuantity }: OrderRow): number {
  return terms.quantity - filledQuantity;
}
