// The sidecar's report as the edge reads it: signed, and still checked, because /health and /metrics repeat it.
import { z } from 'zod';
import { AppError } from '../../shared/errors.ts';
import { CALENDAR_CERTAINTIES, SEGMENT_NAMES, SESSION_PHASES } from '../../shared/market-session.ts';
import { FEED_REASONS, FEED_STATES, type SidecarStatus } from '../../shared/status.ts';

const Count = z.number().nonnegative();
const Counts = z.record(z.string().max(64), Count);

const Status = z.object({
  epoch: Count,
  started_at: Count,
  running: z.boolean(),
  accounts: z
    .array(
      z.object({
        id: z.string().max(64),
        state: z.enum(['ok', 'connecting', 'throttled', 'unauthorized', 'down']),
        sockets: z
          .array(
            z.object({
              state: z.enum(['idle', 'connecting', 'open', 'waiting', 'unauthorized', 'stopped']),
              instruments: Count,
              last_frame_age_ms: Count.exactOptional(),
              reconnects: Count,
            }),
          )
          .max(16),
      }),
    )
    .max(64),
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
  ticks_received: Count,
  ticks_posted: Count,
  ticks_conflated: Count,
  ticks_rejected: Counts,
  frames_received: Count,
  frame_faults: Counts,
  batches_posted: Count,
  batches_retried: Count,
  batches_failed: Count,
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
