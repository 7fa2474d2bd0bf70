// What the clock says of a token.
import { expect, test } from 'vitest';
import { tokenWarning } from '../../../ingest/core/token-life.ts';
import { ACCESS_TOKEN_WARNING_MS } from '../../../shared/limits.ts';

const END_MS = Date.parse('2026-11-22T06:00:00+05:30');

test.each([
  [-ACCESS_TOKEN_WARNING_MS - 1, undefined],
  [-ACCESS_TOKEN_WARNING_MS, 'expires_soon'],
  [-1, 'expires_soon'],
  [0, 'overdue'],
  [86_400_000, 'overdue'],
])('%i ms from its end: %s', (byMs, warning) => {
  expect(tokenWarning(END_MS, END_MS + byMs)).toBe(warning);
});

test('of one whose end is not known nothing is said', () => {
  expect(tokenWarning(undefined, END_MS)).toBeUndefined();
});
