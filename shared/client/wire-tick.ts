// A tick as clients get it, made from a record: field by field what a server says of that record in JSON.
import { isIndex, priceDivisorOf } from '../instrument.ts';
import { isoOfMs } from '../iso-time.ts';
import { FORWARD_SOURCES, GREEKS_STATUSES, greekOfWord, hasGreeks } from '../record-greeks.ts';
import { DEPTH_LEVELS, hasOpenInterest, isFullKind, modeOfKind, RECORD_KIND } from '../tick.ts';
import { GREEK } from '../wire/greeks-model.ts';
import { LEVEL, LEVEL_WORDS, receivedAtIn, WORD } from '../wire/row-model.ts';
import type { DepthLevel, Greeks, Tick } from './tick.ts';

type Writable<Type> = { -readonly [Field in keyof Type]: Type[Field] };
type DepthSide = NonNullable<Tick['depth']>['buy'];

/** What a record does not say of its instrument. */
export interface InstrumentNames {
  readonly tradingsymbol: string;
  readonly exchange: string;
}

/** The record at word `at`, which has a value. Keeps nothing of `words`. */
export function tickOfRecord(
  words: Uint32Array,
  at: number,
  { tradingsymbol, exchange }: InstrumentNames,
  seq: number,
): Tick {
  const token = words[at + WORD.token] as number;
  const kind = words[at + WORD.kind] as number;
  const divisor = priceDivisorOf(token);
  const tick: Writable<Tick> = {
    instrument_token: token,
    tradingsymbol,
    exchange,
    mode: modeOfKind(kind),
    received_at: isoOfMs(receivedAtIn(words, at)),
    seq,
  };
  const lastPrice = words[at + WORD.lastPrice] as number;
  if (lastPrice !== 0) tick.last_price = lastPrice / divisor;
  if (kind === RECORD_KIND.ltp) return tick;
  if (!isIndex(token)) addQuantities(tick, words, at, divisor);
  addOhlc(tick, words, at, divisor);
  addChange(tick, lastPrice, words[at + WORD.open + 3] as number, divisor);
  if (isFullKind(kind) || kind === RECORD_KIND.indexFull) addTail(tick, kind, words, at, divisor);
  if (kind === RECORD_KIND.optionFull) tick.greeks = greeksOf(words, at, divisor);
  return tick;
}

function addQuantities(tick: Writable<Tick>, words: Uint32Array, at: number, divisor: number): void {
  tick.last_quantity = words[at + WORD.lastQuantity] as number;
  const averagePrice = words[at + WORD.averagePrice] as number;
  if (averagePrice !== 0) tick.average_price = averagePrice / divisor;
  tick.volume = words[at + WORD.volume] as number;
  tick.buy_quantity = words[at + WORD.buyQuantity] as number;
  tick.sell_quantity = words[at + WORD.sellQuantity] as number;
}

function addOhlc(tick: Writable<Tick>, words: Uint32Array, at: number, divisor: number): void {
  const open = words[at + WORD.open] as number;
  const high = words[at + WORD.open + 1] as number;
  const low = words[at + WORD.open + 2] as number;
  const close = words[at + WORD.open + 3] as number;
  if ((open | high | low | close) === 0) return;
  const ohlc: Writable<NonNullable<Tick['ohlc']>> = {};
  if (open !== 0) ohlc.open = open / divisor;
  if (high !== 0) ohlc.high = high / divisor;
  if (low !== 0) ohlc.low = low / divisor;
  if (close !== 0) ohlc.close = close / divisor;
  tick.ohlc = ohlc;
}

/** Since the previous close, in rupees and in per cent of four decimals. */
function addChange(tick: Writable<Tick>, last: number, close: number, divisor: number): void {
  if (last === 0 || close === 0) return;
  tick.change = (last - close) / divisor;
  // A fall that rounds to nothing is -0, which JSON does not know.
  tick.change_percent = Math.round(((last - close) * 1_000_000) / close) / 10_000 + 0;
}

function addTail(tick: Writable<Tick>, kind: number, words: Uint32Array, at: number, divisor: number): void {
  const exchangeTime = words[at + WORD.exchangeTimestamp] as number;
  if (exchangeTime !== 0) tick.exchange_timestamp = isoOfMs(exchangeTime * 1000);
  if (kind === RECORD_KIND.indexFull) return;
  const lastTradeTime = words[at + WORD.lastTradeTime] as number;
  if (lastTradeTime !== 0) tick.last_trade_time = isoOfMs(lastTradeTime * 1000);
  if (hasOpenInterest(words[at + WORD.token] as number)) {
    tick.oi = words[at + WORD.oi] as number;
    tick.oi_day_high = words[at + WORD.oiDayHigh] as number;
    tick.oi_day_low = words[at + WORD.oiDayLow] as number;
  }
  const buy = depthSide(words, at + WORD.buy, divisor);
  tick.depth = { buy, sell: depthSide(words, at + WORD.sell, divisor) };
}

/** Best level first, without the empty ones. */
function depthSide(words: Uint32Array, at: number, divisor: number): DepthSide {
  const levels: DepthLevel[] = [];
  for (let level = 0; level < DEPTH_LEVELS; level++) {
    const levelAt = at + level * LEVEL_WORDS;
    const price = words[levelAt + LEVEL.price] as number;
    if (price === 0) continue;
    levels.push({
      price: price / divisor,
      quantity: words[levelAt + LEVEL.quantity] as number,
      orders: words[levelAt + LEVEL.orders] as number,
    });
  }
  return levels;
}

function greeksOf(words: Uint32Array, at: number, divisor: number): Greeks {
  const greek = (word: number) => greekOfWord(words[at + word] as number);
  const flags = words[at + GREEK.flags] as number;
  const status = flags & 0xff;
  const greeks: Writable<Greeks> = { status: GREEKS_STATUSES[status] as Greeks['status'] };
  if (words[at + GREEK.iv] !== 0) greeks.iv = greek(GREEK.iv);
  if (hasGreeks(status)) {
    greeks.delta = greek(GREEK.delta);
    greeks.gamma = greek(GREEK.gamma);
    greeks.theta = greek(GREEK.theta);
    greeks.vega = greek(GREEK.vega);
    greeks.rho = greek(GREEK.rho);
  }
  if (words[at + GREEK.underlying] !== 0)
    greeks.underlying = (words[at + GREEK.underlying] as number) / divisor;
  if (words[at + GREEK.forward] !== 0) greeks.forward = (words[at + GREEK.forward] as number) / divisor;
  const source = FORWARD_SOURCES[flags >>> 8];
  if (source !== undefined && source !== 'none') greeks.forward_source = source;
  if (words[at + GREEK.ivBid] !== 0) greeks.iv_bid = greek(GREEK.ivBid);
  if (words[at + GREEK.ivAsk] !== 0) greeks.iv_ask = greek(GREEK.ivAsk);
  return greeks;
}
