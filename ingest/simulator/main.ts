// `npm run simulator`: reads flags and environment, runs the simulator, and stops it on SIGTERM or SIGINT.
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { INSTRUMENT_DUMP_ROWS_MAX } from '../../shared/limits.ts';
import { SIMULATOR_DEFAULTS, type SimulatorOptions, startSimulator } from './simulator.ts';

const { account: DEFAULT_ACCOUNT } = SIMULATOR_DEFAULTS;

const flagSettings = z.object({
  port: z.coerce.number().int().min(0).max(65_535).default(0),
  host: z.string().min(1).default(SIMULATOR_DEFAULTS.host),
  seed: z.coerce.number().int().min(0).max(0xffff_ffff).default(SIMULATOR_DEFAULTS.seed),
  'instruments-count': z.coerce
    .number()
    .int()
    .min(1)
    .max(INSTRUMENT_DUMP_ROWS_MAX)
    .default(SIMULATOR_DEFAULTS.instrumentsCount),
  rate: z.coerce.number().positive().max(20).default(SIMULATOR_DEFAULTS.ticksPerInstrumentPerSecond),
  'trading-date': z.iso.date().optional(),
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
    },
  });
  const read = { ...flagSettings.parse(flags), ...environmentSettings.parse(env) };
  return {
    port: read.port,
    host: read.host,
    seed: read.seed,
    instrumentsCount: read['instruments-count'],
    ticksPerInstrumentPerSecond: read.rate,
    ...(read['trading-date'] === undefined ? {} : { tradingDate: read['trading-date'] }),
    accounts: [
      {
        apiKey: read.SIM_API_KEY,
        apiSecret: read.SIM_API_SECRET,
        accessToken: read.SIM_ACCESS_TOKEN,
        userId: read.SIM_USER_ID,
        ...(read.SIM_REDIRECT_URL === undefined ? {} : { redirectUrl: read.SIM_REDIRECT_URL }),
      },
    ],
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
