// The only place that names Durable Objects: which object is which, and where it is first placed.
import { shardName } from '../../shared/shard.ts';
import { REGIONS, type Region } from '../core/gateway-choice.ts';
import type { Env } from '../env.ts';

export function gatewayName(region: Region, slot: number): string {
  return `gw:${region}:${slot}`;
}

export function shardStub(env: Env, shard: number) {
  return env.INSTRUMENT_SHARD.getByName(shardName(shard), { locationHint: 'apac-se' });
}

/** The gateway of that name. Its region is in the name, so that every caller places it alike. */
export function gatewayStub(env: Env, name: string) {
  const region = REGIONS.find((candidate) => name.startsWith(`gw:${candidate}:`)) ?? 'apac-se';
  return env.CLIENT_GATEWAY.getByName(name, { locationHint: region });
}

export function controlStub(env: Env) {
  return env.CONTROL_LINK.getByName('control', { locationHint: 'apac-se' });
}
