// A saved instrument dump as a listing: its rows as they stand, and for each usable one what the market needs to price it.
import {
  type InstrumentToken,
  isIndex,
  parseInstrumentToken,
  priceDivisorOf,
  SEGMENT,
  segmentOf,
} from '../../../shared/instrument.ts';
import { INSTRUMENT_DUMP_ROWS_MAX } from '../../../shared/limits.ts';
import {
  INDEX_BY_NAME,
  INDEX_ROWS,
  SHARE_OWN_VOLATILITY,
  SHARE_ROWS,
  VOLATILITY_INDEX,
} from './company-table.ts';
import { readDumpRows, unquote } from './dump-rows.ts';
import { expiryTimeMs, isDate } from './expiry-calendar.ts';
import type { InstrumentKind, ListedInstrument, Listing, Spot } from './instrument-list.ts';
import { hashText, mix, unitOf } from './random.ts';

/** Raw prices stay far below 2^32, wherever the walk goes. */
const RAW_PRICE_MAX = 1_000_000_000;
/** Prices that have a tick size, least and most, in rupees (the exchange's bands). */
const PRICE_BANDS: readonly [tick: number, from: number, to: number][] = [
  [0.01, 20, 250],
  [0.05, 250, 1_000],
  [0.1, 1_000, 5_000],
  [0.5, 5_000, 10_000],
  [1, 10_000, 20_000],
];
const BAND_ABOVE: readonly [from: number, to: number] = [20_000, 60_000];

interface SpotTraits {
  readonly beta: number;
  readonly ownVolatility: number;
  readonly impliedVolatilityScale: number;
}

const SHARE_TRAITS: SpotTraits = {
  beta: 0.9,
  ownVolatility: SHARE_OWN_VOLATILITY,
  impliedVolatilityScale: 1.9,
};
const CURRENCY_TRAITS: SpotTraits = { beta: 0.05, ownVolatility: 0.04, impliedVolatilityScale: 0.4 };
const COMMODITY_TRAITS: SpotTraits = { beta: 0.2, ownVolatility: 0.2, impliedVolatilityScale: 2 };
const INDEX_TRAITS: SpotTraits = { beta: 1, ownVolatility: 0.03, impliedVolatilityScale: 1 };

interface KnownSpot extends SpotTraits {
  /** Rupees. */
  readonly close: number;
}

const KNOWN_SPOTS: ReadonlyMap<string, KnownSpot> = new Map([
  ...INDEX_ROWS.map(
    ({ tradingsymbol, close, beta, ownVolatility }) =>
      [tradingsymbol, { close, beta, ownVolatility, impliedVolatilityScale: beta }] as const,
  ),
  ...SHARE_ROWS.map(([symbol, , , close, , beta]) => [symbol, { ...SHARE_TRAITS, close, beta }] as const),
]);

function traitsOf(token: number): SpotTraits {
  switch (segmentOf(token)) {
    case SEGMENT.CDS:
    case SEGMENT.BCD:
      return CURRENCY_TRAITS;
    case SEGMENT.NSE:
    case SEGMENT.BSE:
    case SEGMENT.NFO:
    case SEGMENT.BFO:
      return SHARE_TRAITS;
    case SEGMENT.INDICES:
      return INDEX_TRAITS;
    default:
      return COMMODITY_TRAITS;
  }
}

/** What the rows tell about the price of one underlying. */
class SpotEvidence {
  readonly symbol: string;
  readonly #token: number;
  #tick = 0;
  #lastPrice = 0;
  #nearestExpiry = '9999-12-31';
  #strikes: number[] = [];

  constructor(symbol: string, token: number) {
    this.symbol = symbol;
    this.#token = token;
  }

  see(kind: InstrumentKind, instrument: ListedInstrument, lastPrice: number): void {
    const { expiry, strike } = instrument;
    if (kind === 'index' || kind === 'share') {
      this.#tick = instrument.tick_size;
      this.#lastPrice = lastPrice;
    } else if (kind === 'future') {
      if (this.#lastPrice === 0) this.#lastPrice = lastPrice;
    } else if (expiry !== undefined && strike !== undefined && expiry <= this.#nearestExpiry) {
      if (expiry < this.#nearestExpiry) this.#strikes = [];
      this.#nearestExpiry = expiry;
      this.#strikes.push(strike);
    }
  }

  spot(): Spot {
    const known = KNOWN_SPOTS.get(this.symbol);
    const rupees = known?.close ?? this.#estimate();
    const { beta, ownVolatility, impliedVolatilityScale } = known ?? traitsOf(this.#token);
    const raw = Math.round(rupees * priceDivisorOf(this.#token));
    const close = Math.max(1, Math.min(RAW_PRICE_MAX, raw));
    return { tradingsymbol: this.symbol, close, beta, ownVolatility, impliedVolatilityScale };
  }

  /** Rupees: the last price, the middle of the nearest chain, or anything that has such a tick. */
  #estimate(): number {
    if (this.#lastPrice > 0) return this.#lastPrice;
    const strikes = this.#strikes.sort((a, b) => a - b);
    const middle = strikes[strikes.length >> 1];
    if (middle !== undefined) return middle;
    const [, from, to] = PRICE_BANDS.find(([tick]) => this.#tick <= tick) ?? [0, ...BAND_ABOVE];
    return from * (to / from) ** unitOf(mix(hashText(this.symbol), 51));
  }
}

class DumpLister {
  readonly rows: string[] = [];
  readonly instruments: ListedInstrument[] = [];
  readonly #evidence: SpotEvidence[] = [];
  readonly #spots = new Map<string, number>();
  readonly #tokens = new Set<number>();
  /** Texts that thousands of rows share are kept once. */
  readonly #texts = new Map<string, string>();

  get spots(): Spot[] {
    const spots = this.#evidence.map((evidence) => evidence.spot());
    // Options are quoted at its price, also where the file has options only.
    if (!spots.some(({ tradingsymbol }) => tradingsymbol === VOLATILITY_INDEX))
      spots.push(new SpotEvidence(VOLATILITY_INDEX, 0).spot());
    return spots;
  }

  add(text: string, fields: readonly string[]): void {
    if (this.rows.length >= INSTRUMENT_DUMP_ROWS_MAX)
      throw new RangeError(`it has over ${INSTRUMENT_DUMP_ROWS_MAX} rows`);
    this.rows.push(text);
    const [number, , symbol = '', name = '', price, expiry = '', strike, tick, lot, type = '', ...where] =
      fields.map(unquote);
    const [segment = '', exchange = ''] = where;
    const token = parseInstrumentToken(Number(number));
    const [strikeRupees, tickRupees, lotSize] = [Number(strike), Number(tick), Number(lot)];
    const isUsable =
      token !== undefined &&
      !this.#tokens.has(token) &&
      symbol !== '' &&
      exchange !== '' &&
      [strikeRupees, tickRupees, lotSize].every((amount) => amount >= 0 && Number.isFinite(amount)) &&
      (expiry === '' || isDate(expiry));
    // A row that no reader can use is served and not traded.
    if (!isUsable) return;
    this.#tokens.add(token);
    const kind = kindOf(token, type, expiry, strikeRupees);
    const derivative = kind === 'future' || kind === 'call' || kind === 'put';
    const spot = this.#spotOf(derivative ? (INDEX_BY_NAME[name] ?? (name || symbol)) : symbol, token);
    const instrument: ListedInstrument = {
      instrument_token: token,
      tradingsymbol: symbol,
      exchange: this.#share(exchange),
      ...(name === '' ? {} : { name: this.#share(name) }),
      segment: this.#share(segment),
      instrument_type: this.#share(type),
      ...(expiry === '' ? {} : { expiry: this.#share(expiry) }),
      ...(strikeRupees === 0 ? {} : { strike: strikeRupees }),
      tick_size: tickRupees,
      lot_size: lotSize,
      kind,
      spot,
      ...(derivative ? { expiryMs: expiryTimeMs(expiry) } : {}),
    };
    this.instruments.push(instrument);
    this.#evidence[spot]?.see(kind, instrument, Number(price) || 0);
  }

  /** Raw prices of one spot have one divisor: the same currency pair at two exchanges is two spots. */
  #spotOf(symbol: string, token: number): number {
    const key = `${priceDivisorOf(token)}:${symbol}`;
    const known = this.#spots.get(key);
    if (known !== undefined) return known;
    this.#spots.set(key, this.#evidence.length);
    return this.#evidence.push(new SpotEvidence(symbol, token)) - 1;
  }

  #share(text: string): string {
    const shared = this.#texts.get(text);
    if (shared !== undefined) return shared;
    this.#texts.set(text, text);
    return text;
  }
}

/** What is not a whole derivative moves by itself, as a share does. */
function kindOf(token: InstrumentToken, type: string, expiry: string, strike: number): InstrumentKind {
  if (isIndex(token)) return 'index';
  if (expiry === '') return 'share';
  if (type === 'FUT') return 'future';
  if (strike > 0 && type === 'CE') return 'call';
  return strike > 0 && type === 'PE' ? 'put' : 'share';
}

/** Throws RangeError that says what is wrong with the text, when nothing of it can be listed. */
export function listDump(csv: string, tradingDate: string): Listing {
  const lister = new DumpLister();
  readDumpRows(csv, (text, fields) => lister.add(text, fields));
  const { instruments, spots, rows } = lister;
  if (instruments.length === 0) throw new RangeError('it has no usable row');
  return { source: 'file', tradingDate, spots, instruments, rows };
}
