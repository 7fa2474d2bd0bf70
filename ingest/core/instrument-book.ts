// What the core asks of the instrument list, whoever keeps it.
import type { InstrumentDefinition, InstrumentToken } from '../../shared/instrument.ts';

export interface InstrumentBook {
  /** Undefined for a token that does not exist today. */
  definitionOf(token: number): InstrumentDefinition | undefined;
  /** Every token of the shard that exists today, ascending. */
  tokensOfShard(shard: number): readonly InstrumentToken[];
}

/** The book before the first dump is read: nothing exists yet. */
export const EMPTY_INSTRUMENT_BOOK: InstrumentBook = {
  definitionOf: () => undefined,
  tokensOfShard: () => [],
};
