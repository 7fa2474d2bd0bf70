// What became of an order, as the sidecar tells it: numbered without gaps, so that nobody misses one unawares.
import { ORDER_UPDATE_CHARS_MAX } from '../../shared/limits.ts';

export interface OrderEvent {
  /** Of the table order_events, dense; absent from a sidecar that does not number them. */
  readonly seq?: number;
  readonly accountId?: string;
  /** Kite's payload as JSON text, which clients get as it is. */
  readonly order: string;
}

/** An event of the table. */
export type NumberedOrderEvent = Required<OrderEvent>;

/** Around an order: its number and its account. */
const ENVELOPE_CHARS = 512;

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function numbered({ seq, account_id: accountId, order }: Readonly<Record<string, unknown>>) {
  if (typeof seq !== 'number' || !Number.isSafeInteger(seq) || seq < 1) return undefined;
  if (typeof accountId !== 'string' || !isObject(order)) return undefined;
  return { seq, accountId, order: JSON.stringify(order) };
}

/** The event in a notice of this name; undefined for anything that is none. Never throws. */
export function orderEventIn(name: string, payload: unknown): OrderEvent | undefined {
  if (typeof payload !== 'string' || payload.length > ORDER_UPDATE_CHARS_MAX + ENVELOPE_CHARS)
    return undefined;
  try {
    const value: unknown = JSON.parse(payload);
    if (!isObject(value)) return undefined;
    if (name === 'order_event') return numbered(value);
    return name === 'order_update' && payload.length <= ORDER_UPDATE_CHARS_MAX
      ? { order: payload }
      : undefined;
  } catch {
    return undefined;
  }
}
