// Every way in which the caller of an order is left in doubt, and what there is to find out by.
import { KiteConnect } from 'kiteconnect';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { FaultInput } from '../../../ingest/simulator/control/fault.ts';
import { ORDER_TUNING } from '../../../ingest/simulator/core/orders/order-tuning.ts';
import { type Simulator, startSimulator } from '../../../ingest/simulator/simulator.ts';
import { SIMULATOR_ORDER_DELAY_MS_MAX } from '../../../shared/limits.ts';
import { eventually } from '../support/eventually.ts';
import { TickerClient } from './ticker-client.ts';

let simulator: Simulator;
let nowMs: number;
beforeEach(async () => {
  nowMs = Date.parse('2026-11-23T06:30:00Z');
  simulator = await startSimulator({
    instrumentsCount: 300,
    tradingDate: '2026-11-23',
    nowMs: () => nowMs,
    // Every order is at the exchange at once, and filled a second later.
    orderTuning: {
      ...ORDER_TUNING,
      unknownMs: 0,
      receivedMs: 0,
      validationMs: 0,
      openPendingMs: 0,
      jitter: 0,
    },
  });
});
afterEach(async () => simulator.stop());

function connect(timeout = 7_000): InstanceType<typeof KiteConnect> {
  const { apiKey, accessToken } = simulator.accounts[0]!;
  return new KiteConnect({ api_key: apiKey, access_token: accessToken, root: simulator.url, timeout });
}

/** In a second of its own: prices may be asked for once in each. */
async function share(): Promise<object> {
  nowMs += 1_000;
  const { last_price: last } = (await connect().getLTP('NSE:SBIN'))['NSE:SBIN']!;
  const price = Math.round(last * 10.2) / 10;
  return {
    ...{ exchange: 'NSE', tradingsymbol: 'SBIN', product: 'MIS', transaction_type: 'BUY' },
    ...{ order_type: 'LIMIT', quantity: 1, price },
  };
}

/** What the official client makes of it: the number of the order, whatever else it resolves with, or its message. */
async function place(tag: string, timeout?: number): Promise<unknown> {
  const order = { ...(await share()), tag } as Parameters<InstanceType<typeof KiteConnect>['placeOrder']>[1];
  return connect(timeout)
    .placeOrder('regular', order)
    .then(
      (reply) => (reply.order_id === undefined ? reply : 'acknowledged'),
      (error: { message: string }) => error.message,
    );
}

/** Orders that exist, and requests that were sent, by that tag. */
function counts(tag: string): [orders: number, posts: number] {
  const [user] = simulator.orderCounts;
  return [user?.orders[tag] ?? 0, user?.posts[tag] ?? 0];
}

async function bookTags(): Promise<unknown[]> {
  return (await connect().getOrders()).map(({ tag }) => tag);
}

const onPlace = { method: 'POST', path: '/orders', times: 1 } as const;
const TIMED_OUT = 'Order request timed out. Please check the order book and confirm before placing again.';

test.each<[string, FaultInput, RegExp, number]>([
  ['placed, then no answer', { kind: 'rest_hang', stage: 'after', ...onPlace }, /ECONNABORTED/, 1],
  ['placed, then a reset', { kind: 'rest_reset', stage: 'after', ...onPlace }, /ECONNRESET/, 1],
  [
    'placed, then 502 in HTML',
    { kind: 'rest_html', status: 502, stage: 'after', ...onPlace },
    /Bad Gateway/,
    1,
  ],
  [
    'placed, then 400 "timed out"',
    {
      kind: 'rest_status',
      status: 400,
      message: TIMED_OUT,
      error_type: 'OrderException',
      stage: 'after',
      ...onPlace,
    },
    /timed out/,
    1,
  ],
  // The official client rejects with the text of the status.
  ['placed, then half an answer', { kind: 'rest_cut', ...onPlace }, /^OK$/, 1],
  ['not placed, no answer', { kind: 'rest_hang', ...onPlace }, /ECONNABORTED/, 0],
  ['not placed, a reset', { kind: 'rest_reset', ...onPlace }, /ECONNRESET/, 0],
  ['429', { kind: 'rest_status', status: 429, ...onPlace }, /Too many requests/, 0],
  ['503', { kind: 'rest_status', status: 503, ...onPlace }, /Service Unavailable/, 0],
])('%s: once, and the next one is served', async (_, fault, message, orders) => {
  simulator.addFault(fault);
  // A client that waits in vain shall not wait long; the others are answered when the machine gets to it.
  expect(await place('DOUBT', fault.kind === 'rest_hang' ? 300 : undefined)).toMatch(message);
  expect(counts('DOUBT')).toEqual([orders, 1]);
  nowMs += 1_000;
  expect(await bookTags()).toEqual(orders === 1 ? ['DOUBT'] : []);
  expect(await place('NEXT')).toBe('acknowledged');
  expect(counts('NEXT')).toEqual([1, 1]);
  expect(simulator.state.faults[0]?.happened).toBe(1);
});

test.each([
  ['after', 1],
  ['before', 0],
] as const)(
  'a web page with status 200, %s: the official client resolves without a number',
  async (stage, orders) => {
    simulator.addFault({ kind: 'rest_html', status: 200, stage, ...onPlace });
    expect(await place('PAGE')).toMatchObject({ error_type: 'DataException' });
    expect(counts('PAGE')).toEqual([orders, 1]);
  },
);

test('carried out when its caller is long gone', async () => {
  simulator.addFault({ kind: 'rest_delay', ms: 400, ...onPlace });
  expect(await place('LATE', 100)).toMatch(/ECONNABORTED/);
  await eventually(() => expect(counts('LATE')).toEqual([1, 1]));
});

test('who sends twice after a doubt has two orders, and the counts say so', async () => {
  simulator.addFault({ kind: 'rest_reset', stage: 'after', ...onPlace });
  expect(await place('TWICE')).toMatch(/ECONNRESET/);
  nowMs += 1_000;
  expect(await place('TWICE')).toBe('acknowledged');
  expect(counts('TWICE')).toEqual([2, 2]);
  const response = await fetch(`${simulator.url}/_simulator/orders`);
  expect(await response.json()).toEqual({
    status: 'success',
    data: [
      {
        user_id: 'SIM001',
        posts: { TWICE: 2 },
        orders: { TWICE: 2 },
        peaks: { per_second: 1, per_minute: 2, per_day: 2 },
      },
    ],
  });
});

test('the same seed meets the same requests by chance', async () => {
  const outcomes: unknown[][] = [];
  for (let run = 0; run < 2; run++) {
    await simulator.stop();
    simulator = await startSimulator({
      instrumentsCount: 300,
      tradingDate: '2026-11-23',
      nowMs: () => nowMs,
    });
    simulator.addFault({ kind: 'rest_reset', method: 'POST', path: '/orders', probability: 0.5 });
    const seen: unknown[] = [];
    for (let i = 0; i < 8; i++) {
      nowMs += 1_000;
      seen.push((await place(`CHANCE${i}`)) === 'acknowledged');
    }
    outcomes.push(seen);
  }
  expect(outcomes[0]).toEqual(outcomes[1]);
  expect(new Set(outcomes[0])).toEqual(new Set([true, false]));
});

test('a hidden order is told to sockets, and found by no request until its time', async () => {
  simulator.addFault({ kind: 'order_hide', ms: 90_000, times: 1 });
  const client = await TickerClient.connect(simulator);
  expect(await place('HIDDEN')).toBe('acknowledged');
  nowMs += 1_000;
  await client.until(() => client.texts.some((text) => text.includes('COMPLETE')));
  const { data } = JSON.parse(client.texts[0]!) as { data: { order_id: string; tag: string } };
  expect(data.tag).toBe('HIDDEN');
  expect(await bookTags()).toEqual([]);
  await expect(connect().getOrderHistory(data.order_id)).rejects.toMatchObject({
    message: `The order for ID (${data.order_id}) does not exist`,
    error_type: 'OrderException',
  });
  nowMs += 89_000;
  expect(await bookTags()).toEqual(['HIDDEN']);
  await client.close();
});

test('held and rejected orders', async () => {
  simulator.addFault({ kind: 'order_hold', ms: 83_000, times: 1 });
  simulator.addFault({ kind: 'order_reject', message: 'RMS says no', times: 2 });
  expect(await place('HELD')).toBe('acknowledged');
  nowMs += 82_000;
  expect(await connect().getOrders()).toMatchObject([{ status: 'PUT ORDER REQ RECEIVED' }]);
  expect(await place('REJECTED')).toBe('acknowledged');
  nowMs += 1_000;
  expect(await connect().getOrders()).toMatchObject([
    { status: 'REJECTED', status_message: 'RMS says no' },
    { status: 'REJECTED', exchange_order_id: null, pending_quantity: 0 },
  ]);
});

test('updates twice, in the wrong order, late, and not at all', async () => {
  const client = await TickerClient.connect(simulator);
  const told = async (how: ['duplicate' | 'reorder' | 'late_update' | 'drop'], count: number) => {
    client.forget();
    const id = simulator.addFault({ kind: 'order_updates', how });
    expect(await place(`U${how[0]}`)).toBe('acknowledged');
    // The market is looked at every 50 ms; the updates come in two of those looks.
    await eventually(() => {
      nowMs += 100;
      expect(client.texts.length).toBe(count);
    });
    simulator.removeFault(id);
    return client.texts.map((text) => (JSON.parse(text) as { data: { status: string } }).data.status);
  };
  expect(await told(['duplicate'], 4)).toEqual(['OPEN', 'OPEN', 'COMPLETE', 'COMPLETE']);
  expect(await told(['reorder'], 2)).toEqual(['COMPLETE', 'OPEN']);
  expect(await told(['late_update'], 3)).toEqual(['OPEN', 'COMPLETE', 'UPDATE']);
  simulator.addFault({ kind: 'order_updates', how: ['drop'] });
  client.forget();
  await place('LOST');
  await eventually(async () => {
    nowMs += 1_000;
    expect((await connect().getOrders()).at(-1)).toMatchObject({ tag: 'LOST', status: 'COMPLETE' });
  });
  expect(client.texts).toEqual([]);
  await client.close();
});

test('only the registered addresses write orders; everybody reads', async () => {
  await simulator.stop();
  simulator = await startSimulator({ nowMs: () => nowMs, orderAddresses: ['192.0.2.1'] });
  expect(await place('ELSEWHERE')).toBe('Insufficient permission for that call.');
  expect(counts('ELSEWHERE')).toEqual([0, 1]);
  expect(await connect().getOrders()).toEqual([]);
  await simulator.stop();
  simulator = await startSimulator({ nowMs: () => nowMs, orderAddresses: ['127.0.0.1'] });
  expect(await place('HERE')).toBe('acknowledged');
});

test('faults of orders have bounds', () => {
  const ms = SIMULATOR_ORDER_DELAY_MS_MAX + 1;
  expect(() => simulator.addFault({ kind: 'order_hide', ms })).toThrow();
  expect(() => simulator.addFault({ kind: 'order_hold', ms })).toThrow();
  expect(() => simulator.addFault({ kind: 'order_updates', how: [] })).toThrow();
});
