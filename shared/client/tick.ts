// A tick as clients get it, and the check that a message holds one. What Kite did not send is absent, never zero.
import { parseInstrumentToken } from '../instrument.ts';
import { FORWARD_SOURCES, type ForwardSource, GREEKS_STATUSES, type GreeksStatus } from '../record-greeks.ts';
import type { TickMode } from '../tick.ts';
import { isMode } from './subscription-options.ts';

export interface DepthLevel {
  readonly price: number;
  readonly quantity: number;
  readonly orders: number;
}

/** Implied volatility and Greeks by Black's model of 1976, on the forward; what there is none of is absent. */
export interface Greeks {
  /** `ok`, or why something is absent: see the README. */
  readonly status: GreeksStatus;
  /** Percent per year; by the middle of the book, or a fresh last trade. */
  readonly iv?: number;
  /** Rupees per rupee of the forward. */
  readonly delta?: number;
  /** Change of delta per rupee of the forward. */
  readonly gamma?: number;
  /** Rupees per calendar day. */
  readonly theta?: number;
  /** Rupees per percentage point of volatility. */
  readonly vega?: number;
  /** Rupees per percentage point of the rate. */
  readonly rho?: number;
  /** The underlying's price and its forward for the expiry, in rupees. */
  readonly underlying?: number;
  readonly forward?: number;
  readonly forward_source?: ForwardSource;
  /** Percent per year, by the best bid and the best ask. */
  readonly iv_bid?: number;
  readonly iv_ask?: number;
}

/** Prices in rupees, times ISO 8601 in UTC. Field names are the protocol's. */
export interface Tick {
  readonly instrument_token: number;
  readonly tradingsymbol: string;
  readonly exchange: string;
  readonly mode: TickMode;
  readonly last_price?: number;
  readonly last_quantity?: number;
  readonly average_price?: number;
  readonly volume?: number;
  readonly buy_quantity?: number;
  readonly sell_quantity?: number;
  readonly ohlc?: {
    readonly open?: number;
    readonly high?: number;
    readonly low?: number;
    readonly close?: number;
  };
  /** Since the previous close, in rupees. */
  readonly change?: number;
  readonly change_percent?: number;
  readonly last_trade_time?: string;
  readonly exchange_timestamp?: string;
  /** When the sidecar had it from Kite. */
  readonly received_at: string;
  readonly oi?: number;
  readonly oi_day_high?: number;
  readonly oi_day_low?: number;
  /** Best level first; fewer than five where the book is thin. */
  readonly depth?: { readonly buy: readonly DepthLevel[]; readonly sell: readonly DepthLevel[] };
  /** Of an option, in full mode. */
  readonly greeks?: Greeks;
  /** Position in the gateway's order of events, within one epoch. */
  readonly seq: number;
}

export type JsonObject = Readonly<Record<string, unknown>>;

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const NUMBER_FIELDS = [
  'last_price',
  'last_quantity',
  'average_price',
  'volume',
  'buy_quantity',
  'sell_quantity',
  'change',
  'change_percent',
  'oi',
  'oi_day_high',
  'oi_day_low',
] as const;

function isAbsentOr(type: 'number' | 'string', value: unknown): boolean {
  return value === undefined || typeof value === type;
}

function isNumbers(value: unknown): boolean {
  return (
    value === undefined || (isObject(value) && Object.values(value).every((item) => typeof item === 'number'))
  );
}

const GREEKS_NUMBERS = [
  'iv',
  'delta',
  'gamma',
  'theta',
  'vega',
  'rho',
  'underlying',
  'forward',
  'iv_bid',
  'iv_ask',
] as const;

function isGreeks(value: unknown): boolean {
  if (value === undefined) return true;
  if (!isObject(value)) return false;
  const { status, forward_source: source } = value;
  return (
    GREEKS_STATUSES.some((each) => each === status) &&
    (source === undefined || FORWARD_SOURCES.indexOf(source as ForwardSource) > 0) &&
    GREEKS_NUMBERS.every((field) => isAbsentOr('number', value[field]))
  );
}

function isDepthSide(value: unknown): boolean {
  return (
    Array.isArray(value) &&
    value.every(
      (level) =>
        isObject(level) &&
        typeof level.price === 'number' &&
        typeof level.quantity === 'number' &&
        typeof level.orders === 'number',
    )
  );
}

function isDepth(value: unknown): boolean {
  return value === undefined || (isObject(value) && isDepthSide(value.buy) && isDepthSide(value.sell));
}

/** Whether every field that the type names is what the type says; fields it does not name are let through. */
export function isTick(value: unknown): value is Tick {
  if (!isObject(value)) return false;
  return (
    parseInstrumentToken(value.instrument_token) !== undefined &&
    typeof value.seq === 'number' &&
    typeof value.tradingsymbol === 'string' &&
    typeof value.exchange === 'string' &&
    typeof value.received_at === 'string' &&
    isMode(value.mode) &&
    NUMBER_FIELDS.every((field) => isAbsentOr('number', value[field])) &&
    isAbsentOr('string', value.last_trade_time) &&
    isAbsentOr('string', value.exchange_timestamp) &&
    isNumbers(value.ohlc) &&
    isGreeks(value.greeks) &&
    isDepth(value.depth)
  );
}
