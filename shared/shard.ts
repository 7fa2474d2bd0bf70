// Token -> shard: the one hash that sidecar and edge agree on.

/** Shards in the system. Changing it moves instruments between objects: sidecar and edge must be deployed together. */
export const SHARD_COUNT = 8;

/** Shard index of a token, 0..SHARD_COUNT-1. Fibonacci hashing: tokens of one chain differ in few low bits. */
export function shardOf(token: number): number {
  return (Math.imul(token, 0x9e37_79b1) >>> 16) % SHARD_COUNT;
}

export function shardName(index: number): string {
  return `shard:${index}`;
}
