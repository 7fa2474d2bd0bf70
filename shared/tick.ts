// The tick record: one instrument's state as 32-bit words, the same in the sidecar, the frames, the shard and the gateway.
import { type InstrumentToken, isIndex, SEGMENT } from './instrument.ts';

/**
 * How much a record holds. The numbers are on the wire: append only.
 * `index` kinds have a price and OHLC but no quantities, and Kite never gives indices a depth.
 */
export const RECORD_KIND = { ltp: 1, quote: 2, full: 3, indexQuote: 4, indexFull: 5 } as const;
export type RecordKind = (typeof RECORD_KIND)[keyof typeof RECORD_KIND];

export type TickMode = 'ltp' | 'quote' | 'full';

/**
 * Byte offsets of a record's words. Prices are raw integers (divide by priceDivisorOf(token)), times at the exchange
 * are seconds since the epoch (UTC), `receivedAt` is the sidecar's clock in milliseconds as two words, `seq` is the
 * shard's sequence of the batch that brought the record (0 before the sidecar has numbered it).
 */
export const AT = {
  token: 0,
  kind: 4,
  receivedAtHigh: 8,
  receivedAtLow: 12,
  seq: 16,
  lastPrice: 20,
  lastQuantity: 24,
  averagePrice: 28,
  volume: 32,
  buyQuantity: 36,
  sellQuantity: 40,
  open: 44,
  high: 48,
  low: 52,
  close: 56,
  lastTradeTime: 60,
  oi: 64,
  oiDayHigh: 68,
  oiDayLow: 72,
  exchangeTimestamp: 76,
  depth: 80,
} as const;

/** Levels per side, and bytes of one level in a record: quantity, price, orders. */
export const DEPTH_LEVELS = 5;
export const DEPTH_LEVEL_BYTES = 12;

/** Words of the largest record. */
export const RECORD_WORDS_MAX = (AT.depth + 2 * DEPTH_LEVELS * DEPTH_LEVEL_BYTES) / 4;
export const RECORD_BYTES_MAX = RECORD_WORDS_MAX * 4;

/** Words of a record by kind; 0 where the kind does not exist. */
export function recordWords(kind: number): number {
  switch (kind) {
    case RECORD_KIND.ltp:
      return 6;
    case RECORD_KIND.quote:
    case RECORD_KIND.indexQuote:
      return 15;
    case RECORD_KIND.indexFull:
      return 20;
    case RECORD_KIND.full:
      return RECORD_WORDS_MAX;
    default:
      return 0;
  }
}

export function modeOfKind(kind: number): TickMode {
  if (kind === RECORD_KIND.ltp) return 'ltp';
  return kind === RECORD_KIND.quote || kind === RECORD_KIND.indexQuote ? 'quote' : 'full';
}

/** 1 ltp, 2 quote, 3 full: comparable, and small enough to pack. */
export type ModeRank = 1 | 2 | 3;

export function rankOfMode(mode: TickMode): ModeRank {
  return mode === 'ltp' ? 1 : mode === 'quote' ? 2 : 3;
}

export function modeOfRank(rank: number): TickMode {
  return rank <= 1 ? 'ltp' : rank === 2 ? 'quote' : 'full';
}

/** Milliseconds since the epoch as the sidecar's clock had it when the packet arrived. */
export function receivedAtOf(view: DataView, at: number): number {
  return (
    view.getUint32(at + AT.receivedAtHigh, true) * 0x1_0000_0000 + view.getUint32(at + AT.receivedAtLow, true)
  );
}

export function writeReceivedAt(view: DataView, at: number, receivedAtMs: number): void {
  view.setUint32(at + AT.receivedAtHigh, Math.floor(receivedAtMs / 0x1_0000_0000), true);
  view.setUint32(at + AT.receivedAtLow, receivedAtMs >>> 0, true);
}

/** Open interest exists for derivatives only; the field is zero and meaningless for shares and indices. */
export function hasOpenInterest(token: number): boolean {
  const segment = token & 0xff;
  return segment !== SEGMENT.NSE && segment !== SEGMENT.BSE && segment !== SEGMENT.INDICES;
}

export interface DepthLevel {
  readonly price: number;
  readonly quantity: number;
  readonly orders: number;
}

/** A record as an object, in raw integers. A field that the packet did not carry, or that was empty, is absent. */
export interface Tick {
  readonly token: InstrumentToken;
  readonly mode: TickMode;
  readonly receivedAtMs: number;
  readonly seq: number;
  readonly lastPrice?: number;
  readonly lastQuantity?: number;
  readonly averagePrice?: number;
  readonly volume?: number;
  readonly buyQuantity?: number;
  readonly sellQuantity?: number;
  readonly open?: number;
  readonly high?: number;
  readonly low?: number;
  readonly close?: number;
  readonly lastTradeTimeS?: number;
  readonly oi?: number;
  readonly oiDayHigh?: number;
  readonly oiDayLow?: number;
  readonly exchangeTimestampS?: number;
  readonly depth?: { readonly buy: readonly DepthLevel[]; readonly sell: readonly DepthLevel[] };
}

function readSide(view: DataView, at: number): DepthLevel[] {
  const levels: DepthLevel[] = [];
  for (let level = 0; level < DEPTH_LEVELS; level++) {
    const levelAt = at + level * DEPTH_LEVEL_BYTES;
    const price = view.getUint32(levelAt + 4, true);
    if (price === 0) continue;
    levels.push({
      price,
      quantity: view.getUint32(levelAt, true),
      orders: view.getUint32(levelAt + 8, true),
    });
  }
  return levels;
}

/**
 * The record at byte offset `at` as an object. Zero prices and times are absences: nothing trades at zero, and Kite
 * sends zero for "not yet". For tests and tools; encoders read the record itself.
 */
export function readTick(view: DataView, at: number): Tick {
  const word = (offset: number) => view.getUint32(at + offset, true);
  const token = word(AT.token) as InstrumentToken;
  const kind = word(AT.kind);
  const price = (name: string, offset: number) => (word(offset) === 0 ? {} : { [name]: word(offset) });
  const base: Tick = {
    token,
    mode: modeOfKind(kind),
    receivedAtMs: receivedAtOf(view, at),
    seq: word(AT.seq),
    ...price('lastPrice', AT.lastPrice),
  };
  if (kind === RECORD_KIND.ltp) return base;
  const ohlc = {
    ...price('open', AT.open),
    ...price('high', AT.high),
    ...price('low', AT.low),
    ...price('close', AT.close),
  };
  if (isIndex(token)) {
    return kind === RECORD_KIND.indexFull
      ? { ...base, ...ohlc, ...price('exchangeTimestampS', AT.exchangeTimestamp) }
      : { ...base, ...ohlc };
  }
  const quote = {
    ...base,
    ...ohlc,
    lastQuantity: word(AT.lastQuantity),
    ...price('averagePrice', AT.averagePrice),
    volume: word(AT.volume),
    buyQuantity: word(AT.buyQuantity),
    sellQuantity: word(AT.sellQuantity),
  };
  if (kind !== RECORD_KIND.full) return quote;
  const oi = hasOpenInterest(token)
    ? { oi: word(AT.oi), oiDayHigh: word(AT.oiDayHigh), oiDayLow: word(AT.oiDayLow) }
    : {};
  return {
    ...quote,
    ...oi,
    ...price('lastTradeTimeS', AT.lastTradeTime),
    ...price('exchangeTimestampS', AT.exchangeTimestamp),
    depth: {
      buy: readSide(view, at + AT.depth),
      sell: readSide(view, at + AT.depth + DEPTH_LEVELS * DEPTH_LEVEL_BYTES),
    },
  };
}
