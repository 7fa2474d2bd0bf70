// Tokens, segments and divisors.
import { expect, test } from 'vitest';
import {
  isIndex,
  isSameInstrument,
  parseInstrumentToken,
  priceDivisorOf,
  SEGMENT,
  segmentOf,
} from '../../shared/instrument.ts';
import { definitionOf } from '../support/records.ts';

test('a token is an integer from 1 to 2^32 - 1 and nothing else', () => {
  for (const value of [1, 256_265, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff]) {
    expect(parseInstrumentToken(value)).toBe(value);
  }
  const others = [0, -0, -1, 1.5, 2 ** 32, 2 ** 53, Number.NaN, Number.POSITIVE_INFINITY];
  const untyped = ['256265', '', null, undefined, true, [256_265], { valueOf: () => 1 }, 1n];
  for (const value of [...others, ...untyped]) expect(parseInstrumentToken(value)).toBeUndefined();
});

test('segment and divisor come from the low byte, tokens from 2^31 on included', () => {
  const divisors: [keyof typeof SEGMENT, number][] = [
    ['NSE', 100],
    ['NFO', 100],
    ['CDS', 10_000_000],
    ['BSE', 100],
    ['BFO', 100],
    ['BCD', 10_000],
    ['MCX', 100],
    ['MCXSX', 100],
    ['INDICES', 100],
  ];
  expect(divisors.map(([name]) => name)).toEqual(Object.keys(SEGMENT));
  for (const [name, divisor] of divisors) {
    for (const exchangeToken of [1, 0x7f_ffff, 0x80_0000, 0xff_ffff]) {
      const token = exchangeToken * 256 + SEGMENT[name];
      expect(segmentOf(token)).toBe(SEGMENT[name]);
      expect(priceDivisorOf(token)).toBe(divisor);
      expect(isIndex(token)).toBe(name === 'INDICES');
    }
  }
  expect(priceDivisorOf(5 * 256 + 12)).toBe(100);
});

test('real tokens: NIFTY 50 is an index, INFY and a NIFTY future are not', () => {
  expect([256_265, 408_065, 12_683_010].map(isIndex)).toEqual([true, false, false]);
  expect([256_265, 408_065, 12_683_010].map(segmentOf)).toEqual([SEGMENT.INDICES, SEGMENT.NSE, SEGMENT.NFO]);
});

test('a token that was given to another contract is another instrument', () => {
  const contract = { ...definitionOf(12_683_010, 'NIFTY25D0225000CE'), expiry: '2025-12-02' };
  expect(isSameInstrument(contract, { ...contract, lot_size: 65 })).toBe(true);
  expect(isSameInstrument(contract, { ...contract, tradingsymbol: 'NIFTY25D0925000CE' })).toBe(false);
  expect(isSameInstrument(contract, { ...contract, exchange: 'BFO' })).toBe(false);
  expect(isSameInstrument(contract, { ...contract, expiry: '2025-12-09' })).toBe(false);
});
