// Option chains as an application knows them: which one, its members, its figures; and how messages about them are read.
import { AppError } from '../errors.ts';
import { isDate } from '../expiry-time.ts';
import { CHAIN_STRIKES_DEFAULT, CHAIN_STRIKES_MAX, CHAIN_UNDERLYING_CHARS_MAX } from '../limits.ts';
import type { ForwardSource } from '../record-greeks.ts';
import type { TickMode } from '../tick.ts';
import { parseOptions, type Speed, type StreamOptions } from './subscription-options.ts';
import { isObject, type JsonObject } from './tick.ts';

/** The options of one underlying that expire together. */
export interface ChainName {
  readonly underlying: string;
  /** NFO, BFO, MCX, CDS or BCD. */
  readonly exchange: string;
  /** YYYY-MM-DD. */
  readonly expiry: string;
}

export interface ChainOptions {
  readonly underlying: string;
  /** NFO unless another is given. */
  readonly exchange?: string;
  /** YYYY-MM-DD. */
  readonly expiry: string;
  /** On each side of the one at the money; 10 unless said otherwise. */
  readonly strikes?: number;
  readonly mode?: TickMode;
  readonly speed?: Speed;
}

export interface ChainMember {
  readonly instrument_token: number;
  readonly tradingsymbol: string;
  /** Rupees. */
  readonly strike: number;
  readonly type: 'CE' | 'PE';
}

/** Figures over the strikes from `strikes_from` to `strikes_to`; see the README. What cannot be told is absent. */
export interface ChainFigures {
  readonly forward?: number;
  readonly forward_source?: ForwardSource;
  readonly underlying?: number;
  /** Calendar days. */
  readonly days_to_expiry?: number;
  readonly strikes_from?: number;
  readonly strikes_to?: number;
  readonly strikes_counted?: number;
  readonly atm_strike?: number;
  /** Percent per year. */
  readonly atm_iv?: number;
  /** Percentage points. */
  readonly skew?: number;
  readonly pcr_oi?: number;
  readonly pcr_volume?: number;
  readonly max_pain?: number;
}

/** Comes whenever the chain's figures have changed, once a second at most. */
export interface ChainFiguresEvent {
  readonly chain: ChainName;
  readonly data: ChainFigures;
}

/** Who has joined and left a chain's window since the last event: all join when it is first told. */
export interface ChainMembersEvent {
  readonly chain: ChainName;
  readonly joined: readonly ChainMember[];
  readonly left: readonly number[];
}

/** What a chain is asked for with. */
export interface ChainTerms extends Pick<StreamOptions, 'mode' | 'speed'> {
  readonly strikes: number;
}

export function chainKey({ exchange, underlying, expiry }: ChainName): string {
  return `${exchange}:${underlying}:${expiry}`;
}

function refuse(what: string, value: unknown): AppError {
  return new AppError('invalid_parameter', `${what}, got ${String(value)}`);
}

/** Throws AppError `invalid_parameter` naming the option and its value; whether there is such a chain, the server says. */
export function parseChainOptions(options: ChainOptions): {
  readonly name: ChainName;
  readonly terms: ChainTerms;
} {
  const { underlying, exchange = 'NFO', expiry, strikes = CHAIN_STRIKES_DEFAULT, mode, speed } = options;
  const isName = typeof underlying === 'string' && underlying.length > 0;
  if (!isName || underlying.length > CHAIN_UNDERLYING_CHARS_MAX)
    throw refuse(`underlying must be a name of at most ${CHAIN_UNDERLYING_CHARS_MAX} characters`, underlying);
  if (typeof exchange !== 'string') throw refuse('exchange must be a text', exchange);
  if (typeof expiry !== 'string' || !isDate(expiry))
    throw refuse('expiry must be a date like 2026-12-01', expiry);
  if (!Number.isInteger(strikes) || strikes < 1 || strikes > CHAIN_STRIKES_MAX)
    throw refuse(`strikes must be an integer from 1 to ${CHAIN_STRIKES_MAX}`, strikes);
  const given = { ...(mode === undefined ? {} : { mode }), ...(speed === undefined ? {} : { speed }) };
  const parsed = parseOptions(given);
  return {
    name: { underlying, exchange, expiry },
    terms: { strikes, mode: parsed.mode, speed: parsed.speed },
  };
}

/** Undefined for what names no chain. */
export function readChainName(value: unknown): ChainName | undefined {
  if (!isObject(value)) return undefined;
  const { underlying, exchange, expiry } = value;
  const isWhole =
    typeof underlying === 'string' && typeof exchange === 'string' && typeof expiry === 'string';
  return isWhole ? { underlying, exchange, expiry } : undefined;
}

function isMember(value: unknown): value is ChainMember {
  if (!isObject(value)) return false;
  const { instrument_token: token, tradingsymbol, strike, type } = value;
  const isNamed = Number.isFinite(token) && typeof tradingsymbol === 'string';
  return isNamed && Number.isFinite(strike) && (type === 'CE' || type === 'PE');
}

/** Those of the list that are members. */
export function readMembers(value: unknown): ChainMember[] {
  return Array.isArray(value) ? value.filter(isMember) : [];
}

const FIGURES = [
  'forward',
  'underlying',
  'days_to_expiry',
  'strikes_from',
  'strikes_to',
  'strikes_counted',
  'atm_strike',
  'atm_iv',
  'skew',
  'pcr_oi',
  'pcr_volume',
  'max_pain',
] as const satisfies (keyof ChainFigures)[];
const SOURCES: readonly unknown[] = ['future', 'synthetic', 'carry', 'spot'] satisfies ForwardSource[];

/** Figures that are no numbers are left out. */
export function readFigures(value: JsonObject): ChainFigures {
  const known = FIGURES.filter((name) => Number.isFinite(value[name]));
  const figures = Object.fromEntries(known.map((name) => [name, value[name]]));
  const source = SOURCES.includes(value.forward_source) ? { forward_source: value.forward_source } : {};
  return { ...figures, ...source } as ChainFigures;
}
