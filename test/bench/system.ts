// The whole local system under its full load: 9,000 instruments x 3 ticks a second for a minute, to three JSON clients.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Stack, startStack } from '../../dev/stack.ts';
import { type Simulator, startSimulator } from '../../ingest/simulator/simulator.ts';
import { priceDivisorOf } from '../../shared/instrument.ts';
import type { SidecarStatus } from '../../shared/status.ts';
import { readTick } from '../../shared/tick.ts';
import { StreamClient } from '../support/stream-client.ts';
import { type Bench, percentile } from './bench.ts';

const INSTRUMENTS = 9_000;
const TICKS_PER_INSTRUMENT_PER_SECOND = 3;
const SECONDS = Number(process.env.BENCH_SECONDS ?? 60);
const CLIENTS = 3;
const SETTLE_MS_MAX = 60_000;

async function sidecarStatus(stack: Stack): Promise<SidecarStatus> {
  return (await (await fetch(`${stack.info.sidecar}/status`)).json()) as SidecarStatus;
}

async function until(what: string, isDone: () => boolean | Promise<boolean>): Promise<void> {
  const deadlineMs = Date.now() + SETTLE_MS_MAX;
  while (!(await isDone())) {
    if (Date.now() > deadlineMs) throw new Error(`${what} did not happen within ${SETTLE_MS_MAX} ms`);
    await sleep(100);
  }
}

/** Instruments whose last tick at the clients is not the market's last, field by field as far as they tell it apart. */
function staleInstruments(simulator: Simulator, clients: readonly StreamClient[]): number {
  let stale = 0;
  for (const [slot, { instrument_token: token }] of simulator.instruments.entries()) {
    const wanted = readTick(simulator.market.records, simulator.market.recordOffset(slot));
    const last = clients.map((client) => client.last.get(token)).find((tick) => tick !== undefined);
    const price = wanted.lastPrice === undefined ? undefined : wanted.lastPrice / priceDivisorOf(token);
    const timestamp = wanted.exchangeTimestampS === undefined ? undefined : wanted.exchangeTimestampS * 1000;
    const isSame =
      last?.last_price === price &&
      last?.volume === wanted.volume &&
      Date.parse(String(last?.exchange_timestamp)) === timestamp;
    if (!isSame) stale++;
  }
  return stale;
}

/** Time from the sidecar's receipt of a tick to the client's, both clocks being this machine's. */
class Latencies {
  readonly #samples = new Float64Array(2_000_000);
  #count = 0;

  add(receivedAt: string): void {
    if (this.#count < this.#samples.length)
      this.#samples[this.#count++] = Date.now() - Date.parse(receivedAt);
  }

  reset(): void {
    this.#count = 0;
  }

  sorted(): Float64Array {
    return this.#samples.slice(0, this.#count).sort();
  }
}

async function measure(stack: Stack, simulator: Simulator, freeze: () => void) {
  const tokens = simulator.instruments.map(({ instrument_token }) => instrument_token as number);
  const latencies = new Latencies();
  const clients = Array.from({ length: CLIENTS }, (_, i) => {
    const mine = tokens.filter((_, slot) => slot % CLIENTS === i);
    const client = new StreamClient(`${stack.info.ws}?token=${stack.info.token}`, mine).start();
    client.onTick(({ received_at }) => latencies.add(received_at));
    return client;
  });
  try {
    await until(
      'a value of every instrument',
      () => clients.reduce((sum, { last }) => sum + last.size, 0) === INSTRUMENTS,
    );
    await sleep(2_000);
    latencies.reset();
    const before = await sidecarStatus(stack);
    const fromMs = performance.now();
    await sleep(SECONDS * 1000);
    const after = await sidecarStatus(stack);
    const seconds = (performance.now() - fromMs) / 1000;
    const sorted = latencies.sorted();
    freeze();
    let stale = INSTRUMENTS;
    await until('the last tick at the clients', () => {
      stale = staleInstruments(simulator, clients);
      return stale === 0;
    });
    const sent = simulator.connections().reduce((sum, { packetsSent }) => sum + packetsSent, 0);
    const end = await sidecarStatus(stack);
    const rejected = Object.values(end.ticks_rejected).reduce((sum, count) => sum + count, 0);
    const faults = Object.values(end.frame_faults).reduce((sum, count) => sum + count, 0);
    return {
      ticks_per_second: { value: (after.ticks_received - before.ticks_received) / seconds, unit: 'ticks/s' },
      ticks_lost: { value: sent - end.ticks_received, unit: 'ticks' },
      ticks_refused: { value: rejected + faults, unit: 'ticks' },
      ticks_conflated: { value: after.ticks_conflated - before.ticks_conflated, unit: 'ticks' },
      ticks_backward: {
        value: clients.reduce((sum, { backward }) => sum + backward.length, 0),
        unit: 'ticks',
      },
      instruments_stale_at_end: { value: stale, unit: 'instruments' },
      sidecar_cpu: { value: ((after.cpu_seconds - before.cpu_seconds) / seconds) * 100, unit: '% of a core' },
      sidecar_rss: { value: after.rss_bytes / 1e6, unit: 'MB' },
      receive_to_client_p50: { value: percentile(sorted, 0.5), unit: 'ms' },
      receive_to_client_p99: { value: percentile(sorted, 0.99), unit: 'ms' },
      start_to_ready: { value: stack.startMs / 1000, unit: 's' },
    };
  } finally {
    for (const client of clients) client.stop();
  }
}

export const bench: Bench = {
  about: `${INSTRUMENTS} instruments x ${TICKS_PER_INSTRUMENT_PER_SECOND}/s for ${SECONDS} s to ${CLIENTS} clients, one JSON frame per tick`,
  async run() {
    let frozenAtMs: number | undefined;
    const simulator = await startSimulator({
      instrumentsCount: INSTRUMENTS,
      ticksPerInstrumentPerSecond: TICKS_PER_INSTRUMENT_PER_SECOND,
      nowMs: () => frozenAtMs ?? Date.now(),
    });
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
          KITE_API_ROOT: simulator.url,
          KITE_WS_ROOT: simulator.wsUrl,
        },
      });
      return await measure(stack, simulator, () => {
        frozenAtMs = Date.now();
      });
    } finally {
      await stack?.stop();
      await simulator.stop();
      rmSync(dataDir, { recursive: true, force: true });
    }
  },
};
