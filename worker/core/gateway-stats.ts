// Figures of one gateway, as /ws/stats and /metrics use them. Counters are totals since its last reset.
import type { InstrumentToken } from '../../shared/instrument.ts';

/** One line of /ws/stats. */
export interface ConnectionStats {
  readonly connection_id: string;
  readonly user_id: string;
  readonly subscriptions: number;
  readonly connected_at: string;
}

export interface GatewayStats {
  readonly gateway: string;
  readonly connections: readonly ConnectionStats[];
  readonly total_subscriptions: number;
  readonly tokens: readonly InstrumentToken[];
  readonly frames_sent: number;
  readonly messages_received: number;
  readonly pushes_received: number;
  readonly resyncs: number;
  readonly flushes: number;
  readonly upgrades: number;
}
