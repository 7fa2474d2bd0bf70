import { expect, test, vi } from 'vitest';
import type { Post } from '../../../ingest/edge/signed-post.ts';
import { StatusPoster } from '../../../ingest/edge/status-poster.ts';
import {
  KITE_ACCOUNT_ID_CHARS_MAX,
  KITE_ACCOUNTS_MAX,
  KITE_CONNECTIONS_PER_ACCOUNT_MAX,
  STATUS_BYTES_MAX,
  STATUS_INTERVAL_MS,
  STATUS_NOT_PLACED_MAX,
} from '../../../shared/limits.ts';
import { parseStatus } from '../../../worker/routes/sidecar-status.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { recordingLog } from '../support/recording-log.ts';
import { statusOf } from '../support/statuses.ts';

const settle = () => new Promise<void>((resolve) => setImmediate(resolve));

function posterFor(post: Post, status = statusOf()) {
  const clock = new ManualClock();
  const { log, lines } = recordingLog();
  const onSuperseded = vi.fn();
  const poster = new StatusPoster({ post, clock, log, status: () => status, onSuperseded });
  return { poster, clock, lines, onSuperseded };
}

test('reports at once and then each second, with rising times', async () => {
  const post = vi.fn<Post>(async () => ({ httpStatus: 200, text: '{}' }));
  const { poster, clock } = posterFor(post);
  poster.start();
  await settle();
  expect(clock.delaysMs).toEqual([STATUS_INTERVAL_MS]);
  clock.advance(STATUS_INTERVAL_MS);
  await settle();
  expect(post).toHaveBeenCalledTimes(2);
  const [first, second] = post.mock.calls;
  expect(first?.[0]).toBe('/ingest/status');
  expect(JSON.parse(Buffer.from(first?.[2] ?? []).toString())).toEqual(statusOf());
  expect(second?.[3]).toBeGreaterThan(first?.[3] ?? 0);
  poster.stop();
  expect(clock.delaysMs).toEqual([]);
});

test('a failure is logged once, and the end of failures too', async () => {
  let isUp = false;
  const { poster, clock, lines } = posterFor(async () => {
    if (isUp) return { httpStatus: 200, text: '{}' };
    throw new Error('reset');
  });
  poster.start();
  for (let i = 0; i < 3; i++) {
    await settle();
    clock.advance(STATUS_INTERVAL_MS);
  }
  isUp = true;
  await settle();
  clock.advance(STATUS_INTERVAL_MS);
  await settle();
  expect(lines).toEqual([
    expect.stringContaining('edge does not take status reports reason=reset'),
    expect.stringContaining('edge takes status reports again'),
  ]);
  poster.stop();
});

test('a later sidecar ends it', async () => {
  const { poster, clock, onSuperseded } = posterFor(async () => ({ httpStatus: 409, text: 'superseded' }));
  poster.start();
  await settle();
  expect(onSuperseded).toHaveBeenCalledExactlyOnceWith('superseded');
  expect(clock.delaysMs).toEqual([]);
});

test('a report over the limit is not sent', async () => {
  const post = vi.fn<Post>();
  const [account] = statusOf().accounts;
  const { poster, lines } = posterFor(post, {
    ...statusOf(),
    accounts: [{ ...account!, id: 'x'.repeat(STATUS_BYTES_MAX) }],
  });
  poster.start();
  await settle();
  expect(post).not.toHaveBeenCalled();
  expect(lines.join('')).toMatch(/status of \d+ bytes/);
  poster.stop();
});

test('the largest report that there can be is within the limit, and the edge takes it', () => {
  const sockets = Array.from({ length: KITE_CONNECTIONS_PER_ACCOUNT_MAX }, () => ({
    state: 'unauthorized' as const,
    instruments: 3_000,
    last_frame_age_ms: 1_000_000_000,
    reconnects: 1_000_000_000,
  }));
  const status = statusOf({
    accounts: Array.from({ length: KITE_ACCOUNTS_MAX }, (_, number) => ({
      id: `${number}`.padStart(KITE_ACCOUNT_ID_CHARS_MAX, 'x'),
      state: 'unauthorized' as const,
      capacity: 9_000,
      instruments: 9_000,
      room: 9_000,
      sockets,
    })),
    not_placed: 1_000_000,
    not_placed_tokens: Array.from({ length: STATUS_NOT_PLACED_MAX }, (_, number) => 0xffff_ffff - number),
  });
  const body = Buffer.from(JSON.stringify(status));
  expect(body.byteLength).toBeLessThanOrEqual(STATUS_BYTES_MAX);
  expect(parseStatus(body)).toEqual(status);
  const tooMany = { ...status, not_placed_tokens: [...status.not_placed_tokens, 1] };
  expect(() => parseStatus(Buffer.from(JSON.stringify(tooMany)))).toThrow(/not_placed_tokens/);
});

test('news is reported at once, and news that comes while a report is under way right after it', async () => {
  const answers: (() => void)[] = [];
  const post = vi.fn<Post>(
    () => new Promise((resolve) => answers.push(() => resolve({ httpStatus: 200, text: '{}' }))),
  );
  const { poster, clock } = posterFor(post);
  poster.start();
  poster.reportNow();
  poster.reportNow();
  expect(post).toHaveBeenCalledTimes(1);
  answers[0]?.();
  await settle();
  expect(clock.delaysMs).toEqual([0]);
  clock.advance(0);
  expect(post).toHaveBeenCalledTimes(2);
  answers[1]?.();
  await settle();
  expect(clock.delaysMs).toEqual([STATUS_INTERVAL_MS]);
  poster.reportNow();
  expect(post).toHaveBeenCalledTimes(3);
  expect(clock.delaysMs).toEqual([]);
  poster.stop();
  poster.reportNow();
  expect(post).toHaveBeenCalledTimes(3);
});

test('an edge that fails is not asked sooner for the sake of news', async () => {
  const post = vi.fn<Post>(async () => {
    throw new Error('reset');
  });
  const { poster, clock } = posterFor(post);
  poster.start();
  poster.reportNow();
  await settle();
  expect(post).toHaveBeenCalledTimes(1);
  expect(clock.delaysMs).toEqual([STATUS_INTERVAL_MS]);
  poster.stop();
});
