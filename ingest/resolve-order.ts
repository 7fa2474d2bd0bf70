// `npm run orders:resolve`: shows the order tasks that were given up, or notes what a person has found out about one.
import { hostname, userInfo } from 'node:os';
import { readDatabaseConfig } from './config.ts';
import { errorText } from './log.ts';
import { withDatabase } from './store/db.ts';
import { listGivenUp, resolveTask } from './store/order-resolution.ts';

const USAGE = 'npm run orders:resolve -- TASK_ID "what was found at Kite"';

async function main([id, note, ...rest]: readonly string[]): Promise<void> {
  const { DATABASE_URL: url } = readDatabaseConfig();
  if (id === undefined) {
    const tasks = await withDatabase(url, listGivenUp);
    for (const task of tasks) process.stdout.write(`${JSON.stringify(task)}\n`);
    process.stdout.write(`${tasks.length} tasks were given up and not resolved\n`);
    return;
  }
  if (note === undefined || note.trim() === '' || rest.length > 0) throw new Error(USAGE);
  const resolvedBy = `host:${userInfo().username}@${hostname()}`;
  const isDone = await withDatabase(url, (sql) => resolveTask(sql, id, resolvedBy, note));
  if (!isDone) throw new Error(`there is no task ${JSON.stringify(id)} in DEAD_LETTER`);
  process.stdout.write(`task ${id} is resolved\n`);
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`${errorText(error)}\n`);
  process.exitCode = 1;
}
