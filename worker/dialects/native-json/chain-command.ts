// What a client says of a chain, as a command.
import { isDate } from '../../../shared/expiry-time.ts';
import {
  CHAIN_STRIKES_DEFAULT,
  CHAIN_STRIKES_MAX,
  CHAIN_UNDERLYING_CHARS_MAX,
} from '../../../shared/limits.ts';
import type { ChainName } from '../../core/protocol.ts';

/** Exchanges that have options. */
export const CHAIN_EXCHANGES = ['NFO', 'BFO', 'MCX', 'CDS', 'BCD'] as const;

/** Printable ASCII: names of underlyings have nothing else, and the socket's memory of a chain is short. */
const UNDERLYING = /^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$/;

export interface ChainWish {
  readonly chain: ChainName;
  readonly strikes: number;
}

interface ChainValues {
  readonly underlying?: unknown;
  readonly exchange?: unknown;
  readonly expiry?: unknown;
  readonly strikes?: unknown;
}

const FIELDS = ['underlying', 'exchange', 'expiry', 'strikes'];

/** The chain that the fields ask for, or a text that says which of them is wrong. `prefix` stands before their names. */
export function parseChain(
  values: ChainValues,
  echo: (value: unknown) => string,
  prefix = 'chain.',
): ChainWish | string {
  const { underlying, exchange = 'NFO', expiry, strikes = CHAIN_STRIKES_DEFAULT } = values;
  const foreign = Object.keys(values).find((name) => !FIELDS.includes(name));
  if (foreign !== undefined) return `${prefix}${echo(foreign)} is none of ${FIELDS.join(', ')}`;
  if (
    typeof underlying !== 'string' ||
    underlying.length > CHAIN_UNDERLYING_CHARS_MAX ||
    !UNDERLYING.test(underlying)
  ) {
    return `${prefix}underlying must be a name like NIFTY of at most ${CHAIN_UNDERLYING_CHARS_MAX} characters, got ${echo(underlying)}`;
  }
  const known = CHAIN_EXCHANGES.find((candidate) => candidate === exchange);
  if (!known) return `${prefix}exchange must be one of ${CHAIN_EXCHANGES.join(', ')}, got ${echo(exchange)}`;
  if (typeof expiry !== 'string' || !isDate(expiry))
    return `${prefix}expiry must be a date like 2026-12-01, got ${echo(expiry)}`;
  const isCount =
    Number.isInteger(strikes) && (strikes as number) >= 1 && (strikes as number) <= CHAIN_STRIKES_MAX;
  if (!isCount)
    return `${prefix}strikes must be an integer from 1 to ${CHAIN_STRIKES_MAX}, got ${echo(strikes)}`;
  return { chain: { underlying, exchange: known, expiry }, strikes: strikes as number };
}
