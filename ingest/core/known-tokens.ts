// The tokens that exist today, as the shards are told: whether they can be.
import { tokenListLength } from '../../shared/frame.ts';
import { BATCH_BYTES_MAX, BATCH_KNOWN_TOKENS_MAX } from '../../shared/limits.ts';
import { SHARD_COUNT } from '../../shared/shard.ts';
import type { InstrumentBook } from './instrument-book.ts';

/** Throws a RangeError when a shard's list is more than a batch can carry beside its ticks. */
export function checkKnownTokens(book: InstrumentBook): void {
  for (let shard = 0; shard < SHARD_COUNT; shard++) {
    const list = book.knownTokensOf(shard);
    // A token has a byte at least: few lists need to be counted.
    const length = list.byteLength > BATCH_KNOWN_TOKENS_MAX ? tokenListLength(list) : list.byteLength;
    const bytesMax = BATCH_BYTES_MAX / 2;
    if (length > BATCH_KNOWN_TOKENS_MAX || list.byteLength > bytesMax) {
      throw new RangeError(
        `shard ${shard}: list of ${length} instruments (${list.byteLength} bytes), ` +
          `at most ${BATCH_KNOWN_TOKENS_MAX} (${bytesMax} bytes)`,
      );
    }
  }
}
