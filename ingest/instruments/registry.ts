// Today's instruments in memory: token -> definition, and each shard's tokens in order.
import type { InstrumentDefinition, InstrumentToken } from '../../shared/instrument.ts';
import { INSTRUMENT_DUMP_ROWS_MAX } from '../../shared/limits.ts';
import { SHARD_COUNT, shardOf } from '../../shared/shard.ts';
import type { InstrumentBook } from '../core/instrument-book.ts';

export class InstrumentRegistry implements InstrumentBook {
  readonly #definitions = new Map<number, InstrumentDefinition>();
  #shardTokens: readonly InstrumentToken[][] | undefined;
  /** Rows for a token that was there already; the first one counts. */
  duplicates = 0;

  get size(): number {
    return this.#definitions.size;
  }

  /** Throws a RangeError over INSTRUMENT_DUMP_ROWS_MAX instruments. */
  add(definition: InstrumentDefinition): void {
    if (this.#definitions.has(definition.instrument_token)) {
      this.duplicates++;
      return;
    }
    if (this.#definitions.size >= INSTRUMENT_DUMP_ROWS_MAX) {
      throw new RangeError(`instrument dump has more than ${INSTRUMENT_DUMP_ROWS_MAX} rows`);
    }
    this.#definitions.set(definition.instrument_token, definition);
    this.#shardTokens = undefined;
  }

  definitions(): IterableIterator<InstrumentDefinition> {
    return this.#definitions.values();
  }

  definitionOf(token: number): InstrumentDefinition | undefined {
    return this.#definitions.get(token);
  }

  tokensOfShard(shard: number): readonly InstrumentToken[] {
    this.#shardTokens ??= this.#sortTokens();
    return this.#shardTokens[shard] ?? [];
  }

  #sortTokens(): InstrumentToken[][] {
    const shards: InstrumentToken[][] = Array.from({ length: SHARD_COUNT }, () => []);
    for (const { instrument_token: token } of this.#definitions.values()) shards[shardOf(token)]?.push(token);
    for (const tokens of shards) tokens.sort((a, b) => a - b);
    return shards;
  }
}
