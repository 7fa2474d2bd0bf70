// The executor against ports that do as they are told: what waits while the database is away, and what it does not wait for.
import { describe, expect, test } from 'vitest';
import type { KiteOrder } from '../../../ingest/core/orders/kite-order.ts';
import type { WriteOutcome } from '../../../ingest/core/orders/outcome.ts';
import type { OrderEventDraft, OrderTask, TaskChange } from '../../../ingest/core/orders/task.ts';
import { OrderExecutor } from '../../../ingest/orders/executor.ts';
import type { BookAnswer, ClaimAnswer, CommitAnswer } from '../../../ingest/orders/ports.ts';
import {
  ORDER_FACTS_PER_COMMIT,
  ORDER_FACTS_WAITING_MAX,
  ORDER_LOOK_GAP_MS,
  ORDER_REJECTIONS_MAX,
  ORDER_STORE_RETRY_MS,
  ORDER_WRITES_AT_ONCE_MAX,
} from '../../../shared/limits.ts';
import { kiteOrder, placeTask } from '../core/orders/orders.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { recordingLog } from '../support/recording-log.ts';

const settled = () => new Promise((resolve) => setImmediate(resolve));

class Bench {
  readonly clock = new ManualClock();
  tasks: OrderTask[] = [];
  isAway = false;
  isFenced = false;
  isLost = false;
  refusedOrderId = '';
  readonly commits: {
    readonly changes: readonly TaskChange[];
    readonly events: readonly OrderEventDraft[];
  }[] = [];
  readonly placed: { readonly tag: string; readonly end: (outcome: WriteOutcome) => void }[] = [];
  readonly told: number[] = [];
  books = 0;
  histories = 0;
  book: BookAnswer = { kind: 'orders', orders: [], unread: [] };
  readonly executor: OrderExecutor;
  readonly over: Promise<void>;

  constructor() {
    const ask = async <T>(answer: () => T): Promise<T> => {
      if (this.isAway) throw new Error('the database is away');
      return answer();
    };
    const write = () => new Promise<WriteOutcome>(() => undefined);
    this.executor = new OrderExecutor({
      epoch: 7,
      clock: this.clock,
      log: recordingLog().log,
      random: () => 0,
      lease: { confirm: () => (this.isLost ? Promise.reject(new Error('lost')) : Promise.resolve()) },
      news: {
        onEvents: (events) => this.told.push(...events.map(({ seq }) => seq)),
        onAlarm: () => undefined,
      },
      store: {
        load: () =>
          ask(() => ({
            tasks: [],
            latestOrders: [],
            sent: [],
            modifications: [],
            tradingDate: '2026-11-23',
          })),
        claim: ({ accountIds }) => ask(() => this.#claim(accountIds)),
        expire: () => ask(() => ({ kind: 'done', tasks: [] })),
        commit: (_, changes, events) => ask(() => this.#commit(changes, events)),
      },
      kite: {
        accounts: () => [{ accountId: 'main', userId: 'AB0001' }],
        place: (_, __, tag) => new Promise((end) => this.placed.push({ tag, end })),
        modify: write,
        cancel: write,
        book: async () => {
          this.books++;
          return this.book;
        },
        history: async () => {
          this.histories++;
          return this.book;
        },
        probe: async () => true,
      },
    });
    this.over = this.executor.run();
  }

  #claim(accountIds: readonly string[]): ClaimAnswer {
    const tradingDate = '2026-11-23';
    if (this.isFenced) return { kind: 'fenced' };
    const task = accountIds.length > 0 ? this.tasks.shift() : undefined;
    return task ? { kind: 'claimed', task, tradingDate } : { kind: 'none', nextInMs: undefined, tradingDate };
  }

  #commit(changes: readonly TaskChange[], drafts: readonly OrderEventDraft[]): CommitAnswer {
    if (this.isFenced) return { kind: 'fenced' };
    if (drafts.some(({ orderId }) => orderId === this.refusedOrderId)) throw new Error('no such value');
    const before = this.commits.reduce((sum, { events }) => sum + events.length, 0);
    this.commits.push({ changes, events: drafts });
    return { kind: 'done', events: drafts.map((draft, i) => ({ ...draft, seq: before + i + 1 })) };
  }

  get changes(): TaskChange[] {
    return this.commits.flatMap(({ changes }) => changes);
  }
}

function task(number: number): OrderTask {
  return placeTask({ id: `task${number}`, tag: `TAG${number}`, sendingEpoch: 7 });
}

async function started(): Promise<Bench> {
  const bench = new Bench();
  await settled();
  return bench;
}

test('nothing is sent before the book has been read', async () => {
  const bench = new Bench();
  bench.tasks = [task(1)];
  bench.book = { kind: 'failed', problem: 'status 502' };
  await settled();
  expect(bench.books).toBe(1);
  expect(bench.placed).toEqual([]);
  bench.book = { kind: 'orders', orders: [], unread: [] };
  bench.clock.advance(60_000);
  await settled();
  expect(bench.placed.map(({ tag }) => tag)).toEqual(['TAG1']);
});

test('a row of the book that cannot be read keeps back no new order', async () => {
  const bench = new Bench();
  bench.tasks = [task(1)];
  bench.book = { kind: 'orders', orders: [], unread: [{ orderId: null, tags: null, problem: 'field data' }] };
  await settled();
  expect(bench.placed.map(({ tag }) => tag)).toEqual(['TAG1']);
});

test('a look that failed is repeated soon, then less often, and none comes between', async () => {
  const bench = new Bench();
  await settled();
  bench.tasks = [task(1)];
  bench.executor.wake();
  await settled();
  bench.placed[0]?.end({ kind: 'unknown', problem: 'status 502' });
  await settled();
  bench.book = { kind: 'failed', problem: 'status 502' };
  const { books } = bench;
  const atMs: number[] = [];
  for (let ms = 100; ms <= 200_000; ms += 100) {
    bench.clock.advance(100);
    await settled();
    if (bench.books - books > atMs.length) atMs.push(ms);
  }
  expect(atMs).toEqual([500, 1_500, 3_500, 7_500, 15_500, 31_500, 61_500, 91_500, 121_500, 151_500, 181_500]);
});

test('many orders that nobody hears of do not have the book read in a loop', async () => {
  const bench = await started();
  const { books } = bench;
  for (let i = 1; i <= 100; i++) {
    bench.tasks = [task(i)];
    bench.executor.wake();
    await settled();
    bench.placed.at(-1)?.end({ kind: 'acknowledged', orderId: `${i}` });
    bench.clock.advance(200);
    await settled();
  }
  expect(bench.placed.length).toBeGreaterThan(90);
  expect(bench.books - books).toBeLessThanOrEqual(1 + 20_000 / ORDER_LOOK_GAP_MS);
});

test('so many writes of an account at once, the next one when one has ended', async () => {
  const bench = await started();
  bench.tasks = [1, 2, 3, 4].map(task);
  bench.executor.wake();
  await settled();
  expect(bench.placed).toHaveLength(ORDER_WRITES_AT_ONCE_MAX);
  bench.placed[0]?.end({ kind: 'acknowledged', orderId: '1' });
  await settled();
  expect(bench.placed).toHaveLength(ORDER_WRITES_AT_ONCE_MAX + 1);
  expect(bench.changes).toMatchObject([{ taskId: 'task1', to: 'PLACED', orderId: '1' }]);
});

test('a lease that is lost in the last moment: nothing leaves, and it is over', async () => {
  const bench = await started();
  bench.tasks = [task(1)];
  bench.isLost = true;
  bench.executor.wake();
  await bench.over;
  expect(bench.placed).toEqual([]);
});

test('fenced: it is over, and what it learns is stored by nobody', async () => {
  const bench = await started();
  bench.isFenced = true;
  bench.executor.onOrder('main', kiteOrder());
  await bench.over;
  expect(bench.commits).toEqual([]);
  expect(bench.told).toEqual([]);
});

test('stopped: what is under way comes to its end and is stored, nothing more is sent', async () => {
  const bench = await started();
  bench.tasks = [task(1)];
  bench.executor.wake();
  await settled();
  bench.tasks = [task(2)];
  bench.executor.stop();
  bench.executor.wake();
  await settled();
  bench.placed[0]?.end({ kind: 'unknown', problem: 'status 502' });
  await bench.over;
  expect(bench.placed).toHaveLength(1);
  expect(bench.changes).toMatchObject([{ taskId: 'task1', to: 'UNKNOWN' }]);
});

describe('while the database is away', () => {
  const news = (count: number): KiteOrder[] =>
    Array.from({ length: count }, (_, i) => kiteOrder({ orderId: `${i + 1}`, tag: null, tags: [] }));

  test('news wait, and are stored in pieces and in their order', async () => {
    const bench = await started();
    bench.isAway = true;
    for (const order of news(2 * ORDER_FACTS_PER_COMMIT)) bench.executor.onOrder('main', order);
    await settled();
    expect(bench.told).toEqual([]);
    bench.isAway = false;
    bench.clock.advance(ORDER_STORE_RETRY_MS);
    await settled();
    const events = bench.commits.flatMap((commit) => commit.events);
    expect(events.map(({ orderId }) => orderId)).toEqual(
      news(2 * ORDER_FACTS_PER_COMMIT).map(({ orderId }) => orderId),
    );
    // The first one alone: were it what the database rejects, it would hold up no more than itself.
    const sizes = bench.commits.map((commit) => commit.events.length);
    expect(sizes).toEqual([1, ORDER_FACTS_PER_COMMIT, ORDER_FACTS_PER_COMMIT - 1]);
    expect(bench.told).toEqual(events.map((_, i) => i + 1));
  });

  test('news that it never takes is dropped, and those behind it are stored', async () => {
    const bench = await started();
    bench.refusedOrderId = '1';
    for (const order of news(3)) bench.executor.onOrder('main', order);
    await settled();
    for (let i = 1; i < ORDER_REJECTIONS_MAX; i++) {
      expect(bench.told).toEqual([]);
      bench.clock.advance(ORDER_STORE_RETRY_MS);
      await settled();
    }
    bench.clock.advance(ORDER_STORE_RETRY_MS);
    await settled();
    expect(bench.commits.flatMap(({ events }) => events.map(({ orderId }) => orderId))).toEqual(['2', '3']);
  });

  test('news that cannot even be weighed is dropped, and those behind it are stored', async () => {
    const bench = await started();
    bench.executor.onOrder('main', { ...kiteOrder(), tags: undefined as never });
    bench.executor.onOrder('main', kiteOrder());
    await settled();
    for (let i = 1; i <= ORDER_REJECTIONS_MAX; i++) {
      bench.clock.advance(ORDER_STORE_RETRY_MS);
      await settled();
    }
    expect(bench.told).toEqual([1]);
  });

  test('what is too much of them is dropped, and the book tells it', async () => {
    const bench = await started();
    bench.isAway = true;
    const heard = news(ORDER_FACTS_WAITING_MAX + 1);
    for (const order of heard) bench.executor.onOrder('main', order);
    await settled();
    const { books } = bench;
    bench.isAway = false;
    bench.book = { kind: 'orders', orders: heard, unread: [] };
    bench.clock.advance(ORDER_STORE_RETRY_MS);
    await settled();
    bench.clock.advance(ORDER_STORE_RETRY_MS);
    await settled();
    expect(bench.books).toBeGreaterThan(books);
    expect(bench.told).toHaveLength(heard.length);
  });
});

test('the book is compared when somebody asks, and once for all who asked before it was read', async () => {
  const bench = await started();
  const { books } = bench;
  bench.clock.advance(ORDER_LOOK_GAP_MS);
  bench.book = { kind: 'orders', orders: [kiteOrder({ tag: null, tags: [] })], unread: [] };
  bench.executor.compareBook('main');
  bench.executor.compareBook('main');
  await settled();
  expect(bench.books).toBe(books + 1);
  expect(bench.told).toEqual([1]);
  bench.executor.compareBook('main');
  bench.clock.advance(ORDER_LOOK_GAP_MS);
  await settled();
  expect(bench.books).toBe(books + 2);
  expect(bench.told).toEqual([1]);
});

test('a reread order is one of its history, several are the book', async () => {
  const bench = await started();
  const { books } = bench;
  bench.book = {
    kind: 'orders',
    orders: [kiteOrder({ status: 'OPEN PENDING' }), kiteOrder({ filledQuantity: 3 })],
    unread: [],
  };
  bench.executor.rereadOrder('main', kiteOrder().orderId);
  await settled();
  expect(bench.books).toBe(books);
  expect(bench.commits.flatMap(({ events }) => events)).toMatchObject([{ payload: { variety: 'regular' } }]);
  for (const id of ['1', '2', '3', '4']) bench.executor.rereadOrder('main', id);
  bench.clock.advance(ORDER_LOOK_GAP_MS);
  await settled();
  expect(bench.books).toBe(books + 1);
});

test('postbacks that follow each other do not keep the book away, and it does for them', async () => {
  const bench = new Bench();
  bench.executor.rereadOrder('main', '1');
  await settled();
  expect([bench.books, bench.histories]).toEqual([1, 0]);
  bench.executor.rereadOrder('main', '1');
  await settled();
  expect([bench.books, bench.histories]).toEqual([1, 1]);
});
