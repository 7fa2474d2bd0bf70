// Tick records as the objects of Kite's quote endpoints (kite.trade/docs/connect/v3/market-quotes), prices in rupees.
import { priceDivisorOf } from '../../../shared/instrument.ts';
import { type DepthLevel, readTick } from '../../../shared/tick.ts';
import { roundToTick } from './contract.ts';
import { istStamp } from './expiry-calendar.ts';
import type { ListedInstrument } from './instrument-list.ts';

/** Price band of a session around the previous close, as a fraction. */
const CIRCUIT_FRACTION = 0.1;

/** `{instrument_token, last_price}`. */
export function ltpView(records: DataView, at: number): object {
  const tick = readTick(records, at);
  return { instrument_token: tick.token, last_price: (tick.lastPrice ?? 0) / priceDivisorOf(tick.token) };
}

/** As `ltpView`, with `ohlc`. */
export function ohlcView(records: DataView, at: number): object {
  const tick = readTick(records, at);
  const divisor = priceDivisorOf(tick.token);
  return {
    ...ltpView(records, at),
    ohlc: {
      open: (tick.open ?? 0) / divisor,
      high: (tick.high ?? 0) / divisor,
      low: (tick.low ?? 0) / divisor,
      close: (tick.close ?? 0) / divisor,
    },
  };
}

/** The whole quote; indices have no quantities, no depth and no price band. Times are IST without a zone. */
export function quoteView(instrument: ListedInstrument, records: DataView, at: number): object {
  const tick = readTick(records, at);
  const divisor = priceDivisorOf(tick.token);
  const stamp = (seconds: number | undefined) => (seconds === undefined ? null : istStamp(seconds * 1_000));
  const base = {
    ...ohlcView(records, at),
    timestamp: stamp(tick.exchangeTimestampS),
    net_change: ((tick.lastPrice ?? 0) - (tick.close ?? 0)) / divisor,
  };
  if (instrument.kind === 'index') return base;
  const side = (levels: readonly DepthLevel[]) =>
    levels.map(({ price, quantity, orders }) => ({ price: price / divisor, quantity, orders }));
  const tickSize = Math.round(instrument.tick_size * divisor);
  const band = (tick.close ?? 0) * CIRCUIT_FRACTION;
  return {
    ...base,
    last_trade_time: stamp(tick.lastTradeTimeS),
    last_quantity: tick.lastQuantity,
    average_price: (tick.averagePrice ?? 0) / divisor,
    volume: tick.volume,
    buy_quantity: tick.buyQuantity,
    sell_quantity: tick.sellQuantity,
    oi: tick.oi ?? 0,
    oi_day_high: tick.oiDayHigh ?? 0,
    oi_day_low: tick.oiDayLow ?? 0,
    lower_circuit_limit: roundToTick((tick.close ?? 0) - band, tickSize) / divisor,
    upper_circuit_limit: roundToTick((tick.close ?? 0) + band, tickSize) / divisor,
    depth: { buy: side(tick.depth?.buy ?? []), sell: side(tick.depth?.sell ?? []) },
  };
}
