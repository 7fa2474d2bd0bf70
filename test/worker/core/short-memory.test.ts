import { expect, test } from 'vitest';
import { ShortMemory } from '../../../worker/core/short-memory.ts';

test('what is told is known for its time, and not a moment longer', () => {
  const memory = new ShortMemory<number>(10, 1_000);
  memory.set('a', 7, 5_000);
  expect(memory.get('a', 5_999)).toBe(7);
  expect(memory.get('a', 6_000)).toBeUndefined();
  memory.set('a', 8, 6_000);
  expect(memory.get('a', 6_999)).toBe(8);
  expect(memory.get('b', 6_000)).toBeUndefined();
});

test('over its bound the oldest is forgotten; one that is told again is not the oldest', () => {
  const memory = new ShortMemory<number>(3, 1_000);
  for (const [value, key] of ['a', 'b', 'c', 'a', 'd'].entries()) memory.set(key, value, 0);
  expect(['a', 'b', 'c', 'd'].map((key) => memory.get(key, 1))).toEqual([3, undefined, 2, 4]);
  expect(memory.size).toBe(3);
});
