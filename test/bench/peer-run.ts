// Measures what another server spends on delivering ticks: a program of the peers/ folder, one message per tick and client.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { CountingFleet } from './counting-fleet.ts';
import { type Delivered, WINDOW_MS, WINDOW_STEP, WINDOWS, windowOf } from './delivery-run.ts';
import { Interruption } from './interruption.ts';
import { instrumentsOf, PACKET_BYTES } from './peers/packet-rounds.ts';
import { usageOf } from './process-usage.ts';

export interface PeerLoad {
  readonly peer: 'ws' | 'bun';
  readonly instruments: number;
  readonly clients: number;
  readonly perClient: number;
  /** A round ticks every so-manieth instrument. */
  readonly parts: number;
  readonly roundMs: number;
}

const SETTLE_MS = 2_000;
const PEERS = fileURLToPath(new URL('peers/', import.meta.url));
const BUN = `${PEERS}node_modules/.bin/bun`;

/** Installs Bun beside the peers, where the project's own install knows nothing of it. Throws when that cannot be done. */
function installBun(): void {
  if (existsSync(BUN)) return;
  const command = ['ci', '--prefix', PEERS];
  try {
    execFileSync('npm', command, { stdio: 'pipe', encoding: 'utf8' });
  } catch (cause) {
    const hint = 'the bench needs Bun: run `npm ci --prefix test/bench/peers` where there is a network';
    throw new Error(hint, { cause });
  }
  if (!existsSync(BUN)) throw new Error('`npm ci --prefix test/bench/peers` has left no bun behind');
}

/** The peer's program; its lines are read one at a time. */
class Peer {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  constructor({ peer, instruments, parts, roundMs }: PeerLoad) {
    if (peer === 'bun') installBun();
    const program = peer === 'bun' ? BUN : process.execPath;
    const args = [`${PEERS}${peer}-server.ts`, ...[instruments, parts, roundMs].map(String)];
    this.#child = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    const input = this.#child.stdout;
    if (!input) throw new Error('the peer has no output');
    this.#lines = createInterface({ input })[Symbol.asyncIterator]();
  }

  get cpuMs(): number {
    return usageOf(this.#child.pid ?? 0).cpuMs;
  }

  tell(command: 'start' | 'stop'): void {
    this.#child.stdin?.write(`${command}\n`);
  }

  /** The number that it prints next. */
  async number(): Promise<number> {
    const { value, done } = await this.#lines.next();
    if (done || !/^\d+$/.test(value)) throw new Error(`the peer said ${JSON.stringify(value)}, not a number`);
    return Number(value);
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await ended;
  }
}

async function measureWindow(peer: Peer, fleet: CountingFleet): Promise<Delivered> {
  const snapshot = async () => ({
    fleet: await fleet.tally(),
    serverCpuMs: peer.cpuMs,
    atMs: performance.now(),
  });
  const before = await snapshot();
  await sleep(WINDOW_MS);
  const after = await snapshot();
  const sum = (field: 'frames' | 'ticks' | 'bytes' | 'cpuMs') => after.fleet[field] - before.fleet[field];
  return {
    ticks: sum('ticks'),
    bytes: sum('bytes'),
    ticksPerFrame: sum('ticks') / sum('frames'),
    tookMs: after.atMs - before.atMs,
    serverCpuMs: after.serverCpuMs - before.serverCpuMs,
    clientsCpuMs: sum('cpuMs'),
  };
}

/** Ticks that the clients are due of so many rounds. */
function ticksDue(rounds: number, load: PeerLoad, windows: readonly (readonly number[])[]): number {
  const subscribers = new Array<number>(load.instruments).fill(0);
  for (const instrument of windows.flat()) subscribers[instrument] = (subscribers[instrument] as number) + 1;
  let ticks = 0;
  for (let round = 0; round < rounds; round++) {
    for (const instrument of instrumentsOf(round, load.instruments, load.parts))
      ticks += subscribers[instrument] as number;
  }
  return ticks;
}

/** Throws unless every packet of every round has come, and nothing else. */
async function checkAll(
  peer: Peer,
  fleet: CountingFleet,
  load: PeerLoad,
  windows: readonly (readonly number[])[],
): Promise<void> {
  peer.tell('stop');
  const due = ticksDue(await peer.number(), load, windows);
  const { ticks, bytes, failures, failure } = await fleet.quiet();
  if (failures > 0) throw new Error(`${failures} clients lost their connection to the peer: ${failure}`);
  if (ticks !== due || bytes !== ticks * PACKET_BYTES) {
    throw new Error(`${ticks} of ${due} packets have come, in ${bytes} bytes`);
  }
}

class PeerRun {
  readonly #load: PeerLoad;
  readonly #peer: Peer;
  #fleet: CountingFleet | undefined;

  constructor(load: PeerLoad) {
    this.#load = load;
    this.#peer = new Peer(load);
  }

  async windows(): Promise<Delivered[]> {
    const { clients } = this.#load;
    const windows = Array.from({ length: clients }, (_, i) => windowOf(i * WINDOW_STEP, this.#load));
    const port = await this.#peer.number();
    const plans = windows.map((tokens) => ({ token: '', tokens }));
    const fleet = await CountingFleet.open({ format: 'packets', host: '127.0.0.1', port, clients: plans });
    this.#fleet = fleet;
    await fleet.subscribe();
    this.#peer.tell('start');
    await sleep(SETTLE_MS);
    const delivered: Delivered[] = [];
    for (let i = 0; i < WINDOWS; i++) delivered.push(await measureWindow(this.#peer, fleet));
    await checkAll(this.#peer, fleet, this.#load, windows);
    return delivered;
  }

  async stop(): Promise<void> {
    await this.#fleet?.stop();
    await this.#peer.stop();
  }
}

/** Windows of a load on a peer of its own, one after the other. */
export async function measurePeer(load: PeerLoad): Promise<Delivered[]> {
  const interruption = new Interruption();
  try {
    const run = new PeerRun(load);
    try {
      return await interruption.during(() => run.windows());
    } finally {
      await run.stop();
    }
  } finally {
    interruption.end();
  }
}
