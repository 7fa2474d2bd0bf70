// Program of the workerd part: minds one workerd and reports its process id, again after each restart.
import { WORKERD_CHECK_INTERVAL_MS, WORKERD_DEAD_MS_MAX } from '../limits.ts';
import { processName } from '../process-table.ts';
import { startWorkerd } from '../workerd.ts';
import { reportReady, requiredEnv, stopOnSignal } from './part-program.ts';

let pid = 0;
let lastAliveAtMs = Date.now();

const starting = startWorkerd({
  port: Number(requiredEnv('EDGE_PORT')),
  directory: requiredEnv('EDGE_DIRECTORY'),
  databaseUrl: requiredEnv('DATABASE_URL'),
  ingestSecret: requiredEnv('INGEST_SECRET'),
  apiKeyPepper: requiredEnv('API_KEY_PEPPER'),
  credentialsKeys: requiredEnv('CREDENTIALS_KEYS'),
  vars: JSON.parse(requiredEnv('EDGE_VARS')) as Record<string, string>,
  onRestart(restartedPid) {
    pid = restartedPid;
    reportReady({ pid });
  },
});
// Before it is up: a signal that came too early for a handler would end this process, and leave workerd behind.
stopOnSignal(async () => (await starting).stop());
pid = (await starting).pid;
reportReady({ pid });

// The restart itself may fail, with the port in other hands for a moment say: then this process is of no more use.
setInterval(() => {
  if (processName(pid) === 'workerd') lastAliveAtMs = Date.now();
  else if (Date.now() - lastAliveAtMs > WORKERD_DEAD_MS_MAX) {
    console.error('workerd is dead and was not restarted');
    process.exit(1);
  }
}, WORKERD_CHECK_INTERVAL_MS).unref();
