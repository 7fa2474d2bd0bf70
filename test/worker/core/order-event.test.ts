// What the edge takes for an order event: a number, an account and an object; or an object alone, to the letter.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ORDER_UPDATE_CHARS_MAX } from '../../../shared/limits.ts';
import { orderEventIn } from '../../../worker/core/order-event.ts';

const update = (payload: unknown) => orderEventIn('order_update', payload);

test('the text of an object is taken to the letter', () => {
  const text = '{ "order_id": "1", "quantity": 5e0 }';
  expect(update(text)).toEqual({ order: text });
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (order) => {
      const json = JSON.stringify(order);
      expect(update(json)).toEqual({ order: json });
    }),
  );
});

test('up to its bound', () => {
  expect(update('{}'.padEnd(ORDER_UPDATE_CHARS_MAX))).toBeDefined();
  expect(update('{}'.padEnd(ORDER_UPDATE_CHARS_MAX + 1))).toBeUndefined();
});

test.each([[null], [5], [{}], [''], ['{'], ['[]'], ['null'], ['"a"'], ['{}{}'], ['{},"type":"tick"']])(
  'no update: %j',
  (payload) => {
    expect(update(payload)).toBeUndefined();
  },
);

test('a numbered event has all three', () => {
  const order = { order_id: '1953341975595868160', tags: ['a'] };
  const event = { seq: 7, account_id: 'main', order };
  const take = (value: unknown) => orderEventIn('order_event', JSON.stringify(value));
  expect(take(event)).toEqual({ seq: 7, accountId: 'main', order: JSON.stringify(order) });
  for (const seq of [0, -1, 1.5, 2 ** 53, '7', null]) expect(take({ ...event, seq })).toBeUndefined();
  for (const wrong of [{ account_id: 5 }, { order: [] }, { order: '{}' }, { order: null }]) {
    expect(take({ ...event, ...wrong })).toBeUndefined();
  }
  expect(take({ ...event, order: { text: 'x'.repeat(ORDER_UPDATE_CHARS_MAX + 512) } })).toBeUndefined();
  expect(orderEventIn('weather', JSON.stringify(event))).toBeUndefined();
});
