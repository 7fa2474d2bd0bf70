import { afterEach, beforeEach, expect, test } from 'vitest';
import { KitePool } from '../../../ingest/kite/pool.ts';
import type { TickMode } from '../../../shared/tick.ts';
import { eventually } from '../support/eventually.ts';
import { FakeKite } from '../support/fake-kite.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { recordingLog } from '../support/recording-log.ts';

let kite: FakeKite;
let pool: KitePool;
/** Ids of the sockets that frames came by. */
let frames: string[];

beforeEach(async () => {
  kite = await FakeKite.start();
  frames = [];
  pool = new KitePool({
    accountId: 'primary',
    wsRoot: kite.url,
    wsParameters: '',
    apiKey: 'key',
    accessToken: 'token',
    connectionsMax: 5,
    instrumentsMax: 2,
    clock: new ManualClock(),
    random: () => 0.5,
    log: recordingLog().log,
    onFrame: (_bytes, _receivedAtMs, connectionId) => frames.push(connectionId),
    onFrameTooBig: () => undefined,
  });
});

afterEach(async () => {
  pool.stop();
  await kite.stop();
});

const desired = (...tokens: number[]) => new Map(tokens.map((token) => [token as never, 'full' as TickMode]));

test('never more than three sockets, whatever is configured', () => {
  expect(pool.capacity).toBe(6);
  expect(pool.status().sockets).toHaveLength(3);
});

test('starts with one socket, and opens the others when there is something for them', async () => {
  pool.start();
  await eventually(() => expect(pool.status().state).toBe('ok'));
  expect(kite.openCount).toBe(1);
  expect(pool.apply(desired(257))).toEqual([]);
  expect(pool.status().sockets.map(({ state }) => state)).toEqual(['open', 'idle', 'idle']);
  expect(pool.apply(desired(257, 513, 769, 1_025, 1_281, 1_537, 1_793))).toEqual([1_793]);
  await eventually(() => expect(pool.activeSubscriptions).toBe(6));
  expect(kite.openCount).toBe(3);
  expect(pool.status().sockets.map(({ instruments }) => instruments)).toEqual([2, 2, 2]);
});

test('its state is that of the worst socket in use', async () => {
  pool.start();
  await eventually(() => expect(pool.status().state).toBe('ok'));
  kite.answer = 429;
  pool.apply(desired(257, 513));
  await eventually(() => expect(pool.status().state).toBe('throttled'));
  kite.answer = 403;
  pool.apply(desired(257, 513, 769));
  await eventually(() => expect(pool.status().state).toBe('unauthorized'));
  expect(pool.activeSubscriptions).toBe(1);
  kite.answer = 'accept';
  pool.setAccessToken('tomorrow');
  await eventually(() => expect(pool.status().state).toBe('ok'));
  expect(pool.activeSubscriptions).toBe(3);
  pool.stop();
  expect(pool.status().state).toBe('down');
});

test('recycles the named socket only, and tells by which one a frame came', async () => {
  pool.start();
  pool.apply(desired(257, 513, 769));
  await eventually(() => expect(kite.openCount).toBe(3));
  await eventually(() => expect(pool.status().state).toBe('ok'));
  for (const { socket } of kite.sockets) socket.send(Uint8Array.of(0));
  await eventually(() => expect(frames.sort()).toEqual(['primary/0', 'primary/1', 'primary/2']));
  expect(pool.recycle('primary/1')).toBe(true);
  expect(pool.recycle('primary/1')).toBe(false);
  expect(pool.recycle('secondary/0')).toBe(false);
  expect(pool.status().sockets.map(({ state }) => state)).toEqual(['open', 'waiting', 'open']);
});
