// What could not be had is named as the request named it: nothing that a client asked for is left without an answer.
import { expect, test } from 'vitest';
import { asNamed, rejection } from '../../../worker/core/rejection.ts';

test('by token, by symbol, or both, whichever the request used', () => {
  const rejected = [1, 2, 3].map((token) => rejection('token', token, 'shard_unavailable'));
  const symbolOf = new Map([
    [2, 'NSE:B'],
    [3, 'NSE:C'],
  ]);
  const named = asNamed(rejected, new Set([1, 3]), symbolOf);
  expect(named.map(({ field, item }) => [field, item])).toEqual([
    ['token', 1],
    ['symbol', 'NSE:B'],
    ['token', 3],
    ['symbol', 'NSE:C'],
  ]);
  expect(new Set(named.map(({ code, message }) => `${code}: ${message}`)).size).toBe(1);
});
