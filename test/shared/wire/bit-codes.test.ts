// The codes that rows are made of: their bits, and every number back as it was.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BitReader } from '../../../shared/wire/bit-reader.ts';
import { BitWriter } from '../../../shared/wire/bit-writer.ts';

const CODES = ['unsigned', 'signed', 'change'] as const;

/** Numbers around every power of two that a code may have, and any between. */
const arbitraryNumber = fc.oneof(
  fc.nat(40),
  fc
    .tuple(fc.integer({ min: 0, max: 51 }), fc.integer({ min: -1, max: 1 }))
    .map(([bits, off]) => 2 ** bits + off),
  fc.integer({ min: 0, max: 2 ** 51 }),
);

const arbitraryItem = fc.oneof(
  fc.record({
    code: fc.constant('bits' as const),
    count: fc.integer({ min: 1, max: 24 }),
    value: fc.nat(0xff_ffff),
  }),
  fc.record({
    code: fc.constantFrom(...CODES),
    order: fc.nat(16),
    value: fc
      .tuple(arbitraryNumber, fc.boolean())
      .map(([value, isNegative]) => (isNegative ? -value : value)),
  }),
);

/** The bits as text: what `write` wrote, without the rest of the last byte. */
function bitsOf(write: (out: BitWriter) => void, count: number): string {
  const bytes = new Uint8Array(64).fill(0xff);
  const out = new BitWriter(bytes);
  out.startAt(1);
  write(out);
  const text = [...bytes.subarray(1, out.byteEnd)].map((byte) => byte.toString(2).padStart(8, '0')).join('');
  expect(text.slice(count)).toMatch(/^0{0,7}$/);
  return text.slice(0, count);
}

describe('the bits of', () => {
  test.each([
    [0, 0, '1'],
    [1, 0, '010'],
    [2, 0, '011'],
    [3, 0, '00100'],
    [6, 0, '00111'],
    [0, 3, '1000'],
    [7, 3, '1111'],
    [8, 3, '010000'],
    [23, 3, '011111'],
    [24, 3, '00100000'],
  ])('%i in order %i', (value, order, bits) => {
    expect(bitsOf((out) => out.unsigned(value, order), bits.length)).toBe(bits);
  });

  test.each([
    [0, '1', '0'],
    [-1, '010', '11'],
    [1, '011', '1010'],
    [-2, '00100', '1011'],
    [2, '00101', '100100'],
  ])('%i with its sign, and as a change', (value, signed, change) => {
    expect(bitsOf((out) => out.signed(value, 0), signed.length)).toBe(signed);
    expect(bitsOf((out) => out.change(value, 0), change.length)).toBe(change);
  });

  test('a number of 33 bits', () => {
    expect(bitsOf((out) => out.unsigned(2 ** 32 + 4, 0), 65)).toBe(`${'0'.repeat(32)}1${'0'.repeat(29)}101`);
  });
});

test('whatever is written is read, in bytes that were not empty', () => {
  fc.assert(
    fc.property(fc.array(arbitraryItem, { maxLength: 30 }), fc.nat(20), (items, at) => {
      const bytes = new Uint8Array(1_024).fill(0xff);
      const out = new BitWriter(bytes);
      out.startAt(at);
      for (const item of items) {
        if (item.code === 'bits') out.bits(item.value & (2 ** item.count - 1), item.count);
        else out[item.code](item.code === 'unsigned' ? Math.abs(item.value) : item.value, item.order);
      }
      const end = out.byteEnd;
      bytes.fill(0, end);
      const bits = new BitReader();
      bits.bytes = bytes;
      bits.startAt(at);
      for (const item of items) {
        if (item.code === 'bits') expect(bits.bits(item.count)).toBe(item.value & (2 ** item.count - 1));
        else {
          const value = item.code === 'unsigned' ? Math.abs(item.value) : item.value;
          expect(bits[item.code](item.order)).toBe(value + 0);
        }
      }
      expect(bits.byteEnd).toBe(end);
      expect(bits.restOfByte).toBe(0);
    }),
    { numRuns: 1_000 },
  );
});

test('a number that has no end is refused', () => {
  const bits = new BitReader();
  bits.bytes = new Uint8Array(64);
  bits.startAt(0);
  expect(() => bits.unsigned(3)).toThrow('a number of more than 53 bits');
});
