// PostgreSQL through Hyperdrive: one client per request, as the runtime asks for.
import postgres from 'postgres';
import { AppError } from '../../shared/errors.ts';
import { DATABASE_ANSWER_MS_MAX, DATABASE_CONNECT_S_MAX } from '../../shared/limits.ts';
import type { Env } from '../env.ts';

/** A client of the database, as `withDatabase` hands it out. */
export type Sql = postgres.Sql;

/** Classes of SQLSTATE that are about the server and not about a statement: connection, resources, operator. */
const UNAVAILABLE_STATE = /^(08|53|57)/;

/** A statement that the server refuses is a fault of ours; whatever else goes wrong under a query is a database away. */
function isUnavailable(error: unknown): boolean {
  if (error instanceof AppError) return false;
  return !(error instanceof postgres.PostgresError) || UNAVAILABLE_STATE.test(error.code);
}

/**
 * Runs `work` with a client of its own: a socket of one request cannot be used by another. Prepared statements stay on,
 * because Hyperdrive's transaction pooling needs them. The client is closed after the answer, off its path.
 * Throws `database_unavailable` when there is no database to ask or none that answers within `answerMsMax`; `work` does
 * nothing but ask it.
 */
export async function withDatabase<T>(
  env: Env,
  ctx: Pick<ExecutionContext, 'waitUntil'>,
  work: (sql: postgres.Sql) => Promise<T>,
  answerMsMax = DATABASE_ANSWER_MS_MAX,
): Promise<T> {
  const sql = postgres(env.DB.connectionString, {
    max: 5,
    fetch_types: false,
    prepare: true,
    connect_timeout: DATABASE_CONNECT_S_MAX,
  });
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${answerMsMax} ms`)), answerMsMax);
  });
  try {
    return await Promise.race([work(sql), late]);
  } catch (cause) {
    if (!isUnavailable(cause)) throw cause;
    console.error(`database: ${cause}`);
    throw new AppError('database_unavailable', 'the database does not answer, try again', { cause });
  } finally {
    clearTimeout(timer ?? null);
    ctx.waitUntil(sql.end({ timeout: 1 }));
  }
}

/** Resolves when the database answers a query; rejects with what kept it from that. */
export async function pingDatabase(env: Env, ctx: Pick<ExecutionContext, 'waitUntil'>): Promise<void> {
  await withDatabase(env, ctx, (sql) => sql`select 1`);
}
