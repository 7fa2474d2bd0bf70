// Orders as edge, database and sidecar speak of them: requests, the states of a task, and which state may follow which.

export const ORDER_TASK_KINDS = ['place', 'modify', 'cancel'] as const;
export type OrderTaskKind = (typeof ORDER_TASK_KINDS)[number];

/**
 * `PENDING` stored, nothing sent. `SENDING` a request may be on its way to Kite, or have been when the process ended. `RETRY_WAIT` it
 * is known that Kite has not done it, and it is tried again. `UNKNOWN` nobody knows: it is looked for at Kite before anything else.
 * `PLACED` Kite has taken it and it has an order id. `OPEN` the exchange has it. `COMPLETE`, `CANCELLED`, `REJECTED` the order's own
 * ends; of modify and cancel tasks, `COMPLETE` is that it took effect and `REJECTED` that it was refused. `DEAD_LETTER` given up,
 * for a person to look at; an order that turns up later still finds its task.
 */
export const ORDER_TASK_STATES = [
  'PENDING',
  'SENDING',
  'RETRY_WAIT',
  'UNKNOWN',
  'PLACED',
  'OPEN',
  'COMPLETE',
  'CANCELLED',
  'REJECTED',
  'DEAD_LETTER',
] as const;
export type OrderTaskState = (typeof ORDER_TASK_STATES)[number];

const OVER: ReadonlySet<OrderTaskState> = new Set(['COMPLETE', 'CANCELLED', 'REJECTED', 'DEAD_LETTER']);

export function isOverState(state: OrderTaskState): boolean {
  return OVER.has(state);
}

export const ORDER_EXCHANGES = ['NSE', 'BSE', 'NFO', 'BFO', 'CDS', 'BCD', 'MCX'] as const;
/** Of orders that are to be changed or cancelled: Kite's own clients place them all. */
export const ORDER_VARIETIES = ['regular', 'amo', 'co', 'iceberg', 'auction'] as const;
/** What can be placed. The others become several orders under one tag, or need a second leg: a task follows one order. */
export const PLACED_VARIETIES = ['regular', 'amo'] as const;
export const ORDER_PRODUCTS = ['CNC', 'NRML', 'MIS', 'MTF'] as const;
export const ORDER_TYPES = ['MARKET', 'LIMIT', 'SL', 'SL-M'] as const;
export const ORDER_VALIDITIES = ['DAY', 'IOC', 'TTL'] as const;
export type OrderVariety = (typeof ORDER_VARIETIES)[number];
export type OrderType = (typeof ORDER_TYPES)[number];

/** Kite's names and units: prices in rupees, quantities in units (a multiple of the lot). Absent is not sent. */
export interface PlaceRequest {
  readonly variety: (typeof PLACED_VARIETIES)[number];
  readonly exchange: (typeof ORDER_EXCHANGES)[number];
  readonly tradingsymbol: string;
  readonly transaction_type: 'BUY' | 'SELL';
  readonly quantity: number;
  readonly product: (typeof ORDER_PRODUCTS)[number];
  readonly order_type: OrderType;
  readonly price?: number;
  readonly trigger_price?: number;
  readonly validity: (typeof ORDER_VALIDITIES)[number];
  readonly validity_ttl?: number;
  readonly disclosed_quantity?: number;
  /** Of MARKET and SL-M: -1 leaves it to Kite, else per cent, above 0 up to 100. */
  readonly market_protection?: number;
}

export interface ModifyRequest {
  readonly variety: OrderVariety;
  readonly order_id: string;
  readonly parent_order_id?: string;
  readonly quantity?: number;
  readonly price?: number;
  readonly trigger_price?: number;
  readonly order_type?: OrderType;
  readonly validity?: (typeof ORDER_VALIDITIES)[number];
  readonly disclosed_quantity?: number;
  readonly market_protection?: number;
}

export interface CancelRequest {
  readonly variety: OrderVariety;
  readonly order_id: string;
  readonly parent_order_id?: string;
}

export type OrderRequest =
  | { readonly kind: 'place'; readonly request: PlaceRequest }
  | { readonly kind: 'modify'; readonly request: ModifyRequest }
  | { readonly kind: 'cancel'; readonly request: CancelRequest };

/** Characters of a tag: Kite takes 20 letters and digits, and refuses what is longer. */
export const ORDER_TAG_CHARS = 20;
const TAG_ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ';

/** A tag of 103 random bits; `random` gives that many bytes. */
export function newOrderTag(random: (bytes: number) => Uint8Array): string {
  let tag = '';
  while (tag.length < ORDER_TAG_CHARS) {
    // 252 is the largest multiple of 36 in a byte: above it the first letters would come more often.
    for (const byte of random(ORDER_TAG_CHARS)) {
      if (byte < 252 && tag.length < ORDER_TAG_CHARS) tag += TAG_ALPHABET[byte % 36];
    }
  }
  return tag;
}
