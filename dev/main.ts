// npm run dev: the whole system on this machine.
import { existsSync } from 'node:fs';
import { parseCommandLine, USAGE } from './command-line.ts';
import { TRADER } from './demo-users.ts';
import { devJsonPath, PART_NAMES } from './dev-json.ts';
import { createPrinter, wantsColour } from './log-lines.ts';
import { type Stack, startStack } from './stack.ts';

if (process.argv.includes('--help')) {
  console.log(USAGE);
  process.exit(0);
}
const print = createPrinter(['dev', ...PART_NAMES], wantsColour(process.stdout, process.env), (text) =>
  process.stdout.write(text),
);

function fail(error: unknown): never {
  print('dev', error instanceof Error ? error.message : String(error));
  process.exit(1);
}

const abort = new AbortController();
let running: Stack | undefined;

/** First signal: stop in order. Second: leave at once; the parts notice and end by themselves. */
async function onSignal(): Promise<void> {
  if (abort.signal.aborted) process.exit(130);
  print('dev', 'stopping');
  abort.abort(new Error('stopped before it was ready'));
  if (!running) return;
  await running.stop();
  process.exit(0);
}
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.on(signal, () => void onSignal().catch(fail));

try {
  if (existsSync('.env')) process.loadEnvFile('.env');
  const options = parseCommandLine(process.argv.slice(2), process.env);
  const stack = await startStack({ ...options, print, signal: abort.signal });
  running = stack;
  const { info } = stack;
  print(
    'dev',
    `ready in ${(stack.startMs / 1000).toFixed(2)} s; addresses, token and process ids are in ${devJsonPath(options.dataDir)}`,
  );
  print('dev', `page:   ${info.url}/#token=${info.token}`);
  print('dev', `socket: ${info.ws}?token=...`);
  print(
    'dev',
    `login:  POST ${info.userService}/v1/auth/login as ${TRADER.email} with password ${TRADER.password}`,
  );
  void stack.failed.then(async (reason) => {
    print('dev', reason);
    await stack.stop();
    process.exit(1);
  });
} catch (error) {
  fail(error);
}
