// How order updates go wrong on their way to the user: twice, out of order, too late, or not at all.
import { SIMULATOR_UPDATE_HELD_MS_MAX } from '../../../../shared/limits.ts';
import type { OrderUpdate } from './order.ts';

export const UPDATE_DISTURBANCES = [
  'duplicate',
  /** It comes after the next one of its order. */
  'reorder',
  /** A partial fill is told again after COMPLETE. */
  'late_update',
  'drop',
] as const;
export type UpdateDisturbance = (typeof UPDATE_DISTURBANCES)[number];

interface Held {
  readonly update: OrderUpdate;
  readonly untilMs: number;
}

/** Updates of one user. */
export class UpdateStream {
  /** At most one per order. */
  readonly #held = new Map<string, Held>();

  /** What is sent in place of the update, now. */
  pass(update: OrderUpdate, how: readonly UpdateDisturbance[], nowMs: number): OrderUpdate[] {
    const { orderId } = update.row;
    const held = this.#held.get(orderId);
    if (how.includes('drop')) return [];
    if (how.includes('reorder') && held === undefined) {
      this.#held.set(orderId, { update, untilMs: nowMs + SIMULATOR_UPDATE_HELD_MS_MAX });
      return [];
    }
    this.#held.delete(orderId);
    const sent = held === undefined ? [update] : [update, held.update];
    if (how.includes('late_update') && update.status === 'COMPLETE') sent.push(partialFillOf(update));
    return how.includes('duplicate') ? sent.flatMap((one) => [one, one]) : sent;
  }

  /** What was kept back for a next one that did not come. */
  release(nowMs: number): OrderUpdate[] {
    const due = [...this.#held].filter(([, { untilMs }]) => untilMs <= nowMs);
    for (const [orderId] of due) this.#held.delete(orderId);
    return due.map(([, { update }]) => update);
  }
}

/** The order as it was with one lot less. */
function partialFillOf({ row }: OrderUpdate): OrderUpdate {
  const filledQuantity = row.filledQuantity - row.contract.lot;
  const filledValue = (row.filledValue / row.filledQuantity) * filledQuantity;
  return { status: 'UPDATE', row: { ...row, status: 'OPEN', filledQuantity, filledValue } };
}
