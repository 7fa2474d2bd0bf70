// /orders, /positions, /margins: Kite's own answers for one account, as the sidecar gets them now.
import { type Context, Hono } from 'hono';
import { z } from 'zod';
import { requirePermission } from '../auth/permission.ts';
import type { Env } from '../env.ts';
import { withDatabase } from '../store/db.ts';
import { listKnownAccounts } from '../store/order-tasks.ts';
import { accountOf } from './order-account.ts';
import { AccountId, checkFields } from './order-bodies.ts';
import { askSidecar } from './sidecar-link.ts';

export const orderBook = new Hono<{ Bindings: Env }>();

const Query = z.strictObject({
  account_id: AccountId.exactOptional(),
  /** A user's token may come in the query. */
  token: z.string().exactOptional(),
});

async function accountAsked(c: Context<{ Bindings: Env }>): Promise<{ account_id: string }> {
  await requirePermission(c, 'orders:read');
  const { account_id: given } = checkFields(Query, c.req.query());
  const known = await withDatabase(c.env, c.executionCtx, listKnownAccounts);
  return { account_id: await accountOf(c.env, given, known) };
}

orderBook.get('/orders', async (c) => {
  const question = await accountAsked(c);
  const orders = await askSidecar(c.env, 'orders', question, z.array(z.unknown()));
  return c.json({ ...question, orders });
});

orderBook.get('/positions', async (c) => {
  const question = await accountAsked(c);
  return c.json({ ...question, positions: await askSidecar(c.env, 'positions', question, z.unknown()) });
});

orderBook.get('/margins', async (c) => {
  const question = await accountAsked(c);
  return c.json({ ...question, margins: await askSidecar(c.env, 'margins', question, z.unknown()) });
});
