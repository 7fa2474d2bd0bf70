// Greeks through the sidecar as a whole: what it subscribes for them at Kite, and what it posts to the shards.
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { systemClock } from '../../ingest/clock.ts';
import { readConfig } from '../../ingest/config.ts';
import { Sidecar } from '../../ingest/sidecar.ts';
import { constantSource } from '../../ingest/source.ts';
import { type DemandItem, decodeBatch } from '../../shared/frame.ts';
import { shardOf } from '../../shared/shard.ts';
import { readTick, recordWords, type Tick } from '../../shared/tick.ts';
import { accountOf } from './support/accounts.ts';
import { eventually } from './support/eventually.ts';
import { FakeEdge, type PostAnswer, type ReceivedPost } from './support/fake-edge.ts';
import { FakeKite } from './support/fake-kite.ts';
import { frameOf, fullPacket, indexPacket } from './support/kite-frames.ts';
import { recordingLog } from './support/recording-log.ts';

const SECRET = 'a secret of more than thirty-two characters';
const NIFTY_50 = 256_265;
const CALL = (40_000 << 8) | 2;
const PUT = (40_001 << 8) | 2;
const FUTURE = (40_002 << 8) | 2;
const DAY_MS = 86_400_000;
/** In a week, whatever day it is: the exchange's time is the one of now. */
const EXPIRY = new Date(Date.now() + 7 * DAY_MS).toISOString().slice(0, 10);
const CSV =
  'instrument_token,tradingsymbol,name,expiry,strike,tick_size,lot_size,instrument_type,segment,exchange\r\n' +
  `${NIFTY_50},NIFTY 50,NIFTY 50,,0,0,0,EQ,INDICES,NSE\r\n` +
  `${CALL},NIFTY24500CE,NIFTY,${EXPIRY},24500,0.05,65,CE,NFO-OPT,NFO\r\n` +
  `${PUT},NIFTY24500PE,NIFTY,${EXPIRY},24500,0.05,65,PE,NFO-OPT,NFO\r\n` +
  `${FUTURE},NIFTYFUT,NIFTY,${EXPIRY},0,0.1,65,FUT,NFO-FUT,NFO\r\n`;

interface KiteCommand {
  readonly a: string;
  readonly v: readonly unknown[];
}

let kite: FakeKite;
let edge: FakeEdge;
let rest: Server;
let sidecar: Sidecar;
let demand: readonly DemandItem[];
let boot: number;

function answerBatch(post: ReceivedPost): PostAnswer {
  if (post.path === '/ingest/status') return [200, { taken: true }];
  const { shard, epoch, seq, boot: knownBoot } = decodeBatch(post.body);
  const items = demand.filter(([token]) => shardOf(token) === shard);
  return [200, { epoch, seq, boot, ...(knownBoot === boot ? {} : { demand: { version: boot, items } }) }];
}

beforeEach(async () => {
  kite = await FakeKite.start();
  edge = await FakeEdge.start(SECRET);
  edge.answer = answerBatch;
  demand = [[CALL as never, 'full']];
  boot = 7;
  rest = createServer((_request, response) => {
    response.writeHead(200, { 'content-type': 'text/csv' });
    response.end(CSV);
  });
  await new Promise<void>((resolve) => rest.listen(0, '127.0.0.1', resolve));
  sidecar = new Sidecar({
    config: readConfig({
      KITE_API_KEY: 'key',
      KITE_ACCESS_TOKEN: 'token',
      KITE_API_ROOT: `http://127.0.0.1:${(rest.address() as AddressInfo).port}`,
      KITE_WS_ROOT: kite.url,
      EDGE_URL: edge.url,
      INGEST_SECRET: SECRET,
      TICK_BATCH_WINDOW_MS: '10',
    }),
    accounts: constantSource([accountOf('primary')]),
    pinned: constantSource([]),
    clock: systemClock,
    random: () => 0,
    log: recordingLog().log,
    onSuperseded: () => undefined,
  });
});

afterEach(async () => {
  sidecar.stop();
  await kite.stop();
  await edge.stop();
  rest.closeAllConnections();
  await new Promise((resolve) => rest.close(resolve));
});

function ticksOf(token: number): Tick[] {
  return edge.batches.flatMap(({ ticks }) => {
    const view = new DataView(ticks.buffer, ticks.byteOffset, ticks.byteLength);
    const found: Tick[] = [];
    for (let at = 0; at < ticks.length; at += recordWords(ticks[at + 1] as number)) {
      found.push(readTick(view, at * 4));
    }
    return found.filter((tick) => tick.token === token);
  });
}

const nowS = () => Math.floor(Date.now() / 1_000);
const book = (token: number, rupees: number) =>
  fullPacket(token, {
    price: rupees * 100,
    bid: rupees * 100 - 10,
    ask: rupees * 100 + 10,
    exchangeTimeS: nowS(),
  });

test('an option that is wanted gets spot and future at Kite, Greeks in its tick, and new ones when the future moves', async () => {
  sidecar.start();
  const commands = () => kite.sockets.flatMap((socket) => socket.commands as KiteCommand[]);
  const subscribed = () => commands().flatMap(({ a, v }) => (a === 'subscribe' ? v : []));
  await eventually(() => expect(new Set(subscribed())).toEqual(new Set([CALL, NIFTY_50, FUTURE])));
  expect(sidecar.status()).toMatchObject({ not_placed: 0 });
  const future = (rupees: number) => book(FUTURE, rupees);
  kite.last.socket.send(frameOf([indexPacket(NIFTY_50, 24_450_00, nowS()), future(24_500), book(CALL, 250)]));
  await eventually(() => expect(ticksOf(CALL)).toHaveLength(1));
  const [first] = ticksOf(CALL);
  expect(first?.greeks).toMatchObject({
    status: 'ok',
    forwardSource: 'future',
    forward: 24_500_00,
    underlying: 24_450_00,
    delta: expect.closeTo(0.5, 1),
  });
  // Nothing else ticks: what is due is found by the beat of the heartbeats.
  kite.last.socket.send(frameOf([future(24_520)]));
  await eventually(() => expect(ticksOf(CALL)).toHaveLength(2));
  const [, second] = ticksOf(CALL);
  expect(second).toMatchObject({ receivedAtMs: first?.receivedAtMs, greeks: { forward: 24_520_00 } });
  boot = 8;
  await eventually(() => expect(ticksOf(CALL)).toHaveLength(3));
  expect(ticksOf(CALL)[2]?.greeks).toEqual(second?.greeks);
});
