// POST /gateways/drain: before a deploy, clients are sent to other gateways one by one instead of being cut off at once.
import { Hono } from 'hono';
import { z } from 'zod';
import { AppError } from '../../shared/errors.ts';
import { DRAIN_MS_DEFAULT, DRAIN_MS_MAX } from '../../shared/limits.ts';
import { requireApiKey } from '../auth/api-key.ts';
import { controlStub, gatewayStub } from '../durable/stubs.ts';
import type { Env } from '../env.ts';
import { databaseOf } from '../store/db.ts';
import { gather } from './fleet.ts';

export const drain = new Hono<{ Bindings: Env }>();

const Body = z.strictObject({
  gateway: z.string().max(64),
  window_ms: z.number().int().min(0).max(DRAIN_MS_MAX).default(DRAIN_MS_DEFAULT),
});

drain.post('/gateways/drain', async (c) => {
  await requireApiKey(c.req.raw, 'gateways:drain', c.env, databaseOf(c.env, c.executionCtx));
  const body = Body.safeParse(await c.req.json().catch(() => undefined));
  if (!body.success) {
    const issue = body.error.issues[0];
    throw new AppError('invalid_parameter', `${issue?.path.join('.') || 'body'}: ${issue?.message}`);
  }
  const { gateway, window_ms: windowMs } = body.data;
  if (!(await controlStub(c.env).gateways()).includes(gateway)) {
    throw new AppError('not_found', `no gateway is called ${gateway}`);
  }
  const { values } = await gather([gatewayStub(c.env, gateway).drain(windowMs)]);
  const [leaving] = values;
  if (leaving === undefined) throw new AppError('gateway_unavailable', `${gateway} does not answer`);
  return c.json({ gateway, window_ms: windowMs, connections_leaving: leaving }, 202);
});
