// `npm run simulator`: reads flags and environment, runs the simulator, and stops it on SIGTERM or SIGINT.
import { parseArgs } from 'node:util';
import { z } from 'zod';
import {
  INSTRUMENT_DUMP_ROWS_MAX,
  SIMULATOR_ACCOUNTS_MAX,
  SIMULATOR_ORDER_ADDRESSES_MAX,
} from '../../shared/limits.ts';
import { numberedAccounts, type SimulatedAccount } from './account-sessions.ts';
import { SIMULATOR_DEFAULTS, type SimulatorOptions, startSimulator } from './simulator.ts';

const { account: DEFAULT_ACCOUNT } = SIMULATOR_DEFAULTS;

const flagSettings = z.object({
  port: z.coerce.number().int().min(0).max(65_535).default(0),
  host: z.string().min(1).default(SIMULATOR_DEFAULTS.host),
  seed: z.coerce.number().int().min(0).max(0xffff_ffff).default(SIMULATOR_DEFAULTS.seed),
  'instruments-count': z.coerce.number().int().min(1).max(INSTRUMENT_DUMP_ROWS_MAX).optional(),
  instruments: z.string().min(1).optional(),
  accounts: z.coerce.number().int().min(1).max(SIMULATOR_ACCOUNTS_MAX).default(1),
  'daily-tokens': z.boolean().default(false),
  clock: z.iso.datetime({ offset: true }).optional(),
  rate: z.coerce.number().positive().max(20).default(SIMULATOR_DEFAULTS.ticksPerInstrumentPerSecond),
  'trading-date': z.iso.date().optional(),
  'postback-url': z.url().optional(),
  'order-addresses': z
    .string()
    .transform((text) => text.split(','))
    .pipe(z.array(z.union([z.ipv4(), z.ipv6()])).max(SIMULATOR_ORDER_ADDRESSES_MAX))
    .optional(),
});

const environmentSettings = z.object({
  SIM_API_KEY: z.string().min(1).default(DEFAULT_ACCOUNT.apiKey),
  SIM_API_SECRET: z.string().min(1).default(DEFAULT_ACCOUNT.apiSecret),
  SIM_ACCESS_TOKEN: z.string().min(1).default(DEFAULT_ACCOUNT.accessToken),
  SIM_USER_ID: z.string().min(1).default(DEFAULT_ACCOUNT.userId),
  SIM_REDIRECT_URL: z.url().optional(),
});

function readOptions(args: readonly string[], env: NodeJS.ProcessEnv): SimulatorOptions {
  const { values: flags } = parseArgs({
    args: [...args],
    options: {
      port: { type: 'string' },
      host: { type: 'string' },
      seed: { type: 'string' },
      'instruments-count': { type: 'string' },
      rate: { type: 'string' },
      'trading-date': { type: 'string' },
      instruments: { type: 'string' },
      accounts: { type: 'string' },
      'daily-tokens': { type: 'boolean' },
      clock: { type: 'string' },
      'postback-url': { type: 'string' },
      'order-addresses': { type: 'string' },
    },
  });
  const read = flagSettings.parse(flags);
  if (read.instruments !== undefined && read['instruments-count'] !== undefined)
    throw new RangeError('instruments and instruments-count: a file has as many as it has');
  return {
    port: read.port,
    host: read.host,
    seed: read.seed,
    instrumentsCount: read['instruments-count'] ?? SIMULATOR_DEFAULTS.instrumentsCount,
    ticksPerInstrumentPerSecond: read.rate,
    accounts: numberedAccounts(readAccount(env), read.accounts),
    isTokenDaily: read['daily-tokens'],
    ...(read.instruments === undefined ? {} : { instrumentsFile: read.instruments }),
    ...(read['trading-date'] === undefined ? {} : { tradingDate: read['trading-date'] }),
    ...(read['postback-url'] === undefined ? {} : { postbackUrl: read['postback-url'] }),
    ...(read['order-addresses'] === undefined ? {} : { orderAddresses: read['order-addresses'] }),
    ...(read.clock === undefined ? {} : { startMs: Date.parse(read.clock) }),
  };
}

function readAccount(env: NodeJS.ProcessEnv): SimulatedAccount {
  const read = environmentSettings.parse(env);
  return {
    apiKey: read.SIM_API_KEY,
    apiSecret: read.SIM_API_SECRET,
    accessToken: read.SIM_ACCESS_TOKEN,
    userId: read.SIM_USER_ID,
    ...(read.SIM_REDIRECT_URL === undefined ? {} : { redirectUrl: read.SIM_REDIRECT_URL }),
  };
}

function describe(error: unknown): string {
  if (error instanceof z.ZodError)
    return error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`).join('; ');
  return (error instanceof Error ? error.message : String(error)).replaceAll('\n', ' ');
}

try {
  const simulator = await startSimulator(readOptions(process.argv.slice(2), process.env));
  const stop = () => void simulator.stop();
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
  process.stdout.write(`${JSON.stringify({ ready: true, api: simulator.url, ws: simulator.wsUrl })}\n`);
} catch (error) {
  process.stderr.write(`simulator: ${describe(error)}\n`);
  process.exitCode = 1;
}
