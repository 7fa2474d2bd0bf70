// Sessions that may come back: how many are kept in mind, whose, and who is forgotten for them.
import { expect, test } from 'vitest';
import {
  RESUME_SESSIONS_MAX,
  RESUME_SESSIONS_PER_USER_MAX,
  RESUME_SUBSCRIPTIONS_MAX,
} from '../../../shared/limits.ts';
import { DepartedSessions } from '../../../worker/core/departed-sessions.ts';

const departed = (session: number, userId: string, subscriptions = 1, waitedAtSeq = 0) => ({
  session,
  userId,
  subscriptions,
  waitedAtSeq,
});

test('one user who comes and goes forgets only their own oldest', () => {
  const sessions = new DepartedSessions();
  sessions.add('other', departed(999, 'other'));
  const forgotten: number[] = [];
  for (let i = 0; i <= RESUME_SESSIONS_PER_USER_MAX; i++) {
    forgotten.push(...sessions.add(`e${i}`, departed(i, 'busy')).map(({ session }) => session));
  }
  expect(forgotten).toEqual([0]);
  expect(sessions.find({ epoch: 'e0', seq: 9 }, 'busy')).toBeUndefined();
  expect(sessions.find({ epoch: 'e1', seq: 9 }, 'busy')?.session).toBe(1);
  expect(sessions.find({ epoch: 'other', seq: 9 }, 'other')?.session).toBe(999);
});

test('at most so many sessions, and so many subscriptions of all of them: the oldest go', () => {
  const many = new DepartedSessions();
  for (let i = 0; i < RESUME_SESSIONS_MAX; i++) expect(many.add(`e${i}`, departed(i, `u${i}`))).toEqual([]);
  expect(many.add('one more', departed(5_000, 'late')).map(({ session }) => session)).toEqual([0]);
  const big = new DepartedSessions();
  const half = RESUME_SUBSCRIPTIONS_MAX / 2;
  expect(big.add('a', departed(1, 'a', half))).toEqual([]);
  expect(big.add('b', departed(2, 'b', half))).toEqual([]);
  expect(big.add('c', departed(3, 'c', 1)).map(({ session }) => session)).toEqual([1]);
  big.forget(2);
  expect(big.add('d', departed(4, 'd', half))).toEqual([]);
});

test('a position counts only for its user, and only after everything that waited', () => {
  const sessions = new DepartedSessions();
  sessions.add('e', departed(1, 'u', 1, 50));
  expect(sessions.find({ epoch: 'e', seq: 51 }, 'u')?.session).toBe(1);
  expect(sessions.find({ epoch: 'e', seq: 50 }, 'u')).toBeUndefined();
  expect(sessions.find({ epoch: 'e', seq: 51 }, 'thief')).toBeUndefined();
});
