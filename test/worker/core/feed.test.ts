import fc from 'fast-check';
import { expect, test } from 'vitest';
import { STATUS_AGE_MS_MAX } from '../../../shared/limits.ts';
import { createSessionCalendar, sessionsAt } from '../../../shared/market-session.ts';
import { SESSION_CALENDAR } from '../../../shared/session-calendar.ts';
import { FEED_STATES } from '../../../shared/status.ts';
import { type FeedReport, feedAt, isSameFeed, nextFeedCheckAtMs } from '../../../worker/core/feed.ts';
import { feedStatusOf } from '../../support/feed-statuses.ts';

const NOW_MS = Date.parse('2026-11-20T12:00:00+05:30');
const calendar = createSessionCalendar(SESSION_CALENDAR);
const sessions = sessionsAt(calendar, NOW_MS);

function reportOf(parts: Parameters<typeof feedStatusOf>[0] = {}, isRunning = true): FeedReport {
  return { feed: feedStatusOf({ sessions, ...parts }), isRunning, receivedAtMs: NOW_MS };
}

test('without a report nothing is known', () => {
  expect(feedAt(undefined, NOW_MS)).toEqual({
    state: 'down',
    reason: 'sidecar_silent',
    sessions: {},
    timestampMs: NOW_MS,
  });
});

test('a fresh report is passed on as it is', () => {
  for (const state of FEED_STATES) {
    expect(feedAt(reportOf({ state, last_tick_at: 5 }), NOW_MS + STATUS_AGE_MS_MAX)).toEqual({
      state,
      reason: 'ticks',
      lastTickAtMs: 5,
      sessions,
      timestampMs: NOW_MS + STATUS_AGE_MS_MAX,
    });
  }
});

test('a report that is too old, or of a sidecar that stopped, is a feed that is down', () => {
  const late = feedAt(reportOf({ last_tick_at: 5 }), NOW_MS + STATUS_AGE_MS_MAX + 1);
  expect(late).toMatchObject({ state: 'down', reason: 'sidecar_silent', lastTickAtMs: 5, sessions });
  expect(feedAt(reportOf({}, false), NOW_MS)).toMatchObject({ state: 'down', reason: 'sidecar_silent' });
});

test('sessions of a silent sidecar hold as long as it said, and are unknown then', () => {
  const untilMs = NOW_MS + 60_000;
  const report = reportOf({ sessions_until: untilMs });
  expect(feedAt(report, untilMs - 1).sessions).toEqual(sessions);
  expect(feedAt(report, untilMs).sessions).toEqual({});
  expect(feedAt(reportOf(), untilMs + 86_400_000).sessions).toEqual(sessions);
});

test('only state and sessions are news to a client', () => {
  const feed = feedAt(reportOf({ last_tick_at: 5 }), NOW_MS);
  expect(isSameFeed(feed, feedAt(reportOf({ last_tick_at: 9, reason: 'sockets_missing' }), NOW_MS + 9))).toBe(
    true,
  );
  expect(isSameFeed(feed, feedAt(reportOf({ state: 'stale' }), NOW_MS))).toBe(false);
  const closing = { ...sessions, NSE: 'closing' as const };
  expect(isSameFeed(feed, feedAt(reportOf({ sessions: closing }), NOW_MS))).toBe(false);
  expect(isSameFeed({ ...feed, sessions: {} }, feed)).toBe(false);
});

test('between two checks nothing changes that was not reported, and checks come to an end', () => {
  fc.assert(
    fc.property(
      fc.option(fc.integer({ min: -10_000, max: 100_000 }), { nil: undefined }),
      fc.boolean(),
      (untilInMs, isRunning) => {
        const report = reportOf(
          untilInMs === undefined ? {} : { sessions_until: NOW_MS + untilInMs },
          isRunning,
        );
        let nowMs = NOW_MS;
        for (let checks = 0; ; checks++) {
          expect(checks).toBeLessThanOrEqual(2);
          const feed = feedAt(report, nowMs);
          const nextMs = nextFeedCheckAtMs(report, nowMs);
          const lastMs = nextMs === undefined ? nowMs + 1_000_000 : nextMs - 1;
          expect(isSameFeed(feedAt(report, lastMs), feed)).toBe(true);
          if (nextMs === undefined) return;
          expect(isSameFeed(feedAt(report, nextMs), feed)).toBe(false);
          nowMs = nextMs;
        }
      },
    ),
  );
});
