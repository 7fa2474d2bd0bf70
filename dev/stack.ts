// The whole local system: its parts started in order, watched, and stopped. `npm run dev` and the e2e tests share it.
import { setTimeout as sleep } from 'node:timers/promises';
import { migrate } from '../migrations/runner.ts';
import { API_KEY_SCOPES } from '../shared/api-key.ts';
import type { SidecarStatus } from '../shared/status.ts';
import { openDataDir } from './data-dir.ts';
import { replaceSimulatorAccounts, storeApiKey } from './database.ts';
import { TRADER } from './demo-users.ts';
import { type DevJson, PART_NAMES, type PartName, removeDevJson, writeDevJson } from './dev-json.ts';
import { findFreePort, isPortFree } from './free-port.ts';
import { HEALTH_PROBE_INTERVAL_MS, STACK_READY_MS_MAX } from './limits.ts';
import type { Printer } from './log-lines.ts';
import { Part } from './part.ts';
import { createPartSpecs, databaseUrlOf, type PartSettings, type Ports, urlOf } from './part-specs.ts';
import { createTokenIssuer, type MintOptions, type User } from './token-issuer.ts';

export interface StackOptions {
  readonly dataDir: string;
  /** Port of the edge; a free one when absent. The other parts take free ports. */
  readonly port?: number;
  /** Default true. False: live, with Kite's credentials from the environment. */
  readonly simulator?: boolean;
  readonly instrumentsCount?: number;
  /** Ticks per second and instrument. */
  readonly rate?: number;
  readonly seed?: number;
  /** More flags of `npm run simulator`. */
  readonly simulatorArgs?: readonly string[];
  /** A database that is there already. */
  readonly databaseUrl?: string;
  /** What the accounts in it are sealed with; keys of the data folder's own when absent. */
  readonly credentialsKeys?: string;
  readonly durable?: boolean;
  readonly sidecarEnv?: Readonly<Record<string, string>>;
  readonly edgeVars?: Readonly<Record<string, string>>;
  /** Gets every line of every part; nothing is printed when absent. */
  readonly print?: Printer;
  /** Aborted during the start: what runs is stopped and the start throws. */
  readonly signal?: AbortSignal;
}

export interface Stack {
  readonly info: DevJson;
  /** Settles with the reason when a part is beyond restarting. */
  readonly failed: Promise<string>;
  /** From the call to a system that serves. */
  readonly startMs: number;
  mint(options?: MintOptions, user?: User): Promise<string>;
  /** Id of the process that does the part's work, undefined while it is down. */
  pid(part: PartName): number | undefined;
  /** SIGKILL. The part comes back by itself. */
  kill(part: PartName): void;
  /** Resolves once `part` has reported ready again after this call. */
  nextReady(part: PartName): Promise<void>;
  restart(part: PartName): Promise<void>;
  stop(): Promise<void>;
}

async function choosePorts(edgePort: number | undefined): Promise<Ports> {
  if (edgePort !== undefined && edgePort !== 0 && !(await isPortFree(edgePort))) {
    throw new Error(
      `port ${edgePort} is taken: stop what listens there, or choose another one, ` +
        'as in: npm run dev -- --port 9000 (or PORT=9000 npm run dev)',
    );
  }
  const free = async () => await findFreePort();
  return {
    edge: edgePort || (await free()),
    database: await free(),
    simulator: await free(),
    userService: await free(),
    sidecar: await free(),
  };
}

async function readSettings(options: StackOptions): Promise<PartSettings> {
  const ports = await choosePorts(options.port);
  const flag = (name: string, value: number | undefined) =>
    value === undefined ? [] : [name, String(value)];
  const dataDir = await openDataDir(options.dataDir);
  return {
    dataDir,
    ports,
    simulator: options.simulator ?? true,
    databaseUrl: options.databaseUrl,
    credentialsKeys: options.credentialsKeys ?? dataDir.secrets.credentialsKeys,
    durable: options.durable ?? true,
    simulatorArgs: [
      ...flag('--instruments-count', options.instrumentsCount),
      ...flag('--rate', options.rate),
      ...flag('--seed', options.seed),
      ...(options.simulatorArgs ?? []),
    ],
    sidecarEnv: options.sidecarEnv ?? {},
    edgeVars: options.edgeVars ?? {},
  };
}

/** Waits until the edge answers its health route with success. */
async function waitForHealth(url: string, signal: AbortSignal | undefined): Promise<void> {
  const deadlineMs = Date.now() + STACK_READY_MS_MAX;
  let last = 'no answer';
  while (Date.now() < deadlineMs) {
    signal?.throwIfAborted();
    try {
      const response = await fetch(`${url}/health`);
      if (response.ok) return;
      last = `${response.status} ${(await response.text()).slice(0, 200)}`;
    } catch (error) {
      last = error instanceof Error ? error.message : String(error);
    }
    await sleep(HEALTH_PROBE_INTERVAL_MS);
  }
  throw new Error(`${url}/health is not well after ${STACK_READY_MS_MAX / 1000} s: ${last}`);
}

/** Waits until the edge can look instruments up: with the simulator there is nothing that could keep them away. */
async function waitForInstruments(sidecarUrl: string, signal: AbortSignal | undefined): Promise<void> {
  const deadlineMs = Date.now() + STACK_READY_MS_MAX;
  while (Date.now() < deadlineMs) {
    signal?.throwIfAborted();
    // The sidecar may be between a death and its return.
    const response = await fetch(`${sidecarUrl}/status`).catch(() => undefined);
    const status = (await response?.json()) as Pick<SidecarStatus, 'instruments'> | undefined;
    if (status?.instruments.stored) return;
    await sleep(HEALTH_PROBE_INTERVAL_MS);
  }
  throw new Error(`no instruments in the database after ${STACK_READY_MS_MAX / 1000} s`);
}

class RunningStack {
  readonly failed: Promise<string>;
  readonly #parts = new Map<PartName, Part>();
  readonly #readyWaiters = new Map<PartName, (() => void)[]>();
  readonly #print: Printer;
  #info: Omit<DevJson, 'pids'> | undefined;
  readonly #dataDir: string;

  constructor(settings: PartSettings, print: Printer) {
    this.#print = print;
    this.#dataDir = settings.dataDir.path;
    let giveUp: (reason: string) => void = () => undefined;
    this.failed = new Promise((resolve) => {
      giveUp = resolve;
    });
    for (const [name, spec] of createPartSpecs(settings)) {
      const part = new Part(spec, {
        onLine: (line) => print(name, line),
        onReady: () => this.#onReady(name),
        onGivenUp: giveUp,
      });
      this.#parts.set(name, part);
    }
  }

  #onReady(name: PartName): void {
    this.#publish();
    for (const wake of this.#readyWaiters.get(name) ?? []) wake();
    this.#readyWaiters.delete(name);
  }

  part(name: PartName): Part {
    const part = this.#parts.get(name);
    if (!part) throw new Error(`this system has no part ${name}`);
    return part;
  }

  /** Starts a part if this system has it, and says how long that took. */
  async start(name: PartName): Promise<void> {
    const part = this.#parts.get(name);
    if (!part) return;
    const fromMs = performance.now();
    await part.start();
    this.#print(name, `ready in ${((performance.now() - fromMs) / 1000).toFixed(2)} s`);
  }

  nextReady(name: PartName): Promise<void> {
    return new Promise((resolve) => {
      this.#readyWaiters.set(name, [...(this.#readyWaiters.get(name) ?? []), resolve]);
    });
  }

  get pids(): DevJson['pids'] {
    const running = [...this.#parts].filter(([, part]) => part.pid !== undefined);
    return { dev: process.pid, ...Object.fromEntries(running.map(([name, part]) => [name, part.pid])) };
  }

  /** From now on dev.json says what runs. */
  publish(info: Omit<DevJson, 'pids'>): void {
    this.#info = info;
    this.#publish();
  }

  #publish(): void {
    if (this.#info) writeDevJson(this.#dataDir, { ...this.#info, pids: this.pids });
  }

  /** Users of a part go before the part: the sidecar first, the database last. */
  async stop(): Promise<void> {
    this.#info = undefined;
    removeDevJson(this.#dataDir);
    const middle = PART_NAMES.filter((name) => name !== 'sidecar' && name !== 'database');
    await this.#parts.get('sidecar')?.stop();
    await Promise.all(middle.map((name) => this.#parts.get(name)?.stop()));
    await this.#parts.get('database')?.stop();
  }
}

/** What the simulator says of an account. */
interface SimulatorAccount {
  readonly api_key: string;
  readonly api_secret: string;
  readonly access_token: string | null;
}

/** The accounts of the simulator, once it serves; of a live system there are none, and those of earlier starts go. */
async function storeSimulatorAccounts(settings: PartSettings): Promise<void> {
  // Somebody else's database keeps its own accounts: the simulator's first one is in the sidecar's environment too.
  if (settings.databaseUrl !== undefined) return;
  const accounts: SimulatorAccount[] = [];
  if (settings.simulator) {
    const response = await fetch(`${urlOf(settings.ports.simulator)}/_simulator`);
    const { data } = (await response.json()) as { data: { accounts: SimulatorAccount[] } };
    accounts.push(...data.accounts);
  }
  await replaceSimulatorAccounts(
    databaseUrlOf(settings),
    settings.dataDir.secrets.simulatorApiKey,
    accounts.map((account, index) => ({
      id: index === 0 ? 'primary' : `account_${index + 1}`,
      apiKey: account.api_key,
      apiSecret: account.api_secret,
      accessToken: account.access_token,
    })),
    settings.credentialsKeys,
  );
}

async function startParts(
  stack: RunningStack,
  settings: PartSettings,
  print: Printer,
  signal: AbortSignal | undefined,
): Promise<void> {
  signal?.throwIfAborted();
  const databaseReady = stack.start('database').then(async () => {
    const fromMs = performance.now();
    const { applied, alreadyAppliedCount } = await migrate({ url: databaseUrlOf(settings) });
    const tookS = ((performance.now() - fromMs) / 1000).toFixed(2);
    print('dev', `${applied.length} migrations applied, ${alreadyAppliedCount} before, in ${tookS} s`);
    const { apiKey, apiKeyPepper } = settings.dataDir.secrets;
    await storeApiKey(databaseUrlOf(settings), { key: apiKey, pepper: apiKeyPepper, scopes: API_KEY_SCOPES });
  });
  // These three look for the database only when they are asked something, and nobody asks yet.
  await Promise.all([
    databaseReady,
    ...(['simulator', 'userService', 'workerd'] as const).map((name) => stack.start(name)),
  ]);
  await storeSimulatorAccounts(settings);
  signal?.throwIfAborted();
  await stack.start('sidecar');
  await waitForHealth(urlOf(settings.ports.edge), signal);
  if (settings.simulator) await waitForInstruments(urlOf(settings.ports.sidecar), signal);
}

/**
 * Starts everything and resolves when /health of the edge answers, the sidecar serves and the simulator's instruments are
 * in the database; dev.json is written by then.
 * On failure what was started is stopped, and the error says which part it was and its last words.
 */
export async function startStack(options: StackOptions): Promise<Stack> {
  const fromMs = performance.now();
  const print: Printer = options.print ?? (() => undefined);
  const settings = await readSettings(options);
  const { dataDir, ports } = settings;
  // Of a runner that was killed outright.
  removeDevJson(dataDir.path);
  const stack = new RunningStack(settings, print);
  const stop = async () => {
    await stack.stop();
    dataDir.release();
  };
  options.signal?.addEventListener('abort', () => void stack.stop(), { once: true });
  try {
    await startParts(stack, settings, print, options.signal);
  } catch (error) {
    await stop();
    throw error;
  }
  const issuer = await createTokenIssuer(dataDir.secrets.signingKey);
  const mint = (mintOptions?: MintOptions, user: User = TRADER) => issuer.mint(user, mintOptions);
  const info = {
    url: urlOf(ports.edge),
    ws: `ws://127.0.0.1:${ports.edge}/ws/ticks`,
    kiteWs: `ws://127.0.0.1:${ports.edge}/ws/kite`,
    token: await mint(),
    apiKey: dataDir.secrets.apiKey,
    userService: urlOf(ports.userService),
    ...(settings.simulator
      ? { kite: { api: urlOf(ports.simulator), ws: `ws://127.0.0.1:${ports.simulator}/` } }
      : {}),
    postgres: databaseUrlOf(settings),
    sidecar: urlOf(ports.sidecar),
  };
  stack.publish(info);
  return {
    get info() {
      return { ...info, pids: stack.pids };
    },
    failed: stack.failed,
    startMs: performance.now() - fromMs,
    mint,
    pid: (name) => stack.part(name).pid,
    kill: (name) => void stack.part(name).kill(),
    nextReady: (name) => stack.nextReady(name),
    restart: (name) => stack.part(name).restart(),
    stop,
  };
}
