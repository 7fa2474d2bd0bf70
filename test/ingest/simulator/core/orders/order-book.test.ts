// The model of Kite's order system: how an order comes to be, is filled, changed and ended.
import { expect, test } from 'vitest';
import type { OrderRequest } from '../../../../../ingest/simulator/core/orders/order.ts';
import type { OrderBook } from '../../../../../ingest/simulator/core/orders/order-book.ts';
import { tagsOf } from '../../../../../ingest/simulator/core/orders/order-view.ts';
import {
  KITE_MODIFICATIONS_PER_ORDER_MAX,
  KITE_TAG_CHARS_MAX,
  SIMULATOR_ORDER_QUANTITY_MAX,
} from '../../../../../shared/limits.ts';
import { bookOn, ModelMarket, NOON_MS, placed, request, rowOf, SETTLED_MS } from './model-market.ts';

const LATER_MS = NOON_MS + SETTLED_MS;

function statusesOf(book: OrderBook, orderId: string, nowMs: number): string[] {
  return (book.history(orderId, nowMs) ?? []).map(({ status }) => status);
}

test('an order goes through Kite’s statuses, each in its time, and its numbers are text of 19 digits', () => {
  const book = bookOn(new ModelMarket());
  const orderId = placed(book);
  expect(orderId).toMatch(/^\d{19}$/);
  const seen = [10, 20, 30].map((ms) => rowOf(book, orderId, NOON_MS + ms).status);
  expect(seen).toEqual(['VALIDATION PENDING', 'OPEN PENDING', 'OPEN']);
  expect(statusesOf(book, orderId, LATER_MS)).toEqual([
    'PUT ORDER REQ RECEIVED',
    'VALIDATION PENDING',
    'OPEN PENDING',
    'OPEN',
  ]);
  expect(book.advance(LATER_MS).map(({ status }) => status)).toEqual(['OPEN']);
  const second = placed(book, {}, LATER_MS);
  expect(BigInt(second)).toBeGreaterThan(BigInt(orderId));
});

test('a crossing limit order fills at the market, a resting one when the market comes', () => {
  const market = new ModelMarket();
  const book = bookOn(market);
  const crossing = placed(book, { price: 810, quantity: 3 });
  const resting = placed(book, { price: 790, quantity: 2 });
  expect(book.advance(LATER_MS).map(({ status }) => status)).toEqual(['OPEN', 'OPEN', 'COMPLETE']);
  expect(rowOf(book, crossing, LATER_MS)).toMatchObject({ status: 'COMPLETE', filledValue: 3 * 80_005 });
  expect(rowOf(book, resting, LATER_MS)).toMatchObject({ status: 'OPEN', filledQuantity: 0 });
  market.last = 78_995;
  book.advance(LATER_MS + 1);
  expect(rowOf(book, resting, LATER_MS + 1)).toMatchObject({ status: 'COMPLETE', filledValue: 2 * 79_000 });
});

test('thin levels fill in parts: OPEN with a filled quantity, told as UPDATE', () => {
  const market = new ModelMarket();
  market.depthQuantity = 65 + 64;
  const book = bookOn(market);
  const future = { exchange: 'NFO', tradingsymbol: 'NIFTY26NOVFUT', product: 'NRML' } as const;
  const orderId = placed(book, { ...future, quantity: 130, price: 801 });
  expect(book.advance(LATER_MS).map(({ status }) => status)).toEqual(['OPEN', 'UPDATE']);
  expect(rowOf(book, orderId, LATER_MS)).toMatchObject({ status: 'OPEN', filledQuantity: 65 });
  expect(book.advance(LATER_MS + 5)).toEqual([]);
  expect(book.advance(LATER_MS + 10).map(({ status }) => status)).toEqual(['COMPLETE']);
  expect(book.trades(LATER_MS + 10, orderId)?.map(({ quantity }) => quantity)).toEqual([65, 65]);
});

test('a MARKET order becomes a LIMIT order with a protection price, known by its tags', () => {
  const market = new ModelMarket();
  market.depthQuantity = 1;
  const book = bookOn(market);
  const { price: _, ...base } = request({ orderType: 'MARKET', marketProtection: -1, quantity: 2 });
  const outcome = book.place(base, NOON_MS);
  if (outcome.kind === 'refused') throw new Error(outcome.refusal.message);
  const [update] = book.advance(LATER_MS);
  expect(update?.row.terms).toMatchObject({ orderType: 'LIMIT', price: 81_600 });
  expect(tagsOf(update!.row)).toEqual(['T', 'mktp', 'mktp:2.00']);
  // Beyond the band it rests with what is left.
  market.last = 82_000;
  expect(book.advance(LATER_MS + SETTLED_MS)).toEqual([]);
  expect(rowOf(book, outcome.orderId, LATER_MS)).toMatchObject({ status: 'OPEN', filledQuantity: 1 });
});

test('an SL order waits for its trigger, then rests at its limit', () => {
  const market = new ModelMarket();
  const book = bookOn(market);
  const stop = placed(book, { orderType: 'SL', triggerPrice: 805, price: 806 });
  const protectedStop = placed(book, {
    orderType: 'SL-M',
    side: 'SELL',
    triggerPrice: 795,
    marketProtection: 1,
  });
  expect(book.advance(LATER_MS).map(({ status }) => status)).toEqual(['TRIGGER PENDING', 'TRIGGER PENDING']);
  expect(rowOf(book, protectedStop, LATER_MS).terms).toMatchObject({ orderType: 'SL', price: 78_705 });
  market.last = 80_500;
  expect(book.advance(LATER_MS + 1).map(({ status }) => status)).toEqual(['OPEN', 'COMPLETE']);
  expect(rowOf(book, stop, LATER_MS + 1).filledValue).toBe(80_505);
  expect(rowOf(book, protectedStop, LATER_MS + 1).status).toBe('TRIGGER PENDING');
});

test('IOC ends what is not filled at once, TTL after its minutes', () => {
  const market = new ModelMarket();
  market.depthQuantity = 4;
  const book = bookOn(market);
  const ioc = placed(book, { validity: 'IOC', quantity: 10, price: 801 });
  const ttl = placed(book, { validity: 'TTL', validityTtlMinutes: 2 });
  book.advance(LATER_MS);
  expect(rowOf(book, ioc, LATER_MS)).toMatchObject({
    status: 'CANCELLED',
    filledQuantity: 4,
    cancelledQuantity: 6,
  });
  book.advance(NOON_MS + 119_000);
  expect(rowOf(book, ttl, NOON_MS + 119_000).status).toBe('OPEN');
  expect(book.advance(NOON_MS + 121_000).map(({ status }) => status)).toEqual(['CANCELLED']);
});

test('an after-market order waits for the opening, and nobody is told of it before', () => {
  const evening = Date.parse('2026-11-23T14:00:00Z');
  const book = bookOn(new ModelMarket());
  const kept = placed(book, { variety: 'amo', tag: 'KEPT' }, evening);
  const ended = placed(book, { variety: 'amo', tag: 'ENDED' }, evening);
  const regular = placed(book, {}, evening);
  expect(rowOf(book, kept, evening + 10).status).toBe('AMO REQ RECEIVED');
  expect(book.modify(kept, { price: 791 }, evening + 20).kind).toBe('accepted');
  expect(book.cancel(ended, evening + 20).kind).toBe('accepted');
  const updates = book.advance(evening + SETTLED_MS);
  expect(updates.map(({ row }) => row.orderId)).toEqual([regular]);
  const opened = Date.parse('2026-11-24T03:45:01Z');
  expect(book.advance(opened).map(({ row }) => [row.orderId, row.status, row.terms.price])).toEqual([
    [kept, 'OPEN', 79_100],
  ]);
  // The book is of one day.
  expect(book.book(opened).map(({ orderId }) => orderId)).toEqual([kept]);
});

test('a modification takes its steps; a write while one is under way is being processed', () => {
  const book = bookOn(new ModelMarket());
  const orderId = placed(book);
  const early = book.modify(orderId, { price: 791 }, NOON_MS + 9);
  expect(early).toMatchObject({ refusal: { errorType: 'OrderException' } });
  expect(book.modify(orderId, { price: 791 }, NOON_MS + 15)).toMatchObject({
    refusal: { httpStatus: 400, message: 'Order cannot be modified as it is being processed. Try later.' },
  });
  expect(book.cancel(orderId, NOON_MS + 15)).toMatchObject({
    refusal: { message: 'Order cannot be cancelled as it is being processed. Try later.' },
  });
  expect(book.modify(orderId, { price: 791, quantity: 5 }, LATER_MS).kind).toBe('accepted');
  expect(book.modify(orderId, { price: 792 }, LATER_MS).kind).toBe('refused');
  expect(book.cancel(orderId, LATER_MS).kind).toBe('refused');
  expect(statusesOf(book, orderId, LATER_MS + 20).slice(4)).toEqual([
    'MODIFY VALIDATION PENDING',
    'MODIFY PENDING',
    'MODIFIED',
    'OPEN',
  ]);
  expect(book.advance(LATER_MS + 20).map(({ status }) => status)).toEqual(['OPEN', 'UPDATE']);
  const row = rowOf(book, orderId, LATER_MS + 20);
  expect(row).toMatchObject({ isModified: true, terms: { price: 79_100, quantity: 5 } });
});

test('25 modifications per order', () => {
  const book = bookOn(new ModelMarket());
  const orderId = placed(book);
  let nowMs = NOON_MS;
  for (let i = 0; i < KITE_MODIFICATIONS_PER_ORDER_MAX; i++) {
    nowMs += SETTLED_MS;
    expect(book.modify(orderId, { price: 780 + i }, nowMs).kind).toBe('accepted');
  }
  nowMs += SETTLED_MS;
  expect(book.modify(orderId, { price: 790 }, nowMs)).toMatchObject({
    refusal: { message: 'Maximum allowed order modifications exceeded.' },
  });
  expect(book.cancel(orderId, nowMs).kind).toBe('accepted');
});

test('a fill may overtake a cancellation and a modification', () => {
  const market = new ModelMarket();
  const book = bookOn(market);
  const cancelled = placed(book);
  const modified = placed(book);
  const shrunk = placed(book, { quantity: 10 });
  book.advance(LATER_MS);
  expect(book.cancel(cancelled, LATER_MS).kind).toBe('accepted');
  expect(book.modify(modified, { price: 780 }, LATER_MS).kind).toBe('accepted');
  expect(book.modify(shrunk, { quantity: 3, price: 780 }, LATER_MS).kind).toBe('accepted');
  market.last = 78_995;
  market.depthQuantity = 4;
  book.advance(LATER_MS + 5);
  const end = LATER_MS + SETTLED_MS;
  expect(rowOf(book, cancelled, end)).toMatchObject({ status: 'COMPLETE', filledQuantity: 1 });
  expect(rowOf(book, modified, end)).toMatchObject({ status: 'COMPLETE', isModified: false });
  expect(rowOf(book, shrunk, end)).toMatchObject({ status: 'OPEN', filledQuantity: 4, isModified: false });
});

test('a cancellation leaves what is filled, and ends the order', () => {
  const market = new ModelMarket();
  market.depthQuantity = 2;
  const book = bookOn(market);
  const orderId = placed(book, { quantity: 5, price: 801 });
  book.advance(LATER_MS);
  market.last = 82_000;
  expect(book.cancel(orderId, LATER_MS).kind).toBe('accepted');
  expect(rowOf(book, orderId, LATER_MS).status).toBe('CANCEL PENDING');
  expect(book.advance(LATER_MS + 10).map(({ status }) => status)).toEqual(['CANCELLED']);
  expect(rowOf(book, orderId, LATER_MS + 10)).toMatchObject({ filledQuantity: 2, cancelledQuantity: 3 });
  expect(book.cancel(orderId, LATER_MS + 20).kind).toBe('refused');
});

const { tag: _tag, ...tagless } = request();
test.each([
  ['an unknown symbol', { tradingsymbol: 'NOTHING' }, 'InputException', 'NSE:NOTHING'],
  ['an index', { tradingsymbol: 'NIFTY 50' }, 'InputException', 'NIFTY 50'],
  ['no quantity', { quantity: 0 }, 'InputException', 'quantity'],
  ['NaN', { quantity: Number.NaN }, 'InputException', 'quantity'],
  ['a fraction', { quantity: 1.5 }, 'InputException', 'quantity'],
  ['too much', { quantity: SIMULATOR_ORDER_QUANTITY_MAX + 1 }, 'InputException', 'limit'],
  ['no price', { price: Number.NaN }, 'InputException', 'price'],
  ['a negative price', { price: -1 }, 'InputException', 'price'],
  ['an infinite price', { price: Number.POSITIVE_INFINITY }, 'InputException', 'price'],
  ['a price off the grid', { price: 790.03 }, 'InputException', 'Tick size'],
  ['a trigger off the grid', { orderType: 'SL', triggerPrice: 805.03, price: 806 }, 'InputException', 'Tick'],
  [
    'a trigger behind the market',
    { orderType: 'SL', triggerPrice: 795, price: 806 },
    'InputException',
    'higher',
  ],
  ['a MARKET order without protection', { orderType: 'MARKET' }, 'InputException', 'market protection'],
  [
    'a MARKET order with protection 0',
    { orderType: 'MARKET', marketProtection: 0 },
    'InputException',
    'market protection',
  ],
  [
    'an SL-M order without protection',
    { orderType: 'SL-M', triggerPrice: 805 },
    'InputException',
    'protection',
  ],
  [
    'a protection of 101 %',
    { orderType: 'MARKET', marketProtection: 101 },
    'InputException',
    'market_protection',
  ],
  ['a long tag', { tag: 'x'.repeat(KITE_TAG_CHARS_MAX + 1) }, 'InputException', 'tag'],
  ['a TTL without minutes', { validity: 'TTL' }, 'InputException', 'validity_ttl'],
  ['more disclosed than ordered', { disclosedQuantity: 2 }, 'InputException', 'disclosed_quantity'],
  ['a product of shares', { product: 'NRML' }, 'InputException', 'product'],
  ['shares that nobody has', { product: 'CNC', side: 'SELL' }, 'HoldingException', 'holding'],
  [
    'more than there is money for',
    { quantity: 7_000 },
    'MarginException',
    'Required margin is 1106000.00 but available margin is 1000000.00.',
  ],
  [
    'half a lot',
    { exchange: 'NFO', tradingsymbol: 'NIFTY26NOVFUT', product: 'NRML', quantity: 32 },
    'InputException',
    'multiple of 65',
  ],
  [
    'IOC at MCX',
    { exchange: 'MCX', tradingsymbol: 'GOLDM26DECFUT', product: 'NRML', quantity: 10, validity: 'IOC' },
    'InputException',
    'MCX',
  ],
  [
    'a segment without money',
    { exchange: 'MCX', tradingsymbol: 'GOLDM26DECFUT', product: 'NRML', quantity: 10 },
    'MarginException',
    'available margin is 0.00',
  ],
] as const)(
  '%s is refused, and leaves nothing behind',
  (_, changes: Partial<OrderRequest>, errorType, words) => {
    const book = bookOn(new ModelMarket());
    const outcome = book.place({ ...tagless, tag: 'T', ...changes }, NOON_MS);
    expect(outcome).toMatchObject({ kind: 'refused', refusal: { httpStatus: 400, errorType } });
    if (outcome.kind === 'refused') expect(outcome.refusal.message).toContain(words);
    expect(book.advance(LATER_MS)).toEqual([]);
    expect(book.book(LATER_MS)).toEqual([]);
    expect(book.countByTag().size).toBe(0);
  },
);

test('the exchange rejects with a row: a price outside the circuit, and what fate says', () => {
  const book = bookOn(new ModelMarket());
  const outside = placed(book, { price: 700 });
  const fated = book.place(request(), NOON_MS, { rejection: 'said so' });
  expect(book.advance(LATER_MS).map(({ status, row }) => [status, row.statusMessage])).toEqual([
    ['REJECTED', 'Order price is not within the circuit limits.'],
    ['REJECTED', 'said so'],
  ]);
  expect(fated.kind).toBe('accepted');
  expect(rowOf(book, outside, LATER_MS).exchangeOrderId).toBeNull();
  expect(book.margin('equity').available).toBe(1_000_000);
});

test('a hidden order lives, fills and counts before anybody can find it', () => {
  const book = bookOn(new ModelMarket());
  const outcome = book.place(request({ price: 801 }), NOON_MS, { hiddenMs: 60_000 });
  const orderId = outcome.kind === 'accepted' ? outcome.orderId : '';
  expect(book.advance(LATER_MS).map(({ status }) => status)).toEqual(['OPEN', 'COMPLETE']);
  expect(book.book(LATER_MS)).toEqual([]);
  expect(book.history(orderId, LATER_MS)).toBeUndefined();
  expect(book.trades(LATER_MS)).toEqual([]);
  expect(book.trades(LATER_MS, orderId)).toBeUndefined();
  expect(book.cancel(orderId, LATER_MS)).toMatchObject({
    refusal: { message: `The order for ID (${orderId}) does not exist` },
  });
  expect(book.countByTag()).toEqual(new Map([['T', 1]]));
  expect(book.book(NOON_MS + 60_010)).toHaveLength(1);
  expect(book.trades(NOON_MS + 60_010)).toHaveLength(1);
});

test('a clock that goes back undoes nothing, and what is due waits for it', () => {
  const book = bookOn(new ModelMarket());
  const orderId = placed(book, { price: 801 });
  book.advance(NOON_MS + 25);
  expect(book.advance(NOON_MS - 3_600_000)).toEqual([]);
  expect(book.book(NOON_MS - 3_600_000)).toEqual([]);
  expect(rowOf(book, orderId, NOON_MS + 25).status).toBe('OPEN PENDING');
  // The day before has no other book.
  book.advance(NOON_MS - 24 * 3_600_000);
  const next = placed(book, { price: 801 }, NOON_MS - 24 * 3_600_000);
  expect(BigInt(next)).toBeGreaterThan(BigInt(orderId));
  expect(book.advance(LATER_MS).map(({ row, status }) => [row.orderId, status])).toEqual([
    [next, 'OPEN'],
    [orderId, 'OPEN'],
    [orderId, 'COMPLETE'],
    [next, 'COMPLETE'],
  ]);
});

test('a held order stays received for so long', () => {
  const book = bookOn(new ModelMarket());
  book.place(request(), NOON_MS, { heldMs: 83_000 });
  expect(book.advance(NOON_MS + 82_999)).toEqual([]);
  expect(book.book(NOON_MS + 82_999)[0]?.status).toBe('PUT ORDER REQ RECEIVED');
  expect(book.advance(NOON_MS + 84_000).map(({ status }) => status)).toEqual(['OPEN']);
});

test('money follows orders and fills: blocked, freed, and realised when a position closes', () => {
  const market = new ModelMarket();
  const book = bookOn(market);
  const available = () => book.margin('equity').available;
  const resting = placed(book, { price: 790, quantity: 100 });
  expect(available()).toBe(1_000_000 - 15_800);
  book.cancel(resting, LATER_MS);
  book.advance(LATER_MS + SETTLED_MS);
  expect(available()).toBe(1_000_000);
  placed(book, { price: 801, quantity: 100 }, LATER_MS);
  book.advance(LATER_MS + 2 * SETTLED_MS);
  expect(available()).toBeCloseTo(1_000_000 - 16_001, 6);
  market.last = 81_005;
  const closing = placed(book, { side: 'SELL', price: 810, quantity: 100 }, LATER_MS + 2 * SETTLED_MS);
  // What closes a position needs no money.
  expect(available()).toBeCloseTo(1_000_000 - 16_001, 6);
  book.advance(LATER_MS + 3 * SETTLED_MS);
  expect(rowOf(book, closing, LATER_MS + 3 * SETTLED_MS).status).toBe('COMPLETE');
  expect(book.positions()).toMatchObject([{ buyQuantity: 100, sellQuantity: 100 }]);
  expect(available()).toBeCloseTo(1_000_000 + 995, 6);
});
