// Ascending tokens in few bits, each with something of its own: what a socket's attachment has room for.
import type { InstrumentToken } from '../../shared/instrument.ts';

/** Bits of the list's length, and of the width that its remainders have. */
const COUNT_BITS = 16;
const WIDTH_BITS = 5;
const TOKEN_MAX = 0xffff_ffff;
/** Ones of a quotient that are written at once. */
const ONES_AT_ONCE = 24;

/** Numbers of up to 32 bits, highest bit first, one after the other. */
export class BitWriter {
  readonly #bytes: number[] = [];
  #freeBits = 0;

  write(value: number, width: number): void {
    for (let left = width; left > 0; ) {
      if (this.#freeBits === 0) {
        this.#bytes.push(0);
        this.#freeBits = 8;
      }
      const taken = Math.min(this.#freeBits, left);
      const chunk = Math.floor(value / 2 ** (left - taken)) % 2 ** taken;
      const last = this.#bytes.length - 1;
      this.#bytes[last] = (this.#bytes[last] as number) | (chunk << (this.#freeBits - taken));
      this.#freeBits -= taken;
      left -= taken;
    }
  }

  toBytes(): Uint8Array {
    return Uint8Array.from(this.#bytes);
  }
}

export class BitReader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** The next `width` bits as a number. Past the end there are zeros, and `isAtEnd` is false for good. */
  read(width: number): number {
    let value = 0;
    for (let left = width; left > 0; ) {
      const offset = this.#at % 8;
      const taken = Math.min(8 - offset, left);
      const byte = this.#bytes[Math.floor(this.#at / 8)] ?? 0;
      value = value * 2 ** taken + ((byte >> (8 - offset - taken)) & (2 ** taken - 1));
      this.#at += taken;
      left -= taken;
    }
    return value;
  }

  get isPastEnd(): boolean {
    return this.#at > this.#bytes.length * 8;
  }

  /** True when all was read and what is left of the last byte is zero, as a writer leaves it. */
  get isAtEnd(): boolean {
    const left = this.#bytes.length * 8 - this.#at;
    return left >= 0 && left < 8 && this.read(left) === 0;
  }
}

/** Width of a remainder: as wide as a difference is on average, which makes the list shortest. */
function widthOf(count: number, largest: number): number {
  let width = 0;
  while (count * 2 ** (width + 1) <= largest) width++;
  return width;
}

/**
 * Tokens, ascending and without repeats, as a Rice code of their differences, and after each what `writeOwn` adds for
 * the item of that index. n tokens take at most n * (width + 1) + largest / 2^width bits: 3,000 of 32 bits, 8,387 bytes.
 */
export function packTokens(
  tokens: readonly number[],
  writeOwn: (writer: BitWriter, index: number) => void,
): Uint8Array {
  const writer = new BitWriter();
  const largest = tokens.at(-1);
  if (largest === undefined) return writer.toBytes();
  const width = widthOf(tokens.length, largest);
  writer.write(tokens.length, COUNT_BITS);
  writer.write(width, WIDTH_BITS);
  let previous = 0;
  for (const [index, token] of tokens.entries()) {
    const difference = token - previous;
    previous = token;
    let ones = Math.floor(difference / 2 ** width);
    for (; ones > ONES_AT_ONCE; ones -= ONES_AT_ONCE) writer.write(2 ** ONES_AT_ONCE - 1, ONES_AT_ONCE);
    writer.write(2 ** (ones + 1) - 2, ones + 1);
    writer.write(difference % 2 ** width, width);
    writeOwn(writer, index);
  }
  return writer.toBytes();
}

/**
 * The items of `packTokens`; `readOwn` makes each of its token and what was added, or undefined of what cannot be. The
 * result is undefined for bytes that `packTokens` does not write, and for more than `itemsMax` items.
 */
export function unpackTokens<Item>(
  bytes: Uint8Array,
  itemsMax: number,
  readOwn: (reader: BitReader, token: InstrumentToken) => Item | undefined,
): Item[] | undefined {
  if (bytes.length === 0) return [];
  const reader = new BitReader(bytes);
  const count = reader.read(COUNT_BITS);
  const width = reader.read(WIDTH_BITS);
  if (count === 0 || count > itemsMax) return undefined;
  const items: Item[] = [];
  let token = 0;
  for (let i = 0; i < count; i++) {
    const start = token;
    while (reader.read(1) === 1 && token <= TOKEN_MAX) token += 2 ** width;
    token += reader.read(width);
    if (token === start || token > TOKEN_MAX || reader.isPastEnd) return undefined;
    const item = readOwn(reader, token as InstrumentToken);
    if (item === undefined) return undefined;
    items.push(item);
  }
  return reader.isAtEnd && widthOf(count, token) === width ? items : undefined;
}
