// The sidecar's connection to PostgreSQL.
import postgres from 'postgres';

/** One connection, opened by the first query: nothing on the tick path waits for it. */
export function openDatabase(url: string): postgres.Sql {
  return postgres(url, { max: 1, connect_timeout: 5, onnotice: () => undefined });
}
