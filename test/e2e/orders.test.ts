// Orders through the whole system, with every fault of the simulated Kite that orders know: one order per request.
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { WebSocket } from 'ws';
import type { FaultInput } from '../../ingest/simulator/control/fault.ts';
import { UPDATE_DISTURBANCES } from '../../ingest/simulator/core/orders/update-stream.ts';
import { type Simulator, startSimulator } from '../../ingest/simulator/simulator.ts';
import { startTestStack, type TestStack } from '../support/stack.ts';

const WITHIN_MS = 90_000;
const ORDERS = 16;
const SOCKETS_CUT_MS = 6_000;

let simulator: Simulator;
let stack: TestStack;
let socket: WebSocket | undefined;
let cutting: NodeJS.Timeout | undefined;

beforeAll(async () => {
  simulator = await startSimulator({ instrumentsCount: 100, ticksPerInstrumentPerSecond: 2 });
  const [account] = simulator.accounts;
  stack = await startTestStack({
    simulator: false,
    sidecarEnv: {
      KITE_API_ROOT: simulator.url,
      KITE_WS_ROOT: simulator.wsUrl,
      KITE_API_KEY: account?.apiKey ?? '',
      KITE_ACCESS_TOKEN: account?.accessToken ?? '',
      MARKET_SESSION: 'always_open',
      INSTRUMENT_LIST_CHECK: 'any',
      MAX_INSTRUMENTS_PER_WS: '60',
    },
  });
  await vi.waitFor(
    async () => {
      const health = await (await fetch(`${stack.info.url}/health`)).json();
      expect(health).toMatchObject({ status: 'ok' });
    },
    { timeout: WITHIN_MS, interval: 100 },
  );
});
afterEach(({ task }) => {
  clearInterval(cutting);
  if (task.result?.state === 'fail') console.error(stack.logs());
  simulator.clearFaults();
  socket?.terminate();
});
afterAll(async () => {
  await stack?.stop();
  await simulator?.stop();
});

interface Task {
  readonly id: string;
  readonly tag: string;
  readonly state: string;
  readonly filled_quantity: number;
}

async function call(method: string, path: string, body?: object, key?: string) {
  const headers: Record<string, string> = { authorization: `Bearer ${stack.info.token}` };
  if (key !== undefined) headers['idempotency-key'] = key;
  if (body !== undefined) headers['content-type'] = 'application/json';
  const response = await fetch(`${stack.info.url}${path}`, {
    method,
    headers,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

const ORDER = {
  exchange: 'NSE',
  tradingsymbol: 'RELIANCE',
  transaction_type: 'BUY',
  quantity: 1,
  product: 'CNC',
  order_type: 'MARKET',
  market_protection: -1,
};
const place = (key: string) => call('POST', '/orders/place', ORDER, key);
async function taskOf(id: string): Promise<Task> {
  const { body } = await call('GET', `/orders/tasks/${id}`);
  return body as unknown as Task;
}

/** Every update of an order that this client is told. */
async function listen(): Promise<{ readonly order_seq: number; readonly data: Record<string, unknown> }[]> {
  const updates: { readonly order_seq: number; readonly data: Record<string, unknown> }[] = [];
  const opened = new WebSocket(`${stack.info.ws}?token=${stack.info.token}`);
  socket = opened;
  await new Promise<void>((resolve, reject) => {
    opened.on('error', reject);
    opened.on('message', (data) => {
      const message = JSON.parse(String(data));
      if (message.type === 'connected') resolve();
      if (message.type === 'order_update') updates.push(message);
    });
  });
  return updates;
}

const timedOut = {
  status: 400,
  error_type: 'OrderException',
  message: 'Order request timed out. Please check the order book and confirm before placing again.',
} as const;
const OF_PLACING = { method: 'POST', path: '/orders', probability: 0.12 } as const;
/** A look that fails is made again after up to a minute: few of them, or this would take long. */
const OF_LOOKING = { method: 'GET', path: '/orders', probability: 0.5, times: 2 } as const;
/** Each of what Kite does to orders; of those whose answer is lost, only such as have been carried out. */
const FAULTS: readonly FaultInput[] = [
  { kind: 'rest_status', stage: 'after', ...timedOut, ...OF_PLACING },
  { kind: 'rest_status', stage: 'after', status: 503, ...OF_PLACING },
  { kind: 'rest_status', status: 429, ...OF_PLACING },
  { kind: 'rest_html', stage: 'after', status: 502, ...OF_PLACING },
  { kind: 'rest_html', stage: 'after', status: 200, ...OF_PLACING },
  { kind: 'rest_reset', stage: 'after', ...OF_PLACING },
  { kind: 'rest_cut', ...OF_PLACING },
  { kind: 'rest_half', ...OF_PLACING },
  { kind: 'rest_delay', ms: 50, jitter_ms: 200, ...OF_PLACING, probability: 0.5 },
  { kind: 'rest_status', status: 503, ...OF_LOOKING },
  { kind: 'rest_cut', ...OF_LOOKING },
  { kind: 'order_hold', ms: 3_000, probability: 0.3 },
  { kind: 'order_hide', ms: 5_000, probability: 0.3 },
  { kind: 'order_updates', how: [...UPDATE_DISTURBANCES], probability: 0.3 },
];

test('each request becomes one order and comes to its end, whatever Kite does, and clients hear of all of it', async () => {
  const updates = await listen();
  for (const fault of FAULTS) simulator.addFault(fault);
  const ids: string[] = [];
  for (let i = 0; i < ORDERS; i++) {
    const placed = await place(`campaign-${i}`);
    expect(placed).toMatchObject({ status: 202, body: { state: 'PENDING' } });
    const { id } = placed.body as unknown as Task;
    ids.push(id);
    const again = await place(`campaign-${i}`);
    expect(again.body).toMatchObject({ id });
  }
  // Updates that are dropped are in the book, which is compared when a socket is back, and else each minute.
  cutting = setInterval(() => simulator.run({ command: 'close_sockets', code: 1006 }), SOCKETS_CUT_MS);
  const tasks: Task[] = [];
  for (const id of ids) {
    await vi.waitFor(
      async () => expect(await taskOf(id)).toMatchObject({ state: 'COMPLETE', filled_quantity: 1 }),
      {
        timeout: WITHIN_MS,
        interval: 250,
      },
    );
    tasks.push(await taskOf(id));
  }
  const [counts] = simulator.orderCounts;
  expect(counts?.orders).toEqual(Object.fromEntries(tasks.map(({ tag }) => [tag, 1])));
  await vi.waitFor(
    () => {
      const filled = updates.filter(({ data }) => data.status === 'COMPLETE').map(({ data }) => data.tag);
      expect(new Set(filled)).toEqual(new Set(tasks.map(({ tag }) => tag)));
    },
    { timeout: WITHIN_MS, interval: 100 },
  );
  const [first] = updates;
  expect(updates.map(({ order_seq: seq }) => seq)).toEqual(
    updates.map((_, i) => (first?.order_seq ?? 0) + i),
  );
});

test('an order that the exchange rejects is told as rejected, and the book, positions and margins are Kite’s', async () => {
  simulator.addFault({ kind: 'order_reject', message: 'Rejected for the test.', times: 1 });
  const placed = await place('rejected');
  const { id, tag } = placed.body as unknown as Task;
  await vi.waitFor(async () => expect(await taskOf(id)).toMatchObject({ state: 'REJECTED' }), {
    timeout: WITHIN_MS,
    interval: 100,
  });
  const { body } = await call('GET', '/orders');
  expect(body.orders).toContainEqual(
    expect.objectContaining({ tag, status: 'REJECTED', status_message: 'Rejected for the test.' }),
  );
  expect(await call('GET', '/positions')).toMatchObject({
    status: 200,
    body: { positions: { net: [expect.objectContaining({ tradingsymbol: 'RELIANCE', quantity: ORDERS })] } },
  });
  expect(await call('GET', '/margins')).toMatchObject({ status: 200, body: { margins: { equity: {} } } });
});
