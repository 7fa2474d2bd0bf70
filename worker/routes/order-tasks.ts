// /orders/tasks: what became of the caller's own requests, with every step of each.
import { Hono } from 'hono';
import { z } from 'zod';
import { AppError } from '../../shared/errors.ts';
import { ORDER_TASKS_PAGE_ROWS_DEFAULT, ORDER_TASKS_PAGE_ROWS_MAX } from '../../shared/limits.ts';
import { ORDER_TASK_STATES } from '../../shared/order.ts';
import { requirePermission } from '../auth/permission.ts';
import type { Env } from '../env.ts';
import { withDatabase } from '../store/db.ts';
import {
  findOrderTask,
  listOrderTasks,
  type OrderTaskRow,
  type OrderTransitionRow,
} from '../store/order-tasks.ts';
import { checkFields } from './order-bodies.ts';

export const orderTasks = new Hono<{ Bindings: Env }>();

const TASK_ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const isoTime = (text: string) => new Date(text).toISOString();

/** A task as its requester sees it. */
export function taskView(task: OrderTaskRow) {
  return {
    id: task.id,
    kind: task.kind,
    state: task.state,
    account_id: task.account_id,
    requested_by: task.requested_by,
    request: task.request,
    tag: task.tag,
    order_id: task.order_id,
    attempts: task.attempts,
    exchange_status: task.exchange_status,
    status_message: task.status_message,
    filled_quantity: task.filled_quantity,
    average_price: task.average_price,
    version: task.version,
    created_at: isoTime(task.created_at),
    updated_at: isoTime(task.updated_at),
  };
}

function stepView({ version, from_state, to_state, at, cause, detail }: OrderTransitionRow) {
  return { version, from_state, to_state, at: isoTime(at), cause, detail };
}

const wrongLimit = { error: `must be a whole number from 1 to ${ORDER_TASKS_PAGE_ROWS_MAX}` };
const Query = z.strictObject({
  state: z
    .enum(ORDER_TASK_STATES, { error: `must be one of ${ORDER_TASK_STATES.join(', ')}` })
    .exactOptional(),
  limit: z
    .string()
    .regex(/^\d{1,6}$/, wrongLimit)
    .transform(Number)
    .pipe(z.number().min(1, wrongLimit).max(ORDER_TASKS_PAGE_ROWS_MAX, wrongLimit))
    .default(ORDER_TASKS_PAGE_ROWS_DEFAULT),
  after: z.string().regex(TASK_ID, { error: 'must be `next` of the page before' }).exactOptional(),
  /** A user's token may come in the query. */
  token: z.string().exactOptional(),
});

orderTasks.get('/orders/tasks', async (c) => {
  const requestedBy = await requirePermission(c, 'orders:read');
  const { state, limit, after } = checkFields(Query, c.req.query());
  const filter = { requestedBy, state, after };
  const tasks = await withDatabase(c.env, c.executionCtx, (sql) => listOrderTasks(sql, filter, limit));
  const last = tasks.at(-1);
  return c.json({
    tasks: tasks.map(taskView),
    ...(last && tasks.length === limit ? { next: last.id } : {}),
  });
});

orderTasks.get('/orders/tasks/:id', async (c) => {
  const requestedBy = await requirePermission(c, 'orders:read');
  const id = c.req.param('id');
  const found = TASK_ID.test(id)
    ? await withDatabase(c.env, c.executionCtx, (sql) => findOrderTask(sql, requestedBy, id))
    : undefined;
  // Also when it is somebody else's: that it exists is nobody's business.
  if (!found)
    throw new AppError('not_found', `no task of yours has the id ${JSON.stringify(id.slice(0, 64))}`);
  return c.json({ ...taskView(found.task), history: found.transitions.map(stepView) });
});
