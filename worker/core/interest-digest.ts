// A short proof that a shard and a gateway mean the same by the gateway's interest.
import type { InterestItem } from './interest.ts';

export interface InterestDigest {
  readonly count: number;
  /** Sum of a hash of each item: the order does not matter, and two equal sums of different items are an accident. */
  readonly hash: number;
}

export function digestOf(items: Iterable<InterestItem>): InterestDigest {
  let count = 0;
  let hash = 0;
  for (const [token, rank] of items) {
    count++;
    const mixed = Math.imul(token ^ (token >>> 15), 0x2c1b_3c6d) + Math.imul(rank, 0x297a_2d39);
    hash = (hash + Math.imul(mixed ^ (mixed >>> 13), 0x85eb_ca6b)) >>> 0;
  }
  return { count, hash };
}

export function isSameInterest(a: InterestDigest, b: InterestDigest): boolean {
  return a.count === b.count && a.hash === b.hash;
}
