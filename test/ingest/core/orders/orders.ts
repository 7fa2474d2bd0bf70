// Orders and tasks as tests make them: whole, and different only in what is said.
import type { KiteOrder } from '../../../../ingest/core/orders/kite-order.ts';
import type { OrderTask } from '../../../../ingest/core/orders/task.ts';
import type { ModifyRequest, PlaceRequest } from '../../../../shared/order.ts';

export const TAG = 'ABCDEFGHIJ0123456789';

export const PLACE: PlaceRequest = {
  variety: 'regular',
  exchange: 'NSE',
  tradingsymbol: 'INFY',
  transaction_type: 'BUY',
  quantity: 10,
  product: 'MIS',
  order_type: 'LIMIT',
  price: 1500,
  validity: 'DAY',
};

export function kiteOrder(parts: Partial<KiteOrder> = {}): KiteOrder {
  const order = {
    orderId: '1953341975595868160',
    parentOrderId: null,
    tag: TAG,
    tags: [TAG],
    status: 'OPEN',
    statusMessage: null,
    quantity: 10,
    filledQuantity: 0,
    averagePrice: 0,
    price: 1500,
    triggerPrice: 0,
    disclosedQuantity: 0,
    validity: 'DAY',
    exchangeUpdatedAtMs: null,
    ...parts,
  };
  return { ...order, payload: { variety: 'regular', ...parts.payload } };
}

type Fields = Partial<Omit<OrderTask, 'kind' | 'request'>>;

const FIELDS = {
  id: 'task',
  requestedBy: 'user:1',
  accountId: 'main',
  tag: null,
  orderId: null,
  state: 'SENDING',
  version: 2,
  attempts: 1,
  isHeld: false,
  isUncertain: false,
  exchangeStatus: null,
  filledQuantity: 0,
  createdAtMs: Date.UTC(2026, 10, 23, 4),
  sendingEpoch: null,
} as const;

export function placeTask(parts: Fields = {}): OrderTask {
  return { ...FIELDS, kind: 'place', request: PLACE, tag: TAG, ...parts };
}

export function modifyTask(request: Partial<ModifyRequest>, parts: Fields = {}): OrderTask {
  const order_id = kiteOrder().orderId;
  return {
    ...FIELDS,
    kind: 'modify',
    id: 'modify',
    request: { variety: 'regular', order_id, ...request },
    orderId: order_id,
    ...parts,
  };
}

export function cancelTask(parts: Fields = {}): OrderTask {
  const order_id = kiteOrder().orderId;
  return {
    ...FIELDS,
    kind: 'cancel',
    id: 'cancel',
    request: { variety: 'regular', order_id },
    orderId: order_id,
    ...parts,
  };
}
