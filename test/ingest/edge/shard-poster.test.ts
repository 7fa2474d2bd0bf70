import { afterEach, beforeEach, expect, test } from 'vitest';
import type { TakenBatch } from '../../../ingest/core/batcher.ts';
import { ShardPoster } from '../../../ingest/edge/shard-poster.ts';
import { EdgeClient } from '../../../ingest/edge/signed-post.ts';
import { INGEST_BACKOFF_MS_MAX, INGEST_POST_RETRIES_MAX } from '../../../shared/limits.ts';
import { eventually } from '../support/eventually.ts';
import { FakeEdge, type PostAnswer } from '../support/fake-edge.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { recordingLog } from '../support/recording-log.ts';

const SECRET = 'a secret of more than thirty-two characters';
const BATCH: TakenBatch = { bytes: Uint8Array.of(1, 2, 3), epoch: 9, seq: 4, ticks: 1 };
const GOOD: PostAnswer = [200, { epoch: 9, seq: 4, boot: 7 }];
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

function posterFor(answers: readonly PostAnswer[], random = () => 0.5) {
  edge.answer = () => answers[Math.min(edge.posts.length, answers.length) - 1] as PostAnswer;
  const events: string[] = [];
  const counters = { batchesPosted: 0, batchesRetried: 0, batchesFailed: 0 };
  const { log, lines } = recordingLog();
  const poster = new ShardPoster({
    shard: 3,
    post: client.post,
    clock,
    random,
    log,
    counters,
    onReply: ({ seq, boot }) => events.push(`reply ${seq} of ${boot}`),
    onGiveUp: () => events.push('give up'),
    onIdle: () => events.push('idle'),
    onSuperseded: (message) => events.push(`superseded: ${message}`),
  });
  return { poster, events, counters, lines };
}

/** Waits for a post's failure, then lets its pause pass. */
async function passPause(posts: number): Promise<void> {
  await eventually(() => {
    expect(edge.posts).toHaveLength(posts);
    expect(clock.delaysMs).toHaveLength(1);
    expect(clock.delaysMs[0]).toBeLessThanOrEqual(INGEST_BACKOFF_MS_MAX);
  });
  clock.advance(INGEST_BACKOFF_MS_MAX);
}

test('one batch under way at a time', async () => {
  const { poster, events, counters } = posterFor([GOOD]);
  poster.send(BATCH);
  expect(poster.isBusy).toBe(true);
  expect(() => poster.send(BATCH)).toThrow('shard 3: a batch is under way');
  await eventually(() => expect(events).toEqual(['reply 4 of 7', 'idle']));
  expect(poster.isBusy).toBe(false);
  expect(edge.posts).toHaveLength(1);
  expect(edge.posts[0]?.path).toBe('/ingest/batch/3');
  expect(counters).toEqual({ batchesPosted: 1, batchesRetried: 0, batchesFailed: 0 });
});

test.each<[string, PostAnswer]>([
  ['a broken connection', 'reset'],
  ['a server error', [503, { error: 'shard_unavailable' }]],
  ['throttling', [429, '']],
  ['a clock that is off', [401, { error: 'ingest_time' }]],
  ['a reply to another batch', [200, { epoch: 9, seq: 3, boot: 7 }]],
  ['a page instead of a reply', [200, '<html>']],
])('after %s the same bytes go again, with a later time and a signature of their own', async (_, failure) => {
  const { poster, events, counters } = posterFor([failure, GOOD]);
  poster.send(BATCH);
  await passPause(1);
  await eventually(() => expect(events).toEqual(['reply 4 of 7', 'idle']));
  const [first, second] = edge.posts;
  expect(second?.body).toEqual(first?.body);
  expect(second?.timeMs).toBeGreaterThan(first?.timeMs ?? 0);
  expect(second?.signature).not.toBe(first?.signature);
  expect(counters).toEqual({ batchesPosted: 1, batchesRetried: 1, batchesFailed: 0 });
});

test('gives up after the last retry, and stays busy for one more pause', async () => {
  const { poster, events, counters, lines } = posterFor([[500, 'down']]);
  poster.send(BATCH);
  for (let posts = 1; posts <= INGEST_POST_RETRIES_MAX; posts++) await passPause(posts);
  await eventually(() => expect(events).toEqual(['give up']));
  expect(poster.isBusy).toBe(true);
  await passPause(1 + INGEST_POST_RETRIES_MAX);
  expect(events).toEqual(['give up', 'idle']);
  expect(poster.isBusy).toBe(false);
  expect(counters).toEqual({ batchesPosted: 0, batchesRetried: INGEST_POST_RETRIES_MAX, batchesFailed: 1 });
  expect(lines).toHaveLength(1);
});

test('bytes that the edge will never take are given up at once', async () => {
  const { poster, events, lines } = posterFor([[400, { error: 'ingest_frame' }]]);
  poster.send(BATCH);
  await eventually(() => expect(events).toEqual(['give up']));
  expect(edge.posts).toHaveLength(1);
  expect(lines.join('')).toContain('ingest_frame');
});

test('pauses grow, and are forgotten after a success', async () => {
  const { poster, events } = posterFor(
    [...Array.from({ length: 7 }, () => [500, 'down'] as const), GOOD],
    () => 0,
  );
  const pauses: number[] = [];
  for (let posts = 1; posts <= 7; posts++) {
    if (!poster.isBusy) poster.send(BATCH);
    await eventually(() => {
      expect(edge.posts).toHaveLength(posts);
      expect(clock.delaysMs).toHaveLength(1);
      expect(clock.delaysMs[0]).toBeLessThanOrEqual(INGEST_BACKOFF_MS_MAX);
    });
    pauses.push(clock.delaysMs[0] as number);
    clock.advance(clock.delaysMs[0] as number);
  }
  expect(pauses).toEqual([25, 50, 100, 200, 400, 500, 500]);
  await eventually(() => expect(events.at(-2)).toBe('reply 4 of 7'));
  expect(events).toEqual(['give up', 'idle', 'give up', 'idle', 'reply 4 of 7', 'idle']);
  edge.answer = () => [500, 'down'];
  poster.send(BATCH);
  await eventually(() => expect(clock.delaysMs).toEqual([25]));
});

test('a later sidecar is active: nothing is sent any more', async () => {
  const { poster, events } = posterFor([[409, { error: 'ingest_superseded' }]]);
  poster.send(BATCH);
  await eventually(() => expect(events).toHaveLength(1));
  expect(events[0]).toContain('superseded: status 409');
  expect(poster.isBusy).toBe(true);
  expect(clock.delaysMs).toEqual([]);
});

test('stopped during a post or a pause, it calls nobody', async () => {
  const { poster, events } = posterFor([[500, 'down']]);
  poster.send(BATCH);
  await eventually(() =>
    expect(clock.delaysMs.some((delayMs) => delayMs <= INGEST_BACKOFF_MS_MAX)).toBe(true),
  );
  poster.stop();
  expect(clock.delaysMs).toEqual([]);
  expect(events).toEqual([]);
});
