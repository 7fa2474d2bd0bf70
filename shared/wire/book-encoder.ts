// Writes how a book of five levels a side came from the one before it.
import { DEPTH_LEVELS } from '../tick.ts';
import {
  LEVEL,
  LEVEL_WORDS,
  ordersOrder,
  priceOrder,
  quantityOrder,
  SIDE_WORDS,
  SideModel,
  WORD,
} from './row-model.ts';
import type { RowWriter } from './row-writer.ts';

const side = new SideModel();
/** For each level of the side the old one of the same price, or -1. */
const matches = new Int32Array(DEPTH_LEVELS);

export function encodeBook(
  out: RowWriter,
  words: Uint32Array,
  at: number,
  base: Uint32Array,
  baseAt: number,
): void {
  const { scale } = out;
  const order = priceOrder(base, baseAt, scale);
  const lastPrice = words[at + WORD.lastPrice] as number;
  const bidBefore = base[baseAt + WORD.buy + LEVEL.price] as number;
  side.prepare(-1, bidBefore === 0 ? lastPrice : bidBefore, order, base, baseAt + WORD.buy, scale);
  writeSide(out, words, at + WORD.buy, base, baseAt + WORD.buy);
  // Both sides move with the market.
  const bid = words[at + WORD.buy + LEVEL.price] as number;
  const shift = bid === 0 || bidBefore === 0 ? 0 : bid - bidBefore;
  const askBefore = base[baseAt + WORD.sell + LEVEL.price] as number;
  side.prepare(1, askBefore === 0 ? lastPrice : askBefore + shift, order, base, baseAt + WORD.sell, scale);
  writeSide(out, words, at + WORD.sell, base, baseAt + WORD.sell);
}

/** 0 as before, 10 edited, 110 five new levels, 111 and three bits: so many new levels, or 7 for words as they are. */
function writeSide(out: RowWriter, words: Uint32Array, at: number, base: Uint32Array, baseAt: number): void {
  if (isSame(words, at, base, baseAt)) {
    out.bits(0b0, 1);
    return;
  }
  const levels = regularLevels(words, at);
  if (levels < 0) {
    out.bits(0b111_111, 6);
    for (let i = 0; i < SIDE_WORDS; i++) {
      const word = words[at + i] as number;
      out.bits(word >>> 16, 16);
      out.bits(word & 0xffff, 16);
    }
  } else if (levels < DEPTH_LEVELS) {
    out.bits(0b111_000 | levels, 6);
    for (let level = 0; level < levels; level++) writeLevel(out, words, at, base, baseAt, level);
  } else if (findMatches(words, at, base, baseAt)) {
    out.bits(0b10, 2);
    writeEdited(out, words, at, base, baseAt);
  } else {
    out.bits(0b110, 3);
    for (let level = 0; level < DEPTH_LEVELS; level++) writeLevel(out, words, at, base, baseAt, level);
  }
}

function isSame(words: Uint32Array, at: number, base: Uint32Array, baseAt: number): boolean {
  for (let i = 0; i < SIDE_WORDS; i++) if (words[at + i] !== base[baseAt + i]) return false;
  return true;
}

/** How many levels the side has, each worse than the one before and with a quantity, and then nothing; -1 if it is not so. */
function regularLevels(words: Uint32Array, at: number): number {
  let levels = 0;
  let better = 0;
  for (; levels < DEPTH_LEVELS; levels++) {
    const levelAt = at + levels * LEVEL_WORDS;
    const price = words[levelAt + LEVEL.price] as number;
    if (price === 0) break;
    if (words[levelAt + LEVEL.quantity] === 0) return -1;
    if (levels > 0 && (price - better) * side.direction <= 0) return -1;
    better = price;
  }
  for (let i = levels * LEVEL_WORDS; i < SIDE_WORDS; i++) if (words[at + i] !== 0) return -1;
  return levels;
}

/** Fills `matches`, which ascend; false when there are none. */
function findMatches(words: Uint32Array, at: number, base: Uint32Array, baseAt: number): boolean {
  let next = 0;
  for (let level = 0; level < DEPTH_LEVELS; level++) {
    const price = words[at + level * LEVEL_WORDS + LEVEL.price];
    matches[level] = -1;
    for (let old = next; old < DEPTH_LEVELS; old++) {
      if (base[baseAt + old * LEVEL_WORDS + LEVEL.price] !== price) continue;
      matches[level] = old;
      next = old + 1;
      break;
    }
  }
  return next > 0;
}

/** A new level: its price by the better one's, its quantity, its orders by those of the old level in its place. */
function writeLevel(
  out: RowWriter,
  words: Uint32Array,
  at: number,
  base: Uint32Array,
  baseAt: number,
  level: number,
): void {
  const levelAt = at + level * LEVEL_WORDS;
  const price = words[levelAt + LEVEL.price] as number;
  if (level === 0) {
    out.signed(out.ticks(price - side.near), side.priceOrder);
  } else {
    const better = words[levelAt - LEVEL_WORDS + LEVEL.price] as number;
    // Less than one only where the difference is no multiple of a tick, and the row is written anew.
    out.unsigned(Math.max(0, out.ticks((price - better) * side.direction) - 1), side.gapOrder);
  }
  const lots = out.lots(words[levelAt + LEVEL.quantity] as number);
  out.unsigned(Math.max(0, lots - 1), side.quantityOrder);
  const ordersBefore = base[baseAt + level * LEVEL_WORDS + LEVEL.orders] as number;
  out.signed((words[levelAt + LEVEL.orders] as number) - ordersBefore, ordersOrder(ordersBefore));
}

/** 0 a new level, 10 the next old level with a change, 110 without one, 111 the same after some old ones that are gone. */
function writeEdited(
  out: RowWriter,
  words: Uint32Array,
  at: number,
  base: Uint32Array,
  baseAt: number,
): void {
  let next = 0;
  for (let level = 0; level < DEPTH_LEVELS; level++) {
    const levelAt = at + level * LEVEL_WORDS;
    const match = matches[level] as number;
    if (match < 0) {
      out.bits(0b0, 1);
      writeLevel(out, words, at, base, baseAt, level);
      next = side.passed(next, words[levelAt + LEVEL.price] as number, base, baseAt);
      continue;
    }
    const quantity = words[levelAt + LEVEL.quantity] as number;
    const orders = words[levelAt + LEVEL.orders] as number;
    const quantityBefore = base[baseAt + match * LEVEL_WORDS + LEVEL.quantity] as number;
    const ordersBefore = base[baseAt + match * LEVEL_WORDS + LEVEL.orders] as number;
    const isChanged = quantity !== quantityBefore || orders !== ordersBefore;
    if (match === next) {
      out.bits(isChanged ? 0b10 : 0b110, isChanged ? 2 : 3);
    } else {
      out.bits(0b111, 3);
      out.unsigned(match - next - 1, 0);
      out.bit(isChanged);
    }
    if (isChanged) {
      out.signed(out.lots(quantity - quantityBefore), quantityOrder(quantityBefore, out.scale));
      out.signed(orders - ordersBefore, ordersOrder(ordersBefore));
    }
    next = match + 1;
  }
}
