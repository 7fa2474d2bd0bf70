// Who gets what at one gateway: instrument slot -> sessions with their terms, and back.
import { assert } from '../../shared/errors.ts';
import { type ModeRank, RANK_MAX } from '../../shared/tick.ts';
import { Filters, type RawFilter } from './filters.ts';
import { isFilteredTerms, streamedRankOf, TERMS_BITS, type Terms } from './terms.ts';

/** Small integer that a gateway gives to a socket; reused after the socket has gone. */
export type SessionIndex = number;

/** Members of a slot are packed as session << TERMS_BITS | terms. */
export function sessionOfMember(member: number): SessionIndex {
  return member >>> TERMS_BITS;
}

export function termsOfMember(member: number): Terms {
  return member & ((1 << TERMS_BITS) - 1);
}

function memberOf(session: SessionIndex, terms: Terms): number {
  return (session << TERMS_BITS) | terms;
}

const NOBODY: readonly number[] = [];

export class Subscriptions {
  readonly #members: number[][] = [];
  readonly #slotsOfSession = new Map<SessionIndex, Map<number, Terms>>();
  /** Filters of the subscriptions whose terms say that they have one. */
  readonly filters = new Filters();
  #total = 0;

  /** Subscriptions of all sessions together. */
  get total(): number {
    return this.#total;
  }

  /**
   * Adds the subscription or changes its terms, and its filter where they say that it has one. Another session's
   * subscription of the slot is never touched.
   */
  set(session: SessionIndex, slot: number, terms: Terms, filter?: RawFilter): void {
    assert(isFilteredTerms(terms) === (filter !== undefined), 'a filter and terms that say so');
    if (filter) this.filters.set(session, slot, filter);
    else this.filters.remove(session, slot);
    let slots = this.#slotsOfSession.get(session);
    if (!slots) {
      slots = new Map();
      this.#slotsOfSession.set(session, slots);
    }
    const before = slots.get(slot);
    slots.set(slot, terms);
    this.#members[slot] ??= [];
    const members = this.#members[slot];
    if (before === undefined) {
      members.push(memberOf(session, terms));
      this.#total++;
    } else {
      members[members.indexOf(memberOf(session, before))] = memberOf(session, terms);
    }
  }

  /** Removes the subscription; false if there was none. */
  remove(session: SessionIndex, slot: number): boolean {
    const slots = this.#slotsOfSession.get(session);
    const terms = slots?.get(slot);
    if (slots === undefined || terms === undefined) return false;
    slots.delete(slot);
    this.filters.remove(session, slot);
    if (slots.size === 0) this.#slotsOfSession.delete(session);
    this.#removeMember(slot, memberOf(session, terms));
    return true;
  }

  /** Removes a session's subscriptions and returns the slots they were of. */
  drop(session: SessionIndex): number[] {
    const slots = this.#slotsOfSession.get(session);
    if (!slots) return [];
    this.#slotsOfSession.delete(session);
    this.filters.drop(session);
    for (const [slot, terms] of slots) this.#removeMember(slot, memberOf(session, terms));
    return [...slots.keys()];
  }

  #removeMember(slot: number, member: number): void {
    const members = this.#members[slot];
    const at = members?.indexOf(member) ?? -1;
    if (!members || at < 0) return;
    const last = members.pop();
    if (last !== undefined && at < members.length) members[at] = last;
    this.#total--;
  }

  membersOf(slot: number): readonly number[] {
    return this.#members[slot] ?? NOBODY;
  }

  /** Highest mode that any session needs of the slot; 0 when nobody wants it. */
  rankOf(slot: number): ModeRank | 0 {
    let highest: ModeRank | 0 = 0;
    for (const member of this.membersOf(slot)) {
      const rank = streamedRankOf(member);
      if (rank === RANK_MAX) return rank;
      if (rank > highest) highest = rank;
    }
    return highest;
  }

  has(session: SessionIndex, slot: number): boolean {
    return this.#slotsOfSession.get(session)?.has(slot) ?? false;
  }

  /** The session's terms of the slot; 0 when it has not subscribed to it. */
  termsFor(session: SessionIndex, slot: number): Terms | 0 {
    return this.#slotsOfSession.get(session)?.get(slot) ?? 0;
  }

  countOf(session: SessionIndex): number {
    return this.#slotsOfSession.get(session)?.size ?? 0;
  }

  /** Slots and terms of one session. */
  *of(session: SessionIndex): IterableIterator<[slot: number, terms: Terms]> {
    yield* this.#slotsOfSession.get(session) ?? [];
  }
}
