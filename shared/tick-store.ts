// Last values by instrument: a growing table of tick records in one buffer, with a slot per token.
import { RECORD_BYTES_MAX, RECORD_WORDS_MAX, recordWords } from './tick.ts';

/** Copies words between records. Word copies keep the byte order of the source, whatever the machine's. */
export function copyWords(
  from: Uint32Array,
  fromAt: number,
  to: Uint32Array,
  toAt: number,
  words: number,
): void {
  for (let i = 0; i < words; i++) to[toAt + i] = from[fromAt + i] as number;
}

/** A token's slot does not move while the token has it, so that callers may index their own arrays by slot. */
export class TickStore {
  readonly #slots = new Map<number, number>();
  /** Slots that were released; the others in use are 0 to their number. */
  readonly #free: number[] = [];
  readonly #slotsMax: number;
  #words: Uint32Array<ArrayBuffer>;
  #view: DataView<ArrayBuffer>;

  constructor(slotsMax: number, slotsAtStart = 256) {
    this.#slotsMax = slotsMax;
    this.#words = new Uint32Array(Math.min(slotsAtStart, slotsMax) * RECORD_WORDS_MAX);
    this.#view = new DataView(this.#words.buffer);
  }

  get size(): number {
    return this.#slots.size;
  }

  /** Replaced when the table grows: do not keep it across calls of `slotFor`. */
  get words(): Uint32Array<ArrayBuffer> {
    return this.#words;
  }

  get view(): DataView<ArrayBuffer> {
    return this.#view;
  }

  /** The token's slot, or -1 if it has none. */
  slotOf(token: number): number {
    return this.#slots.get(token) ?? -1;
  }

  /** The token's slot, made if needed; -1 when the table is full. */
  slotFor(token: number): number {
    const known = this.#slots.get(token);
    if (known !== undefined) return known;
    const slot = this.#free.pop() ?? this.#slots.size;
    if (slot >= this.#slotsMax) return -1;
    if ((slot + 1) * RECORD_WORDS_MAX > this.#words.length) this.#grow();
    this.#slots.set(token, slot);
    return slot;
  }

  tokens(): IterableIterator<number> {
    return this.#slots.keys();
  }

  /** Byte offset of a slot's record in `view`. */
  byteOffset(slot: number): number {
    return slot * RECORD_BYTES_MAX;
  }

  /** Kind of the slot's record; 0 while it holds none. */
  kindAt(slot: number): number {
    return this.#words[slot * RECORD_WORDS_MAX + 1] as number;
  }

  /** Sequence of the batch that brought the slot's record. */
  seqAt(slot: number): number {
    return this.#words[slot * RECORD_WORDS_MAX + 4] as number;
  }

  /** Replaces the slot's record by the one at word `fromAt`. A record of a lower kind replaces all: no old field lives on. */
  put(slot: number, from: Uint32Array, fromAt: number): void {
    copyWords(from, fromAt, this.#words, slot * RECORD_WORDS_MAX, recordWords(from[fromAt + 1] as number));
  }

  /** Forgets the slot's record; the slot stays the token's. */
  clear(slot: number): void {
    this.#words.fill(0, slot * RECORD_WORDS_MAX, (slot + 1) * RECORD_WORDS_MAX);
  }

  /** Forgets the token and its record; the slot is the next new token's. */
  release(token: number): void {
    const slot = this.#slots.get(token);
    if (slot === undefined) return;
    this.clear(slot);
    this.#slots.delete(token);
    this.#free.push(slot);
  }

  #grow(): void {
    const slots = Math.min(this.#slotsMax, (this.#words.length / RECORD_WORDS_MAX) * 2);
    const grown = new Uint32Array(slots * RECORD_WORDS_MAX);
    grown.set(this.#words);
    this.#words = grown;
    this.#view = new DataView(grown.buffer);
  }
}
