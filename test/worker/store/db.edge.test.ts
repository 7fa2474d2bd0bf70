// The edge's way to the database: what its caller is told when there is none, or none that answers.
import { createExecutionContext, waitOnExecutionContext } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { afterEach, expect, test, vi } from 'vitest';
import type { Env } from '../../../worker/env.ts';
import { withClient, withDatabase } from '../../../worker/store/db.ts';

const testEnv = env as unknown as Env;

afterEach(() => void vi.restoreAllMocks());

test('a statement that takes too long is given up, and the next is answered', async () => {
  vi.spyOn(console, 'error').mockImplementation(() => undefined);
  const ctx = createExecutionContext();
  const slow = withDatabase(testEnv, ctx, (sql) => sql`select pg_sleep(60)`, 200);
  await expect(slow).rejects.toMatchObject({ code: 'database_unavailable' });
  const [row] = await withDatabase(testEnv, ctx, (sql) => sql`select 7 as seven`);
  expect(row).toEqual({ seven: 7 });
  await waitOnExecutionContext(ctx);
});

test('a statement that the server refuses is no database that is away', async () => {
  const ctx = createExecutionContext();
  await expect(withDatabase(testEnv, ctx, (sql) => sql`select nothing`)).rejects.toMatchObject({
    code: '42703',
  });
  await waitOnExecutionContext(ctx);
});

test('all that one request asks goes over one connection, also after a question that failed', async () => {
  const ctx = createExecutionContext();
  const pids = await withClient(testEnv, ctx, async (ask) => {
    const pid = () =>
      ask(async (sql) => (await sql<[{ pid: number }]>`select pg_backend_pid() as pid`)[0].pid);
    const first = await pid();
    await expect(ask((sql) => sql`select nothing`)).rejects.toMatchObject({ code: '42703' });
    return [first, await pid()];
  });
  expect(pids[1]).toBe(pids[0]);
  await waitOnExecutionContext(ctx);
});
