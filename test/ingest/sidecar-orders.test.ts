// A whole sidecar with a database and a simulated Kite: a stored task becomes one order, whatever happens in between.
import postgres from 'postgres';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { type Simulator, startSimulator } from '../../ingest/simulator/simulator.ts';
import { createTestDatabase } from '../support/database.ts';
import { SidecarProcess } from '../support/sidecar-process.ts';
import { FakeEdge } from './support/fake-edge.ts';
import { type NewTask, storeTask } from './support/order-rows.ts';

const SECRET = 'a secret of more than thirty-two characters';
const WITHIN_MS = 20_000;

let url: string;
let sql: postgres.Sql;
let edge: FakeEdge;
let simulator: Simulator;
const sidecars: SidecarProcess[] = [];

beforeAll(async () => {
  url = await createTestDatabase();
  sql = postgres(url, { onnotice: () => undefined });
  edge = await FakeEdge.start(SECRET);
  edge.answer = () => [503, 'no shard'];
});
beforeEach(async () => {
  simulator = await startSimulator({ instrumentsCount: 50, ticksPerInstrumentPerSecond: 1 });
});
afterEach(async ({ task }) => {
  if (task.result?.state === 'fail') for (const { log } of sidecars) console.error(log);
  await Promise.all(sidecars.splice(0).map((sidecar) => sidecar.end()));
  await simulator.stop();
  await sql`truncate order_tasks, order_task_transitions, order_events, order_halts, sidecar_lease cascade`;
});
afterAll(async () => {
  await sql.end();
  await edge.stop();
});

async function start(settings: Readonly<Record<string, string>> = {}): Promise<SidecarProcess> {
  const account = simulator.accounts[0];
  const sidecar = await SidecarProcess.start({
    KITE_API_KEY: account?.apiKey ?? '',
    KITE_ACCESS_TOKEN: account?.accessToken ?? '',
    KITE_API_ROOT: simulator.url,
    KITE_WS_ROOT: simulator.wsUrl,
    MAX_WS_CONNECTIONS: '1',
    MARKET_SESSION: 'always_open',
    EDGE_URL: edge.url,
    INGEST_SECRET: SECRET,
    DATABASE_URL: url,
    ...settings,
  });
  sidecars.push(sidecar);
  return sidecar;
}

/** A market order that the simulator fills at once. */
const place = (parts: NewTask = {}) =>
  storeTask(sql, {
    request: { order_type: 'MARKET', price: undefined, market_protection: -1, tradingsymbol: 'RELIANCE' },
    ...parts,
  });
const rowOf = async (id: string) => (await sql`select * from order_tasks where id = ${id}`)[0];
const statesOf = async (id: string) => {
  const rows = await sql<{ to_state: string; cause: string }[]>`
    select to_state, cause from order_task_transitions where task_id = ${id} order by version`;
  return rows.map(({ to_state, cause }) => `${to_state} ${cause}`);
};
const eventually = (check: () => Promise<void>) => expect.poll(check, { timeout: WITHIN_MS, interval: 50 }).toBeUndefined();
const reaches = (id: string, state: string) =>
  eventually(async () => expect(await rowOf(id)).toMatchObject({ state }));
/** Requests and orders of each tag, as Kite has had them. */
async function ordersAtKite() {
  return (await fetch(`${simulator.url}/_simulator/orders`)).json();
}

test('x', { timeout: 60_000 }, async () => {
  const sidecar = await start();
  const id = await place();
  try { await reaches(id, 'COMPLETE'); } finally {
  console.log(await rowOf(id), await statesOf(id), JSON.stringify(await ordersAtKite()), await sql`select * from order_events`);
  console.log(sidecar.log);}
});
