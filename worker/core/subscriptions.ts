// Who gets what at one gateway: instrument slot -> sessions with their terms, and back.
import { assert } from '../../shared/errors.ts';
import { type ModeRank, RANK_MAX } from '../../shared/tick.ts';
import { Filters, type RawFilter } from './filters.ts';
import { MemberList } from './member-list.ts';
import { RowIds } from './row-ids.ts';
import { APART, NO_ROW_ID, SlotTable } from './slot-table.ts';
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

const NOBODY = new MemberList();
const NOTHING = new SlotTable();

export class Subscriptions {
  /** By slot. */
  readonly #members: (MemberList | undefined)[] = [];
  /** By session; one without a subscription has none. */
  readonly #tables: (SlotTable | undefined)[] = [];
  /** By session, of those whose rows have ids. */
  readonly #rowIds: (RowIds | undefined)[] = [];
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
    this.#tables[session] ??= new SlotTable();
    const table = this.#tables[session];
    this.#members[slot] ??= new MemberList();
    const members = this.#members[slot];
    const place = table.placeOf(slot);
    if (place < 0) {
      table.add(slot, terms, members.add(memberOf(session, terms)));
      this.#total++;
    } else {
      members.members[place] = memberOf(session, terms);
      table.setTerms(slot, terms);
    }
  }

  /** Removes the subscription; false if there was none. */
  remove(session: SessionIndex, slot: number): boolean {
    const table = this.#tables[session];
    if (!table?.has(slot)) return false;
    this.filters.remove(session, slot);
    this.forgetRowId(session, slot);
    this.#removeMember(slot, table.placeOf(slot));
    table.remove(slot);
    if (table.size === 0) this.#tables[session] = undefined;
    return true;
  }

  /** Removes a session's subscriptions and returns the slots they were of. */
  drop(session: SessionIndex): number[] {
    const table = this.#tables[session];
    this.#tables[session] = undefined;
    this.#rowIds[session] = undefined;
    if (!table) return [];
    this.filters.drop(session);
    const slots = [...table.slots()];
    for (const slot of slots) this.#removeMember(slot, table.placeOf(slot));
    return slots;
  }

  #removeMember(slot: number, place: number): void {
    const moved = this.#members[slot]?.removeAt(place);
    if (moved !== undefined) this.#tables[sessionOfMember(moved)]?.setPlace(slot, place);
    this.#total--;
  }

  /** Members of the slot as a flush walks over them; it belongs to the table. */
  memberList(slot: number): MemberList {
    return this.#members[slot] ?? NOBODY;
  }

  /** The slot's members of now, for those who may change them. */
  membersOf(slot: number): number[] {
    const { members, count } = this.memberList(slot);
    return [...members.subarray(0, count)];
  }

  hasMembers(slot: number): boolean {
    return this.memberList(slot).count > 0;
  }

  /** Highest mode that any session needs of the slot; 0 when nobody wants it. */
  rankOf(slot: number): ModeRank | 0 {
    const { members, count } = this.memberList(slot);
    let highest: ModeRank | 0 = 0;
    for (let i = 0; i < count; i++) {
      const rank = streamedRankOf(termsOfMember(members[i] as number));
      if (rank === RANK_MAX) return rank;
      if (rank > highest) highest = rank;
    }
    return highest;
  }

  has(session: SessionIndex, slot: number): boolean {
    return this.tableOf(session).has(slot);
  }

  /** The session's terms of the slot; 0 when it has not subscribed to it. */
  termsFor(session: SessionIndex, slot: number): Terms | 0 {
    return this.tableOf(session).termsOf(slot);
  }

  countOf(session: SessionIndex): number {
    return this.tableOf(session).size;
  }

  /** All that a session has; it belongs to these subscriptions. */
  tableOf(session: SessionIndex): SlotTable {
    return this.#tables[session] ?? NOTHING;
  }

  /** Slots and terms of one session. */
  *of(session: SessionIndex): IterableIterator<[slot: number, terms: Terms]> {
    const table = this.tableOf(session);
    for (const slot of table.slots()) yield [slot, table.termsOf(slot)];
  }

  /** The id of the session's rows of the slot, given now if it has none; NO_ROW_ID when there are no more. */
  giveRowId(session: SessionIndex, slot: number): number {
    const table = this.tableOf(session);
    const known = table.idOf(slot);
    if (known !== NO_ROW_ID) return known & ~APART;
    this.#rowIds[session] ??= new RowIds();
    const id = this.#rowIds[session].take();
    this.#setRowId(table, slot, id);
    return id;
  }

  /** The client has to be told an id again before the next row. */
  forgetRowId(session: SessionIndex, slot: number): void {
    const table = this.tableOf(session);
    const id = table.idOf(slot);
    if (id === NO_ROW_ID) return;
    this.#rowIds[session]?.giveBack(id & ~APART);
    this.#setRowId(table, slot, NO_ROW_ID);
  }

  /** Whether the session's client has another record of the slot than the others of its tier. True when that is news. */
  setApart(session: SessionIndex, slot: number, isApart: boolean): boolean {
    const table = this.tableOf(session);
    const id = table.idOf(slot);
    if (id === NO_ROW_ID || ((id & APART) !== 0) === isApart) return false;
    this.#setRowId(table, slot, id ^ APART);
    return true;
  }

  #setRowId(table: SlotTable, slot: number, id: number): void {
    table.setId(slot, id);
    const members = this.#members[slot];
    if (members) members.ids[table.placeOf(slot)] = id;
  }
}
