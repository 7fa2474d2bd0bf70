// Figures of one shard, as /health and /metrics use them. Counters are totals since the shard's last reset.

export interface ShardStats {
  readonly shard: number;
  readonly epoch: number;
  readonly seq: number;
  readonly instruments: number;
  readonly known_instruments: number;
  readonly gateways: number;
  readonly wanted: number;
  readonly last_batch_at: number;
  readonly batches: number;
  readonly duplicates: number;
  readonly gaps: number;
  readonly ticks: number;
  readonly refused: number;
  readonly storeFull: number;
  /** Ticks that were of before what was held. */
  readonly outOfOrder: number;
}
