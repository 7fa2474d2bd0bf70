// What an idle client costs: resident memory and upgrade of 5,000 of ours against 5,000 bare hibernating sockets.
import { execFileSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { findFreePort } from '../../dev/free-port.ts';
import { startBareEdge } from './bare-edge.ts';
import type { Bench, Figure } from './bench.ts';
import { startEdgeHost } from './edge-host.ts';
import { FleetProcess } from './fleet-process.ts';
import { type Usage, usageOf } from './process-usage.ts';

const CLIENTS = 5_000;
/** Opened and closed before: code is loaded and compiled, pools have their size. */
const WARM_UP_CLIENTS = 500;
const SETTLE_MS = 2_000;
/** The runtime has an object hibernate after ten seconds without an event. */
const HIBERNATE_MS = 14_000;
/** Of a user's token with two permissions. */
const TOKEN_CHARS = 800;
const COMPATIBILITY_DATE = '2026-10-01';

interface Cost {
  readonly rssBytesOpen: number;
  readonly rssBytesHibernated: number;
  readonly upgradeCpuMs: number;
}

async function openAndClose(urls: readonly string[], isWelcomed: boolean): Promise<void> {
  const fleet = await FleetProcess.start({ urls, clients: WARM_UP_CLIENTS, isTimed: false, isWelcomed });
  await fleet.open();
  await fleet.closeClients();
  await fleet.stop();
}

/** Per client, over what the process has without any. */
async function measure(pid: number, urls: readonly string[], isWelcomed: boolean): Promise<Cost> {
  await openAndClose(urls, isWelcomed);
  const fleet = await FleetProcess.start({ urls, clients: CLIENTS, isTimed: false, isWelcomed });
  await sleep(SETTLE_MS);
  const before = usageOf(pid);
  await fleet.open();
  const opened = usageOf(pid);
  await sleep(SETTLE_MS);
  const settled = usageOf(pid);
  await sleep(HIBERNATE_MS);
  const hibernated = usageOf(pid);
  const { closeCodes } = await fleet.figures();
  if (closeCodes.length > 0)
    throw new Error(`${closeCodes.length} of ${CLIENTS} sockets were closed: ${closeCodes[0]}`);
  await fleet.closeClients();
  await fleet.stop();
  const rss = (usage: Usage) => (usage.rssBytes - before.rssBytes) / CLIENTS;
  return {
    rssBytesOpen: rss(settled),
    rssBytesHibernated: rss(hibernated),
    upgradeCpuMs: (opened.cpuMs - before.cpuMs) / CLIENTS,
  };
}

/** `query` is what clients ask with; one with a token is answered as ours are. */
async function measureBare(query = ''): Promise<Cost> {
  const port = await findFreePort();
  const edge = await startBareEdge(port, COMPATIBILITY_DATE);
  try {
    return await measure(edge.pid, [`ws://127.0.0.1:${port}/${query}`], query !== '');
  } finally {
    await edge.stop();
  }
}

async function measureOurs(): Promise<Cost> {
  const edge = await startEdgeHost();
  try {
    return await measure(edge.pid, await edge.urlsFor(CLIENTS), true);
  } finally {
    await edge.stop();
  }
}

/** Our own state of a session, in a heap that holds nothing else. */
function measureHeap(): { readonly idle: number; readonly perSubscription: number } {
  const program = fileURLToPath(new URL('session-heap.ts', import.meta.url));
  return JSON.parse(execFileSync(process.execPath, ['--expose-gc', program], { encoding: 'utf8' }));
}

/** Times as much as the bare one. */
function against(ours: number, bare: number, unit: string): Figure {
  return { value: ours, unit, baseline: bare, ratio: ours / bare };
}

export const bench: Bench = {
  about: `${CLIENTS} idle clients of the gateways against as many bare hibernating sockets; here a ratio is ours / bare`,
  async run() {
    const heap = measureHeap();
    const bare = await measureBare();
    const welcomed = await measureBare(`?token=${'x'.repeat(TOKEN_CHARS)}`);
    const ours = await measureOurs();
    return {
      rss_ratio_to_bare: { value: ours.rssBytesHibernated / bare.rssBytesHibernated, unit: 'x' },
      rss_ratio_to_bare_before_hibernation: { value: ours.rssBytesOpen / bare.rssBytesOpen, unit: 'x' },
      rss_per_client: against(ours.rssBytesHibernated / 1e3, bare.rssBytesHibernated / 1e3, 'kB'),
      rss_per_client_before_hibernation: against(ours.rssBytesOpen / 1e3, bare.rssBytesOpen / 1e3, 'kB'),
      upgrade_cpu: against(ours.upgradeCpuMs, bare.upgradeCpuMs, 'ms'),
      // Against sockets that were upgraded with a token in the URL and were sent one message: what the protocol itself costs.
      rss_ratio_to_bare_welcomed: { value: ours.rssBytesHibernated / welcomed.rssBytesHibernated, unit: 'x' },
      upgrade_cpu_to_bare_welcomed: against(ours.upgradeCpuMs, welcomed.upgradeCpuMs, 'ms'),
      heap_bytes_per_client: { value: heap.idle, unit: 'bytes' },
      heap_bytes_per_subscription: { value: heap.perSubscription, unit: 'bytes' },
    };
  },
};
