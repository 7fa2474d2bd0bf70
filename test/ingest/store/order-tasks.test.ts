// Order tasks in a real database: claimed once, changed by whoever read them last, and by nobody without the lease.
import fc from 'fast-check';
import postgres from 'postgres';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../../ingest/clock.ts';
import type { OrderEventDraft, OrderTask, TaskChange } from '../../../ingest/core/orders/task.ts';
import type { ClaimAnswer, ClaimAsk } from '../../../ingest/orders/ports.ts';
import { tradingDateOf } from '../../../ingest/store/instruments.ts';
import { OrderTaskStore } from '../../../ingest/store/order-tasks.ts';
import { ORDER_LATE_NEWS_MS } from '../../../shared/limits.ts';
import { createTestDatabase } from '../../support/database.ts';
import { holdLease, PLACE, storeTask } from '../support/order-rows.ts';

const EPOCH = 1_764_000_000_000;
const AGE_MS_MAX = 300_000;
const DAY_MS = 24 * 3_600_000;
const ask = (parts: Partial<ClaimAsk> = {}): ClaimAsk => ({
  epoch: EPOCH,
  accountIds: ['primary'],
  ageMsMax: AGE_MS_MAX,
  ...parts,
});

let url: string;
let sql: postgres.Sql;
let store: OrderTaskStore;
const open: OrderTaskStore[] = [];

function newStore(): OrderTaskStore {
  const opened = new OrderTaskStore(url, systemClock);
  open.push(opened);
  return opened;
}

beforeAll(async () => {
  url = await createTestDatabase();
  sql = postgres(url, { onnotice: () => undefined });
});
afterAll(() => sql.end());
beforeEach(async () => {
  await sql`truncate order_tasks, order_task_transitions, order_events, order_halts, sidecar_lease cascade`;
  await holdLease(sql, EPOCH);
  store = newStore();
});
afterEach(() => {
  for (const one of open.splice(0)) one.close();
});

const taskIn = (answer: ClaimAnswer): OrderTask | undefined =>
  answer.kind === 'claimed' ? answer.task : undefined;
/** Claims until there is nothing, and returns the tasks' ids. */
async function claimAll(parts: Partial<ClaimAsk> = {}, by = store): Promise<string[]> {
  const ids: string[] = [];
  for (;;) {
    const task = taskIn(await by.claim(ask(parts)));
    if (!task) return ids;
    ids.push(task.id);
  }
}
const change = (task: OrderTask, parts: Partial<TaskChange> & Pick<TaskChange, 'to'>): TaskChange => ({
  taskId: task.id,
  version: task.version,
  from: task.state,
  cause: 'tested',
  detail: {},
  ...parts,
});
const payloadOf = (orderId: string, parts: object = {}) => ({
  order_id: orderId,
  status: 'OPEN',
  quantity: 1,
  filled_quantity: 0,
  ...parts,
});
const event = (orderId: string, parts: Partial<OrderEventDraft> = {}): OrderEventDraft => ({
  accountId: 'primary',
  orderId,
  taskId: null,
  payload: payloadOf(orderId),
  ...parts,
});
const historyOf = (id: string) => sql`
  select version, from_state, to_state, cause, detail from order_task_transitions where task_id = ${id} order by version`;
const rowOf = async (id: string) => (await sql`select * from order_tasks where id = ${id}`)[0];

describe('a claim', () => {
  test('takes a task with what is to be sent, and leaves a record of it', async () => {
    const id = await storeTask(sql);
    const answer = await store.claim(ask());
    expect(answer).toMatchObject({
      kind: 'claimed',
      task: {
        id,
        kind: 'place',
        request: PLACE,
        requestedBy: 'key:test',
        accountId: 'primary',
        tag: expect.stringMatching(/^[0-9A-Z]{20}$/),
        orderId: null,
        state: 'SENDING',
        version: 2,
        attempts: 1,
        isHeld: false,
        filledQuantity: 0,
        sendingEpoch: EPOCH,
      },
      tradingDate: expect.stringMatching(/^\d{4}-\d\d-\d\d$/),
    });
    expect(await historyOf(id)).toMatchObject([
      { version: 1, to_state: 'PENDING' },
      { version: 2, from_state: 'PENDING', to_state: 'SENDING', cause: 'claimed', detail: { epoch: EPOCH } },
    ]);
    expect(await store.claim(ask())).toMatchObject({ kind: 'none', nextInMs: undefined });
    expect(await store.load()).toMatchObject({ tasks: [taskIn(answer)] });
  });

  test('of a task is one, however many ask at once', async () => {
    const ids = new Set(await Promise.all(Array.from({ length: 20 }, () => storeTask(sql))));
    const claimed = await Promise.all(Array.from({ length: 4 }, () => claimAll({}, newStore())));
    expect(claimed.flat()).toHaveLength(20);
    expect(new Set(claimed.flat())).toEqual(ids);
    const [{ count }] = await sql<[{ count: number }]>`
      select count(*)::integer as count from order_task_transitions where to_state = 'SENDING'`;
    expect(count).toBe(20);
  });

  test('does not wait for a task that somebody holds', async () => {
    const first = await storeTask(sql, { ageMs: 1_000 });
    const second = await storeTask(sql);
    await sql.begin(async (other) => {
      await other`select from order_tasks where id = ${first} for update`;
      expect(await claimAll()).toEqual([second]);
    });
    expect(await claimAll()).toEqual([first]);
  });

  test('goes by the time of the request, and cancels come first', async () => {
    const place = await storeTask(sql, { ageMs: 3_000 });
    const later = await storeTask(sql, { ageMs: 1_000 });
    const modify = await storeTask(sql, { kind: 'modify', orderId: '7', ageMs: 2_000 });
    const cancel = await storeTask(sql, { kind: 'cancel', orderId: '8' });
    expect(await claimAll()).toEqual([cancel, place, modify, later]);
  });

  test('is only of accounts that can send, of tasks that are due, and not of too old ones', async () => {
    await storeTask(sql, { accountId: 'second' });
    await storeTask(sql, { ageMs: AGE_MS_MAX + 1_000 });
    const waits = await storeTask(sql);
    const held = await storeTask(sql);
    await sql`update order_tasks set state = 'RETRY_WAIT', next_attempt_at = now() + interval '10 minutes' where id = ${waits}`;
    await sql`update order_tasks set state = 'RETRY_WAIT', next_attempt_at = 'infinity' where id = ${held}`;
    const answer = await store.claim(ask());
    expect(answer).toMatchObject({ kind: 'none', nextInMs: expect.closeTo(600_000, -4) });
    expect(await claimAll({ accountIds: [] })).toEqual([]);
    expect(await claimAll({ accountIds: ['second', 'a"b', "c'd"] })).toHaveLength(1);
    expect((await store.load()).tasks.filter(({ isHeld }) => isHeld)).toMatchObject([{ id: held }]);
    await sql`update order_tasks set next_attempt_at = now() where id = ${waits}`;
    expect(await claimAll()).toEqual([waits]);
  });

  test.each(['all', 'account:primary', 'requester:key:test'])(
    'finds nothing but cancellations under a halt of %s',
    async (scope) => {
      const id = await storeTask(sql);
      const other = await storeTask(sql, { accountId: 'second', requestedBy: 'user:7' });
      await sql`insert into order_halts (scope, halted_by) values (${scope}, 'user:1')`;
      expect(await claimAll({ accountIds: ['primary', 'second'] })).toEqual(scope === 'all' ? [] : [other]);
      const cancel = await storeTask(sql, { kind: 'cancel', orderId: '8' });
      expect(await claimAll()).toEqual([cancel]);
      await sql`delete from order_halts`;
      expect(await claimAll()).toEqual(scope === 'all' ? [id] : [id]);
    },
  );

  test('of one order is one at a time, and a modification waits for all before it', async () => {
    const requests = [
      { kind: 'modify', orderId: '7', ageMs: 5_000 },
      { kind: 'modify', orderId: '7', ageMs: 4_000 },
      { kind: 'cancel', orderId: '7', ageMs: 3_000 },
      { kind: 'modify', orderId: '8', ageMs: 2_000 },
      { kind: 'modify', orderId: '7', accountId: 'second', ageMs: 1_000 },
    ] as const;
    const ids: string[] = [];
    for (const request of requests) ids.push(await storeTask(sql, request));
    const [first, second, cancel, otherOrder, otherAccount] = ids;
    const both = { accountIds: ['primary', 'second'] };
    expect(await claimAll(both)).toEqual([cancel, otherOrder, otherAccount]);
    const end = (id: string | undefined, state: string) =>
      sql`update order_tasks set state = ${state} where id = ${id ?? ''}`;
    await end(cancel, 'UNKNOWN');
    expect(await claimAll(both)).toEqual([first]);
    await end(first, 'PLACED');
    expect(await claimAll(both)).toEqual([]);
    await end(first, 'COMPLETE');
    expect(await claimAll(both)).toEqual([second]);
  });

  test('of a place task whose order is being changed is not held up', async () => {
    const placed = await storeTask(sql);
    await sql`update order_tasks set order_id = '7', state = 'SENDING' where id = ${placed}`;
    const modify = await storeTask(sql, { kind: 'modify', orderId: '7' });
    expect(await claimAll()).toEqual([modify]);
  });
});

describe('without the lease', () => {
  test('nothing is written, whatever is asked', async () => {
    const id = await storeTask(sql, { ageMs: 1_000 });
    const task = taskIn(await store.claim(ask()));
    const waiting = await storeTask(sql, { ageMs: AGE_MS_MAX });
    if (!task) throw new Error('not claimed');
    const before = await sql`select * from order_tasks order by id`;
    for (const takeAway of [() => holdLease(sql, EPOCH + 1), () => sql`delete from sidecar_lease`]) {
      await takeAway();
      expect(await store.claim(ask())).toEqual({ kind: 'fenced' });
      expect(await store.expire(EPOCH, 10)).toEqual({ kind: 'fenced' });
      const changes = [change(task, { to: 'PLACED', orderId: '7' })];
      expect(await store.commit(EPOCH, changes, [event('7')])).toEqual({ kind: 'fenced' });
      expect(await store.commit(EPOCH, [], [event('7')])).toEqual({ kind: 'fenced' });
    }
    expect(await sql`select * from order_tasks order by id`).toEqual(before);
    expect(await sql`select from order_events`).toHaveLength(0);
    expect([await historyOf(id), await historyOf(waiting)].map(({ length }) => length)).toEqual([2, 1]);
    // Reading is nobody's privilege.
    expect((await store.load()).tasks).toHaveLength(2);
  });

  test('whoever takes the lease waits for a statement that is under way, and a statement for whoever takes it', async () => {
    const id = await storeTask(sql);
    let claimed: Promise<ClaimAnswer> | undefined;
    await sql.begin(async (taker) => {
      await taker`update sidecar_lease set epoch = ${EPOCH + 1}`;
      claimed = store.claim(ask());
      await expect
        .poll(async () => {
          const [row] = await sql`select count(*)::integer as count from pg_locks where not granted`;
          return row?.count;
        })
        .toBe(1);
    });
    expect(await claimed).toEqual({ kind: 'fenced' });
    expect(await rowOf(id)).toMatchObject({ state: 'PENDING', version: 1 });
  });
});

describe('a commit', () => {
  async function claimedTask(parts = {}): Promise<OrderTask> {
    await storeTask(sql, parts);
    const task = taskIn(await store.claim(ask()));
    if (!task) throw new Error('not claimed');
    return task;
  }

  test('changes what it names and nothing else, several times for one task, each with its record', async () => {
    const task = await claimedTask();
    const before = await rowOf(task.id);
    const changes: TaskChange[] = [
      change(task, {
        to: 'UNKNOWN',
        cause: 'no_answer',
        detail: { problem: 'ECONNRESET' },
        statusMessage: 'x',
        nextAttempt: 'held',
      }),
      change(task, {
        version: 3,
        from: 'UNKNOWN',
        to: 'PLACED',
        cause: 'found',
        orderId: '1953341975595868160',
        exchangeStatus: 'PUT ORDER REQ RECEIVED',
      }),
      change(task, {
        version: 4,
        from: 'PLACED',
        to: 'OPEN',
        exchangeStatus: 'OPEN',
        filledQuantity: 1,
        averagePrice: 1_500.05,
        exchangeUpdatedAtMs: 1_764_000_001_000,
        statusMessage: null,
      }),
    ];
    expect(await store.commit(EPOCH, changes, [])).toEqual({ kind: 'done', events: [] });
    expect(await rowOf(task.id)).toMatchObject({
      ...before,
      state: 'OPEN',
      version: 5,
      order_id: '1953341975595868160',
      exchange_status: 'OPEN',
      status_message: null,
      filled_quantity: '1',
      average_price: '1500.05',
      exchange_updated_at: new Date(1_764_000_001_000),
      next_attempt_at: expect.toSatisfy((at: Date) => Number.isNaN(at.getTime())),
      unknown_since: null,
      updated_at: expect.any(Date),
    });
    expect((await historyOf(task.id)).slice(2)).toMatchObject([
      {
        version: 3,
        from_state: 'SENDING',
        to_state: 'UNKNOWN',
        cause: 'no_answer',
        detail: { problem: 'ECONNRESET' },
      },
      { version: 4, from_state: 'UNKNOWN', to_state: 'PLACED', cause: 'found' },
      { version: 5, from_state: 'PLACED', to_state: 'OPEN', cause: 'tested' },
    ]);
    const [loaded] = (await store.load()).tasks;
    expect(loaded).toMatchObject({ version: 5, filledQuantity: 1, sendingEpoch: null, isHeld: true });
  });

  test('remembers since when nobody knows, through a second look and a giving up, and forgets it with an answer', async () => {
    const task = await claimedTask();
    const steps = [
      ['UNKNOWN', false],
      ['UNKNOWN', true],
      ['DEAD_LETTER', true],
      ['PLACED', undefined],
      ['UNKNOWN', false],
    ] as const;
    let { version, state }: Pick<OrderTask, 'version' | 'state'> = task;
    let since: unknown;
    const isUncertain = async () => (await store.load()).tasks[0]?.isUncertain;
    for (const [to, isSame] of steps) {
      await store.commit(EPOCH, [change(task, { version, from: state, to })], []);
      version++;
      state = to;
      const row = await rowOf(task.id);
      if (isSame === undefined) expect(row?.unknown_since).toBeNull();
      else expect(row?.unknown_since).toEqual(expect.any(Date));
      expect(await isUncertain()).toBe(isSame !== undefined);
      if (isSame) expect(row?.unknown_since).toEqual(since);
      since = row?.unknown_since;
    }
  });

  test('is due when it says so', async () => {
    const task = await claimedTask();
    await store.commit(EPOCH, [change(task, { to: 'RETRY_WAIT', nextAttempt: { afterMs: 600_000 } })], []);
    expect(await store.claim(ask())).toMatchObject({ kind: 'none', nextInMs: expect.closeTo(600_000, -4) });
    const [waiting] = (await store.load()).tasks;
    if (!waiting) throw new Error('gone');
    await store.commit(EPOCH, [change(waiting, { to: 'RETRY_WAIT', nextAttempt: { afterMs: 0 } })], []);
    expect(await store.claim(ask())).toMatchObject({ kind: 'claimed', task: { attempts: 2, version: 5 } });
  });

  test('that read an older version changes nothing at all, no more than one that fails half-way', async () => {
    const [first, second] = [await claimedTask(), await claimedTask()];
    await store.commit(EPOCH, [change(first, { to: 'PLACED', orderId: '1' })], []);
    const changes = [change(second, { to: 'PLACED', orderId: '2' }), change(first, { to: 'UNKNOWN' })];
    expect(await store.commit(EPOCH, changes, [event('2')])).toEqual({ kind: 'stale' });
    const gone = change({ ...second, id: '00000000-0000-4000-8000-000000000000' }, { to: 'PLACED' });
    expect(await store.commit(EPOCH, [gone], [event('2')])).toEqual({ kind: 'stale' });
    const tooLong = change(second, { to: 'PLACED', statusMessage: 'x'.repeat(2_000) });
    await expect(store.commit(EPOCH, [tooLong], [event('2')])).rejects.toThrow();
    expect(await rowOf(second.id)).toMatchObject({ state: 'SENDING', version: 2 });
    expect(await historyOf(second.id)).toHaveLength(2);
    expect(await sql`select from order_events`).toHaveLength(0);
    // And it goes on after the error.
    expect(await store.commit(EPOCH, [change(second, { to: 'PLACED', orderId: '2' })], [])).toMatchObject({
      kind: 'done',
    });
  });

  test('of changes that do not follow each other is refused before it is asked', async () => {
    const task = await claimedTask();
    const twice = [change(task, { to: 'UNKNOWN' }), change(task, { to: 'PLACED' })];
    await expect(store.commit(EPOCH, twice, [])).rejects.toThrow(/is UNKNOWN in version 3, not SENDING in 2/);
  });

  test('numbers events without gaps in the order in which they come, whoever else appends', async () => {
    const first = await store.commit(EPOCH, [], [event('1'), event('2'), event('1')]);
    expect(first).toMatchObject({
      kind: 'done',
      events: [
        { seq: 1, orderId: '1' },
        { seq: 2, orderId: '2' },
        { seq: 3, orderId: '1' },
      ],
    });
    const appending = Array.from({ length: 8 }, (_, i) =>
      newStore().commit(EPOCH, [], [event(`c${i}`), event(`d${i}`)]),
    );
    const results = await Promise.allSettled(appending);
    const done = results.filter(({ status }) => status === 'fulfilled').length;
    expect(done).toBeGreaterThan(0);
    const rows = await sql<
      { seq: string; order_id: string }[]
    >`select seq, order_id from order_events order by seq`;
    expect(rows.map(({ seq }) => Number(seq))).toEqual(rows.map((_, i) => i + 1));
    expect(rows).toHaveLength(3 + 2 * done);
    for (const [i, { order_id: id }] of rows.entries()) {
      if (id.startsWith('c')) expect(rows[i + 1]?.order_id).toBe(`d${id.slice(1)}`);
    }
  });

  test('takes whatever Kite says', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'binary' }), fc.jsonValue(), async (text, value) => {
        const payload = { order_id: '7', text: `${text}\0\ud800"\\u0000`, value };
        expect(await store.commit(EPOCH, [], [event('7', { payload })])).toMatchObject({ kind: 'done' });
      }),
      { numRuns: 50 },
    );
  });
});

describe('what is too old to be sent', () => {
  test('is given up, once, with what is held, and nothing that may be at Kite', async () => {
    const [old, held, sending] = [
      await storeTask(sql, { ageMs: 20_000 }),
      await storeTask(sql, { ageMs: 19_000 }),
      await storeTask(sql, { ageMs: 30_000 }),
    ];
    await storeTask(sql);
    await sql`update order_tasks set state = 'RETRY_WAIT', next_attempt_at = 'infinity', version = 2 where id = ${held}`;
    await sql`update order_tasks set state = 'SENDING', version = 2 where id = ${sending}`;
    expect(await store.expire(EPOCH, 10_000)).toMatchObject({
      kind: 'done',
      tasks: [
        { id: old, state: 'DEAD_LETTER', version: 2 },
        { id: held, state: 'DEAD_LETTER', version: 3 },
      ],
    });
    expect(await store.expire(EPOCH, 10_000)).toEqual({ kind: 'done', tasks: [] });
    expect((await historyOf(held)).at(-1)).toMatchObject({
      version: 3,
      from_state: 'RETRY_WAIT',
      cause: 'too_old',
    });
  });
});

describe('a load', () => {
  test('has what is open, orders that late news may be about, and no more, the oldest first', async () => {
    const ended = async (kind: 'place' | 'cancel', state: string, endedMsAgo: number) => {
      const id = await storeTask(sql, {
        kind,
        ...(kind === 'cancel' ? { orderId: '7' } : {}),
        ageMs: endedMsAgo,
      });
      await sql`update order_tasks set state = ${state} where id = ${id}`;
      return id;
    };
    const lost = await storeTask(sql, { ageMs: 3 * DAY_MS });
    await ended('place', 'COMPLETE', ORDER_LATE_NEWS_MS + 10_000);
    await ended('cancel', 'COMPLETE', 1_000);
    const late = await ended('place', 'DEAD_LETTER', ORDER_LATE_NEWS_MS - 10_000);
    const fresh = await storeTask(sql);
    expect((await store.load()).tasks.map(({ id }) => id)).toEqual([lost, late, fresh]);
  });

  test('has the latest news of each order, but not from days ago', async () => {
    const payload = payloadOf('1', {
      status: 'COMPLETE',
      filled_quantity: 1,
      price: 0.05,
      meta: { tags: ['a'] },
    });
    await store.commit(
      EPOCH,
      [],
      [event('old'), event('1'), event('2'), event('1', { payload }), event('?', { payload: {} })],
    );
    await sql`update order_events set at = now() - ${ORDER_LATE_NEWS_MS + 1_000} * interval '1 millisecond' where order_id = 'old'`;
    const { latestOrders } = await store.load();
    expect(latestOrders.map(({ order }) => order.orderId).sort()).toEqual(['1', '2']);
    expect(latestOrders).toContainEqual({
      accountId: 'primary',
      order: expect.objectContaining({ orderId: '1', status: 'COMPLETE', filledQuantity: 1, payload }),
    });
  });

  test('has what was sent of each account, by its age and for the day, and the modifications of each order', async () => {
    const send = async (task: Parameters<typeof storeTask>[1], ago: string, times = 1) => {
      const id = await storeTask(sql, task);
      for (let i = 0; i < times; i++) {
        await sql`insert into order_task_transitions (task_id, version, from_state, to_state, cause, at)
          values (${id}, ${i + 2}, 'PENDING', 'SENDING', 'claimed', now() - ${ago}::text::interval)`;
      }
    };
    await send({}, '30 seconds');
    await send({}, '89 seconds');
    await send({}, '91 seconds');
    await send({}, '25 hours');
    await send({ accountId: 'second' }, '2 days');
    await send({ kind: 'modify', orderId: '7' }, '10 seconds', 3);
    await send({ kind: 'modify', orderId: '7', ageMs: DAY_MS }, '1 day', 2);
    await send({ kind: 'modify', orderId: '7', ageMs: 3 * DAY_MS }, '3 days');
    await send({ kind: 'cancel', orderId: '8' }, '20 seconds');
    const before = tradingDateOf(Date.now());
    const { sent, modifications, tradingDate } = await store.load();
    // A midnight in India may come in between.
    expect([before, tradingDateOf(Date.now())]).toContain(tradingDate);
    expect(modifications).toEqual([{ accountId: 'primary', orderId: '7', count: 5 }]);
    const [{ count }] = await sql<[{ count: number }]>`
      select count(*)::integer as count from order_task_transitions transition join order_tasks task on task.id = task_id
      where to_state = 'SENDING' and account_id = 'primary'
        and transition.at >= (${tradingDate}::text || 'T00:00:00+05:30')::timestamptz`;
    expect(sent).toEqual([{ accountId: 'primary', agesMs: expect.any(Array), todayCount: count }]);
    expect(sent[0]?.agesMs.map((ms) => Math.floor(ms / 1_000))).toEqual([10, 10, 10, 20, 30, 89]);
  });

  test('of nothing is empty', async () => {
    expect(await store.load()).toMatchObject({ tasks: [], latestOrders: [], sent: [], modifications: [] });
  });
});

test('a database that does not answer is no answer, does not do it later, and costs nothing but the call', async () => {
  const id = await storeTask(sql);
  const other = await sql.reserve();
  await other`begin`;
  await other`update sidecar_lease set epoch = epoch`;
  await expect(store.claim(ask())).rejects.toThrow('canceling statement due to statement timeout');
  await other`rollback`;
  other.release();
  await sql`select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() and datname = current_database()`;
  expect(await store.load()).toMatchObject({ tasks: [{ id, state: 'PENDING', version: 1 }] });
}, 20_000);
