// What the sidecar says of itself each second: posted to the edge, and served on its own loopback port.
import type { CalendarCertainty, SegmentName, Sessions } from './market-session.ts';

export type SocketState = 'idle' | 'connecting' | 'open' | 'waiting' | 'unauthorized' | 'stopped';

export interface SocketStatus {
  readonly state: SocketState;
  readonly instruments: number;
  /** Time since any frame, heartbeats included; absent before the first. */
  readonly last_frame_age_ms?: number;
  readonly reconnects: number;
}

export const LOGIN_STATES = ['missing', 'unreadable', 'unverified', 'valid', 'refused'] as const;
/**
 * What is known of an account's access token. `missing`: nobody has logged in. `unreadable`: it is stored, and none of
 * CREDENTIALS_KEYS opens it. `unverified`: Kite was not asked yet. `valid` and `refused` are Kite's own answers.
 */
export type LoginState = (typeof LOGIN_STATES)[number];

export const LOGIN_WARNINGS = ['expires_soon', 'overdue'] as const;

/** Times are milliseconds since the epoch; absent when nobody knows when the token was issued. */
export interface LoginStatus {
  readonly state: LoginState;
  readonly issued_at?: number;
  /** By Kite's rule and our clock. Past it the token is `overdue`, and still in use until Kite refuses it. */
  readonly expires_at?: number;
  readonly warning?: (typeof LOGIN_WARNINGS)[number];
}

export const ACCOUNT_STATES = ['ok', 'connecting', 'throttled', 'unauthorized', 'down', 'disabled'] as const;
export type AccountState = (typeof ACCOUNT_STATES)[number];

export interface AccountStatus {
  readonly id: string;
  /** `unauthorized`: there is no token or Kite refused it, a login is needed. `disabled`: switched off on purpose. */
  readonly state: AccountState;
  /** Instruments that its sockets may carry, carry where they stream, and could take over at once. */
  readonly capacity: number;
  readonly instruments: number;
  readonly room: number;
  readonly sockets: readonly SocketStatus[];
  readonly login?: LoginStatus;
}

export const FEED_STATES = ['live', 'quiet', 'stale', 'down'] as const;
/**
 * `live`: ticks flow. `quiet`: the sockets are alive, and that there are no ticks is as it should be. `stale`: the
 * sockets are alive, and ticks that must be there are not. `down`: nobody is connected to Kite.
 */
export type FeedState = (typeof FEED_STATES)[number];

export const FEED_REASONS = [
  // live: as it should be; a socket with instruments is lost; a socket brings no ticks while others do.
  'ticks',
  'sockets_missing',
  'socket_stalled',
  // quiet
  'nothing_subscribed',
  'session_closed',
  'few_ticks',
  // stale
  'no_ticks',
  // down
  'no_socket',
  'no_heartbeat',
] as const;
export type FeedReason = (typeof FEED_REASONS)[number];

export interface FeedStatus {
  readonly state: FeedState;
  readonly reason: FeedReason;
  /** Segments in open session that are silent and should not be. */
  readonly silent_segments: readonly SegmentName[];
  /** Sockets that are alive, of those that carry instruments. */
  readonly sockets_alive: number;
  readonly sockets_wanted: number;
  /** When the last tick came in, milliseconds since the epoch. */
  readonly last_tick_at?: number;
  readonly sessions: Sessions;
  /** The sessions are these until then; absent when they stay so. */
  readonly sessions_until?: number;
  readonly calendar: CalendarCertainty;
  /** Sockets that were opened anew because they brought no ticks. */
  readonly recycled: number;
}

/** Absent fields do not apply: no list is there yet, or nothing has failed. */
export interface InstrumentsStatus {
  /** `stale`: the list in use is the last good copy, or the last attempt to read a newer one failed. */
  readonly status: 'ok' | 'loading' | 'stale' | 'failed';
  readonly count: number;
  readonly loaded_at?: number;
  /** Of the list in use, YYYY-MM-DD, and where it was read. */
  readonly trading_date?: string;
  readonly source?: 'kite' | 'database';
  /** Rows of it that could not be read. */
  readonly bad_rows?: number;
  /** Attempts that failed since the last one that did not. */
  readonly failures?: number;
  /** Whether the edge has the list in use; absent without a database. */
  readonly stored?: boolean;
}

export const LEASE_STATES = ['none', 'standby', 'held', 'unconfirmed'] as const;
/**
 * `none`: without a database there is no lease. `standby`: another sidecar has it. `unconfirmed`: it was ours when the
 * database last answered.
 */
export type LeaseState = (typeof LEASE_STATES)[number];

/** How long a shard's news waits for more, and what that follows from. */
export interface FlushWindowStatus {
  readonly window_ms: number;
  /** What a round costs the busiest gateway; absent while some shard's word on it is missing or too old. */
  readonly flush_cost_ms?: number;
  /** Median time of the latest posts; absent before the first. */
  readonly post_ms?: number;
}

/** Order tasks as the database had them at that time, in milliseconds since the epoch. */
export interface OrdersStatus {
  readonly as_of: number;
  /** Tasks that are not over, by state; states without any are absent. */
  readonly open: Readonly<Record<string, number>>;
  /** Tasks that were given up within a day, and that nobody has resolved. */
  readonly given_up: number;
}

/** Totals of the options' valuations. */
export interface GreeksFigures {
  /** By status (GREEKS_STATUSES), those that never were left out. */
  readonly valued: Readonly<Record<string, number>>;
  /** Of these, without a tick of the option: its underlying had moved. */
  readonly renewed: number;
  /** Forwards that were worked out, by source (FORWARD_SOURCES); `none`: nothing was known of the underlying. */
  readonly forwards: Readonly<Record<string, number>>;
  readonly seconds: number;
  /** Instruments that are streamed for forwards, whether or not somebody wants them too. */
  readonly support: number;
}

/** Counters are totals since the sidecar became the active one; times are milliseconds since the epoch. */
export interface SidecarStatus {
  /** Fences what this sidecar posts: the edge refuses earlier ones. 0 while it stands by. */
  readonly epoch: number;
  readonly lease: LeaseState;
  readonly started_at: number;
  readonly running: boolean;
  readonly accounts: readonly AccountStatus[];
  readonly feed: FeedStatus;
  /** Instruments subscribed at Kite; pinned, wanted by clients or needed for forwards; and of the first two those that no socket streams. */
  readonly active_subscriptions: number;
  readonly desired: number;
  readonly not_placed: number;
  /** Tokens of those, the first STATUS_NOT_PLACED_MAX by priority. */
  readonly not_placed_tokens: readonly number[];
  readonly pinned: number;
  readonly ticks_received: number;
  readonly ticks_posted: number;
  /** Ticks replaced by a newer one of the same instrument before they were posted. */
  readonly ticks_conflated: number;
  readonly ticks_rejected: Readonly<Record<string, number>>;
  readonly frames_received: number;
  readonly frame_faults: Readonly<Record<string, number>>;
  readonly batches_posted: number;
  readonly batches_retried: number;
  readonly batches_failed: number;
  readonly flush_window: FlushWindowStatus;
  readonly instruments: InstrumentsStatus;
  /** Absent while orders are off, or nothing is known of them yet. */
  readonly orders?: OrdersStatus;
  /** Absent from a sidecar that stands by. */
  readonly greeks?: GreeksFigures;
  readonly rss_bytes: number;
  readonly cpu_seconds: number;
}
