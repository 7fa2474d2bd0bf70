// What the market knows of an instrument: how its fair price follows from its spot, and how liquid it is.
import { priceDivisorOf } from '../../../shared/instrument.ts';
import type { InstrumentKind, ListedInstrument, Spot } from './instrument-list.ts';
import { callPrice, putPrice, type Smile, smileVolatility } from './option-price.ts';
import { hashText, mix, unitOf } from './random.ts';

const YEAR_MS = 365 * 86_400_000;
/** An option on its last minute: keeps the pricing finite when the market is open past an expiry. */
const YEARS_MIN = 60_000 / YEAR_MS;

export interface PricingTuning {
  /** Continuously compounded, per year: carry of futures and discount of options. */
  readonly rate: number;
  readonly smile: Smile;
}

/** Liquidity of one kind of instrument. */
export interface LiquidityTuning {
  /** Distance from the fair price to either side of the book: the larger of ticks and a fraction of the price. */
  readonly halfSpreadTicks: number;
  readonly halfSpreadFraction: number;
  /** Mean distance between levels beyond one tick, as a fraction of the price. */
  readonly levelGapFraction: number;
  /** Mean lots at one level of the book, beyond the first one. */
  readonly levelLots: number;
  /** Share of the changes of its book in which the prices are made anew; in the others only quantities change. */
  readonly requoteProbability: number;
  /** Share of ticks with a trade: of those in which the book changes, and of the others. */
  readonly tradeWithBookProbability: number;
  readonly tradeAloneProbability: number;
  /** Mean lots of the last trade beyond the first one, and of the trades of the same tick before it. */
  readonly tradeLots: number;
  readonly sweepLots: number;
  /** Mean lots that open interest moves by when it does. */
  readonly interestLots: number;
  /** Mean lots traded, and open, before the market starts. */
  readonly openingVolumeLots: number;
  readonly openingInterestLots: number;
}

export interface Contract {
  readonly kind: InstrumentKind;
  readonly spot: number;
  /** Seed of everything that is random about this instrument. */
  readonly key: number;
  /** Raw units (paise; finer for currencies), as all prices here; 0 where there is none. */
  readonly strike: number;
  readonly expiryMs: number;
  readonly impliedVolatilityScale: number;
  /** At least 1, which is what indices move in. */
  readonly tick: number;
  readonly lot: number;
  readonly liquidity: LiquidityTuning;
  /** Previous close. */
  readonly close: number;
  /** Mean ticks between the levels of the book beyond one; fixed for the day, so that a level keeps its price. */
  readonly gapTicks: number;
  readonly openingVolume: number;
  readonly openingInterest: number;
}

/** A price on the tick grid, one tick at least. */
export function roundToTick(price: number, tick: number): number {
  return Math.max(tick, Math.round(price / tick) * tick);
}

export type PricedTerms = Pick<Contract, 'kind' | 'strike' | 'expiryMs' | 'impliedVolatilityScale'>;

/**
 * Fair price in raw units, not rounded.
 * @param spotPrice raw units
 * @param volatility the volatility index as a fraction
 */
export function fairPrice(
  terms: PricedTerms,
  spotPrice: number,
  volatility: number,
  nowMs: number,
  tuning: PricingTuning,
): number {
  if (terms.kind === 'index' || terms.kind === 'share') return spotPrice;
  const { rate, smile } = tuning;
  const years = Math.max(YEARS_MIN, (terms.expiryMs - nowMs) / YEAR_MS);
  const forward = spotPrice * Math.exp(rate * years);
  if (terms.kind === 'future') return forward;
  const { strike, impliedVolatilityScale } = terms;
  const implied = smileVolatility(smile, volatility * impliedVolatilityScale, forward, strike, years);
  const option = { forward, strike, years, volatility: implied, rate };
  return terms.kind === 'call' ? callPrice(option) : putPrice(option);
}

/** Between a quarter and the seven-fold of `lots`, most near the lower end: a few instruments carry most of the trade. */
function skewed(lots: number, hash: number): number {
  return Math.floor(lots * (0.25 + 6.75 * unitOf(hash) ** 4));
}

export function contractOf(
  instrument: ListedInstrument,
  spot: Spot,
  seed: number,
  volatility: number,
  startMs: number,
  pricing: PricingTuning,
  liquidity: LiquidityTuning,
): Contract {
  const key = mix(hashText(instrument.tradingsymbol), seed);
  const divisor = priceDivisorOf(instrument.instrument_token);
  const terms = {
    kind: instrument.kind,
    strike: Math.round((instrument.strike ?? 0) * divisor),
    expiryMs: instrument.expiryMs ?? 0,
    impliedVolatilityScale: spot.impliedVolatilityScale,
  };
  const tick = Math.max(1, Math.round(instrument.tick_size * divisor));
  const lot = Math.max(1, instrument.lot_size);
  const close = roundToTick(fairPrice(terms, spot.close, volatility, startMs, pricing), tick);
  return {
    ...terms,
    spot: instrument.spot,
    key,
    tick,
    lot,
    liquidity,
    close,
    gapTicks: (close * liquidity.levelGapFraction) / tick,
    openingVolume: lot * skewed(liquidity.openingVolumeLots, mix(key, 11)),
    openingInterest: lot * skewed(liquidity.openingInterestLots, mix(key, 12)),
  };
}
