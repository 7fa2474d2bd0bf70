// Calls that wait: whatever comes and however long it takes, few at once, each class at its pace, none forgotten.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { CallQueue } from '../../../ingest/core/call-queue.ts';
import { REQUEST_CLASSES, type RequestClass, RequestPace } from '../../../ingest/core/request-pace.ts';
import {
  KITE_CALLS_AT_ONCE_MAX,
  KITE_CALLS_QUEUED_MAX,
  KITE_HISTORICAL_REQUESTS_PER_S_MAX,
  KITE_ORDER_CALLS_AT_ONCE_MAX,
  KITE_ORDER_REQUESTS_PER_S_MAX,
  KITE_OTHER_REQUESTS_PER_S_MAX,
  KITE_QUOTE_REQUESTS_PER_S_MAX,
} from '../../../shared/limits.ts';

const PER_SECOND: Readonly<Record<RequestClass, number>> = {
  quote: KITE_QUOTE_REQUESTS_PER_S_MAX,
  historical: KITE_HISTORICAL_REQUESTS_PER_S_MAX,
  order: KITE_ORDER_REQUESTS_PER_S_MAX,
  other: KITE_OTHER_REQUESTS_PER_S_MAX,
};

interface Call {
  readonly requestClass: RequestClass;
  readonly at: number;
  readonly takesMs: number;
  readonly number: number;
}

interface Start {
  readonly call: Call;
  readonly atMs: number;
}

const arbitraryCalls = fc
  .array(
    fc.record({
      requestClass: fc.constantFrom(...REQUEST_CLASSES),
      at: fc.nat({ max: 3_000 }),
      takesMs: fc.nat({ max: 400 }),
    }),
    { minLength: 1, maxLength: 60 },
  )
  .map((calls) => calls.sort((a, b) => a.at - b.at).map((call, number) => ({ ...call, number })));

/** Runs the calls by the millisecond and returns when each was sent; checks at each that it might be. */
function play(calls: readonly Call[]): Start[] {
  const queue = new CallQueue<Call>(new RequestPace());
  const starts: Start[] = [];
  let underWay: { readonly call: Call; readonly endsAtMs: number }[] = [];
  const arriving = [...calls];
  for (let nowMs = 0; starts.length < calls.length; nowMs++) {
    expect(nowMs).toBeLessThan(120_000);
    while (arriving[0] && arriving[0].at <= nowMs) queue.push(arriving.shift() as Call);
    const over = underWay.filter(({ endsAtMs }) => endsAtMs <= nowMs);
    underWay = underWay.filter(({ endsAtMs }) => endsAtMs > nowMs);
    for (const { call } of over) queue.finish(call);
    for (;;) {
      const step = queue.next({ monotonicMs: nowMs, tradingDate: '2026-11-23' });
      if (step.kind === 'wait') expect(step.untilMs).toBeGreaterThan(nowMs);
      if (step.kind !== 'start') break;
      underWay.push({ call: step.call, endsAtMs: nowMs + step.call.takesMs });
      starts.push({ call: step.call, atMs: nowMs });
      const orders = underWay.filter(({ call }) => call.requestClass === 'order').length;
      expect(underWay.length - orders).toBeLessThanOrEqual(KITE_CALLS_AT_ONCE_MAX);
      expect(orders).toBeLessThanOrEqual(KITE_ORDER_CALLS_AT_ONCE_MAX);
    }
  }
  return starts;
}

test('whatever comes: few at once, no class over its limit, in order within a class, all of them once', () => {
  fc.assert(
    fc.property(arbitraryCalls, (calls) => {
      const starts = play(calls);
      expect(new Set(starts.map(({ call }) => call.number)).size).toBe(calls.length);
      for (const requestClass of REQUEST_CLASSES) {
        const ofClass = starts.filter(({ call }) => call.requestClass === requestClass);
        const numbers = ofClass.map(({ call }) => call.number);
        expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
        const callsMax = PER_SECOND[requestClass];
        for (const [i, { atMs }] of ofClass.entries()) {
          const earlier = ofClass[i - callsMax];
          if (earlier) expect(atMs - earlier.atMs).toBeGreaterThan(1_000);
        }
      }
    }),
    { numRuns: 150 },
  );
});

test('a class that has to wait holds up no other, and no place', () => {
  const call = (requestClass: RequestClass, number: number) => ({ requestClass, at: 0, takesMs: 10, number });
  const starts = play([
    call('quote', 0),
    call('quote', 1),
    call('quote', 2),
    call('other', 3),
    call('order', 4),
  ]);
  expect(starts.map(({ call: { number }, atMs }) => [number, atMs])).toEqual([
    [0, 0],
    [3, 0],
    [4, 0],
    [1, 1_100],
    [2, 2_200],
  ]);
});

test('calls that hang hold up no order, and orders that hang hold up no call', () => {
  const hanging = (requestClass: RequestClass, number: number) => ({
    requestClass,
    at: 0,
    takesMs: 10_000,
    number,
  });
  const calls = [0, 1, 2].map((number) => hanging('other', number));
  const orders = Array.from({ length: KITE_ORDER_CALLS_AT_ONCE_MAX + 1 }, (_, i) => hanging('order', i + 3));
  const starts = play([...calls, ...orders]);
  const at = (atMs: number) => starts.filter((start) => start.atMs === atMs).map(({ call }) => call.number);
  expect(at(0)).toEqual([0, 1, ...orders.slice(0, -1).map(({ number }) => number)]);
  expect(at(10_000)).toEqual([2, orders.at(-1)?.number]);
});

test('between classes the call that came first goes first: a stream of quick ones starves none', () => {
  const stream = Array.from({ length: 40 }, (_, i) => ({
    requestClass: 'other' as const,
    at: i * 50,
    takesMs: 100,
  }));
  const slow = [0, 1, 2].map((i) => ({ requestClass: 'quote' as const, at: i, takesMs: 100 }));
  const calls = [...stream, ...slow].sort((a, b) => a.at - b.at).map((call, number) => ({ ...call, number }));
  const quotes = play(calls).filter(({ call }) => call.requestClass === 'quote');
  // Each within the time that a call under way takes of its earliest moment.
  expect(quotes.map(({ atMs }, i) => atMs - i * 1_100 <= 100 * (i + 1))).toEqual([true, true, true]);
});

test('so many may wait and no more; one that leaves makes room, and one that was refused has its place', () => {
  const queue = new CallQueue<Call>(new RequestPace());
  const call = (number: number): Call => ({ requestClass: 'quote', at: 0, takesMs: 0, number });
  const time = { monotonicMs: 0, tradingDate: '2026-11-23' };
  const calls = Array.from({ length: KITE_CALLS_QUEUED_MAX }, (_, i) => call(i));
  for (const one of calls) expect(queue.push(one)).toBe(true);
  expect(queue.push(call(-1))).toBe(false);
  expect(queue.remove(calls[7] as Call)).toBe(true);
  expect(queue.remove(calls[7] as Call)).toBe(false);
  expect(queue.push(call(-2))).toBe(true);
  const first = queue.next(time);
  if (first.kind !== 'start') throw new Error(first.kind);
  expect([first.call.number, queue.size]).toEqual([0, KITE_CALLS_QUEUED_MAX]);
  queue.putBack(first.call);
  expect(queue.next(time)).toEqual({ kind: 'wait', untilMs: 1_100 });
  expect(queue.next({ ...time, monotonicMs: 1_100 })).toMatchObject({ kind: 'start', call: { number: 0 } });
});
