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
  /** Share of an instrument's ticks that bring a trade although the book did not leave the last price behind. */
  readonly tradeProbability: number;
  /** Ticks that the distance between the fair price and either side of the book lasts. */
  readonly spreadLifeTicks: number;
}

const NOT_TRADED: LiquidityTuning = {
  halfSpreadTicks: 0,
  halfSpreadFraction: 0,
  levelGapFraction: 0,
  levelLots: 0,
  tradeLots: 0,
  openingVolumeLots: 0,
  openingInterestLots: 0,
};

const OPTION: LiquidityTuning = {
  halfSpreadTicks: 0.6,
  halfSpreadFraction: 0.0015,
  levelGapFraction: 0.0005,
  levelLots: 12,
  tradeLots: 3,
  openingVolumeLots: 20_000,
  openingInterestLots: 30_000,
};

export const MARKET_TUNING: MarketTuning = {
  walk: { factorVolatility: 0.11, reversionS: 14_400, openingGap: 0.003 },
  pricing: { rate: 0.065, smile: { skew: -0.06, curvature: 0.02, termSlope: 0.15 } },
  depth: { levelLifeTicks: 4, totalLifeTicks: 2 },
  liquidity: {
    index: NOT_TRADED,
    share: {
      halfSpreadTicks: 0.6,
      halfSpreadFraction: 0.00005,
      levelGapFraction: 0,
      levelLots: 400,
      tradeLots: 60,
      openingVolumeLots: 1_500_000,
      openingInterestLots: 0,
    },
    future: {
      halfSpreadTicks: 0.8,
      halfSpreadFraction: 0.00003,
      levelGapFraction: 0.00001,
      levelLots: 6,
      tradeLots: 2,
      openingVolumeLots: 15_000,
      openingInterestLots: 60_000,
    },
    call: OPTION,
    put: OPTION,
  },
  tradeProbability: 0.5,
  spreadLifeTicks: 3,
};
