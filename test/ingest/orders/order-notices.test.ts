// Numbered events on their way to the edge: in order, at a pace, and the last one whatever there were.
import { expect, test } from 'vitest';
import { OrderNotices } from '../../../ingest/orders/order-notices.ts';
import { ORDER_NOTICES_WAITING_MAX, ORDER_UPDATES_PER_SECOND_MAX } from '../../../shared/limits.ts';
import { ManualClock } from '../support/manual-clock.ts';

function setUp() {
  const clock = new ManualClock();
  const told: string[] = [];
  const notices = new OrderNotices({ clock, notify: (event) => told.push(event) });
  let seq = 0;
  const push = (count: number) =>
    notices.push(
      Array.from({ length: count }, () => {
        seq++;
        return { seq, accountId: 'primary', orderId: '7', taskId: null, payload: { order_id: '7' } };
      }),
    );
  const seqs = () => told.map((text) => (JSON.parse(text) as { seq: number }).seq);
  return { clock, told, notices, push, seqs };
}

const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i);

test('an event is told at once, as the edge reads it', () => {
  const { told, push } = setUp();
  push(1);
  expect(told).toEqual(['{"seq":1,"account_id":"primary","order":{"order_id":"7"}}']);
});

test('of thousands at once no more leave than the edge passes on, in order, and the newest wait', () => {
  const { clock, push, seqs } = setUp();
  const count = ORDER_UPDATES_PER_SECOND_MAX + ORDER_NOTICES_WAITING_MAX;
  push(5);
  push(count + 100);
  const first = seqs().length;
  expect(first).toBe(ORDER_UPDATES_PER_SECOND_MAX);
  expect(seqs().slice(5)[0]).toBe(5 + count + 100 - ORDER_NOTICES_WAITING_MAX + 1);
  clock.advance(1_000);
  expect(seqs().length).toBeLessThanOrEqual(2 * ORDER_UPDATES_PER_SECOND_MAX);
  clock.advance(60_000);
  expect(seqs()).toEqual([
    ...range(1, 5),
    ...range(count + 105 - ORDER_NOTICES_WAITING_MAX + 1, count + 105),
  ]);
  push(1);
  expect(seqs().at(-1)).toBe(count + 106);
});

test('nothing is told after its end', () => {
  const { clock, push, seqs, notices } = setUp();
  push(ORDER_UPDATES_PER_SECOND_MAX + 1);
  notices.stop();
  clock.advance(10_000);
  expect(seqs()).toHaveLength(ORDER_UPDATES_PER_SECOND_MAX);
});
