// The instruments of a simulated trading date: indices, shares, futures and option chains, as many as are asked for.
import { type InstrumentDefinition, type InstrumentToken, SEGMENT } from '../../../shared/instrument.ts';
import { INSTRUMENT_DUMP_ROWS_MAX } from '../../../shared/limits.ts';
import { INDEX_ROWS, SHARE_OWN_VOLATILITY, SHARE_ROWS, VOLATILITY_INDEX } from './company-table.ts';
import { type Expiry, expirySchedule } from './expiry-calendar.ts';
import { hashText, mix, unitOf } from './random.ts';

/** One price that moves by itself: an index or a share. Everything else is priced off one of these. */
export interface Spot {
  readonly tradingsymbol: string;
  /** Previous close in the raw units of what is priced off it: paise, but finer for currencies. */
  readonly close: number;
  readonly beta: number;
  readonly ownVolatility: number;
  /** Volatility of its options as a multiple of the volatility index. */
  readonly impliedVolatilityScale: number;
}

export type InstrumentKind = 'index' | 'share' | 'future' | 'call' | 'put';

export interface ListedInstrument extends InstrumentDefinition {
  readonly kind: InstrumentKind;
  /** Position of its spot in the listing. */
  readonly spot: number;
  readonly expiryMs?: number;
}

export interface Listing {
  readonly source: 'generated' | 'file';
  readonly tradingDate: string;
  readonly spots: readonly Spot[];
  readonly instruments: readonly ListedInstrument[];
  /** Rows of the dump as they were read, the unusable ones too; absent, they are written from the instruments. */
  readonly rows?: readonly string[];
}

export interface ListingOptions {
  /** `YYYY-MM-DD`. */
  readonly tradingDate: string;
  /** 1 to INSTRUMENT_DUMP_ROWS_MAX. */
  readonly instrumentsCount: number;
}

const WEEKLY_EXPIRIES = 4;
const MONTHLY_EXPIRIES = 3;
/** Strikes on either side of the money: indices, large shares, small shares. */
const INDEX_RING_MAX = 60;
const SHARE_RING_MAX = 20;
const SMALL_SHARE_RING_MAX = 10;
/** NSE lists about this many shares and bonds beside the large ones; beyond them only option chains grow. */
const SMALL_SHARES_MAX = 8_000;
/** Tokens of made-up contracts come from ranges that the real ones among our instruments do not touch. */
const SMALL_SHARE_TOKEN_BASE = 100_000;
const CONTRACT_TOKEN_BASE = 35_000;
/** Tokens stay below 2^31, because the official JavaScript client reads them signed. */
const TOKEN_RANGE = 4_000_000;
const INDEX_OPTION_TICK = 0.05;

/** What futures and options are written on. */
interface Underlying {
  readonly spot: number;
  readonly name: string;
  /** Rupees. */
  readonly close: number;
  readonly lotSize: number;
  readonly futureTick: number;
  readonly optionTick: number;
  readonly strikeStep: number;
}

/** Tick of a share and of its futures, by price (exchange rule of April 2025). */
export function shareTick(rupees: number): number {
  if (rupees < 250) return 0.01;
  if (rupees < 1_000) return 0.05;
  if (rupees < 5_000) return 0.1;
  if (rupees < 10_000) return 0.5;
  return rupees < 20_000 ? 1 : 5;
}

/** Tick of an index future, by price (same rule). */
export function indexFutureTick(rupees: number): number {
  if (rupees <= 15_000) return 0.05;
  return rupees <= 30_000 ? 0.1 : 0.2;
}

function shareStrikeStep(rupees: number): number {
  if (rupees < 250) return 2.5;
  if (rupees < 500) return 5;
  if (rupees < 1_000) return 10;
  if (rupees < 2_500) return 20;
  return rupees < 5_000 ? 50 : 100;
}

/** Hands out exchange tokens by symbol, so that a contract keeps its token when more instruments are listed beside it. */
class TokenBook {
  readonly #used = new Set<number>();

  claim(exchangeToken: number, segment: number): InstrumentToken {
    const token = exchangeToken * 256 + segment;
    this.#used.add(token);
    return token as InstrumentToken;
  }

  allocate(symbol: string, base: number, segment: number): InstrumentToken {
    let exchangeToken = base + (hashText(symbol) % TOKEN_RANGE);
    while (this.#used.has(exchangeToken * 256 + segment)) exchangeToken += 1;
    return this.claim(exchangeToken, segment);
  }
}

class ListingBuilder {
  readonly spots: Spot[] = [];
  readonly #tokens = new TokenBook();
  readonly #weekly: readonly Expiry[];
  readonly #monthly: readonly Expiry[];

  constructor(tradingDate: string) {
    const schedule = expirySchedule(tradingDate, WEEKLY_EXPIRIES, MONTHLY_EXPIRIES);
    this.#weekly = schedule.weekly;
    this.#monthly = schedule.monthly;
  }

  /** All instruments, the most traded first; the caller stops when it has enough. */
  *instruments(): Generator<ListedInstrument> {
    yield* this.#indices();
    const nifty = this.#indexUnderlying('NIFTY 50', 'NIFTY', 65, 50);
    const bankNifty = this.#indexUnderlying('NIFTY BANK', 'BANKNIFTY', 30, 100);
    const shares: Underlying[] = [];
    for (const row of SHARE_ROWS) yield this.#share(row, shares);
    for (const underlying of [nifty, bankNifty, ...shares]) {
      for (const expiry of this.#monthly) yield this.#future(underlying, expiry);
    }
    const niftyExpiries = new Map([...this.#weekly, ...this.#monthly].map((expiry) => [expiry.date, expiry]));
    yield* this.#chains(
      [
        { underlying: nifty, expiries: [...niftyExpiries.values()] },
        { underlying: bankNifty, expiries: this.#monthly },
      ],
      INDEX_RING_MAX,
    );
    yield* this.#chains(
      shares.map((underlying) => ({ underlying, expiries: this.#monthly })),
      SHARE_RING_MAX,
    );
    yield* this.#smallShares();
  }

  *#indices(): Generator<ListedInstrument> {
    for (const row of INDEX_ROWS) {
      this.spots.push({
        tradingsymbol: row.tradingsymbol,
        close: Math.round(row.close * 100),
        beta: row.beta,
        ownVolatility: row.ownVolatility,
        impliedVolatilityScale: row.beta,
      });
      yield {
        instrument_token: this.#tokens.claim(row.exchangeToken, SEGMENT.INDICES),
        tradingsymbol: row.tradingsymbol,
        name: row.tradingsymbol,
        exchange: row.exchange,
        segment: 'INDICES',
        instrument_type: 'EQ',
        tick_size: 0,
        lot_size: 0,
        kind: 'index',
        spot: this.spots.length - 1,
      };
    }
  }

  #indexUnderlying(index: string, name: string, lotSize: number, strikeStep: number): Underlying {
    const spot = this.spots.findIndex((candidate) => candidate.tradingsymbol === index);
    const close = (this.spots[spot]?.close ?? 0) / 100;
    const futureTick = indexFutureTick(close);
    return { spot, name, close, lotSize, futureTick, optionTick: INDEX_OPTION_TICK, strikeStep };
  }

  /** Lists a share and puts what its derivatives need at the end of `underlyings`. */
  #share(row: (typeof SHARE_ROWS)[number], underlyings: Underlying[]): ListedInstrument {
    const [symbol, exchangeToken, name, close, lotSize, beta] = row;
    return this.#addShare(symbol, name, close, lotSize, beta, underlyings, exchangeToken);
  }

  #addShare(
    symbol: string,
    name: string,
    close: number,
    lotSize: number,
    beta: number,
    underlyings: Underlying[],
    exchangeToken?: number,
  ): ListedInstrument {
    const tick = shareTick(close);
    const spot = this.spots.length;
    this.spots.push({
      tradingsymbol: symbol,
      close: Math.round(close * 100),
      beta,
      ownVolatility: SHARE_OWN_VOLATILITY,
      impliedVolatilityScale: 1.9,
    });
    underlyings.push({
      spot,
      name: symbol,
      close,
      lotSize,
      futureTick: tick,
      optionTick: close < 250 ? 0.01 : 0.05,
      strikeStep: shareStrikeStep(close),
    });
    return {
      instrument_token:
        exchangeToken === undefined
          ? this.#tokens.allocate(symbol, SMALL_SHARE_TOKEN_BASE, SEGMENT.NSE)
          : this.#tokens.claim(exchangeToken, SEGMENT.NSE),
      tradingsymbol: symbol,
      name,
      exchange: 'NSE',
      segment: 'NSE',
      instrument_type: 'EQ',
      tick_size: tick,
      lot_size: 1,
      kind: 'share',
      spot,
    };
  }

  #future(underlying: Underlying, expiry: Expiry): ListedInstrument {
    const symbol = `${underlying.name}${expiry.symbolCode}FUT`;
    return {
      instrument_token: this.#tokens.allocate(symbol, CONTRACT_TOKEN_BASE, SEGMENT.NFO),
      tradingsymbol: symbol,
      name: underlying.name,
      exchange: 'NFO',
      segment: 'NFO-FUT',
      instrument_type: 'FUT',
      expiry: expiry.date,
      expiryMs: expiry.expiryMs,
      tick_size: underlying.futureTick,
      lot_size: underlying.lotSize,
      kind: 'future',
      spot: underlying.spot,
    };
  }

  /** Both options of a strike. */
  *#options(underlying: Underlying, expiry: Expiry, strike: number): Generator<ListedInstrument> {
    for (const kind of ['call', 'put'] as const) {
      const type = kind === 'call' ? 'CE' : 'PE';
      const symbol = `${underlying.name}${expiry.symbolCode}${strike}${type}`;
      yield {
        instrument_token: this.#tokens.allocate(symbol, CONTRACT_TOKEN_BASE, SEGMENT.NFO),
        tradingsymbol: symbol,
        name: underlying.name,
        exchange: 'NFO',
        segment: 'NFO-OPT',
        instrument_type: type,
        expiry: expiry.date,
        expiryMs: expiry.expiryMs,
        strike,
        tick_size: underlying.optionTick,
        lot_size: underlying.lotSize,
        kind,
        spot: underlying.spot,
      };
    }
  }

  /** Chains grow together, ring by ring around the money, so that a short list still has every expiry. */
  *#chains(
    chains: readonly { underlying: Underlying; expiries: readonly Expiry[] }[],
    ringMax: number,
  ): Generator<ListedInstrument> {
    for (let ring = 0; ring <= ringMax; ring++) {
      for (const { underlying, expiries } of chains) {
        const atTheMoney = Math.round(underlying.close / underlying.strikeStep);
        for (const expiry of expiries) {
          for (const steps of ring === 0 ? [0] : [-ring, ring]) {
            const strike = (atTheMoney + steps) * underlying.strikeStep;
            if (strike > 0) yield* this.#options(underlying, expiry, strike);
          }
        }
      }
    }
  }

  *#smallShares(): Generator<ListedInstrument> {
    const underlyings: Underlying[] = [];
    for (let number = 1; number <= SMALL_SHARES_MAX; number++) {
      const symbol = `SIMCO${String(number).padStart(4, '0')}`;
      const hash = hashText(symbol);
      const close = Math.round(10 ** (1 + 2.5 * unitOf(hash)));
      const lotSize = Math.max(25, Math.round(500_000 / close / 25) * 25);
      const beta = 0.5 + unitOf(mix(hash, 1));
      yield this.#addShare(symbol, `SIMULATED COMPANY ${number}`, close, lotSize, beta, underlyings);
    }
    for (const underlying of underlyings) {
      yield* this.#chains([{ underlying, expiries: this.#monthly }], SMALL_SHARE_RING_MAX);
    }
  }
}

/** The day's instruments. Throws RangeError on a date or a count that cannot be. */
export function listInstruments(options: ListingOptions): Listing {
  const { tradingDate, instrumentsCount } = options;
  if (
    !Number.isInteger(instrumentsCount) ||
    instrumentsCount < 1 ||
    instrumentsCount > INSTRUMENT_DUMP_ROWS_MAX
  )
    throw new RangeError(
      `instrumentsCount must be an integer from 1 to ${INSTRUMENT_DUMP_ROWS_MAX}, got ${instrumentsCount}`,
    );
  const builder = new ListingBuilder(tradingDate);
  const instruments: ListedInstrument[] = [];
  for (const instrument of builder.instruments()) {
    instruments.push(instrument);
    if (instruments.length === instrumentsCount) break;
  }
  return { source: 'generated', tradingDate, spots: builder.spots, instruments };
}

/** Position of the spot whose price is the volatility that options are quoted at. */
export function volatilitySpotOf(spots: readonly Spot[]): number {
  return spots.findIndex((spot) => spot.tradingsymbol === VOLATILITY_INDEX);
}
