// GET /ws/stats: who is connected and to how much, over all gateways, and what of it no Kite account has room for.
import { Hono } from 'hono';
import { STATS_CONNECTIONS_MAX } from '../../shared/limits.ts';
import { operatorsOnly } from '../auth/permission.ts';
import type { ReportedStatus } from '../durable/control-link.ts';
import type { Env } from '../env.ts';
import { gatherGateways, reportedStatus } from './fleet.ts';

export const stats = new Hono<{ Bindings: Env }>();

function notPlacedOf({ status, receivedAtMs }: ReportedStatus, nowMs: number) {
  return {
    count: status.not_placed,
    instrument_tokens: status.not_placed_tokens,
    reported_age_ms: nowMs - receivedAtMs,
  };
}

stats.get('/stats', operatorsOnly, async (c) => {
  const [gateways, reported] = await Promise.all([gatherGateways(c.env), reportedStatus(c.env)]);
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
    ...(reported && { not_placed: notPlacedOf(reported, Date.now()) }),
  });
});
