// What the sidecar says of itself each second: posted to the edge, and served on its own loopback port.

export type SocketState = 'idle' | 'connecting' | 'open' | 'waiting' | 'unauthorized' | 'stopped';

export interface SocketStatus {
  readonly state: SocketState;
  readonly instruments: number;
  /** Time since any frame, heartbeats included; absent before the first. */
  readonly last_frame_age_ms?: number;
  readonly reconnects: number;
}

export interface AccountStatus {
  readonly id: string;
  /** `unauthorized`: Kite refused the token, a login is needed. */
  readonly state: 'ok' | 'connecting' | 'throttled' | 'unauthorized' | 'down';
  readonly sockets: readonly SocketStatus[];
}

/** Counters are totals since the sidecar started; times are milliseconds since the epoch. */
export interface SidecarStatus {
  readonly epoch: number;
  readonly started_at: number;
  readonly running: boolean;
  readonly accounts: readonly AccountStatus[];
  /** Instruments subscribed at Kite, wanted by clients, and wanted without a place. */
  readonly active_subscriptions: number;
  readonly desired: number;
  readonly not_placed: number;
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
  readonly instruments: {
    readonly status: 'ok' | 'loading' | 'failed';
    readonly count: number;
    readonly loaded_at?: number;
  };
  readonly rss_bytes: number;
  readonly cpu_seconds: number;
}
