// The reducer of an order's news: whatever comes twice, late or in another order, the end is the same, and nothing goes back.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { KiteOrder } from '../../../../ingest/core/orders/kite-order.ts';
import {
  compareNews,
  isEnd,
  reduceLook,
  reduceNews,
  stateOfOrder,
} from '../../../../ingest/core/orders/order-view.ts';
import { kiteOrder } from './orders.ts';

const news = fc
  .record({
    status: fc.constantFrom(
      'PUT ORDER REQ RECEIVED',
      'OPEN',
      'UPDATE',
      'MODIFIED',
      'COMPLETE',
      'CANCELLED',
      'A NEW WORD',
    ),
    filledQuantity: fc.integer({ min: 0, max: 3 }),
    exchangeUpdatedAtMs: fc.constantFrom(null, 1_000, 2_000),
    price: fc.constantFrom(100, 101),
  })
  .map(kiteOrder);

function reduceAll(heard: readonly KiteOrder[]): KiteOrder | undefined {
  return heard.reduce<KiteOrder | undefined>((before, order) => reduceNews(before, order), undefined);
}

test('any order of the same news, each any number of times, ends the same', () => {
  fc.assert(
    fc.property(
      fc
        .array(news, { minLength: 1, maxLength: 8 })
        .chain((heard) =>
          fc.tuple(
            fc.constant(heard),
            fc.shuffledSubarray(heard, { minLength: heard.length }),
            fc.array(fc.constantFrom(...heard), { maxLength: 8 }),
          ),
        ),
      ([heard, shuffled, again]) => {
        expect(reduceAll([...shuffled, ...again])).toEqual(reduceAll(heard));
      },
    ),
  );
});

test('nothing goes back: not from an end, and not to less that is filled', () => {
  fc.assert(
    fc.property(fc.array(news, { minLength: 2, maxLength: 8 }), (heard) => {
      let before: KiteOrder | undefined;
      for (const order of heard) {
        const after = reduceNews(before, order);
        if (before && isEnd(before.status)) expect(isEnd(after.status)).toBe(true);
        if (before && isEnd(before.status) === isEnd(after.status)) {
          expect(after.filledQuantity).toBeGreaterThanOrEqual(before.filledQuantity);
        }
        before = after;
      }
    }),
  );
});

test('the same once more is nothing new', () => {
  const before = kiteOrder({ filledQuantity: 3 });
  expect(reduceNews(before, kiteOrder({ filledQuantity: 3, payload: { guid: 'another' } }))).toBe(before);
});

test.each<[string, Partial<KiteOrder>, Partial<KiteOrder>]>([
  [
    'an end over a partial fill that comes late',
    { status: 'COMPLETE', filledQuantity: 5 },
    { status: 'UPDATE', filledQuantity: 7 },
  ],
  [
    'more filled over later',
    { filledQuantity: 2, exchangeUpdatedAtMs: 1_000 },
    { exchangeUpdatedAtMs: 9_000 },
  ],
  ['later over earlier', { exchangeUpdatedAtMs: 2_000 }, { exchangeUpdatedAtMs: 1_000 }],
  ['a time over none', { exchangeUpdatedAtMs: 1 }, { exchangeUpdatedAtMs: null }],
  ['within a second, what comes later as a rule', { status: 'OPEN' }, { status: 'VALIDATION PENDING' }],
])('%s', (_, over, under) => {
  expect(compareNews(kiteOrder(over), kiteOrder(under))).toBeGreaterThan(0);
  expect(compareNews(kiteOrder(under), kiteOrder(over))).toBeLessThan(0);
});

test('of two looks at the book in one second the later counts, and a look is not over what came later than it', () => {
  const before = kiteOrder({ price: 101, quantity: 10, exchangeUpdatedAtMs: 1_000 });
  const lower = kiteOrder({ price: 100, quantity: 5, exchangeUpdatedAtMs: 1_000 });
  expect(reduceNews(before, lower)).toBe(before);
  expect(reduceLook(before, lower)).toBe(lower);
  expect(reduceLook(before, kiteOrder({ price: 100, exchangeUpdatedAtMs: null }))).toBe(before);
  expect(reduceLook(kiteOrder({ status: 'COMPLETE' }), lower)).toMatchObject({ status: 'COMPLETE' });
  expect(reduceLook(before, kiteOrder({ price: 101, exchangeUpdatedAtMs: 1_000 }))).toBe(before);
});

describe('the state of its task', () => {
  test.each<[string, number, ReturnType<typeof stateOfOrder>]>([
    ['PUT ORDER REQ RECEIVED', 0, 'PLACED'],
    ['AMO REQ RECEIVED', 0, 'PLACED'],
    ['VALIDATION PENDING', 0, 'PLACED'],
    ['OPEN PENDING', 0, 'PLACED'],
    ['OPEN PENDING', 1, 'OPEN'],
    ['TRIGGER PENDING', 0, 'OPEN'],
    ['OPEN', 0, 'OPEN'],
    ['MODIFY PENDING', 0, 'OPEN'],
    ['CANCEL PENDING', 0, 'OPEN'],
    ['UPDATE', 4, 'OPEN'],
    ['A WORD OF NEXT YEAR', 0, 'OPEN'],
    ['COMPLETE', 10, 'COMPLETE'],
    ['CANCELLED', 4, 'CANCELLED'],
    ['REJECTED', 0, 'REJECTED'],
  ])('%s with %i filled: %s', (status, filledQuantity, state) => {
    expect(stateOfOrder(kiteOrder({ status, filledQuantity }))).toBe(state);
  });
});
