// What both ends of a row work out from the record before it: how long its numbers are likely to be, and what they are about.
import { AppError } from '../errors.ts';
import { AT, DEPTH_LEVELS, RECORD_KIND, type RecordKind } from '../tick.ts';
import { bitLength, type Scale } from './scale.ts';

/** Positions of a record's words. */
export const WORD = {
  token: AT.token / 4,
  kind: AT.kind / 4,
  receivedAtHigh: AT.receivedAtHigh / 4,
  receivedAtLow: AT.receivedAtLow / 4,
  seq: AT.seq / 4,
  lastPrice: AT.lastPrice / 4,
  lastQuantity: AT.lastQuantity / 4,
  averagePrice: AT.averagePrice / 4,
  volume: AT.volume / 4,
  buyQuantity: AT.buyQuantity / 4,
  sellQuantity: AT.sellQuantity / 4,
  open: AT.open / 4,
  lastTradeTime: AT.lastTradeTime / 4,
  oi: AT.oi / 4,
  oiDayHigh: AT.oiDayHigh / 4,
  oiDayLow: AT.oiDayLow / 4,
  exchangeTimestamp: AT.exchangeTimestamp / 4,
  buy: AT.depth / 4,
  sell: AT.depth / 4 + DEPTH_LEVELS * 3,
} as const;
/** Words of one level, and where they are in it. */
export const LEVEL_WORDS = 3;
export const LEVEL = { quantity: 0, price: 1, orders: 2 } as const;
export const SIDE_WORDS = DEPTH_LEVELS * LEVEL_WORDS;

const ORDER_MAX = 16;
/** Orders of the codes whose numbers have no better prediction. */
export const ORDER = { price: 3, bestPrice: 4, dayPrice: 4, interest: 4 } as const;

/** Orders are cut off at both ends. */
export function orderOf(bits: number): number {
  return Math.max(0, Math.min(bits, ORDER_MAX));
}

export function isIndexKind(kind: RecordKind): boolean {
  return kind === RECORD_KIND.indexQuote || kind === RECORD_KIND.indexFull;
}

/** Milliseconds since the epoch of the record at word `at`. */
export function receivedAtIn(words: Uint32Array, at: number): number {
  return (
    (words[at + WORD.receivedAtHigh] as number) * 0x1_0000_0000 + (words[at + WORD.receivedAtLow] as number)
  );
}

/** The exchange's clock is taken to have gone on as ours has. */
export function expectedExchangeTime(
  beforeS: number,
  receivedBeforeMs: number,
  receivedAtMs: number,
): number {
  return beforeS + Math.floor(receivedAtMs / 1000) - Math.floor(receivedBeforeMs / 1000);
}

/** The session's average price when all that was traded since was traded at the last price. */
export function expectedAverage(before: number, lastPrice: number, traded: number, volume: number): number {
  if (volume === 0) return before;
  const expected = before + Math.floor(((lastPrice - before) * traded) / volume + 0.5);
  return Math.max(0, Math.min(expected, 0xffff_ffff));
}

/** Moves of prices are about as wide as the distance between the best two. */
export function priceOrder(words: Uint32Array, at: number, scale: Scale): number {
  const bid = words[at + WORD.buy + LEVEL.price] as number;
  const ask = words[at + WORD.sell + LEVEL.price] as number;
  if (bid === 0 || ask <= bid) return ORDER.bestPrice;
  return orderOf(bitLength(ask - bid) - scale.tickBits);
}

/** Quantities like this one. */
export function quantityOrder(quantity: number, scale: Scale): number {
  return orderOf(bitLength(quantity) - scale.lotBits);
}

/** Changes of a side's total quantity: about the square root of it. */
export function totalOrder(total: number, scale: Scale): number {
  return orderOf(((bitLength(total) - scale.lotBits) >> 1) - 1);
}

/** Numbers of orders like this one. */
export function ordersOrder(orders: number): number {
  return orderOf(bitLength(orders) - 1);
}

/** How the levels of one side are coded, by what the side was before. */
export class SideModel {
  /** Of prices from the best to the worst: 1 up, -1 down. */
  direction = 1;
  /** Where the best price is expected. */
  near = 0;
  priceOrder = 0;
  gapOrder = 0;
  quantityOrder = 0;

  prepare(
    direction: number,
    near: number,
    order: number,
    words: Uint32Array,
    at: number,
    scale: Scale,
  ): void {
    this.direction = direction;
    this.near = near;
    this.priceOrder = order;
    const best = words[at + LEVEL.price] as number;
    const worst = words[at + SIDE_WORDS - LEVEL_WORDS + LEVEL.price] as number;
    const span = worst === 0 ? 0 : Math.abs(worst - best);
    this.gapOrder = orderOf(bitLength(span) - scale.tickBits - 4);
    let quantities = 0;
    for (let i = LEVEL.quantity; i < SIDE_WORDS; i += LEVEL_WORDS) quantities |= words[at + i] as number;
    this.quantityOrder = quantityOrder(quantities >>> 1, scale);
  }

  /** The first old level from `next` on that is not better than `price`: a new level takes the place of those that are. */
  passed(next: number, price: number, words: Uint32Array, at: number): number {
    let level = next;
    while (level < DEPTH_LEVELS) {
      const old = words[at + level * LEVEL_WORDS + LEVEL.price] as number;
      if (old === 0 || (old - price) * this.direction >= 0) break;
      level++;
    }
    return level;
  }
}

/** The number as a word of a record. Throws `frame_invalid` if it is none. */
export function uint32(value: number): number {
  const word = value >>> 0;
  if (word !== value) throw new AppError('frame_invalid', `${value} is no unsigned 32-bit number`);
  return word;
}
