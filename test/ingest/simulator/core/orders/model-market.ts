// A market for tests of the order system: prices stand where the test puts them.
import type { InstrumentKind } from '../../../../../ingest/simulator/core/instrument-list.ts';
import type {
  OrderContract,
  OrderMarket,
  OrderQuote,
  OrderRequest,
  OrderRow,
} from '../../../../../ingest/simulator/core/orders/order.ts';
import { OrderBook } from '../../../../../ingest/simulator/core/orders/order-book.ts';
import { ORDER_TUNING, type OrderTuning } from '../../../../../ingest/simulator/core/orders/order-tuning.ts';

function contract(
  exchange: string,
  tradingsymbol: string,
  token: number,
  kind: InstrumentKind,
  lot: number,
  strike = 0,
): OrderContract {
  return { exchange, tradingsymbol, token, kind, divisor: 100, tick: 5, lot, strike };
}

const CONTRACTS = [
  contract('NSE', 'SBIN', 779521, 'share', 1),
  contract('NFO', 'NIFTY26NOVFUT', 9000194, 'future', 65),
  contract('NFO', 'NIFTY26NOV24000CE', 9000450, 'call', 65, 2_400_000),
  contract('NSE', 'NIFTY 50', 256265, 'index', 0),
  contract('MCX', 'GOLDM26DECFUT', 9001479, 'future', 10),
];

/** Bid and ask are one tick around the last price, and each level has `depthQuantity`. */
export class ModelMarket implements OrderMarket {
  last = 80_000;
  depthQuantity = 1_000_000;
  close = 80_000;

  contractOf(exchange: string, tradingsymbol: string): OrderContract | undefined {
    return CONTRACTS.find((one) => one.exchange === exchange && one.tradingsymbol === tradingsymbol);
  }

  quoteOf(): OrderQuote {
    const { last, depthQuantity, close } = this;
    return {
      bid: last - 5,
      bidQuantity: depthQuantity,
      ask: last + 5,
      askQuantity: depthQuantity,
      last,
      close,
    };
  }
}

/** 2026-11-23, 12:00 IST. */
export const NOON_MS = Date.parse('2026-11-23T06:30:00Z');
export const CASH = { equity: 1_000_000, commodity: 0 };
/** Steps of 10 ms each without chance. */
export const STEADY: OrderTuning = {
  ...ORDER_TUNING,
  unknownMs: 10,
  receivedMs: 10,
  validationMs: 10,
  openPendingMs: 10,
  fillMs: 10,
  modifyMs: 10,
  cancelMs: 10,
  jitter: 0,
};
/** Long enough for every step of an order under STEADY. */
export const SETTLED_MS = 100;

export function bookOn(market: OrderMarket, tuning = STEADY, seed = 1): OrderBook {
  return new OrderBook({ market, seed, cash: CASH, tuning });
}

/** A limit order for one share, 10 rupees away from the market; `changes` make it another. */
export function request(changes: Partial<OrderRequest> = {}): OrderRequest {
  return {
    variety: 'regular',
    exchange: 'NSE',
    tradingsymbol: 'SBIN',
    side: 'BUY',
    product: 'MIS',
    quantity: 1,
    orderType: 'LIMIT',
    price: 790,
    tag: 'T',
    appId: 'key',
    ...changes,
  };
}

/** The number of the order; fails the test when it is refused. */
export function placed(book: OrderBook, changes: Partial<OrderRequest> = {}, nowMs = NOON_MS): string {
  const outcome = book.place(request(changes), nowMs);
  if (outcome.kind === 'refused') throw new Error(outcome.refusal.message);
  return outcome.orderId;
}

export function rowOf(book: OrderBook, orderId: string, nowMs: number): OrderRow {
  const row = book.book(nowMs).find((one) => one.orderId === orderId);
  if (row === undefined) throw new Error(`${orderId} is not in the book`);
  return row;
}
