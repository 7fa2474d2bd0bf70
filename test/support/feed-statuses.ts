// A feed's status made by hand for tests: live, in a market that never closes, unless told otherwise.
import { ALWAYS_OPEN, sessionsAt } from '../../shared/market-session.ts';
import type { FeedStatus } from '../../shared/status.ts';

export function feedStatusOf(parts: Partial<FeedStatus>): FeedStatus {
  return {
    state: 'live',
    reason: 'ticks',
    silent_segments: [],
    sockets_alive: 1,
    sockets_wanted: 1,
    last_tick_at: 1_764_000_000_000,
    sessions: sessionsAt(ALWAYS_OPEN, 0),
    calendar: 'always_open',
    recycled: 0,
    ...parts,
  };
}
