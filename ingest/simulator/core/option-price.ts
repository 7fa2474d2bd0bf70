// Black-76 prices on a forward, and the volatility smile that the simulated market quotes by.

/** Standard normal distribution function to double precision (Hart 1968, algorithm 5666, as given by G. West, 2005). */
export function normalCdf(x: number): number {
  const z = Math.abs(x);
  if (z > 37) return x > 0 ? 1 : 0;
  const density = Math.exp(-0.5 * z * z);
  let tail: number;
  if (z < 7.07106781186547) {
    let top = 3.52624965998911e-2 * z + 0.700383064443688;
    top = top * z + 6.37396220353165;
    top = top * z + 33.912866078383;
    top = top * z + 112.079291497871;
    top = top * z + 221.213596169931;
    top = top * z + 220.206867912376;
    let bottom = 8.83883476483184e-2 * z + 1.75566716318264;
    bottom = bottom * z + 16.064177579207;
    bottom = bottom * z + 86.7807322029461;
    bottom = bottom * z + 296.564248779674;
    bottom = bottom * z + 637.333633378831;
    bottom = bottom * z + 793.826512519948;
    bottom = bottom * z + 440.413735824752;
    tail = (density * top) / bottom;
  } else {
    tail = density / (2.506628274631 * (z + 1 / (z + 2 / (z + 3 / (z + 4 / (z + 0.65))))));
  }
  return x > 0 ? 1 - tail : tail;
}

export interface OptionTerms {
  /** Forward and strike in the same unit; the price comes out in it too. */
  readonly forward: number;
  readonly strike: number;
  /** Years to expiry, > 0. */
  readonly years: number;
  /** Annual, as a fraction. */
  readonly volatility: number;
  /** Continuously compounded, per year. */
  readonly rate: number;
}

/** Black's (1976) price of a European call on a forward. */
export function callPrice(terms: OptionTerms): number {
  const { forward, strike, years, volatility, rate } = terms;
  const deviation = volatility * Math.sqrt(years);
  const d1 = Math.log(forward / strike) / deviation + deviation / 2;
  return Math.exp(-rate * years) * (forward * normalCdf(d1) - strike * normalCdf(d1 - deviation));
}

/** The put by put-call parity, so that no rounding of the distribution can break it. */
export function putPrice(terms: OptionTerms): number {
  const parity = Math.exp(-terms.rate * terms.years) * (terms.forward - terms.strike);
  return Math.max(0, callPrice(terms) - parity);
}

/** Shape of the smile over z = ln(strike / forward) / (volatility at the money x sqrt(years)). */
export interface Smile {
  /** Negative: puts below the money cost more. */
  readonly skew: number;
  readonly curvature: number;
  /** Change of the at-the-money volatility per sqrt(year), relative, counted from 30 days. */
  readonly termSlope: number;
}

const ANCHOR_SQRT_YEARS = Math.sqrt(30 / 365);
/** Beyond six deviations the parabola would go on rising although nothing trades there. */
const DEVIATIONS_MAX = 6;

/** Volatility that a strike is quoted at, given the 30-day volatility at the money. */
export function smileVolatility(
  smile: Smile,
  atTheMoney: number,
  forward: number,
  strike: number,
  years: number,
): number {
  const sqrtYears = Math.sqrt(years);
  const level = atTheMoney * Math.max(0.5, 1 + smile.termSlope * (sqrtYears - ANCHOR_SQRT_YEARS));
  const deviations = Math.log(strike / forward) / (level * sqrtYears);
  const z = Math.max(-DEVIATIONS_MAX, Math.min(DEVIATIONS_MAX, deviations));
  return level * (1 + smile.skew * z + smile.curvature * z * z);
}
