// Whose order is it: what Kite's orders say of the task that they came from.
import type { KiteOrder, UnreadOrder } from './kite-order.ts';
import type { OrderTask } from './task.ts';

const SLICE = /^autoslice:(.+)$/;

/** All words that may be a task's tag. Kite gives ours back as `tag`, or only among `tags`, with its own. */
export function tagsOf(order: KiteOrder): readonly string[] {
  return order.tag === null || order.tags.includes(order.tag) ? order.tags : [order.tag, ...order.tags];
}

/** The order that this one is a leg or a slice of; null of an order of its own. */
export function parentOf(order: KiteOrder): string | null {
  if (order.parentOrderId !== null) return order.parentOrderId;
  for (const tag of order.tags) {
    const parent = SLICE.exec(tag)?.[1];
    if (parent !== undefined) return parent;
  }
  return null;
}

/** Varieties that make several orders of one request: legs, each under the request's tag. */
const WITH_LEGS: ReadonlySet<unknown> = new Set(['iceberg', 'co']);

/** Whether there should be no other order with its tag. */
export function isAloneOfTag(order: KiteOrder): boolean {
  return parentOf(order) === null && !WITH_LEGS.has(order.payload.variety);
}

/** Whether a row that cannot be read is the task's order, or may be it. */
export function mayBeOf(task: OrderTask, { orderId, tags }: UnreadOrder): boolean {
  if (task.orderId !== null && orderId !== null) return orderId === task.orderId;
  return task.tag === null || tags === null || tags.includes(task.tag);
}
