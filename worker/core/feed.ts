// What clients are told about the feed: the sidecar's last report, and how old it is.
import { STATUS_AGE_MS_MAX } from '../../shared/limits.ts';
import { areSameSessions, type Sessions } from '../../shared/market-session.ts';
import type { FeedReason, FeedState, FeedStatus } from '../../shared/status.ts';

export interface FeedReport {
  readonly feed: FeedStatus;
  /** False once the sidecar has stopped. */
  readonly isRunning: boolean;
  /** By the edge's clock, as all times that are passed in here. */
  readonly receivedAtMs: number;
}

/** Times are milliseconds since the epoch. */
export interface FeedEvent {
  readonly state: FeedState;
  /** `sidecar_silent`: no report for STATUS_AGE_MS_MAX. */
  readonly reason: FeedReason | 'sidecar_silent';
  readonly lastTickAtMs?: number;
  /** Empty while nobody knows them. */
  readonly sessions: Partial<Sessions>;
  /** Later events have later times: who gets an earlier one after a later one ignores it. */
  readonly timestampMs: number;
}

function isSilent({ isRunning, receivedAtMs }: FeedReport, nowMs: number): boolean {
  return !isRunning || nowMs - receivedAtMs > STATUS_AGE_MS_MAX;
}

/** The feed as it is at `nowMs`. A silent sidecar's sessions are believed as long as it said that they hold. */
export function feedAt(report: FeedReport | undefined, nowMs: number): FeedEvent {
  if (!report) return { state: 'down', reason: 'sidecar_silent', sessions: {}, timestampMs: nowMs };
  const { state, reason, last_tick_at, sessions, sessions_until = Number.POSITIVE_INFINITY } = report.feed;
  const lastTick = last_tick_at === undefined ? {} : { lastTickAtMs: last_tick_at };
  if (!isSilent(report, nowMs)) return { state, reason, ...lastTick, sessions, timestampMs: nowMs };
  return {
    state: 'down',
    reason: 'sidecar_silent',
    ...lastTick,
    sessions: nowMs < sessions_until ? sessions : {},
    timestampMs: nowMs,
  };
}

/** Whether a client that knows one has nothing to learn from the other. */
export function isSameFeed(a: FeedEvent, b: FeedEvent): boolean {
  return a.state === b.state && areSameSessions(a.sessions, b.sessions);
}

/** When the feed may become another one without a new report; undefined when it cannot. */
export function nextFeedCheckAtMs(report: FeedReport, nowMs: number): number | undefined {
  if (!isSilent(report, nowMs)) return report.receivedAtMs + STATUS_AGE_MS_MAX + 1;
  const untilMs = report.feed.sessions_until;
  return untilMs === undefined || untilMs <= nowMs ? undefined : untilMs;
}
