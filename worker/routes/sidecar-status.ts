// The sidecar's report as the edge reads it: signed, and still checked, because /health and /metrics repeat it.
import { z } from 'zod';
import { AppError } from '../../shared/errors.ts';
import {
  KITE_ACCOUNT_ID_CHARS_MAX,
  KITE_ACCOUNTS_MAX,
  KITE_CONNECTIONS_PER_ACCOUNT_MAX,
  STATUS_NOT_PLACED_MAX,
} from '../../shared/limits.ts';
import { CALENDAR_CERTAINTIES, SEGMENT_NAMES, SESSION_PHASES } from '../../shared/market-session.ts';
import {
  ACCOUNT_STATES,
  FEED_REASONS,
  FEED_STATES,
  LEASE_STATES,
  LOGIN_STATES,
  LOGIN_WARNINGS,
  type SidecarStatus,
} from '../../shared/status.ts';

const Count = z.number().nonnegative();
const Counts = z.record(z.string().max(64), Count);

const Status = z.object({
  epoch: Count,
  lease: z.enum(LEASE_STATES),
  started_at: Count,
  running: z.boolean(),
  accounts: z
    .array(
      z.object({
        id: z.string().max(KITE_ACCOUNT_ID_CHARS_MAX),
        state: z.enum(ACCOUNT_STATES),
        capacity: Count,
        instruments: Count,
        room: Count,
        sockets: z
          .array(
            z.object({
              state: z.enum(['idle', 'connecting', 'open', 'waiting', 'unauthorized', 'stopped']),
              instruments: Count,
              last_frame_age_ms: Count.exactOptional(),
              reconnects: Count,
            }),
          )
          .max(KITE_CONNECTIONS_PER_ACCOUNT_MAX),
        login: z
          .object({
            state: z.enum(LOGIN_STATES),
            issued_at: Count.exactOptional(),
            expires_at: Count.exactOptional(),
            warning: z.enum(LOGIN_WARNINGS).exactOptional(),
          })
          .exactOptional(),
      }),
    )
    .max(KITE_ACCOUNTS_MAX),
  feed: z.object({
    state: z.enum(FEED_STATES),
    reason: z.enum(FEED_REASONS),
    silent_segments: z.array(z.enum(SEGMENT_NAMES)).max(SEGMENT_NAMES.length),
    sockets_alive: Count,
    sockets_wanted: Count,
    last_tick_at: Count.exactOptional(),
    sessions: z.record(z.enum(SEGMENT_NAMES), z.enum(SESSION_PHASES)),
    sessions_until: Count.exactOptional(),
    calendar: z.enum(CALENDAR_CERTAINTIES),
    recycled: Count,
  }),
  active_subscriptions: Count,
  desired: Count,
  not_placed: Count,
  pinned: Count,
  not_placed_tokens: z.array(z.int().nonnegative()).max(STATUS_NOT_PLACED_MAX),
  ticks_received: Count,
  ticks_posted: Count,
  ticks_conflated: Count,
  ticks_rejected: Counts,
  frames_received: Count,
  frame_faults: Counts,
  batches_posted: Count,
  batches_retried: Count,
  batches_failed: Count,
  flush_window: z.object({
    window_ms: Count,
    flush_cost_ms: Count.exactOptional(),
    post_ms: Count.exactOptional(),
  }),
  instruments: z.object({
    status: z.enum(['ok', 'loading', 'stale', 'failed']),
    count: Count,
    loaded_at: Count.exactOptional(),
    trading_date: z.iso.date().exactOptional(),
    source: z.enum(['kite', 'database']).exactOptional(),
    bad_rows: Count.exactOptional(),
    failures: Count.exactOptional(),
    stored: z.boolean().exactOptional(),
  }),
  orders: z.object({ as_of: Count, open: Counts, given_up: Count }).exactOptional(),
  rss_bytes: Count,
  cpu_seconds: Count,
}) satisfies z.ZodType<SidecarStatus>;

/** The report in a post's body; throws `ingest_frame` with the first field that is wrong. */
export function parseStatus(body: Uint8Array): SidecarStatus {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder().decode(body));
  } catch (cause) {
    throw new AppError('ingest_frame', 'status is not JSON', { cause });
  }
  const parsed = Status.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new AppError('ingest_frame', `status field ${issue?.path.join('.')}: ${issue?.message}`);
}
