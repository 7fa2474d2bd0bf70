// Order updates: each once, whatever the number of sockets that bring it; none too large, and not too many.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { OrderUpdates } from '../../../ingest/core/order-updates.ts';
import {
  ORDER_UPDATE_CHARS_MAX,
  ORDER_UPDATES_PER_SECOND_MAX,
  ORDER_UPDATES_REMEMBERED_MAX,
} from '../../../shared/limits.ts';

const orderOf = (n: number, status = 'OPEN') => ({
  order_id: `19533419755958${n}`,
  status,
  filled_quantity: n,
});

test('an update is passed on once, as Kite has written it; another status is another one', () => {
  const updates = new OrderUpdates();
  const [open, complete] = [orderOf(1), orderOf(1, 'COMPLETE')];
  expect(updates.take(open, 0)).toEqual({ kind: 'new', order: JSON.stringify(open) });
  expect(updates.take({ ...open }, 5)).toEqual({ kind: 'repeated' });
  expect(updates.take(complete, 6)).toEqual({ kind: 'new', order: JSON.stringify(complete) });
  // Late ones of before the last are repeats, too.
  expect(updates.take(open, 7)).toEqual({ kind: 'repeated' });
});

test('however three sockets interleave, each update is passed on once, in the order of its first arrival', () => {
  const streams = fc.nat(2).chain((sockets) =>
    fc.record({
      ids: fc.uniqueArray(fc.nat(1_000), { maxLength: 40 }),
      turns: fc.array(fc.nat(sockets), { maxLength: 200 }),
      sockets: fc.constant(sockets + 1),
    }),
  );
  fc.assert(
    fc.property(streams, ({ ids, turns, sockets }) => {
      const updates = new OrderUpdates();
      const read = new Array<number>(sockets).fill(0);
      const passed: string[] = [];
      const arrived = new Set<number>();
      const rest = read.flatMap((_, socket) => ids.map(() => socket));
      for (const socket of [...turns, ...rest]) {
        const id = ids[read[socket] as number];
        if (id === undefined) continue;
        read[socket] = (read[socket] as number) + 1;
        arrived.add(id);
        const verdict = updates.take(orderOf(id), 0);
        if (verdict.kind === 'new') passed.push(verdict.order);
      }
      expect(passed).toEqual([...arrived].map((id) => JSON.stringify(orderOf(id))));
    }),
    { numRuns: 300 },
  );
});

test('so many are remembered, the newest', () => {
  const updates = new OrderUpdates();
  // Slow enough for the rate.
  const atMs = (n: number) => n * 1_000;
  for (let n = 0; n <= ORDER_UPDATES_REMEMBERED_MAX; n++)
    expect(updates.take(orderOf(n), atMs(n)).kind).toBe('new');
  const later = atMs(ORDER_UPDATES_REMEMBERED_MAX + 1);
  expect(updates.take(orderOf(1), later).kind).toBe('repeated');
  expect(updates.take(orderOf(0), later).kind).toBe('new');
});

test('one that is too large is dropped, the largest is not', () => {
  const updates = new OrderUpdates();
  const ofChars = (chars: number) => ({ a: 'x'.repeat(chars - '{"a":""}'.length) });
  expect(updates.take(ofChars(ORDER_UPDATE_CHARS_MAX), 0).kind).toBe('new');
  const tooBig = updates.take(ofChars(ORDER_UPDATE_CHARS_MAX + 1), 0);
  expect(tooBig).toEqual({ kind: 'dropped', reason: 'too_big' });
});

test('a flood is dropped beyond its second, and passes again as time does', () => {
  const updates = new OrderUpdates();
  const verdicts = Array.from({ length: ORDER_UPDATES_PER_SECOND_MAX + 5 }, (_, n) =>
    updates.take(orderOf(n), 1_000),
  );
  const dropped = verdicts.filter(({ kind }) => kind === 'dropped');
  expect(dropped).toHaveLength(5);
  expect(dropped[0]).toEqual({ kind: 'dropped', reason: 'too_many' });
  // One that was dropped is not taken for a repeat of itself.
  const last = orderOf(ORDER_UPDATES_PER_SECOND_MAX + 4);
  expect(updates.take(last, 1_000 + 1_000 / ORDER_UPDATES_PER_SECOND_MAX).kind).toBe('new');
});
