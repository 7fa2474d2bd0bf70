// What the core asks of the instrument list, whoever keeps it.
import { type InstrumentDefinition, isSameInstrument } from '../../shared/instrument.ts';

/** A token in two lists: nothing differs, details do (such as the lot size), or it is not the same instrument. */
export type ListChange = 'none' | 'details' | 'instrument';

export interface InstrumentBook {
  has(token: number): boolean;
  /** Undefined for a token that does not exist today. */
  definitionOf(token: number): InstrumentDefinition | undefined;
  /** What is different about the token since the other list; `instrument` when one of them does not have it. */
  changeSince(other: InstrumentBook, token: number): ListChange;
  /** Every token of the shard that exists today, as `encodeTokenList` writes them. */
  knownTokensOf(shard: number): Uint8Array;
}

const NO_TOKENS = new Uint8Array(0);

/** The book before the first list is read: nothing exists yet. */
export const EMPTY_INSTRUMENT_BOOK: InstrumentBook = {
  has: () => false,
  definitionOf: () => undefined,
  changeSince: () => 'instrument',
  knownTokensOf: () => NO_TOKENS,
};

/** `changeSince` by the definitions themselves. */
export function changeBetween(
  before: InstrumentDefinition | undefined,
  now: InstrumentDefinition | undefined,
): ListChange {
  if (!before || !now || !isSameInstrument(before, now)) return 'instrument';
  const { segment, instrument_type, name, strike, tick_size, lot_size } = now;
  const isEqual =
    before.segment === segment &&
    before.instrument_type === instrument_type &&
    before.name === name &&
    before.strike === strike &&
    before.tick_size === tick_size &&
    before.lot_size === lot_size;
  return isEqual ? 'none' : 'details';
}
