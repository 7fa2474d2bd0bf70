// Entry of the sidecar: settings in, a running sidecar out, a clean end on a signal.
import { systemClock } from './clock.ts';
import { type Config, readConfig } from './config.ts';
import type { PinnedInstrument } from './core/demand.ts';
import { Duty, type DutyOptions } from './duty.ts';
import { Accounts } from './kite/accounts.ts';
import { KiteOrderCalls } from './kite/order-calls.ts';
import { currentHolder, isHolderGone } from './lease-holder.ts';
import { LeaseKeeper } from './lease-keeper.ts';
import { createLogger, errorText, type Logger } from './log.ts';
import { LogSecrets } from './log-secrets.ts';
import { OrderArchiver } from './orders/order-archiver.ts';
import { OrderCensus } from './orders/order-census.ts';
import type { OrderParts } from './orders/order-service.ts';
import { Sidecar } from './sidecar.ts';
import { constantSource, type Source } from './source.ts';
import { startStatusServer } from './status-server.ts';
import { OrderTaskStore } from './store/order-tasks.ts';
import { SidecarLeaseStore } from './store/sidecar-lease.ts';
import { SubscriptionWatch } from './store/subscriptions.ts';

const EXIT_SETTINGS = 1;
const EXIT_FAULT = 2;
/** Another sidecar is active that goes by no lease of ours: whoever restarts us should think before doing so. */
const EXIT_SUPERSEDED = 3;

function keeperOf(config: Config, log: Logger): Pick<DutyOptions, 'createKeeper'> {
  const { DATABASE_URL: url } = config;
  if (url === undefined) return {};
  const self = currentHolder();
  const store = new SidecarLeaseStore(url, systemClock, self);
  const options = {
    store,
    clock: systemClock,
    log,
    isHolderGone: (holder: typeof self) => isHolderGone(holder, self),
  };
  return { createKeeper: (events) => new LeaseKeeper({ ...options, ...events }) };
}

/** Pinned subscriptions live in the database: without one there are none. */
function pinnedOf({ DATABASE_URL: databaseUrl }: Config, log: Logger): Source<readonly PinnedInstrument[]> {
  if (databaseUrl === undefined) return constantSource([]);
  return new SubscriptionWatch({ databaseUrl, clock: systemClock, random: Math.random, log });
}

/** Undefined when orders are off. */
function ordersOf(
  config: Config,
  epoch: number,
  accounts: Accounts,
  log: Logger,
): { readonly orders?: OrderParts } {
  const { DATABASE_URL: databaseUrl, ORDERS_ENABLED: isOn, ORDER_RETENTION_DAYS: retentionDays } = config;
  if (!isOn || databaseUrl === undefined) return {};
  const clock = systemClock;
  return {
    orders: {
      store: new OrderTaskStore(databaseUrl, clock),
      kite: new KiteOrderCalls({ rest: accounts.rest, accounts: () => accounts.orderAccounts }),
      archiver: new OrderArchiver({ databaseUrl, epoch, retentionDays, clock, log }),
      census: new OrderCensus(databaseUrl, clock),
    },
  };
}

function sayWhetherOrdersAreOn({ ORDERS_ENABLED: isOn, DATABASE_URL: url }: Config, log: Logger): void {
  if (isOn) return;
  const reason = url === undefined ? 'there is no DATABASE_URL' : 'ORDERS_ENABLED is false';
  log.warn(`orders are off: ${reason}; tasks that are stored stay where they are`);
}

async function main(config: Config): Promise<void> {
  const { KITE_API_KEY, KITE_ACCESS_TOKEN, KITE_API_SECRET, INGEST_SECRET } = config;
  const { DATABASE_URL, CREDENTIALS_KEYS } = config;
  const ofKite = [KITE_API_KEY, KITE_ACCESS_TOKEN, KITE_API_SECRET];
  const configured = [...ofKite, INGEST_SECRET, DATABASE_URL, CREDENTIALS_KEYS];
  const secrets = new LogSecrets(configured);
  const log = createLogger({
    level: config.LOG_LEVEL,
    format: config.LOG_FORMAT,
    secrets,
    write: (line) => process.stderr.write(line),
    nowMs: systemClock.wallMs,
  });
  const end = async (code: number): Promise<void> => {
    await duty.stop();
    await server.stop();
    process.exit(code);
  };
  const clock = systemClock;
  const random = Math.random;
  const onSecret = (secret: string) => secrets.learn(secret);
  const duty = new Duty({
    // What a term follows is its own: it ends with the term.
    create: (epoch, lease, onSuperseded) => {
      const accounts = new Accounts({ config, clock, random, log, onSecret });
      const pinned = pinnedOf(config, log);
      const orders = ordersOf(config, epoch, accounts, log);
      const followed = { accounts, logins: accounts, questioned: accounts, pinned, ...orders };
      return new Sidecar({ config, ...followed, clock, random, log, epoch, lease, onSuperseded });
    },
    ...keeperOf(config, log),
    wallMs: clock.wallMs,
    onSuperseded: (reason) => {
      log.error('another sidecar is active, this one ends', { reason });
      void end(EXIT_SUPERSEDED);
    },
  });
  const server = await startStatusServer(config.STATUS_PORT, () => duty.status());
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
  sayWhetherOrdersAreOn(config, log);
  duty.start();
  process.stdout.write(`${JSON.stringify({ ready: true, status: server.url })}\n`);
}

try {
  await main(readConfig());
} catch (error) {
  process.stderr.write(`sidecar did not start: ${errorText(error)}\n`);
  process.exitCode = EXIT_SETTINGS;
}
