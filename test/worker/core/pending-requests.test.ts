import { expect, test } from 'vitest';
import { CONTROL_REQUESTS_MAX } from '../../../shared/limits.ts';
import { PendingRequests } from '../../../worker/core/pending-requests.ts';

test('each request ends once, and only under its own id', () => {
  const pending = new PendingRequests<string>('boot-1');
  const [first, second] = [pending.open('a'), pending.open('b')];
  expect(first).not.toBe(second);
  expect(pending.close(second)).toBe('b');
  expect(pending.close(second)).toBeUndefined();
  expect(pending.close('boot-0:1')).toBeUndefined();
  expect(pending.closeAll()).toEqual(['a']);
  expect(pending.close(first)).toBeUndefined();
  expect(pending.open('c')).not.toBe(first);
});

test('there are never more than may wait', () => {
  const pending = new PendingRequests<number>('boot');
  const ids = Array.from({ length: CONTROL_REQUESTS_MAX }, (_, i) => pending.open(i));
  expect(pending.isFull).toBe(true);
  expect(() => pending.open(-1)).toThrow(/invariant/);
  pending.close(ids[0] as string);
  expect(pending.isFull).toBe(false);
});
