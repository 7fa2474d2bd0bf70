// Bars that wait: every closed one up to the bound, the newest open one, and nothing of a key before what was before it.
import { expect, test } from 'vitest';
import { BarQueue } from '../../../worker/core/bar-queue.ts';

test('closed bars come in their order, before open ones, of which the newest is left', () => {
  const queue = new BarQueue<string>(10);
  queue.add(1, 'a live', false);
  queue.add(2, 'b live', false);
  queue.add(1, 'a closed', true);
  queue.add(1, 'a next', false);
  queue.add(1, 'a next, newer', false);
  queue.add(2, 'b closed', true);
  expect(queue.size).toBe(3);
  expect(queue.takeAll()).toEqual(['a closed', 'b closed', 'a next, newer']);
  expect([queue.size, queue.takeNext()]).toEqual([0, undefined]);
});

test('over the bound the oldest closed bar is given up', () => {
  const queue = new BarQueue<number>(3);
  for (let i = 0; i < 5; i++) queue.add(1, i, true);
  expect(queue.takeAll()).toEqual([2, 3, 4]);
});

test('one by one, and without what is no longer wanted', () => {
  const queue = new BarQueue<string>(10);
  for (const key of [1, 2])
    for (const isClosed of [true, false]) queue.add(key, `${key} ${isClosed}`, isClosed);
  queue.remove(1);
  expect([queue.takeNext(), queue.takeNext(), queue.takeNext()]).toEqual(['2 true', '2 false', undefined]);
});
