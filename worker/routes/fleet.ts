// The figures of every part, gathered for /health, /ws/stats and /metrics.
import { SHARD_COUNT } from '../../shared/shard.ts';
import type { GatewayCounts, GatewayStats } from '../core/gateway-stats.ts';
import type { Revocation } from '../core/revocations.ts';
import type { ShardStats } from '../core/shard-stats.ts';
import type { ReportedStatus } from '../durable/control-link.ts';
import { controlStub, gatewayStub, shardStub } from '../durable/stubs.ts';
import type { Env } from '../env.ts';

/** Values of those that answered, and how many did not: one dead object must not hide the others' figures. */
export interface Gathered<T> {
  readonly values: readonly T[];
  readonly failed: number;
}

export async function gather<T>(calls: readonly Promise<T>[]): Promise<Gathered<T>> {
  const settled = await Promise.allSettled(calls);
  const values = settled.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  return { values, failed: settled.length - values.length };
}

export async function gatherGateways(env: Env): Promise<Gathered<GatewayStats>> {
  const names = await controlStub(env).gateways();
  return gather(names.map((name) => gatewayStub(env, name).stats()));
}

export async function gatherCounts(env: Env): Promise<Gathered<GatewayCounts>> {
  const names = await controlStub(env).gateways();
  return gather(names.map((name) => gatewayStub(env, name).counts()));
}

export function gatherShards(env: Env): Promise<Gathered<ShardStats>> {
  return gather(Array.from({ length: SHARD_COUNT }, (_, shard) => shardStub(env, shard).stats()));
}

/** Has every gateway close what the user has open with a token of before `notBeforeS`; the values are how many each closed. */
export async function revokeAtGateways(
  env: Env,
  { userId, notBeforeS }: Revocation,
): Promise<Gathered<number>> {
  const names = await controlStub(env).gateways();
  return gather(names.map((name) => gatewayStub(env, name).revokeUser(userId, notBeforeS)));
}

export function reportedStatus(env: Env): Promise<ReportedStatus | undefined> {
  return controlStub(env).reported();
}
