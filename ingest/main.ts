// Entry of the sidecar: settings in, a running sidecar out, a clean end on a signal.
import { systemClock } from './clock.ts';
import { type Config, readConfig } from './config.ts';
import { configuredAccount } from './kite/configured-account.ts';
import { createLogger, errorText } from './log.ts';
import { Sidecar } from './sidecar.ts';
import { constantSource } from './source.ts';
import { startStatusServer } from './status-server.ts';

const EXIT_SETTINGS = 1;
const EXIT_FAULT = 2;
/** Another sidecar took over: whoever restarts us should think before doing so. */
const EXIT_SUPERSEDED = 3;

async function main(config: Config): Promise<void> {
  const log = createLogger({
    level: config.LOG_LEVEL,
    format: config.LOG_FORMAT,
    secrets: [config.KITE_API_KEY, config.KITE_ACCESS_TOKEN, config.INGEST_SECRET, config.DATABASE_URL ?? ''],
    write: (line) => process.stderr.write(line),
    nowMs: systemClock.wallMs,
  });
  const end = async (code: number): Promise<void> => {
    sidecar.stop();
    await server.stop();
    process.exit(code);
  };
  const sidecar = new Sidecar({
    config,
    accounts: configuredAccount(config),
    pinned: constantSource([]),
    clock: systemClock,
    random: Math.random,
    log,
    onSuperseded: (reason) => {
      log.error('another sidecar is active, this one ends', { reason });
      void end(EXIT_SUPERSEDED);
    },
  });
  const server = await startStatusServer(config.STATUS_PORT, () => sidecar.status());
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => {
      log.info('stopping', { signal });
      void end(0);
    });
  }
  for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
    process.on(event, (error) => {
      log.error('unexpected fault, the sidecar ends', { event, error });
      process.exit(EXIT_FAULT);
    });
  }
  sidecar.start();
  process.stdout.write(`${JSON.stringify({ ready: true, status: server.url })}\n`);
}

try {
  await main(readConfig());
} catch (error) {
  process.stderr.write(`sidecar did not start: ${errorText(error)}\n`);
  process.exitCode = EXIT_SETTINGS;
}
