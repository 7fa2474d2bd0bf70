// `npm run kite:login`: logs accounts in at Kite, one after another; a running sidecar uses the new tokens within seconds.
import { spawn } from 'node:child_process';
import { hostname, userInfo } from 'node:os';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { type LoginConfig, readLoginConfig } from './config.ts';
import { openVault } from './kite/accounts.ts';
import { chooseAccounts, logIn } from './kite/login.ts';
import { RedirectListener } from './kite/redirect-listener.ts';
import { errorText } from './log.ts';
import { AccountStore, type LoginAccount } from './store/accounts.ts';

const USAGE = `npm run kite:login -- [options]
  --account ID  this account; may be given several times
  --all         every enabled account, also those that have a token of today
  --open        opens the login page in this machine's browser
Without options every enabled account that has no token of today logs in.`;

interface Choice {
  readonly ids: readonly string[];
  readonly isAll: boolean;
  readonly isOpening: boolean;
}

const say = (text: string) => process.stdout.write(`${text}\n`);

/** India's time, which all of this goes by. */
function istText(ms: number): string {
  const format = {
    timeZone: 'Asia/Kolkata',
    dateStyle: 'medium',
    timeStyle: 'short',
    hour12: false,
  } as const;
  return `${new Intl.DateTimeFormat('en-GB', format).format(ms)} IST`;
}

/** An app that the environment names becomes an account with its first login. */
async function addEnvironmentAccount(
  config: LoginConfig,
  accounts: readonly LoginAccount[],
  vault: ReturnType<typeof openVault>,
  store: AccountStore,
): Promise<boolean> {
  const { KITE_API_KEY: apiKey, KITE_API_SECRET: apiSecret } = config;
  if (apiKey === undefined || apiSecret === undefined) return false;
  if (accounts.some((account) => account.apiKey === apiKey || account.id === 'primary')) return false;
  const place = { accountId: 'primary', column: 'api_secret' } as const;
  const account = { id: 'primary', apiKey, apiSecretEnvelope: await vault.seal(apiSecret, place) };
  await store.add(account);
  say('account primary: added, with KITE_API_KEY and KITE_API_SECRET of the environment');
  return true;
}

const OPENERS: Readonly<Record<string, readonly [string, ...string[]]>> = {
  darwin: ['open'],
  win32: ['rundll32', 'url.dll,FileProtocolHandler'],
};

function openBrowser(url: string): void {
  const [program, ...args] = OPENERS[process.platform] ?? ['xdg-open'];
  const child = spawn(program, [...args, url], { stdio: 'ignore', detached: true });
  child.on('error', (error) => say(`no browser was opened: ${errorText(error)}`));
  child.unref();
}

interface Terminal {
  /** Aborted with Ctrl-C. */
  readonly interrupt: AbortSignal;
  readonly isInteractive: boolean;
  close(): void;
}

/** Lines that are typed are addresses at which a browser elsewhere has ended. */
function watchTerminal(listener: RedirectListener): Terminal {
  const abort = new AbortController();
  const onInterrupt = () => abort.abort(new Error('interrupted'));
  process.once('SIGINT', onInterrupt);
  const input = process.stdin.isTTY ? createInterface(process.stdin) : undefined;
  input?.once('SIGINT', onInterrupt);
  input?.on('line', (line) => {
    const problem = line.trim() === '' ? undefined : listener.paste(line);
    if (problem !== undefined) say(problem);
  });
  return { interrupt: abort.signal, isInteractive: input !== undefined, close: () => input?.close() };
}

async function logInAll(config: LoginConfig, choice: Choice, store: AccountStore): Promise<boolean> {
  const vault = openVault(config.CREDENTIALS_KEYS);
  let accounts = await store.readForLogin();
  if (await addEnvironmentAccount(config, accounts, vault, store)) accounts = await store.readForLogin();
  const chosen = chooseAccounts(accounts, choice, Date.now());
  if (chosen.length === 0) {
    say('every enabled account has a token of today; --all logs them in anew');
    return true;
  }
  const listener = await RedirectListener.start(config.KITE_REDIRECT_URL);
  const terminal = watchTerminal(listener);
  let failed = 0;
  for (const account of chosen) {
    const onUrl = (url: string) => {
      say(`account ${account.id}: log in at\n  ${url}`);
      if (terminal.isInteractive) say('  (or paste here the address at which a browser elsewhere has ended)');
      if (choice.isOpening) openBrowser(url);
    };
    try {
      const { userId, expiresAtMs } = await logIn(account, {
        loginRoot: config.KITE_LOGIN_ROOT,
        endpoint: { apiRoot: config.KITE_API_ROOT, pathPrefix: config.KITE_API_PREFIX },
        vault,
        store,
        listener,
        onUrl,
        nowMs: Date.now,
        signal: terminal.interrupt,
      });
      say(`account ${account.id}: logged in as ${userId}, until ${istText(expiresAtMs)}`);
    } catch (error) {
      failed++;
      process.stderr.write(`account ${account.id}: ${errorText(error)}\n`);
    }
  }
  terminal.close();
  await listener.stop();
  return failed === 0;
}

async function main(): Promise<boolean> {
  const { values } = parseArgs({
    options: {
      account: { type: 'string', multiple: true },
      all: { type: 'boolean' },
      open: { type: 'boolean' },
      help: { type: 'boolean' },
    },
  });
  if (values.help) {
    say(USAGE);
    return true;
  }
  const config = readLoginConfig();
  const choice = { ids: values.account ?? [], isAll: values.all ?? false, isOpening: values.open ?? false };
  const store = new AccountStore(config.DATABASE_URL, `host:${userInfo().username}@${hostname()}`);
  try {
    return await logInAll(config, choice, store);
  } finally {
    await store.close();
  }
}

try {
  if (!(await main())) process.exitCode = 1;
} catch (error) {
  process.stderr.write(`kite:login: ${errorText(error)}\n`);
  process.exitCode = 1;
}
