import { expect, test } from 'vitest';
import { type ExchangeRows, faultOf, shrinkageOf } from '../../../ingest/core/list-check.ts';
import {
  INSTRUMENT_EXCHANGE_ROWS_COMPARED_MIN,
  INSTRUMENT_EXCHANGE_ROWS_SHARE_MIN,
  INSTRUMENT_ROWS_SHARE_MIN,
} from '../../../shared/limits.ts';

const rowsOf = (counts: Record<string, number>): ExchangeRows => new Map(Object.entries(counts));
/** About what Kite lists. */
const USUAL = {
  NFO: 40_000,
  CDS: 13_000,
  BSE: 12_500,
  MCX: 12_000,
  NSE: 8_000,
  NCO: 6_000,
  BFO: 5_000,
  GLOBAL: 12,
};
const TOTAL = Object.values(USUAL).reduce((sum, count) => sum + count, 0);

test.each<[string, Record<string, number>, string | undefined]>([
  ['the same list', {}, undefined],
  ['a list that has grown', { NFO: 60_000, NEW: 5 }, undefined],
  ['the day after a monthly expiry', { NFO: 23_600, BFO: 2_100 }, undefined],
  ['a small exchange that is gone', { GLOBAL: 0 }, undefined],
  [
    'half of everything',
    { NFO: 20_000, CDS: 6_500, BSE: 6_300, MCX: 5_900, NSE: 3_900 },
    '53612 instruments, the last good list has 96512',
  ],
  ['a list without one exchange', { BFO: 0 }, '0 instruments of BFO, the last good list has 5000'],
  ['a list with a stump of one', { NSE: 3_000 }, '3000 instruments of NSE, the last good list has 8000'],
])('%s', (_, changes, lack) => {
  const now = rowsOf({ ...USUAL, ...changes });
  if (lack === undefined) expect(shrinkageOf(now, rowsOf(USUAL))).toBeUndefined();
  else expect(shrinkageOf(now, rowsOf(USUAL))).toContain(lack);
});

test('the shares are limits: what has just so much passes, one less does not', () => {
  const last = rowsOf({ NSE: 10_000 });
  const least = 10_000 * INSTRUMENT_ROWS_SHARE_MIN;
  expect(shrinkageOf(rowsOf({ NSE: least }), last)).toBeUndefined();
  expect(shrinkageOf(rowsOf({ NSE: least - 1 }), last)).toBe(
    '6999 instruments, the last good list has 10000',
  );
  const two = rowsOf({ NSE: 100_000, BSE: INSTRUMENT_EXCHANGE_ROWS_COMPARED_MIN });
  const leastOfBse = INSTRUMENT_EXCHANGE_ROWS_COMPARED_MIN * INSTRUMENT_EXCHANGE_ROWS_SHARE_MIN;
  expect(shrinkageOf(rowsOf({ NSE: 100_000, BSE: leastOfBse }), two)).toBeUndefined();
  expect(shrinkageOf(rowsOf({ NSE: 100_000, BSE: leastOfBse - 1 }), two)).toContain('199 instruments of BSE');
  const small = rowsOf({ NSE: 100_000, BSE: INSTRUMENT_EXCHANGE_ROWS_COMPARED_MIN - 1 });
  expect(shrinkageOf(rowsOf({ NSE: 100_000 }), small)).toBeUndefined();
});

test('without a last good list nothing is missing', () => {
  expect(shrinkageOf(rowsOf({ NSE: 1 }), new Map())).toBeUndefined();
});

const whole = { rows: rowsOf(USUAL), badRows: 0, isCutOff: false };

test('of a list alone it is seen when it is empty, cut off, or mostly not understood', () => {
  expect(faultOf(whole)).toBeUndefined();
  expect(faultOf({ ...whole, rows: new Map() })).toBe('no usable row');
  expect(faultOf({ ...whole, rows: new Map(), badRows: 7, firstBadRow: 'line 2: junk' })).toBe(
    'no usable row, 7 bad ones: line 2: junk',
  );
  expect(faultOf({ ...whole, isCutOff: true })).toBe(
    `the text ends inside a row, after ${TOTAL} instruments: half a download`,
  );
  const most = Math.floor(TOTAL / 100);
  expect(faultOf({ ...whole, badRows: most, firstBadRow: 'x' })).toBeUndefined();
  expect(faultOf({ ...whole, badRows: most + 1, firstBadRow: 'line 9: x' })).toBe(
    `${most + 1} bad rows beside ${TOTAL} good ones: line 9: x`,
  );
});

test('one row of junk is always allowed, also in a list of one', () => {
  expect(
    faultOf({ rows: rowsOf({ NSE: 1 }), badRows: 1, firstBadRow: 'x', isCutOff: false }),
  ).toBeUndefined();
  expect(faultOf({ rows: rowsOf({ NSE: 1 }), badRows: 2, firstBadRow: 'x', isCutOff: false })).toBeDefined();
});
