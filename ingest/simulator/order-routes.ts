// Orders, trades, positions and margins of a user (kite.trade/docs/connect/v3/orders, /portfolio and /user).
import { z } from 'zod';
import {
  ORDER_TYPES,
  type OrderChanges,
  type OrderRequest,
  PRODUCTS,
  VALIDITIES,
} from './core/orders/order.ts';
import { noSuchOrder } from './core/orders/order-refusal.ts';
import { marginView, orderView, positionView, tradeView } from './core/orders/order-view.ts';
import { inputError, KiteError } from './kite-error.ts';
import { type AuthenticatedCall, dataReply, type RestReply, type RestRoute } from './rest-route.ts';

const number = z.coerce.number();

const changesForm = z.object({
  quantity: number.exactOptional(),
  order_type: z.enum(ORDER_TYPES).exactOptional(),
  price: number.exactOptional(),
  trigger_price: number.exactOptional(),
  validity: z.enum(VALIDITIES).exactOptional(),
  validity_ttl: number.exactOptional(),
  disclosed_quantity: number.exactOptional(),
  market_protection: number.exactOptional(),
});

const orderForm = changesForm.extend({
  exchange: z.string(),
  tradingsymbol: z.string(),
  transaction_type: z.enum(['BUY', 'SELL']),
  quantity: number,
  product: z.enum(PRODUCTS),
  order_type: z.enum(ORDER_TYPES),
  tag: z.string().exactOptional(),
});

/** What else is in the form is ignored: the official client repeats `variety` and `order_id` there. Throws KiteError 400. */
function readForm<T>(schema: z.ZodType<T>, form: URLSearchParams): T {
  // The official client sends null as an empty field.
  const fields = Object.fromEntries([...form].filter(([, value]) => value !== ''));
  const read = schema.safeParse(fields);
  if (read.success) return read.data;
  const field = read.error.issues[0]?.path.join('.') ?? 'body';
  throw inputError(fields[field] === undefined ? `Missing \`${field}\`.` : `Invalid \`${field}\`.`);
}

function changesOf(form: z.output<typeof changesForm>): OrderChanges {
  const { quantity, price } = form;
  const { order_type: orderType, trigger_price: triggerPrice, validity } = form;
  const { validity_ttl: validityTtlMinutes, disclosed_quantity: disclosedQuantity } = form;
  const { market_protection: marketProtection } = form;
  return {
    ...(quantity === undefined ? {} : { quantity }),
    ...(orderType === undefined ? {} : { orderType }),
    ...(price === undefined ? {} : { price }),
    ...(triggerPrice === undefined ? {} : { triggerPrice }),
    ...(validity === undefined ? {} : { validity }),
    ...(validityTtlMinutes === undefined ? {} : { validityTtlMinutes }),
    ...(disclosedQuantity === undefined ? {} : { disclosedQuantity }),
    ...(marketProtection === undefined ? {} : { marketProtection }),
  };
}

/** Cover, iceberg and auction orders are not simulated. */
function varietyOf({ path }: AuthenticatedCall): OrderRequest['variety'] {
  if (path.variety === 'regular' || path.variety === 'amo') return path.variety;
  throw inputError(`Invalid \`variety\`: '${path.variety ?? ''}'.`);
}

function place(call: AuthenticatedCall): RestReply {
  const variety = varietyOf(call);
  const form = readForm(orderForm, call.form);
  const orderId = call.orders.place(call.account, {
    ...changesOf(form),
    variety,
    exchange: form.exchange,
    tradingsymbol: form.tradingsymbol,
    side: form.transaction_type,
    quantity: form.quantity,
    product: form.product,
    orderType: form.order_type,
    ...(form.tag === undefined ? {} : { tag: form.tag }),
    appId: call.account.apiKey,
  });
  return dataReply({ order_id: orderId });
}

function modify(call: AuthenticatedCall): RestReply {
  varietyOf(call);
  const changes = changesOf(readForm(changesForm, call.form));
  return dataReply({ order_id: call.orders.modify(call.account, call.path.id ?? '', changes) });
}

function cancel(call: AuthenticatedCall): RestReply {
  varietyOf(call);
  return dataReply({ order_id: call.orders.cancel(call.account, call.path.id ?? '') });
}

function orders({ orders: desk, account, nowMs }: AuthenticatedCall): RestReply {
  const rows = desk.bookOf(account).book(nowMs);
  return dataReply(rows.map((row) => orderView(row, account.userId)));
}

/** The refusal of a read of an order that is not there, or not yet. */
function missing(orderId: string): KiteError {
  const { httpStatus, errorType, message } = noSuchOrder(orderId);
  return new KiteError(httpStatus, errorType, message);
}

function history({ orders: desk, account, nowMs, path }: AuthenticatedCall): RestReply {
  const orderId = path.id ?? '';
  const rows = desk.bookOf(account).history(orderId, nowMs);
  if (rows === undefined) throw missing(orderId);
  return dataReply(rows.map((row) => orderView(row, account.userId)));
}

function trades({ orders: desk, account, nowMs, path }: AuthenticatedCall): RestReply {
  const found = desk.bookOf(account).trades(nowMs, path.id);
  if (found === undefined) throw missing(path.id ?? '');
  return dataReply(found.map(tradeView));
}

function positions({ orders: desk, account }: AuthenticatedCall): RestReply {
  const book = desk.bookOf(account);
  const rows = book.positions().map((position) => positionView(position, book.quoteOf(position.contract)));
  return dataReply({ net: rows, day: rows });
}

function margins({ orders: desk, account, path: { segment } }: AuthenticatedCall): RestReply {
  const book = desk.bookOf(account);
  if (segment === 'equity' || segment === 'commodity') return dataReply(marginView(book.margin(segment)));
  if (segment !== undefined) throw inputError(`Invalid segment '${segment}'.`);
  return dataReply({
    equity: marginView(book.margin('equity')),
    commodity: marginView(book.margin('commodity')),
  });
}

function read(path: string, handle: (call: AuthenticatedCall) => RestReply): RestRoute {
  return { method: 'GET', path, requestClass: 'other', isPublic: false, handle };
}

function write(
  method: 'POST' | 'PUT' | 'DELETE',
  path: string,
  handle: (call: AuthenticatedCall) => RestReply,
): RestRoute {
  return { method, path, requestClass: 'order', isPublic: false, handle };
}

export const ORDER_ROUTES: readonly RestRoute[] = [
  write('POST', '/orders/:variety', place),
  write('PUT', '/orders/:variety/:id', modify),
  write('DELETE', '/orders/:variety/:id', cancel),
  read('/orders', orders),
  read('/orders/:id', history),
  read('/orders/:id/trades', trades),
  read('/trades', trades),
  read('/portfolio/positions', positions),
  read('/user/margins', margins),
  read('/user/margins/:segment', margins),
];
