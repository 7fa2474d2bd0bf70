// Ticks and lots without floats: what is a multiple is one whatever its size, and nothing else is.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ORDER_PRICE_RUPEES_MAX } from '../../../shared/limits.ts';
import type { PlaceRequest } from '../../../shared/order.ts';
import {
  faultOfModify,
  faultOfPlace,
  isOnTick,
  type OrderInstrument,
} from '../../../worker/core/order-request.ts';

const TICKS: readonly [tick: number, perRupee: number][] = [
  [0.01, 100],
  [0.05, 20],
  [0.1, 10],
  [0.2, 5],
  [0.5, 2],
  [1, 1],
  [5, 0.2],
  [0.0025, 400],
];

test('every whole number of ticks is one, and what lies between two is none', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...TICKS),
      fc.integer({ min: 1, max: 8_000_000 }),
      ([tick, perRupee], count) => {
        const price = Number((count / perRupee).toFixed(4));
        expect(isOnTick(price, tick)).toBe(true);
        const between = Number((price + tick / 2).toFixed(5));
        expect(isOnTick(between, tick)).toBe(false);
      },
    ),
  );
  // Each of these has a remainder in floats.
  for (const [price, tick] of [
    [0.3, 0.1],
    [4.35, 0.05],
    [1.15, 0.05],
    [8.2, 0.1],
  ] as const) {
    expect(price % tick).not.toBe(0);
    expect(isOnTick(price, tick)).toBe(true);
  }
});

test.each([Number.NaN, Number.POSITIVE_INFINITY, 1e21, 1e-8, -0.05, 0.100000001])(
  '%d is on no tick',
  (price) => {
    expect(isOnTick(price, 0.05)).toBe(false);
  },
);

test('an instrument without a tick takes no price', () => {
  expect(isOnTick(1, 0)).toBe(false);
});

const SHARE: OrderInstrument = {
  tradingsymbol: 'INFY',
  exchange: 'NSE',
  segment: 'NSE',
  expiry: null,
  tick_size: 0.05,
  lot_size: 1,
};
const LIMIT: PlaceRequest = {
  variety: 'regular',
  exchange: 'NSE',
  tradingsymbol: 'INFY',
  transaction_type: 'BUY',
  quantity: 10,
  product: 'CNC',
  order_type: 'LIMIT',
  price: 100,
  validity: 'DAY',
};

test('the last day of a contract is its expiry', () => {
  const future = { ...SHARE, exchange: 'NFO', segment: 'NFO-FUT', expiry: '2026-11-24', lot_size: 65 };
  const request: PlaceRequest = { ...LIMIT, exchange: 'NFO', product: 'NRML', quantity: 65 };
  expect(faultOfPlace(request, future, '2026-11-24')).toBeUndefined();
  expect(faultOfPlace(request, future, '2026-11-25')).toMatchObject({ field: 'tradingsymbol' });
});

test('the highest price is taken, and nothing above it', () => {
  expect(faultOfPlace({ ...LIMIT, price: ORDER_PRICE_RUPEES_MAX }, SHARE, '2026-11-24')).toBeUndefined();
  const above = { ...LIMIT, price: ORDER_PRICE_RUPEES_MAX + 0.05 };
  expect(faultOfPlace(above, SHARE, '2026-11-24')).toMatchObject({ field: 'price' });
});

test('a change of an order that nobody here knows is held against no instrument', () => {
  const change = { variety: 'regular', order_id: '1' } as const;
  expect(faultOfModify({ ...change, price: 0.01, quantity: 7 }, undefined)).toBeUndefined();
  expect(faultOfModify({ ...change, price: 0.01 }, SHARE)).toMatchObject({ field: 'price' });
  expect(faultOfModify({ ...change, trigger_price: -1 }, undefined)).toMatchObject({
    field: 'trigger_price',
  });
  expect(faultOfModify({ ...change, order_type: 'MARKET', price: 5 }, undefined)).toMatchObject({
    field: 'price',
  });
  expect(
    faultOfModify({ ...change, order_type: 'MARKET', market_protection: -1 }, undefined),
  ).toBeUndefined();
  expect(faultOfModify({ ...change, order_type: 'LIMIT', market_protection: -1 }, undefined)).toBeDefined();
  expect(faultOfModify(change, SHARE)).toMatchObject({ field: 'body' });
});
