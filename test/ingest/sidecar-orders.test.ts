// A whole sidecar with a database and a simulated Kite: a stored task becomes one order, whatever happens in between.
import postgres from 'postgres';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { type Simulator, startSimulator } from '../../ingest/simulator/simulator.ts';
import { parseStatus } from '../../worker/routes/sidecar-status.ts';
import { createTestDatabase } from '../support/database.ts';
import { SidecarProcess } from '../support/sidecar-process.ts';
import { eventually } from './support/eventually.ts';
import { FakeEdge } from './support/fake-edge.ts';
import { type NewTask, storeTask } from './support/order-rows.ts';

const SECRET = 'a secret of more than thirty-two characters';

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
const reaches = (id: string, state: string) =>
  eventually(async () => expect(await rowOf(id)).toMatchObject({ state }));
/** What Kite has had of each tag: requests to place, and orders. */
const postsAtKite = () => Object.values(simulator.orderCounts[0]?.posts ?? {});
const ordersAtKite = () => Object.values(simulator.orderCounts[0]?.orders ?? {});

test('a task becomes one order, and what becomes of it is told by number', async () => {
  const early = await place();
  await start();
  await reaches(early, 'COMPLETE');
  const late = await place();
  await reaches(late, 'COMPLETE');
  expect([postsAtKite(), ordersAtKite()]).toEqual([
    [1, 1],
    [1, 1],
  ]);
  for (const id of [early, late]) {
    const states = await statesOf(id);
    expect(states.slice(0, 2)).toEqual(['PENDING requested', 'SENDING claimed']);
    expect(states.filter((state) => state.startsWith('COMPLETE'))).toHaveLength(1);
    expect(await rowOf(id)).toMatchObject({ attempts: 1, filled_quantity: '1', exchange_status: 'COMPLETE' });
  }
  const events = await sql<{ seq: string; task_id: string; status: string }[]>`
    select seq, task_id, payload ->> 'status' as status from order_events order by seq`;
  expect(events.map(({ seq }) => Number(seq))).toEqual(events.map((_, i) => i + 1));
  for (const id of [early, late]) {
    expect(events.filter(({ task_id: of }) => of === id).at(-1)).toMatchObject({ status: 'COMPLETE' });
  }
});

test('killed when Kite had taken the order and not answered, it finds it by its tag and places nothing', async () => {
  simulator.addFault({ kind: 'rest_hang', stage: 'after', method: 'POST', path: '/orders' });
  const first = await start();
  const id = await place();
  await eventually(() => expect(ordersAtKite()).toEqual([1]));
  await first.end('SIGKILL');
  expect(await rowOf(id)).toMatchObject({ state: 'SENDING' });
  simulator.clearFaults();
  await start();
  await reaches(id, 'COMPLETE');
  expect([postsAtKite(), ordersAtKite()]).toEqual([[1], [1]]);
  expect((await statesOf(id)).slice(0, 4)).toEqual([
    'PENDING requested',
    'SENDING claimed',
    'UNKNOWN found_sending',
    'COMPLETE found',
  ]);
});

test('asked to end, it waits for the answer that is on its way, and takes no more tasks', async () => {
  simulator.addFault({ kind: 'rest_delay', ms: 700, method: 'POST', path: '/orders' });
  const sidecar = await start();
  const id = await place();
  await eventually(() => expect(postsAtKite()).toEqual([1]));
  const ending = sidecar.end('SIGTERM');
  await eventually(() => expect(sidecar.log).toContain('stopping'));
  const late = await place();
  await ending;
  expect(await statesOf(id)).not.toContainEqual(expect.stringMatching(/^UNKNOWN/));
  expect(await rowOf(id)).toMatchObject({ order_id: expect.any(String) });
  expect(await rowOf(late)).toMatchObject({ state: 'PENDING' });
});

test('of many tasks each is one order, though the active one is killed among them and another one takes over', async () => {
  simulator.addFault({ kind: 'rest_delay', ms: 50, jitter_ms: 100, method: 'POST', path: '/orders' });
  const active = await start();
  const ids: string[] = [];
  for (let i = 0; i < 24; i++) ids.push(await place());
  await start();
  await eventually(() => expect(ordersAtKite().length).toBeGreaterThan(8));
  await active.end('SIGKILL');
  for (const id of ids) await reaches(id, 'COMPLETE');
  expect(postsAtKite()).toEqual(ids.map(() => 1));
  expect(ordersAtKite()).toEqual(ids.map(() => 1));
}, 60_000);

test('what is lost with a socket is found in the book when the socket is back', async () => {
  const account = simulator.accounts[0];
  await start();
  const id = await storeTask(sql, { request: { price: 1_400 } });
  await reaches(id, 'OPEN');
  simulator.addFault({ kind: 'order_updates', how: ['drop'] });
  const orderId = String((await rowOf(id))?.order_id);
  const headers = { authorization: `token ${account?.apiKey}:${account?.accessToken}` };
  const cancelled = await fetch(`${simulator.url}/orders/regular/${orderId}`, { method: 'DELETE', headers });
  expect(cancelled.status).toBe(200);
  await eventually(async () => {
    const history: unknown = await (await fetch(`${simulator.url}/orders/${orderId}`, { headers })).json();
    expect(JSON.stringify(history)).toContain('"CANCELLED"');
  });
  const heard = async () =>
    (await sql`select from order_events where payload ->> 'status' = 'CANCELLED'`).length;
  expect([await rowOf(id), await heard()]).toMatchObject([{ state: 'OPEN' }, 0]);
  simulator.run({ command: 'close_sockets', code: 1006 });
  await reaches(id, 'CANCELLED');
  expect(await heard()).toBe(1);
});

test('under a halt nothing is sent, and what waited goes when it is lifted', async () => {
  await sql`insert into order_halts (scope, halted_by) values ('requester:user:7', 'user:1')`;
  const halted = await place({ requestedBy: 'user:7', ageMs: 1_000 });
  const nobodys = await place({ accountId: 'nobody', ageMs: 1_000 });
  const other = await place();
  const sidecar = await start();
  await reaches(other, 'COMPLETE');
  await eventually(async () => {
    const { orders } = parseStatus(Buffer.from(JSON.stringify(await sidecar.status())));
    expect(orders).toMatchObject({ open: { PENDING: 2 }, given_up: 0 });
  });
  expect(await rowOf(halted)).toMatchObject({ state: 'PENDING' });
  await sql`delete from order_halts`;
  await reaches(halted, 'COMPLETE');
  expect(await rowOf(nobodys)).toMatchObject({ state: 'PENDING' });
  expect(postsAtKite()).toEqual([1, 1]);
});

test('switched off, it leaves tasks alone and says so', async () => {
  const id = await place();
  const sidecar = await start({ ORDERS_ENABLED: 'false' });
  await eventually(() => expect(sidecar.log).toContain('feed was=down now=quiet'));
  expect(sidecar.log).toMatch(/WARN {2}orders are off: ORDERS_ENABLED is false/);
  expect(await rowOf(id)).toMatchObject({ state: 'PENDING', version: 1 });
  expect(simulator.orderCounts).toEqual([]);
});
