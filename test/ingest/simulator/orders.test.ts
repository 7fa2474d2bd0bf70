// Orders over HTTP, as the official KiteConnect writes and reads them, and what sockets and postbacks tell.
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { KiteConnect } from 'kiteconnect';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { type Simulator, startSimulator } from '../../../ingest/simulator/simulator.ts';
import { KITE_ORDER_REQUESTS_PER_S_MAX, KITE_OTHER_REQUESTS_PER_S_MAX } from '../../../shared/limits.ts';
import { eventually } from '../support/eventually.ts';
import { TickerClient } from './ticker-client.ts';

const account = { apiKey: 'key', apiSecret: 'secret', accessToken: 'token', userId: 'AB1234' };
/** Another app of the same user. */
const second = { ...account, apiKey: 'key_2', accessToken: 'token_2' };

let simulator: Simulator;
let receiver: Server;
const postbacks: { body: Record<string, unknown>; type: string | undefined }[] = [];
let nowMs = Date.parse('2026-11-23T06:30:00Z');
const kite = connect(() => simulator.url);

/** The official client, made anew for each call: the simulator's address is not known before it listens. */
function connect(url: () => string, { apiKey, accessToken } = account) {
  return () => new KiteConnect({ api_key: apiKey, access_token: accessToken, root: url() });
}
const other = connect(() => simulator.url, second);

beforeAll(async () => {
  receiver = createServer(async (request, response) => {
    let text = '';
    for await (const chunk of request) text += chunk;
    postbacks.push({ body: JSON.parse(text), type: request.headers['content-type'] });
    response.end();
  }).listen(0, '127.0.0.1');
  await once(receiver, 'listening');
  const address = receiver.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  simulator = await startSimulator({
    instrumentsCount: 300,
    tradingDate: '2026-11-23',
    accounts: [account, second],
    nowMs: () => nowMs,
    postbackUrl: `http://127.0.0.1:${port}/postback`,
  });
});
afterAll(async () => {
  await simulator.stop();
  receiver.closeAllConnections();
  receiver.close();
});
afterEach(() => {
  simulator.clearFaults();
  nowMs += 60_000;
  postbacks.length = 0;
});

const headers = { authorization: 'token key:token' };
const post = (path: string, form: Record<string, string>) =>
  fetch(simulator.url + path, { method: 'POST', headers, body: new URLSearchParams(form) });

/** Time passes for the orders until it is so; each step is long enough for any of theirs. */
async function settle<T>(read: () => Promise<T>, isSo: (value: T) => boolean): Promise<T> {
  for (let attempt = 0; attempt < 40; attempt++) {
    nowMs += 1_000;
    const value = await read();
    if (isSo(value)) return value;
    // The simulator looks at its market every 50 ms.
    await new Promise((resolve) => setTimeout(resolve, 60));
  }
  throw new Error('it never came to be so');
}

async function lastPrice(): Promise<number> {
  nowMs += 1_000;
  return (await kite().getLTP('NSE:SBIN'))['NSE:SBIN']!.last_price;
}

const share = { exchange: 'NSE', tradingsymbol: 'SBIN', product: 'MIS', transaction_type: 'BUY' } as const;
const onGrid = (price: number) => Math.round(price * 10) / 10;
let tags = 0;
const newTag = () => `tag${++tags}`;

interface Row {
  readonly order_id: string;
  readonly status: string;
  readonly tag: string | null;
  readonly filled_quantity: number;
  readonly pending_quantity: number;
}
const rows = async () => (await kite().getOrders()) as unknown as Row[];
const rowBy = async (tag: string) => (await rows()).find((row) => row.tag === tag);

test('placed, found, filled: book, history, trades, position and margin agree', async () => {
  const tag = newTag();
  const price = onGrid((await lastPrice()) * 1.02);
  const client = await TickerClient.connect(simulator, 'api_key=key&access_token=token');
  const twin = await TickerClient.connect(simulator, 'api_key=key_2&access_token=token_2');
  const reply = await kite().placeOrder('regular', {
    ...share,
    order_type: 'LIMIT',
    quantity: 2,
    price,
    tag,
    // The official client sends it as an empty field.
    validity: null as never,
  });
  expect(reply.order_id).toMatch(/^\d{19}$/);
  const row = await settle(
    () => rowBy(tag),
    (found) => found?.status === 'COMPLETE',
  );
  expect(row).toMatchObject({
    placed_by: 'AB1234',
    order_id: reply.order_id,
    status: 'COMPLETE',
    order_type: 'LIMIT',
    quantity: 2,
    filled_quantity: 2,
    pending_quantity: 0,
    cancelled_quantity: 0,
    validity: 'DAY',
    tags: [tag],
    order_timestamp: expect.any(Date),
  });
  const history = await kite().getOrderHistory(reply.order_id);
  expect(history.map(({ status }) => status)).toEqual([
    'PUT ORDER REQ RECEIVED',
    'VALIDATION PENDING',
    'OPEN PENDING',
    'OPEN',
    'COMPLETE',
  ]);
  const trades = await kite().getOrderTrades(reply.order_id);
  expect(trades.reduce((sum, { quantity }) => sum + quantity, 0)).toBe(2);
  const order = row as unknown as { average_price: number };
  expect(trades[0]).toMatchObject({ order_id: reply.order_id, average_price: order.average_price });
  expect((trades[0] as unknown as { order_timestamp: string }).order_timestamp).toMatch(/^\d\d:\d\d:\d\d$/);
  expect(await kite().getTrades()).toHaveLength(trades.length);
  const { net } = await kite().getPositions();
  expect(net).toMatchObject([{ tradingsymbol: 'SBIN', quantity: 2, average_price: order.average_price }]);
  const { equity } = await kite().getMargins();
  expect(equity?.net).toBeCloseTo(1_000_000 - 0.2 * 2 * order.average_price, 4);
  // Every socket of the user is told, also those of another app.
  const told = (one: TickerClient) =>
    one.texts.map((text) => JSON.parse(text)).map(({ data }) => data.status);
  await eventually(() => expect(told(client)).toEqual(['OPEN', 'COMPLETE']));
  await eventually(() => expect(told(twin)).toEqual(['OPEN', 'COMPLETE']));
  expect(JSON.parse(client.texts[1]!)).toMatchObject({
    type: 'order',
    data: { order_id: reply.order_id, tag, user_id: 'AB1234', filled_quantity: 2, unfilled_quantity: 0 },
  });
  client.close();
  twin.close();
});

test('a protected MARKET order is in the book as LIMIT, and an after-market order waits', async () => {
  const [market, amo] = [newTag(), newTag()];
  await lastPrice();
  const order = { ...share, order_type: 'MARKET', quantity: 1 } as const;
  // The types of the official client do not know it yet; Kite refuses the order without it.
  const isProtected: object = { market_protection: -1 };
  await kite().placeOrder('regular', { ...order, ...isProtected, tag: market });
  await kite().placeOrder('amo', { ...order, ...isProtected, tag: amo });
  const row = await settle(
    () => rowBy(market),
    (found) => found?.status === 'COMPLETE',
  );
  expect(row).toMatchObject({
    order_type: 'LIMIT',
    market_protection: 0,
    tags: [market, 'mktp', 'mktp:2.00'],
  });
  const waiting = await rowBy(amo);
  expect(waiting).toMatchObject({ status: 'AMO REQ RECEIVED', variety: 'amo', exchange_order_id: null });
  await kite().cancelOrder('amo', waiting?.order_id ?? '');
  expect(await rowBy(amo)).toMatchObject({ status: 'CANCELLED', cancelled_quantity: 1 });
});

test('modified and cancelled; the other app of the user has the same book', async () => {
  const tag = newTag();
  const last = await lastPrice();
  const price = onGrid(last * 0.95);
  const { order_id: orderId } = await kite().placeOrder('regular', {
    ...share,
    order_type: 'LIMIT',
    quantity: 1,
    price,
    tag,
  });
  await settle(
    () => rowBy(tag),
    (row) => row?.status === 'OPEN',
  );
  const lower = onGrid(last * 0.94);
  expect(await kite().modifyOrder('regular', orderId, { price: lower, quantity: 3 })).toEqual({
    order_id: orderId,
  });
  await expect(other().modifyOrder('regular', orderId, { quantity: 4 })).rejects.toMatchObject({
    message: 'Order cannot be modified as it is being processed. Try later.',
    error_type: 'InputException',
  });
  const modified = await settle(
    () => rowBy(tag),
    (row) => row?.status === 'OPEN',
  );
  expect(modified).toMatchObject({ price: lower, quantity: 3, pending_quantity: 3, modified: true });
  await expect(kite().modifyOrder('regular', orderId, { order_type: 'MARKET' })).rejects.toMatchObject({
    message: expect.stringContaining('market protection'),
  });
  expect(await other().cancelOrder('regular', orderId)).toEqual({ order_id: orderId });
  const cancelled = await settle(
    () => rowBy(tag),
    (row) => row?.status === 'CANCELLED',
  );
  expect(cancelled).toMatchObject({ cancelled_quantity: 3, pending_quantity: 0 });
  await expect(kite().cancelOrder('regular', orderId)).rejects.toMatchObject({
    message: 'Order cannot be cancelled as it is being processed. Try later.',
  });
  await expect(kite().getOrderHistory('1')).rejects.toMatchObject({ error_type: 'OrderException' });
});

test('a postback is signed with its number, its time and the secret of its app', async () => {
  const tag = newTag();
  const price = onGrid((await lastPrice()) * 1.02);
  await kite().placeOrder('regular', { ...share, order_type: 'LIMIT', quantity: 1, price, tag });
  const told = await settle(
    async () => postbacks.find(({ body }) => body.tag === tag),
    (one) => one !== undefined,
  );
  const { body, type } = told!;
  expect(type).toBe('application/json');
  expect(body).toMatchObject({ status: 'COMPLETE', tag });
  const signed = `${body.order_id}${body.order_timestamp}secret`;
  expect(body.checksum).toBe(createHash('sha256').update(signed).digest('hex'));
  expect(kite().validatePostback(body as never, 'secret')).toBe(true);
});

test('the refusals have Kite’s envelope; bodies that are no order are refused by field', async () => {
  const order = { ...share, order_type: 'LIMIT', quantity: '1', price: '1', variety: 'regular' };
  const refused = async (form: Record<string, string>, path = '/orders/regular') => {
    nowMs += 1_000;
    const response = await post(path, form);
    const body = (await response.json()) as { message: string; error_type: string; data: unknown };
    expect(body).toMatchObject({ status: 'error', data: null });
    return [response.status, body.error_type, body.message];
  };
  expect(await refused({})).toEqual([400, 'InputException', 'Missing `quantity`.']);
  expect(await refused({ ...order, quantity: 'many' })).toEqual([
    400,
    'InputException',
    'Invalid `quantity`.',
  ]);
  expect(await refused({ ...order, product: 'BO' })).toEqual([400, 'InputException', 'Invalid `product`.']);
  expect(await refused(order, '/orders/bo')).toEqual([400, 'InputException', "Invalid `variety`: 'bo'."]);
  expect((await refused({ ...order, tag: 'x'.repeat(21) }))[2]).toContain('tag');
  expect((await refused({ ...order, quantity: '100000', price: '800' }))[1]).toBe('MarginException');
  expect((await refused({ ...order, order_type: 'MARKET' }))[2]).toBe(
    'Market orders without market protection are not allowed via API. Please set market protection or use a Limit order.',
  );
  const stranger = await fetch(`${simulator.url}/orders/regular`, { method: 'POST' });
  expect(stranger.status).toBe(403);
  expect(await stranger.json()).toMatchObject({ error_type: 'TokenException' });
});

test('ten order requests a second for all apps of a user, refused ones too; reads count apart', async () => {
  nowMs = Math.ceil(nowMs / 60_000) * 60_000;
  const statuses: number[] = [];
  for (let i = 0; i < KITE_ORDER_REQUESTS_PER_S_MAX + 1; i++) {
    const authorization = i % 2 === 0 ? 'token key:token' : 'token key_2:token_2';
    const response = await fetch(`${simulator.url}/orders/regular/1`, {
      method: 'DELETE',
      headers: { authorization },
    });
    statuses.push(response.status);
    if (response.status === 429)
      expect(await response.json()).toEqual({
        status: 'error',
        message: 'Too many requests',
        error_type: 'NetworkException',
      });
  }
  expect(statuses).toEqual([...Array(KITE_ORDER_REQUESTS_PER_S_MAX).fill(400), 429]);
  for (let i = 0; i < KITE_OTHER_REQUESTS_PER_S_MAX; i++) expect(await rows()).toBeInstanceOf(Array);
  await expect(rows()).rejects.toMatchObject({ message: 'Too many requests' });
});
