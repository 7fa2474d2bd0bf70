// Numbered order events: each once and in order, whatever was lost, repeated or evicted, and to who comes back what was missed.
import { createExecutionContext, evictDurableObject, runDurableObjectAlarm } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import {
  CLIENT_BACKLOG_BYTES_MAX,
  CLIENT_BUFFERED_BYTES_MAX,
  CLIENT_STALLED_MS_MAX,
  INTEREST_LEASE_MS,
  ORDER_EVENTS_MISSED_MAX,
  ORDER_EVENTS_PAGE_ROWS,
} from '../../../shared/limits.ts';
import type { Env } from '../../../worker/env.ts';
import { ClientGateway } from '../../../worker/index.ts';
import { type Sql, withDatabase } from '../../../worker/store/db.ts';
import { type Message, TestClient } from '../../support/edge/client.ts';
import { ControlDialer } from '../../support/edge/control-dialer.ts';
import { KiteClient } from '../../support/edge/kite-client.ts';
import { mintToken } from '../../support/edge/tokens.ts';

const testEnv = env as unknown as Env;
const database = <T>(work: (sql: Sql) => Promise<T>) => withDatabase(testEnv, createExecutionContext(), work);
const gateway = () => env.CLIENT_GATEWAY.getByName('gw:apac-se:0');

const sockets: WebSocket[] = [];
let sidecar: ControlDialer;

function keep<T extends { readonly socket: WebSocket }>(client: T): T {
  sockets.push(client.socket);
  return client;
}

let lastUser = 0;
const tokenWith = (...permissions: string[]) =>
  mintToken({ claims: { sub: `orders_${++lastUser}`, permissions } });
const connect = async (...permissions: string[]) =>
  keep(await TestClient.connect(await tokenWith(...permissions)));
const reader = () => connect('market:read', 'orders:read');

const orderOf = (seq: number) => ({
  order_id: `1953341975595868${seq}`,
  status: 'OPEN',
  filled_quantity: seq,
});

/** As the sidecar stores them, whether or not it tells of them. */
const store = (first: number, last = first) =>
  database(
    (sql) => sql`
      insert into order_events (seq, account_id, order_id, payload)
      select n, 'main', '1953341975595868' || n, json_build_object(
        'order_id', '1953341975595868' || n, 'status', 'OPEN', 'filled_quantity', n)
      from generate_series(${first}::int, ${last}::int) n`,
  );

async function tell(...seqs: number[]): Promise<void> {
  for (const seq of seqs) {
    const payload = JSON.stringify({ seq, account_id: 'main', order: orderOf(seq) });
    sidecar.send({ kind: 'notice', name: 'order_event', payload });
  }
  await sidecar.flushed();
}

async function happen(first: number, last = first): Promise<void> {
  await store(first, last);
  await tell(...Array.from({ length: last - first + 1 }, (_, i) => first + i));
}

const updatesIn = (messages: readonly Message[]) => messages.filter(({ type }) => type === 'order_update');
const seqsOf = (client: TestClient) => updatesIn(client.messages).map(({ order_seq: seq }) => seq);
const range = (first: number, last: number) => Array.from({ length: last - first + 1 }, (_, i) => first + i);

async function untilSeq(client: TestClient, seq: number): Promise<void> {
  while (!seqsOf(client).includes(seq)) await client.next('order_update');
}

/** Everything that was on its way to the client is there. */
async function settled(client: TestClient): Promise<void> {
  client.send({ action: 'list', id: 'settled' });
  await client.next('subscriptions');
}

async function resume(client: TestClient, after?: number): Promise<Message> {
  client.send({ action: 'subscribe', kind: 'orders', after, id: 'orders' });
  return client.next('subscribed');
}

beforeEach(async () => {
  await database((sql) => sql`truncate order_events`);
  sidecar = keep(await ControlDialer.open());
});
afterEach(async () => {
  vi.restoreAllMocks();
  vi.useRealTimers();
  const open = sockets.splice(0).filter(({ readyState }) => readyState === WebSocket.OPEN);
  const gone = open.map((socket) => new Promise((resolve) => socket.addEventListener('close', resolve)));
  for (const socket of open) socket.close(1000);
  await Promise.all(gone);
  // Nobody listens any more: what the next test numbers from 1 is not behind what this one has had.
  await gateway().orderEvent({ seq: 1, accountId: '', order: '{}' });
});

describe('live', () => {
  test('each has its number and account; Kite’s own clients are told as before', async () => {
    const client = await reader();
    const kite = keep(await KiteClient.connect(await tokenWith('market:read', 'orders:read')));
    await kite.until(() => kite.feedTexts.length > 0);
    const untold = await connect('orders:write');
    await happen(1, 2);
    const update = { type: 'order_update', order_seq: 1, account_id: 'main', data: orderOf(1) };
    expect(await client.next('order_update')).toEqual(update);
    expect(await client.next('order_update')).toEqual({ ...update, order_seq: 2, data: orderOf(2) });
    expect(await kite.text()).toEqual({ type: 'order', data: orderOf(1) });
    expect(await kite.text()).toEqual({ type: 'order', data: orderOf(2) });
    await settled(untold);
    expect(seqsOf(untold)).toEqual([]);
  });

  test('repeats are passed over, and behind a gap comes what was missed, in order', async () => {
    const clients = [await reader(), await reader()];
    await happen(1, 2);
    await store(3, 6);
    await tell(2, 1, 2, 6, 4, 6, 3);
    for (const client of clients) await untilSeq(client, 6);
    await happen(7);
    for (const client of clients) {
      await untilSeq(client, 7);
      await settled(client);
      expect(seqsOf(client)).toEqual(range(1, 7));
      expect(updatesIn(client.messages).map(({ data }) => data)).toEqual(range(1, 7).map(orderOf));
    }
  });

  test('more than a page of them, while others happen', async () => {
    const client = await reader();
    await happen(1);
    const last = 2 * ORDER_EVENTS_PAGE_ROWS + 10;
    await store(2, last);
    await tell(last);
    for (let seq = last + 1; seq <= last + 20; seq++) await happen(seq);
    await untilSeq(client, last + 20);
    await settled(client);
    expect(seqsOf(client)).toEqual(range(1, last + 20));
  });

  test('a gateway that did not get some has them from the table with the next one', async () => {
    const client = await reader();
    await happen(1);
    await untilSeq(client, 1);
    const lost = vi.spyOn(ClientGateway.prototype, 'orderEvent').mockImplementation(() => undefined);
    await happen(2, 3);
    lost.mockRestore();
    await happen(4);
    await untilSeq(client, 4);
    expect(seqsOf(client)).toEqual([1, 2, 3, 4]);
  });

  test('when no other event follows, it finds the lost ones by itself', async () => {
    const client = await reader();
    await happen(1);
    await untilSeq(client, 1);
    await store(2, 3);
    vi.useFakeTimers({ now: Date.now() + INTEREST_LEASE_MS, toFake: ['Date'] });
    expect(await runDurableObjectAlarm(gateway())).toBe(true);
    vi.useRealTimers();
    await untilSeq(client, 3);
    expect(seqsOf(client)).toEqual([1, 2, 3]);
  });

  test('an evicted gateway goes on where it was, for clients that did not notice', async () => {
    const client = await reader();
    await happen(1, 2);
    await untilSeq(client, 2);
    await evictDurableObject(gateway());
    await store(3, 4);
    await happen(5);
    await untilSeq(client, 5);
    await tell(2, 5);
    await settled(client);
    expect(seqsOf(client)).toEqual(range(1, 5));
  });

  test('a database that is away delays them, and loses none', async () => {
    const client = await reader();
    await happen(1);
    await untilSeq(client, 1);
    await database((sql) => sql`alter table order_events rename to order_events_away`);
    await tell(3);
    await settled(client);
    expect(seqsOf(client)).toEqual([1]);
    await database((sql) => sql`alter table order_events_away rename to order_events`);
    await store(2, 3);
    await happen(4);
    await untilSeq(client, 4);
    expect(seqsOf(client)).toEqual([1, 2, 3, 4]);
  });
});

describe('resumed', () => {
  test('without a position: the answer is one, and what comes then is behind it', async () => {
    await happen(1, 3);
    const client = await reader();
    expect(await resume(client)).toEqual({ type: 'subscribed', kind: 'orders', order_seq: 3, id: 'orders' });
    await happen(4);
    await untilSeq(client, 4);
    expect(seqsOf(client)).toEqual([4]);
  });

  test('all that was missed comes, in order and once, and then the live ones', async () => {
    const neighbour = await reader();
    await happen(1, 5);
    const client = await reader();
    expect(await resume(client, 2)).toMatchObject({ order_seq: 2, recovered: true });
    await happen(6);
    for (const each of [client, neighbour]) await untilSeq(each, 6);
    expect(seqsOf(client)).toEqual([3, 4, 5, 6]);
    expect(seqsOf(neighbour)).toEqual(range(1, 6));
    expect(updatesIn(client.messages).map(({ data }) => data)).toEqual(range(3, 6).map(orderOf));
    // Nothing is missing any more.
    expect(await resume(client, 6)).toMatchObject({ order_seq: 6, recovered: true });
    await settled(client);
    expect(seqsOf(client)).toEqual([3, 4, 5, 6]);
  });

  test('events that happen meanwhile come behind those that were missed, over many pages', async () => {
    const missed = 4 * ORDER_EVENTS_PAGE_ROWS + 7;
    await store(1, missed);
    const client = await reader();
    client.send({ action: 'subscribe', kind: 'orders', after: 0 });
    for (let seq = missed + 1; seq <= missed + 30; seq++) await happen(seq);
    await untilSeq(client, missed + 30);
    await settled(client);
    const seqs = seqsOf(client);
    // What came live before the answer comes again: the client had asked for it.
    const replayed = seqs.slice(seqs.lastIndexOf(1));
    expect(replayed).toEqual(range(1, missed + 30));
  });

  test('events that nobody was told of are found, for all', async () => {
    const neighbour = await reader();
    await happen(1);
    await store(2, 4);
    const client = await reader();
    expect(await resume(client, 1)).toMatchObject({ recovered: true });
    for (const each of [client, neighbour]) await untilSeq(each, 4);
    expect(seqsOf(client)).toEqual([2, 3, 4]);
    expect(seqsOf(neighbour)).toEqual([1, 2, 3, 4]);
  });

  test('an eviction, a cut and events between: nothing is lost for who resumes', async () => {
    const first = await reader();
    await happen(1, 2);
    await untilSeq(first, 2);
    first.socket.close(4321);
    await first.closed;
    await evictDurableObject(gateway());
    await happen(3, 4);
    await store(5);
    const second = await reader();
    expect(await resume(second, 2)).toMatchObject({ order_seq: 2, recovered: true });
    await untilSeq(second, 5);
    expect(seqsOf(second)).toEqual([3, 4, 5]);
  });

  test('what is too much, too old or of another table is not begun, and told so', async () => {
    const last = ORDER_EVENTS_MISSED_MAX + 10;
    await store(1, last);
    const client = await reader();
    const lost = { order_seq: last, recovered: false };
    expect(await resume(client, 9)).toMatchObject(lost);
    expect(await resume(client, last + 1)).toMatchObject(lost);
    await database((sql) => sql`delete from order_events where seq <= 20`);
    expect(await resume(client, 19)).toMatchObject(lost);
    expect(seqsOf(client)).toEqual([]);
    expect(await resume(client, 20)).toMatchObject({ order_seq: 20, recovered: true });
    await untilSeq(client, last);
    expect(seqsOf(client)).toEqual(range(21, last));
    await happen(last + 1);
    await untilSeq(client, last + 1);
  });

  test('needs the permission, and a number', async () => {
    const client = await connect('market:read');
    client.send({ action: 'subscribe', kind: 'orders', after: 1, id: 7 });
    expect(await client.next('error')).toMatchObject({ code: 'forbidden', id: 7 });
    for (const after of [-1, 1.5, '1', null, 2 ** 53]) {
      client.send({ action: 'subscribe', kind: 'orders', after });
      expect(await client.next('error')).toMatchObject({ code: 'invalid_parameter' });
    }
    client.send({ action: 'unsubscribe', kind: 'orders' });
    expect(await client.next('error')).toMatchObject({ code: 'invalid_parameter' });
    await happen(1);
    await settled(client);
    expect(seqsOf(client)).toEqual([]);
  });

  test('a database that is away is told, and the client may ask again', async () => {
    await store(1, 3);
    const client = await reader();
    await database((sql) => sql`alter table order_events rename to order_events_away`);
    client.send({ action: 'subscribe', kind: 'orders', after: 1, id: 1 });
    expect(await client.next('error')).toMatchObject({ id: 1 });
    await database((sql) => sql`alter table order_events_away rename to order_events`);
    expect(await resume(client, 1)).toMatchObject({ order_seq: 1, recovered: true });
    await untilSeq(client, 3);
    expect(seqsOf(client)).toEqual([2, 3]);
  });
});

describe('a client that does not read', () => {
  /** What the runtime says of every socket. */
  function buffer(bytesOf: () => number): void {
    vi.spyOn(WebSocket.prototype, 'bufferedAmount', 'get').mockImplementation(bytesOf);
  }

  test('is sent what it missed as its socket empties', async () => {
    await store(1, 10);
    const client = await reader();
    let looks = 0;
    buffer(() => (looks++ % 5 < 4 ? CLIENT_BACKLOG_BYTES_MAX + 5 - (looks % 5) : 0));
    await resume(client, 0);
    await untilSeq(client, 10);
    expect(seqsOf(client)).toEqual(range(1, 10));
    expect(looks).toBeGreaterThanOrEqual(40);
  });

  test('is closed when its socket takes nothing for long, never left without an event', async () => {
    await store(1, 10);
    const client = await reader();
    vi.useFakeTimers({ now: Date.now(), toFake: ['Date'] });
    buffer(() => {
      vi.setSystemTime(Date.now() + CLIENT_STALLED_MS_MAX / 4);
      return CLIENT_BACKLOG_BYTES_MAX + 1;
    });
    await resume(client, 0);
    expect((await client.closed).code).toBe(4008);
    expect(seqsOf(client)).toEqual([]);
  });

  test('is closed when live events fill its socket', async () => {
    const client = await reader();
    await happen(1);
    await untilSeq(client, 1);
    buffer(() => CLIENT_BUFFERED_BYTES_MAX + 1);
    await happen(2);
    expect((await client.closed).code).toBe(4008);
    vi.restoreAllMocks();
    const again = await reader();
    expect(await resume(again, 1)).toMatchObject({ recovered: true });
    await untilSeq(again, 2);
  });
});
