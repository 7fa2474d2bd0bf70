// Tick records as KiteTicker hands them out, to compare what its users see with what a market has said.
import { priceDivisorOf } from '../../shared/instrument.ts';
import { KITE_PACKET_BYTES } from '../../shared/kite-packet.ts';
import type { DepthLevel, Tick } from '../../shared/tick.ts';

/** Our tick in KiteTicker's names and rupees, as it reads it from a packet of this length. */
export function asKiteTick(tick: Tick, length: number): object {
  const divisor = priceDivisorOf(tick.token);
  const rupees = (raw: number | undefined) => (raw ?? 0) / divisor;
  const head = {
    tradable: (tick.token & 0xff) !== 9,
    mode: tick.mode,
    instrument_token: tick.token,
    last_price: rupees(tick.lastPrice),
  };
  if (length === KITE_PACKET_BYTES.ltp) return head;
  const ohlc = {
    open: rupees(tick.open),
    high: rupees(tick.high),
    low: rupees(tick.low),
    close: rupees(tick.close),
  };
  const change = ((head.last_price - ohlc.close) * 100) / ohlc.close;
  const date = (seconds: number | undefined) => (seconds === undefined ? null : new Date(seconds * 1_000));
  if (length === KITE_PACKET_BYTES.indexQuote) return { ...head, ohlc, change };
  if (length === KITE_PACKET_BYTES.indexFull)
    return { ...head, ohlc, change, exchange_timestamp: date(tick.exchangeTimestampS) };
  const quote = {
    ...head,
    ohlc,
    change,
    last_traded_quantity: tick.lastQuantity,
    average_traded_price: rupees(tick.averagePrice),
    volume_traded: tick.volume,
    total_buy_quantity: tick.buyQuantity,
    total_sell_quantity: tick.sellQuantity,
  };
  if (length === KITE_PACKET_BYTES.quote) return quote;
  const side = (levels: readonly DepthLevel[] = []) =>
    levels.map(({ price, quantity, orders }) => ({ quantity, price: rupees(price), orders }));
  return {
    ...quote,
    last_trade_time: date(tick.lastTradeTimeS),
    exchange_timestamp: date(tick.exchangeTimestampS),
    oi: tick.oi ?? 0,
    oi_day_high: tick.oiDayHigh ?? 0,
    oi_day_low: tick.oiDayLow ?? 0,
    depth: { buy: side(tick.depth?.buy), sell: side(tick.depth?.sell) },
  };
}
