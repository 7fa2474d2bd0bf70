// The only place that names Durable Objects: which object is which, and where it is first placed.
import { shardName } from '../../shared/shard.ts';
import type { Env } from '../env.ts';

/**
 * Regions that gateways live in. There is no hint for India: objects that were created from Mumbai without one landed
 * in Singapore, Osaka or Sydney, so India's clients and the shards are placed in the first.
 */
export const REGIONS = ['apac-se', 'apac-ne', 'oc', 'wnam', 'enam', 'weur', 'eeur'] as const;
export type Region = (typeof REGIONS)[number];

const REGION_OF_CONTINENT: Readonly<Record<string, Region>> = {
  AS: 'apac-se',
  OC: 'oc',
  NA: 'enam',
  SA: 'enam',
  EU: 'weur',
  AF: 'weur',
};

/** The region nearest to a request; the one with the shards when the request does not say where it is from. */
export function regionOf(cf: IncomingRequestCfProperties | undefined): Region {
  return REGION_OF_CONTINENT[cf?.continent ?? ''] ?? 'apac-se';
}

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
