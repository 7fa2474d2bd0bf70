// Tick records as native JSON: one object per frame, nothing in it that Kite did not send.
import { type InstrumentDefinition, isIndex, priceDivisorOf } from '../../../shared/instrument.ts';
import {
  FORWARD_SOURCES,
  GREEKS_AT,
  GREEKS_STATUSES,
  greekOfWord,
  hasGreeks,
} from '../../../shared/record-greeks.ts';
import {
  AT,
  DEPTH_LEVEL_BYTES,
  DEPTH_LEVELS,
  FULL_RECORD_WORDS,
  hasOpenInterest,
  type ModeRank,
  modeOfKind,
  modeOfRank,
  RECORD_KIND,
  rankOfMode,
  receivedAtOf,
} from '../../../shared/tick.ts';

// Ticks of one flush share few seconds (received, last traded, exchange): those formatted last are kept, by their low bits.
const KEPT_SECONDS = 64;
const formattedSeconds = new Float64Array(KEPT_SECONDS).fill(-1);
const formattedTexts: string[] = Array.from({ length: KEPT_SECONDS }, () => '');

/** ISO 8601 in UTC with milliseconds. */
export function isoOfMs(ms: number): string {
  const second = Math.floor(ms / 1000);
  const at = second & (KEPT_SECONDS - 1);
  if (formattedSeconds[at] !== second) {
    formattedTexts[at] = new Date(second * 1000).toISOString().slice(0, 20);
    formattedSeconds[at] = second;
  }
  const rest = ms - second * 1000;
  return `${formattedTexts[at]}${rest === 0 ? '000' : String(rest).padStart(3, '0')}Z`;
}

/** `,"name":value` for a price that is there; nothing for one that is not (raw zero). */
function priceField(name: string, raw: number, divisor: number): string {
  return raw === 0 ? '' : `,"${name}":${raw / divisor}`;
}

function timeField(name: string, seconds: number): string {
  return seconds === 0 ? '' : `,"${name}":"${isoOfMs(seconds * 1000)}"`;
}

function ohlcFields(view: DataView, at: number, divisor: number): string {
  const fields =
    priceField('open', view.getUint32(at + AT.open, true), divisor) +
    priceField('high', view.getUint32(at + AT.high, true), divisor) +
    priceField('low', view.getUint32(at + AT.low, true), divisor) +
    priceField('close', view.getUint32(at + AT.close, true), divisor);
  return fields === '' ? '' : `,"ohlc":{${fields.slice(1)}}`;
}

/** Change since the previous close, in rupees and in per cent; neither exists without both prices. */
function changeFields(view: DataView, at: number, divisor: number): string {
  const last = view.getUint32(at + AT.lastPrice, true);
  const close = view.getUint32(at + AT.close, true);
  if (last === 0 || close === 0) return '';
  const percent = Math.round(((last - close) * 1_000_000) / close) / 10_000;
  return `,"change":${(last - close) / divisor},"change_percent":${percent}`;
}

function quantityFields(view: DataView, at: number, divisor: number): string {
  return (
    `,"last_quantity":${view.getUint32(at + AT.lastQuantity, true)}` +
    priceField('average_price', view.getUint32(at + AT.averagePrice, true), divisor) +
    `,"volume":${view.getUint32(at + AT.volume, true)}` +
    `,"buy_quantity":${view.getUint32(at + AT.buyQuantity, true)}` +
    `,"sell_quantity":${view.getUint32(at + AT.sellQuantity, true)}`
  );
}

/** One side of the book, best first. A level without a price is an empty one and is left out. */
function depthSide(view: DataView, at: number, divisor: number): string {
  let levels = '';
  for (let level = 0; level < DEPTH_LEVELS; level++) {
    const levelAt = at + level * DEPTH_LEVEL_BYTES;
    const price = view.getUint32(levelAt + 4, true);
    if (price === 0) continue;
    const quantity = view.getUint32(levelAt, true);
    const orders = view.getUint32(levelAt + 8, true);
    levels += `${levels === '' ? '' : ','}{"price":${price / divisor},"quantity":${quantity},"orders":${orders}}`;
  }
  return `[${levels}]`;
}

function fullFields(view: DataView, at: number, token: number, divisor: number): string {
  const exchangeTime = timeField('exchange_timestamp', view.getUint32(at + AT.exchangeTimestamp, true));
  if (isIndex(token)) return exchangeTime;
  const oi = hasOpenInterest(token)
    ? `,"oi":${view.getUint32(at + AT.oi, true)}` +
      `,"oi_day_high":${view.getUint32(at + AT.oiDayHigh, true)}` +
      `,"oi_day_low":${view.getUint32(at + AT.oiDayLow, true)}`
    : '';
  const buy = depthSide(view, at + AT.depth, divisor);
  const sell = depthSide(view, at + AT.depth + DEPTH_LEVELS * DEPTH_LEVEL_BYTES, divisor);
  return (
    timeField('last_trade_time', view.getUint32(at + AT.lastTradeTime, true)) +
    exchangeTime +
    `${oi},"depth":{"buy":${buy},"sell":${sell}}`
  );
}

/** `,"name":value` for a volatility that is there. */
function volatilityField(name: string, word: number): string {
  return word === 0 ? '' : `,"${name}":${greekOfWord(word)}`;
}

/** The Greeks at byte `at`. Zero is a value of those that the status gives a meaning. */
function greeksField(view: DataView, at: number, divisor: number): string {
  const flags = view.getUint32(at + GREEKS_AT.flags, true);
  const status = flags & 0xff;
  const greek = (offset: number) => greekOfWord(view.getUint32(at + offset, true));
  const greeks = hasGreeks(status)
    ? `,"delta":${greek(GREEKS_AT.delta)},"gamma":${greek(GREEKS_AT.gamma)},"theta":${greek(GREEKS_AT.theta)}` +
      `,"vega":${greek(GREEKS_AT.vega)},"rho":${greek(GREEKS_AT.rho)}`
    : '';
  const source = flags >>> 8;
  return (
    `,"greeks":{"status":"${GREEKS_STATUSES[status]}"` +
    volatilityField('iv', view.getUint32(at + GREEKS_AT.iv, true)) +
    greeks +
    priceField('underlying', view.getUint32(at + GREEKS_AT.underlying, true), divisor) +
    priceField('forward', view.getUint32(at + GREEKS_AT.forward, true), divisor) +
    (source === 0 ? '' : `,"forward_source":"${FORWARD_SOURCES[source]}"`) +
    volatilityField('iv_bid', view.getUint32(at + GREEKS_AT.ivBid, true)) +
    volatilityField('iv_ask', view.getUint32(at + GREEKS_AT.ivAsk, true)) +
    '}'
  );
}

/** The record at byte `at` as a `tick` message, cut down to `rank`; `seq` is the flush that sends it. */
export function encodeTick(
  view: DataView,
  at: number,
  rank: ModeRank,
  definition: InstrumentDefinition,
  seq: number,
): string {
  return `{"type":"tick","data":${encodeTickData(view, at, rank, definition, seq)}}`;
}

/** The data of that message. */
export function encodeTickData(
  view: DataView,
  at: number,
  rank: ModeRank,
  definition: InstrumentDefinition,
  seq: number,
): string {
  const token = view.getUint32(at + AT.token, true);
  const divisor = priceDivisorOf(token);
  const kind = view.getUint32(at + AT.kind, true);
  const held = rankOfMode(modeOfKind(kind));
  const effective = Math.min(rank, held);
  const symbol = JSON.stringify(definition.tradingsymbol);
  const exchange = JSON.stringify(definition.exchange);
  let fields =
    `{"instrument_token":${token},"tradingsymbol":${symbol},"exchange":${exchange}` +
    `,"mode":"${modeOfRank(effective)}"${priceField('last_price', view.getUint32(at + AT.lastPrice, true), divisor)}`;
  if (effective >= 2) {
    if (!isIndex(token)) fields += quantityFields(view, at, divisor);
    fields += ohlcFields(view, at, divisor) + changeFields(view, at, divisor);
  }
  if (effective === 3) fields += fullFields(view, at, token, divisor);
  if (effective === 3 && kind === RECORD_KIND.optionFull) {
    fields += greeksField(view, at + FULL_RECORD_WORDS * 4, divisor);
  }
  const receivedAt = isoOfMs(receivedAtOf(view, at));
  return `${fields},"received_at":"${receivedAt}","seq":${seq}}`;
}
