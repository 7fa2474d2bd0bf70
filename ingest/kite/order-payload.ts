// Kite's orders as its book, its history and its ticker spell them, read into what decides anything.
import { z } from 'zod';
import { KITE_ORDER_STATUS_CHARS_MAX, ORDER_MESSAGE_CHARS_MAX } from '../../shared/limits.ts';
import type { KiteOrder, UnreadOrder } from '../core/orders/kite-order.ts';

/** Digits that do not fit a double: a number in its place has lost them, and is no id. */
export const OrderId = z.string().regex(/^[A-Za-z0-9_-]{1,40}$/);

const Quantity = z.int().nonnegative();
/** Of what an order need not have: Kite says 0, null, or nothing. */
const OptionalNumber = z.number().nullish();
const OptionalText = z.string().nullish();

/**
 * What decides something must be there and be right; whatever else Kite has is passed on. An order that cannot be read
 * is no order with less in it: its filled quantity would be taken for none.
 */
const Payload = z.looseObject({
  order_id: OrderId,
  parent_order_id: OptionalText,
  tag: OptionalText,
  tags: z.array(z.string()).nullish(),
  status: z.string().min(1).max(KITE_ORDER_STATUS_CHARS_MAX),
  status_message: OptionalText,
  quantity: Quantity,
  filled_quantity: Quantity,
  average_price: OptionalNumber,
  price: OptionalNumber,
  trigger_price: OptionalNumber,
  disclosed_quantity: OptionalNumber,
  validity: OptionalText,
  exchange_update_timestamp: OptionalText,
});

/** Of a row that cannot be read: whose it is may be read all the same. */
const Identity = z.object({ order_id: OrderId });
const Tags = z.object({ tag: OptionalText, tags: z.array(z.string()).nullish() });

/** `YYYY-MM-DD HH:MM:SS` in India as milliseconds since the epoch; null when it is none. */
export function kiteTimeMs(text: string | null | undefined): number | null {
  const parts = /^(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d)$/.exec(text ?? '');
  const ms = parts ? Date.parse(`${parts[1]}T${parts[2]}+05:30`) : Number.NaN;
  return Number.isNaN(ms) ? null : ms;
}

/** The order, or which field is wrong. */
export function readKiteOrder(payload: unknown): KiteOrder | { readonly problem: string } {
  const parsed = Payload.safeParse(payload);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    return { problem: `field ${issue?.path.join('.') || 'data'}: ${issue?.message}` };
  }
  const order = parsed.data;
  return {
    orderId: order.order_id,
    parentOrderId: order.parent_order_id || null,
    tag: order.tag ?? null,
    tags: order.tags ?? [],
    status: order.status,
    statusMessage: order.status_message?.slice(0, ORDER_MESSAGE_CHARS_MAX) ?? null,
    quantity: order.quantity,
    filledQuantity: order.filled_quantity,
    averagePrice: order.average_price ?? 0,
    price: order.price ?? 0,
    triggerPrice: order.trigger_price ?? 0,
    disclosedQuantity: order.disclosed_quantity ?? 0,
    validity: order.validity ?? '',
    exchangeUpdatedAtMs: kiteTimeMs(order.exchange_update_timestamp),
    payload: payload as Readonly<Record<string, unknown>>,
  };
}

/** What a row says of whose it is that `readKiteOrder` could not read. */
export function readUnreadOrder(payload: unknown, problem: string): UnreadOrder {
  const identity = Identity.safeParse(payload);
  const words = Tags.safeParse(payload);
  const { tag, tags } = words.success ? words.data : {};
  return {
    orderId: identity.success ? identity.data.order_id : null,
    tags: words.success ? [...(tags ?? []), ...(tag ? [tag] : [])] : null,
    problem,
  };
}
