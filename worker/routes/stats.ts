// GET /ws/stats: who is connected and to how much, over all gateways.
import { Hono } from 'hono';
import { STATS_CONNECTIONS_MAX } from '../../shared/limits.ts';
import { operatorsOnly } from '../auth/middleware.ts';
import type { Env } from '../env.ts';
import { gatherGateways } from './fleet.ts';

export const stats = new Hono<{ Bindings: Env }>();

stats.get('/stats', operatorsOnly, async (c) => {
  const gateways = await gatherGateways(c.env);
  const connections = gateways.values.flatMap((gateway) => gateway.connections);
  const unique = new Set(gateways.values.flatMap((gateway) => gateway.tokens));
  return c.json({
    active_connections: connections.length,
    total_subscriptions: gateways.values.reduce((sum, gateway) => sum + gateway.total_subscriptions, 0),
    unique_tokens_subscribed: unique.size,
    connections: connections.slice(0, STATS_CONNECTIONS_MAX),
    gateways: gateways.values.map(({ gateway, connections: { length } }) => ({
      gateway,
      connections: length,
    })),
    gateways_not_answering: gateways.failed,
  });
});
