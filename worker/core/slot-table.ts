// One session's instruments by slot: terms, row id and place among the slot's members, in typed arrays.
import type { Terms } from './terms.ts';

/** Stands for a row id that has not been given. */
export const NO_ROW_ID = 0xffff;
/** Set in the id of a row that may not be a change: its client has another record than the others of its tier. */
export const APART = 0x4000;

const CAPACITY_AT_START = 8;
/** Share of the places in use above which the table grows: a look-up is a step or two. */
const LOAD_MAX = 0.6;

/** Spreads neighbouring slots over the table. */
function hashOf(slot: number): number {
  const mixed = Math.imul(slot, 0x9e37_79b1);
  return (mixed ^ (mixed >>> 15)) >>> 0;
}

/** A small number that stands for an entry, so that the sum over a table changes with each of them. */
function printOf(slot: number, terms: Terms, id: number): number {
  const mixed = Math.imul(hashOf(slot) ^ Math.imul((id << 5) | terms, 0x85eb_ca6b), 0xc2b2_ae35);
  return (mixed ^ (mixed >>> 13)) | 0;
}

/** Open addressing with linear probing; an entry that goes has those behind it move up. */
export class SlotTable {
  /** Slot + 1; 0 where there is none. */
  #keys = new Int32Array(CAPACITY_AT_START);
  #terms = new Uint8Array(CAPACITY_AT_START);
  #ids = new Uint16Array(CAPACITY_AT_START);
  #places = new Int32Array(CAPACITY_AT_START);
  #size = 0;
  #print = 0;

  get size(): number {
    return this.#size;
  }

  /** Equal tables have equal prints; others hardly ever. */
  get print(): number {
    return this.#print;
  }

  #find(slot: number): number {
    const mask = this.#keys.length - 1;
    let at = hashOf(slot) & mask;
    while (this.#keys[at] !== 0 && this.#keys[at] !== slot + 1) at = (at + 1) & mask;
    return at;
  }

  has(slot: number): boolean {
    return this.#keys[this.#find(slot)] !== 0;
  }

  /** 0 where there is no such slot. */
  termsOf(slot: number): Terms | 0 {
    const at = this.#find(slot);
    return this.#keys[at] === 0 ? 0 : (this.#terms[at] as number);
  }

  idOf(slot: number): number {
    const at = this.#find(slot);
    return this.#keys[at] === 0 ? NO_ROW_ID : (this.#ids[at] as number);
  }

  /** Where the session stands among the slot's members; -1 where it does not. */
  placeOf(slot: number): number {
    const at = this.#find(slot);
    return this.#keys[at] === 0 ? -1 : (this.#places[at] as number);
  }

  add(slot: number, terms: Terms, place: number): void {
    if (this.#size + 1 > this.#keys.length * LOAD_MAX) this.#grow();
    this.#put(slot, terms, NO_ROW_ID, place);
    this.#print = (this.#print + printOf(slot, terms, NO_ROW_ID)) | 0;
  }

  setTerms(slot: number, terms: Terms): void {
    const at = this.#find(slot);
    const id = this.#ids[at] as number;
    this.#reprint(slot, this.#terms[at] as number, id, terms, id);
    this.#terms[at] = terms;
  }

  setId(slot: number, id: number): void {
    const at = this.#find(slot);
    const terms = this.#terms[at] as number;
    this.#reprint(slot, terms, this.#ids[at] as number, terms, id);
    this.#ids[at] = id;
  }

  setPlace(slot: number, place: number): void {
    this.#places[this.#find(slot)] = place;
  }

  remove(slot: number): void {
    let hole = this.#find(slot);
    if (this.#keys[hole] === 0) return;
    this.#print = (this.#print - printOf(slot, this.#terms[hole] as number, this.#ids[hole] as number)) | 0;
    this.#size--;
    const mask = this.#keys.length - 1;
    for (let at = (hole + 1) & mask; this.#keys[at] !== 0; at = (at + 1) & mask) {
      const home = hashOf((this.#keys[at] as number) - 1) & mask;
      // It may fill the hole unless its home lies behind the hole.
      if (((at - home) & mask) < ((at - hole) & mask)) continue;
      this.#keys[hole] = this.#keys[at] as number;
      this.#terms[hole] = this.#terms[at] as number;
      this.#ids[hole] = this.#ids[at] as number;
      this.#places[hole] = this.#places[at] as number;
      hole = at;
    }
    this.#keys[hole] = 0;
  }

  /** In no order that means anything. Do not change the table meanwhile. */
  *slots(): IterableIterator<number> {
    for (const key of this.#keys) if (key !== 0) yield key - 1;
  }

  /** Whether both have the same slots on the same terms under the same row ids. */
  isSameAs(other: SlotTable): boolean {
    if (this.#size !== other.#size || this.#print !== other.#print) return false;
    for (let at = 0; at < this.#keys.length; at++) {
      const key = this.#keys[at] as number;
      if (key === 0) continue;
      const there = other.#find(key - 1);
      if (other.#keys[there] === 0) return false;
      if (other.#terms[there] !== this.#terms[at] || other.#ids[there] !== this.#ids[at]) return false;
    }
    return true;
  }

  #reprint(slot: number, terms: Terms, id: number, newTerms: Terms, newId: number): void {
    this.#print = (this.#print - printOf(slot, terms, id) + printOf(slot, newTerms, newId)) | 0;
  }

  #put(slot: number, terms: Terms, id: number, place: number): void {
    const at = this.#find(slot);
    this.#keys[at] = slot + 1;
    this.#terms[at] = terms;
    this.#ids[at] = id;
    this.#places[at] = place;
    this.#size++;
  }

  #grow(): void {
    const [keys, terms, ids, places] = [this.#keys, this.#terms, this.#ids, this.#places];
    const capacity = keys.length * 2;
    this.#keys = new Int32Array(capacity);
    this.#terms = new Uint8Array(capacity);
    this.#ids = new Uint16Array(capacity);
    this.#places = new Int32Array(capacity);
    this.#size = 0;
    for (const [at, key] of keys.entries()) {
      if (key !== 0) this.#put(key - 1, terms[at] as number, ids[at] as number, places[at] as number);
    }
  }
}
