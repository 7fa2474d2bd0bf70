// The sidecar's connections to PostgreSQL.
import postgres from 'postgres';
import type { Clock, Timer } from '../clock.ts';

/**
 * One connection, opened by the first query: nothing on the tick path waits for it. Without the driver's look-up of
 * array types: its failure, when a database dies just then, is a rejection that nobody can catch (connection.js,
 * fetchArrayTypes), and would end the sidecar. So arrays are written and read as JSON.
 */
export function openDatabase(url: string, statementMsMax?: number): postgres.Sql {
  return postgres(url, {
    max: 1,
    connect_timeout: 5,
    fetch_types: false,
    onnotice: () => undefined,
    ...(statementMsMax === undefined ? {} : { connection: { statement_timeout: statementMsMax } }),
  });
}

/**
 * A connection for short questions whose answers are waited for. After a failure or without an answer in time the next
 * question gets a new connection: the driver would wait ever longer before it tries again, and one that fell into a
 * black hole holds its questions until the kernel gives it up.
 */
export class DatabaseSession {
  readonly #url: string;
  readonly #clock: Clock;
  readonly #answerMsMax: number;
  readonly #statementMsMax: number | undefined;
  #sql: postgres.Sql | undefined;

  /** After `statementMsMax` the database itself gives up: what nobody waits for any more must not happen later. */
  constructor(url: string, clock: Clock, answerMsMax: number, statementMsMax?: number) {
    this.#url = url;
    this.#clock = clock;
    this.#answerMsMax = answerMsMax;
    this.#statementMsMax = statementMsMax;
  }

  /** Rejects with the database's error, or when there is no answer in time. One question at a time. */
  async ask<T>(question: (sql: postgres.Sql) => Promise<T>): Promise<T> {
    this.#sql ??= openDatabase(this.#url, this.#statementMsMax);
    const sql = this.#sql;
    let deadline: Timer | undefined;
    const late = new Promise<never>((_, reject) => {
      const error = new Error(`no answer of the database within ${this.#answerMsMax} ms`);
      deadline = this.#clock.after(this.#answerMsMax, () => reject(error));
    });
    try {
      return await Promise.race([question(sql), late]);
    } catch (error) {
      if (this.#sql === sql) this.close();
      throw error;
    } finally {
      deadline?.cancel();
    }
  }

  close(): void {
    void this.#sql?.end({ timeout: 0 });
    this.#sql = undefined;
  }
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
