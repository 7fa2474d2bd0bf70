// Which of two things that were heard of one order counts: they come twice, late, and in any order.
import type { OrderTaskState } from '../../../shared/order.ts';
import type { KiteOrder } from './kite-order.ts';

export type OrderEnd = 'COMPLETE' | 'CANCELLED' | 'REJECTED';
const ENDS: ReadonlySet<string> = new Set<OrderEnd>(['COMPLETE', 'CANCELLED', 'REJECTED']);

/** In the order in which an order goes through them within a second, which is as fine as Kite's times are. */
const STATUSES = [
  'PUT ORDER REQ RECEIVED',
  'AMO REQ RECEIVED',
  'VALIDATION PENDING',
  'OPEN PENDING',
  'TRIGGER PENDING',
  'OPEN',
  'MODIFY VALIDATION PENDING',
  'MODIFY PENDING',
  'MODIFIED',
  'UPDATE',
  'CANCEL PENDING',
];
/** Before the exchange has it. */
const BEFORE_EXCHANGE: ReadonlySet<string> = new Set(STATUSES.slice(0, 4));

/** Whether it is one of an order's ends; no other word of Kite's is, those that nobody knows included. */
export function isEnd(status: string): status is OrderEnd {
  return ENDS.has(status);
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Above zero when `a` counts over `b`: an end does; else what has more filled; else what the exchange said later. */
function compareProgress(a: KiteOrder, b: KiteOrder): number {
  return (
    Number(isEnd(a.status)) - Number(isEnd(b.status)) ||
    a.filledQuantity - b.filledQuantity ||
    (a.exchangeUpdatedAtMs ?? 0) - (b.exchangeUpdatedAtMs ?? 0)
  );
}

/**
 * As `compareProgress`; what that leaves undecided, as Kite's times have seconds, makes it an order in the strict sense, so that the
 * same things heard lead to the same, in whatever order they came.
 */
export function compareNews(a: KiteOrder, b: KiteOrder): number {
  return (
    compareProgress(a, b) ||
    STATUSES.indexOf(a.status) - STATUSES.indexOf(b.status) ||
    compareText(a.status, b.status) ||
    a.quantity - b.quantity ||
    a.price - b.price ||
    a.triggerPrice - b.triggerPrice ||
    a.disclosedQuantity - b.disclosedQuantity ||
    a.averagePrice - b.averagePrice ||
    compareText(a.validity, b.validity) ||
    compareText(a.statusMessage ?? '', b.statusMessage ?? '')
  );
}

/** What counts, of what counted before and what was heard: `before` itself when there is nothing new. */
export function reduceNews(before: KiteOrder | undefined, heard: KiteOrder): KiteOrder {
  return before && compareNews(heard, before) <= 0 ? before : heard;
}

/**
 * The same of a row of Kite's book: looks follow each other, so that the later one of a second is known. An order that was modified
 * twice in it is as the book says, and not as the higher price does.
 */
export function reduceLook(before: KiteOrder | undefined, row: KiteOrder): KiteOrder {
  const isOtherwise = before && compareProgress(row, before) === 0 && compareNews(row, before) !== 0;
  return isOtherwise ? row : reduceNews(before, row);
}

/** The state of a place task whose order is so. */
export function stateOfOrder(order: KiteOrder): Extract<OrderTaskState, 'PLACED' | 'OPEN' | OrderEnd> {
  if (isEnd(order.status)) return order.status;
  return BEFORE_EXCHANGE.has(order.status) && order.filledQuantity === 0 ? 'PLACED' : 'OPEN';
}
