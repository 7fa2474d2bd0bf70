// The last ticks of a gateway, kept so that a client that comes back can be sent exactly what it has missed.
import { RESUME_AGE_MS_MAX, RESUME_RING_WORDS_MAX } from '../../shared/limits.ts';
import { recordWords } from '../../shared/tick.ts';
import { copyWords } from '../../shared/tick-store.ts';
import type { Records } from './row-format.ts';

/** Words before a record: the entry's size, its sequence in two words, and 1 where its Greeks alone were new. */
const ENTRY_HEADER_WORDS = 4;
const WORDS_AT_START = 16_384;

/** Takes one missed tick: the flush that it was of, the word at which its record stands, and whether its Greeks alone were new. */
export type VisitTick = (seq: number, records: Records, wordAt: number, isRenewal: boolean) => void;

/**
 * A ring of records in one buffer that grows up to its bound and then forgets the oldest. It knows from which sequence
 * on it has everything: whoever asks for more than that is told so, and never gets a part.
 */
export class ResumeRing {
  readonly #wordsMax: number;
  #words = new Uint32Array(0);
  /** Entries stand from `#head` to `#tail`, wrapped: `#wrapAt` is where the older part ends, 0 while nothing is wrapped. */
  #head = 0;
  #tail = 0;
  #wrapAt = 0;
  #entries = 0;
  /** Everything after this sequence is here. */
  #completeAfter = 0;

  constructor(wordsMax = RESUME_RING_WORDS_MAX) {
    this.#wordsMax = wordsMax;
  }

  /** Forgets everything up to `seq`: from here on it is complete. */
  start(seq: number): void {
    this.#head = 0;
    this.#tail = 0;
    this.#wrapAt = 0;
    this.#entries = 0;
    this.#completeAfter = seq;
  }

  get entries(): number {
    return this.#entries;
  }

  isCompleteAfter(seq: number): boolean {
    return seq >= this.#completeAfter;
  }

  push(seq: number, from: Uint32Array, fromAt: number, isRenewal: boolean): void {
    const size = ENTRY_HEADER_WORDS + recordWords(from[fromAt + 1] as number);
    if (size > this.#wordsMax) throw new RangeError(`record of ${size} words in a ring of ${this.#wordsMax}`);
    this.#makeRoom(size);
    const at = this.#tail;
    this.#words[at] = size;
    this.#words[at + 1] = Math.floor(seq / 0x1_0000_0000);
    this.#words[at + 2] = seq >>> 0;
    this.#words[at + 3] = isRenewal ? 1 : 0;
    copyWords(from, fromAt, this.#words, at + ENTRY_HEADER_WORDS, size - ENTRY_HEADER_WORDS);
    this.#tail = at + size;
    this.#entries++;
  }

  /** Forgets what is older than the age that a client may come back after. Sequences are times (see Delivery). */
  expire(nowMs: number): void {
    while (this.#entries > 0 && this.#seqAt(this.#head) < nowMs - RESUME_AGE_MS_MAX) this.#dropOldest();
  }

  /** Visits every tick after `seq`, oldest first. */
  visitAfter(seq: number, visit: VisitTick): void {
    const records = { words: this.#words, view: new DataView(this.#words.buffer) };
    let at = this.#head;
    for (let i = 0; i < this.#entries; i++) {
      if (this.#wrapAt > 0 && at === this.#wrapAt) at = 0;
      const entrySeq = this.#seqAt(at);
      if (entrySeq > seq) visit(entrySeq, records, at + ENTRY_HEADER_WORDS, this.#words[at + 3] === 1);
      at += this.#words[at] as number;
    }
  }

  #seqAt(at: number): number {
    return (this.#words[at + 1] as number) * 0x1_0000_0000 + (this.#words[at + 2] as number);
  }

  #makeRoom(size: number): void {
    while (!this.#fits(size)) {
      if (this.#wrapAt === 0 && this.#words.length < this.#wordsMax) this.#grow(size);
      else if (this.#wrapAt === 0 && this.#head >= size) this.#wrap();
      else if (this.#entries > 0) this.#dropOldest();
      else this.#tail = this.#head = this.#wrapAt = 0;
    }
  }

  /** Whether an entry fits at the tail as things stand. */
  #fits(size: number): boolean {
    return this.#tail + size <= (this.#wrapAt > 0 ? this.#head : this.#words.length);
  }

  #wrap(): void {
    this.#wrapAt = this.#tail;
    this.#tail = 0;
  }

  #dropOldest(): void {
    this.#completeAfter = this.#seqAt(this.#head);
    this.#head += this.#words[this.#head] as number;
    this.#entries--;
    if (this.#wrapAt > 0 && this.#head === this.#wrapAt) {
      this.#head = 0;
      this.#wrapAt = 0;
    }
    if (this.#entries === 0) this.#head = this.#tail = this.#wrapAt = 0;
  }

  #grow(size: number): void {
    const length = Math.max(WORDS_AT_START, this.#words.length * 2, this.#tail + size);
    const grown = new Uint32Array(Math.min(this.#wordsMax, length));
    grown.set(this.#words);
    this.#words = grown;
  }
}
