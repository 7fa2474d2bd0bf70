// Writes a record as a row: what is different from the record before it, or all of it as a keyframe.
import {
  FULL_RECORD_WORDS,
  isFullKind,
  kindAtRank,
  type ModeRank,
  RECORD_KIND,
  RECORD_WORDS_MAX,
  type RecordKind,
} from '../tick.ts';
import { encodeBook } from './book-encoder.ts';
import type { FlushTimes } from './flush-times.ts';
import { encodeGreeks } from './greeks-encoder.ts';
import {
  expectedAverage,
  expectedExchangeTime,
  isIndexKind,
  ORDER,
  priceOrder,
  quantityOrder,
  receivedAtIn,
  totalOrder,
  WORD,
} from './row-model.ts';
import { RowWriter } from './row-writer.ts';
import { type Scale, UNIT_SCALE } from './scale.ts';

/** A keyframe is the difference from nothing. */
const NOTHING = new Uint32Array(RECORD_WORDS_MAX);

/** Writes rows of one flush after the other. A row is for every frame of its flush. */
export class RowEncoder {
  readonly #out: RowWriter;

  /** Rows come into `bytes`; where one begins there is to be room for `WIRE_ROW_BYTES_MAX` and `BIT_WRITER_SLACK_BYTES`. */
  constructor(bytes: Uint8Array<ArrayBuffer>) {
    this.#out = new RowWriter(bytes);
  }

  startFlush(times: FlushTimes): void {
    this.#out.baseTimeMs = times.baseTimeMs;
    this.#out.receivedOrder = times.order;
  }

  /**
   * Writes the record at word `at` of `words`, cut down to `rank`, as a row at `byteAt`, and returns where it ends. It is
   * a delta to the record at word `baseAt` of `base` if that has the same kind at this rank, else a keyframe. Throws
   * RangeError when the record was received after the flush's base time.
   */
  encode(
    byteAt: number,
    words: Uint32Array,
    at: number,
    base: Uint32Array,
    baseAt: number,
    rank: ModeRank,
    scale: Scale,
  ): number {
    const kind = kindAtRank(words[at + WORD.kind] as RecordKind, rank);
    const isDelta =
      base[baseAt + WORD.kind] !== 0 && kindAtRank(base[baseAt + WORD.kind] as RecordKind, rank) === kind;
    if (!isDelta) return this.encodeKeyframe(byteAt, words, at, rank, scale);
    const out = this.#out;
    this.#start(byteAt, scale);
    out.bits(0b0, 1);
    writeFields(out, kind, words, at, base, baseAt);
    if (out.isExact) return out.byteEnd;
    this.#start(byteAt, UNIT_SCALE);
    out.bits(0b10, 2);
    writeFields(out, kind, words, at, base, baseAt);
    return out.byteEnd;
  }

  /** As `encode`, for clients that have nothing that the row could be a delta to. */
  encodeKeyframe(byteAt: number, words: Uint32Array, at: number, rank: ModeRank, scale: Scale): number {
    const kind = kindAtRank(words[at + WORD.kind] as RecordKind, rank);
    const out = this.#out;
    this.#start(byteAt, scale);
    out.bits((0b110 << 3) | kind, 6);
    writeFields(out, kind, words, at, NOTHING, 0);
    if (out.isExact) return out.byteEnd;
    this.#start(byteAt, UNIT_SCALE);
    out.bits((0b111 << 3) | kind, 6);
    writeFields(out, kind, words, at, NOTHING, 0);
    return out.byteEnd;
  }

  #start(byteAt: number, scale: Scale): void {
    this.#out.scale = scale;
    this.#out.isExact = true;
    this.#out.startAt(byteAt);
  }
}

function writeFields(
  out: RowWriter,
  kind: RecordKind,
  words: Uint32Array,
  at: number,
  base: Uint32Array,
  baseAt: number,
): void {
  const receivedAtMs = receivedAtIn(words, at);
  const { baseTimeMs } = out;
  if (receivedAtMs > baseTimeMs) {
    throw new RangeError(`received at ${receivedAtMs}, after the flush's base time ${baseTimeMs}`);
  }
  if (kind === RECORD_KIND.optionFull) {
    const isOnlyGreeks = isSameFull(words, at, base, baseAt);
    out.bit(!isOnlyGreeks);
    if (isOnlyGreeks) {
      encodeGreeks(out, words, at, base, baseAt);
      return;
    }
  }
  out.unsigned(baseTimeMs - receivedAtMs, out.receivedOrder);
  const lastPrice = words[at + WORD.lastPrice] as number;
  const priceChange = lastPrice - (base[baseAt + WORD.lastPrice] as number);
  if (kind === RECORD_KIND.ltp) {
    out.change(out.ticks(priceChange), ORDER.price);
    return;
  }
  const hasExchangeTime = isFullKind(kind) || kind === RECORD_KIND.indexFull;
  const time = words[at + WORD.exchangeTimestamp] as number;
  if (hasExchangeTime) {
    const before = base[baseAt + WORD.exchangeTimestamp] as number;
    out.change(time - expectedExchangeTime(before, receivedAtIn(base, baseAt), receivedAtMs), 0);
  }
  if (isIndexKind(kind)) {
    out.change(out.ticks(priceChange), ORDER.price);
  } else {
    writeTrade(out, kind, words, at, base, baseAt);
    for (let word = WORD.buyQuantity; word <= WORD.sellQuantity; word++) {
      const before = base[baseAt + word] as number;
      out.change(out.lots((words[at + word] as number) - before), totalOrder(before, out.scale));
    }
  }
  writeDay(out, kind, words, at, base, baseAt);
  if (isFullKind(kind)) encodeBook(out, words, at, base, baseAt);
  if (kind === RECORD_KIND.optionFull) encodeGreeks(out, words, at, base, baseAt);
}

/** An underlying that moves has all its options sent, most of which have not ticked themselves. */
function isSameFull(words: Uint32Array, at: number, base: Uint32Array, baseAt: number): boolean {
  for (let word = WORD.receivedAtHigh; word < FULL_RECORD_WORDS; word++) {
    if (words[at + word] !== base[baseAt + word] && word !== WORD.seq) return false;
  }
  return true;
}

/** Last price, last quantity, volume, time of the last trade, average price. */
function writeTrade(
  out: RowWriter,
  kind: RecordKind,
  words: Uint32Array,
  at: number,
  base: Uint32Array,
  baseAt: number,
): void {
  const lastPrice = words[at + WORD.lastPrice] as number;
  const priceBefore = base[baseAt + WORD.lastPrice] as number;
  const quantity = words[at + WORD.lastQuantity] as number;
  const quantityBefore = base[baseAt + WORD.lastQuantity] as number;
  const volume = words[at + WORD.volume] as number;
  const traded = volume - (base[baseAt + WORD.volume] as number);
  const isFull = isFullKind(kind);
  const time = words[at + WORD.lastTradeTime] as number;
  const timeBefore = base[baseAt + WORD.lastTradeTime] as number;
  const isTrade =
    traded !== 0 ||
    lastPrice !== priceBefore ||
    quantity !== quantityBefore ||
    (isFull && time !== timeBefore);
  out.bit(isTrade);
  if (isTrade) {
    const order = isFull ? priceOrder(base, baseAt, out.scale) : ORDER.price;
    out.signed(out.ticks(lastPrice - priceBefore), order);
    out.change(out.lots(quantity - quantityBefore), quantityOrder(quantityBefore, out.scale));
    out.change(out.lots(traded - quantity), quantityOrder(quantity, out.scale) + 1);
    if (isFull) writeTradeTime(out, time, timeBefore, words[at + WORD.exchangeTimestamp] as number);
  }
  const averageBefore = base[baseAt + WORD.averagePrice] as number;
  const expected = isTrade ? expectedAverage(averageBefore, lastPrice, traded, volume) : averageBefore;
  out.change((words[at + WORD.averagePrice] as number) - expected, 0);
}

/** 0 the exchange's time, 10 as before, 11 so many seconds before the exchange's time. */
function writeTradeTime(out: RowWriter, time: number, before: number, exchangeTime: number): void {
  if (time === exchangeTime) {
    out.bits(0b0, 1);
  } else if (time === before) {
    out.bits(0b10, 2);
  } else {
    out.bits(0b11, 2);
    out.signed(exchangeTime - time - 1, 0);
  }
}

/** Open, high, low, close and open interest, which rarely change: a bit for none, else a bit for each. */
function writeDay(
  out: RowWriter,
  kind: RecordKind,
  words: Uint32Array,
  at: number,
  base: Uint32Array,
  baseAt: number,
): void {
  let changed = 0;
  for (let word = WORD.open; word < WORD.open + 4; word++) {
    changed = (changed << 1) | (words[at + word] === base[baseAt + word] ? 0 : 1);
  }
  const isFull = isFullKind(kind);
  if (isFull) {
    for (let word = WORD.oi; word <= WORD.oiDayLow; word++) {
      changed = (changed << 1) | (words[at + word] === base[baseAt + word] ? 0 : 1);
    }
  }
  out.bit(changed !== 0);
  if (changed === 0) return;
  out.bits(changed, isFull ? 7 : 4);
  const lastPrice = words[at + WORD.lastPrice] as number;
  for (let word = WORD.open; word < WORD.open + 4; word++) {
    if (words[at + word] === base[baseAt + word]) continue;
    out.signed(out.ticks((words[at + word] as number) - lastPrice), ORDER.dayPrice);
  }
  if (!isFull) return;
  for (let word = WORD.oi; word <= WORD.oiDayLow; word++) {
    if (words[at + word] === base[baseAt + word]) continue;
    const near = (word === WORD.oi ? base[baseAt + word] : words[at + WORD.oi]) as number;
    out.signed(out.lots((words[at + word] as number) - near), ORDER.interest);
  }
}
