// Orders at a simulated Kite: what each kind of answer, or none, is taken for, and that nothing is sent twice.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../../ingest/clock.ts';
import { KiteOrderCalls } from '../../../ingest/kite/order-calls.ts';
import { KiteRestPool } from '../../../ingest/kite/rest-pool.ts';
import type { FaultInput } from '../../../ingest/simulator/control/fault.ts';
import { type Simulator, startSimulator } from '../../../ingest/simulator/simulator.ts';
import { ORDER_SEND_WAIT_MS_MAX } from '../../../shared/limits.ts';
import type { PlaceRequest } from '../../../shared/order.ts';
import { accountOf } from '../support/accounts.ts';
import { eventually } from '../support/eventually.ts';
import { FakeRest, success } from '../support/fake-rest.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { PLACE } from '../support/order-rows.ts';

const TAG = '0123456789ABCDEFGHIJ';
const ACCOUNT = 'primary';
/** Far below the market: it rests. */
const RESTING: PlaceRequest = { ...PLACE, price: 1_400 };

let simulator: Simulator;
let pools: KiteRestPool[];
let kite: KiteOrderCalls;

function callsTo(apiRoot: string, accessToken: string, apiKey = 'key', clock = systemClock): KiteOrderCalls {
  const rest = new KiteRestPool({
    endpoint: { apiRoot, pathPrefix: '' },
    clock,
    onUnauthorized: () => undefined,
  });
  rest.setAccounts([{ ...accountOf(ACCOUNT), apiKey, accessToken }]);
  pools.push(rest);
  return new KiteOrderCalls({ rest, accounts: () => [] });
}

beforeEach(async () => {
  pools = [];
  simulator = await startSimulator({ instrumentsCount: 50, ticksPerInstrumentPerSecond: 1 });
  const [account] = simulator.accounts;
  kite = callsTo(simulator.url, account?.accessToken ?? '', account?.apiKey);
});
afterEach(async () => {
  for (const pool of pools) pool.stop();
  await simulator.stop();
});

const posts = () => simulator.orderCounts[0]?.posts[TAG] ?? 0;
const orders = () => simulator.orderCounts[0]?.orders[TAG] ?? 0;
async function place(request = RESTING): Promise<string> {
  const outcome = await kite.place(ACCOUNT, request, TAG);
  if (outcome.kind !== 'acknowledged') throw new Error(JSON.stringify(outcome));
  return outcome.orderId;
}
async function orderOf(orderId: string) {
  const book = await kite.book(ACCOUNT);
  if (book.kind !== 'orders') throw new Error(book.problem);
  return book.orders.find((order) => order.orderId === orderId);
}

test('an order is placed, found with its tag and its times, changed and cancelled', async () => {
  const beforeMs = Math.floor(Date.now() / 1_000) * 1_000;
  const orderId = await place();
  await eventually(async () => expect(await orderOf(orderId)).toMatchObject({ status: 'OPEN' }));
  const order = await orderOf(orderId);
  expect(order).toMatchObject({ tag: TAG, quantity: 1, filledQuantity: 0, price: 1_400, validity: 'DAY' });
  expect(order?.exchangeUpdatedAtMs).toBeGreaterThanOrEqual(beforeMs);
  expect(order?.exchangeUpdatedAtMs).toBeLessThanOrEqual(Date.now());
  // What is not read is passed on.
  expect(order?.payload).toMatchObject({ order_id: orderId, tradingsymbol: 'INFY', transaction_type: 'BUY' });
  const { variety } = RESTING;
  expect(await kite.modify(ACCOUNT, { variety, order_id: orderId, price: 1_400.5 })).toEqual({
    kind: 'acknowledged',
    orderId,
  });
  await eventually(async () =>
    expect(await orderOf(orderId)).toMatchObject({ price: 1_400.5, status: 'OPEN' }),
  );
  expect(await kite.cancel(ACCOUNT, { variety, order_id: orderId })).toMatchObject({ kind: 'acknowledged' });
  await eventually(async () => expect(await orderOf(orderId)).toMatchObject({ status: 'CANCELLED' }));
  const history = await kite.history(ACCOUNT, orderId);
  if (history.kind !== 'orders') throw new Error(history.problem);
  expect(history.orders.at(-1)).toMatchObject({ orderId, status: 'CANCELLED' });
  expect(history.orders.length).toBeGreaterThan(3);
  expect(await kite.cancel(ACCOUNT, { variety, order_id: orderId })).toMatchObject({ kind: 'refused' });
  expect([posts(), orders()]).toEqual([1, 1]);
});

describe('a write', () => {
  test.each<[string, FaultInput, object, number, number]>([
    ['that Kite refuses', { kind: 'rest_status', status: 400 }, { kind: 'refused' }, 1, 0],
    [
      'that timed out behind Kite, though its order is there',
      {
        kind: 'rest_status',
        stage: 'after',
        status: 400,
        error_type: 'OrderException',
        message: 'Order request timed out. Please check the order book and confirm before placing again.',
      },
      { kind: 'unknown' },
      1,
      1,
    ],
    [
      'that timed out, which Kite says at the end of many words',
      {
        kind: 'rest_status',
        stage: 'after',
        status: 400,
        error_type: 'OrderException',
        message: `${'The order system is busy. '.repeat(20)}Your request has timed-out.`,
      },
      { kind: 'unknown' },
      1,
      1,
    ],
    ['that is throttled', { kind: 'rest_status', status: 429 }, { kind: 'throttled' }, 1, 0],
    ['that Kite breaks on', { kind: 'rest_status', stage: 'after', status: 500 }, { kind: 'unknown' }, 1, 1],
    ['that a gateway answers', { kind: 'rest_html', stage: 'after', status: 502 }, { kind: 'unknown' }, 1, 1],
    [
      'with a page that says 200',
      { kind: 'rest_html', stage: 'after', status: 200 },
      { kind: 'unknown' },
      1,
      1,
    ],
    ['whose answer is cut', { kind: 'rest_cut' }, { kind: 'unknown' }, 1, 1],
    ['of whose answer half comes', { kind: 'rest_half' }, { kind: 'unknown' }, 1, 1],
    ['whose connection is reset before', { kind: 'rest_reset' }, { kind: 'unknown' }, 1, 0],
    ['whose connection is reset after', { kind: 'rest_reset', stage: 'after' }, { kind: 'unknown' }, 1, 1],
    // The client of HTTP would send it again.
    ['that is misdirected', { kind: 'rest_status', stage: 'after', status: 421 }, { kind: 'unknown' }, 1, 1],
  ])('%s', async (_, fault, expected, postsMade, ordersMade) => {
    simulator.addFault({ ...fault, method: 'POST', path: '/orders' } as FaultInput);
    expect(await kite.place(ACCOUNT, RESTING, TAG)).toMatchObject(expected);
    expect([posts(), orders()]).toEqual([postsMade, ordersMade]);
  });

  test('with a token that Kite refuses is refused, and the next one does not leave', async () => {
    simulator.run({ command: 'expire_token', account: simulator.accounts[0]?.userId ?? '' });
    expect(await kite.place(ACCOUNT, RESTING, TAG)).toMatchObject({
      kind: 'refused',
      code: 'TokenException',
    });
    expect(await kite.place(ACCOUNT, RESTING, TAG)).toMatchObject({ kind: 'not_sent' });
    expect(await kite.cancel('nobody', { variety: 'regular', order_id: '1' })).toMatchObject({
      kind: 'not_sent',
    });
    expect(orders()).toBe(0);
  });

  test('to nobody who listens has not left', async () => {
    const { url } = simulator;
    await simulator.stop();
    const outcome = await callsTo(url, 'token').place(ACCOUNT, RESTING, TAG);
    expect(outcome).toMatchObject({ kind: 'not_sent', problem: expect.stringContaining('ECONNREFUSED') });
    simulator = await startSimulator({ instrumentsCount: 50 });
  });

  test.each([
    [{ order_id: Number('1953341975595868160') }],
    [{ order_id: '' }],
    [{ order_id: '1 2' }],
    [{}],
    [null],
    ['1'],
  ])('that is answered with %j has no order to its name', async (data) => {
    const rest = await FakeRest.start();
    rest.answer = () => success(data);
    expect(await callsTo(rest.url, 'token').place(ACCOUNT, RESTING, TAG)).toMatchObject({ kind: 'unknown' });
    expect(rest.calls).toHaveLength(1);
    await rest.stop();
  });

  test('leaves within its time or not at all; one that has left is waited for', async () => {
    const rest = await FakeRest.start();
    const clock = new ManualClock();
    const calls = callsTo(rest.url, 'token', 'key', clock);
    rest.hold();
    const outcomes = Array.from({ length: 12 }, (_, i) => calls.place(ACCOUNT, RESTING, `${i}`));
    // Kite's ten a second are under way; two wait for their second.
    await eventually(() => expect(rest.calls).toHaveLength(10));
    clock.advance(ORDER_SEND_WAIT_MS_MAX);
    rest.answer = () => success({ order_id: '7' });
    rest.release();
    const kinds = (await Promise.all(outcomes)).map(({ kind }) => kind);
    expect(kinds).toEqual([...Array(10).fill('acknowledged'), 'not_sent', 'not_sent']);
    clock.advance(60_000);
    expect(rest.calls).toHaveLength(10);
    await rest.stop();
  });
});

describe('a look at the book', () => {
  const row = {
    order_id: '7',
    status: 'OPEN',
    quantity: 1,
    filled_quantity: 0,
    exchange_update_timestamp: null,
  };

  const LOST_DIGITS = Number('1953341975595868160');
  test.each<[string, unknown, object]>([
    [
      'an id that has lost its digits',
      { ...row, tag: TAG, order_id: LOST_DIGITS },
      { orderId: null, tags: [TAG], problem: expect.stringMatching(/order 2 of 3: field order_id/) },
    ],
    [
      'a quantity that is none',
      { ...row, order_id: '8', tags: ['mktp', TAG], filled_quantity: '1' },
      { orderId: '8', tags: ['mktp', TAG], problem: expect.stringMatching(/field filled_quantity/) },
    ],
    [
      'no status',
      { ...row, status: undefined },
      { orderId: '7', tags: [], problem: expect.stringMatching(/field status/) },
    ],
    ['a tag that is none', { ...row, tag: 5 }, { orderId: '7', tags: null }],
    ['tags that are none', { ...row, tag: TAG, tags: { 0: TAG } }, { orderId: '7', tags: null }],
    ['nothing of an order', null, { orderId: null, tags: null }],
  ])('with %s has that row apart', async (_, wrong, unread) => {
    const rest = await FakeRest.start();
    rest.answer = () => success([row, wrong, { ...row, order_id: '9' }]);
    expect(await callsTo(rest.url, 'token').book(ACCOUNT)).toMatchObject({
      kind: 'orders',
      orders: [{ orderId: '7' }, { orderId: '9' }],
      unread: [unread],
    });
    await rest.stop();
  });

  test('without an answer is none', async () => {
    simulator.addFault({ kind: 'rest_half', method: 'GET', path: '/orders' });
    await place();
    expect(await kite.book(ACCOUNT)).toMatchObject({ kind: 'failed' });
    simulator.clearFaults();
    simulator.addFault({ kind: 'rest_status', status: 503, method: 'GET', path: '/orders' });
    expect(await kite.book(ACCOUNT)).toMatchObject({
      kind: 'failed',
      problem: expect.stringContaining('503'),
    });
  });

  test('reads what Kite leaves out, and times of India', async () => {
    const rest = await FakeRest.start();
    rest.answer = () =>
      success([
        {
          ...row,
          tag: null,
          tags: ['mktp'],
          exchange_update_timestamp: '2026-11-20 09:15:07',
          status_message: 'x'.repeat(1_000),
        },
        { ...row, order_id: '8', parent_order_id: '', exchange_update_timestamp: 'soon' },
      ]);
    const answer = await callsTo(rest.url, 'token').book(ACCOUNT);
    expect(answer).toMatchObject({
      kind: 'orders',
      orders: [
        {
          orderId: '7',
          tag: null,
          tags: ['mktp'],
          exchangeUpdatedAtMs: Date.parse('2026-11-20T03:45:07Z'),
          averagePrice: 0,
          statusMessage: 'x'.repeat(256),
        },
        { orderId: '8', parentOrderId: null, exchangeUpdatedAtMs: null, statusMessage: null },
      ],
    });
    await rest.stop();
  });
});

test('a probe says whether Kite answers, whatever it says, and places nothing', async () => {
  expect(await kite.probe(ACCOUNT)).toBe(true);
  const probes: [FaultInput, boolean][] = [
    [{ kind: 'rest_status', status: 404 }, true],
    [{ kind: 'rest_status', status: 503 }, false],
    [{ kind: 'rest_reset' }, false],
    // Asked again until its time is over, or the sidecar ends.
    [{ kind: 'rest_status', status: 429 }, false],
  ];
  for (const [fault, isUp] of probes) {
    simulator.clearFaults();
    simulator.addFault({ ...fault, path: '/user/profile' } as FaultInput);
    const probed = kite.probe(ACCOUNT);
    if (fault.kind === 'rest_status' && fault.status === 429) pools[0]?.stop();
    expect(await probed).toBe(isUp);
  }
  expect(simulator.orderCounts.flatMap(({ posts: made }) => Object.values(made))).toEqual([]);
});
