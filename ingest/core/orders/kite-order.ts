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

/** A row of Kite's book that cannot be read: what of it says whose it is, null where that cannot be read either. */
export interface UnreadOrder {
  readonly orderId: string | null;
  readonly tags: readonly string[] | null;
  readonly problem: string;
}

/** What a look at Kite's book has brought. */
export interface BookRows {
  readonly orders: readonly KiteOrder[];
  readonly unread: readonly UnreadOrder[];
}
