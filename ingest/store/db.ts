// The sidecar's connections to PostgreSQL.
import postgres from 'postgres';

/** One connection, opened by the first query: nothing on the tick path waits for it. */
export function openDatabase(url: string): postgres.Sql {
  return postgres(url, { max: 1, connect_timeout: 5, onnotice: () => undefined });
}

/** Runs `work` with a connection of its own. */
export async function withDatabase<T>(url: string, work: (sql: postgres.Sql) => Promise<T>): Promise<T> {
  const sql = openDatabase(url);
  try {
    return await work(sql);
  } finally {
    await sql.end({ timeout: 1 });
  }
}
