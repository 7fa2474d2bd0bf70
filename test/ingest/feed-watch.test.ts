// The feed watch between a real pool of sockets and a Kite made for the test; only time is in the test's hands.
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { FeedWatch } from '../../ingest/feed-watch.ts';
import { KitePool } from '../../ingest/kite/pool.ts';
import { SEGMENT } from '../../shared/instrument.ts';
import {
  FEED_OBSERVE_MS,
  FEED_QUIET_AFTER_MS,
  FEED_RECYCLE_AFTER_MS,
  KITE_BACKOFF_MS_MAX,
  STALE_AFTER_MS,
} from '../../shared/limits.ts';
import { ALWAYS_OPEN, createSessionCalendar, type SessionCalendar } from '../../shared/market-session.ts';
import { SESSION_CALENDAR } from '../../shared/session-calendar.ts';
import { accountOf } from './support/accounts.ts';
import { FakeKite } from './support/fake-kite.ts';
import { ManualClock } from './support/manual-clock.ts';
import { recordingLog } from './support/recording-log.ts';

const NIFTY_50 = 256_265;
const INFY = 408_065;
/** Friday 2026-11-20, 15:14:30 in India: half a minute before the closing auction. */
const BEFORE_AUCTION_MS = Date.parse('2026-11-20T15:14:30+05:30');

let kite: FakeKite;
let clock: ManualClock;
let pool: KitePool;
let watch: FeedWatch;
let lines: readonly string[];
const onChange = vi.fn<() => void>();

async function start(calendar: SessionCalendar, nowMs?: number, ...tokens: number[]): Promise<void> {
  clock = new ManualClock(nowMs);
  const recording = recordingLog();
  lines = recording.lines;
  onChange.mockClear();
  watch = new FeedWatch({ calendar, clock, log: recording.log, onChange });
  pool = new KitePool({
    wsRoot: kite.url,
    wsParameters: '',
    clock,
    random: () => 0.5,
    log: recording.log,
    onFrame: () => undefined,
    onFrameTooBig: () => undefined,
  });
  pool.setDesired(tokens.map((token) => ({ token: token as never, mode: 'full', priority: 'demand' })));
  pool.setAccounts([accountOf('primary', { connectionsMax: 1, instrumentsMax: 10 })]);
  watch.start(pool);
  await socketOpens();
}

const socketState = () => pool.connections[0]?.state.kind;
const socketOpens = () =>
  vi.waitFor(() => {
    clock.advance(0);
    expect(socketState()).toBe('open');
  });

/** Passes seconds with a heartbeat in each, and with ticks of these tokens. */
async function pass(ms: number, ...tokens: number[]): Promise<void> {
  for (let passedMs = 0; passedMs < ms; passedMs += FEED_OBSERVE_MS) {
    kite.last.socket.send(Uint8Array.of(0));
    await vi.waitFor(() => expect(pool.connections[0]?.lastFrameAgeMs).toBe(0), { interval: 1 });
    const meter = watch.meterOf('primary/0');
    for (const token of tokens) {
      meter.count(token);
      meter.lastTickAtMs = clock.wallMs();
    }
    clock.advance(FEED_OBSERVE_MS);
  }
}

beforeEach(async () => {
  kite = await FakeKite.start();
});

afterEach(async () => {
  watch.stop();
  pool.stop();
  clock.advance(0);
  expect(clock.delaysMs).toEqual([]);
  await kite.stop();
});

test('tells of each change once, and of nothing else', async () => {
  await start(ALWAYS_OPEN, undefined, NIFTY_50);
  expect(watch.status).toMatchObject({ state: 'down', reason: 'no_socket', calendar: 'always_open' });
  expect(watch.status).not.toHaveProperty('last_tick_at');
  expect(watch.status).not.toHaveProperty('sessions_until');
  await pass(5_000, NIFTY_50);
  expect(watch.status).toMatchObject({ state: 'live', reason: 'ticks', sockets_alive: 1, sockets_wanted: 1 });
  expect(onChange).toHaveBeenCalledTimes(1);
  await pass(60_000, NIFTY_50);
  expect(onChange).toHaveBeenCalledTimes(1);
  expect(watch.status.last_tick_at).toBe(clock.wallMs() - FEED_OBSERVE_MS);
  expect(lines.filter((line) => line.includes('now=live'))).toHaveLength(1);
});

test('a mute index is stale, its socket is recycled, and ticks make it live again', async () => {
  await start(ALWAYS_OPEN, undefined, NIFTY_50);
  await pass(5_000, NIFTY_50);
  await pass(STALE_AFTER_MS);
  expect(watch.status).toMatchObject({ state: 'stale', silent_segments: ['INDICES'], recycled: 0 });
  await pass(FEED_RECYCLE_AFTER_MS - STALE_AFTER_MS);
  expect(watch.status).toMatchObject({ recycled: 1 });
  expect(socketState()).toBe('waiting');
  clock.advance(KITE_BACKOFF_MS_MAX);
  await socketOpens();
  expect(kite.upgrades).toBe(2);
  await pass(3_000, NIFTY_50);
  expect(watch.status).toMatchObject({ state: 'live', recycled: 1 });
});

test('a share that is mute could be at rest: quiet', async () => {
  await start(ALWAYS_OPEN, undefined, INFY);
  await pass(FEED_QUIET_AFTER_MS);
  expect(watch.status).toMatchObject({ state: 'quiet', reason: 'few_ticks', recycled: 0 });
});

test('sessions and their end are of one look, and a change of phase is told', async () => {
  await start(createSessionCalendar(SESSION_CALENDAR), BEFORE_AUCTION_MS, NIFTY_50);
  await pass(29_000, NIFTY_50);
  const told = onChange.mock.calls.length;
  expect(watch.status.sessions.NSE).toBe('open');
  expect(watch.status).toMatchObject({
    sessions_until: BEFORE_AUCTION_MS + 30_000,
    calendar: 'final',
  });
  await pass(1_000);
  expect(watch.status.sessions).toMatchObject({
    NSE: 'closing',
    INDICES: 'closing',
    NFO: 'open',
    MCX: 'open',
  });
  expect(onChange).toHaveBeenCalledTimes(told + 1);
  // In the auction nothing follows from silence.
  await pass(FEED_QUIET_AFTER_MS);
  expect(watch.status).toMatchObject({ state: 'quiet', reason: 'session_closed', recycled: 0 });
});

test('instruments of segments without known hours are not judged', async () => {
  await start(ALWAYS_OPEN, undefined, (77 << 8) | SEGMENT.MCXSX);
  await pass(3_000);
  expect(watch.status).toMatchObject({ state: 'quiet', reason: 'nothing_subscribed' });
});
