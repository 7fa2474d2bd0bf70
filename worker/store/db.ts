// PostgreSQL through Hyperdrive: one client per request, as the runtime asks for.
import postgres from 'postgres';
import { AppError } from '../../shared/errors.ts';
import { DATABASE_ANSWER_MS_MAX, DATABASE_CONNECT_S_MAX } from '../../shared/limits.ts';
import type { Env } from '../env.ts';

/** A client of the database, as `withDatabase` hands it out. */
export type Sql = postgres.Sql;

/**
 * Asks the database. Throws `database_unavailable` when there is none to ask or none that answers within `answerMsMax`; `work`
 * does nothing but ask it.
 */
export type AskDatabase = <T>(work: (sql: Sql) => Promise<T>, answerMsMax?: number) => Promise<T>;

type Background = Pick<ExecutionContext, 'waitUntil'>;

/** Classes of SQLSTATE that are about the server and not about a statement: connection, resources, operator. */
const UNAVAILABLE_STATE = /^(08|53|57)/;

/** A statement that the server refuses is a fault of ours; whatever else goes wrong under a query is a database away. */
function isUnavailable(error: unknown): boolean {
  if (error instanceof AppError) return false;
  return !(error instanceof postgres.PostgresError) || UNAVAILABLE_STATE.test(error.code);
}

async function answerOf<T>(answer: Promise<T>, answerMsMax: number): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${answerMsMax} ms`)), answerMsMax);
  });
  try {
    return await Promise.race([answer, late]);
  } catch (cause) {
    if (!isUnavailable(cause)) throw cause;
    console.error(`database: ${cause}`);
    throw new AppError('database_unavailable', 'the database does not answer, try again', { cause });
  } finally {
    clearTimeout(timer ?? null);
  }
}

/**
 * Lends a client to all that one request asks, as to connect costs more than a query: a socket of one request cannot be used by
 * another. It connects with the first question. Prepared statements stay on, because Hyperdrive's transaction pooling needs
 * them. The client is closed after the answer, off its path.
 */
export async function withClient<T>(
  env: Env,
  ctx: Background,
  use: (ask: AskDatabase) => Promise<T>,
): Promise<T> {
  const sql = postgres(env.DB.connectionString, {
    max: 5,
    fetch_types: false,
    prepare: true,
    connect_timeout: DATABASE_CONNECT_S_MAX,
  });
  try {
    return await use((work, answerMsMax = DATABASE_ANSWER_MS_MAX) => answerOf(work(sql), answerMsMax));
  } finally {
    ctx.waitUntil(sql.end({ timeout: 1 }));
  }
}

/** For whoever asks once: `AskDatabase` with a client of its own. */
export function withDatabase<T>(
  env: Env,
  ctx: Background,
  work: (sql: Sql) => Promise<T>,
  answerMsMax?: number,
): Promise<T> {
  return withClient(env, ctx, (ask) => ask(work, answerMsMax));
}

/** The same, for whoever does not care how often it is asked. */
export function databaseOf(env: Env, ctx: Background): AskDatabase {
  return (work, answerMsMax) => withDatabase(env, ctx, work, answerMsMax);
}

/** Resolves when the database answers a query; rejects with what kept it from that. */
export async function pingDatabase(env: Env, ctx: Background): Promise<void> {
  await withDatabase(env, ctx, (sql) => sql`select 1`);
}
