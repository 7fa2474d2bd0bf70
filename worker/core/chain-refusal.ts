// Why a chain cannot be had, in the words that clients are told.
import type { ErrorCode } from '../../shared/errors.ts';
import { CHAIN_EXPIRIES_NAMED_MAX } from '../../shared/limits.ts';
import type { ChainName } from './chain-contracts.ts';

export interface ChainRefusal {
  readonly code: ErrorCode;
  readonly message: string;
}

function daysBetween(a: string, b: string): number {
  return Math.abs(Date.parse(a) - Date.parse(b)) / 86_400_000;
}

/** There are no options of that name; `expiries` are those that the underlying has at the exchange. */
export function unknownChain(
  { underlying, exchange, expiry }: ChainName,
  expiries: readonly string[],
): ChainRefusal {
  if (expiries.length === 0) {
    const message = `underlying: no options on ${JSON.stringify(underlying)} at ${exchange} today`;
    return { code: 'unknown_instrument', message };
  }
  const nearest = [...expiries]
    .sort((a, b) => daysBetween(a, expiry) - daysBetween(b, expiry))
    .slice(0, CHAIN_EXPIRIES_NAMED_MAX)
    .sort();
  const message = `expiry: no options on ${underlying} expire on ${expiry}, the nearest expiries are ${nearest.join(', ')}`;
  return { code: 'invalid_parameter', message };
}
