// Figures of one gateway, as /ws/stats and /metrics use them. Counters are totals since its last reset.
import type { InstrumentToken } from '../../shared/instrument.ts';

/** One line of /ws/stats. */
export interface ConnectionStats {
  readonly connection_id: string;
  readonly user_id: string;
  readonly subscriptions: number;
  readonly connected_at: string;
}

/** What /health says of a gateway: as cheap with a thousand clients as with one. */
export interface GatewayCounts {
  readonly connections: number;
  readonly subscriptions: number;
}

/**
 * Entries in the tables that a gateway's memory is made of. All of them go down again when clients leave, but for
 * `symbols` and `missed_ticks`, which are bounded and age.
 */
export interface GatewayHoldings {
  readonly sessions: number;
  /** Sessions whose client was cut off and may come back. */
  readonly awaited: number;
  readonly deadlines: number;
  readonly users: number;
  readonly addresses: number;
  readonly subscriptions: number;
  readonly filters: number;
  readonly bars: number;
  /** Bars that are kept current. */
  readonly bars_known: number;
  readonly instruments: number;
  readonly definitions: number;
  /** Subscribes that wait for a shard. */
  readonly claims: number;
  /** What the shards were told is wanted. */
  readonly told: number;
  /** Instruments with news that has not been sent to all. */
  readonly changed: number;
  /** Sessions whose socket is full. */
  readonly full_sockets: number;
  readonly missed_ticks: number;
  readonly symbols: number;
}

export interface GatewayStats {
  readonly gateway: string;
  readonly connections: readonly ConnectionStats[];
  readonly total_subscriptions: number;
  readonly tokens: readonly InstrumentToken[];
  readonly holdings: GatewayHoldings;
  readonly frames_sent: number;
  /** Ticks to clients: a frame may have many. */
  readonly ticks_sent: number;
  readonly messages_received: number;
  readonly pushes_received: number;
  readonly resyncs: number;
  readonly flushes: number;
  readonly upgrades: number;
}
