// Counts the sockets of one gateway by user and by address, and says when one has enough.
import { CONNECTIONS_PER_ADDRESS_MAX, CONNECTIONS_PER_USER_MAX } from '../../shared/limits.ts';

/** Whose limit is reached. */
export type QuotaRefusal = 'user' | 'address';

/**
 * The unit in which addresses are handed out: an IPv4 address, or the /64 of an IPv6 one (its owner can take any of 2^64
 * others). Texts that are neither are their own unit.
 */
export function addressUnit(address: string): string {
  const text = address.trim().toLowerCase();
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/.exec(text)?.[1];
  if (mapped !== undefined) return mapped;
  if (!text.includes(':')) return text;
  const [head = '', tail] = text.split('::');
  const groups = head === '' ? [] : head.split(':');
  const tailGroups = tail ? tail.split(':') : [];
  while (tail !== undefined && groups.length + tailGroups.length < 8) groups.push('0');
  const network = [...groups, ...tailGroups].slice(0, 4);
  return `${network.map((group) => group.replace(/^0+(?=.)/, '')).join(':')}::/64`;
}

class Tally {
  readonly #counts = new Map<string, number>();

  get size(): number {
    return this.#counts.size;
  }

  of(key: string | undefined): number {
    return key === undefined ? 0 : (this.#counts.get(key) ?? 0);
  }

  add(key: string | undefined, change: 1 | -1): void {
    if (key === undefined) return;
    const count = this.of(key) + change;
    if (count > 0) this.#counts.set(key, count);
    else this.#counts.delete(key);
  }
}

/**
 * Both keys are optional everywhere: a socket that has yet to authenticate has no user, and a request that did not come
 * through Cloudflare has no address; what is absent is not limited. A socket that authenticates later is added in two
 * calls, first by its address and then by its user, and removed in one. Memory: an entry per user and address that is
 * here, so at most two per socket.
 */
export class ConnectionQuota {
  readonly #users = new Tally();
  readonly #addresses = new Tally();

  /** Counts a socket, or says whose limit it would break and counts nothing. */
  add(userId: string | undefined, address: string | undefined): QuotaRefusal | undefined {
    const unit = address === undefined ? undefined : addressUnit(address);
    if (this.#users.of(userId) >= CONNECTIONS_PER_USER_MAX) return 'user';
    if (this.#addresses.of(unit) >= CONNECTIONS_PER_ADDRESS_MAX) return 'address';
    this.restore(userId, address);
    return undefined;
  }

  /** Counts a socket that is there already, after hibernation: it stays, whatever the limits are by now. */
  restore(userId: string | undefined, address: string | undefined): void {
    this.#users.add(userId, 1);
    this.#addresses.add(address === undefined ? undefined : addressUnit(address), 1);
  }

  /** Once for each socket that was counted, with the keys that it was counted by. */
  remove(userId: string | undefined, address: string | undefined): void {
    this.#users.add(userId, -1);
    this.#addresses.add(address === undefined ? undefined : addressUnit(address), -1);
  }

  /** How many users and addresses are here. */
  get sizes(): { readonly users: number; readonly addresses: number } {
    return { users: this.#users.size, addresses: this.#addresses.size };
  }

  /** Whether the user has a socket here: the next of his devices belongs beside it. */
  has(userId: string): boolean {
    return this.#users.of(userId) > 0;
  }
}
