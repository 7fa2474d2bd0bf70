import { expect, test, vi } from 'vitest';
import { Batcher } from '../../../ingest/core/batcher.ts';
import { FlushLoop } from '../../../ingest/edge/flush-loop.ts';
import type { PostReply } from '../../../ingest/edge/signed-post.ts';
import { type Batch, type BatchReply, decodeBatch } from '../../../shared/frame.ts';
import { INGEST_HEARTBEAT_MS, INGEST_POST_RETRIES_MAX } from '../../../shared/limits.ts';
import { SHARD_COUNT } from '../../../shared/shard.ts';
import { RECORD_KIND } from '../../../shared/tick.ts';
import { recordOf } from '../../support/records.ts';
import { bookOfTokens, inFull, tokensOfShard } from '../support/books.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { recordingLog } from '../support/recording-log.ts';

const EPOCH = 1_764_000_000_000;
const TOKENS = [0, 1, 2].flatMap((shard) => tokensOfShard(shard, 2));

interface PendingPost {
  readonly batch: Batch;
  reply(parts?: Partial<BatchReply>): Promise<void>;
  fail(): Promise<void>;
}

/** Lets the promises of answered posts run to their end. */
const settle = () => new Promise<void>((resolve) => setImmediate(resolve));

function loopFor(onDemand = vi.fn()) {
  const clock = new ManualClock();
  const batcher = new Batcher(EPOCH, bookOfTokens(TOKENS));
  batcher.want(inFull(TOKENS));
  const pending: PendingPost[] = [];
  const onSuperseded = vi.fn();
  const loop = new FlushLoop({
    batcher,
    post: (_path, _type, body) =>
      new Promise<PostReply>((resolve, reject) => {
        const batch = decodeBatch(body);
        const post: PendingPost = {
          batch,
          async reply(parts = {}) {
            pending.splice(pending.indexOf(post), 1);
            const { epoch, seq } = batch;
            resolve({ httpStatus: 200, text: JSON.stringify({ epoch, seq, boot: 5, ...parts }) });
            await settle();
          },
          async fail() {
            pending.splice(pending.indexOf(post), 1);
            reject(new Error('reset'));
            await settle();
          },
        };
        pending.push(post);
      }),
    clock,
    random: () => 0,
    log: recordingLog().log,
    window: { minMs: 20, maxMs: 100 },
    ticksMax: 2,
    onDemand,
    onSuperseded,
  });
  const offer = (token: number, lastPrice: number) => {
    batcher.offer(batcher.wantedSlotOf(token), recordOf(token, RECORD_KIND.ltp, { lastPrice }), EPOCH);
    loop.wake();
  };
  const replyAll = async () => {
    for (const post of [...pending]) await post.reply();
  };
  return { clock, batcher, loop, pending, offer, replyAll, onDemand, onSuperseded };
}

async function startedLoop() {
  const parts = loopFor();
  parts.loop.wake();
  parts.clock.advance(0);
  expect(parts.pending.map(({ batch }) => batch.shard)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  await parts.replyAll();
  parts.clock.advance(500);
  return parts;
}

test('greets every shard at the start and then keeps a heartbeat with each', async () => {
  const { clock, pending, replyAll } = await startedLoop();
  expect(pending).toEqual([]);
  clock.advance(INGEST_HEARTBEAT_MS - 501);
  expect(pending).toEqual([]);
  clock.advance(1);
  expect(pending).toHaveLength(SHARD_COUNT);
  expect(pending.every(({ batch }) => batch.tickCount === 0 && batch.seq === 2)).toBe(true);
  await replyAll();
});

test('ticks that came in one turn leave together, and the shards are told how many they are', async () => {
  const { clock, pending, offer } = await startedLoop();
  offer(TOKENS[0]!, 1);
  offer(TOKENS[2]!, 2);
  clock.advance(0);
  expect(pending.map(({ batch }) => [batch.shard, batch.tickCount, batch.roundShards])).toEqual([
    [0, 1, 2],
    [1, 1, 2],
  ]);
});

test('while a batch is under way the next one grows, the newest value last', async () => {
  const { clock, pending, offer } = await startedLoop();
  offer(TOKENS[0]!, 1);
  clock.advance(0);
  offer(TOKENS[0]!, 2);
  clock.advance(250);
  offer(TOKENS[0]!, 3);
  clock.advance(100);
  expect(pending).toHaveLength(1);
  await pending[0]!.reply();
  clock.advance(0);
  expect(pending).toHaveLength(1);
  expect(pending[0]!.batch.ticks[5]).toBe(3);
  expect(pending[0]!.batch.seq).toBe(3);
});

test('a batch that was given up comes again with newer values, and other shards do not wait for it', async () => {
  const { clock, pending, offer } = await startedLoop();
  offer(TOKENS[0]!, 1);
  clock.advance(0);
  for (let attempt = 0; attempt <= INGEST_POST_RETRIES_MAX; attempt++) {
    expect(pending.map(({ batch }) => [batch.shard, batch.seq])).toEqual([[0, 2]]);
    if (attempt === 1) {
      offer(TOKENS[0]!, 2);
      offer(TOKENS[2]!, 7);
      clock.advance(100);
      const other = pending.find(({ batch }) => batch.shard === 1);
      await other?.reply();
      expect(other?.batch.tickCount).toBe(1);
    }
    await pending[0]!.fail();
    clock.advance(0);
    clock.advance(clock.delaysMs[0]!);
  }
  clock.advance(100);
  const again = pending.find(({ batch }) => batch.shard === 0);
  expect(again?.batch).toMatchObject({ seq: 3, tickCount: 1 });
  expect(again?.batch.ticks[5]).toBe(2);
});

test('replies that report room make the window shorter, one that reports none the longest again', async () => {
  const { clock, loop, pending, offer } = loopFor();
  loop.wake();
  clock.advance(0);
  for (let i = 0; i < 60; i++) {
    for (const post of [...pending]) await post.reply({ flushCostMs: 0.5 });
    clock.advance(INGEST_HEARTBEAT_MS);
  }
  for (const post of [...pending]) await post.reply({ flushCostMs: 0.5 });
  expect(loop.window).toEqual({ window_ms: 20, flush_cost_ms: 0.5, post_ms: 0 });
  clock.advance(500);
  offer(TOKENS[0]!, 1);
  clock.advance(0);
  expect(pending).toHaveLength(1);
  await pending[0]!.reply({ flushCostMs: 0.5 });
  offer(TOKENS[0]!, 2);
  clock.advance(19);
  expect(pending).toEqual([]);
  clock.advance(1);
  expect(pending).toHaveLength(1);
  await pending[0]!.reply({ flushCostMs: 500 });
  offer(TOKENS[0]!, 3);
  clock.advance(99);
  expect(pending).toEqual([]);
  clock.advance(1);
  expect(pending).toHaveLength(1);
});

test('posts that take long keep the window long', async () => {
  const { clock, loop, pending } = loopFor();
  loop.wake();
  clock.advance(0);
  for (let i = 0; i < 60; i++) {
    clock.advance(25);
    for (const post of [...pending]) await post.reply({ flushCostMs: 0 });
    clock.advance(INGEST_HEARTBEAT_MS - 25);
  }
  expect(loop.window).toEqual({ window_ms: 50, flush_cost_ms: 0, post_ms: 25 });
});

test('demand in a reply is handed on, once the batcher knows its version', async () => {
  const { clock, loop, pending, onDemand, batcher } = loopFor();
  loop.wake();
  clock.advance(0);
  await pending[1]!.reply({ demand: { version: 4, items: [[TOKENS[2]!, 'full']] } });
  expect(onDemand).toHaveBeenCalledExactlyOnceWith(1, [[TOKENS[2], 'full']]);
  expect(decodeBatch(batcher.take(1, { ticksMax: 1, roundShards: 1 }).bytes).demandVersion).toBe(4);
});

test('a shard that lost its memory gets all values again at once', async () => {
  const { clock, pending, offer, replyAll } = await startedLoop();
  offer(TOKENS[0]!, 1);
  offer(TOKENS[1]!, 2);
  clock.advance(0);
  await replyAll();
  clock.advance(INGEST_HEARTBEAT_MS);
  const heartbeat = pending.find(({ batch }) => batch.shard === 0)!;
  expect(heartbeat.batch.tickCount).toBe(0);
  await heartbeat.reply({ boot: 6 });
  clock.advance(0);
  const again = pending.find(({ batch }) => batch.shard === 0)!;
  expect(again.batch).toMatchObject({ boot: 6, tickCount: 2, knownTokens: TOKENS.slice(0, 2) });
  expect(again.batch.definitions).toHaveLength(2);
});

test('superseded once, it stops all shards and says so once', async () => {
  const onSuperseded = vi.fn();
  const clock = new ManualClock();
  const post = vi.fn(async () => ({ httpStatus: 409, text: 'ingest_superseded' }));
  const loop = new FlushLoop({
    batcher: new Batcher(EPOCH, bookOfTokens([])),
    post,
    clock,
    random: () => 0,
    log: recordingLog().log,
    window: { minMs: 20, maxMs: 100 },
    ticksMax: 2,
    onDemand: () => undefined,
    onSuperseded,
  });
  loop.wake();
  clock.advance(0);
  await settle();
  expect(onSuperseded).toHaveBeenCalledTimes(1);
  loop.wake();
  clock.advance(60_000);
  expect(post).toHaveBeenCalledTimes(SHARD_COUNT);
});
