// The desk: what each outcome, each news of an order and each look at the book makes of a task.
import { describe, expect, test } from 'vitest';
import type { KiteOrder, UnreadOrder } from '../../../../ingest/core/orders/kite-order.ts';
import { LookSchedule } from '../../../../ingest/core/orders/look-schedule.ts';
import { nothingStaged, OrderDesk, type Staged } from '../../../../ingest/core/orders/order-desk.ts';
import type { WriteOutcome } from '../../../../ingest/core/orders/outcome.ts';
import type { OrderTask } from '../../../../ingest/core/orders/task.ts';
import {
  ORDER_ATTEMPTS_MAX,
  ORDER_LOOKED_MS_MIN,
  ORDER_MESSAGE_CHARS_MAX,
  ORDER_MODIFICATIONS_MAX,
} from '../../../../shared/limits.ts';
import { cancelTask, kiteOrder, modifyTask, placeTask, TAG } from './orders.ts';

const ORDER_ID = kiteOrder().orderId;
const ACKNOWLEDGED: WriteOutcome = { kind: 'acknowledged', orderId: ORDER_ID };
const UNKNOWN: WriteOutcome = { kind: 'unknown', problem: 'status 502' };
const EPOCH = 7;

class Bench {
  readonly looks = new LookSchedule();
  readonly desk: OrderDesk;

  constructor(
    tasks: readonly OrderTask[],
    parts: { latestOrders?: readonly KiteOrder[]; modifications?: number } = {},
  ) {
    const { latestOrders = [], modifications } = parts;
    const contents = {
      tasks,
      latestOrders: latestOrders.map((order) => ({ accountId: 'main', order })),
      modifications:
        modifications === undefined ? [] : [{ accountId: 'main', orderId: ORDER_ID, count: modifications }],
    };
    this.desk = new OrderDesk(contents, () => this.looks, 0);
    this.desk.tradingDate = '2026-11-23';
  }

  stage(run: (desk: OrderDesk, staged: Staged) => void): Staged {
    const staged = nothingStaged();
    run(this.desk, staged);
    return staged;
  }

  ended(taskId: string, outcome: WriteOutcome): Staged {
    return this.stage((desk, staged) => desk.onWriteEnded(taskId, outcome, { nowMs: 0, random: 0 }, staged));
  }

  heard(order: KiteOrder, accountId = 'main'): Staged {
    return this.stage((desk, staged) => desk.onOrder(accountId, order, 0, staged));
  }

  looked(orders: readonly KiteOrder[], atMs: number, unread: readonly UnreadOrder[] = []): Staged {
    return this.stage((desk, staged) => desk.onLook('main', { orders, unread }, atMs, atMs, staged));
  }
}

describe('what became of the request of a place task', () => {
  test.each<[string, WriteOutcome, object]>([
    ['acknowledged', ACKNOWLEDGED, { to: 'PLACED', orderId: ORDER_ID, cause: 'acknowledged' }],
    [
      'refused',
      { kind: 'refused', code: 'MarginException', message: 'No funds' },
      { to: 'REJECTED', statusMessage: 'No funds', detail: { code: 'MarginException' } },
    ],
    [
      'not sent',
      { kind: 'not_sent', problem: 'ECONNREFUSED' },
      { to: 'RETRY_WAIT', nextAttempt: { afterMs: 250 } },
    ],
    ['throttled', { kind: 'throttled' }, { to: 'RETRY_WAIT', nextAttempt: 'held', cause: 'throttled' }],
    ['unknown', UNKNOWN, { to: 'UNKNOWN', cause: 'unknown', detail: { problem: 'status 502' } }],
  ])('%s', (_, outcome, change) => {
    const { changes } = new Bench([placeTask()]).ended('task', outcome);
    expect(changes).toHaveLength(1);
    expect(changes[0]).toMatchObject({ taskId: 'task', version: 2, from: 'SENDING', ...change });
  });

  test.each<[WriteOutcome, string]>([
    [{ kind: 'not_sent', problem: '' }, 'attempts_spent'],
    [{ kind: 'throttled' }, 'throttled'],
  ])('after the last attempt it is given up: %o', (outcome, cause) => {
    const { changes, alarms } = new Bench([placeTask({ attempts: ORDER_ATTEMPTS_MAX })]).ended(
      'task',
      outcome,
    );
    expect(changes[0]).toMatchObject({ to: 'DEAD_LETTER', cause });
    expect(alarms).toEqual([{ taskId: 'task', reason: cause }]);
  });

  test('told twice, it counts once', () => {
    const bench = new Bench([placeTask()]);
    bench.ended('task', { kind: 'not_sent', problem: '' });
    expect(bench.ended('task', { kind: 'not_sent', problem: '' }).changes).toEqual([]);
  });

  test("Kite's words are cut", () => {
    const message = 'x'.repeat(10_000);
    const { changes } = new Bench([placeTask()]).ended('task', { kind: 'refused', code: message, message });
    expect(changes[0]?.statusMessage).toHaveLength(ORDER_MESSAGE_CHARS_MAX);
    expect(changes[0]?.detail.code).toHaveLength(ORDER_MESSAGE_CHARS_MAX);
  });

  test('an order that was heard of before its reply is bound once, and stays where its news has it', () => {
    const bench = new Bench([placeTask()]);
    expect(bench.heard(kiteOrder({ filledQuantity: 4 })).changes).toMatchObject([
      { to: 'OPEN', orderId: ORDER_ID, filledQuantity: 4 },
    ]);
    expect(bench.ended('task', ACKNOWLEDGED)).toEqual(nothingStaged());
    expect(bench.ended('task', UNKNOWN)).toEqual(nothingStaged());
  });

  test('news without the tag waits for the reply that tells whose it is', () => {
    const bench = new Bench([placeTask()]);
    const untagged = kiteOrder({ tag: null, tags: [], status: 'COMPLETE', filledQuantity: 10 });
    expect(bench.heard(untagged)).toMatchObject({ changes: [], events: [{ taskId: null }] });
    expect(bench.ended('task', ACKNOWLEDGED).changes).toMatchObject([{ to: 'COMPLETE', filledQuantity: 10 }]);
  });

  test('a reply with another id than the order of its tag raises an alarm and changes nothing', () => {
    const bench = new Bench([placeTask()]);
    bench.heard(kiteOrder());
    const { changes, alarms } = bench.ended('task', { kind: 'acknowledged', orderId: '2' });
    expect(changes).toEqual([]);
    expect(alarms).toMatchObject([{ taskId: 'task', reason: 'order 2 has its tag and is not its own' }]);
  });
});

describe('finding an order', () => {
  const lost = () => new Bench([placeTask({ state: 'UNKNOWN', isUncertain: true })]);

  test.each<[string, Partial<KiteOrder>]>([
    ['by its tag', { tag: TAG, tags: [] }],
    ['by its tag among others', { tag: null, tags: ['mktp', 'mktp:2.00', TAG] }],
    ['whatever became of its type', { payload: { order_type: 'LIMIT', market_protection: 0 } }],
  ])('%s', (_, parts) => {
    expect(lost().looked([kiteOrder(parts)], 1_000).changes).toMatchObject([
      { from: 'UNKNOWN', to: 'OPEN', orderId: ORDER_ID, cause: 'found' },
    ]);
  });

  test('in the news of another account of the same user: it is the task that tells whose it is', () => {
    const { events } = lost().heard(kiteOrder(), 'other');
    expect(events).toMatchObject([{ accountId: 'main', taskId: 'task' }]);
  });

  test('not by the tag of another one', () => {
    expect(lost().looked([kiteOrder({ tag: 'ANOTHER', tags: ['ANOTHER'] })], 1_000).changes).toEqual([]);
  });

  test.each(['DEAD_LETTER', 'RETRY_WAIT', 'REJECTED', 'SENDING'] as const)(
    'also when its task is in %s',
    (state) => {
      const bench = new Bench([placeTask({ state, isUncertain: true })]);
      expect(bench.heard(kiteOrder({ status: 'COMPLETE', filledQuantity: 10 })).changes).toMatchObject([
        { from: state, to: 'COMPLETE', filledQuantity: 10, orderId: ORDER_ID },
      ]);
    },
  );

  test('one of a task that was never sent raises an alarm', () => {
    const { changes, alarms } = new Bench([placeTask({ state: 'PENDING' })]).heard(kiteOrder());
    expect(changes).toEqual([]);
    expect(alarms).toHaveLength(1);
  });

  test('a second one of the tag raises one alarm', () => {
    const bench = lost();
    bench.heard(kiteOrder());
    expect(bench.heard(kiteOrder({ orderId: '2' })).alarms).toHaveLength(1);
    expect(bench.heard(kiteOrder({ orderId: '2', filledQuantity: 1 })).alarms).toEqual([]);
  });

  test.each<[string, Partial<KiteOrder>]>([
    ['legs of an iceberg', { payload: { variety: 'iceberg' } }],
    ['legs with a parent', { parentOrderId: ORDER_ID }],
  ])('%s raise none', (_, parts) => {
    const bench = lost();
    bench.heard(kiteOrder());
    expect(bench.heard(kiteOrder({ orderId: '2', ...parts }))).toMatchObject({
      alarms: [],
      changes: [],
      events: [{ taskId: 'task' }],
    });
  });

  test('a slice belongs to the task of the order that it is a slice of', () => {
    const bench = lost();
    bench.heard(kiteOrder());
    const slice = kiteOrder({ orderId: '2', tag: null, tags: ['autoslice', `autoslice:${ORDER_ID}`] });
    expect(bench.heard(slice).events).toMatchObject([{ orderId: '2', taskId: 'task' }]);
  });

  test('given up when 120 s of looks have found nothing, and looked for now and then after that', () => {
    const bench = lost();
    expect(bench.looked([], 500).changes).toEqual([]);
    expect(bench.looked([], 499 + ORDER_LOOKED_MS_MIN).changes).toEqual([]);
    expect(bench.looked([], 500 + ORDER_LOOKED_MS_MIN)).toMatchObject({
      changes: [{ to: 'DEAD_LETTER', cause: 'unknown_not_found' }],
      alarms: [{ reason: 'unknown_not_found' }],
    });
    expect(bench.looks.taskIds()).toEqual(['task']);
  });

  test('an order of an earlier day that the book does not have any more is given up; one of this day is not', () => {
    const looks = (createdAtMs: number) => {
      const bench = new Bench([placeTask({ state: 'OPEN', orderId: ORDER_ID, createdAtMs })]);
      bench.looked([], 0);
      return bench.looked([], ORDER_LOOKED_MS_MIN).changes;
    };
    expect(looks(Date.UTC(2026, 10, 20, 9))).toMatchObject([{ to: 'DEAD_LETTER', cause: 'gone_from_book' }]);
    expect(looks(Date.UTC(2026, 10, 23, 9))).toEqual([]);
  });

  test('an order that was given up as gone is looked for on, and found when the book has it again', () => {
    const createdAtMs = Date.UTC(2026, 10, 22, 15);
    const bench = new Bench([placeTask({ state: 'PLACED', orderId: ORDER_ID, createdAtMs })]);
    bench.looked([], 0);
    bench.looked([], ORDER_LOOKED_MS_MIN);
    expect(bench.looks.taskIds()).toEqual(['task']);
    expect(bench.looked([kiteOrder()], 2 * ORDER_LOOKED_MS_MIN).changes).toMatchObject([
      { from: 'DEAD_LETTER', to: 'OPEN' },
    ]);
  });
});

describe('a row of the book that cannot be read', () => {
  const row = (parts: Partial<UnreadOrder> = {}): UnreadOrder => ({
    orderId: '2',
    tags: null,
    problem: 'field quantity',
    ...parts,
  });
  const UNCERTAIN = placeTask({ state: 'UNKNOWN', isUncertain: true });
  const HELD = placeTask({ state: 'RETRY_WAIT', isHeld: true });

  test.each<[string, UnreadOrder, string]>([
    ['whose tag cannot be read', row(), 'book_unreadable'],
    ['with its tag', row({ tags: [TAG] }), 'book_unreadable'],
    ['with the tag of another one', row({ tags: ['ANOTHER'] }), 'unknown_not_found'],
    ['without a tag', row({ tags: [] }), 'unknown_not_found'],
  ])('%s: an order that nobody found is given up for what it is', (_, unread, cause) => {
    const bench = new Bench([UNCERTAIN]);
    bench.looked([], 500, [unread]);
    expect(bench.looked([], 500 + ORDER_LOOKED_MS_MIN, [unread]).changes).toMatchObject([
      { to: 'DEAD_LETTER', cause },
    ]);
  });

  test('nothing is sent again as long as it may be among them, and no later', () => {
    const bench = new Bench([HELD]);
    expect(bench.looked([], 0, [row()]).changes).toEqual([]);
    expect(bench.looked([], 500, [row({ tags: [TAG] })]).changes).toEqual([]);
    expect(bench.looked([], 1_000, [row({ tags: ['mktp'] })]).changes).toMatchObject([
      { to: 'RETRY_WAIT', cause: 'not_in_book' },
    ]);
  });

  test('those beside it count', () => {
    const bench = new Bench([UNCERTAIN]);
    expect(bench.looked([kiteOrder()], 500, [row()]).changes).toMatchObject([{ to: 'OPEN' }]);
  });

  test('an order of an earlier day that is one is not gone', () => {
    const createdAtMs = Date.UTC(2026, 10, 20, 9);
    const bench = new Bench([placeTask({ state: 'OPEN', orderId: ORDER_ID, createdAtMs })]);
    const unread = [row({ orderId: ORDER_ID })];
    bench.looked([], 0, unread);
    expect(bench.looked([], ORDER_LOOKED_MS_MIN, unread).changes).toEqual([]);
    bench.looked([], 2 * ORDER_LOOKED_MS_MIN, [row()]);
    expect(bench.looked([], 3 * ORDER_LOOKED_MS_MIN, [row()]).changes).toMatchObject([
      { cause: 'gone_from_book' },
    ]);
  });
});

describe('news of an order', () => {
  const open = (parts: Parameters<typeof placeTask>[0] = {}) =>
    placeTask({ state: 'OPEN', orderId: ORDER_ID, exchangeStatus: 'OPEN', ...parts });

  test('what has been told before is no event and no change, also after a restart', () => {
    const bench = new Bench([open()], { latestOrders: [kiteOrder()] });
    expect(bench.heard(kiteOrder())).toEqual(nothingStaged());
  });

  test('a fill that comes after the end changes nothing', () => {
    const bench = new Bench([open()]);
    bench.heard(kiteOrder({ status: 'COMPLETE', filledQuantity: 10 }));
    expect(bench.heard(kiteOrder({ status: 'UPDATE', filledQuantity: 5 }))).toEqual(nothingStaged());
  });

  test('more filled in a second end counts', () => {
    const bench = new Bench([open()]);
    bench.heard(kiteOrder({ status: 'CANCELLED', filledQuantity: 3 }));
    expect(bench.heard(kiteOrder({ status: 'CANCELLED', filledQuantity: 5 })).changes).toMatchObject([
      { from: 'CANCELLED', to: 'CANCELLED', filledQuantity: 5 },
    ]);
  });

  test('an end that is stored is not taken back by news, though its order is not at hand', () => {
    const over = open({ state: 'CANCELLED', exchangeStatus: 'CANCELLED' });
    expect(new Bench([over]).heard(kiteOrder()).changes).toEqual([]);
  });

  test('the average price of a fill is stored also when it comes later than the fill', () => {
    const bench = new Bench([open()]);
    const end = { status: 'COMPLETE', filledQuantity: 10 };
    bench.heard(kiteOrder(end));
    expect(bench.looked([kiteOrder({ ...end, averagePrice: 1_499.5 })], 0).changes).toMatchObject([
      { from: 'COMPLETE', to: 'COMPLETE', averagePrice: 1_499.5 },
    ]);
  });

  test('what is stored as filled is not taken back', () => {
    expect(new Bench([open({ filledQuantity: 6 })]).heard(kiteOrder({ filledQuantity: 2 })).changes).toEqual(
      [],
    );
  });

  test('an open order is looked at in the book, one that is over is not', () => {
    const bench = new Bench([open()]);
    expect(bench.looks.taskIds()).toEqual(['task']);
    bench.heard(kiteOrder({ status: 'COMPLETE', filledQuantity: 10 }));
    expect(bench.looks.taskIds()).toEqual([]);
  });

  test('an order that is open does not become one that is not', () => {
    const bench = new Bench([open()]);
    const { changes } = bench.heard(kiteOrder({ status: 'VALIDATION PENDING', exchangeUpdatedAtMs: 5_000 }));
    expect(changes).toMatchObject([{ to: 'OPEN', exchangeStatus: 'VALIDATION PENDING' }]);
  });

  test('orders that were placed elsewhere are told of, and bound to nothing', () => {
    const bench = new Bench([]);
    expect(bench.heard(kiteOrder({ tag: null, tags: [] }))).toMatchObject({
      changes: [],
      events: [{ accountId: 'main', taskId: null }],
    });
  });
});

describe('a restart', () => {
  const recover = (task: OrderTask, isOurs = false) =>
    new Bench([task]).stage((desk, staged) =>
      desk.recover(EPOCH, () => isOurs, { nowMs: 0, random: 0 }, staged),
    ).changes;

  test('what an earlier process was sending is looked for, never sent again', () => {
    expect(recover(placeTask({ sendingEpoch: EPOCH - 1 }))).toMatchObject([
      { from: 'SENDING', to: 'UNKNOWN', cause: 'found_sending' },
    ]);
    expect(recover(placeTask({ sendingEpoch: null }))).toMatchObject([{ to: 'UNKNOWN' }]);
  });

  test('what this one claimed without learning of it was not sent', () => {
    expect(recover(placeTask({ sendingEpoch: EPOCH }))).toMatchObject([
      { to: 'RETRY_WAIT', cause: 'never_sent' },
    ]);
  });

  test('what this one is sending stays as it is', () => {
    expect(recover(placeTask({ sendingEpoch: EPOCH }), true)).toEqual([]);
  });

  test('what waits for a look at the book waits on', () => {
    const bench = new Bench([placeTask({ state: 'RETRY_WAIT', isHeld: true })]);
    expect(bench.looks.dueAtMs()).toBe(0);
    expect(bench.looked([], 0).changes).toMatchObject([
      { to: 'RETRY_WAIT', cause: 'not_in_book', nextAttempt: { afterMs: 0 } },
    ]);
  });
});

describe('after a 429', () => {
  test('a look that was started too early releases nothing, one with the order in it binds it', () => {
    const bench = new Bench([placeTask()]);
    bench.ended('task', { kind: 'throttled', retryAfterMs: 9_000 });
    expect(bench.looked([], 8_999).changes).toEqual([]);
    expect(bench.looked([kiteOrder()], 9_000).changes).toMatchObject([{ from: 'RETRY_WAIT', to: 'OPEN' }]);
  });
});

describe('modifications and cancellations', () => {
  const known = { latestOrders: [kiteOrder()] };

  test('the yes to a request is one to the request: the order tells the rest', () => {
    const bench = new Bench([modifyTask({ price: 1_600 })], known);
    expect(bench.ended('modify', ACKNOWLEDGED).changes).toMatchObject([{ to: 'PLACED' }]);
    expect(bench.heard(kiteOrder({ status: 'MODIFY PENDING', exchangeUpdatedAtMs: 1_000 })).changes).toEqual(
      [],
    );
    expect(bench.heard(kiteOrder({ price: 1_600, exchangeUpdatedAtMs: 2_000 })).changes).toMatchObject([
      { to: 'COMPLETE', cause: 'took_effect' },
    ]);
  });

  test.each<[string, OrderTask, Partial<KiteOrder>, string | undefined]>([
    [
      'price and quantity are as asked for',
      modifyTask({ price: 1_600, quantity: 5 }),
      { price: 1_600, quantity: 5 },
      'COMPLETE',
    ],
    [
      'the price is, the quantity is not',
      modifyTask({ price: 1_600, quantity: 5 }),
      { price: 1_600 },
      undefined,
    ],
    [
      'a protected price is Kite’s own',
      modifyTask({ order_type: 'MARKET', market_protection: -1, price: 1, quantity: 5 }),
      { price: 1_490, quantity: 5 },
      'COMPLETE',
    ],
    [
      'the order is over without it',
      modifyTask({ price: 1_600 }),
      { status: 'COMPLETE', filledQuantity: 10 },
      'REJECTED',
    ],
    [
      'there is nothing to compare',
      modifyTask({ order_type: 'MARKET', market_protection: -1 }),
      { exchangeUpdatedAtMs: 1_000 },
      undefined,
    ],
    ['cancelled', cancelTask(), { status: 'CANCELLED', filledQuantity: 4 }, 'COMPLETE'],
    [
      'filled before it could be cancelled',
      cancelTask(),
      { status: 'COMPLETE', filledQuantity: 10 },
      'REJECTED',
    ],
    ['not cancelled yet', cancelTask(), { status: 'CANCEL PENDING' }, undefined],
  ])('of unknown outcome: %s', (_, task, parts, to) => {
    const bench = new Bench([task], known);
    bench.ended(task.id, UNKNOWN);
    const { changes } = bench.looked([kiteOrder(parts)], 1_000);
    expect(changes.map((change) => change.to)).toEqual(to === undefined ? [] : [to]);
  });

  test('taken, with nothing to compare: done when the order is not being modified any more', () => {
    const bench = new Bench([modifyTask({ order_type: 'MARKET', market_protection: -1 })], known);
    bench.ended('modify', ACKNOWLEDGED);
    expect(bench.heard(kiteOrder({ status: 'MODIFY PENDING', exchangeUpdatedAtMs: 1_000 })).changes).toEqual(
      [],
    );
    expect(bench.heard(kiteOrder({ status: 'OPEN', exchangeUpdatedAtMs: 2_000 })).changes).toMatchObject([
      { to: 'COMPLETE' },
    ]);
  });

  test.each<[WriteOutcome, string]>([
    [UNKNOWN, 'unknown_not_found'],
    [ACKNOWLEDGED, 'no_effect_seen'],
  ])('given up when the order has not shown it for 120 s: %o', (outcome, cause) => {
    const bench = new Bench([cancelTask()], known);
    bench.ended('cancel', outcome);
    bench.looked([kiteOrder()], 1_000);
    expect(bench.looked([kiteOrder()], 1_000 + ORDER_LOOKED_MS_MIN).changes).toMatchObject([
      { to: 'DEAD_LETTER', cause },
    ]);
  });

  test('after a 429 the order is looked at before it is sent again', () => {
    const bench = new Bench([cancelTask()], known);
    bench.ended('cancel', { kind: 'throttled' });
    expect(bench.looked([kiteOrder({ status: 'CANCELLED' })], 60_000).changes).toMatchObject([
      { taskId: 'cancel', to: 'COMPLETE' },
    ]);
  });

  test('the last modification that Kite allows is sent, the next one is not', () => {
    const claim = (count: number) => {
      const bench = new Bench([], { ...known, modifications: count });
      let isSent: boolean | undefined;
      const { changes } = bench.stage((desk, staged) => {
        isSent = desk.onClaimed(modifyTask({ price: 1 }), 0, staged);
      });
      return { isSent, changes };
    };
    expect(claim(ORDER_MODIFICATIONS_MAX - 1)).toEqual({ isSent: true, changes: [] });
    expect(claim(ORDER_MODIFICATIONS_MAX)).toMatchObject({
      isSent: false,
      changes: [{ to: 'REJECTED', cause: 'modifications_spent' }],
    });
  });
});
