// Measures what the edge spends on delivering ticks: rounds of the market to many clients, of whom some decode everything.
import { setTimeout as sleep } from 'node:timers/promises';
import { CONNECTIONS_PER_USER_MAX } from '../../shared/limits.ts';
import { GatewayChoice, parseGatewaySlots } from '../../worker/core/gateway-choice.ts';
import { type CountingClientPlan, CountingFleet, type FleetTally } from './counting-fleet.ts';
import { type EdgeHost, startEdgeHost } from './edge-host.ts';
import { Interruption } from './interruption.ts';
import { usageOf } from './process-usage.ts';
import { ROUND_MS, RoundMarket } from './round-market.ts';
import { RoundPoster } from './round-poster.ts';
import { SampledClient } from './sampled-client.ts';
import { FORMATS, type FormatName } from './stream-format.ts';

export interface Load {
  readonly format: FormatName;
  /** Instruments that are posted, and how many of them each client takes. */
  readonly instruments: number;
  readonly clients: number;
  readonly perClient: number;
  /** A round ticks every so-manieth instrument; both counts above are multiples of it. */
  readonly parts: number;
  /** Gateways that the clients are spread over. */
  readonly gateways: number;
}

export interface Delivered {
  /** At all clients together. */
  readonly ticks: number;
  readonly bytes: number;
  /** Ticks that came together, on average. */
  readonly ticksPerFrame: number;
  readonly tookMs: number;
  readonly serverCpuMs: number;
  readonly clientsCpuMs: number;
}

/** Ticks per CPU-second of the server. */
export function deliveryRate({ ticks, serverCpuMs }: Delivered): number {
  return (ticks / serverCpuMs) * 1_000;
}

/** The window in the middle: one in which the machine did something else says nothing. */
export function medianOf(windows: readonly Delivered[]): Delivered {
  const sorted = [...windows].sort((a, b) => deliveryRate(a) - deliveryRate(b));
  return sorted[Math.floor(sorted.length / 2)] as Delivered;
}

interface Snapshot {
  readonly fleet: FleetTally;
  readonly rounds: number;
  readonly sampledTicks: number;
  readonly sampledBytes: number;
  readonly serverCpuMs: number;
  readonly atMs: number;
}

/** Neighbours in the list take stretches that begin so far apart: all overlap with some, none with all. */
export const WINDOW_STEP = 7;
/** Of each gateway. One that has had a round has been sent it by every shard: see `DeliveryRun`. */
const SAMPLED_PER_GATEWAY = 10;
const REGION = 'apac-se';
/** Code is compiled, full sockets have been emptied: so many rounds, or fewer where each takes long. */
const WARM_UP_ROUNDS = 30;
const WARM_UP_MS_MAX = 5_000;
export const WINDOW_MS = Number(process.env.BENCH_SECONDS ?? 5) * 1_000;
export const WINDOWS = 3;
/** Bytes per tick at clients whose ticks are derived may differ by this share from those that were decoded. */
const BYTES_TOLERANCE = 0.1;

/** Positions of a client's instruments: a stretch of the list, which goes on at its start. */
export function windowOf(
  first: number,
  { perClient, instruments }: Pick<Load, 'perClient' | 'instruments'>,
): number[] {
  return Array.from({ length: perClient }, (_, i) => (first + i) % instruments);
}

/** Names of users whose gateways are these in turn, so that each gateway has as many. */
function usersByGateway(group: string, count: number, gateways: number): string[] {
  const choice = new GatewayChoice(parseGatewaySlots(`${REGION}=${gateways}`));
  const names: string[] = [];
  for (let i = 0; names.length < count; i++) {
    const name = `${group}_${i}`;
    const [first] = choice.candidates(REGION, name, 0);
    if (first?.slot === names.length % gateways) names.push(name);
  }
  return names;
}

/**
 * The next round is not posted before every sampled client has had this one, decoded and compared. Those of a gateway have
 * instruments of every shard, and a gateway sends what has changed to all of its clients in one go: so none replaces a value
 * of one round by the next one's. What a full socket replaces its client is told, and no client may have been. A slower
 * machine thus makes fewer rounds, and loses nothing.
 */
class DeliveryRun {
  readonly #load: Load;
  readonly #edge: EdgeHost;
  readonly #market: RoundMarket;
  readonly #poster: RoundPoster;
  readonly #sampled: SampledClient[] = [];
  #fleet: CountingFleet | undefined;
  #rounds = 0;

  constructor(load: Load, edge: EdgeHost) {
    this.#load = load;
    this.#edge = edge;
    this.#market = new RoundMarket(load.instruments, Date.now());
    this.#poster = new RoundPoster(edge, this.#market);
  }

  async start(): Promise<void> {
    const { format, clients, gateways, instruments, perClient } = this.#load;
    await this.#poster.start();
    const first = this.#market.next(1, 0);
    await this.#poster.post(first, Date.now());
    const names = usersByGateway('sampled', Math.min(clients, SAMPLED_PER_GATEWAY * gateways), gateways);
    // Spread over what the others take, so that what they are sent is of the same kind.
    const span = Math.min(instruments, clients * WINDOW_STEP + perClient);
    for (const [i, name] of names.entries()) {
      const window = windowOf(Math.floor((i * span) / names.length), this.#load);
      const token = await this.#edge.tokenOf(name);
      this.#sampled.push(await SampledClient.open(this.#edge, format, token, this.#market, window));
    }
    this.#fleet = await CountingFleet.open({
      format,
      host: this.#edge.host,
      port: this.#edge.port,
      clients: await this.#countingClients(clients - names.length),
    });
    await this.#fleet.subscribe();
    // The values that each client is sent at first are not of a round.
    await this.#fleet.quiet();
    const warmUntilMs = performance.now() + WARM_UP_MS_MAX;
    for (let round = 0; round < WARM_UP_ROUNDS && performance.now() < warmUntilMs; round++)
      await this.#round();
  }

  async #countingClients(count: number): Promise<CountingClientPlan[]> {
    const users = usersByGateway(
      'counting',
      Math.ceil(count / CONNECTIONS_PER_USER_MAX),
      this.#load.gateways,
    );
    const tokens = await Promise.all(users.map((user) => this.#edge.tokenOf(user)));
    return Array.from({ length: count }, (_, i) => ({
      token: tokens[i % tokens.length] as string,
      tokens: windowOf(i * WINDOW_STEP, this.#load).map((position) => this.#tokenAt(position)),
    }));
  }

  #tokenAt(position: number): number {
    return this.#market.definitions[position]?.instrument_token as number;
  }

  async measure(): Promise<Delivered> {
    const before = await this.#snapshot();
    const untilMs = performance.now() + WINDOW_MS;
    while (performance.now() < untilMs) await this.#round();
    const after = await this.#snapshot();
    this.#check(before, after);
    const { clients, perClient, parts } = this.#load;
    const ticksOfClient = ((after.rounds - before.rounds) * perClient) / parts;
    const counting = clients - this.#sampled.length;
    return {
      ticks: clients * ticksOfClient,
      bytes: after.fleet.bytes - before.fleet.bytes + after.sampledBytes - before.sampledBytes,
      ticksPerFrame: (counting * ticksOfClient) / (after.fleet.frames - before.fleet.frames),
      tookMs: after.atMs - before.atMs,
      serverCpuMs: after.serverCpuMs - before.serverCpuMs,
      clientsCpuMs: after.fleet.cpuMs - before.fleet.cpuMs,
    };
  }

  async stop(): Promise<void> {
    for (const client of this.#sampled) client.close();
    await this.#fleet?.stop();
    this.#poster.stop();
  }

  async #round(): Promise<void> {
    const startedAtMs = performance.now();
    const { parts } = this.#load;
    const positions = this.#market.next(parts, this.#rounds++ % parts);
    const tokens = new Set(positions.map((position) => this.#tokenAt(position)));
    for (const client of this.#sampled) client.begin(tokens);
    await this.#poster.post(positions, Date.now());
    await Promise.all(this.#sampled.map((client) => client.finished()));
    await sleep(Math.max(0, startedAtMs + ROUND_MS - performance.now()));
  }

  /** Of a moment at which everything that was posted has been received. */
  async #snapshot(): Promise<Snapshot> {
    if (!this.#fleet) throw new Error('the clients were never opened');
    const fleet = await this.#fleet.quiet();
    return {
      fleet,
      rounds: this.#rounds,
      sampledTicks: this.#sampled.reduce((sum, { ticks }) => sum + ticks, 0),
      sampledBytes: this.#sampled.reduce((sum, { bytes }) => sum + bytes, 0),
      serverCpuMs: usageOf(this.#edge.pid).cpuMs,
      atMs: performance.now(),
    };
  }

  /** Throws unless every client has had every tick of the rounds between. */
  #check(before: Snapshot, after: Snapshot): void {
    const { clients, perClient, parts, format } = this.#load;
    const rounds = after.rounds - before.rounds;
    const { gaps, complaints, failures, failure } = after.fleet;
    if (failures > 0) throw new Error(`${failures} clients lost their connection: ${failure}`);
    if (complaints > before.fleet.complaints) throw new Error(`${complaints} clients had ticks conflated`);
    if (gaps > before.fleet.gaps) throw new Error(`${gaps} frames were missing or restarts`);
    const counting = clients - this.#sampled.length;
    const due = (counting * perClient * rounds) / parts;
    const ticks = after.fleet.ticks - before.fleet.ticks;
    if (FORMATS[format].tellsTicks) {
      if (ticks !== due) throw new Error(`${ticks} of ${due} ticks have come in ${rounds} rounds`);
      return;
    }
    const decoded = (after.sampledBytes - before.sampledBytes) / (after.sampledTicks - before.sampledTicks);
    const derived = (after.fleet.bytes - before.fleet.bytes) / due;
    if (Math.abs(derived / decoded - 1) > BYTES_TOLERANCE) {
      throw new Error(`${derived} bytes per tick at the counting clients, ${decoded} at those that decode`);
    }
  }
}

async function windowsOf(run: DeliveryRun): Promise<Delivered[]> {
  await run.start();
  const windows: Delivered[] = [];
  for (let window = 0; window < WINDOWS; window++) windows.push(await run.measure());
  return windows;
}

/** Windows of a load on an edge of its own, one after the other. See open-files.ts for thousands of clients. */
export async function measureDelivery(load: Load): Promise<Delivered[]> {
  const interruption = new Interruption();
  try {
    const edge = await startEdgeHost({ GATEWAY_SLOTS: `${REGION}=${load.gateways}` });
    const run = new DeliveryRun(load, edge);
    try {
      return await interruption.during(() => windowsOf(run));
    } finally {
      await run.stop();
      await edge.stop();
    }
  } finally {
    interruption.end();
  }
}
