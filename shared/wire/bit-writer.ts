// Numbers as bits, most significant first: the codes that rows are made of. `bit-reader.ts` reads them.

/** Bits that one write takes: with seven of the byte begun they end inside the four bytes written, so the next begins in zeros. */
const BITS_PER_WRITE_MAX = 24;
/** Values up to here take the short way: with the largest order added they stay below 2^31. */
const SHORT_VALUE_MAX = 0x3fff_ffff;
const TWO_32 = 0x1_0000_0000;
/** A write touches this many bytes after its last bit. */
export const BIT_WRITER_SLACK_BYTES = 4;

export class BitWriter {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly #view: DataView<ArrayBuffer>;
  /** Next bit. The byte that it is in is zero from there on. */
  #at = 0;

  constructor(bytes: Uint8Array<ArrayBuffer>) {
    this.bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Goes on at the start of this byte. */
  startAt(byteAt: number): void {
    this.#at = byteAt * 8;
    this.bytes[byteAt] = 0;
  }

  /** First byte after the bits written; what is left of the last one is zero. */
  get byteEnd(): number {
    return (this.#at + 7) >>> 3;
  }

  /** The low `count` (1 to 24) bits of `value`, which has no others. */
  bits(value: number, count: number): void {
    const at = this.#at;
    const byteAt = at >>> 3;
    const begun = (this.bytes[byteAt] as number) << 24;
    this.#view.setUint32(byteAt, begun | (value << (32 - (at & 7) - count)));
    this.#at = at + count;
  }

  bit(isSet: boolean): void {
    this.bits(isSet ? 1 : 0, 1);
  }

  /** A whole number from 0 to 2^52 as an exponential Golomb code: numbers below 2^order are the shortest. */
  unsigned(value: number, order: number): void {
    if (value <= SHORT_VALUE_MAX) {
      const shifted = value + (1 << order);
      const count = 2 * (32 - Math.clz32(shifted)) - order - 1;
      if (count <= BITS_PER_WRITE_MAX) {
        this.bits(shifted, count);
        return;
      }
    }
    this.#long(value + (1 << order), order);
  }

  /** A whole number of either sign: 0, -1, 1, -2, 2 as 0, 1, 2, 3, 4. */
  signed(value: number, order: number): void {
    this.unsigned(value >= 0 ? 2 * value : -2 * value - 1, order);
  }

  /** Bit 0 for zero; else bit 1 and the number as `signed` would have it, less one. */
  change(value: number, order: number): void {
    if (value === 0) {
      this.bits(0, 1);
      return;
    }
    this.bits(1, 1);
    this.unsigned(value > 0 ? 2 * value - 1 : -2 * value - 2, order);
  }

  #long(shifted: number, order: number): void {
    const high = Math.floor(shifted / TWO_32);
    const low = shifted >>> 0;
    const length = high > 0 ? 64 - Math.clz32(high) : 32 - Math.clz32(low);
    for (let zeros = length - order - 1; zeros > 0; zeros -= 16) this.bits(0, Math.min(zeros, 16));
    if (high > 0) this.bits(high, length - 32);
    if (length > 16) this.bits(low >>> 16, Math.min(length, 32) - 16);
    this.bits(low & 0xffff, Math.min(length, 16));
  }
}
