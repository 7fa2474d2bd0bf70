// Program of the database part: minds one PostgreSQL server and ends when the server does.
import { startDatabase } from '../database.ts';
import { reportReady, requiredEnv, stopOnSignal } from './part-program.ts';

let isReady = false;
const starting = startDatabase({
  directory: requiredEnv('DATABASE_DIRECTORY'),
  port: Number(requiredEnv('DATABASE_PORT')),
  password: requiredEnv('DATABASE_PASSWORD'),
  durable: process.env.DATABASE_DURABLE !== 'false',
  onLog(line) {
    // Its diary of starts, stops and checkpoints (level LOG) outranks errors for PostgreSQL, not for a reader; and until
    // it has started it refuses our own probes aloud. A start that fails throws what was said.
    if (isReady && !line.includes(' LOG:  ')) console.error(line);
  },
});
// Before it is up: a signal that came too early for a handler would end this process, and leave the server behind.
stopOnSignal(async () => (await starting).stop());
const database = await starting;
void database.exited.then(() => process.exit(1));
isReady = true;
reportReady({ pid: database.pid });
