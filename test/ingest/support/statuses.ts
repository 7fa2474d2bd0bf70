// A sidecar's status made by hand for tests.
import type { SidecarStatus } from '../../../shared/status.ts';
import { feedStatusOf } from '../../support/feed-statuses.ts';

export function statusOf(parts: Partial<SidecarStatus> = {}): SidecarStatus {
  return {
    epoch: 1_764_000_000_000,
    lease: 'held',
    started_at: 1_764_000_000_000,
    running: true,
    accounts: [
      {
        id: 'primary',
        state: 'connecting',
        capacity: 6_000,
        instruments: 2,
        room: 5_998,
        sockets: [
          { state: 'open', instruments: 2, last_frame_age_ms: 10, reconnects: 1 },
          { state: 'idle', instruments: 0, reconnects: 0 },
        ],
      },
    ],
    feed: feedStatusOf({}),
    active_subscriptions: 2,
    desired: 3,
    not_placed: 1,
    pinned: 0,
    not_placed_tokens: [408_065],
    ticks_received: 100,
    ticks_posted: 90,
    ticks_conflated: 8,
    ticks_rejected: { no_price: 4, out_of_order: 0 },
    frames_received: 50,
    frame_faults: { frame_truncated: 1 },
    batches_posted: 20,
    batches_retried: 2,
    batches_failed: 1,
    flush_window: { window_ms: 40, flush_cost_ms: 10, post_ms: 4.5 },
    instruments: { status: 'ok', count: 500, loaded_at: 1_764_000_000_000 },
    rss_bytes: 1e8,
    cpu_seconds: 1.5,
    ...parts,
  };
}
