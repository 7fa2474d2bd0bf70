// A throw-away PostgreSQL for one test run, with as many databases as are asked for.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import postgres from 'postgres';
import { startDatabase } from '../../dev/database.ts';
import { findFreePort } from '../../dev/free-port.ts';
import { signalProcess } from '../../dev/process-table.ts';

export interface Cluster {
  /** Creates an empty database and returns its address. */
  createDatabase(): Promise<string>;
  stop(): Promise<void>;
}

export async function startCluster(): Promise<Cluster> {
  const directory = mkdtempSync(join(tmpdir(), 'ticker-edge-postgres-'));
  // A server that was ended at once may still be removing files of its own.
  const remove = () => rmSync(directory, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
  const server = await startDatabase({
    directory: join(directory, 'cluster'),
    port: await findFreePort(),
    password: 'test',
    durable: false,
    // What a test provokes is the test's to look at; a server that does not start throws its own words.
    onLog: () => undefined,
  }).catch((error: unknown) => {
    remove();
    throw error;
  });
  // Miniflare ends the process at a signal: nothing but this listener runs then.
  const abandon = () => {
    signalProcess(server.pid, 'SIGQUIT');
    remove();
  };
  process.once('exit', abandon);
  const admin = postgres(server.url, { max: 1, onnotice: () => undefined });
  let databaseCount = 0;
  return {
    async createDatabase() {
      databaseCount += 1;
      const name = `test_${databaseCount}`;
      await admin`create database ${admin(name)}`;
      return server.url.replace(/\/postgres$/, `/${name}`);
    },
    async stop() {
      await admin.end({ timeout: 1 });
      await server.stop();
      process.off('exit', abandon);
      remove();
    },
  };
}
