import { afterEach, beforeEach, expect, test } from 'vitest';
import type { ConnectionMoves } from '../../../ingest/core/placement.ts';
import { KiteConnection } from '../../../ingest/kite/connection.ts';
import type { TextMessage } from '../../../ingest/kite/text-message.ts';
import {
  KITE_BACKOFF_MS_MAX,
  KITE_FRAME_BYTES_MAX,
  KITE_HANDSHAKE_MS_MAX,
  KITE_SILENCE_MS_MAX,
  KITE_STABLE_MS,
  KITE_THROTTLED_BACKOFF_MS_MIN,
  KITE_TOKENS_PER_MESSAGE_MAX,
} from '../../../shared/limits.ts';
import { eventually } from '../support/eventually.ts';
import { FakeKite } from '../support/fake-kite.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { recordingLog } from '../support/recording-log.ts';

const TOKEN = 'to+ken/with=signs&more';
let kite: FakeKite;
let clock: ManualClock;
let connections: KiteConnection[];

beforeEach(async () => {
  kite = await FakeKite.start();
  clock = new ManualClock();
  connections = [];
});

afterEach(async () => {
  for (const connection of connections) connection.stop();
  await kite.stop();
});

function connect(random = () => 0.5, afterFrame: (connection: KiteConnection) => void = () => undefined) {
  const frames: { bytes: Uint8Array; receivedAtMs: number }[] = [];
  const texts: TextMessage[] = [];
  const tooBig = { count: 0 };
  const { log, lines } = recordingLog([TOKEN]);
  const connection = new KiteConnection({
    id: 'test/0',
    wsRoot: kite.url,
    wsParameters: 'user_id=AB1234',
    apiKey: 'api key',
    accessToken: TOKEN,
    clock,
    random,
    log,
    onFrame: (bytes, receivedAtMs) => {
      frames.push({ bytes: bytes.slice(), receivedAtMs });
      afterFrame(connection);
    },
    onFrameTooBig: () => {
      tooBig.count++;
    },
    onText: (message) => texts.push(message),
  });
  connections.push(connection);
  connection.start();
  return { connection, frames, texts, tooBig, lines };
}

const reached = (connection: KiteConnection, kind: string) =>
  eventually(() => expect(connection.state.kind).toBe(kind));
const moves = (parts: Partial<ConnectionMoves>): ConnectionMoves => ({
  unsubscribe: [],
  subscribe: [],
  changeMode: [],
  ...parts,
});
const tokens = (count: number) => Array.from({ length: count }, (_, i) => ((i + 1) << 8) | 1) as never[];

test('credentials are in the URL, encoded, with the extra parameters', async () => {
  const { connection } = connect();
  await reached(connection, 'open');
  expect(Object.fromEntries(kite.last.query)).toEqual({
    user_id: 'AB1234',
    api_key: 'api key',
    access_token: TOKEN,
  });
});

test('hands on binary frames with the time of their arrival, and texts apart', async () => {
  const { connection, frames, texts, lines } = connect();
  await reached(connection, 'open');
  clock.advance(1_000);
  kite.last.socket.send(Uint8Array.of(0));
  kite.last.socket.send(Uint8Array.of(0, 0));
  kite.last.socket.send('{"type":"order","data":{"order_id":"1953341975595868160"}}');
  kite.last.socket.send('{"type":"error","data":"Can\'t subscribe to more than 3000 instruments."}');
  kite.last.socket.send('not json');
  kite.last.socket.send(Uint8Array.of(0, 1, 0, 0));
  await eventually(() => expect(frames).toHaveLength(3));
  expect(frames.map(({ bytes }) => bytes.length)).toEqual([1, 2, 4]);
  expect(frames[0]?.receivedAtMs).toBe(clock.wallMs());
  expect(texts.map(({ type }) => type)).toEqual(['order', 'error']);
  expect(lines.filter((line) => /more than 3000|unknown text/.test(line))).toHaveLength(2);
});

test('subscribes in messages of a bounded size, the mode right after each subscription', async () => {
  const { connection } = connect();
  await reached(connection, 'open');
  const all = tokens(KITE_TOKENS_PER_MESSAGE_MAX + 1);
  connection.apply(moves({ subscribe: all.map((token) => [token, 'full'] as const) }));
  await eventually(() => expect(kite.last.commands).toHaveLength(4));
  const last = all.at(-1);
  const firsts = all.slice(0, -1);
  expect(kite.last.commands).toEqual([
    { a: 'subscribe', v: firsts },
    { a: 'mode', v: ['full', firsts] },
    { a: 'subscribe', v: [last] },
    { a: 'mode', v: ['full', [last]] },
  ]);
});

test('makes room before it takes room, and changes modes in place', async () => {
  const { connection } = connect();
  const [a, b, c] = tokens(3) as [never, never, never];
  connection.apply(
    moves({
      subscribe: [
        [a, 'full'],
        [b, 'ltp'],
      ],
    }),
  );
  await reached(connection, 'open');
  await eventually(() => expect(kite.last.commands).toHaveLength(3));
  connection.apply(moves({ unsubscribe: [a], subscribe: [[c, 'quote']], changeMode: [[b, 'full']] }));
  await eventually(() => expect(kite.last.commands).toHaveLength(7));
  expect(kite.last.commands.slice(3)).toEqual([
    { a: 'unsubscribe', v: [a] },
    { a: 'subscribe', v: [c] },
    { a: 'mode', v: ['quote', [c]] },
    { a: 'mode', v: ['full', [b]] },
  ]);
});

test('a silent socket is cut off and replaced, with everything subscribed again', async () => {
  const { connection } = connect();
  await reached(connection, 'open');
  const [a, b] = tokens(2) as [never, never];
  connection.apply(
    moves({
      subscribe: [
        [a, 'full'],
        [b, 'quote'],
      ],
    }),
  );
  connection.apply(moves({ unsubscribe: [b] }));
  // A heartbeat is a sign of life: the watch starts anew from it.
  clock.advance(KITE_SILENCE_MS_MAX - 1);
  kite.last.socket.send(Uint8Array.of(0));
  await eventually(() => expect(connection.lastFrameAgeMs).toBe(0));
  clock.advance(KITE_SILENCE_MS_MAX - 1);
  expect(connection.state.kind).toBe('open');
  clock.advance(1);
  expect(connection.state).toMatchObject({
    kind: 'waiting',
    reason: 'no frame for 5000 ms',
    isThrottled: false,
  });
  await eventually(() => expect(kite.openCount).toBe(0));
  expect(kite.last.closeCode).toBe(1006);
  clock.advance(KITE_BACKOFF_MS_MAX);
  await reached(connection, 'open');
  expect(connection.reconnects).toBe(1);
  await eventually(() => expect(kite.last.commands).toHaveLength(2));
  expect(kite.last.commands).toEqual([
    { a: 'subscribe', v: [a] },
    { a: 'mode', v: ['full', [a]] },
  ]);
});

test('a live socket is never cut off by the deadline of its handshake', async () => {
  const { connection } = connect();
  await reached(connection, 'open');
  for (let passedMs = 0; passedMs < KITE_HANDSHAKE_MS_MAX * 2; passedMs += 1_000) {
    kite.last.socket.send(Uint8Array.of(0));
    await eventually(() => expect(connection.lastFrameAgeMs).toBe(0));
    clock.advance(1_000);
  }
  expect(connection.state.kind).toBe('open');
  expect(kite.upgrades).toBe(1);
});

test('what an old socket still says is ignored', async () => {
  const { connection, frames } = connect();
  await reached(connection, 'open');
  const old = kite.last.socket;
  // In the kernel's buffers when the watch strikes: read by nobody.
  old.send(Uint8Array.of(1, 2, 3));
  clock.advance(KITE_SILENCE_MS_MAX);
  clock.advance(KITE_BACKOFF_MS_MAX);
  await reached(connection, 'open');
  kite.last.socket.send(Uint8Array.of(9));
  await eventually(() => expect(frames.map(({ bytes }) => [...bytes])).toEqual([[9]]));
  expect(connection.state.kind).toBe('open');
  expect(kite.upgrades).toBe(2);
});

test('of frames that arrived in one piece, none is read after the one that made us stop', async () => {
  const { connection, frames } = connect(undefined, (reading) => reading.stop());
  await reached(connection, 'open');
  // Two unmasked binary messages of one byte each (RFC 6455, 5.2).
  kite.last.tcp.write(Uint8Array.of(0x82, 1, 7, 0x82, 1, 8));
  await eventually(() => expect(kite.last.closeCode).toBe(1006));
  expect(frames.map(({ bytes }) => [...bytes])).toEqual([[7]]);
});

test.each([403, 400])('%i stops all attempts until there is a new token', async (httpStatus) => {
  kite.answer = httpStatus;
  const { connection, lines } = connect();
  await reached(connection, 'unauthorized');
  expect(connection.state).toEqual({ kind: 'unauthorized', httpStatus });
  expect(clock.delaysMs).toEqual([]);
  clock.advance(24 * 3_600_000);
  connection.start();
  expect(kite.upgrades).toBe(1);
  expect(lines.join('')).not.toContain(TOKEN);
  kite.answer = 'accept';
  connection.setAccessToken(TOKEN);
  expect(connection.state.kind).toBe('unauthorized');
  connection.setAccessToken('tomorrow');
  expect(connection.state.kind).toBe('idle');
  connection.start();
  await reached(connection, 'open');
  expect(kite.last.query.get('access_token')).toBe('tomorrow');
});

test('429 waits long', async () => {
  kite.answer = 429;
  const { connection } = connect(() => 0);
  await reached(connection, 'waiting');
  expect(connection.state).toMatchObject({ isThrottled: true });
  expect(clock.delaysMs).toEqual([KITE_THROTTLED_BACKOFF_MS_MIN]);
});

test('a handshake that is never answered is given up', async () => {
  kite.answer = 'never';
  const { connection } = connect();
  await eventually(() => expect(kite.upgrades).toBe(1));
  clock.advance(KITE_HANDSHAKE_MS_MAX - 1);
  expect(connection.state.kind).toBe('connecting');
  clock.advance(1);
  expect(connection.state).toMatchObject({ kind: 'waiting', reason: 'no handshake within 8000 ms' });
  kite.answer = 'accept';
  clock.advance(KITE_BACKOFF_MS_MAX);
  await reached(connection, 'open');
});

test('waits grow with each failure, and shrink only after a socket has lived', async () => {
  kite.answer = 503;
  const { connection } = connect(() => 0.999);
  const delays: number[] = [];
  for (let attempt = 0; attempt < 9; attempt++) {
    await reached(connection, 'waiting');
    const delayMs = clock.delaysMs[0] as number;
    delays.push(delayMs);
    clock.advance(delayMs);
    expect(connection.state.kind).toBe('connecting');
  }
  expect(delays).toEqual([499, 999, 1_998, 3_996, 7_992, 15_984, 29_970, 29_970, 29_970]);
  await reached(connection, 'waiting');
  kite.answer = 'accept';
  clock.advance(KITE_BACKOFF_MS_MAX);
  await reached(connection, 'open');
  kite.last.socket.terminate();
  await reached(connection, 'waiting');
  expect(clock.delaysMs).toEqual([29_970]);
  clock.advance(KITE_BACKOFF_MS_MAX);
  await reached(connection, 'open');
  for (let passedMs = 0; passedMs < KITE_STABLE_MS; passedMs += 4_000) {
    clock.advance(4_000);
    kite.last.socket.send(Uint8Array.of(0));
    await eventually(() => expect(connection.lastFrameAgeMs).toBe(0));
  }
  kite.last.socket.terminate();
  await reached(connection, 'waiting');
  expect(clock.delaysMs).toEqual([499]);
});

test('a frame over the size limit is counted and costs the socket, not the process', async () => {
  const { connection, frames, tooBig } = connect();
  await reached(connection, 'open');
  kite.last.socket.send(new Uint8Array(KITE_FRAME_BYTES_MAX + 1));
  await reached(connection, 'waiting');
  expect(tooBig.count).toBe(1);
  expect(frames).toEqual([]);
});

test('a server that is not there is tried again', async () => {
  await kite.stop();
  const { connection } = connect();
  await reached(connection, 'waiting');
  expect(connection.state).toMatchObject({ reason: expect.stringContaining('ECONNREFUSED') });
  expect(clock.delaysMs).toHaveLength(1);
  kite = await FakeKite.start();
});

test('stopping while connecting or waiting leaves nothing behind', async () => {
  const first = connect();
  first.connection.stop();
  expect(first.connection.state.kind).toBe('stopped');
  kite.answer = 503;
  const second = connect();
  await reached(second.connection, 'waiting');
  second.connection.stop();
  expect(clock.delaysMs).toEqual([]);
  expect(kite.openCount).toBe(0);
});

test('recycled, an open socket is replaced by one with the same subscriptions; one that is not open is left alone', async () => {
  const { connection, lines } = connect();
  expect(connection.recycle('too soon')).toBe(false);
  await reached(connection, 'open');
  const [a] = tokens(1) as [never];
  connection.apply(moves({ subscribe: [[a, 'full']] }));
  const old = kite.last;
  expect(connection.recycle('heartbeats without ticks')).toBe(true);
  expect(connection.state).toMatchObject({ kind: 'waiting', reason: 'heartbeats without ticks' });
  expect(lines.join('')).toContain('heartbeats without ticks');
  expect(connection.recycle('again')).toBe(false);
  clock.advance(KITE_BACKOFF_MS_MAX);
  await reached(connection, 'open');
  await eventually(() => expect(kite.last.commands).toHaveLength(2));
  expect(kite.last).not.toBe(old);
  expect(kite.last.commands[0]).toEqual({ a: 'subscribe', v: [a] });
  expect(connection.reconnects).toBe(1);
});

test('without a token it asks nobody, and a token that is taken away ends its retries', async () => {
  const { connection } = connect();
  await reached(connection, 'open');
  connection.setAccessToken(undefined);
  expect(connection.state.kind).toBe('open');
  kite.last.socket.terminate();
  await reached(connection, 'waiting');
  clock.advance(KITE_BACKOFF_MS_MAX);
  expect(connection.state).toEqual({ kind: 'unauthorized' });
  expect(clock.delaysMs).toEqual([]);
  connection.setAccessToken('tomorrow');
  connection.start();
  await reached(connection, 'open');
  expect(kite.upgrades).toBe(2);
});

test('a handshake under way with the old token is left for one with the new', async () => {
  kite.answer = 'never';
  const { connection } = connect();
  await eventually(() => expect(kite.upgrades).toBe(1));
  kite.answer = 'accept';
  connection.setAccessToken('tomorrow');
  expect(connection.state.kind).toBe('idle');
  connection.start();
  await reached(connection, 'open');
  expect(kite.last.query.get('access_token')).toBe('tomorrow');
});

test('tells since when it is missing, and whether it has failed lately', async () => {
  const { connection } = connect(() => 0.5);
  expect(connection.missingSinceMs).toBe(clock.monotonicMs());
  await reached(connection, 'open');
  expect(connection.missingSinceMs).toBeUndefined();
  expect(connection.hasFailedLately).toBe(false);
  clock.advance(1_000);
  const lostAtMs = clock.monotonicMs();
  kite.answer = 503;
  kite.last.socket.terminate();
  await reached(connection, 'waiting');
  clock.advance(250);
  await reached(connection, 'waiting');
  // The time of the first loss, through all attempts.
  expect(connection.missingSinceMs).toBe(lostAtMs);
  kite.answer = 'accept';
  clock.advance(clock.delaysMs[0] as number);
  await reached(connection, 'open');
  expect(connection.missingSinceMs).toBeUndefined();
  expect(connection.hasFailedLately).toBe(true);
  for (let passedMs = 0; passedMs < KITE_STABLE_MS; passedMs += 1_000) {
    kite.last.socket.send(Uint8Array.of(0));
    await eventually(() => expect(connection.lastFrameAgeMs).toBe(0));
    clock.advance(1_000);
  }
  expect(connection.hasFailedLately).toBe(false);
  connection.stop();
  expect(connection.missingSinceMs).toBeUndefined();
});
