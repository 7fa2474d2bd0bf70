// /orders/halt, /orders/resume: the switch that stops orders of everybody, of an account or of one requester.
import { type Context, Hono } from 'hono';
import { z } from 'zod';
import { AppError } from '../../shared/errors.ts';
import {
  ORDER_HALT_BODY_BYTES_MAX,
  ORDER_HALT_REASON_CHARS_MAX,
  ORDER_HALTS_MAX,
  USER_ID_CHARS_MAX,
} from '../../shared/limits.ts';
import { requirePermission } from '../auth/permission.ts';
import type { Env } from '../env.ts';
import { withDatabase } from '../store/db.ts';
import { deleteHalt, listHalts, type OrderHalt, storeHalt } from '../store/order-halts.ts';
import { auditRefusals } from './order-audit.ts';
import { AccountId, checkFields, readJsonBody, wrongField } from './order-bodies.ts';
import { wakeSidecar } from './sidecar-link.ts';

export const orderHalts = new Hono<{ Bindings: Env }>();

const Requester = z
  .string()
  .max(USER_ID_CHARS_MAX + 'user:'.length)
  .regex(/^(user|key):[^\p{Cc}\p{Cs}]+$/u, { error: 'must be user:<id> or key:<name>' });

const Scope = {
  scope: z.enum(['all', 'account', 'requester'], { error: 'must be all, account or requester' }),
  account_id: AccountId.exactOptional(),
  requester: Requester.exactOptional(),
};
const reasonRule = { error: `must be a text of at most ${ORDER_HALT_REASON_CHARS_MAX} characters` };
const HaltBody = z.strictObject({
  ...Scope,
  reason: z
    .string(reasonRule)
    .max(ORDER_HALT_REASON_CHARS_MAX, reasonRule)
    .regex(/^[^\p{Cc}\p{Cs}]*$/u, { error: 'must have no control characters' })
    .default(''),
});
const ResumeBody = z.strictObject(Scope);

/** As order_halts names it; throws `invalid_parameter` when the scope's name is missing, or is one too many. */
function scopeOf({ scope, account_id: account, requester }: z.infer<typeof ResumeBody>): string {
  const names = { all: undefined, account, requester };
  if (scope !== 'account' && account !== undefined)
    throw wrongField('account_id', `is not for scope ${scope}`, account);
  if (scope !== 'requester' && requester !== undefined)
    throw wrongField('requester', `is not for scope ${scope}`, requester);
  if (scope === 'all') return scope;
  const name = names[scope];
  if (name === undefined) {
    throw wrongField(
      scope === 'account' ? 'account_id' : 'requester',
      `is required for scope ${scope}`,
      name,
    );
  }
  return `${scope}:${name}`;
}

function haltView({ halted_at: haltedAt, ...halt }: OrderHalt) {
  return { ...halt, halted_at: haltedAt.toISOString() };
}

orderHalts.get('/orders/halts', async (c) => {
  await requirePermission(c, 'orders:read');
  const halts = await withDatabase(c.env, c.executionCtx, listHalts);
  return c.json({ halts: halts.map(haltView) });
});

async function halt(c: Context<{ Bindings: Env }>, haltedBy: string): Promise<OrderHalt> {
  const { reason, ...named } = checkFields(
    HaltBody,
    await readJsonBody(c.req.raw, ORDER_HALT_BODY_BYTES_MAX),
  );
  const scope = scopeOf(named);
  const row = await withDatabase(c.env, c.executionCtx, (sql) => storeHalt(sql, { scope, haltedBy, reason }));
  if (row) return row;
  throw new AppError('order_limit', `there are ${ORDER_HALTS_MAX} halts already: halt all`);
}

orderHalts.post('/orders/halt', async (c) => {
  const requestedBy = await requirePermission(c, 'orders:halt');
  const row = await auditRefusals(c, { requestedBy, action: 'halt' }, () => halt(c, requestedBy));
  wakeSidecar(c.env, c.executionCtx, 'order_tasks_changed');
  return c.json(haltView(row));
});

async function resume(c: Context<{ Bindings: Env }>, resumedBy: string): Promise<string> {
  const scope = scopeOf(checkFields(ResumeBody, await readJsonBody(c.req.raw, ORDER_HALT_BODY_BYTES_MAX)));
  const wasHalted = await withDatabase(c.env, c.executionCtx, (sql) => deleteHalt(sql, scope, resumedBy));
  if (!wasHalted) throw new AppError('not_found', `scope: ${scope} is not halted`);
  return scope;
}

orderHalts.post('/orders/resume', async (c) => {
  const requestedBy = await requirePermission(c, 'orders:halt');
  const scope = await auditRefusals(c, { requestedBy, action: 'resume' }, () => resume(c, requestedBy));
  wakeSidecar(c.env, c.executionCtx, 'order_tasks_changed');
  return c.json({ scope, resumed: true });
});
