// Which rows go to whom in one flush: a list per session, all of them in the same typed arrays.
import { FLUSH_ROWS_QUEUED_MAX } from '../../shared/limits.ts';
import type { SessionIndex } from './subscriptions.ts';

const ENTRIES_AT_START = 1_024;
const SESSIONS_AT_START = 64;
export const NO_ENTRY = -1;

/** Entries are numbers; those of one session are linked, the latest first. */
export class RowQueue {
  #next = new Int32Array(ENTRIES_AT_START);
  #rows = new Int32Array(ENTRIES_AT_START);
  #slots = new Int32Array(ENTRIES_AT_START);
  #ids = new Uint16Array(ENTRIES_AT_START);
  #count = 0;
  /** By session, its latest entry. */
  #heads = new Int32Array(SESSIONS_AT_START).fill(NO_ENTRY);
  #sessions = new Int32Array(SESSIONS_AT_START);
  #sessionCount = 0;

  /** True when what is queued should be sent before another instrument's members are. */
  get isFull(): boolean {
    return this.#count >= FLUSH_ROWS_QUEUED_MAX;
  }

  get sessionCount(): number {
    return this.#sessionCount;
  }

  /** The session that was the `index`-th to get a row. */
  sessionAt(index: number): SessionIndex {
    return this.#sessions[index] as number;
  }

  push(session: SessionIndex, row: number, id: number, slot: number): void {
    if (this.#count === this.#next.length) this.#growEntries();
    if (session >= this.#heads.length) this.#growSessions(session + 1);
    const entry = this.#count++;
    const head = this.#heads[session] as number;
    if (head === NO_ENTRY) this.#sessions[this.#sessionCount++] = session;
    this.#next[entry] = head;
    this.#rows[entry] = row;
    this.#ids[entry] = id;
    this.#slots[entry] = slot;
    this.#heads[session] = entry;
  }

  firstOf(session: SessionIndex): number {
    return this.#heads[session] as number;
  }

  after(entry: number): number {
    return this.#next[entry] as number;
  }

  rowAt(entry: number): number {
    return this.#rows[entry] as number;
  }

  idAt(entry: number): number {
    return this.#ids[entry] as number;
  }

  slotAt(entry: number): number {
    return this.#slots[entry] as number;
  }

  clear(): void {
    for (let i = 0; i < this.#sessionCount; i++) this.#heads[this.#sessions[i] as number] = NO_ENTRY;
    this.#sessionCount = 0;
    this.#count = 0;
  }

  #growEntries(): void {
    const size = this.#next.length * 2;
    const grown = (from: Int32Array) => {
      const to = new Int32Array(size);
      to.set(from);
      return to;
    };
    this.#next = grown(this.#next);
    this.#rows = grown(this.#rows);
    this.#slots = grown(this.#slots);
    const ids = new Uint16Array(size);
    ids.set(this.#ids);
    this.#ids = ids;
  }

  #growSessions(sessions: number): void {
    const heads = new Int32Array(sessions * 2).fill(NO_ENTRY);
    heads.set(this.#heads);
    this.#heads = heads;
    const list = new Int32Array(sessions * 2);
    list.set(this.#sessions);
    this.#sessions = list;
  }
}
