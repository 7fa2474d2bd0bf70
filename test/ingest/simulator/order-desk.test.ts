// The desk of all users: whose orders are whose, and what it remembers of requests.
import { expect, test } from 'vitest';
import { FaultBook } from '../../../ingest/simulator/control/fault-book.ts';
import { OrderDesk } from '../../../ingest/simulator/order-desk.ts';
import { SIMULATOR_TAGS_COUNTED_MAX } from '../../../shared/limits.ts';
import { ModelMarket, NOON_MS, request, STEADY } from './core/orders/model-market.ts';

const account = { apiKey: 'key', apiSecret: 'secret', accessToken: 'token', userId: 'AB1234' };
const stranger = { ...account, apiKey: 'other', userId: 'CD5678' };

test('users have books, allowances and numbers of their own', () => {
  let nowMs = NOON_MS;
  const told: string[] = [];
  const desk = new OrderDesk({
    market: new ModelMarket(),
    faults: new FaultBook(1, () => 0),
    seed: 1,
    nowMs: () => nowMs,
    tuning: STEADY,
    addresses: undefined,
    tell: (userId, { status }) => told.push(`${userId} ${status}`),
  });
  const first = desk.place(account, request());
  const second = desk.place(stranger, request({ appId: 'other' }));
  expect(first).not.toBe(second);
  for (let i = 0; i < 10; i++) desk.admit(account, '127.0.0.1');
  expect(() => desk.admit(account, '127.0.0.1')).toThrow('Too many requests');
  desk.admit(stranger, '127.0.0.1');
  nowMs += 100;
  expect(() => desk.cancel(stranger, first)).toThrow('does not exist');
  desk.step();
  expect(told).toEqual(['AB1234 OPEN', 'CD5678 OPEN']);
});

test('tags are counted up to a bound; the one that was not seen for longest goes first', () => {
  const desk = new OrderDesk({
    market: new ModelMarket(),
    faults: new FaultBook(1, () => 0),
    seed: 1,
    nowMs: () => NOON_MS,
    tuning: STEADY,
    addresses: undefined,
    tell: () => undefined,
  });
  for (let i = 0; i < SIMULATOR_TAGS_COUNTED_MAX; i++) desk.countPost('AB1234', `t${i}`);
  desk.countPost('AB1234', 't0');
  desk.countPost('AB1234', 'new');
  const [counts] = desk.counts;
  expect(Object.keys(counts?.posts ?? {})).toHaveLength(SIMULATOR_TAGS_COUNTED_MAX);
  expect(counts?.posts).toMatchObject({ t0: 2, new: 1 });
  expect(counts?.posts.t1).toBeUndefined();
});
