// Program of a process of counting clients, driven by the calls of its fleet.
import { CountingClient } from './counting-client.ts';
import type { FleetPlan, FleetTally } from './counting-fleet.ts';
import { answerCalls, ownCpuMs } from './process-calls.ts';
import { FORMATS } from './stream-format.ts';

/** Upgrades and subscriptions under way at a time: more only wait in the server's queue. */
const UNDER_WAY_MAX = 64;

let plan: FleetPlan | undefined;
const clients: CountingClient[] = [];

async function each(count: number, act: (i: number) => Promise<void>): Promise<void> {
  let next = 0;
  const worker = async () => {
    while (next < count) await act(next++);
  };
  await Promise.all(Array.from({ length: UNDER_WAY_MAX }, worker));
}

async function open(opened: FleetPlan): Promise<void> {
  plan = opened;
  const { format, host, port } = opened;
  await each(opened.clients.length, async (i) => {
    const client = new CountingClient(FORMATS[format], host, port, opened.clients[i]?.token ?? '');
    clients[i] = client;
    await client.opened();
  });
}

async function subscribe(): Promise<void> {
  await each(clients.length, (i) => {
    const client = clients[i];
    if (!client) throw new Error(`client ${i} was never opened`);
    return client.subscribe(plan?.clients[i]?.tokens ?? []);
  });
}

function tally(): FleetTally {
  const sum = (field: 'frames' | 'bytes' | 'ticks' | 'gaps' | 'complaints') =>
    clients.reduce((total, client) => total + client.tally[field], 0);
  const failed = clients.filter(({ failure }) => failure !== undefined);
  const failure = failed[0]?.failure;
  return {
    frames: sum('frames'),
    bytes: sum('bytes'),
    ticks: sum('ticks'),
    gaps: sum('gaps'),
    complaints: sum('complaints'),
    framesLeast: Math.min(...clients.map((client) => client.tally.frames)),
    failures: failed.length,
    cpuMs: ownCpuMs(),
    ...(failure === undefined ? {} : { failure }),
  };
}

answerCalls((method, args) => {
  if (method === 'open') return open(args[0] as FleetPlan);
  if (method === 'subscribe') return subscribe();
  if (method === 'tally') return tally();
  throw new Error(`a call of ${method}`);
});
