// How long a tick takes: from the sidecar's receipt and from the gateway's flush to the client, under load and alone.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Stack, startStack } from '../../dev/stack.ts';
import { type Simulator, startSimulator } from '../../ingest/simulator/simulator.ts';
import { CLIENT_STALLED_MS_MAX } from '../../shared/limits.ts';
import type { Bench, Figure } from './bench.ts';
import { percentile } from './bench.ts';
import type { Timing, Wish } from './client-fleet.ts';
import { CountingFleet } from './counting-fleet.ts';
import { endpointsOf } from './edge-host.ts';
import { type FleetFigures, FleetProcess } from './fleet-process.ts';
import { KiteMeter } from './kite-meter.ts';
import { usageOf } from './process-usage.ts';
import { StalledClients } from './stalled-clients.ts';

/** 3,000 instruments that tick in turn: 10,000 ticks a second, each instrument every 300 ms. */
const INSTRUMENTS = 3_000;
const TICKS_PER_SECOND = 10_000;
/** Those that are ticked at all times; all others join in the second part. */
const INSTRUMENTS_OF_A_TENTH = 300;
/** Instruments of a client whose ticks of a flush are one frame. */
const INSTRUMENTS_PER_CLIENT = 200;
/**
 * Frames that all JSON clients together are to get per second. One frame per tick is the whole cost of that protocol, some
 * 20 us of the gateway's one thread each: what 1,000 clients would get of 10,000 ticks a second is 200 cores' work.
 */
const FRAMES_PER_SECOND = 12_000;
const TIMED_CLIENTS = 10;
const SECONDS = 10;
const SETTLE_MS = 3_000;
const LONE_SECONDS = 20;
const SNAPSHOTS = 7;
const STALLED_ROUNDS = 5;
/** The stalled are closed after ten. */
const STALLED_SECONDS = 5;
const STALLING_SECONDS_MAX = 30;
const RETURNING_CLIENTS = 5_000;
const MS_PER_SECOND = 1_000;
const POLL_MS = 100;

interface System {
  readonly stack: Stack;
  readonly simulator: Simulator;
  readonly meter: KiteMeter;
  /** Tokens, those that tick first in front. */
  readonly tokens: readonly number[];
}

async function withSystem<T>(use: (system: System) => Promise<T>): Promise<T> {
  const simulator = await startSimulator({
    instrumentsCount: INSTRUMENTS,
    ticksPerInstrumentPerSecond: TICKS_PER_SECOND / INSTRUMENTS,
  });
  const meter = await KiteMeter.start(simulator.url);
  const [account] = simulator.accounts;
  const dataDir = mkdtempSync(join(tmpdir(), 'ticker-edge-bench-'));
  let stack: Stack | undefined;
  try {
    stack = await startStack({
      dataDir,
      durable: false,
      simulator: false,
      sidecarEnv: {
        KITE_API_KEY: account?.apiKey ?? '',
        KITE_ACCESS_TOKEN: account?.accessToken ?? '',
        KITE_API_ROOT: `http://${meter.host}`,
        KITE_WS_ROOT: `ws://${meter.host}/`,
      },
    });
    const tokens = simulator.instruments.map(({ instrument_token }) => instrument_token as number);
    return await use({ stack, simulator, meter, tokens });
  } finally {
    await stack?.stop();
    meter.stop();
    await simulator.stop();
    rmSync(dataDir, { recursive: true, force: true });
  }
}

let fleets = 0;

function endpointsFor({ stack }: System, clients: number): Promise<string[]> {
  const issuer = { mint: (user: Parameters<Stack['mint']>[1]) => stack.mint(undefined, user) };
  const group = `fleet_${++fleets}`;
  return endpointsOf(issuer as Parameters<typeof endpointsOf>[0], stack.info.ws, clients, group);
}

type Format = 'json' | 'binary';

async function startFleet(
  system: System,
  clients: number,
  isTimed: boolean,
  format: Format = 'json',
): Promise<FleetProcess> {
  const urls = await endpointsFor(system, clients);
  const fleet = await FleetProcess.start({ urls, clients, isTimed, format, isWelcomed: true });
  await fleet.open();
  return fleet;
}

interface Load {
  readonly timing: Timing;
  readonly framesPerSecond: number;
  /** Share of one core that each side had. */
  readonly edgeCpu: number;
  readonly clientsCpu: number;
}

interface Fleets {
  readonly timed: FleetProcess;
  /** They read heads of messages only: what they take of the machine is not what is measured. */
  readonly others: CountingFleet;
}

/** Counting clients, each with a different stretch of the tokens as the timed ones have. */
async function openOthers(
  system: System,
  clients: number,
  wish: Wish,
  format: Format,
): Promise<CountingFleet> {
  const urls = (await endpointsFor(system, clients)).map((url) => new URL(url));
  const { hostname: host, port } = new URL(system.stack.info.ws);
  const { tokens, perClient } = wish;
  return CountingFleet.open({
    format: format === 'binary' ? 'binary' : 'json_per_tick',
    host,
    port: Number(port),
    clients: Array.from({ length: clients }, (_, i) => ({
      token: urls[i % urls.length]?.searchParams.get('token') ?? '',
      tokens: Array.from(
        { length: perClient },
        (_, k) => tokens[(i * perClient + k) % tokens.length] as number,
      ),
    })),
  });
}

function edgePid({ stack }: System): number {
  const pid = stack.pid('workerd');
  if (pid === undefined) throw new Error('workerd is down');
  return pid;
}

/** Times the ticks of the timed clients for a while, and who was busy meanwhile. */
async function timeTicks(system: System, { timed, others }: Fleets, seconds: number): Promise<Load> {
  const snap = async () => ({
    edgeMs: usageOf(edgePid(system)).cpuMs,
    fleets: await Promise.all([timed.figures(), others.tally()]),
  });
  const before = await snap();
  const fromMs = performance.now();
  await timed.startTiming();
  await sleep(seconds * MS_PER_SECOND);
  const timing = await timed.stopTiming();
  const tookMs = performance.now() - fromMs;
  const after = await snap();
  const sum = (figures: readonly Pick<FleetFigures, 'frames' | 'cpuMs'>[], field: 'frames' | 'cpuMs') =>
    figures.reduce((total, figure) => total + figure[field], 0);
  return {
    timing,
    framesPerSecond: ((sum(after.fleets, 'frames') - sum(before.fleets, 'frames')) / tookMs) * MS_PER_SECOND,
    edgeCpu: (after.edgeMs - before.edgeMs) / tookMs,
    clientsCpu: (sum(after.fleets, 'cpuMs') - sum(before.fleets, 'cpuMs')) / tookMs,
  };
}

/** Instruments per client; as JSON, so many that all clients together get the frames per second that it can carry. */
function perClient(clients: number, tokens: readonly number[], format: Format): number {
  if (format === 'binary') return Math.min(tokens.length, INSTRUMENTS_PER_CLIENT);
  const perInstrument = TICKS_PER_SECOND / INSTRUMENTS;
  return Math.min(tokens.length, Math.max(1, Math.round(FRAMES_PER_SECOND / (clients * perInstrument))));
}

/** `clients` clients on the instruments, a few of them timed. */
async function underLoad<T>(
  system: System,
  clients: number,
  tokens: readonly number[],
  format: Format,
  measure: (fleets: Fleets, wish: Wish) => Promise<T>,
): Promise<T> {
  const wish = { tokens, perClient: perClient(clients, tokens, format) };
  const timed = await startFleet(system, TIMED_CLIENTS, true, format);
  const others = await openOthers(system, clients - TIMED_CLIENTS, wish, format);
  try {
    await others.subscribe();
    await timed.subscribe(wish);
    await sleep(SETTLE_MS);
    return await measure({ timed, others }, wish);
  } finally {
    await timed.closeClients();
    await timed.stop();
    await others.stop();
    // The next ones find a gateway without these.
    for (let waitedMs = 0; (await connectionsAt(system)) > 0 && waitedMs < SETTLE_MS; waitedMs += POLL_MS)
      await sleep(POLL_MS);
  }
}

function ms(value: number): Figure {
  return { value, unit: 'ms' };
}

function figuresOf(load: Load, name: string): Record<string, Figure> {
  const { flush, total } = load.timing;
  return {
    [`flush_p50${name}`]: ms(flush.p50),
    [`flush_p99${name}`]: ms(flush.p99),
    [`flush_p999${name}`]: ms(flush.p999),
    [`total_p50${name}`]: ms(total.p50),
    [`total_p99${name}`]: ms(total.p99),
    [`total_p999${name}`]: ms(total.p999),
    [`frames${name}`]: { value: load.framesPerSecond, unit: 'frames/s' },
    [`edge_cpu${name}`]: { value: load.edgeCpu * 100, unit: '% of a core' },
    [`clients_cpu${name}`]: { value: load.clientsCpu * 100, unit: '% of a core' },
  };
}

/** One client and one instrument, which ticks only after the windows of sidecar and gateway have long been idle. */
async function measureLone(system: System): Promise<Record<string, Figure>> {
  const fleet = await startFleet(system, 1, true);
  await fleet.subscribe({ tokens: system.tokens.slice(0, 1), perClient: 1 });
  await sleep(SETTLE_MS);
  await fleet.startTiming();
  await sleep(LONE_SECONDS * MS_PER_SECOND);
  const { total, flush, ticks } = await fleet.stopTiming();
  await fleet.closeClients();
  await fleet.stop();
  if (ticks < LONE_SECONDS) throw new Error(`${ticks} lone ticks in ${LONE_SECONDS} s`);
  return { lone_p50: ms(total.p50), lone_p99: ms(total.p99), lone_flush_p50: ms(flush.p50) };
}

async function connectionsAt({ stack }: System): Promise<number> {
  const response = await fetch(`${stack.info.url}/ws/stats`);
  return ((await response.json()) as { active_connections: number }).active_connections;
}

/** Frames that all gateways have sent. */
async function framesSent({ stack }: System): Promise<number> {
  const text = await (await fetch(`${stack.info.url}/metrics`)).text();
  const samples = [...text.matchAll(/^edge_frames_sent_total\{[^}]*\} (\d+)$/gm)];
  return samples.reduce((sum, [, count]) => sum + Number(count), 0);
}

/** The kernel of the sending side takes some 2 MB for each client that does not read: until then they are just many ticks. */
async function untilStalled(system: System, framesPerSecond: number): Promise<void> {
  for (let i = 0; i < STALLING_SECONDS_MAX; i++) {
    const before = await framesSent(system);
    await sleep(MS_PER_SECOND);
    if ((await framesSent(system)) - before < 1.5 * framesPerSecond) return;
  }
  throw new Error(`clients that do not read were still being sent to after ${STALLING_SECONDS_MAX} s`);
}

/** What the others have without them, and while a tenth as many clients have much on the way to them and do not read. */
async function timeStalled(system: System, fleets: Fleets, slowClients: number) {
  const before = await timeTicks(system, fleets, STALLED_SECONDS);
  const clients = await connectionsAt(system);
  const urls = await endpointsFor(system, slowClients);
  const endpoints = Array.from({ length: slowClients }, (_, i) => urls[i % urls.length] as string);
  const slow = await StalledClients.open(endpoints);
  try {
    await slow.subscribe(system.tokens.slice(0, INSTRUMENTS_OF_A_TENTH));
    await untilStalled(system, before.framesPerSecond);
    const during = await timeTicks(system, fleets, STALLED_SECONDS);
    // That the gateway cuts off every one of them, ten seconds after it was stuck, proves that it was.
    for (let waitedMs = 0; (await connectionsAt(system)) > clients; waitedMs += SETTLE_MS) {
      if (waitedMs > CLIENT_STALLED_MS_MAX) throw new Error('not every stalled client was found out');
      await sleep(SETTLE_MS);
    }
    return { before: before.timing, during: during.timing };
  } finally {
    await slow.close();
  }
}

function medianOf(values: readonly number[]): number {
  return percentile(Float64Array.from(values).sort(), 0.5);
}

/** One in ten clients stops reading, with much on the way to it: what becomes of the others, in turns with and without. */
async function measureSlow(system: System, clients: number): Promise<Record<string, Figure>> {
  return underLoad(system, clients, system.tokens, 'json', async (fleets) => {
    const rounds: Awaited<ReturnType<typeof timeStalled>>[] = [];
    for (let i = 0; i < STALLED_ROUNDS; i++) rounds.push(await timeStalled(system, fleets, clients / 10));
    const figure = (field: 'flush' | 'total'): Figure => {
      const value = medianOf(rounds.map(({ during }) => during[field].p99));
      const baseline = medianOf(rounds.map(({ before }) => before[field].p99));
      return { value, unit: 'ms', baseline, ratio: value / baseline };
    };
    return { healthy_flush_p99: figure('flush'), healthy_total_p99: figure('total') };
  });
}

/** All instruments to one client that comes when their values are there. */
async function measureSnapshot(system: System): Promise<Record<string, Figure>> {
  const fleet = await startFleet(system, 1, false);
  const wish = { tokens: system.tokens, perClient: INSTRUMENTS };
  const keeper = await startFleet(system, 1, false);
  await keeper.subscribe(wish);
  await sleep(SETTLE_MS);
  const tookMs: number[] = [];
  for (let i = 0; i < SNAPSHOTS; i++) tookMs.push(await fleet.snapshot(wish));
  for (const each of [fleet, keeper]) {
    await each.closeClients();
    await each.stop();
  }
  const sorted = Float64Array.from(tookMs).sort();
  return { snapshot_p50: ms(percentile(sorted, 0.5)), snapshot_max: ms(percentile(sorted, 1)) };
}

/** Every client is cut off and comes back at once. */
async function measureReturn(system: System): Promise<Record<string, Figure>> {
  const fleet = await startFleet(system, RETURNING_CLIENTS, false);
  // At the slowest speed: one frame per second and client is what they get meanwhile.
  await fleet.subscribe({ tokens: system.tokens, perClient: 2, speed: 1_000 });
  await sleep(SETTLE_MS);
  const cpuMs = () => usageOf(edgePid(system)).cpuMs;
  const streamingFromMs = cpuMs();
  await sleep(SETTLE_MS);
  const streamingShare = (cpuMs() - streamingFromMs) / SETTLE_MS;
  const { connections, bytes } = system.meter;
  const returnFromMs = cpuMs();
  const { welcomedMs, currentMs } = await fleet.returnAtOnce();
  const returnCpuMs = cpuMs() - returnFromMs;
  const figures = {
    return_welcomed: { value: welcomedMs / MS_PER_SECOND, unit: 's' },
    return_current: { value: currentMs / MS_PER_SECOND, unit: 's' },
    return_edge_cpu: { value: returnCpuMs / RETURNING_CLIENTS, unit: 'ms/client' },
    // Less what the ticks of the same time cost without a return.
    return_edge_cpu_alone: {
      value: (returnCpuMs - streamingShare * currentMs) / RETURNING_CLIENTS,
      unit: 'ms/client',
    },
    return_kite_connections: { value: system.meter.connections - connections, unit: 'connections' },
    return_kite_bytes: { value: system.meter.bytes - bytes, unit: 'bytes' },
  };
  await fleet.closeClients();
  await fleet.stop();
  return figures;
}

/** In this order: an instrument that was wanted goes on being streamed for a minute. */
async function measureAll(system: System): Promise<Record<string, Figure>> {
  const figures: Record<string, Figure> = { ...(await measureLone(system)) };
  const tenth = system.tokens.slice(0, INSTRUMENTS_OF_A_TENTH);
  const scenarios = [
    ['_1000_ticks_100_clients', 100, tenth, 'binary'],
    ['_1000_ticks_1000_clients', 1_000, tenth, 'binary'],
    ['_10000_ticks_100_clients', 100, system.tokens, 'binary'],
    // The one that the design has a number for.
    ['', 1_000, system.tokens, 'binary'],
    ['_10000_ticks_100_clients_json', 100, system.tokens, 'json'],
  ] as const;
  for (const [name, clients, tokens, format] of scenarios) {
    const load = await underLoad(system, clients, tokens, format, (fleets) =>
      timeTicks(system, fleets, SECONDS),
    );
    Object.assign(figures, figuresOf(load, name));
  }
  Object.assign(figures, await measureSlow(system, 900), await measureSnapshot(system));
  return Object.assign(figures, await measureReturn(system));
}

export const bench: Bench = {
  about:
    `${TICKS_PER_SECOND} ticks/s of ${INSTRUMENTS} instruments through the whole system to clients in processes of their ` +
    `own, each with ${INSTRUMENTS_PER_CLIENT} instruments in binary; as JSON, all with some ${FRAMES_PER_SECOND} ticks/s together`,
  run: () => withSystem(measureAll),
};
