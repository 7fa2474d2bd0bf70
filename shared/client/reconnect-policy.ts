// What a client does when its connection ended, by the range of the close code, and how long it waits before that.
import { verdictOfCloseCode } from '../errors.ts';
import {
  CLIENT_SDK_BACKOFF_MS_MAX,
  CLIENT_SDK_BACKOFF_MS_MIN,
  CLIENT_SDK_RETRY_AFTER_MS_MAX,
} from '../limits.ts';

/**
 * `renew`: only with another token. `stop`: not before the application says so. `planned`: after the delay that the
 * server gave. `now`: at once, the first time. `crowded`: wait long, somebody else's connections have to end first.
 */
export type CloseReaction = 'renew' | 'stop' | 'planned' | 'now' | 'crowded' | 'backoff';

/** The edge's table of verdicts, with what a client that can fetch tokens and wait makes of some of its stops. */
export function reactionTo(closeCode: number): CloseReaction {
  switch (closeCode) {
    // Refused token, and a token that ran out, was revoked or did not come in time.
    case 1008:
    case 4001:
    case 4002:
      return 'renew';
    // Sockets that a lost network left behind count until the server notices: giving up would be for good.
    case 4003:
      return 'crowded';
    default:
      return closeCode >= 4100 && closeCode <= 4199 ? 'planned' : verdictOfCloseCode(closeCode);
  }
}

export interface ReconnectCase {
  readonly reaction: Exclude<CloseReaction, 'stop'>;
  /** Attempts since the last connection that was stable. */
  readonly attempt: number;
  /** In [0, 1). */
  readonly random: number;
  /** The server's last `retry_after_ms` on this connection. */
  readonly retryAfterMs?: number;
  /** What is left of the delay in the server's `goaway`. */
  readonly goawayMs?: number;
}

/** Full jitter below a ceiling that doubles: clients of one failed server must not come back together. */
export function fullJitterMs(attempt: number, random: number): number {
  // 2 ** attempt overflows to Infinity for absurd attempts, which the minimum turns into the highest ceiling.
  return Math.floor(random * Math.min(CLIENT_SDK_BACKOFF_MS_MAX, CLIENT_SDK_BACKOFF_MS_MIN * 2 ** attempt));
}

/** Whole milliseconds until the next attempt. */
export function reconnectDelayMs(of: ReconnectCase): number {
  const { reaction, attempt, random, retryAfterMs = 0, goawayMs } = of;
  const imposedMs = Math.min(CLIENT_SDK_RETRY_AFTER_MS_MAX, Math.max(0, retryAfterMs));
  // The server has spread the delays of a planned end itself: jitter on top would only make the gap longer.
  if (goawayMs !== undefined) {
    const leftMs = Math.ceil(Math.min(CLIENT_SDK_RETRY_AFTER_MS_MAX, Math.max(0, goawayMs)));
    const plannedMs = Math.max(imposedMs, leftMs);
    return plannedMs + (attempt === 0 ? 0 : fullJitterMs(attempt, random));
  }
  // "At once" from a server that says so again and again is a busy loop: only the first one is.
  if (reaction === 'now' && attempt === 0) return imposedMs;
  if (reaction === 'crowded') return imposedMs + Math.floor(random * CLIENT_SDK_BACKOFF_MS_MAX);
  return imposedMs + fullJitterMs(attempt, random);
}
