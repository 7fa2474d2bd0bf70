// The tick record: one instrument's state as 32-bit words, the same in the sidecar, the frames, the shard and the gateway.
import { type InstrumentToken, isIndex, SEGMENT } from './instrument.ts';
import { GREEKS_WORDS, type RecordGreeks, readGreeks } from './record-greeks.ts';

/**
 * How much a record holds. The numbers are on the wire: append only.
 * `index` kinds have a price and OHLC but no quantities, and Kite never gives indices a depth. `optionFull` is a full record with
 * the Greeks that the sidecar has added.
 */
export const RECORD_KIND = { ltp: 1, quote: 2, full: 3, indexQuote: 4, indexFull: 5, optionFull: 6 } as const;
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

/** Words of a full record without Greeks, and of the largest record. */
export const FULL_RECORD_WORDS = (AT.depth + 2 * DEPTH_LEVELS * DEPTH_LEVEL_BYTES) / 4;
export const RECORD_WORDS_MAX = FULL_RECORD_WORDS + GREEKS_WORDS;
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
      return FULL_RECORD_WORDS;
    case RECORD_KIND.optionFull:
      return RECORD_WORDS_MAX;
    default:
      return 0;
  }
}

/** Kinds with quantities, book and the exchange's times. */
export function isFullKind(kind: number): boolean {
  return kind === RECORD_KIND.full || kind === RECORD_KIND.optionFull;
}

/** Exchange time of the record at word `at` in seconds; 0 where its kind has none or the packet left it empty. */
export function exchangeTimeOf(words: Uint32Array, at = 0): number {
  const kind = words[at + AT.kind / 4] as number;
  if (!isFullKind(kind) && kind !== RECORD_KIND.indexFull) return 0;
  return words[at + AT.exchangeTimestamp / 4] as number;
}

/** False where there is no such record of the token's segment: only indices have index kinds, and no others but ltp; only derivatives have Greeks. */
export function isKindOfToken(kind: number, token: number): boolean {
  if (kind === RECORD_KIND.optionFull) return hasOpenInterest(token);
  const isIndexKind = kind === RECORD_KIND.indexQuote || kind === RECORD_KIND.indexFull;
  return kind === RECORD_KIND.ltp || isIndexKind === isIndex(token);
}

export function modeOfKind(kind: number): TickMode {
  if (kind === RECORD_KIND.ltp) return 'ltp';
  return kind === RECORD_KIND.quote || kind === RECORD_KIND.indexQuote ? 'quote' : 'full';
}

/** Rank of the mode that a kind belongs to; 0 where the kind does not exist. */
export function rankOfKind(kind: number): ModeRank | 0 {
  switch (kind) {
    case RECORD_KIND.ltp:
      return 1;
    case RECORD_KIND.quote:
    case RECORD_KIND.indexQuote:
      return 2;
    case RECORD_KIND.full:
    case RECORD_KIND.indexFull:
    case RECORD_KIND.optionFull:
      return 3;
    default:
      return 0;
  }
}

/** 1 ltp, 2 quote, 3 full: comparable, and small enough to pack. */
export type ModeRank = 1 | 2 | 3;
export const RANK_MAX = 3 satisfies ModeRank;

export function rankOfMode(mode: TickMode): ModeRank {
  return mode === 'ltp' ? 1 : mode === 'quote' ? 2 : 3;
}

export function modeOfRank(rank: number): TickMode {
  return rank <= 1 ? 'ltp' : rank === 2 ? 'quote' : 'full';
}

/** The kind of a record once it is cut down to `rank`: its own, or the lower one of the same sort of instrument. */
export function kindAtRank(kind: RecordKind, rank: ModeRank): RecordKind {
  if (rank === 1) return RECORD_KIND.ltp;
  if (rank === 3 || kind === RECORD_KIND.ltp) return kind;
  return isFullKind(kind)
    ? RECORD_KIND.quote
    : kind === RECORD_KIND.indexFull
      ? RECORD_KIND.indexQuote
      : kind;
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
  readonly greeks?: RecordGreeks;
}

type Writable<T> = { -readonly [K in keyof T]: T[K] };

function readSide(view: DataView, at: number): DepthLevel[] {
  const levels: DepthLevel[] = [];
  for (let level = 0; level < DEPTH_LEVELS; level++) {
    const levelAt = at + level * DEPTH_LEVEL_BYTES;
    const price = view.getUint32(levelAt + 4, true);
    if (price === 0) continue;
    const quantity = view.getUint32(levelAt, true);
    levels.push({ price, quantity, orders: view.getUint32(levelAt + 8, true) });
  }
  return levels;
}

function readOhlc(view: DataView, at: number, tick: Writable<Tick>): void {
  const open = view.getUint32(at + AT.open, true);
  if (open !== 0) tick.open = open;
  const high = view.getUint32(at + AT.high, true);
  if (high !== 0) tick.high = high;
  const low = view.getUint32(at + AT.low, true);
  if (low !== 0) tick.low = low;
  const close = view.getUint32(at + AT.close, true);
  if (close !== 0) tick.close = close;
}

function readQuantities(view: DataView, at: number, tick: Writable<Tick>): void {
  tick.lastQuantity = view.getUint32(at + AT.lastQuantity, true);
  const averagePrice = view.getUint32(at + AT.averagePrice, true);
  if (averagePrice !== 0) tick.averagePrice = averagePrice;
  tick.volume = view.getUint32(at + AT.volume, true);
  tick.buyQuantity = view.getUint32(at + AT.buyQuantity, true);
  tick.sellQuantity = view.getUint32(at + AT.sellQuantity, true);
}

function readFullTail(view: DataView, at: number, tick: Writable<Tick>): void {
  const lastTradeTime = view.getUint32(at + AT.lastTradeTime, true);
  if (lastTradeTime !== 0) tick.lastTradeTimeS = lastTradeTime;
  if (hasOpenInterest(tick.token)) {
    tick.oi = view.getUint32(at + AT.oi, true);
    tick.oiDayHigh = view.getUint32(at + AT.oiDayHigh, true);
    tick.oiDayLow = view.getUint32(at + AT.oiDayLow, true);
  }
  const buy = readSide(view, at + AT.depth);
  tick.depth = { buy, sell: readSide(view, at + AT.depth + DEPTH_LEVELS * DEPTH_LEVEL_BYTES) };
}

/**
 * The record at byte offset `at` as an object. Zero prices and times are absences: nothing trades at zero, and Kite
 * sends zero for "not yet". For tools, tests and clients that want objects; encoders read the record itself.
 */
export function readTick(view: DataView, at: number): Tick {
  const token = view.getUint32(at + AT.token, true) as InstrumentToken;
  const kind = view.getUint32(at + AT.kind, true);
  const seq = view.getUint32(at + AT.seq, true);
  const tick: Writable<Tick> = { token, mode: modeOfKind(kind), receivedAtMs: receivedAtOf(view, at), seq };
  const lastPrice = view.getUint32(at + AT.lastPrice, true);
  if (lastPrice !== 0) tick.lastPrice = lastPrice;
  if (kind === RECORD_KIND.ltp) return tick;
  readOhlc(view, at, tick);
  if (kind === RECORD_KIND.quote || isFullKind(kind)) readQuantities(view, at, tick);
  if (isFullKind(kind)) readFullTail(view, at, tick);
  if (kind === RECORD_KIND.optionFull) tick.greeks = readGreeks(view, at + FULL_RECORD_WORDS * 4);
  if (isFullKind(kind) || kind === RECORD_KIND.indexFull) {
    const exchangeTimestamp = view.getUint32(at + AT.exchangeTimestamp, true);
    if (exchangeTimestamp !== 0) tick.exchangeTimestampS = exchangeTimestamp;
  }
  return tick;
}
