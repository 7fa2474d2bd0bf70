// Whatever is asked of the order system, in whatever market: what must hold between its orders, trades and positions.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isTerminal, type OrderUpdate } from '../../../../../ingest/simulator/core/orders/order.ts';
import type { OrderBook } from '../../../../../ingest/simulator/core/orders/order-book.ts';
import { ORDER_TUNING } from '../../../../../ingest/simulator/core/orders/order-tuning.ts';
import { netOf } from '../../../../../ingest/simulator/core/orders/positions.ts';
import { bookOn, CASH, ModelMarket, NOON_MS, request } from './model-market.ts';

const side = fc.constantFrom('BUY' as const, 'SELL' as const);
/** Ticks around the market, and quantities that some levels are too thin for. */
const offset = fc.integer({ min: -8, max: 8 });
const quantity = fc.integer({ min: 1, max: 40 });
const passMs = fc.integer({ min: 0, max: 120 });

const act = fc.oneof(
  fc.record({
    kind: fc.constant('place' as const),
    side,
    offset,
    quantity,
    type: fc.constantFrom('LIMIT' as const, 'MARKET' as const, 'SL' as const, 'IOC' as const),
    product: fc.constantFrom('MIS' as const, 'CNC' as const),
    tag: fc.constantFrom('A', 'B', 'C'),
  }),
  fc.record({ kind: fc.constant('modify' as const), which: fc.nat(), offset, quantity }),
  fc.record({ kind: fc.constant('cancel' as const), which: fc.nat() }),
  fc.record({
    kind: fc.constant('market' as const),
    ticks: fc.integer({ min: -12, max: 12 }),
    depth: fc.nat(50),
  }),
);
type Act = typeof act extends fc.Arbitrary<infer T> ? T : never;

function carryOut(book: OrderBook, market: ModelMarket, one: Act, ids: string[], nowMs: number): void {
  const price = (ticks: number) => (market.last + ticks * 5) / 100;
  switch (one.kind) {
    case 'place': {
      const orderType = one.type === 'IOC' ? 'LIMIT' : one.type;
      const outcome = book.place(
        request({
          side: one.side,
          product: one.product,
          quantity: one.quantity,
          tag: one.tag,
          orderType,
          price: price(one.offset),
          triggerPrice: price(one.offset),
          validity: one.type === 'IOC' ? 'IOC' : 'DAY',
          marketProtection: 1,
        }),
        nowMs,
      );
      if (outcome.kind === 'accepted') ids.push(outcome.orderId);
      return;
    }
    case 'modify':
      book.modify(
        ids[one.which % ids.length] ?? '1',
        { price: price(one.offset), quantity: one.quantity },
        nowMs,
      );
      return;
    case 'cancel':
      book.cancel(ids[one.which % ids.length] ?? '1', nowMs);
      return;
    case 'market':
      market.last += one.ticks * 5;
      market.depthQuantity = one.depth;
  }
}

/** What holds at every moment. */
function check(book: OrderBook, ids: readonly string[], nowMs: number): void {
  const rows = book.book(nowMs);
  const trades = book.trades(nowMs) ?? [];
  for (const row of rows) {
    const own = book.trades(nowMs, row.orderId) ?? [];
    const filled = own.reduce((sum, trade) => sum + trade.quantity, 0);
    const value = own.reduce((sum, trade) => sum + trade.quantity * trade.price, 0);
    expect([row.filledQuantity, row.filledValue]).toEqual([filled, value]);
    expect(filled).toBeLessThanOrEqual(row.terms.quantity);
    if (row.status === 'COMPLETE') expect(filled).toBe(row.terms.quantity);
    if (row.status === 'REJECTED') expect(filled).toBe(0);
    if (row.status === 'CANCELLED') expect(filled + row.cancelledQuantity).toBe(row.terms.quantity);
    const history = book.history(row.orderId, nowMs) ?? [];
    expect(history.at(-1)).toEqual(row);
    // There is one end, and what is filled is never taken back.
    expect(history.slice(0, -1).some(({ status }) => isTerminal(status))).toBe(false);
    for (const [i, line] of history.slice(1).entries())
      expect(line.filledQuantity).toBeGreaterThanOrEqual(history[i]!.filledQuantity);
  }
  for (const { side: of, price, orderId } of trades) {
    const lines = book.history(orderId, nowMs) ?? [];
    const prices = lines.map(({ terms }) => terms.price);
    if (of === 'BUY') expect(price).toBeLessThanOrEqual(Math.max(...prices));
    else expect(price).toBeGreaterThanOrEqual(Math.min(...prices));
  }
  const net = trades.reduce((sum, trade) => sum + (trade.side === 'BUY' ? 1 : -1) * trade.quantity, 0);
  expect(book.positions().reduce((sum, position) => sum + netOf(position), 0)).toBe(net);
  for (const position of book.positions())
    if (position.product === 'CNC') expect(netOf(position)).toBeGreaterThanOrEqual(0);
  const counted = [...book.countByTag().values()].reduce((sum, count) => sum + count, 0);
  expect(counted).toBe(ids.length);
  expect(new Set(ids).size).toBe(ids.length);
  const margin = book.margin('equity');
  expect(margin.blocked).toBeGreaterThanOrEqual(0);
  expect(margin.available).toBeCloseTo(CASH.equity + margin.realised - margin.blocked, 4);
}

/** All updates of a run. */
function run(acts: readonly (readonly [Act, number])[], seed: number, isChecked: boolean): OrderUpdate[] {
  const market = new ModelMarket();
  const book = bookOn(market, ORDER_TUNING, seed);
  const ids: string[] = [];
  const updates: OrderUpdate[] = [];
  let nowMs = NOON_MS;
  for (const [one, ms] of acts) {
    nowMs += ms;
    carryOut(book, market, one, ids, nowMs);
    updates.push(...book.advance(nowMs));
    if (isChecked) check(book, ids, nowMs);
  }
  updates.push(...book.advance(nowMs + 1_000));
  if (isChecked) {
    check(book, ids, nowMs + 1_000);
    expect(book.book(nowMs + 1_000)).toHaveLength(ids.length);
    for (const row of book.book(nowMs + 1_000)) {
      const last = updates.findLast((update) => update.row.orderId === row.orderId);
      expect(last?.row).toEqual(row);
    }
  }
  return updates;
}

const acts = fc.array(fc.tuple(act, passMs), { minLength: 1, maxLength: 60, size: 'max' });

test('fills never exceed quantities, and book, trades, positions and updates agree', () => {
  fc.assert(
    fc.property(acts, fc.nat(), (some, seed) => {
      run(some, seed, true);
    }),
    { numRuns: 300 },
  );
});

test('equal seeds and equal requests have equal updates', () => {
  fc.assert(
    fc.property(acts, fc.nat(), (some, seed) => {
      expect(run(some, seed, false)).toEqual(run(some, seed, false));
    }),
    { numRuns: 50 },
  );
});
