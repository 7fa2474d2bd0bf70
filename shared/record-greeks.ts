// Greeks of an option in its tick record: what the sidecar has worked out, and what it was worked out from.
import { OPTION_STATUS } from './greeks/option-status.ts';

/** Byte offsets from the end of the full record that they follow. */
export const GREEKS_AT = {
  /** Status in the low byte, forward source in the next one. */
  flags: 0,
  /** Raw prices, of the option's own divisor; 0 when there is none. */
  underlying: 4,
  forward: 8,
  /** Percent per year, as a float of 32 bits cut down to GREEK_BITS; 0 when there is none. The same for all that follow. */
  iv: 12,
  ivBid: 16,
  ivAsk: 20,
  /** Units of OptionColumns. */
  delta: 24,
  gamma: 28,
  theta: 32,
  vega: 36,
  rho: 40,
} as const;
export const GREEKS_WORDS = 11;

/** Of the 32 bits of a float these many low ones are zero: 16 of the fraction's are left, five digits. Changes of the others are short. */
export const GREEK_ZERO_BITS = 7;

/**
 * The status of Greeks by number, as clients read it: those of the kernel (OPTION_STATUS), and of prices that it was never given. The
 * numbers are on the wire: append only.
 */
export const GREEKS_STATUSES = [
  'ok',
  'by_parity',
  'expired',
  'no_underlying',
  'bad_terms',
  'bad_strike',
  'no_price',
  'bad_price',
  'below_intrinsic',
  'no_time_value',
  'above_maximum',
  'bad_volatility',
  'one_sided',
  'stale',
] as const;
export type GreeksStatus = (typeof GREEKS_STATUSES)[number];
/** The book has one side, which bounds the price and does not give it. */
export const STATUS_ONE_SIDED = 12;
/** No sound book of the day, and no fresh trade. */
export const STATUS_STALE = 13;

/** Where a forward comes from, by number; 0 where there is none. The numbers are on the wire: append only. */
export const FORWARD_SOURCES = ['none', 'future', 'synthetic', 'carry', 'spot'] as const;
export type ForwardSource = Exclude<(typeof FORWARD_SOURCES)[number], 'none'>;

/** Prices raw, Greeks in the units of OptionColumns; what there is none of is absent. */
export interface RecordGreeks {
  readonly status: GreeksStatus;
  readonly forwardSource?: ForwardSource;
  readonly underlying?: number;
  readonly forward?: number;
  readonly iv?: number;
  readonly ivBid?: number;
  readonly ivAsk?: number;
  readonly delta?: number;
  readonly gamma?: number;
  readonly theta?: number;
  readonly vega?: number;
  readonly rho?: number;
}

/** Decimal digits of a Greek; and the least number of so many, before the point. */
const DIGITS = 6;
const DIGITS_MIN = 100_000;

const floats = new Float32Array(1);
const bits = new Uint32Array(floats.buffer);

/** The word of a Greek: its float of 32 bits, rounded to the nearest that has no low bits. 0 for what is no finite float. */
export function greekWord(value: number): number {
  floats[0] = value;
  const half = 1 << (GREEK_ZERO_BITS - 1);
  const word = (((bits[0] as number) + half) >>> GREEK_ZERO_BITS) << GREEK_ZERO_BITS;
  // An exponent of all ones is no number. Minus zero is zero.
  if ((word & 0x7f80_0000) === 0x7f80_0000 || (word & 0x7fff_ffff) === 0) return 0;
  return word >>> 0;
}

/** The Greek in such a word, as few decimal digits as tell it from its neighbours. */
export function greekOfWord(word: number): number {
  if (word === 0) return 0;
  bits[0] = word;
  const value = floats[0] as number;
  const size = Math.abs(value);
  if (size < 1e-9 || size >= 1e6) return Number(value.toPrecision(DIGITS));
  // What follows is the same and ten times as fast: 17 bits times a power of ten below 10^16 is exact, so is the quotient's rounding.
  let power = 1;
  while (size * power < DIGITS_MIN) power *= 10;
  const rounded = Math.round(size * power) / power;
  return value < 0 ? -rounded : rounded;
}

/** Whether there can be such a word: a float without low bits that is a finite number, and not minus zero. */
export function isGreekWord(word: number): boolean {
  const hasLowBits = (word & ((1 << GREEK_ZERO_BITS) - 1)) !== 0;
  return !hasLowBits && (word & 0x7f80_0000) !== 0x7f80_0000 && word !== 0x8000_0000;
}

/** True when delta, gamma, theta, vega and rho mean something: 0 is a value then. */
export function hasGreeks(status: number): boolean {
  return status === OPTION_STATUS.ok || status === OPTION_STATUS.byParity || status === OPTION_STATUS.expired;
}

/** Whether the flags name a status and a source that exist. */
export function areGreeksFlags(flags: number): boolean {
  return (flags & 0xff) < GREEKS_STATUSES.length && flags >>> 8 < FORWARD_SOURCES.length;
}

type Writable<T> = { -readonly [K in keyof T]: T[K] };

/** The Greeks at byte `at`, which is the end of the full record. Their flags are known to exist. */
export function readGreeks(view: DataView, at: number): RecordGreeks {
  const flags = view.getUint32(at + GREEKS_AT.flags, true);
  const status = flags & 0xff;
  const greeks: Writable<RecordGreeks> = { status: GREEKS_STATUSES[status] as GreeksStatus };
  const source = FORWARD_SOURCES[flags >>> 8] as (typeof FORWARD_SOURCES)[number];
  if (source !== 'none') greeks.forwardSource = source;
  for (const name of ['underlying', 'forward'] as const) {
    const raw = view.getUint32(at + GREEKS_AT[name], true);
    if (raw !== 0) greeks[name] = raw;
  }
  for (const name of ['iv', 'ivBid', 'ivAsk'] as const) {
    const word = view.getUint32(at + GREEKS_AT[name], true);
    if (word !== 0) greeks[name] = greekOfWord(word);
  }
  if (!hasGreeks(status)) return greeks;
  for (const name of ['delta', 'gamma', 'theta', 'vega', 'rho'] as const) {
    greeks[name] = greekOfWord(view.getUint32(at + GREEKS_AT[name], true));
  }
  return greeks;
}
