// Places for sockets: three of each key, and those that stay taken after their socket has gone.
import { expect, test } from 'vitest';
import { SocketSlots } from '../../../ingest/simulator/socket-slots.ts';

test('a place is free again at once, or when its linger is over', () => {
  let nowMs = 0;
  const slots = new SocketSlots(2, () => nowMs);
  slots.take('a');
  slots.take('a');
  expect(slots.isFree('a')).toBe(false);
  expect(slots.isFree('b')).toBe(true);
  slots.release('a', 0);
  expect(slots.isFree('a')).toBe(true);
  slots.release('a', 100);
  slots.take('a');
  expect(slots.isFree('a')).toBe(false);
  nowMs = 99;
  expect(slots.isFree('a')).toBe(false);
  nowMs = 100;
  expect(slots.isFree('a')).toBe(true);
});
