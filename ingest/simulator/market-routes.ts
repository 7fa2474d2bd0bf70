// Instruments, quotes and history (kite.trade/docs/connect/v3/market-quotes and /historical).
import { priceDivisorOf } from '../../shared/instrument.ts';
import {
  KITE_LTP_INSTRUMENTS_MAX,
  KITE_OHLC_INSTRUMENTS_MAX,
  KITE_QUOTE_INSTRUMENTS_MAX,
} from '../../shared/limits.ts';
import {
  CANDLE_INTERVALS,
  type Candle,
  type CandleSource,
  candleHistory,
  isCandleInterval,
  spanDaysOf,
} from './core/candle-history.ts';
import { dayOfDate, istMidnightMs, istStamp } from './core/expiry-calendar.ts';
import type { InstrumentKind, ListedInstrument } from './core/instrument-list.ts';
import type { Market } from './core/market.ts';
import { ltpView, ohlcView, quoteView } from './core/quote-view.ts';
import { hashText, mix } from './core/random.ts';
import { inputError } from './kite-error.ts';
import {
  type AuthenticatedCall,
  dataReply,
  type RestCall,
  type RestReply,
  type RestRoute,
} from './rest-route.ts';

type QuoteView = (instrument: ListedInstrument, records: DataView, at: number) => object;

/** Kite takes `NSE:INFY` and plain tokens. -1 where nothing is listed under the name. */
function slotOfName(market: Market, name: string): number {
  if (/^\d+$/.test(name)) return market.slotOf(Number(name));
  return market.slotOfSymbol(name);
}

function quotes(instrumentsMax: number, view: QuoteView): (call: AuthenticatedCall) => RestReply {
  return ({ market, query }) => {
    const names = query.getAll('i');
    if (names.length === 0) throw inputError('Missing `i`.');
    if (names.length > instrumentsMax)
      throw inputError(`At most ${instrumentsMax} instruments per request, got ${names.length}.`);
    const data: Record<string, object> = {};
    for (const name of names) {
      const slot = slotOfName(market, name);
      const instrument = market.instruments[slot];
      if (instrument === undefined) continue;
      market.refresh(slot);
      data[name] = view(instrument, market.records, market.recordOffset(slot));
    }
    return dataReply(data);
  };
}

/** Log-height of the path that a year of history follows. */
const HISTORY_AMPLITUDE: Readonly<Record<InstrumentKind, number>> = {
  index: 0.04,
  share: 0.08,
  future: 0.05,
  call: 0.5,
  put: 0.5,
};
const MINUTE_LOTS: Readonly<Record<InstrumentKind, number>> = {
  index: 0,
  share: 8_000,
  future: 100,
  call: 150,
  put: 150,
};
const HISTORY_OPEN_INTEREST_LOTS = 40_000;
/** Indices have no tick size; their history moves in five paise. */
const INDEX_TICK_RUPEES = 0.05;

function candleSource(instrument: ListedInstrument, close: number, seed: number): CandleSource {
  const { kind } = instrument;
  const lot = Math.max(1, instrument.lot_size);
  return {
    key: mix(hashText(instrument.tradingsymbol), seed),
    close,
    tick: Math.round(
      (instrument.tick_size || INDEX_TICK_RUPEES) * priceDivisorOf(instrument.instrument_token),
    ),
    lot,
    amplitude: HISTORY_AMPLITUDE[kind],
    minuteLots: MINUTE_LOTS[kind],
    openInterest: kind === 'index' || kind === 'share' ? 0 : HISTORY_OPEN_INTEREST_LOTS * lot,
  };
}

/** `YYYY-MM-DD` or `YYYY-MM-DD HH:MM:SS`, in IST. */
function parseIstTime(field: string, text: string | null): number {
  const parts = /^(\d{4}-\d\d-\d\d)(?:[ T](\d\d):(\d\d):(\d\d))?$/.exec(text ?? '');
  const [, date, hours = '0', minutes = '0', seconds = '0'] = parts ?? [];
  const ofDay = (Number(hours) * 60 + Number(minutes)) * 60 + Number(seconds);
  try {
    if (date !== undefined) return istMidnightMs(dayOfDate(date)) + ofDay * 1_000;
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
  }
  throw inputError(`invalid ${field} date: '${text ?? ''}'`);
}

function candleRow(candle: Candle, divisor: number, withOpenInterest: boolean): unknown[] {
  const stamp = `${istStamp(candle.startMs).replace(' ', 'T')}+0530`;
  const prices = [candle.open, candle.high, candle.low, candle.close].map((raw) => raw / divisor);
  const row = [stamp, ...prices, candle.volume];
  return withOpenInterest ? [...row, candle.openInterest] : row;
}

function history({ market, path, query, seed, nowMs }: AuthenticatedCall): RestReply {
  const slot = market.slotOf(Number(path.token));
  const instrument = market.instruments[slot];
  if (instrument === undefined) throw inputError('invalid token');
  const interval = path.interval ?? '';
  if (!isCandleInterval(interval)) throw inputError('invalid interval');
  const fromMs = parseIstTime('from', query.get('from'));
  const toMs = parseIstTime('to', query.get('to'));
  if (fromMs > toMs) throw inputError('invalid from date: it is after the to date');
  const { spanDaysMax } = CANDLE_INTERVALS[interval];
  if (spanDaysOf(fromMs, toMs) > spanDaysMax)
    throw inputError(`interval exceeds max limit: ${spanDaysMax} days`);
  const divisor = priceDivisorOf(instrument.instrument_token);
  const source = candleSource(instrument, market.closeOf(slot), seed);
  const withOpenInterest = query.get('oi') === '1';
  const candles = candleHistory(source, interval, fromMs, toMs, nowMs);
  return dataReply({ candles: candles.map((candle) => candleRow(candle, divisor, withOpenInterest)) });
}

function instruments(call: RestCall): RestReply {
  return { kind: 'instruments', exchange: call.path.exchange };
}

export const MARKET_ROUTES: readonly RestRoute[] = [
  { method: 'GET', path: '/instruments', requestClass: 'other', isPublic: true, handle: instruments },
  {
    method: 'GET',
    path: '/instruments/:exchange',
    requestClass: 'other',
    isPublic: true,
    handle: instruments,
  },
  {
    method: 'GET',
    path: '/instruments/historical/:token/:interval',
    requestClass: 'historical',
    isPublic: false,
    handle: history,
  },
  {
    method: 'GET',
    path: '/quote',
    requestClass: 'quote',
    isPublic: false,
    handle: quotes(KITE_QUOTE_INSTRUMENTS_MAX, quoteView),
  },
  {
    method: 'GET',
    path: '/quote/ohlc',
    requestClass: 'quote',
    isPublic: false,
    handle: quotes(KITE_OHLC_INSTRUMENTS_MAX, (_, records, at) => ohlcView(records, at)),
  },
  {
    method: 'GET',
    path: '/quote/ltp',
    requestClass: 'quote',
    isPublic: false,
    handle: quotes(KITE_LTP_INSTRUMENTS_MAX, (_, records, at) => ltpView(records, at)),
  },
];
