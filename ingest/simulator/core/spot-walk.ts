// The seeded walk of all spots: one market factor that every spot follows by its beta, and a part of its own.
import type { Spot } from './instrument-list.ts';
import { mix, RandomStream } from './random.ts';

/** Seconds that a year of volatility is spread over: 252 sessions of 6 h 15 min. */
const TRADING_YEAR_S = 252 * 22_500;

export interface SpotWalkTuning {
  /** Annual volatility of the market factor, as a fraction. */
  readonly factorVolatility: number;
  /** Seconds in which a deviation from the close fades to 1/e: the market never closes, so it must not wander off. */
  readonly reversionS: number;
  /** Standard deviation of the opening gap, as a fraction. */
  readonly openingGap: number;
}

/**
 * Log-returns against the previous close, moved in fixed steps (Ornstein-Uhlenbeck): the walk depends on the seed and on
 * how many steps were made, never on who looks at it or how late a timer was.
 */
export class SpotWalk {
  readonly #spots: readonly Spot[];
  readonly #random: RandomStream;
  readonly #decay: number;
  readonly #factorDeviation: number;
  readonly #stepS: number;
  readonly #own: Float64Array;
  readonly #opened: Float64Array;
  readonly #highest: Float64Array;
  readonly #lowest: Float64Array;
  #factor: number;

  constructor(seed: number, spots: readonly Spot[], stepMs: number, tuning: SpotWalkTuning) {
    this.#spots = spots;
    this.#random = new RandomStream(mix(seed, 0x5007));
    this.#stepS = stepMs / 1_000;
    this.#decay = Math.exp(-this.#stepS / tuning.reversionS);
    this.#factorDeviation = tuning.factorVolatility * Math.sqrt(this.#stepS / TRADING_YEAR_S);
    this.#factor = tuning.openingGap * this.#random.gaussian();
    this.#own = Float64Array.from(spots, (spot) => spot.ownVolatility * 0.02 * this.#random.gaussian());
    this.#opened = Float64Array.from(spots, (_, spot) => this.#logReturn(spot));
    this.#highest = this.#opened.slice();
    this.#lowest = this.#opened.slice();
  }

  /** Moves every spot by one step. */
  step(): void {
    const random = this.#random;
    const rootStep = Math.sqrt(this.#stepS / TRADING_YEAR_S);
    this.#factor = this.#factor * this.#decay + this.#factorDeviation * random.gaussian();
    for (let spot = 0; spot < this.#own.length; spot++) {
      const shock = (this.#spots[spot] as Spot).ownVolatility * rootStep * random.gaussian();
      this.#own[spot] = (this.#own[spot] as number) * this.#decay + shock;
      const now = this.#logReturn(spot);
      if (now > (this.#highest[spot] as number)) this.#highest[spot] = now;
      if (now < (this.#lowest[spot] as number)) this.#lowest[spot] = now;
    }
  }

  /** Moves one spot at once by this fraction of its price; like every deviation it fades. */
  jump(spot: number, fraction: number): void {
    this.#own[spot] = (this.#own[spot] as number) + Math.log1p(fraction);
    const now = this.#logReturn(spot);
    this.#highest[spot] = Math.max(this.#highest[spot] as number, now);
    this.#lowest[spot] = Math.min(this.#lowest[spot] as number, now);
  }

  /** Price now, in raw units, not rounded. */
  priceOf(spot: number): number {
    return this.#priceAt(spot, this.#logReturn(spot));
  }

  openOf(spot: number): number {
    return this.#priceAt(spot, this.#opened[spot] as number);
  }

  /** Highest price of the session so far, whether anybody saw it or not. */
  highOf(spot: number): number {
    return this.#priceAt(spot, this.#highest[spot] as number);
  }

  lowOf(spot: number): number {
    return this.#priceAt(spot, this.#lowest[spot] as number);
  }

  closeOf(spot: number): number {
    return (this.#spots[spot] as Spot).close;
  }

  #priceAt(spot: number, logReturn: number): number {
    return this.closeOf(spot) * Math.exp(logReturn);
  }

  #logReturn(spot: number): number {
    return (this.#spots[spot] as Spot).beta * this.#factor + (this.#own[spot] as number);
  }
}
