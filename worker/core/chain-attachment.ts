// A session's chains as its socket remembers them: a short text and the members, packed.
import type { InstrumentToken } from '../../shared/instrument.ts';
import { CHAIN_STRIKES_MAX, CLIENT_CHAINS_MAX } from '../../shared/limits.ts';
import type { ChainName } from './chain-contracts.ts';
import { packTokens, unpackTokens } from './packed-tokens.ts';
import { isFilteredTerms, rankOfTerms, TERMS_BITS, type Terms } from './terms.ts';

export interface ChainItem extends ChainName {
  readonly strikes: number;
  readonly terms: Terms;
  /** The strike in the middle of the window. */
  readonly center: number;
  /** As the client was told them: they stream on before the contracts are looked up again. */
  readonly members: readonly InstrumentToken[];
}

/** Text of `EXCHANGE:EXPIRY:strikes:terms:center:UNDERLYING`, and the members of `packTokens`. */
export type PackedChain = readonly [chain: string, members: Uint8Array];

const CHAIN = /^([A-Z]+):(\d{4}-\d\d-\d\d):(\d+):(\d+):(\d+(?:\.\d+)?):(.+)$/;

export function packChains(items: Iterable<ChainItem>): PackedChain[] {
  return [...items].map(({ exchange, expiry, strikes, terms, center, underlying, members }) => {
    const tokens = [...members].sort((a, b) => a - b);
    return [
      `${exchange}:${expiry}:${strikes}:${terms}:${center}:${underlying}`,
      packTokens(tokens, () => undefined),
    ];
  });
}

function unpackChain(value: unknown): ChainItem | undefined {
  const [text, bytes]: unknown[] = Array.isArray(value) ? value : [];
  if (typeof text !== 'string' || !(bytes instanceof Uint8Array)) return undefined;
  const [, exchange = '', expiry = '', ...rest] = CHAIN.exec(text) ?? [];
  const [strikes = 0, terms = 0, center = 0] = rest.slice(0, 3).map(Number);
  const underlying = rest[3] ?? '';
  if (underlying === '' || strikes < 1 || strikes > CHAIN_STRIKES_MAX) return undefined;
  if (terms >= 1 << TERMS_BITS || rankOfTerms(terms) < 1 || isFilteredTerms(terms)) return undefined;
  const membersMax = 2 * (2 * strikes + 1);
  const members = unpackTokens(bytes, membersMax, (_, token) => token);
  return members && { exchange, expiry, strikes, terms, center, underlying, members };
}

/** The items of `packChains`, or undefined when it is not such a list. */
export function unpackChains(value: unknown): ChainItem[] | undefined {
  if (!Array.isArray(value) || value.length > CLIENT_CHAINS_MAX) return undefined;
  const items: ChainItem[] = [];
  for (const packed of value) {
    const item = unpackChain(packed);
    if (!item) return undefined;
    items.push(item);
  }
  return items;
}
