import { expect, test } from 'vitest';
import { Revocations } from '../../../worker/core/revocations.ts';

test('tokens of before are void, later ones and other users are not', () => {
  const revocations = new Revocations();
  expect(revocations.isRevoked('u', 1_000)).toBe(false);
  revocations.add({ userId: 'u', notBeforeS: 1_001 });
  expect(revocations.isRevoked('u', 1_000)).toBe(true);
  expect(revocations.isRevoked('u', 1_001)).toBe(false);
  expect(revocations.isRevoked('v', 1_000)).toBe(false);
  // A token that does not say when it was issued.
  expect(revocations.isRevoked('u', 0)).toBe(true);
  expect(revocations.isRevoked('v', 0)).toBe(false);
});

test('a later revocation counts, an earlier one that arrives late does not undo it', () => {
  const revocations = new Revocations();
  revocations.add({ userId: 'u', notBeforeS: 2_000 });
  revocations.add({ userId: 'u', notBeforeS: 1_000 });
  expect(revocations.isRevoked('u', 1_999)).toBe(true);
  revocations.add({ userId: 'u', notBeforeS: 3_000 });
  expect(revocations.isRevoked('u', 2_999)).toBe(true);
});

test('over its bound the earliest goes, and that is told', () => {
  const revocations = new Revocations(3);
  for (const userId of ['a', 'b', 'c']) expect(revocations.add({ userId, notBeforeS: 10 })).toBe(0);
  // Revoked again, it is no longer the earliest.
  expect(revocations.add({ userId: 'a', notBeforeS: 20 })).toBe(0);
  expect(revocations.add({ userId: 'd', notBeforeS: 20 })).toBe(1);
  expect(['a', 'b', 'c', 'd'].map((userId) => revocations.isRevoked(userId, 5))).toEqual([
    true,
    false,
    true,
    true,
  ]);
});
