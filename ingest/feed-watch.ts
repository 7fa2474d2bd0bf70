// Looks at the feed each second: reads sockets, ticks and sessions, has their health judged, and recycles what is stalled.
import { SEGMENT } from '../shared/instrument.ts';
import { FEED_OBSERVE_MS } from '../shared/limits.ts';
import {
  areSameSessions,
  type CalendarCertainty,
  certaintyAt,
  nextChangeAt,
  type SegmentName,
  type SessionCalendar,
  type Sessions,
  sessionSegmentOf,
  sessionsAt,
} from '../shared/market-session.ts';
import type { FeedStatus } from '../shared/status.ts';
import type { Clock, Timer } from './clock.ts';
import { FeedHealth, type FeedVerdict, type SegmentReading, type SocketReading } from './core/feed-health.ts';
import { TickMeter } from './core/tick-meter.ts';
import type { KiteConnection } from './kite/connection.ts';
import type { KitePool } from './kite/pool.ts';
import type { Logger } from './log.ts';

/** NIFTY 50, NIFTY BANK, SENSEX: their exchanges compute them anew each second of continuous trading. */
const BENCHMARKS: ReadonlySet<number> = new Set([256_265, 260_105, 265]);

interface Market {
  readonly sessions: Sessions;
  readonly untilMs: number | undefined;
  readonly certainty: CalendarCertainty;
}

function marketAt(calendar: SessionCalendar, nowMs: number): Market {
  return {
    sessions: sessionsAt(calendar, nowMs),
    untilMs: nextChangeAt(calendar, nowMs),
    certainty: certaintyAt(calendar, nowMs),
  };
}

export interface FeedWatchOptions {
  readonly calendar: SessionCalendar;
  readonly clock: Clock;
  readonly log: Logger;
  /** The state or a session became another one. */
  readonly onChange: () => void;
}

export class FeedWatch {
  readonly #options: FeedWatchOptions;
  readonly #health = new FeedHealth();
  /** One per socket of the pool, for the sidecar's life. */
  readonly #meters = new Map<string, TickMeter>();
  #verdict: FeedVerdict = {
    state: 'down',
    reason: 'no_socket',
    silentSegments: [],
    socketsAlive: 0,
    socketsWanted: 0,
  };
  #market: Market;
  #recycled = 0;
  #timer: Timer | undefined;

  constructor(options: FeedWatchOptions) {
    this.#options = options;
    this.#market = marketAt(options.calendar, options.clock.wallMs());
  }

  /** Where the ticks of the socket are counted. */
  meterOf(connectionId: string): TickMeter {
    const known = this.#meters.get(connectionId);
    if (known) return known;
    const meter = new TickMeter();
    this.#meters.set(connectionId, meter);
    return meter;
  }

  start(pool: KitePool): void {
    this.#observe(pool);
    this.#timer = this.#options.clock.after(FEED_OBSERVE_MS, () => this.start(pool));
  }

  stop(): void {
    this.#timer?.cancel();
  }

  #observe(pool: KitePool): void {
    const { calendar, clock, log, onChange } = this.#options;
    const before = { state: this.#verdict.state, sessions: this.#market.sessions };
    this.#market = marketAt(calendar, clock.wallMs());
    const { sessions, certainty } = this.#market;
    const readings = pool.connections.map((connection) => this.#read(connection));
    const mayRecycle = certainty === 'final' || certainty === 'always_open';
    this.#verdict = this.#health.observe(readings, sessions, mayRecycle);
    const { state, reason, silentSegments, recycle } = this.#verdict;
    if (recycle !== undefined && pool.recycle(recycle)) this.#recycled++;
    if (state !== before.state) {
      const silent = silentSegments.length === 0 ? {} : { silentSegments: silentSegments.join(' ') };
      const fields = { was: before.state, now: state, reason, ...silent };
      if (state === 'stale' || state === 'down') log.warn('feed', fields);
      else log.info('feed', fields);
    }
    if (state !== before.state || !areSameSessions(sessions, before.sessions)) onChange();
  }

  #read({ id, state, lastFrameAgeMs, subscriptions }: KiteConnection): SocketReading {
    const meter = this.meterOf(id);
    const counts = new Map<SegmentName, { instruments: number; hasBenchmark: boolean }>();
    for (const token of subscriptions.keys()) {
      const segment = sessionSegmentOf(token);
      if (segment === undefined) continue;
      const count = counts.get(segment);
      if (count === undefined) counts.set(segment, { instruments: 1, hasBenchmark: BENCHMARKS.has(token) });
      else {
        count.instruments++;
        count.hasBenchmark ||= BENCHMARKS.has(token);
      }
    }
    const segments = [...counts].map(
      ([segment, count]): SegmentReading => ({ segment, ...count, ticks: meter.ticksOf(SEGMENT[segment]) }),
    );
    return { id, state: state.kind, lastFrameAgeMs, segments };
  }

  get status(): FeedStatus {
    const { state, reason, silentSegments, socketsAlive, socketsWanted } = this.#verdict;
    const { sessions, untilMs, certainty } = this.#market;
    const lastTickAtMs = Math.max(0, ...[...this.#meters.values()].map((meter) => meter.lastTickAtMs ?? 0));
    return {
      state,
      reason,
      silent_segments: silentSegments,
      sockets_alive: socketsAlive,
      sockets_wanted: socketsWanted,
      ...(lastTickAtMs === 0 ? {} : { last_tick_at: lastTickAtMs }),
      sessions,
      ...(untilMs === undefined ? {} : { sessions_until: untilMs }),
      calendar: certainty,
      recycled: this.#recycled,
    };
  }
}
