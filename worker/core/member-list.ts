// The sessions of one instrument in one array, with what each flush has to know of them.
import { NO_ROW_ID } from './slot-table.ts';

const CAPACITY_AT_START = 4;

/** Members are packed numbers; the one that goes leaves its place to the last. */
export class MemberList {
  /** Replaced when the list grows; only the first `count` are members. */
  members = new Int32Array(CAPACITY_AT_START);
  /** Row ids, beside the members. */
  ids = new Uint16Array(CAPACITY_AT_START);
  count = 0;

  /** Adds a member without a row id, and returns its place. */
  add(member: number): number {
    if (this.count === this.members.length) this.#grow();
    this.members[this.count] = member;
    this.ids[this.count] = NO_ROW_ID;
    return this.count++;
  }

  /** Returns the member that stands there now; undefined when it was the last. */
  removeAt(place: number): number | undefined {
    const last = --this.count;
    if (place === last) return undefined;
    const moved = this.members[last] as number;
    this.members[place] = moved;
    this.ids[place] = this.ids[last] as number;
    return moved;
  }

  #grow(): void {
    const members = new Int32Array(this.members.length * 2);
    members.set(this.members);
    const ids = new Uint16Array(members.length);
    ids.set(this.ids);
    this.members = members;
    this.ids = ids;
  }
}
