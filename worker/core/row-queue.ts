// Which rows go to whom in one flush: a list per session, all of them in one typed array.
import { FLUSH_ROWS_QUEUED_MAX } from '../../shared/limits.ts';
import type { SessionIndex } from './subscriptions.ts';

/**
 * Lists are made of chunks: one word that names the next chunk, then entries. Linked one by one, entries would cost a miss
 * of the processor's cache each, which is as much as all else that is done for a row.
 */
const CHUNK_WORDS = 32;
const CHUNKS_AT_START = 64;
const SESSIONS_AT_START = 64;
const NONE = -1;
/** An entry has a row id in its lower bits, and the row above them: see FLUSH_ROWS_MAX. */
const ID_BITS = 14;
const ID_MASK = (1 << ID_BITS) - 1;

export class RowQueue {
  #words = new Int32Array(CHUNKS_AT_START * CHUNK_WORDS);
  #chunks = 0;
  /** By session, its first chunk, and where its next entry goes; at a chunk's end the next one is to be begun. */
  #firsts = new Int32Array(SESSIONS_AT_START).fill(NONE);
  #ends = new Int32Array(SESSIONS_AT_START);
  #counts = new Int32Array(SESSIONS_AT_START);
  #sessions = new Int32Array(SESSIONS_AT_START);
  #sessionCount = 0;

  /** True when what is queued should be sent before another instrument's members are. */
  get isFull(): boolean {
    return this.#chunks * CHUNK_WORDS >= FLUSH_ROWS_QUEUED_MAX;
  }

  get sessionCount(): number {
    return this.#sessionCount;
  }

  /** The session that was the `index`-th to get a row. */
  sessionAt(index: number): SessionIndex {
    return this.#sessions[index] as number;
  }

  push(session: SessionIndex, row: number, id: number): void {
    if (session >= this.#firsts.length) this.#growSessions(session + 1);
    let end = this.#ends[session] as number;
    if (this.#firsts[session] === NONE) {
      end = this.#newChunk();
      this.#firsts[session] = end;
      this.#counts[session] = 0;
      this.#sessions[this.#sessionCount++] = session;
    } else if (end % CHUNK_WORDS === 0) {
      const chunk = this.#newChunk();
      this.#words[end - CHUNK_WORDS] = chunk;
      end = chunk;
    }
    if (end % CHUNK_WORDS === 0) end++;
    this.#words[end] = (row << ID_BITS) | (id & ID_MASK);
    this.#ends[session] = end + 1;
    this.#counts[session] = (this.#counts[session] as number) + 1;
  }

  /** Where the session's first entry is. */
  firstOf(session: SessionIndex): number {
    return (this.#firsts[session] as number) + 1;
  }

  /** The session has been served. */
  take(session: SessionIndex): void {
    this.#counts[session] = 0;
  }

  /** 0 when it has been served. */
  countOf(session: SessionIndex): number {
    return this.#counts[session] as number;
  }

  /** Where the entry behind `entry` is, unless that was the last. */
  after(entry: number): number {
    const next = entry + 1;
    return next % CHUNK_WORDS === 0 ? (this.#words[next - CHUNK_WORDS] as number) + 1 : next;
  }

  rowAt(entry: number): number {
    return (this.#words[entry] as number) >>> ID_BITS;
  }

  idAt(entry: number): number {
    return (this.#words[entry] as number) & ID_MASK;
  }

  clear(): void {
    for (let i = 0; i < this.#sessionCount; i++) this.#firsts[this.#sessions[i] as number] = NONE;
    this.#sessionCount = 0;
    this.#chunks = 0;
  }

  /** The first word of a new chunk. */
  #newChunk(): number {
    const chunk = this.#chunks++ * CHUNK_WORDS;
    if (chunk === this.#words.length) {
      const words = new Int32Array(this.#words.length * 2);
      words.set(this.#words);
      this.#words = words;
    }
    return chunk;
  }

  #growSessions(sessions: number): void {
    const grown = (from: Int32Array) => {
      const to = new Int32Array(sessions * 2).fill(NONE);
      to.set(from);
      return to;
    };
    this.#firsts = grown(this.#firsts);
    this.#ends = grown(this.#ends);
    this.#counts = grown(this.#counts);
    this.#sessions = grown(this.#sessions);
  }
}
