// Which states may follow which: nothing leads back to where an order would be sent again.
import { expect, test } from 'vitest';
import { assertCanFollow, canFollow } from '../../../../ingest/core/orders/task-states.ts';
import { isOverState, ORDER_TASK_STATES, type OrderTaskState } from '../../../../shared/order.ts';

const NEXT: Readonly<Record<OrderTaskState, readonly OrderTaskState[]>> = {
  PENDING: ['SENDING', 'DEAD_LETTER'],
  SENDING: ['RETRY_WAIT', 'UNKNOWN', 'PLACED', 'OPEN', 'COMPLETE', 'CANCELLED', 'REJECTED', 'DEAD_LETTER'],
  RETRY_WAIT: ['SENDING', 'RETRY_WAIT', 'PLACED', 'OPEN', 'COMPLETE', 'CANCELLED', 'REJECTED', 'DEAD_LETTER'],
  UNKNOWN: ['PLACED', 'OPEN', 'COMPLETE', 'CANCELLED', 'REJECTED', 'DEAD_LETTER'],
  PLACED: ['PLACED', 'OPEN', 'COMPLETE', 'CANCELLED', 'REJECTED', 'DEAD_LETTER'],
  OPEN: ['OPEN', 'COMPLETE', 'CANCELLED', 'REJECTED', 'DEAD_LETTER'],
  COMPLETE: ['COMPLETE', 'CANCELLED', 'REJECTED'],
  CANCELLED: ['COMPLETE', 'CANCELLED', 'REJECTED'],
  REJECTED: ['PLACED', 'OPEN', 'COMPLETE', 'CANCELLED', 'REJECTED'],
  DEAD_LETTER: ['PLACED', 'OPEN', 'COMPLETE', 'CANCELLED', 'REJECTED'],
};

test.each(ORDER_TASK_STATES)('after %s come its followers and no others', (from) => {
  expect(ORDER_TASK_STATES.filter((to) => canFollow(from, to))).toEqual(NEXT[from]);
  for (const to of ORDER_TASK_STATES.filter((one) => !NEXT[from].includes(one))) {
    expect(() => assertCanFollow(from, to)).toThrow(`${to} after ${from}`);
  }
});

test('from where Kite may have it, nothing leads to SENDING, on whatever way', () => {
  const reached = new Set<OrderTaskState>(['UNKNOWN']);
  for (const state of reached) for (const to of ORDER_TASK_STATES) if (canFollow(state, to)) reached.add(to);
  expect(reached).not.toContain('SENDING');
  expect(reached).not.toContain('RETRY_WAIT');
});

test('what is over is followed by what Kite says of the order only', () => {
  for (const from of ORDER_TASK_STATES.filter(isOverState)) {
    for (const to of ['PENDING', 'SENDING', 'RETRY_WAIT', 'UNKNOWN', 'DEAD_LETTER'] as const) {
      expect(canFollow(from, to)).toBe(false);
    }
  }
});
