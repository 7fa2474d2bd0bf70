// A PostgreSQL database for one test file: real, empty or migrated, on a server shared by the whole run.
import { inject } from 'vitest';
import { migrate } from '../../migrations/runner.ts';
import { requestDatabase } from './database-host.ts';
import type {} from './edge/provided-context.ts';

/** Address of a new database without any table. It goes with the run. */
export function createEmptyDatabase(): Promise<string> {
  return requestDatabase(inject('databaseHost'));
}

/** Address of a new database with every migration applied. */
export async function createTestDatabase(): Promise<string> {
  const url = await createEmptyDatabase();
  await migrate({ url });
  return url;
}
