// A whole system for a campaign of faults: simulator and database in the test's hands, and what has to be true of it.
import { setTimeout as sleep } from 'node:timers/promises';
import { type Database, startDatabase } from '../../dev/database.ts';
import { findFreePort } from '../../dev/free-port.ts';
import { tradingDateAt } from '../../ingest/simulator/core/expiry-calendar.ts';
import { type ListedInstrument, listInstruments } from '../../ingest/simulator/core/instrument-list.ts';
import { nextListing } from '../../ingest/simulator/core/next-listing.ts';
import { type Simulator, startSimulator } from '../../ingest/simulator/simulator.ts';
import { DEMAND_LINGER_MS } from '../../shared/limits.ts';
import type { SidecarStatus } from '../../shared/status.ts';
import { rankOfMode, type TickMode } from '../../shared/tick.ts';
import type { SeededRandom } from '../ingest/support/seeded-random.ts';
import type { FaultRig } from './campaign-faults.ts';
import { MarketTruth } from './market-truth.ts';
import { startTestStack, type TestStack } from './stack.ts';
import { StreamClient, type TickData } from './stream-client.ts';

const INSTRUMENTS = 400;
const TICKS_PER_INSTRUMENT_PER_SECOND = 2;
const API_KEYS = ['appA', 'appB', 'appC'] as const;
/** Per socket: two accounts carry all that is desired, one does not. */
const INSTRUMENTS_PER_SOCKET = 60;
const PINNED = 100;
const CLIENTS = 3;
const WANTED_PER_CLIENT = 80;
const MODES: readonly TickMode[] = ['ltp', 'quote', 'full'];
/** What nobody wants any more ends at Kite after DEMAND_LINGER_MS, counted from when the sidecar hears of it. */
const LINGERS_MS_MAX = DEMAND_LINGER_MS + 10_000;
const WEEK_MS = 7 * 24 * 3_600_000;
const REST_MS_MAX = 20_000;
const POLL_MS = 50;

/** The account's name; logs redact an api_key. */
function accountOf(apiKey: string): string {
  return `account_of_${apiKey.slice(-1).toLowerCase()}`;
}

function symbolsOf(instruments: readonly ListedInstrument[]): ReadonlyMap<number, string> {
  return new Map(instruments.map(({ instrument_token, tradingsymbol }) => [instrument_token, tradingsymbol]));
}

/** When somebody last desired a token in each mode. */
type History = Map<number, Map<TickMode, number>>;

export class Campaign implements FaultRig {
  readonly apiKeys = API_KEYS;
  readonly #random: SeededRandom;
  readonly #truth = new MarketTruth();
  readonly #pinned = new Map<number, TickMode>();
  readonly #history: History = new Map();
  readonly #falsified: TickData[] = [];
  /** Ticks that the market had said before others that the client has had. */
  readonly #overtaken: TickData[] = [];
  readonly #clients: StreamClient[] = [];
  #simulator: Simulator | undefined;
  #database: Database | undefined;
  #stack: TestStack | undefined;
  readonly #lastWeek = tradingDateAt(Date.now() - WEEK_MS);
  readonly #today = tradingDateAt(Date.now());
  readonly #symbolsToday: ReadonlyMap<number, string>;
  #clusterDirectory = '';
  #frozenAtMs: number | undefined;

  constructor(random: SeededRandom) {
    this.#random = random;
    const before = listInstruments({ tradingDate: this.#lastWeek, instrumentsCount: INSTRUMENTS });
    this.#symbolsToday = symbolsOf(nextListing(before, this.#today).instruments);
  }

  get #sim(): Simulator {
    if (this.#simulator === undefined) throw new Error('the campaign was not started');
    return this.#simulator;
  }

  get stack(): TestStack {
    if (this.#stack === undefined) throw new Error('the campaign was not started');
    return this.#stack;
  }

  /** `directory` is for the database. Stop it also when this throws. */
  async start(directory: string): Promise<void> {
    this.#clusterDirectory = directory;
    this.#simulator = await startSimulator({
      tradingDate: this.#lastWeek,
      instrumentsCount: INSTRUMENTS,
      ticksPerInstrumentPerSecond: TICKS_PER_INSTRUMENT_PER_SECOND,
      accounts: API_KEYS.map((apiKey, i) => ({
        apiKey,
        apiSecret: `secret_of_${apiKey}`,
        accessToken: `token_of_${apiKey}`,
        userId: `SIM00${i + 1}`,
      })),
      nowMs: () => this.#frozenAtMs ?? Date.now(),
    });
    await this.startDatabase();
    this.#stack = await startTestStack({
      simulator: false,
      databaseUrl: this.#database?.url ?? '',
      sidecarEnv: {
        KITE_API_ROOT: this.#sim.url,
        KITE_WS_ROOT: this.#sim.wsUrl,
        MARKET_SESSION: 'always_open',
      },
    });
    for (const { apiKey, apiSecret, accessToken } of this.#sim.accounts) {
      await this.#rest('POST', '/accounts', {
        id: accountOf(apiKey),
        api_key: apiKey,
        api_secret: apiSecret,
        access_token: accessToken,
        instruments_max: INSTRUMENTS_PER_SOCKET,
      });
    }
    for (let i = 0; i < CLIENTS; i++) this.#clients.push(this.#startClient());
    await this.changePins();
    this.changeDemand();
  }

  async stop(): Promise<void> {
    for (const client of this.#clients) client.stop();
    await this.#stack?.stop();
    await this.#simulator?.stop();
    await this.#database?.stop();
    this.#truth.stop();
  }

  addFault: FaultRig['addFault'] = (fault) => this.#sim.addFault(fault);
  removeFault: FaultRig['removeFault'] = (id) => void this.#sim.removeFault(id);
  run: FaultRig['run'] = (command) => void this.#sim.run(command);
  logIn: FaultRig['logIn'] = async (apiKey) => {
    const { access_token } = this.#sim.run({ command: 'log_in', account: apiKey }) as {
      access_token: string;
    };
    await this.#rest('PATCH', `/accounts/${accountOf(apiKey)}`, { access_token });
  };
  setEnabled: FaultRig['setEnabled'] = (apiKey, enabled) =>
    this.#rest('PATCH', `/accounts/${accountOf(apiKey)}`, { enabled });
  killSidecar: FaultRig['killSidecar'] = () => {
    // Of two faults at once the second may find it dead.
    if (this.stack.pid('sidecar') !== undefined) this.stack.kill('sidecar');
  };
  openDay: FaultRig['openDay'] = async () => {
    const back = this.stack.nextReady('sidecar');
    this.#sim.run({ command: 'open_date', trading_date: this.#today });
    this.killSidecar();
    await back;
    await this.#settle(REST_MS_MAX, async () => {
      const status = await this.#json<SidecarStatus>(`${this.stack.info.sidecar}/status`);
      return status?.instruments.stored === true ? [] : ['the list of the day is not stored'];
    });
  };
  stopDatabase: FaultRig['stopDatabase'] = async () => await this.#database?.stop();
  startDatabase: FaultRig['startDatabase'] = async () => {
    this.#database = await startDatabase({
      directory: this.#clusterDirectory,
      port: this.#database ? Number(new URL(this.#database.url).port) : await findFreePort(),
      password: 'test',
      durable: false,
      onLog: () => undefined,
    });
  };

  /** Unpins some, and pins as many others, so that there are PINNED. */
  async changePins(): Promise<void> {
    for (const token of [...this.#pinned.keys()].slice(0, 4)) {
      await this.#rest('DELETE', `/subscriptions/${token}`);
      this.#pinned.delete(token);
    }
    while (this.#pinned.size < PINNED) {
      const token = this.#drawToken();
      const mode = this.#random.pick(MODES);
      await this.#rest('POST', '/subscriptions', {
        instrument_token: token,
        requested_mode: mode.toUpperCase(),
        ...(this.#random.chance(2) ? { account_id: accountOf(this.#random.pick(API_KEYS)) } : {}),
      });
      this.#pinned.set(token, mode);
    }
    this.#remember();
  }

  /** Each client leaves some instruments, takes as many others, and wants some in another mode. */
  changeDemand(): void {
    this.#remember();
    for (const client of this.#clients) {
      const wanted = [...client.wanted.keys()];
      const left = wanted.filter(() => this.#random.chance(6));
      if (left.length > 0) client.unsubscribe(left);
      const again = wanted.filter((token) => !left.includes(token) && this.#random.chance(10));
      const taken = new Set<number>();
      while (wanted.length - left.length + taken.size < WANTED_PER_CLIENT) {
        const token = this.#drawToken();
        if (!client.wanted.has(token)) taken.add(token);
      }
      const byMode = new Map<TickMode, number[]>();
      for (const token of [...again, ...taken]) {
        const mode = this.#random.pick(MODES);
        byMode.set(mode, [...(byMode.get(mode) ?? []), token]);
      }
      for (const [mode, tokens] of byMode) client.subscribe(tokens, mode);
    }
    this.#remember();
  }

  /** Polls until all is as it should be. Throws with what is not after `withinMs`. */
  async converge(withinMs: number): Promise<void> {
    const sinceMs = Date.now();
    await this.#settle(withinMs, () => this.#problems(sinceMs));
    // The market stands still: what it has said last has to be what everybody has.
    this.#frozenAtMs = Date.now();
    try {
      await this.#settle(withinMs, async () => this.#outdated());
    } finally {
      this.#frozenAtMs = undefined;
    }
  }

  async #settle(withinMs: number, look: () => Promise<readonly string[]>): Promise<void> {
    const deadlineMs = Date.now() + withinMs;
    for (;;) {
      const problems = await look();
      const broken = this.#broken();
      if (broken.length > 0) throw new Error(broken.join('\n'));
      if (problems.length === 0) return;
      if (Date.now() > deadlineMs) throw new Error(`after ${withinMs} ms:\n${problems.join('\n')}`);
      await sleep(POLL_MS);
    }
  }

  async #problems(sinceMs: number): Promise<string[]> {
    this.#remember();
    const { problems: misplaced, extra } = this.#misplaced();
    const problems = [...misplaced, ...this.#silent(sinceMs)];
    // The rest costs requests, and cannot hold before.
    if (problems.length > 0) return problems;
    const status = await this.#json<SidecarStatus>(`${this.stack.info.sidecar}/status`);
    if (status === undefined) return ['the sidecar does not answer'];
    // What forwards of wanted options need streams in full mode, whatever clients want of it.
    const supportMax = status.greeks?.support ?? 0;
    if (extra.length > supportMax)
      problems.push(`${extra.length} in full for no client, at most ${supportMax} can be support`);
    if (status.not_placed > 0) problems.push(`${status.not_placed} instruments are not placed`);
    if (status.lease !== 'held') problems.push(`the lease is ${status.lease}`);
    const health = await this.#json<{ status: string }>(`${this.stack.info.url}/health`);
    if (health?.status !== 'ok') problems.push(`health: ${JSON.stringify(health)}`);
    return problems;
  }

  /** Instruments that are not on exactly one socket in the right mode; and those that are in full mode for no client. */
  #misplaced(): { readonly problems: string[]; readonly extra: readonly number[] } {
    const problems: string[] = [];
    const extra: number[] = [];
    const desired = this.#desired();
    const placed = new Map<number, TickMode[]>();
    for (const modes of this.#sim.subscriptions())
      for (const [token, mode] of modes) placed.set(token, [...(placed.get(token) ?? []), mode]);
    for (const [token, modes] of placed) {
      const [mode = 'ltp'] = modes;
      const isRecent = this.#wasDesired(token, mode);
      if (modes.length > 1) problems.push(`${token} is on ${modes.length} sockets`);
      else if (isRecent || mode === desired.get(token)) continue;
      else if (mode === 'full') extra.push(token);
      else problems.push(`${token} is subscribed in ${mode}, desired is ${desired.get(token)}`);
    }
    for (const [token, mode] of desired) {
      const [at] = placed.get(token) ?? [];
      if (at === undefined) problems.push(`${token} is on no socket`);
      else if (rankOfMode(at) < rankOfMode(mode))
        problems.push(`${token} is subscribed in ${at}, not ${mode}`);
    }
    return { problems, extra };
  }

  /** Instruments of which a client has had nothing since then, or not in the mode that it wants, or under a wrong name. */
  #silent(sinceMs: number): string[] {
    const symbols = symbolsOf(this.#sim.instruments);
    return this.#clients.flatMap((client, i) =>
      [...client.wanted].flatMap(([token, mode]) => {
        const last = client.last.get(token);
        if (last === undefined || Date.parse(last.received_at) < sinceMs)
          return [`client ${i} has had nothing of ${token} since`];
        if (last.mode !== mode) return [`client ${i} gets ${token} in ${String(last.mode)}, not ${mode}`];
        const symbol = symbols.get(token);
        return last.tradingsymbol === symbol ? [] : [`client ${i} gets ${symbol} as ${last.tradingsymbol}`];
      }),
    );
  }

  #outdated(): string[] {
    return this.#clients.flatMap((client, i) =>
      [...client.wanted.keys()].flatMap((token) => {
        const last = client.last.get(token);
        return last !== undefined && this.#truth.isLast(last)
          ? []
          : [`client ${i} has an older value of ${token}: ${JSON.stringify(last)}`];
      }),
    );
  }

  /** What must never have happened. */
  #broken(): string[] {
    const falsified = this.#falsified.slice(0, 3).map((tick) => `never said: ${JSON.stringify(tick)}`);
    const overtaken = this.#overtaken.slice(0, 3).map((tick) => `overtaken: ${JSON.stringify(tick)}`);
    const backward = this.#clients
      .flatMap((client) => client.backward)
      .slice(0, 3)
      .map((pair) => `out of order: ${JSON.stringify(pair)}`);
    const refused = this.#clients
      .flatMap(({ messages }) => messages)
      .filter(({ type, rejected }) => type === 'error' || rejected !== undefined)
      .map((message) => `refused: ${JSON.stringify(message).slice(0, 500)}`);
    const lost = this.#clients
      .filter(({ connects }) => connects > 1)
      .map(() => 'a client has lost its socket');
    return [...falsified, ...overtaken, ...backward, ...refused.slice(0, 3), ...lost];
  }

  /** Of everybody, pins and clients. */
  *#wishes(): Generator<readonly [token: number, mode: TickMode]> {
    yield* this.#pinned;
    for (const { wanted } of this.#clients) for (const [token, mode = 'ltp'] of wanted) yield [token, mode];
  }

  /** Each token once, in the highest mode that somebody wants. */
  #desired(): ReadonlyMap<number, TickMode> {
    const desired = new Map<number, TickMode>();
    for (const [token, mode] of this.#wishes()) {
      const other = desired.get(token);
      if (other === undefined || rankOfMode(other) < rankOfMode(mode)) desired.set(token, mode);
    }
    return desired;
  }

  /** Notes what is desired now: it may stay for a while. */
  #remember(): void {
    const nowMs = Date.now();
    for (const [token, mode] of this.#wishes()) {
      const times = this.#history.get(token) ?? new Map<TickMode, number>();
      times.set(mode, nowMs);
      this.#history.set(token, times);
    }
  }

  #wasDesired(token: number, mode: TickMode): boolean {
    const atMs = this.#history.get(token)?.get(mode);
    return atMs !== undefined && Date.now() - atMs < LINGERS_MS_MAX;
  }

  /** An instrument that today's list has, too: the others go with their list. */
  #drawToken(): number {
    const isToday = this.#sim.tradingDate === this.#today;
    const lasting = this.#sim.instruments.filter(
      ({ instrument_token, tradingsymbol }) =>
        isToday || this.#symbolsToday.get(instrument_token) === tradingsymbol,
    );
    return this.#random.pick(lasting).instrument_token;
  }

  #startClient(): StreamClient {
    const client = new StreamClient(`${this.stack.info.ws}?token=${this.stack.info.token}`, []);
    const places = new Map<number, number>();
    client.onTick((tick) => {
      const place = this.#truth.placeOf(tick, places.get(tick.instrument_token) ?? 0);
      if (place === 'never') this.#falsified.push(tick);
      else if (place === undefined) this.#overtaken.push(tick);
      else places.set(tick.instrument_token, place);
    });
    return client.start();
  }

  async #json<T>(url: string): Promise<T | undefined> {
    const response = await fetch(url).catch(() => undefined);
    return (await response?.json().catch(() => undefined)) as T | undefined;
  }

  /** Asks again while the edge says that it is not its day: the database may be on its way back. */
  async #rest(method: string, path: string, body?: object): Promise<void> {
    const deadlineMs = Date.now() + REST_MS_MAX;
    for (;;) {
      const response = await fetch(this.stack.info.url + path, {
        method,
        headers: { 'x-api-key': this.stack.info.apiKey },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const text = await response.text();
      if (response.ok) return;
      if (Date.now() > deadlineMs) throw new Error(`${method} ${path}: ${response.status} ${text}`);
      await sleep(POLL_MS);
    }
  }
}
