// The sidecar as a whole, between a Kite and an edge that are both made for the test.
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, type Mock, test, vi } from 'vitest';
import { systemClock } from '../../ingest/clock.ts';
import { readConfig } from '../../ingest/config.ts';
import type { PinnedInstrument } from '../../ingest/core/demand.ts';
import type { KiteAccount } from '../../ingest/kite/account.ts';
import { KitePool } from '../../ingest/kite/pool.ts';
import type { Lease } from '../../ingest/lease-keeper.ts';
import { Sidecar, type SidecarOptions } from '../../ingest/sidecar.ts';
import { type DemandItem, decodeBatch } from '../../shared/frame.ts';
import { DEMAND_PLAN_MS_MIN, STATUS_NOT_PLACED_MAX } from '../../shared/limits.ts';
import { SHARD_COUNT, shardOf } from '../../shared/shard.ts';
import { AT } from '../../shared/tick.ts';
import { parseStatus } from '../../worker/routes/sidecar-status.ts';
import { accountOf } from './support/accounts.ts';
import { eventually } from './support/eventually.ts';
import { FakeEdge, type PostAnswer, type ReceivedPost } from './support/fake-edge.ts';
import { FakeKite } from './support/fake-kite.ts';
import { frameOf, fullPacket } from './support/kite-frames.ts';
import { ManualClock } from './support/manual-clock.ts';
import { recordingLog } from './support/recording-log.ts';
import { SettableSource } from './support/settable-source.ts';

const SECRET = 'a secret of more than thirty-two characters';
const INFY = 408_065;
const SBIN = 779_521;
const CSV =
  'instrument_token,tradingsymbol,name,expiry,strike,tick_size,lot_size,instrument_type,segment,exchange\r\n' +
  `${INFY},INFY,INFOSYS,,0,0.05,1,EQ,NSE,NSE\r\n` +
  `${SBIN},SBIN,STATE BANK OF INDIA,,0,0.05,1,EQ,NSE,NSE\r\n`;
/** One socket for one instrument. */
const SMALL = { connectionsMax: 1, instrumentsMax: 1 };

let kite: FakeKite;
let edge: FakeEdge;
let rest: Server;
let isDumpUp: boolean;
let csv: string;
let sidecar: Sidecar;
let accounts: SettableSource<readonly KiteAccount[]>;
let pinned: SettableSource<readonly PinnedInstrument[]>;
let onSuperseded: Mock<(reason: string) => void>;

/** What the shards want; each has its own memory, with a version of its demand. */
let demand: { version: number; items: DemandItem[] };
let boot: number;

function answerBatch(post: ReceivedPost): PostAnswer {
  if (post.path === '/ingest/status') return [200, { taken: true }];
  const { shard, epoch, seq, boot: knownBoot, demandVersion } = decodeBatch(post.body);
  const isCurrent = knownBoot === boot && demandVersion === demand.version;
  const items = demand.items.filter(([token]) => shardOf(token) === shard);
  return [200, { epoch, seq, boot, ...(isCurrent ? {} : { demand: { version: demand.version, items } }) }];
}

beforeEach(async () => {
  kite = await FakeKite.start();
  edge = await FakeEdge.start(SECRET);
  edge.answer = answerBatch;
  demand = { version: 1, items: [] };
  boot = 7;
  isDumpUp = true;
  csv = CSV;
  rest = createServer((_request, response) => {
    response.writeHead(isDumpUp ? 200 : 502, { 'content-type': 'text/csv' });
    response.end(csv);
  });
  await new Promise<void>((resolve) => rest.listen(0, '127.0.0.1', resolve));
  onSuperseded = vi.fn();
  accounts = new SettableSource<readonly KiteAccount[]>([accountOf('primary')]);
  pinned = new SettableSource<readonly PinnedInstrument[]>([]);
  sidecar = newSidecar();
});

function newSidecar(parts: Partial<SidecarOptions> = {}): Sidecar {
  return new Sidecar({
    config: readConfig({
      KITE_API_KEY: 'key',
      KITE_ACCESS_TOKEN: 'token',
      KITE_API_ROOT: `http://127.0.0.1:${(rest.address() as AddressInfo).port}`,
      KITE_WS_ROOT: kite.url,
      EDGE_URL: edge.url,
      INGEST_SECRET: SECRET,
      TICK_BATCH_WINDOW_MS: '10',
    }),
    accounts,
    pinned,
    clock: systemClock,
    random: () => 0,
    log: recordingLog().log,
    onSuperseded,
    ...parts,
  });
}

afterEach(async () => {
  sidecar.stop();
  await kite.stop();
  await edge.stop();
  rest.closeAllConnections();
  await new Promise((resolve) => rest.close(resolve));
});

const want = (...items: DemandItem[]) => {
  demand = { version: demand.version + 1, items };
};
const posts = () => edge.posts.filter(({ path }) => path !== '/ingest/control');
const batchesWithTicks = () => edge.batches.filter(({ tickCount }) => tickCount > 0);

test('a wish becomes a subscription, a subscription a tick, and the tick follows its definition', async () => {
  sidecar.start();
  await eventually(() => expect(sidecar.status().instruments.status).toBe('ok'));
  want([INFY as never, 'full']);
  await eventually(() =>
    expect(kite.last.commands).toEqual([
      { a: 'subscribe', v: [INFY] },
      { a: 'mode', v: ['full', [INFY]] },
    ]),
  );
  kite.last.socket.send(frameOf([fullPacket(INFY, { price: 150_000 })]));
  await eventually(() => expect(batchesWithTicks()).toHaveLength(1));
  const [batch] = batchesWithTicks();
  expect(batch).toMatchObject({ shard: shardOf(INFY), boot: 7, roundShards: 1 });
  expect(batch?.definitions).toEqual([
    expect.objectContaining({ instrument_token: INFY, tradingsymbol: 'INFY' }),
  ]);
  expect(batch?.ticks[AT.lastPrice / 4]).toBe(150_000);
  await eventually(() => {
    const status = edge.posts.filter(({ path }) => path === '/ingest/status').at(-1);
    expect(parseStatus(status?.body ?? Buffer.of())).toMatchObject({
      running: true,
      active_subscriptions: 1,
      desired: 1,
      not_placed: 0,
      not_placed_tokens: [],
      ticks_received: 1,
      ticks_posted: 1,
      accounts: [{ id: 'primary', state: 'ok' }],
    });
  });
  expect(JSON.stringify(sidecar.status())).not.toMatch(/token"|secret|api_key/);
});

test('the feed is in the reports, with the sockets and the ticks that it is judged by', async () => {
  sidecar.start();
  const reported = () => {
    const post = edge.posts.filter(({ path }) => path === '/ingest/status').at(-1);
    return parseStatus(post?.body ?? Buffer.of()).feed;
  };
  await eventually(() => expect(reported()).toMatchObject({ state: 'quiet', reason: 'nothing_subscribed' }));
  expect(reported()).toMatchObject({ sockets_alive: 1, sockets_wanted: 1, silent_segments: [] });
  expect(reported()).not.toHaveProperty('last_tick_at');
  want([INFY as never, 'full']);
  await eventually(() => expect(kite.last.commands).toHaveLength(2));
  const beforeMs = Date.now();
  kite.last.socket.send(frameOf([fullPacket(INFY, { price: 150_000 })]));
  await eventually(() => expect(reported().last_tick_at).toBeGreaterThanOrEqual(beforeMs));
});

test('a shard that lost its memory is given the last value again without a new tick', async () => {
  want([INFY as never, 'full']);
  sidecar.start();
  await eventually(() => expect(kite.last.commands).toHaveLength(2));
  kite.last.socket.send(frameOf([fullPacket(INFY, { price: 150_000 })]));
  await eventually(() => expect(batchesWithTicks()).toHaveLength(1));
  boot = 8;
  await eventually(() => expect(batchesWithTicks()).toHaveLength(2));
  expect(batchesWithTicks()[1]).toMatchObject({ boot: 8, tickCount: 1 });
  expect(batchesWithTicks()[1]?.knownTokens).toContain(INFY);
  expect(batchesWithTicks()[1]?.definitions).toHaveLength(1);
});

test('a wish from before the instruments are there is fulfilled when they come', async () => {
  isDumpUp = false;
  want([INFY as never, 'ltp']);
  sidecar.start();
  await eventually(() => expect(sidecar.status().instruments.status).toBe('failed'));
  await eventually(() => expect(edge.batches.length).toBeGreaterThanOrEqual(16));
  expect(sidecar.status().desired).toBe(0);
  isDumpUp = true;
  await eventually(() => expect(kite.last.commands).toContainEqual({ a: 'mode', v: ['ltp', [INFY]] }));
});

test('what is pinned streams without a client, and before what clients want; what has no place is reported by token', async () => {
  accounts.set([accountOf('primary', SMALL)]);
  want([INFY as never, 'ltp']);
  sidecar.start();
  await eventually(() => expect(kite.last.commands).toContainEqual({ a: 'mode', v: ['ltp', [INFY]] }));
  pinned.set([{ token: SBIN as never, mode: 'full' }]);
  expect(sidecar.status()).toMatchObject({ desired: 2, not_placed: 1, not_placed_tokens: [INFY] });
  await eventually(() =>
    expect(kite.last.commands.slice(-3)).toEqual([
      { a: 'unsubscribe', v: [INFY] },
      { a: 'subscribe', v: [SBIN] },
      { a: 'mode', v: ['full', [SBIN]] },
    ]),
  );
  accounts.set([accountOf('primary', SMALL), accountOf('second', SMALL)]);
  expect(sidecar.status()).toMatchObject({ not_placed: 0, not_placed_tokens: [] });
  await eventually(() => expect(sidecar.status().active_subscriptions).toBe(2));
  expect(sidecar.status().accounts).toMatchObject([
    { id: 'primary', state: 'ok', capacity: 1, instruments: 1, room: 0 },
    { id: 'second', state: 'ok', capacity: 1, instruments: 1, room: 0 },
  ]);
  const [moved] = kite.openSockets('key-second');
  moved?.socket.send(frameOf([fullPacket(INFY, { price: 150_000 })]));
  await eventually(() => expect(batchesWithTicks()).toHaveLength(1));
  pinned.set([]);
  await eventually(() => expect(kite.sockets[0]?.commands.at(-1)).toEqual({ a: 'unsubscribe', v: [SBIN] }));
});

test('of very many without a place the report counts all, and names those of the highest priority', async () => {
  const tokens = Array.from({ length: STATUS_NOT_PLACED_MAX + 2 }, (_, i) => ((i + 1) << 8) | 1);
  csv += tokens.map((token) => `${token},SYM${token},,,0,0.05,1,EQ,NSE,NSE\r\n`).join('');
  accounts.set([accountOf('primary', SMALL)]);
  want([INFY as never, 'full']);
  pinned.set(tokens.map((token) => ({ token: token as never, mode: 'ltp' })));
  sidecar.start();
  await eventually(() =>
    expect(sidecar.status()).toMatchObject({
      not_placed: STATUS_NOT_PLACED_MAX + 2,
      not_placed_tokens: tokens.slice(1, STATUS_NOT_PLACED_MAX + 1),
    }),
  );
});

test('an account that is lost gives its instruments to another, and no client gets an older value for it', async () => {
  accounts.set([accountOf('primary', SMALL), accountOf('second', SMALL)]);
  want([INFY as never, 'full']);
  sidecar.start();
  await eventually(() => expect(kite.openSockets('key-primary')[0]?.commands).toHaveLength(2));
  const nowS = Math.floor(Date.now() / 1_000);
  const tick = (price: number, exchangeTimeS: number) =>
    frameOf([fullPacket(INFY, { price, exchangeTimeS })]);
  kite.last.socket.send(Uint8Array.of(0));
  kite.openSockets('key-primary')[0]?.socket.send(tick(150_000, nowS));
  await eventually(() => expect(batchesWithTicks()).toHaveLength(1));
  kite.answers.set('key-primary', 403);
  kite.openSockets('key-primary')[0]?.socket.terminate();
  await eventually(() =>
    expect(kite.openSockets('key-second')[0]?.commands).toContainEqual({ a: 'subscribe', v: [INFY] }),
  );
  const [second] = kite.openSockets('key-second');
  second?.socket.send(tick(149_000, nowS - 30));
  second?.socket.send(tick(151_000, nowS + 1));
  await eventually(() => expect(batchesWithTicks()).toHaveLength(2));
  expect(batchesWithTicks().map(({ ticks }) => ticks[AT.lastPrice / 4])).toEqual([150_000, 151_000]);
  expect(sidecar.status().ticks_rejected.out_of_order).toBe(1);
  expect(sidecar.status().accounts[0]?.state).toBe('unauthorized');
});

test('demand of all shards that comes together is one plan after the first, and none is lost', async () => {
  const planned = vi.spyOn(KitePool.prototype, 'setDesired');
  const clock = new ManualClock();
  sidecar = newSidecar({ clock });
  sidecar.start();
  const answered = async (action: () => void) => {
    const { length } = edge.batches;
    action();
    await eventually(() => {
      clock.advance(0);
      expect(edge.batches.length).toBeGreaterThanOrEqual(length + SHARD_COUNT);
      expect(sidecar.status()).toMatchObject({ batches_posted: edge.batches.length });
    });
  };
  await eventually(() => {
    clock.advance(0);
    expect(sidecar.status().instruments.status).toBe('ok');
  });
  await answered(() => clock.advance(1_000));
  want([INFY as never, 'full'], [SBIN as never, 'full']);
  planned.mockClear();
  await answered(() => clock.advance(1_000));
  expect(planned).toHaveBeenCalledTimes(1);
  clock.advance(DEMAND_PLAN_MS_MIN);
  expect(planned).toHaveBeenCalledTimes(2);
  expect(sidecar.status().desired).toBe(2);
  // Nothing has changed: nothing is planned.
  clock.advance(DEMAND_PLAN_MS_MIN * 5);
  expect(planned).toHaveBeenCalledTimes(2);
  planned.mockRestore();
});

test('when a later sidecar is active it closes everything and says so', async () => {
  sidecar.start();
  await eventually(() => expect(kite.openCount).toBe(1));
  edge.answer = () => [409, { error: 'ingest_superseded' }];
  await eventually(() => expect(onSuperseded).toHaveBeenCalledTimes(1));
  await eventually(() => expect(kite.openCount).toBe(0));
  expect(sidecar.status().running).toBe(false);
  expect(accounts.isStarted || pinned.isStarted).toBe(false);
});

test('nothing is posted before the lease is confirmed, and nothing after it is lost', async () => {
  sidecar.stop();
  let confirm: () => void = () => undefined;
  const confirmed = new Promise<void>((resolve) => {
    confirm = resolve;
  });
  let isLost = false;
  const asked = { passed: 0, refused: 0 };
  const lease: Lease = {
    state: 'held',
    confirm: async () => {
      await confirmed;
      if (isLost) asked.refused++;
      else asked.passed++;
      if (isLost) throw new Error('the lease is not ours');
    },
  };
  sidecar = newSidecar({ epoch: 1_764_000_000_000, lease });
  sidecar.start();
  await eventually(() => expect(sidecar.status().instruments.status).toBe('ok'));
  expect(posts()).toEqual([]);
  confirm();
  await eventually(() => expect(edge.batches.length).toBeGreaterThan(SHARD_COUNT));
  expect(new Set(edge.batches.map(({ epoch }) => epoch))).toEqual(new Set([1_764_000_000_000]));
  isLost = true;
  await eventually(() => expect(asked.refused).toBeGreaterThan(SHARD_COUNT));
  await eventually(() => expect(posts()).toHaveLength(asked.passed));
});
