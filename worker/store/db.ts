// PostgreSQL through Hyperdrive: one client per request, as the runtime asks for.
import postgres from 'postgres';
import type { Env } from '../env.ts';

/**
 * Runs `work` with a client of its own: a socket of one request cannot be used by another. Prepared statements stay on,
 * because Hyperdrive's transaction pooling needs them. The client is closed after the answer, off its path.
 */
export async function withDatabase<T>(
  env: Env,
  ctx: Pick<ExecutionContext, 'waitUntil'>,
  work: (sql: postgres.Sql) => Promise<T>,
): Promise<T> {
  const sql = postgres(env.DB.connectionString, {
    max: 5,
    fetch_types: false,
    prepare: true,
    connect_timeout: 5,
  });
  try {
    return await work(sql);
  } finally {
    ctx.waitUntil(sql.end({ timeout: 1 }));
  }
}

/** Resolves when the database answers a query; rejects with what kept it from that. */
export async function pingDatabase(env: Env, ctx: Pick<ExecutionContext, 'waitUntil'>): Promise<void> {
  await withDatabase(env, ctx, (sql) => sql`select 1`);
}
