// The control link inside workerd: the feed from report to gateway, with a sidecar that falls silent and losses of memory.
import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { STATUS_AGE_MS_MAX, STATUS_INTERVAL_MS } from '../../../shared/limits.ts';
import { ALWAYS_OPEN, sessionsAt } from '../../../shared/market-session.ts';
import type { FeedStatus, SidecarStatus } from '../../../shared/status.ts';
import type { FeedEvent } from '../../../worker/core/feed.ts';
import { ClientGateway } from '../../../worker/index.ts';
import { feedStatusOf } from '../../support/feed-statuses.ts';

const open = sessionsAt(ALWAYS_OPEN, 0);
const GATEWAYS = ['gw:apac-se:6', 'gw:weur:7'];

const feedChanged = vi.spyOn(ClientGateway.prototype, 'feedChanged');
let controls = 0;
let name: string;
let nowMs: number;

function control() {
  return env.CONTROL_LINK.getByName(name);
}

function pass(ms: number): void {
  nowMs += ms;
  vi.setSystemTime(nowMs);
}

async function report(feed: Partial<FeedStatus>): Promise<void> {
  pass(STATUS_INTERVAL_MS);
  const status = { epoch: 1, running: true, feed: feedStatusOf(feed) } as SidecarStatus;
  expect(await control().report(status, nowMs)).toBe('taken');
}

/** Events that the gateways heard since the last call, in their order, once all calls are through. */
async function heard(count: number): Promise<readonly FeedEvent[]> {
  await vi.waitFor(() => expect(feedChanged).toHaveBeenCalledTimes(count));
  const events = feedChanged.mock.calls.map(([event]) => event);
  feedChanged.mockClear();
  return events;
}

const alarmAtMs = () => runInDurableObject(control(), (_object, state) => state.storage.getAlarm());

beforeEach(async () => {
  vi.useFakeTimers({ toFake: ['Date'] });
  nowMs = Date.now();
  pass(0);
  name = `control of test ${controls++}`;
  feedChanged.mockReset();
  for (const gateway of GATEWAYS) await control().announceGateway(gateway);
});

afterEach(async () => {
  await runInDurableObject(control(), (_object, state) => state.storage.deleteAlarm());
  vi.useRealTimers();
});

test('before the first report the feed is down, and a gateway learns it as it announces itself', async () => {
  expect(await control().announceGateway(GATEWAYS[0] ?? '')).toMatchObject({
    state: 'down',
    reason: 'sidecar_silent',
    sessions: {},
  });
  expect(await control().gateways()).toEqual(GATEWAYS);
  expect(feedChanged).not.toHaveBeenCalled();
});

test('every gateway hears of a change once, and of a report without one nothing', async () => {
  await report({ state: 'live' });
  const first = await heard(2);
  expect(first[0]).toMatchObject({ state: 'live', reason: 'ticks', sessions: open, timestampMs: nowMs });
  for (let i = 0; i < 3; i++) await report({ state: 'live', last_tick_at: nowMs, reason: 'sockets_missing' });
  await report({ state: 'stale', reason: 'no_ticks' });
  const second = await heard(2);
  expect(second.map(({ state }) => state)).toEqual(['stale', 'stale']);
  await report({ state: 'stale', sessions: { ...open, NSE: 'closing' } });
  expect((await heard(2))[0]?.sessions.NSE).toBe('closing');
});

test('a sidecar that falls silent is noticed by the alarm, and one that is back by its report', async () => {
  await report({ state: 'live', last_tick_at: 5 });
  await heard(2);
  // It fires once while reports come, and comes again.
  await report({ state: 'live', last_tick_at: 5 });
  expect(await runDurableObjectAlarm(control())).toBe(true);
  expect(await alarmAtMs()).toBe(nowMs + STATUS_AGE_MS_MAX + 1);
  expect(feedChanged).not.toHaveBeenCalled();
  pass(STATUS_AGE_MS_MAX + 1);
  expect(await runDurableObjectAlarm(control())).toBe(true);
  const silent = await heard(2);
  expect(silent[0]).toMatchObject({
    state: 'down',
    reason: 'sidecar_silent',
    lastTickAtMs: 5,
    sessions: open,
  });
  expect(await control().feed()).toMatchObject({ state: 'down' });
  expect(await alarmAtMs()).toBeNull();
  await report({ state: 'live' });
  expect((await heard(2))[0]).toMatchObject({ state: 'live' });
  expect(await alarmAtMs()).toBe(nowMs + STATUS_AGE_MS_MAX + 1);
});

test('sessions of a silent sidecar end when it said they do, and a report before that brings the short alarm back', async () => {
  const untilMs = nowMs + 3_600_000;
  const sessions = { ...open, NSE: 'pre_open' as const };
  await report({ sessions, sessions_until: untilMs });
  await heard(2);
  pass(STATUS_AGE_MS_MAX + 1);
  await runDurableObjectAlarm(control());
  expect((await heard(2))[0]).toMatchObject({ state: 'down', sessions });
  expect(await alarmAtMs()).toBe(untilMs);
  await report({ sessions, sessions_until: untilMs });
  await heard(2);
  expect(await alarmAtMs()).toBe(nowMs + STATUS_AGE_MS_MAX + 1);
  pass(STATUS_AGE_MS_MAX + 1);
  await runDurableObjectAlarm(control());
  await heard(2);
  pass(3_600_000);
  await runDurableObjectAlarm(control());
  expect(await heard(2)).toMatchObject([
    { state: 'down', sessions: {} },
    { state: 'down', sessions: {} },
  ]);
  expect(await alarmAtMs()).toBeNull();
});

test('its own loss of memory is no news; a sidecar that does not come back after it is', async () => {
  await report({ state: 'live' });
  await heard(2);
  await evictDurableObject(control());
  expect(await control().feed()).toMatchObject({ state: 'live', sessions: open });
  await report({ state: 'live' });
  await evictDurableObject(control());
  expect(await runDurableObjectAlarm(control())).toBe(true);
  expect(feedChanged).not.toHaveBeenCalled();
  expect(await alarmAtMs()).toBe(nowMs + STATUS_AGE_MS_MAX + 1);
  pass(STATUS_AGE_MS_MAX + 1);
  await runDurableObjectAlarm(control());
  expect((await heard(2))[0]).toMatchObject({ state: 'down', sessions: {} });
  await evictDurableObject(control());
  expect(await control().feed()).toMatchObject({ state: 'down' });
  expect(await alarmAtMs()).toBeNull();
});

test('events have an order also within a millisecond', async () => {
  const answers = [await control().feed(), await control().feed()];
  await report({ state: 'live' });
  answers.push(await control().feed());
  const times = answers.map(({ timestampMs }) => timestampMs);
  expect(times).toEqual([...new Set(times)].sort((a, b) => a - b));
  await heard(2);
});

test('a gateway that does not answer is told again, and holds nobody else up', async () => {
  const warn = vi.spyOn(console, 'warn').mockImplementation(() => undefined);
  feedChanged.mockImplementationOnce(() => {
    throw new Error('reset');
  });
  await report({ state: 'live' });
  const [first] = await heard(2);
  await vi.waitFor(() => expect(warn).toHaveBeenCalledTimes(1));
  await report({ state: 'live' });
  expect(await heard(1)).toEqual([first]);
  await report({ state: 'live' });
  await control().feed();
  expect(feedChanged).not.toHaveBeenCalled();
  warn.mockRestore();
});
