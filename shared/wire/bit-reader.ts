// Bits as numbers: reads what `bit-writer.ts` writes.
import { AppError } from '../errors.ts';

/** Bits of the largest number that a code holds exactly. */
const NUMBER_BITS_MAX = 53;
/** A read looks at this many bytes from the one that its first bit is in. */
export const BIT_READER_SLACK_BYTES = 5;

/** 0, 1, 2, 3, 4 as 0, -1, 1, -2, 2. */
function signOut(value: number): number {
  if (value <= 0x7fff_ffff) return (value >>> 1) ^ -(value & 1);
  return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
}

/**
 * Reads from bytes that are followed by zeros: who reads past the end gets zeros, and `byteEnd` tells. That costs one check
 * per row instead of one per number.
 */
export class BitReader {
  #bytes = new Uint8Array(0);
  #view = new DataView(this.#bytes.buffer);
  /** Next bit. */
  #at = 0;

  set bytes(bytes: Uint8Array<ArrayBuffer>) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  startAt(byteAt: number): void {
    this.#at = byteAt * 8;
  }

  /** First byte after the bits read. */
  get byteEnd(): number {
    return (this.#at + 7) >>> 3;
  }

  /** The bits left of the byte that reading stopped in. */
  get restOfByte(): number {
    const used = this.#at & 7;
    return used === 0 ? 0 : ((this.#bytes[this.#at >>> 3] as number) << used) & 0xff;
  }

  #next32(): number {
    const at = this.#at;
    const byteAt = at >>> 3;
    const used = at & 7;
    const fifth = (this.#bytes[byteAt + 4] as number) >>> (8 - used);
    return (this.#view.getUint32(byteAt) << used) | fifth;
  }

  /** `count` (1 to 32) bits. */
  bits(count: number): number {
    const word = this.#next32() >>> (32 - count);
    this.#at += count;
    return word;
  }

  bit(): boolean {
    return this.bits(1) === 1;
  }

  unsigned(order: number): number {
    const word = this.#next32();
    const count = 2 * Math.clz32(word) + order + 1;
    if (count > 32) return this.#long(order);
    this.#at += count;
    return (word >>> (32 - count)) - (1 << order);
  }

  signed(order: number): number {
    return signOut(this.unsigned(order));
  }

  change(order: number): number {
    return this.bits(1) === 0 ? 0 : signOut(this.unsigned(order) + 1);
  }

  #long(order: number): number {
    let rest = order;
    while (this.bits(1) === 0) {
      rest++;
      if (rest >= NUMBER_BITS_MAX) throw new AppError('frame_invalid', 'a number of more than 53 bits');
    }
    let value = 1;
    while (rest > 0) {
      const count = Math.min(rest, 16);
      value = value * (1 << count) + this.bits(count);
      rest -= count;
    }
    return value - (1 << order);
  }
}
