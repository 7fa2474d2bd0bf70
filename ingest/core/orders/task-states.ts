// Which state of a task may follow which.
import type { OrderTaskState } from '../../../shared/order.ts';

const ENDS = ['COMPLETE', 'CANCELLED', 'REJECTED'] as const;
/** Kite has the order: found in its book, or told of. */
const BOUND = ['PLACED', 'OPEN', ...ENDS] as const;

/**
 * Nothing leads from UNKNOWN, or from what Kite has taken, back to where it would be sent again. What is over may turn out to have
 * another end, or more filled: late news still counts, and an order that turns up finds its task also when that was given up.
 */
const NEXT: Readonly<Record<OrderTaskState, ReadonlySet<OrderTaskState>>> = {
  PENDING: new Set(['SENDING', 'DEAD_LETTER']),
  SENDING: new Set([...BOUND, 'RETRY_WAIT', 'UNKNOWN', 'DEAD_LETTER']),
  RETRY_WAIT: new Set([...BOUND, 'SENDING', 'RETRY_WAIT', 'DEAD_LETTER']),
  UNKNOWN: new Set([...BOUND, 'DEAD_LETTER']),
  PLACED: new Set([...BOUND, 'DEAD_LETTER']),
  OPEN: new Set(['OPEN', ...ENDS, 'DEAD_LETTER']),
  COMPLETE: new Set(ENDS),
  CANCELLED: new Set(ENDS),
  REJECTED: new Set(BOUND),
  DEAD_LETTER: new Set(BOUND),
};

export function canFollow(from: OrderTaskState, to: OrderTaskState): boolean {
  return NEXT[from].has(to);
}

/** Throws for a change that must never be: better nothing is stored than an order that is sent again. */
export function assertCanFollow(from: OrderTaskState, to: OrderTaskState): void {
  if (!canFollow(from, to)) throw new Error(`invariant broken: ${to} after ${from}`);
}
