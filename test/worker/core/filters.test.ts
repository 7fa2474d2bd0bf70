// Filters: what a client is not sent differs too little from what it was sent, and never anything else.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { InstrumentDefinition, InstrumentToken } from '../../../shared/instrument.ts';
import { CLIENT_BACKLOG_BYTES_MAX } from '../../../shared/limits.ts';
import { AT, RECORD_KIND, type RecordKind } from '../../../shared/tick.ts';
import { TickStore } from '../../../shared/tick-store.ts';
import { Delivery } from '../../../worker/core/delivery.ts';
import { Filters, type RawFilter, rawFilterOf, tickFilterOf } from '../../../worker/core/filters.ts';
import { Outlet } from '../../../worker/core/outlet.ts';
import { SPEEDS, type Speed } from '../../../worker/core/protocol.ts';
import type { TickEncoder } from '../../../worker/core/row-format.ts';
import { Subscriptions } from '../../../worker/core/subscriptions.ts';
import { termsOf } from '../../../worker/core/terms.ts';
import { definitionOf, type RecordFields, recordOf } from '../../support/records.ts';

const SHARE = 738_561;
const INDEX = 256_265;
const OPTION = 10_271_490;
const CURRENCY = 256 * 400 + 3;

describe('the unit of a change', () => {
  test('rupees become the raw prices of the instrument, and come back', () => {
    for (const [token, rupees, raw] of [
      [SHARE, 0.05, 5],
      [SHARE, 0.07, 7],
      [SHARE, 1.15, 115],
      [CURRENCY, 0.0025, 25_000],
      [SHARE, 0.001, 1],
      [SHARE, 0.051, 6],
    ] as const) {
      expect(rawFilterOf({ minChange: rupees }, token), `${rupees}`).toEqual({
        minChange: raw,
        onTrade: false,
      });
    }
    expect(tickFilterOf({ minChange: 115, onTrade: true }, SHARE)).toEqual({
      minChange: 1.15,
      onTrade: true,
    });
    expect(tickFilterOf({ minChange: 0, onTrade: true }, SHARE)).toEqual({ onTrade: true });
  });

  test('every step of a price stays what it is', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 0xffff_ffff }),
        fc.constantFrom(SHARE, CURRENCY),
        (raw, token) => {
          const filter: RawFilter = { minChange: raw, onTrade: false };
          expect(rawFilterOf(tickFilterOf(filter, token), token)).toEqual(filter);
        },
      ),
    );
    expect(rawFilterOf({ minChange: 1e300 }, SHARE).minChange, 'more than any change').toBe(0xffff_ffff);
  });
});

describe('which ticks pass', () => {
  function room(token: number, filter: RawFilter) {
    const store = new TickStore(4);
    const filters = new Filters();
    const slot = store.slotFor(token);
    filters.set(7, slot, filter);
    return {
      put: (kind: RecordKind, fields: RecordFields) => store.put(slot, recordOf(token, kind, fields), 0),
      passes: () => filters.passes(7, slot, store),
      sent: () => filters.sent(7, slot, store),
      reset: () => filters.reset(7, slot),
      filters,
      slot,
    };
  }

  test('a price that has moved far enough from the last one sent, either way, not from the last one seen', () => {
    const { put, passes, sent } = room(SHARE, { minChange: 10, onTrade: false });
    put(RECORD_KIND.ltp, { lastPrice: 1_000 });
    expect(passes(), 'the first').toBe(true);
    sent();
    for (const [lastPrice, expected] of [
      [1_005, false],
      [1_009, false],
      [1_010, true],
      [991, false],
      [990, true],
    ] as const) {
      put(RECORD_KIND.ltp, { lastPrice });
      expect(passes(), `${lastPrice}`).toBe(expected);
    }
  });

  test('a trade: another volume or another time of the last trade', () => {
    const { put, passes, sent } = room(SHARE, { minChange: 0, onTrade: true });
    const fields = { lastPrice: 100, volume: 10, lastTradeTime: 50, buyQuantity: 1 };
    put(RECORD_KIND.full, fields);
    sent();
    put(RECORD_KIND.full, { ...fields, buyQuantity: 2 });
    expect(passes(), 'the book alone').toBe(false);
    put(RECORD_KIND.full, { ...fields, volume: 11 });
    expect(passes(), 'volume').toBe(true);
    put(RECORD_KIND.full, { ...fields, lastTradeTime: 51 });
    expect(passes(), 'time').toBe(true);
    put(RECORD_KIND.quote, { lastPrice: 100, volume: 10 });
    expect(passes(), 'a mode without times is no trade').toBe(false);
    put(RECORD_KIND.ltp, { lastPrice: 100 });
    expect(passes(), 'a mode without volume, at the same price').toBe(false);
    put(RECORD_KIND.ltp, { lastPrice: 101 });
    expect(passes(), 'a mode without volume, at another price').toBe(true);
  });

  test('Greeks alone are no trade and no change of price, whether they are there or not', () => {
    for (const filter of [
      { minChange: 0, onTrade: true },
      { minChange: 1, onTrade: false },
    ]) {
      const { put, passes, sent } = room(OPTION, filter);
      const fields = { lastPrice: 100, volume: 10, lastTradeTime: 50 };
      put(RECORD_KIND.optionFull, fields);
      sent();
      put(RECORD_KIND.optionFull, fields);
      expect(passes()).toBe(false);
      put(RECORD_KIND.full, fields);
      expect(passes()).toBe(false);
      put(RECORD_KIND.optionFull, { ...fields, lastPrice: 101, lastTradeTime: 51 });
      expect(passes()).toBe(true);
    }
  });

  test('an index has no volume: its trades are its changes of price', () => {
    const { put, passes, sent } = room(INDEX, { minChange: 0, onTrade: true });
    put(RECORD_KIND.indexFull, { lastPrice: 100, exchangeTimestamp: 1 });
    sent();
    put(RECORD_KIND.indexFull, { lastPrice: 100, exchangeTimestamp: 2 });
    expect(passes()).toBe(false);
    put(RECORD_KIND.indexFull, { lastPrice: 101, exchangeTimestamp: 2 });
    expect(passes()).toBe(true);
  });

  test('both conditions are both', () => {
    const { put, passes, sent, reset } = room(SHARE, { minChange: 10, onTrade: true });
    put(RECORD_KIND.quote, { lastPrice: 100, volume: 1 });
    sent();
    put(RECORD_KIND.quote, { lastPrice: 110, volume: 1 });
    expect(passes(), 'no trade').toBe(false);
    put(RECORD_KIND.quote, { lastPrice: 105, volume: 2 });
    expect(passes(), 'no change').toBe(false);
    put(RECORD_KIND.quote, { lastPrice: 110, volume: 2 });
    expect(passes()).toBe(true);
    put(RECORD_KIND.quote, { lastPrice: 100, volume: 1 });
    expect(passes()).toBe(false);
    reset();
    expect(passes(), 'a current value is due').toBe(true);
  });

  test('nothing of a session is left when it is gone', () => {
    const { filters, slot } = room(SHARE, { minChange: 1, onTrade: false });
    filters.remove(7, slot + 1);
    expect(filters.countOf(7)).toBe(1);
    filters.remove(7, slot);
    expect([filters.countOf(7), filters.get(7, slot)]).toEqual([0, undefined]);
  });
});

describe('delivery', () => {
  /** Two clients at one instrument: one with a filter, and one that is sent everything. */
  function pair(filter: RawFilter, speed: Speed = 'rt') {
    const store = new TickStore(4);
    const subscriptions = new Subscriptions();
    const definitions: (InstrumentDefinition | undefined)[] = [];
    const outlets: (Outlet | undefined)[] = [];
    let encodings = 0;
    const isFull = [false, false];
    const received: number[][] = [[], []];
    const encodeTick: TickEncoder = (view, at) => {
      encodings++;
      return String(view.getUint32(at + AT.lastPrice, true));
    };
    const slot = store.slotFor(SHARE);
    definitions[slot] = definitionOf(SHARE);
    for (const session of [0, 1]) {
      outlets[session] = new Outlet({ kind: 'messages', encodeTick }, () => 'bar', {
        send: (frame) => void received[session]?.push(Number(frame as string)),
        bufferedBytes: () => (isFull[session] ? CLIENT_BACKLOG_BYTES_MAX : 0),
      });
    }
    subscriptions.set(0, slot, termsOf(3, speed, true), filter);
    subscriptions.set(1, slot, termsOf(3, 'rt'));
    const delivery = new Delivery({ store, subscriptions, definitions, outlets });
    for (const session of [0, 1]) delivery.lanes.open(session);
    let nowMs = 1_000;
    const tick = (lastPrice: number, passMs = 20) => {
      store.put(slot, recordOf(SHARE, RECORD_KIND.quote, { lastPrice, volume: lastPrice }), 0);
      delivery.mark(slot);
      nowMs += passMs;
      delivery.flush(nowMs);
    };
    const drain = () => delivery.drain(++nowMs);
    return { tick, drain, delivery, slot, isFull, received, encodings: () => encodings };
  }

  test('whoever passes gets the shared frame: one encoding for all', () => {
    const { tick, received, encodings } = pair({ minChange: 10, onTrade: false });
    for (const price of [100, 104, 109, 110, 115, 100]) tick(price);
    expect(received).toEqual([
      [100, 110, 100],
      [100, 104, 109, 110, 115, 100],
    ]);
    expect(encodings()).toBe(6);
  });

  test('a full socket is sent what differs when it drains, and nothing when the price has come back', () => {
    const { tick, drain, isFull, received } = pair({ minChange: 10, onTrade: false });
    tick(100);
    isFull[0] = true;
    for (const price of [120, 103]) tick(price);
    isFull[0] = false;
    drain();
    expect(received[0]).toEqual([100]);
    isFull[0] = true;
    for (const price of [120, 130, 119]) tick(price);
    isFull[0] = false;
    drain();
    expect(received[0]).toEqual([100, 119]);
    tick(125);
    expect(received[0], 'measured against what the drain sent').toEqual([100, 119]);
  });

  test('a snapshot is sent in any case, and is what the next tick is measured against', () => {
    const { tick, drain, delivery, slot, received } = pair({ minChange: 10, onTrade: false });
    tick(100);
    tick(105);
    delivery.holdSnapshot(0, [slot]);
    drain();
    tick(112);
    tick(115);
    expect(received[0]).toEqual([100, 105, 115]);
  });

  test('whatever the prices and the speed: everything sent differs enough from what was sent before it', () => {
    const prices = fc.array(fc.tuple(fc.integer({ min: 90, max: 130 }), fc.integer({ min: 1, max: 400 })), {
      minLength: 1,
      maxLength: 60,
    });
    fc.assert(
      fc.property(
        prices,
        fc.integer({ min: 1, max: 12 }),
        fc.constantFrom(...SPEEDS),
        (list, minChange, speed) => {
          const { tick, delivery, slot, received } = pair({ minChange, onTrade: false }, speed);
          for (const [price, passMs] of list) tick(price, passMs);
          const [last] = list.at(-1) ?? [];
          // Long after, whatever was still to come has come.
          delivery.mark(slot);
          delivery.flush(1e9);
          delivery.flush(1e9 + 2_000);
          const [filtered = []] = received;
          for (const [i, price] of filtered.entries()) {
            if (i > 0)
              expect(Math.abs(price - (filtered[i - 1] as number))).toBeGreaterThanOrEqual(minChange);
          }
          expect(filtered.length).toBeGreaterThan(0);
          expect(Math.abs((filtered.at(-1) as number) - (last as number)), 'never left behind').toBeLessThan(
            minChange,
          );
        },
      ),
    );
  });
});

test('terms and filter go together', () => {
  const subscriptions = new Subscriptions();
  const token = 5 as InstrumentToken;
  expect(() => subscriptions.set(1, token, termsOf(1, 'rt', true))).toThrow('invariant');
  expect(() => subscriptions.set(1, token, 1, { minChange: 1, onTrade: false })).toThrow('invariant');
});
