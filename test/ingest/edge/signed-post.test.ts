import { createHmac } from 'node:crypto';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { EdgeClient, SigningTimes, signPost } from '../../../ingest/edge/signed-post.ts';
import { BATCH_REPLY_BYTES_MAX, INGEST_POST_MS_MAX } from '../../../shared/limits.ts';
import { eventually } from '../support/eventually.ts';
import { FakeEdge } from '../support/fake-edge.ts';
import { ManualClock } from '../support/manual-clock.ts';

const SECRET = 'a secret of more than thirty-two characters';
let edge: FakeEdge;
let clock: ManualClock;
let client: EdgeClient;

beforeEach(async () => {
  edge = await FakeEdge.start(SECRET);
  clock = new ManualClock();
  client = new EdgeClient(edge.url, SECRET, clock);
});

afterEach(async () => {
  client.close();
  await edge.stop();
});

const body = Uint8Array.of(1, 2, 3);
const post = (path = '/ingest/batch/3', timeMs = 1) =>
  client.post(path, 'application/octet-stream', body, timeMs);

test('signs the time, the path and the body', () => {
  const expected = createHmac('sha256', SECRET)
    .update(Buffer.from('1764000000000\n/ingest/batch/3\n\x01\x02\x03', 'latin1'))
    .digest('hex');
  expect(signPost(SECRET, 1_764_000_000_000, '/ingest/batch/3', body)).toBe(expected);
});

test('the edge finds the signature good, and its answer comes back whole', async () => {
  edge.answer = () => [418, 'a text'];
  expect(await post()).toEqual({ httpStatus: 418, text: 'a text' });
  expect([...(edge.posts[0]?.body ?? [])]).toEqual([1, 2, 3]);
});

test('posts in sequence share one connection', async () => {
  for (let i = 0; i < 5; i++) await post();
  expect(edge.connections).toBe(1);
  expect(clock.delaysMs).toEqual([]);
});

test('no answer in time is an error', async () => {
  edge.answer = () => 'hang';
  const result = expect(post()).rejects.toThrow('no reply within 5000 ms');
  await eventually(() => expect(edge.posts).toHaveLength(1));
  clock.advance(INGEST_POST_MS_MAX);
  await result;
});

test('a connection that breaks is an error', async () => {
  edge.answer = () => 'reset';
  await expect(post()).rejects.toThrow(/hang up|ECONNRESET/);
  expect(clock.delaysMs).toEqual([]);
});

test('a reply without end is cut off', async () => {
  edge.answer = () => [200, 'x'.repeat(BATCH_REPLY_BYTES_MAX + 1)];
  await expect(post()).rejects.toThrow('reply over 1048576 bytes');
});

test('times of one path rise strictly, even when the clock stands or jumps back', () => {
  const times = new SigningTimes(clock);
  const start = clock.wallMs();
  expect([times.next(), times.next()]).toEqual([start, start + 1]);
  clock.advance(100);
  expect(times.next()).toBe(start + 100);
  clock.jumpWall(-3_600_000);
  expect(times.next()).toBe(start + 101);
});
