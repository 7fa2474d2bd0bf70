// Settings of `npm run dev`: flags first, then the environment, then the defaults.
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import type { StackOptions } from './stack.ts';

const PORT_DEFAULT = 8787;

export const USAGE = `npm run dev -- [options]
  --port N              port of the edge and the page (PORT, ${PORT_DEFAULT})
  --data-dir PATH       where everything is kept between runs (.data)
  --no-simulator        live: with the accounts that were added (POST /accounts, npm run kite:login), or with
                        KITE_API_KEY and KITE_ACCESS_TOKEN of the environment or .env
  --instruments-count N instruments of the simulator (SIM_INSTRUMENTS_COUNT)
  --rate N              ticks per second and instrument of the simulator (SIM_RATE)
  --seed N              seed of the simulated market (SIM_SEED)
  --instruments FILE    serves this dump (.csv or .csv.gz) in place of generated instruments
  --accounts N          accounts of the simulator
  --clock TIME          starts the simulator's clock there, as in 2026-11-24T05:59:00+05:30
  --trading-date DATE   fixes the simulator's trading date
  --order-addresses A,B the only addresses that may write orders at the simulator
  --postback-url URL    where the simulator posts what becomes of orders
  --daily-tokens        the simulator's first tokens die at 06:00 IST too
DATABASE_URL names a PostgreSQL to use in place of the embedded one, CREDENTIALS_KEYS the keys of its accounts.`;

function parseNumber(name: string, text: string | undefined): number | undefined {
  if (text === undefined || text === '') return undefined;
  const value = Number(text);
  if (!Number.isFinite(value) || value < 0)
    throw new Error(`${name}: ${JSON.stringify(text)} is not a number`);
  return value;
}

function parsePort(text: string | undefined): number {
  const port = parseNumber('--port', text) ?? PORT_DEFAULT;
  if (!Number.isInteger(port) || port > 65_535) throw new Error(`--port: ${port} is not a port`);
  return port;
}

/** Flags that only the simulator understands go to it as they are. */
function simulatorArgsOf(values: {
  readonly instruments?: string | undefined;
  readonly accounts?: string | undefined;
  readonly clock?: string | undefined;
  readonly 'trading-date'?: string | undefined;
  readonly 'order-addresses'?: string | undefined;
  readonly 'postback-url'?: string | undefined;
  readonly 'daily-tokens'?: boolean | undefined;
}): string[] {
  const args: string[] = [];
  for (const name of ['accounts', 'clock', 'trading-date', 'order-addresses', 'postback-url'] as const) {
    const value = values[name];
    if (value !== undefined) args.push(`--${name}`, value);
  }
  // The parts run in the project's folder, wherever this one was started.
  if (values.instruments !== undefined) args.push('--instruments', resolve(values.instruments));
  if (values['daily-tokens'] === true) args.push('--daily-tokens');
  return args;
}

/** Throws an error that names the flag and its value when one is not understood. */
export function parseCommandLine(args: readonly string[], env: NodeJS.ProcessEnv): StackOptions {
  const { values } = parseArgs({
    args: [...args],
    allowNegative: true,
    options: {
      port: { type: 'string' },
      'data-dir': { type: 'string' },
      simulator: { type: 'boolean' },
      'instruments-count': { type: 'string' },
      rate: { type: 'string' },
      seed: { type: 'string' },
      instruments: { type: 'string' },
      accounts: { type: 'string' },
      clock: { type: 'string' },
      'trading-date': { type: 'string' },
      'order-addresses': { type: 'string' },
      'postback-url': { type: 'string' },
      'daily-tokens': { type: 'boolean' },
    },
  });
  const simulator = values.simulator ?? true;
  if (!simulator && env.KITE_ACCESS_TOKEN && !env.KITE_API_KEY) {
    throw new Error(
      '--no-simulator: KITE_ACCESS_TOKEN needs its KITE_API_KEY, in the environment or in .env',
    );
  }
  const simulatorArgs = simulatorArgsOf(values);
  const numbers = {
    instrumentsCount: parseNumber(
      '--instruments-count',
      values['instruments-count'] ?? env.SIM_INSTRUMENTS_COUNT,
    ),
    rate: parseNumber('--rate', values.rate ?? env.SIM_RATE),
    seed: parseNumber('--seed', values.seed ?? env.SIM_SEED),
  };
  return {
    dataDir: values['data-dir'] ?? '.data',
    port: parsePort(values.port ?? env.PORT),
    simulator,
    ...(simulatorArgs.length === 0 ? {} : { simulatorArgs }),
    ...(env.DATABASE_URL ? { databaseUrl: env.DATABASE_URL } : {}),
    ...(env.CREDENTIALS_KEYS ? { credentialsKeys: env.CREDENTIALS_KEYS } : {}),
    ...(numbers.instrumentsCount === undefined ? {} : { instrumentsCount: numbers.instrumentsCount }),
    ...(numbers.rate === undefined ? {} : { rate: numbers.rate }),
    ...(numbers.seed === undefined ? {} : { seed: numbers.seed }),
  };
}
