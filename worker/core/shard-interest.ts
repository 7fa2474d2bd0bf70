// What a gateway wants of the shards and what they have been told: slots of instruments, claims, and the difference.
import type { InstrumentToken } from '../../shared/instrument.ts';
import { GATEWAY_INSTRUMENTS_MAX } from '../../shared/limits.ts';
import { SHARD_COUNT, shardOf } from '../../shared/shard.ts';
import { RANK_MAX } from '../../shared/tick.ts';
import type { TickStore } from '../../shared/tick-store.ts';
import type { IntervalSet } from './bar.ts';
import {
  commonOf,
  covers,
  type Interest,
  type InterestItem,
  interestIn,
  intervalsOfInterest,
  unionOf,
} from './interest.ts';
import type { RejectedItem } from './protocol.ts';
import { ShardLink } from './shard-link.ts';
import type { Snapshot } from './shard-push.ts';

/** What a shard has to be told: lower these to what is given, forget those. */
export interface InterestChange {
  readonly shard: number;
  readonly lower: readonly InterestItem[];
  readonly release: readonly InstrumentToken[];
}

/** A request sorted into what fits and what does not. */
export interface Plan<Item> {
  readonly accepted: readonly Item[];
  readonly rejected: readonly RejectedItem[];
  /** By shard, what has to be registered before the request can be answered. */
  readonly contacts: ReadonlyMap<number, readonly InterestItem[]>;
}

/** How the items of one kind of request are sorted. */
export interface Admission<Item> {
  readonly interestOf: (item: Item) => Interest;
  /** Why there is no room for the item; undefined when there is. */
  readonly refusalOf: (item: Item) => Pick<RejectedItem, 'code' | 'message'> | undefined;
  readonly onAccept: (item: Item) => void;
}

export interface InterestSource {
  readonly store: TickStore;
  /** What the clients want of the slot. */
  readonly wantedAt: (slot: number) => Interest;
  /** Nobody keeps the slot current any more: what is known of its instrument is void. */
  readonly onForget: (slot: number) => void;
}

export class ShardInterest {
  readonly links: readonly ShardLink[] = Array.from({ length: SHARD_COUNT }, () => new ShardLink());
  readonly #source: InterestSource;
  /** By slot; a slot that nobody here wants has no token, and is the next instrument's. */
  readonly #tokens: (InstrumentToken | undefined)[] = [];
  /** By shard, slots in use. */
  readonly #countByShard = new Uint32Array(SHARD_COUNT);
  /** By slot, what the shard was told; absent when it was told nothing. */
  readonly #told = new Map<number, Interest>();
  /** By slot, the number of the last push that the shard's newest answer about the instrument contains. */
  readonly #answeredSeq: (number | undefined)[] = [];
  /** By slot, the intervals that the last resynchronisation asked for, if any. */
  readonly #intervalsAsked = new Map<number, IntervalSet>();
  /** By slot, subscribes that wait for a shard's answer: their interest must not be released meanwhile. */
  readonly #claims = new Map<number, { interest: Interest; count: number }>();

  constructor(source: InterestSource) {
    this.#source = source;
  }

  /** Shards of which anything is wanted. */
  get shardsWanted(): number {
    let shards = 0;
    for (const count of this.#countByShard) if (count > 0) shards++;
    return shards;
  }

  get sizes(): { readonly claims: number; readonly told: number } {
    return { claims: this.#claims.size, told: this.#told.size };
  }

  /** The token's slot, made if needed; -1 when there is none left. */
  slotFor(token: InstrumentToken): number {
    const slot = this.#source.store.slotFor(token);
    if (slot >= 0 && this.#tokens[slot] === undefined) {
      this.#tokens[slot] = token;
      this.#count(token, 1);
    }
    return slot;
  }

  /** The instrument of a slot that somebody wants. */
  tokenAt(slot: number): InstrumentToken {
    return this.#tokens[slot] as InstrumentToken;
  }

  /** Slots in use and their instruments. */
  *slots(): IterableIterator<[slot: number, token: InstrumentToken]> {
    for (const [slot, token] of this.#tokens.entries()) if (token !== undefined) yield [slot, token];
  }

  linkOf(token: InstrumentToken): ShardLink | undefined {
    return this.links[shardOf(token)];
  }

  isClaimed(token: InstrumentToken): boolean {
    return this.#claims.has(this.#source.store.slotOf(token));
  }

  /** Sorts a request, and claims the interest of what fits until `unclaim`. */
  plan<Item extends { readonly token: InstrumentToken }>(
    items: Iterable<Item>,
    admission: Admission<Item>,
  ): Plan<Item> {
    const accepted: Item[] = [];
    const rejected: RejectedItem[] = [];
    const contacts = new Map<number, InterestItem[]>();
    for (const item of items) {
      const { token } = item;
      const refusal = admission.refusalOf(item);
      const slot = refusal ? -1 : this.slotFor(token);
      if (slot < 0) {
        const message = `this gateway has ${GATEWAY_INSTRUMENTS_MAX} instruments, none free`;
        rejected.push({ field: 'token', item: token, ...(refusal ?? { code: 'gateway_full', message }) });
        continue;
      }
      admission.onAccept(item);
      accepted.push(item);
      const interest = admission.interestOf(item);
      this.#claim(slot, interest);
      if (!this.needsContact(token, interest)) continue;
      const contact = contacts.get(shardOf(token));
      if (contact) contact.push([token, interest]);
      else contacts.set(shardOf(token), [[token, interest]]);
    }
    return { accepted, rejected, contacts };
  }

  /** The claimed item has been subscribed to. One that was struck meanwhile is asked for again by the next contact. */
  confirm(token: InstrumentToken): void {
    if (!this.#told.has(this.#source.store.slotOf(token))) this.linkOf(token)?.reset();
  }

  #claim(slot: number, interest: Interest): void {
    const claim = this.#claims.get(slot);
    if (!claim) this.#claims.set(slot, { interest, count: 1 });
    else {
      claim.count++;
      claim.interest = unionOf(claim.interest, interest);
    }
  }

  /** Gives back claims, whatever came of them. */
  unclaim(tokens: readonly InstrumentToken[]): InterestChange[] {
    const slots: number[] = [];
    for (const token of tokens) {
      const slot = this.#source.store.slotOf(token);
      const claim = this.#claims.get(slot);
      if (claim && --claim.count === 0) this.#claims.delete(slot);
      slots.push(slot);
    }
    return this.changes(slots);
  }

  /** True while the shard does not know that this gateway wants so much of the token, or may have forgotten it. */
  needsContact(token: InstrumentToken, interest: Interest): boolean {
    const told = this.#told.get(this.#source.store.slotOf(token)) ?? 0;
    return !covers(told, interest) || !this.linkOf(token)?.isSynced;
  }

  /**
   * Claimed items as they are wanted now. A registration that is sent, or sent again, some time after its plan must not
   * lower what others have asked for since.
   */
  asWanted(items: readonly InterestItem[]): InterestItem[] {
    return items.map(([token, interest]) => [
      token,
      this.#wantedAt(this.#source.store.slotOf(token)) || interest,
    ]);
  }

  /** Everything that this gateway wants of a shard, claims included: what a resynchronisation sends. */
  of(shard: number): InterestItem[] {
    const items: InterestItem[] = [];
    for (const [slot, token] of this.slots()) {
      const wanted = shardOf(token) === shard ? this.#wantedAt(slot) : 0;
      if (wanted === 0) continue;
      items.push([token, wanted]);
      const intervals = intervalsOfInterest(wanted);
      if (intervals !== 0) this.#intervalsAsked.set(slot, intervals);
      else this.#intervalsAsked.delete(slot);
    }
    return items;
  }

  /** The shard has been told of these items. What was given up or lowered since has been taken back from it. */
  onTold(items: readonly InterestItem[], { unknown: struck, pushSeq }: Snapshot): void {
    const unknown = new Set(struck);
    for (const [token, interest] of items) {
      const slot = this.#source.store.slotOf(token);
      if (unknown.has(token)) {
        // Another answer says that it exists, and they may have overtaken each other: ask once more.
        if (this.#told.has(slot)) this.linkOf(token)?.reset();
        continue;
      }
      if (slot >= 0) this.#answeredSeq[slot] = Math.max(pushSeq, this.#answeredSeq[slot] ?? 0);
      const told = commonOf(interest, slot < 0 ? 0 : this.#wantedAt(slot));
      if (told !== 0) this.#told.set(slot, unionOf(told, this.#told.get(slot) ?? 0));
    }
  }

  /**
   * True when an answer about the slot's instrument has overtaken the shard's push `seq`: since that push it may have
   * been struck, listed again as another contract, and registered anew.
   */
  isAnswered(slot: number, seq: number): boolean {
    return seq <= (this.#answeredSeq[slot] ?? 0);
  }

  /** What the shard was told of the slot no longer counts. */
  clearTold(slot: number): void {
    this.#told.delete(slot);
    this.#answeredSeq[slot] = undefined;
  }

  /** What the shards have to be told after the clients' interest in these slots has changed. */
  changes(slots: Iterable<number>): InterestChange[] {
    const changes = new Map<number, { lower: InterestItem[]; release: InstrumentToken[] }>();
    for (const slot of slots) {
      const token = this.#tokens[slot];
      if (token === undefined) continue;
      const shard = shardOf(token);
      const wanted = this.#wantedAt(slot);
      // A resynchronisation under way tells the shard what was wanted when it began, so that has to be taken back.
      const asked = interestIn(RANK_MAX, this.#intervalsAsked.get(slot));
      const told = this.links[shard]?.isSyncing ? asked : (this.#told.get(slot) ?? 0);
      if (!covers(wanted, told)) {
        const change = changes.get(shard) ?? { lower: [], release: [] };
        changes.set(shard, change);
        if (wanted === 0) change.release.push(token);
        else {
          change.lower.push([token, wanted]);
          this.#told.set(slot, wanted);
        }
      }
      if (wanted === 0) this.forget(slot);
    }
    return [...changes].map(([shard, change]) => ({ shard, ...change }));
  }

  /** What the shard was told of the slot and all that is kept of it is void; unless it is claimed, the slot is free. */
  forget(slot: number): void {
    const token = this.#tokens[slot];
    if (token === undefined) return;
    this.clearTold(slot);
    this.#intervalsAsked.delete(slot);
    this.#source.onForget(slot);
    if (this.#claims.has(slot)) return;
    this.#source.store.release(token);
    this.#tokens[slot] = undefined;
    this.#count(token, -1);
  }

  #count(token: InstrumentToken, change: number): void {
    const shard = shardOf(token);
    this.#countByShard[shard] = (this.#countByShard[shard] as number) + change;
  }

  #wantedAt(slot: number): Interest {
    return unionOf(this.#claims.get(slot)?.interest ?? 0, this.#source.wantedAt(slot));
  }
}
