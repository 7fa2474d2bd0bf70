// Order tasks' requests as Kite's REST API wants them (kite.trade/docs/connect/v3/orders).
import type { CancelRequest, ModifyRequest, PlaceRequest } from '../../shared/order.ts';
import type { KiteRequest } from './rest-request.ts';

/** Absent fields are not sent: Kite takes an empty one for a wrong one. */
function formOf(fields: Readonly<Record<string, string | number | undefined>>): URLSearchParams {
  const form = new URLSearchParams();
  for (const [name, value] of Object.entries(fields)) {
    if (value !== undefined) form.append(name, String(value));
  }
  return form;
}

function pathOf(variety: string, orderId: string): string {
  return `/orders/${encodeURIComponent(variety)}/${encodeURIComponent(orderId)}`;
}

/** `tag` is how the order is found again whose reply is lost. */
export function placeCallOf({ variety, ...fields }: PlaceRequest, tag: string): KiteRequest {
  return { method: 'POST', path: `/orders/${encodeURIComponent(variety)}`, form: formOf({ ...fields, tag }) };
}

export function modifyCallOf({ variety, order_id, ...fields }: ModifyRequest): KiteRequest {
  return { method: 'PUT', path: pathOf(variety, order_id), form: formOf({ ...fields }) };
}

export function cancelCallOf({ variety, order_id, ...fields }: CancelRequest): KiteRequest {
  const query = formOf({ ...fields });
  return { method: 'DELETE', path: pathOf(variety, order_id), ...(query.size > 0 ? { query } : {}) };
}
