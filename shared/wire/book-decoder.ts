// Reads how a book of five levels a side came from the one before it.
import { AppError } from '../errors.ts';
import { DEPTH_LEVELS } from '../tick.ts';
import type { BitReader } from './bit-reader.ts';
import {
  LEVEL,
  LEVEL_WORDS,
  ordersOrder,
  priceOrder,
  quantityOrder,
  SIDE_WORDS,
  SideModel,
  uint32,
  WORD,
} from './row-model.ts';
import type { Scale } from './scale.ts';

const side = new SideModel();
/** The side as it was, while the new one is written over it. */
const old = new Uint32Array(SIDE_WORDS);

/** Reads the book of the record at word `at`, whose last price is the new one already. */
export function decodeBook(bits: BitReader, words: Uint32Array, at: number, scale: Scale): void {
  const order = priceOrder(words, at, scale);
  const lastPrice = words[at + WORD.lastPrice] as number;
  const buyAt = at + WORD.buy;
  const bidBefore = words[buyAt + LEVEL.price] as number;
  if (bits.bit()) {
    side.prepare(-1, bidBefore === 0 ? lastPrice : bidBefore, order, words, buyAt, scale);
    readSide(bits, words, buyAt, scale);
  }
  if (!bits.bit()) return;
  const bid = words[buyAt + LEVEL.price] as number;
  const shift = bid === 0 || bidBefore === 0 ? 0 : bid - bidBefore;
  const sellAt = at + WORD.sell;
  const askBefore = words[sellAt + LEVEL.price] as number;
  side.prepare(1, askBefore === 0 ? lastPrice : askBefore + shift, order, words, sellAt, scale);
  readSide(bits, words, sellAt, scale);
}

function readSide(bits: BitReader, words: Uint32Array, at: number, scale: Scale): void {
  for (let i = 0; i < SIDE_WORDS; i++) old[i] = words[at + i] as number;
  if (!bits.bit()) {
    readEdited(bits, words, at, scale);
    return;
  }
  const levels = bits.bit() ? bits.bits(3) : DEPTH_LEVELS;
  if (levels > DEPTH_LEVELS) {
    if (levels !== 7) throw new AppError('frame_invalid', `a side of ${levels} levels`);
    for (let i = 0; i < SIDE_WORDS; i++) words[at + i] = bits.bits(32);
    return;
  }
  for (let level = 0; level < levels; level++) readLevel(bits, words, at, scale, level);
  for (let i = levels * LEVEL_WORDS; i < SIDE_WORDS; i++) words[at + i] = 0;
}

function readLevel(bits: BitReader, words: Uint32Array, at: number, scale: Scale, level: number): void {
  const levelAt = at + level * LEVEL_WORDS;
  const price =
    level === 0
      ? side.near + bits.signed(side.priceOrder) * scale.tick
      : (words[levelAt - LEVEL_WORDS + LEVEL.price] as number) +
        (bits.unsigned(side.gapOrder) + 1) * scale.tick * side.direction;
  words[levelAt + LEVEL.price] = uint32(price);
  words[levelAt + LEVEL.quantity] = uint32((bits.unsigned(side.quantityOrder) + 1) * scale.lot);
  const ordersBefore = old[level * LEVEL_WORDS + LEVEL.orders] as number;
  words[levelAt + LEVEL.orders] = uint32(ordersBefore + bits.signed(ordersOrder(ordersBefore)));
}

function readEdited(bits: BitReader, words: Uint32Array, at: number, scale: Scale): void {
  let next = 0;
  for (let level = 0; level < DEPTH_LEVELS; level++) {
    const levelAt = at + level * LEVEL_WORDS;
    if (!bits.bit()) {
      readLevel(bits, words, at, scale, level);
      next = side.passed(next, words[levelAt + LEVEL.price] as number, old, 0);
      continue;
    }
    let isChanged = !bits.bit();
    if (!isChanged && bits.bit()) {
      next += bits.unsigned(0) + 1;
      isChanged = bits.bit();
    }
    if (next >= DEPTH_LEVELS) throw new AppError('frame_invalid', 'a level kept that was not there');
    const oldAt = next * LEVEL_WORDS;
    const quantity = old[oldAt + LEVEL.quantity] as number;
    const orders = old[oldAt + LEVEL.orders] as number;
    words[levelAt + LEVEL.price] = old[oldAt + LEVEL.price] as number;
    if (isChanged) {
      words[levelAt + LEVEL.quantity] = uint32(
        quantity + bits.signed(quantityOrder(quantity, scale)) * scale.lot,
      );
      words[levelAt + LEVEL.orders] = uint32(orders + bits.signed(ordersOrder(orders)));
    } else {
      words[levelAt + LEVEL.quantity] = quantity;
      words[levelAt + LEVEL.orders] = orders;
    }
    next++;
  }
}
