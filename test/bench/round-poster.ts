// Posts rounds of ticks to the shards of an edge as the sidecar does: signed batches, one per shard, one at a time each.
import { systemClock } from '../../ingest/clock.ts';
import { Batcher } from '../../ingest/core/batcher.ts';
import { parseBatchReply } from '../../ingest/edge/batch-reply.ts';
import { EdgeClient, SigningTimes } from '../../ingest/edge/signed-post.ts';
import { BATCH_TICKS_MAX } from '../../shared/limits.ts';
import { SHARD_COUNT } from '../../shared/shard.ts';
import { RECORD_WORDS_MAX } from '../../shared/tick.ts';
import { bookOf } from '../ingest/support/books.ts';
import type { EdgeHost } from './edge-host.ts';
import type { RoundMarket } from './round-market.ts';

export class RoundPoster {
  readonly #market: RoundMarket;
  readonly #batcher: Batcher;
  readonly #client: EdgeClient;
  readonly #times = Array.from({ length: SHARD_COUNT }, () => new SigningTimes(systemClock));
  readonly #record = new Uint32Array(RECORD_WORDS_MAX);

  constructor({ host, port, ingestSecret }: EdgeHost, market: RoundMarket) {
    this.#market = market;
    this.#client = new EdgeClient(`http://${host}:${port}`, ingestSecret, systemClock);
    this.#batcher = new Batcher(systemClock.wallMs(), bookOf(market.definitions));
    this.#batcher.want(
      market.definitions.map(({ instrument_token: token }) => ({ token, mode: 'full' as const })),
    );
  }

  /** Learns which memory each shard has, and gives it the definitions. */
  async start(): Promise<void> {
    await this.#postAll();
    await this.#postAll();
  }

  /** Posts the records of these positions; resolves when all shards have taken theirs. */
  async post(positions: readonly number[], nowMs: number): Promise<void> {
    const { records, definitions } = this.#market;
    for (const position of positions) {
      const from = records.byteOffset + this.#market.recordOffset(position);
      this.#record.set(new Uint32Array(records.buffer, from, RECORD_WORDS_MAX));
      const slot = this.#batcher.wantedSlotOf(definitions[position]?.instrument_token ?? 0);
      this.#batcher.offer(slot, this.#record, nowMs);
    }
    await this.#postAll();
  }

  stop(): void {
    this.#client.close();
  }

  /** A batch to each shard, and more to those whose news does not fit one. */
  async #postAll(): Promise<void> {
    const shards = Array.from({ length: SHARD_COUNT }, (_, shard) => shard);
    await Promise.all(
      shards.map(async (shard) => {
        do await this.#postOne(shard);
        while (this.#batcher.dirtyCount(shard) > 0);
      }),
    );
  }

  async #postOne(shard: number): Promise<void> {
    const { bytes } = this.#batcher.take(shard, { ticksMax: BATCH_TICKS_MAX, roundShards: SHARD_COUNT });
    const timeMs = this.#times[shard]?.next() ?? 0;
    const path = `/ingest/batch/${shard}`;
    const { httpStatus, text } = await this.#client.post(path, 'application/octet-stream', bytes, timeMs);
    if (httpStatus !== 200) throw new Error(`shard ${shard} answered a batch with ${httpStatus}: ${text}`);
    this.#batcher.acknowledge(shard, parseBatchReply(text));
  }
}
