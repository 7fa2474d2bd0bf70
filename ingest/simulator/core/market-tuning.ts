// Every number that shapes the simulated market's statistics, in one place.
import type { LiquidityTuning, PricingTuning } from './contract.ts';
import type { DepthTuning } from './depth-book.ts';
import type { InstrumentKind } from './instrument-list.ts';
import type { SpotWalkTuning } from './spot-walk.ts';

export interface MarketTuning {
  readonly walk: SpotWalkTuning;
  readonly pricing: PricingTuning;
  readonly depth: DepthTuning;
  readonly liquidity: Readonly<Record<InstrumentKind, LiquidityTuning>>;
  /** Share of an instrument's ticks in which its book changes; the others bring a trade or nothing. */
  readonly bookProbability: number;
  /** How long before its tick a trade was made, at most. */
  readonly tradeAgeMs: number;
  /** Share of trades that open interest moves with. */
  readonly interestProbability: number;
}

const NOT_TRADED: LiquidityTuning = {
  halfSpreadTicks: 0,
  halfSpreadFraction: 0,
  levelGapFraction: 0,
  levelLots: 0,
  requoteProbability: 0,
  tradeWithBookProbability: 0,
  tradeAloneProbability: 0,
  tradeLots: 0,
  sweepLots: 0,
  interestLots: 0,
  openingVolumeLots: 0,
  openingInterestLots: 0,
};

const OPTION: LiquidityTuning = {
  halfSpreadTicks: 0.6,
  // Near the money a book is some 23 basis points wide.
  halfSpreadFraction: 0.0011,
  // Three of four levels lie a tick apart, the others two to a dozen.
  levelGapFraction: 0.00011,
  // Quotes of one to six lots, most of them of one order.
  levelLots: 2.4,
  // Prices follow the underlying, so hardly a book changes that does not move.
  requoteProbability: 0.95,
  // Most ticks are sent for the quotes; one that is not is sent for a trade.
  tradeWithBookProbability: 0.22,
  tradeAloneProbability: 0.8,
  // Four of five last trades are of one lot, often after others in the same tick.
  tradeLots: 0.5,
  sweepLots: 3,
  interestLots: 50,
  openingVolumeLots: 20_000,
  openingInterestLots: 30_000,
};

export const MARKET_TUNING: MarketTuning = {
  walk: { factorVolatility: 0.11, reversionS: 14_400, openingGap: 0.003 },
  pricing: { rate: 0.065, smile: { skew: -0.06, curvature: 0.02, termSlope: 0.15 } },
  // Two of three levels that keep their price change their quantity with their book; totals are some hundred levels' worth.
  depth: { levelLifeTicks: 2, orderLots: 3, beyondMin: 200, beyondMax: 1_200, beyondChange: 4 },
  liquidity: {
    index: NOT_TRADED,
    share: {
      halfSpreadTicks: 0.6,
      // Four ticks wide at a price of 2,000 rupees, with few gaps behind the best price.
      halfSpreadFraction: 0.00008,
      levelGapFraction: 0.00002,
      levelLots: 110,
      // Many small orders come and go without moving a price.
      requoteProbability: 0.5,
      // Trades come without orders of the book and with them, nearly as often.
      tradeWithBookProbability: 0.55,
      tradeAloneProbability: 0.68,
      // From single shares to some hundred.
      tradeLots: 11,
      sweepLots: 60,
      interestLots: 0,
      openingVolumeLots: 1_500_000,
      openingInterestLots: 0,
    },
    future: {
      halfSpreadTicks: 0.8,
      halfSpreadFraction: 0.00003,
      levelGapFraction: 0.00001,
      levelLots: 6,
      requoteProbability: 0.7,
      tradeWithBookProbability: 0.4,
      tradeAloneProbability: 0.8,
      tradeLots: 1,
      sweepLots: 4,
      interestLots: 50,
      openingVolumeLots: 15_000,
      openingInterestLots: 60_000,
    },
    call: OPTION,
    put: OPTION,
  },
  // Books stand still in two of five ticks.
  bookProbability: 0.61,
  // A third of the trades were made in the second before their tick's.
  tradeAgeMs: 700,
  // The exchange counts open interest every few minutes.
  interestProbability: 0.01,
};
