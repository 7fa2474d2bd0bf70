// Options in columns, and what all options of one underlying and expiry have in common.

/** Of one (underlying, expiry). */
export interface ExpiryTerms {
  /** Forward price of the underlying for the expiry, in rupees. */
  forward: number;
  /** Calendar time to expiry in years of 365 days. */
  years: number;
  /** For discounting: continuously compounded, per year, as a fraction. */
  rate: number;
  /** Time value of an in-the-money option that says nothing, in rupees: half a tick. 0 when prices are exact. */
  timeValueMin: number;
}

/**
 * Options by index; those of one (underlying, expiry) are neighbours. Inputs first, then what is computed. Greeks are
 * those of Black's (1976) model, of the price in rupees, at a fixed forward.
 */
export interface OptionColumns {
  /** Rupees. */
  readonly strikes: Float64Array;
  /** Premium in rupees; 0 when there is none. */
  readonly prices: Float64Array;
  /** 1 for a put, 0 for a call. */
  readonly isPut: Uint8Array;
  /** An OPTION_STATUS each. */
  readonly statuses: Uint8Array;
  /** Implied volatility per year (calendar time), in percent. */
  readonly volatilityPercent: Float64Array;
  /** Rupees per rupee of the forward. */
  readonly delta: Float64Array;
  /** Change of delta per rupee of the forward. */
  readonly gamma: Float64Array;
  /** Rupees per calendar day: a 365th of the year's. Below a day to expiry it can be more than the premium. */
  readonly thetaPerDay: Float64Array;
  /** Rupees per percentage point of volatility. */
  readonly vegaPerPoint: Float64Array;
  /** Rupees per percentage point of the rate. */
  readonly rhoPerPoint: Float64Array;
}

/** Columns of `count` options, all zero. */
export function createOptionColumns(count: number): OptionColumns {
  return {
    strikes: new Float64Array(count),
    prices: new Float64Array(count),
    isPut: new Uint8Array(count),
    statuses: new Uint8Array(count),
    volatilityPercent: new Float64Array(count),
    delta: new Float64Array(count),
    gamma: new Float64Array(count),
    thetaPerDay: new Float64Array(count),
    vegaPerPoint: new Float64Array(count),
    rhoPerPoint: new Float64Array(count),
  };
}
