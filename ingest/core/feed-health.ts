// Live, quiet, stale or down: judged by sockets, heartbeats, sessions and ticks together, never by silence alone.
import {
  FEED_DOWN_AFTER_MS,
  FEED_OBSERVE_MS,
  FEED_QUIET_AFTER_MS,
  FEED_RECYCLE_PAUSE_MS_MAX,
  FEED_RECYCLE_PAUSE_MS_MIN,
  FEED_RESUME_MS_MAX,
  KITE_SILENCE_MS_MAX,
} from '../../shared/limits.ts';
import { SEGMENT_NAMES, type SegmentName, type Sessions } from '../../shared/market-session.ts';
import type { FeedReason, FeedState, SocketState } from '../../shared/status.ts';
import { SegmentPulse } from './segment-pulse.ts';

export interface SegmentReading {
  readonly segment: SegmentName;
  readonly instruments: number;
  readonly hasBenchmark: boolean;
  /** Accepted on this socket since the start. */
  readonly ticks: number;
}

export interface SocketReading {
  readonly id: string;
  readonly state: SocketState;
  /** Time since any frame, heartbeats included; undefined before the first. */
  readonly lastFrameAgeMs: number | undefined;
  /** Those of which the socket carries instruments. */
  readonly segments: readonly SegmentReading[];
}

export interface FeedVerdict {
  readonly state: FeedState;
  /** Why, as it was when the state was last confirmed. */
  readonly reason: FeedReason;
  readonly silentSegments: readonly SegmentName[];
  readonly socketsAlive: number;
  readonly socketsWanted: number;
  /** A socket with heartbeats but without ticks, to be opened anew now. */
  readonly recycle?: string;
}

interface Judged {
  readonly socket: SocketReading;
  readonly segment: SegmentName;
  readonly pulse: SegmentPulse;
}

type Opinion = Pick<FeedVerdict, 'state' | 'reason'>;

const QUIET_LOOKS = FEED_QUIET_AFTER_MS / FEED_OBSERVE_MS;
const RECYCLE_PAUSE_LOOKS_MIN = FEED_RECYCLE_PAUSE_MS_MIN / FEED_OBSERVE_MS;
const RECYCLE_PAUSE_LOOKS_MAX = FEED_RECYCLE_PAUSE_MS_MAX / FEED_OBSERVE_MS;

/** Looks that have to agree before the state becomes another one. */
function looksToConvince({ state, reason }: Opinion): number {
  if (state === 'down') return FEED_DOWN_AFTER_MS / FEED_OBSERVE_MS;
  return reason === 'few_ticks' ? FEED_RESUME_MS_MAX / FEED_OBSERVE_MS : 1;
}

function isAlive({ state, lastFrameAgeMs }: SocketReading): boolean {
  return state === 'open' && lastFrameAgeMs !== undefined && lastFrameAgeMs < KITE_SILENCE_MS_MAX;
}

/** Call `observe` every FEED_OBSERVE_MS. Memory is bounded by the sockets times the segments of the latest look. */
export class FeedHealth {
  #state: FeedState = 'down';
  #reason: FeedReason = 'no_socket';
  #pulses: ReadonlyMap<string, SegmentPulse> = new Map();
  #looksSinceTick = QUIET_LOOKS;
  #pending: FeedState | undefined;
  #pendingLooks = 0;
  #recyclePauseLooks = 0;
  #nextRecyclePauseLooks = RECYCLE_PAUSE_LOOKS_MIN;

  /** `mayRecycle` is false while the calendar is in doubt: on an unlisted holiday every socket looks stalled. */
  observe(sockets: readonly SocketReading[], sessions: Sessions, mayRecycle: boolean): FeedVerdict {
    const carrying = sockets.filter(({ segments }) => segments.length > 0);
    // Without instruments the first socket still shows whether Kite is there.
    const wanted = carrying.length > 0 ? carrying : sockets.filter(({ state }) => state !== 'idle');
    const alive = wanted.filter(isAlive);
    const judged = this.#takePulses(sockets, sessions);
    const living = judged.filter(({ socket }) => alive.includes(socket));
    this.#looksSinceTick = judged.some(({ pulse }) => pulse.hasTicked) ? 0 : this.#looksSinceTick + 1;
    const silentSegments = silentSegmentsOf(living);
    this.#consider(this.#opinionOf(wanted, alive, living, silentSegments, sessions));
    const recycle = this.#chooseRecycling(living, mayRecycle);
    return {
      state: this.#state,
      reason: this.#reason,
      silentSegments,
      socketsAlive: alive.length,
      socketsWanted: wanted.length,
      ...(recycle === undefined ? {} : { recycle }),
    };
  }

  #takePulses(sockets: readonly SocketReading[], sessions: Sessions): Judged[] {
    const judged: Judged[] = [];
    const pulses = new Map<string, SegmentPulse>();
    for (const socket of sockets) {
      for (const { segment, ...reading } of socket.segments) {
        const key = `${segment} ${socket.id}`;
        const pulse = this.#pulses.get(key) ?? new SegmentPulse();
        pulse.observe({ ...reading, isAlive: isAlive(socket), isOpen: sessions[segment] === 'open' });
        pulses.set(key, pulse);
        judged.push({ socket, segment, pulse });
      }
    }
    this.#pulses = pulses;
    return judged;
  }

  #opinionOf(
    wanted: readonly SocketReading[],
    alive: readonly SocketReading[],
    living: readonly Judged[],
    silentSegments: readonly SegmentName[],
    sessions: Sessions,
  ): Opinion {
    if (alive.length === 0) {
      const isOpen = wanted.some(({ state }) => state === 'open');
      return { state: 'down', reason: isOpen ? 'no_heartbeat' : 'no_socket' };
    }
    if (living.length === 0) return { state: 'quiet', reason: 'nothing_subscribed' };
    // One silent segment is enough: whoever watches it would take old prices for new ones.
    if (silentSegments.length > 0) return { state: 'stale', reason: 'no_ticks' };
    const isStillLive = this.#state === 'live' && this.#looksSinceTick < QUIET_LOOKS;
    // Ticks outrank the calendar: a special session that nobody has listed is live.
    if (isStillLive || living.some(({ pulse }) => pulse.isFlowing)) {
      if (alive.length < wanted.length) return { state: 'live', reason: 'sockets_missing' };
      const isOneStalled = living.some(({ pulse }) => pulse.isStalled);
      return { state: 'live', reason: isOneStalled ? 'socket_stalled' : 'ticks' };
    }
    const isOpen = living.some(({ segment }) => sessions[segment] === 'open');
    return { state: 'quiet', reason: isOpen ? 'few_ticks' : 'session_closed' };
  }

  #consider(opinion: Opinion): void {
    if (opinion.state === this.#state) {
      this.#pending = undefined;
      this.#reason = opinion.reason;
      return;
    }
    this.#pendingLooks = opinion.state === this.#pending ? this.#pendingLooks + 1 : 1;
    this.#pending = opinion.state;
    if (this.#pendingLooks < looksToConvince(opinion)) return;
    this.#pending = undefined;
    this.#state = opinion.state;
    this.#reason = opinion.reason;
  }

  /** One socket at a time, and rarely: each takes its instruments away for a moment, and Kite counts connections. */
  #chooseRecycling(living: readonly Judged[], mayRecycle: boolean): string | undefined {
    this.#recyclePauseLooks = Math.max(0, this.#recyclePauseLooks - 1);
    if (!living.some(({ pulse }) => pulse.isStalled)) this.#nextRecyclePauseLooks = RECYCLE_PAUSE_LOOKS_MIN;
    if (!mayRecycle || this.#recyclePauseLooks > 0) return undefined;
    const overdue = living.find(({ pulse }) => pulse.isOverdue);
    if (!overdue) return undefined;
    this.#recyclePauseLooks = this.#nextRecyclePauseLooks;
    this.#nextRecyclePauseLooks = Math.min(this.#nextRecyclePauseLooks * 2, RECYCLE_PAUSE_LOOKS_MAX);
    return overdue.socket.id;
  }
}

/** Segments of which a liquid part is silent and no socket brings anything. */
function silentSegmentsOf(living: readonly Judged[]): SegmentName[] {
  return SEGMENT_NAMES.filter((name) => {
    const pulses = living.filter(({ segment }) => segment === name).map(({ pulse }) => pulse);
    return pulses.some(({ isStalled }) => isStalled) && pulses.every(({ isSilent }) => isSilent);
  });
}
