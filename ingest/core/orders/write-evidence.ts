// What an order says of a modification or cancellation of it whose own outcome is not known.
import { assertNever } from '../../../shared/errors.ts';
import type { ModifyRequest } from '../../../shared/order.ts';
import type { KiteOrder } from './kite-order.ts';
import { isEnd } from './order-view.ts';
import type { OrderTask } from './task.ts';

export type Evidence = 'took_effect' | 'too_late' | 'none';

type Comparison = 'same' | 'other' | 'nothing_to_compare';

/** Kite turns MARKET and SL-M orders into LIMIT ones at a price of its own: type, protection and such a price tell nothing. */
function compare(request: ModifyRequest, order: KiteOrder): Comparison {
  const isPriceKites =
    request.order_type === 'MARKET' ||
    request.order_type === 'SL-M' ||
    request.market_protection !== undefined;
  const pairs: readonly (readonly [string | number | undefined, string | number])[] = [
    [request.quantity, order.quantity],
    [isPriceKites ? undefined : request.price, order.price],
    [request.trigger_price, order.triggerPrice],
    [request.disclosed_quantity, order.disclosedQuantity],
    [request.validity, order.validity],
  ];
  const asked = pairs.filter(([wanted]) => wanted !== undefined);
  if (asked.length === 0) return 'nothing_to_compare';
  return asked.every(([wanted, found]) => wanted === found) ? 'same' : 'other';
}

function isBeingModified({ status }: KiteOrder): boolean {
  return status.startsWith('MODIFY') || status.endsWith('VALIDATION PENDING');
}

/** `order` is what counts of it. Kite's yes to a request is one to the request only: the order has the last word. */
export function evidenceOf(task: OrderTask, order: KiteOrder): Evidence {
  switch (task.kind) {
    case 'place':
      return 'none';
    case 'cancel':
      if (order.status === 'CANCELLED') return 'took_effect';
      return isEnd(order.status) ? 'too_late' : 'none';
    case 'modify': {
      const comparison = compare(task.request, order);
      if (comparison === 'same') return 'took_effect';
      if (isEnd(order.status)) return 'too_late';
      // Kite took it, and is over with it.
      const isDone =
        comparison === 'nothing_to_compare' && task.state === 'PLACED' && !isBeingModified(order);
      return isDone ? 'took_effect' : 'none';
    }
    default:
      return assertNever(task);
  }
}
