// Runs a command of the sidecar with the settings of .env and, where those say nothing, of the local system that runs.
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Secrets } from './data-dir.ts';
import { type DevJson, devJsonPath } from './dev-json.ts';

const USAGE = 'node dev/with-settings.ts PROGRAM [--data-dir PATH] [arguments of the program]';

/** What `npm run dev` with this folder tells its own sidecar; nothing when it does not run. */
export function localSettings(dataDir: string): Record<string, string> {
  const path = devJsonPath(dataDir);
  if (!existsSync(path)) return {};
  const { postgres, kite } = JSON.parse(readFileSync(path, 'utf8')) as DevJson;
  const { credentialsKeys } = JSON.parse(readFileSync(join(dataDir, 'secrets.json'), 'utf8')) as Secrets;
  return {
    DATABASE_URL: postgres,
    CREDENTIALS_KEYS: credentialsKeys,
    // The simulator has the login page and the API in one place.
    ...(kite ? { KITE_API_ROOT: kite.api, KITE_LOGIN_ROOT: kite.api } : {}),
  };
}

/** Takes `--data-dir PATH` out of the arguments. */
export function splitDataDir(args: readonly string[]): { dataDir: string; rest: readonly string[] } {
  const at = args.indexOf('--data-dir');
  if (at < 0) return { dataDir: '.data', rest: args };
  const dataDir = args[at + 1];
  if (dataDir === undefined) throw new Error('--data-dir: PATH is missing');
  return { dataDir, rest: args.toSpliced(at, 2) };
}

function main([program, ...args]: readonly string[]): void {
  if (program === undefined) throw new Error(USAGE);
  if (existsSync('.env')) process.loadEnvFile('.env');
  const { dataDir, rest } = splitDataDir(args);
  const env = { ...localSettings(dataDir), ...process.env };
  const child = spawn(process.execPath, [program, ...rest], { env, stdio: 'inherit' });
  // Ctrl-C reaches the child by itself; it decides how to end.
  process.on('SIGINT', () => undefined);
  process.on('SIGTERM', () => child.kill('SIGTERM'));
  child.on('exit', (code) => process.exit(code ?? 1));
}

if (import.meta.main) {
  try {
    main(process.argv.slice(2));
  } catch (error) {
    console.error(error instanceof Error ? error.message : String(error));
    process.exitCode = 1;
  }
}
