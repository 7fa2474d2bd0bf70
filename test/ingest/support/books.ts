// Instrument lists made by hand for tests.
import type { WantedInstrument } from '../../../ingest/core/batcher.ts';
import { changeBetween, type InstrumentBook } from '../../../ingest/core/instrument-book.ts';
import { encodeTokenList } from '../../../shared/frame.ts';
import type { InstrumentDefinition, InstrumentToken } from '../../../shared/instrument.ts';
import { shardOf } from '../../../shared/shard.ts';
import { definitionOf } from '../../support/records.ts';

export function bookOf(definitions: readonly InstrumentDefinition[]): InstrumentBook {
  const byToken = new Map<number, InstrumentDefinition>(
    definitions.map((definition) => [definition.instrument_token, definition]),
  );
  const tokensOf = (shard: number) =>
    [...byToken.keys()].filter((token) => shardOf(token) === shard).sort((a, b) => a - b);
  return {
    has: (token) => byToken.has(token),
    definitionOf: (token) => byToken.get(token),
    changeSince: (other, token) => changeBetween(other.definitionOf(token), byToken.get(token)),
    knownTokensOf: (shard) => encodeTokenList(tokensOf(shard)),
  };
}

export function bookOfTokens(tokens: readonly number[]): InstrumentBook {
  return bookOf(tokens.map((token) => definitionOf(token)));
}

/** The first `count` NSE tokens that belong to the shard. */
export function tokensOfShard(shard: number, count: number): InstrumentToken[] {
  const tokens: InstrumentToken[] = [];
  for (let exchangeToken = 1; tokens.length < count; exchangeToken++) {
    const token = ((exchangeToken << 8) | 1) as InstrumentToken;
    if (shardOf(token) === shard) tokens.push(token);
  }
  return tokens;
}

/** All of them wanted in full mode. */
export function inFull(tokens: Iterable<number>): WantedInstrument[] {
  return Array.from(tokens, (token) => ({ token, mode: 'full' }));
}
