// What a shard's gateways want, as its storage keeps it: a list of changes for each, written anew when it has grown long.
import { INTEREST_LOG_ITEMS_SPARE } from '../../shared/limits.ts';
import type { InterestItem } from '../core/interest.ts';

const PREFIX = 'interest:';
/** Digits of a record's number: keys are listed in the order of their texts. */
const DIGITS = 10;

interface Log {
  /** Number of the next record. */
  next: number;
  /** Items in all records. */
  items: number;
}

function keyOf(gateway: string, record: number): string {
  return `${PREFIX}${gateway}:${String(record).padStart(DIGITS, '0')}`;
}

/**
 * A change costs what it says and not what its gateway wants in all: when thousands of clients come back together, each
 * brings a change. An item with interest 0 is one that is wanted no more.
 */
export class InterestLog {
  readonly #kv: SyncKvStorage;
  readonly #logs = new Map<string, Log>();

  constructor(kv: SyncKvStorage) {
    this.#kv = kv;
  }

  /** What each gateway wanted last. */
  load(): Map<string, Map<InterestItem[0], InterestItem[1]>> {
    const wanted = new Map<string, Map<InterestItem[0], InterestItem[1]>>();
    for (const [key, items] of this.#kv.list<InterestItem[]>({ prefix: PREFIX })) {
      const gateway = key.slice(PREFIX.length, -DIGITS - 1);
      const log = this.#logOf(gateway);
      log.next = Number(key.slice(-DIGITS)) + 1;
      log.items += items.length;
      const interests = wanted.get(gateway) ?? new Map();
      wanted.set(gateway, interests);
      for (const [token, interest] of items) {
        if (interest === 0) interests.delete(token);
        else interests.set(token, interest);
      }
    }
    return wanted;
  }

  /** Stores a change of a gateway's interest; `whole` is what it wants with that. */
  append(gateway: string, change: readonly InterestItem[], whole: () => readonly InterestItem[]): void {
    if (change.length === 0) return;
    const log = this.#logOf(gateway);
    if (log.items + change.length > INTEREST_LOG_ITEMS_SPARE) {
      const items = whole();
      if (log.items + change.length > 2 * items.length + INTEREST_LOG_ITEMS_SPARE) {
        this.replace(gateway, items);
        return;
      }
    }
    this.#kv.put(keyOf(gateway, log.next++), change);
    log.items += change.length;
  }

  /** Stores all of a gateway's interest in the place of what was there. */
  replace(gateway: string, items: readonly InterestItem[]): void {
    for (const [key] of [...this.#kv.list({ prefix: `${PREFIX}${gateway}:` })]) this.#kv.delete(key);
    this.#logs.delete(gateway);
    if (items.length > 0) this.append(gateway, items, () => items);
  }

  #logOf(gateway: string): Log {
    const log = this.#logs.get(gateway) ?? { next: 0, items: 0 };
    this.#logs.set(gateway, log);
    return log;
  }
}
