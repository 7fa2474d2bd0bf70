// The order update in a notice of the sidecar.
import { ORDER_UPDATE_CHARS_MAX } from '../../shared/limits.ts';

/** Kite's payload as JSON text, which clients get as it is; undefined for anything that is none. Never throws. */
export function orderUpdateIn(payload: unknown): string | undefined {
  if (typeof payload !== 'string' || payload.length > ORDER_UPDATE_CHARS_MAX) return undefined;
  try {
    const order: unknown = JSON.parse(payload);
    return typeof order === 'object' && order !== null && !Array.isArray(order) ? payload : undefined;
  } catch {
    return undefined;
  }
}
