// /orders: requests to place, change and cancel orders become tasks, which the sidecar carries out.
import { type Context, Hono } from 'hono';
import { AppError } from '../../shared/errors.ts';
import {
  IDEMPOTENCY_KEY_CHARS_MAX,
  ORDER_ACCOUNT_OPEN_MAX,
  ORDER_ACCOUNT_PER_MINUTE_MAX,
  ORDER_BODY_BYTES_MAX,
  ORDER_REQUESTER_OPEN_MAX,
  ORDER_REQUESTER_PER_MINUTE_MAX,
} from '../../shared/limits.ts';
import { newOrderTag, type OrderRequest, type OrderTaskKind } from '../../shared/order.ts';
import { requirePermission } from '../auth/permission.ts';
import { faultOfModify, faultOfPlace } from '../core/order-request.ts';
import type { Env } from '../env.ts';
import { type Sql, withClient } from '../store/db.ts';
import {
  findInstrumentOfOrder,
  findTaskByKey,
  type OrderFacts,
  type OrderTaskRow,
  readOrderFacts,
  type StoredTask,
  storeOrderTask,
  type TaskKey,
} from '../store/order-tasks.ts';
import { accountOf } from './order-account.ts';
import { auditRefusals } from './order-audit.ts';
import { CancelBody, checkFields, ModifyBody, PlaceBody, readJsonBody, wrongField } from './order-bodies.ts';
import { taskView } from './order-tasks.ts';
import { wakeSidecar } from './sidecar-link.ts';

export const orders = new Hono<{ Bindings: Env }>();

type OrdersContext = Context<{ Bindings: Env }>;

const KEY_HEADER = 'idempotency-key';
const KEY_PATTERN = new RegExp(`^[\\x21-\\x7e]{1,${IDEMPOTENCY_KEY_CHARS_MAX}}$`);

/** Required: a caller that lost its answer must be able to ask again, and finds that out only when it is too late. */
function idempotencyKeyOf(request: Request): string {
  const key = request.headers.get(KEY_HEADER);
  const rule = `1 to ${IDEMPOTENCY_KEY_CHARS_MAX} printable characters without blanks`;
  if (key === null) throw new AppError('invalid_parameter', `header Idempotency-Key is required: ${rule}`);
  if (!KEY_PATTERN.test(key)) throw wrongField('Idempotency-Key', `must be ${rule}`, key);
  return key;
}

/** SHA-256 of the kind and the fields in the order of their names, as hex: what is the same request. */
async function hashOf(kind: OrderTaskKind, body: object): Promise<string> {
  const fields = Object.entries(body).sort(([a], [b]) => (a < b ? -1 : 1));
  const bytes = new TextEncoder().encode(JSON.stringify([kind, fields]));
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
  return [...digest].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** Throws what is wrong with the request by the day's list, if anything is. */
async function checkAgainstList(
  sql: Sql,
  order: OrderRequest,
  accountId: string,
  { instrument: ordered, today }: OrderFacts,
): Promise<void> {
  if (order.kind === 'cancel') return;
  if (order.kind === 'modify') {
    const instrument = await findInstrumentOfOrder(sql, accountId, order.request.order_id);
    const fault = faultOfModify(order.request, instrument);
    if (fault) throw wrongField(fault.field, fault.message, fault.value);
    return;
  }
  const { exchange, tradingsymbol } = order.request;
  if (!ordered) {
    const name = JSON.stringify(`${exchange}:${tradingsymbol}`);
    throw new AppError('unknown_instrument', `tradingsymbol: ${name} is not in today's instrument list`);
  }
  const fault = faultOfPlace(order.request, ordered, today);
  if (fault) throw wrongField(fault.field, fault.message, fault.value);
}

function refusalOf(kind: OrderTaskKind, { halt, ...counts }: StoredTask): AppError {
  if (halt) {
    const reason = halt.reason === '' ? '' : `: ${halt.reason}`;
    return new AppError('orders_halted', `orders are halted for ${halt.scope}${reason}`);
  }
  const perMinute = (count: number, max: number, whose: string) =>
    count >= max
      ? new AppError('rate_limited', `${max} requests of this ${whose} within a minute`)
      : undefined;
  const open = (count: number, max: number, whose: string) =>
    kind === 'place' && count >= max
      ? new AppError('order_limit', `${max} tasks of this ${whose} are open already`)
      : undefined;
  return (
    perMinute(counts.requester_minute, ORDER_REQUESTER_PER_MINUTE_MAX, 'requester') ??
    perMinute(counts.account_minute, ORDER_ACCOUNT_PER_MINUTE_MAX, 'account') ??
    open(counts.requester_open, ORDER_REQUESTER_OPEN_MAX, 'requester') ??
    open(counts.account_open, ORDER_ACCOUNT_OPEN_MAX, 'account') ??
    // Its key was taken by a task that was archived in the meantime.
    new AppError('idempotency_conflict', 'Idempotency-Key: is in use, try again')
  );
}

/** The task of the same key, if it was asked for with the same body. Throws `idempotency_conflict` otherwise. */
function sameTask(task: OrderTaskRow, { idempotencyKey }: TaskKey, bodyHash: string): OrderTaskRow {
  if (task.body_hash === bodyHash) return task;
  const key = JSON.stringify(idempotencyKey);
  throw new AppError('idempotency_conflict', `Idempotency-Key: ${key} was used with another body`);
}

interface Given {
  readonly order: OrderRequest;
  readonly accountId: string | undefined;
  readonly bodyHash: string;
}

async function takeIn(
  env: Env,
  sql: Sql,
  key: TaskKey,
  { order, accountId: given, bodyHash }: Given,
): Promise<{ readonly task: OrderTaskRow; readonly isNew: boolean }> {
  const isPlace = order.kind === 'place';
  const facts = await readOrderFacts(sql, key, isPlace ? order.request : undefined);
  // Before anything else: a repeat gets its task also when today the request would be refused.
  if (facts.task) return { task: sameTask(facts.task, key, bodyHash), isNew: false };
  const accountId = await accountOf(env, given, facts.accounts);
  await checkAgainstList(sql, order, accountId, facts);
  const stored = await storeOrderTask(sql, {
    ...key,
    ...order,
    id: crypto.randomUUID(),
    accountId,
    bodyHash,
    tag: isPlace ? newOrderTag((count) => crypto.getRandomValues(new Uint8Array(count))) : undefined,
    orderId: isPlace ? undefined : order.request.order_id,
  });
  if (stored.task) return { task: stored.task, isNew: true };
  const other = await findTaskByKey(sql, key);
  if (other) return { task: sameTask(other, key, bodyHash), isNew: false };
  throw refusalOf(order.kind, stored);
}

function givenOf(kind: OrderTaskKind, body: unknown): Omit<Given, 'bodyHash'> {
  switch (kind) {
    case 'place': {
      const { account_id: accountId, ...request } = checkFields(PlaceBody, body);
      return { order: { kind, request }, accountId };
    }
    case 'modify': {
      const { account_id: accountId, ...request } = checkFields(ModifyBody, body);
      return { order: { kind, request }, accountId };
    }
    case 'cancel': {
      const { account_id: accountId, ...request } = checkFields(CancelBody, body);
      return { order: { kind, request }, accountId };
    }
  }
}

async function takeRequest(c: OrdersContext, kind: OrderTaskKind): Promise<Response> {
  const { env, executionCtx: background } = c;
  const { task, isNew } = await withClient(env, background, async (ask) => {
    const requestedBy = await requirePermission(c, 'orders:write', ask);
    return auditRefusals(c, { requestedBy, action: kind }, async () => {
      const key = { requestedBy, idempotencyKey: idempotencyKeyOf(c.req.raw) };
      const body = await readJsonBody(c.req.raw, ORDER_BODY_BYTES_MAX);
      const given = { ...givenOf(kind, body), bodyHash: await hashOf(kind, body as object) };
      return ask((sql) => takeIn(env, sql, key, given));
    });
  });
  if (isNew) wakeSidecar(env, background, 'order_tasks_changed');
  return c.json(taskView(task), 202);
}

orders.post('/orders/place', (c) => takeRequest(c, 'place'));
orders.post('/orders/modify', (c) => takeRequest(c, 'modify'));
orders.post('/orders/cancel', (c) => takeRequest(c, 'cancel'));
