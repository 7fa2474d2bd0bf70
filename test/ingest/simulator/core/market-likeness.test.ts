// That a simulated session changes as much, and costs as much on the wire, as one of an exchange does.
import { expect, test } from 'vitest';
import type { ModeRank } from '../../../../shared/tick.ts';
import { measureChanges } from '../../../bench/session-changes.ts';
import { simulatedSession } from '../../../bench/simulated-session.ts';
import { measureSizes } from '../../../bench/wire-connection.ts';

/** What a session of options near the money and shares, five to two, showed on the exchange (December 2025). */
const DEPTH_COLUMNS = 11.5;
const UNCHANGED_SIDES = 0.4;
const TRADED = 0.48;
const CHANGED_TOTALS = 0.6;
const FULL_BYTES = 13.5;
const QUOTE_BYTES = 5.9;
const LTP_BYTES = 3.7;
const TOLERANCE = 0.2;

const session = simulatedSession();

function expectLike(value: number, target: number): void {
  expect(value).toBeGreaterThan(target * (1 - TOLERANCE));
  expect(value).toBeLessThan(target * (1 + TOLERANCE));
}

test.each([
  ['depthColumns', DEPTH_COLUMNS],
  ['unchangedSides', UNCHANGED_SIDES],
  ['traded', TRADED],
  ['changedTotals', CHANGED_TOTALS],
] as const)('%s is near %d', (name, target) => {
  expectLike(measureChanges(session)[name], target);
});

test.each<[ModeRank, string, number]>([
  [3, 'full', FULL_BYTES],
  [2, 'quote', QUOTE_BYTES],
  [1, 'last price', LTP_BYTES],
])('a tick of mode %d (%s) takes near %d bytes', (rank, _name, target) => {
  const { bytes, rows } = measureSizes(session, rank);
  expectLike(bytes / rows, target);
});
