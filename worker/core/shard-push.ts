// What shards tell gateways: current values as an answer, and news as a push.
import type { InstrumentDefinition, InstrumentToken } from '../../shared/instrument.ts';
import type { Bar } from './bar.ts';

/** Current values of what a gateway registered. Pushes up to and including `pushSeq` are contained in it. */
export interface Snapshot {
  readonly boot: number;
  readonly pushSeq: number;
  readonly ticks: Uint32Array;
  readonly definitions: readonly InstrumentDefinition[];
  /** Open bars, of the intervals registered. */
  readonly bars: readonly Bar[];
  /** Not in today's instrument list: nothing will ever come for them. They were not registered. */
  readonly unknown: readonly InstrumentToken[];
}

/** What changed for one gateway since its last push. `seq` is dense per gateway within a boot. */
export interface ShardPush {
  readonly shard: number;
  readonly boot: number;
  readonly seq: number;
  /** Shards that have ticks in the sidecar's round that this is of. */
  readonly roundShards: number;
  readonly ticks: Uint32Array;
  readonly definitions: readonly InstrumentDefinition[];
  readonly unknown: readonly InstrumentToken[];
  /** Whole in themselves: they count also when something before this push is missing. */
  readonly bars: readonly Bar[];
}
