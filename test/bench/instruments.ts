// The whole instrument list: how long it takes, how long it holds up the event loop, and what stays in memory.
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { instrumentCsv } from '../../ingest/simulator/core/instrument-csv.ts';
import { listInstruments } from '../../ingest/simulator/core/instrument-list.ts';
import { migrate } from '../../migrations/runner.ts';
import { startCluster } from '../support/cluster.ts';
import type { Bench, Figure } from './bench.ts';
import type { LoadCost, StoreCost } from './instruments-program.ts';

const INSTRUMENTS = 115_000;
const TRADING_DATE = '2026-11-20';
/** Each in a process of its own, in turn; of each figure the best counts, as the machine has other things to do. */
const ROUNDS = 5;

const run = promisify(execFile);
const PROGRAM = fileURLToPath(new URL('instruments-program.ts', import.meta.url));

async function measure<Cost>(...args: readonly string[]): Promise<Cost> {
  const { stdout } = await run(process.execPath, ['--expose-gc', PROGRAM, ...args]);
  return JSON.parse(stdout) as Cost;
}

function bestOf<Cost extends object>(costs: readonly Cost[]): Cost {
  return costs.reduce((best, cost) => {
    const pairs = Object.entries(cost).map(([name, value]) => [
      name,
      Math.min(value as number, (best as Record<string, number>)[name] ?? Number.POSITIVE_INFINITY),
    ]);
    return Object.fromEntries(pairs) as Cost;
  });
}

function against(unit: string, value: number, baseline: number): Figure {
  return { value, unit, baseline, ratio: baseline / value };
}

/** Kite's API as far as both readers need it. */
async function serveDump(): Promise<{ readonly url: string; stop(): void }> {
  const { instruments } = listInstruments({ tradingDate: TRADING_DATE, instrumentsCount: INSTRUMENTS });
  const zipped = gzipSync(instrumentCsv(instruments));
  const server = createServer((_request, response) => {
    response.writeHead(200, { 'content-type': 'text/csv', 'content-encoding': 'gzip' });
    response.end(zipped);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, stop: () => server.close() };
}

/** Into an empty database, and then over the same list: what a new day mostly is. */
async function measureStores(url: string): Promise<readonly [first: StoreCost, again: StoreCost]> {
  const cluster = await startCluster();
  try {
    const database = await cluster.createDatabase();
    await migrate({ url: database });
    return [
      await measure<StoreCost>('store', url, database),
      await measure<StoreCost>('store', url, database),
    ];
  } finally {
    await cluster.stop();
  }
}

export const bench: Bench = {
  about: `a dump of ${INSTRUMENTS.toLocaleString('en')} instruments over loopback, taken over with 9,000 wanted, against kiteconnect's getInstruments`,
  async run() {
    const server = await serveDump();
    try {
      const ours: LoadCost[] = [];
      const peer: LoadCost[] = [];
      for (let round = 0; round < ROUNDS; round++) {
        ours.push(await measure<LoadCost>('ours', server.url));
        peer.push(await measure<LoadCost>('peer', server.url));
      }
      const [best, bestOfPeer] = [bestOf(ours), bestOf(peer)];
      const [first, again] = await measureStores(server.url);
      return {
        load_s: against('s', best.loadS, bestOfPeer.loadS),
        block_ms: against('ms', best.blockMs, bestOfPeer.blockMs),
        start_block_ms: against('ms', best.startBlockMs, bestOfPeer.startBlockMs),
        retained_mb: against('MB', best.retainedMb, bestOfPeer.retainedMb),
        rss_mb: against('MB', best.rssMb, bestOfPeer.rssMb),
        store_s: { value: first.storeS, unit: 's' },
        store_block_ms: { value: Math.min(first.blockMs, again.blockMs), unit: 'ms' },
        store_again_s: { value: again.storeS, unit: 's' },
      };
    } finally {
      server.stop();
    }
  },
};
