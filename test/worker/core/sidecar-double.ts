// A sidecar for pure tests: dense sequences, rising signing times, batches as they arrive at a shard's book.
import type { Batch } from '../../../shared/frame.ts';
import type { InstrumentDefinition, InstrumentToken } from '../../../shared/instrument.ts';
import { shardOf } from '../../../shared/shard.ts';
import { RECORD_KIND } from '../../../shared/tick.ts';
import type { ApplyResult, ShardBook } from '../../../worker/core/shard-book.ts';
import { joinRecords, recordOf } from '../../support/records.ts';

/** The first `count` share tokens that live at the shard. */
export function tokensOfShard(shard: number, count: number): InstrumentToken[] {
  const tokens: InstrumentToken[] = [];
  for (let token = 257; tokens.length < count; token += 256) {
    if (shardOf(token) === shard) tokens.push(token as InstrumentToken);
  }
  return tokens;
}

/** A full tick of the token whose price is `lastPrice` (raw). */
export function tickOf(token: number, lastPrice: number): Uint32Array {
  return recordOf(token, RECORD_KIND.full, { lastPrice });
}

export interface Post {
  readonly ticks?: readonly Uint32Array[];
  readonly definitions?: readonly InstrumentDefinition[];
  readonly knownTokens?: readonly InstrumentToken[];
  readonly seq?: number;
  readonly epoch?: number;
  readonly shard?: number;
  readonly boot?: number;
  readonly demandVersion?: number;
  readonly signedAtMs?: number;
}

export class SidecarDouble {
  epoch = 1_000;
  seq = 0;
  signedAtMs = 5_000;
  readonly #shard: number;

  constructor(shard: number) {
    this.#shard = shard;
  }

  batch(post: Post = {}): Batch {
    const { ticks = [], definitions = [] } = post;
    this.seq = post.seq ?? this.seq + 1;
    return {
      shard: post.shard ?? this.#shard,
      epoch: post.epoch ?? this.epoch,
      seq: this.seq,
      boot: post.boot ?? 0,
      demandVersion: post.demandVersion ?? 0,
      roundShards: 2,
      ticks: joinRecords(ticks),
      tickCount: ticks.length,
      definitions,
      ...(post.knownTokens ? { knownTokens: post.knownTokens } : {}),
    };
  }

  /** Posts the next batch, or one with the given numbers, to the book. */
  post(book: ShardBook, post: Post = {}): ApplyResult {
    this.signedAtMs = post.signedAtMs ?? this.signedAtMs + 1;
    return book.apply(this.batch(post), this.signedAtMs, this.signedAtMs + 10);
  }
}
