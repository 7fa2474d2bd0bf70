// Reads a row into the record that it is a delta to, or a keyframe over whatever record was there.
import { AppError } from '../errors.ts';
import {
  isFullKind,
  isKindOfToken,
  RECORD_KIND,
  RECORD_WORDS_MAX,
  type RecordKind,
  recordWords,
} from '../tick.ts';
import type { BitReader } from './bit-reader.ts';
import { decodeBook } from './book-decoder.ts';
import { decodeGreeks } from './greeks-decoder.ts';
import { GreeksModel } from './greeks-model.ts';
import {
  expectedAverage,
  expectedExchangeTime,
  isIndexKind,
  ORDER,
  priceOrder,
  quantityOrder,
  receivedAtIn,
  totalOrder,
  uint32,
  WORD,
} from './row-model.ts';
import { type Scale, UNIT_SCALE } from './scale.ts';

/** Receive times end before 2^48 ms, in the year 10889. */
const RECEIVED_AT_MS_END = 2 ** 48;

const greeks = new GreeksModel();

/**
 * Reads the row where `bits` stands into the record at word `at`; a delta only if that record `isBase`. Throws
 * `frame_invalid`, and then the record is worth nothing: part of it may be new.
 */
export function decodeRow(
  bits: BitReader,
  words: Uint32Array,
  at: number,
  isBase: boolean,
  scale: Scale,
  baseTimeMs: number,
  receivedOrder: number,
): void {
  const isOffScale = bits.bit();
  if (isOffScale && bits.bit()) {
    const keyframeScale = bits.bit() ? UNIT_SCALE : scale;
    const kind = bits.bits(3);
    if (recordWords(kind) === 0 || !isKindOfToken(kind, words[at + WORD.token] as number)) {
      throw new AppError('frame_invalid', `a keyframe of kind ${kind} for token ${words[at + WORD.token]}`);
    }
    words.fill(0, at + WORD.kind, at + RECORD_WORDS_MAX);
    words[at + WORD.kind] = kind;
    readFields(bits, kind as RecordKind, words, at, keyframeScale, baseTimeMs, receivedOrder);
    return;
  }
  if (!isBase) throw new AppError('frame_invalid', 'a delta to a record that is not there');
  const kind = words[at + WORD.kind] as RecordKind;
  readFields(bits, kind, words, at, isOffScale ? UNIT_SCALE : scale, baseTimeMs, receivedOrder);
}

function readFields(
  bits: BitReader,
  kind: RecordKind,
  words: Uint32Array,
  at: number,
  scale: Scale,
  baseTimeMs: number,
  receivedOrder: number,
): void {
  const receivedBeforeMs = receivedAtIn(words, at);
  if (kind === RECORD_KIND.optionFull) {
    // What Greeks follow is overwritten by the fields in front of them.
    greeks.prepare(words, at, words[at + WORD.token] as number);
    if (!bits.bit()) {
      decodeGreeks(bits, words, at, greeks);
      return;
    }
  }
  const receivedAtMs = baseTimeMs - bits.unsigned(receivedOrder);
  if (receivedAtMs < 0 || receivedAtMs >= RECEIVED_AT_MS_END) {
    throw new AppError('frame_invalid', `a record received at ${receivedAtMs} ms`);
  }
  words[at + WORD.receivedAtHigh] = Math.floor(receivedAtMs / 0x1_0000_0000);
  words[at + WORD.receivedAtLow] = receivedAtMs >>> 0;
  const priceBefore = words[at + WORD.lastPrice] as number;
  if (kind === RECORD_KIND.ltp) {
    words[at + WORD.lastPrice] = uint32(priceBefore + bits.change(ORDER.price) * scale.tick);
    return;
  }
  if (isFullKind(kind) || kind === RECORD_KIND.indexFull) {
    const before = words[at + WORD.exchangeTimestamp] as number;
    const expected = expectedExchangeTime(before, receivedBeforeMs, receivedAtMs);
    words[at + WORD.exchangeTimestamp] = uint32(expected + bits.change(0));
  }
  if (isIndexKind(kind)) {
    words[at + WORD.lastPrice] = uint32(priceBefore + bits.change(ORDER.price) * scale.tick);
  } else {
    readTrade(bits, kind, words, at, scale);
    for (let word = WORD.buyQuantity; word <= WORD.sellQuantity; word++) {
      const before = words[at + word] as number;
      words[at + word] = uint32(before + bits.change(totalOrder(before, scale)) * scale.lot);
    }
  }
  readDay(bits, kind, words, at, scale);
  if (isFullKind(kind)) decodeBook(bits, words, at, scale);
  if (kind === RECORD_KIND.optionFull) decodeGreeks(bits, words, at, greeks);
}

function readTrade(bits: BitReader, kind: RecordKind, words: Uint32Array, at: number, scale: Scale): void {
  const averageBefore = words[at + WORD.averagePrice] as number;
  let expected = averageBefore;
  if (bits.bit()) {
    const isFull = isFullKind(kind);
    const order = isFull ? priceOrder(words, at, scale) : ORDER.price;
    const lastPrice = uint32((words[at + WORD.lastPrice] as number) + bits.signed(order) * scale.tick);
    const quantityBefore = words[at + WORD.lastQuantity] as number;
    const quantityChange = bits.change(quantityOrder(quantityBefore, scale));
    const quantity = uint32(quantityBefore + quantityChange * scale.lot);
    const traded = quantity + bits.change(quantityOrder(quantity, scale) + 1) * scale.lot;
    const volume = uint32((words[at + WORD.volume] as number) + traded);
    words[at + WORD.lastPrice] = lastPrice;
    words[at + WORD.lastQuantity] = quantity;
    words[at + WORD.volume] = volume;
    if (isFull) readTradeTime(bits, words, at);
    expected = expectedAverage(averageBefore, lastPrice, traded, volume);
  }
  words[at + WORD.averagePrice] = uint32(expected + bits.change(0));
}

function readTradeTime(bits: BitReader, words: Uint32Array, at: number): void {
  const exchangeTime = words[at + WORD.exchangeTimestamp] as number;
  if (!bits.bit()) words[at + WORD.lastTradeTime] = exchangeTime;
  else if (bits.bit()) words[at + WORD.lastTradeTime] = uint32(exchangeTime - bits.signed(0) - 1);
}

function readDay(bits: BitReader, kind: RecordKind, words: Uint32Array, at: number, scale: Scale): void {
  if (!bits.bit()) return;
  const isFull = isFullKind(kind);
  const changed = bits.bits(isFull ? 7 : 4) << (isFull ? 0 : 3);
  const lastPrice = words[at + WORD.lastPrice] as number;
  for (let i = 0; i < 4; i++) {
    if ((changed & (0b100_0000 >> i)) === 0) continue;
    words[at + WORD.open + i] = uint32(lastPrice + bits.signed(ORDER.dayPrice) * scale.tick);
  }
  for (let i = 0; i < 3; i++) {
    if ((changed & (0b100 >> i)) === 0) continue;
    const near = words[at + WORD.oi] as number;
    words[at + WORD.oi + i] = uint32(near + bits.signed(ORDER.interest) * scale.lot);
  }
}
