// The tokens that exist today as the shards are told: one encoded list for each.
import { encodeTokenList } from '../../shared/frame.ts';
import { BATCH_BYTES_MAX, BATCH_KNOWN_TOKENS_MAX } from '../../shared/limits.ts';
import { SHARD_COUNT } from '../../shared/shard.ts';
import type { InstrumentBook } from './instrument-book.ts';

/** By shard. Throws a RangeError when a list is too long for a batch. */
export function encodeKnownTokens(book: InstrumentBook): Uint8Array[] {
  return Array.from({ length: SHARD_COUNT }, (_, shard) => {
    const tokens = book.tokensOfShard(shard);
    const encoded = encodeTokenList(tokens);
    const bytesMax = BATCH_BYTES_MAX / 2;
    if (tokens.length > BATCH_KNOWN_TOKENS_MAX || encoded.byteLength > bytesMax) {
      throw new RangeError(
        `shard ${shard}: list of ${tokens.length} instruments (${encoded.byteLength} bytes), ` +
          `at most ${BATCH_KNOWN_TOKENS_MAX} (${bytesMax} bytes)`,
      );
    }
    return encoded;
  });
}
