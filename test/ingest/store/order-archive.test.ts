// Old orders in a real database: what is over goes to the archive whole, and what somebody may still ask about stays.
import postgres from 'postgres';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { archivePortion } from '../../../ingest/store/order-archive.ts';
import { readOrderFigures } from '../../../ingest/store/order-figures.ts';
import { listGivenUp, resolveTask } from '../../../ingest/store/order-resolution.ts';
import { ORDER_ARCHIVE_ROWS_PER_STATEMENT } from '../../../shared/limits.ts';
import { ORDER_TASK_STATES } from '../../../shared/order.ts';
import { createTestDatabase } from '../../support/database.ts';
import { holdLease, storeTask } from '../support/order-rows.ts';

const EPOCH = 1_764_000_000_000;
const DAYS = 30;
const DAY_MS = 24 * 3_600_000;
const OLD_MS = DAYS * DAY_MS + 60_000;

let sql: postgres.Sql;

beforeAll(async () => {
  sql = postgres(await createTestDatabase(), { onnotice: () => undefined });
});
afterAll(() => sql.end());
beforeEach(async () => {
  await sql`truncate order_tasks, order_task_transitions, order_task_archive, order_events, order_audit, sidecar_lease cascade`;
  await holdLease(sql, EPOCH);
});

const archive = (epoch = EPOCH) => archivePortion(sql, epoch, DAYS);
const ids = async (table: string) =>
  (await sql`select id from ${sql(table)} order by id`).map(({ id }) => id);

async function task(state: string, cause: string, ageMs = OLD_MS): Promise<string> {
  const id = await storeTask(sql, { ageMs });
  await sql`update order_tasks set state = ${state}, version = 2 where id = ${id}`;
  await sql`
    insert into order_task_transitions (task_id, version, from_state, to_state, cause, detail)
    values (${id}, 2, 'PENDING', ${state}, ${cause}, '{"code": "x"}')`;
  return id;
}

test('what is over and old moves with its whole history, what is open or younger stays', async () => {
  const over: string[] = [];
  const open: string[] = [];
  for (const state of ORDER_TASK_STATES) {
    if (state === 'DEAD_LETTER') continue;
    const isOver = ['COMPLETE', 'CANCELLED', 'REJECTED'].includes(state);
    (isOver ? over : open).push(await task(state, 'tested'));
    open.push(await task(state, 'tested', OLD_MS - 120_000));
  }
  const [first] = over;
  const [before] = await sql`select to_jsonb(task) as task from order_tasks task where id = ${first ?? ''}`;
  expect(await archive()).toEqual({ tasks: 3, events: 0, refusals: 0 });
  expect(await ids('order_tasks')).toEqual(open.sort());
  expect(await ids('order_task_archive')).toEqual(over.toSorted());
  const [row] = await sql`select * from order_task_archive where id = ${first ?? ''}`;
  expect(row).toMatchObject({
    requested_by: 'key:test',
    task: before?.task,
    transitions: [
      { version: 1, from_state: null, to_state: 'PENDING', cause: 'requested' },
      { version: 2, from_state: 'PENDING', cause: 'tested', detail: { code: 'x' } },
    ],
  });
  const [{ count }] = await sql<[{ count: number }]>`
    select count(*)::integer as count from order_task_transitions where task_id in (select id from order_task_archive)`;
  expect(count).toBe(0);
  expect(await archive()).toEqual({ tasks: 0, events: 0, refusals: 0 });
});

test('of what was given up only that goes of which it is known that Kite has not done it, or that a person has resolved', async () => {
  const stays: string[] = [];
  for (const cause of [
    'unknown_not_found',
    'no_effect_seen',
    'gone_from_book',
    'book_unreadable',
    'a cause of tomorrow',
  ]) {
    stays.push(await task('DEAD_LETTER', cause));
  }
  for (const cause of ['attempts_spent', 'too_old', 'resolved']) await task('DEAD_LETTER', cause);
  expect(await archive()).toMatchObject({ tasks: 3 });
  expect(await ids('order_tasks')).toEqual(stays.sort());
  const [first = ''] = stays;
  expect((await listGivenUp(sql)).map(({ id }) => id).sort()).toEqual(stays);
  expect(await resolveTask(sql, first, 'host:me', 'was placed, sold again')).toBe(true);
  expect(await listGivenUp(sql)).toHaveLength(stays.length - 1);
  expect(await archive()).toMatchObject({ tasks: 0 });
  await sql`update order_tasks set updated_at = now() - interval '40 days'`;
  expect(await archive()).toMatchObject({ tasks: 1 });
});

test('only what was given up can be resolved, and who did it stays in its history', async () => {
  const [givenUp, open] = [await task('DEAD_LETTER', 'unknown_not_found'), await task('UNKNOWN', 'unknown')];
  expect(await listGivenUp(sql)).toMatchObject([{ id: givenUp, cause: 'unknown_not_found', kind: 'place' }]);
  for (const id of [open, 'no id', '']) expect(await resolveTask(sql, id, 'host:me', 'x')).toBe(false);
  expect(await resolveTask(sql, givenUp, 'host:me', 'never placed')).toBe(true);
  const [latest] = await sql`
    select * from order_task_transitions where task_id = ${givenUp} order by version desc limit 1`;
  expect(latest).toMatchObject({
    version: 3,
    from_state: 'DEAD_LETTER',
    to_state: 'DEAD_LETTER',
    cause: 'resolved',
    detail: { by: 'host:me', note: 'never placed' },
  });
  const [row] = await sql`select state, version from order_tasks where id = ${givenUp}`;
  expect(row).toMatchObject({ state: 'DEAD_LETTER', version: 3 });
});

test('the figures count what is open, and what was given up of late and is not resolved', async () => {
  expect(await readOrderFigures(sql)).toEqual({ open: {}, givenUp: 0 });
  for (const state of ['PENDING', 'UNKNOWN', 'UNKNOWN', 'COMPLETE']) await task(state, 'tested');
  await task('DEAD_LETTER', 'unknown_not_found');
  await task('DEAD_LETTER', 'unknown_not_found', 1_000);
  await task('DEAD_LETTER', 'resolved', 1_000);
  expect(await readOrderFigures(sql)).toEqual({ open: { PENDING: 1, UNKNOWN: 2 }, givenUp: 1 });
});

test('old events go from the front, and the last one never: numbers go on from it', async () => {
  const ages = [40, 35, 31, 29, 33, 28];
  for (const [i, days] of ages.entries()) {
    await sql`insert into order_events (seq, account_id, order_id, at, payload)
      values (${i + 1}, 'primary', '7', now() - ${days} * interval '1 day', '{}')`;
  }
  expect(await archive()).toMatchObject({ events: 3 });
  // The fifth is old by a clock that was wrong; without it there were a gap.
  expect((await sql`select seq from order_events order by seq`).map(({ seq }) => Number(seq))).toEqual([
    4, 5, 6,
  ]);
  await sql`update order_events set at = now() - interval '40 days'`;
  expect(await archive()).toMatchObject({ events: 2 });
  expect(await archive()).toMatchObject({ events: 0 });
  expect((await sql`select seq from order_events`).map(({ seq }) => Number(seq))).toEqual([6]);
});

test('old refusals are removed', async () => {
  for (const days of [31, 29]) {
    await sql`insert into order_audit (at, requested_by, action, code, message)
      values (now() - ${days} * interval '1 day', 'user:7', 'place', 'invalid_parameter', 'x')`;
  }
  expect(await archive()).toMatchObject({ refusals: 1 });
  expect(await archive()).toMatchObject({ refusals: 0 });
});

test('a portion is bounded', async () => {
  const events = ORDER_ARCHIVE_ROWS_PER_STATEMENT + 5;
  await sql`
    insert into order_events (seq, account_id, order_id, at, payload)
    select n, 'primary', '7', now() - interval '40 days', '{}' from generate_series(1, ${events}::integer) n`;
  await sql`
    insert into order_audit (at, requested_by, action, code, message)
    select now() - interval '40 days', 'user:7', 'place', 'x', 'x' from generate_series(1, ${events}::integer)`;
  await sql`
    insert into order_tasks (id, kind, requested_by, account_id, idempotency_key, body_hash, request, order_id, state, updated_at)
    select gen_random_uuid(), 'cancel', 'key:test', 'primary', n::text, repeat('0', 64), '{}', '7', 'COMPLETE',
      now() - interval '40 days'
    from generate_series(1, ${events}::integer) n`;
  const most = ORDER_ARCHIVE_ROWS_PER_STATEMENT;
  expect(await archive()).toEqual({ tasks: most, events: most, refusals: most });
  expect(await archive()).toEqual({ tasks: 5, events: 4, refusals: 5 });
  expect(await ids('order_task_archive')).toHaveLength(events);
});

test('a task that somebody is changing is left for later, and without the lease all is', async () => {
  const id = await task('COMPLETE', 'tested');
  await sql`insert into order_audit (at, requested_by, action, code, message)
    values (now() - interval '31 days', 'user:7', 'place', 'x', 'x')`;
  await sql`insert into order_events (seq, account_id, order_id, at, payload)
    select n, 'primary', '7', now() - interval '40 days', '{}' from generate_series(1, 2) n`;
  expect(await archive(EPOCH + 1)).toEqual({ tasks: 0, events: 0, refusals: 0 });
  await sql.begin(async (other) => {
    await other`select from order_tasks where id = ${id} for update`;
    expect(await archive()).toEqual({ tasks: 0, events: 1, refusals: 1 });
  });
  expect(await archive()).toEqual({ tasks: 1, events: 0, refusals: 0 });
});
