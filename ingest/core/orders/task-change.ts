// A transition of a task, made of where it is and where it goes; and the task after it.
import { ORDER_MESSAGE_CHARS_MAX } from '../../../shared/limits.ts';
import type { OrderTask, TaskChange, TaskUpdate } from './task.ts';
import { assertCanFollow } from './task-states.ts';

/** Somebody else's words, short, and without the one character that the database does not take. */
function cut<T>(value: T): T | string {
  return typeof value === 'string' ? value.slice(0, ORDER_MESSAGE_CHARS_MAX).replaceAll('\0', '') : value;
}

/** Throws for a transition that must never be. */
export function changeOf(task: OrderTask, update: TaskUpdate): TaskChange {
  assertCanFollow(task.state, update.to);
  const detail = Object.fromEntries(
    Object.entries(update.detail ?? {}).map(([name, value]) => [name, cut(value)]),
  );
  const { statusMessage } = update;
  return {
    ...update,
    taskId: task.id,
    version: task.version,
    from: task.state,
    detail,
    ...(statusMessage === undefined ? {} : { statusMessage: cut(statusMessage) }),
  };
}

/** What the database has after the change. */
export function taskAfter(task: OrderTask, change: TaskChange): OrderTask {
  const { to, orderId, exchangeStatus, filledQuantity, nextAttempt } = change;
  return {
    ...task,
    state: to,
    version: change.version + 1,
    sendingEpoch: null,
    isHeld: nextAttempt === undefined ? task.isHeld : nextAttempt === 'held',
    isUncertain: to === 'UNKNOWN' || (to === 'DEAD_LETTER' && task.isUncertain),
    ...(orderId === undefined ? {} : { orderId }),
    ...(exchangeStatus === undefined ? {} : { exchangeStatus }),
    ...(filledQuantity === undefined ? {} : { filledQuantity }),
  };
}
