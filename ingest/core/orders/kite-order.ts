// An order as Kite's book, its ticker and a re-read after a postback have it, reduced to what decides anything.

export interface KiteOrder {
  /** A text: nineteen digits do not fit a double. */
  readonly orderId: string;
  /** Of legs that another order has brought about. */
  readonly parentOrderId: string | null;
  readonly tag: string | null;
  /** Kite adds tags of its own; slices of an order have no `tag`, and `autoslice:<parent order id>` among these. */
  readonly tags: readonly string[];
  /** Kite's word. COMPLETE, CANCELLED and REJECTED are ends, every other one is not, those that nobody knows included. */
  readonly status: string;
  readonly statusMessage: string | null;
  readonly quantity: number;
  readonly filledQuantity: number;
  /** In rupees. */
  readonly averagePrice: number;
  readonly price: number;
  readonly triggerPrice: number;
  readonly disclosedQuantity: number;
  readonly validity: string;
  /** `exchange_update_timestamp`, which has seconds; null before the exchange has said anything. */
  readonly exchangeUpdatedAtMs: number | null;
  /** Kite's own object, for clients. */
  readonly payload: Readonly<Record<string, unknown>>;
}
