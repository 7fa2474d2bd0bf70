// What the edge takes for an order update: the text of a JSON object, as it is.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ORDER_UPDATE_CHARS_MAX } from '../../../shared/limits.ts';
import { orderUpdateIn } from '../../../worker/core/order-update.ts';

test('the text of an object is taken to the letter', () => {
  const text = '{ "order_id": "1", "quantity": 5e0 }';
  expect(orderUpdateIn(text)).toBe(text);
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (order) => {
      const json = JSON.stringify(order);
      expect(orderUpdateIn(json)).toBe(json);
    }),
  );
});

test('up to its bound', () => {
  expect(orderUpdateIn('{}'.padEnd(ORDER_UPDATE_CHARS_MAX))).toBeDefined();
  expect(orderUpdateIn('{}'.padEnd(ORDER_UPDATE_CHARS_MAX + 1))).toBeUndefined();
});

test.each([[null], [5], [{}], [''], ['{'], ['[]'], ['null'], ['"a"'], ['{}{}'], ['{},"type":"tick"']])(
  'no update: %j',
  (payload) => {
    expect(orderUpdateIn(payload)).toBeUndefined();
  },
);
