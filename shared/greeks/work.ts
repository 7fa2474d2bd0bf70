// What the steps of a valuation hand to each other.

/**
 * One object for all options: doubles that are passed to a function which is not inlined, or returned by one, are
 * allocated by V8; fields that have held a fraction are written in place. Scaled means in units of
 * sqrt(forward x strike), undiscounted; the strike's out-of-the-money leg is the one that all scaled values are about.
 */
export const work = {
  forward: 0.5,
  discount: 0.5,
  inverseDiscount: 0.5,
  timeValueMin: 0.5,
  sqrtYears: 0.5,
  percentPerDeviation: 0.5,
  vegaFactor: 0.5,
  thetaFactor: 0.5,
  thetaOfPrice: 0.5,
  rhoFactor: 0.5,
  gammaFactor: 0.5,
  /** The strike that is prepared, and whether the one-step root is for it. */
  strike: 0.5,
  isNear: false,
  /** sqrt(forward x strike). */
  unit: 0.5,
  inverseUnit: 0.5,
  /** |F - K|, scaled; |ln F/K|; and the second over the first, near the money only. */
  distance: 0.5,
  logDistance: 0.5,
  logPerDistance: 0.5,
  /** sqrt of the larger over the smaller of forward and strike, and its inverse. */
  growth: 0.5,
  shrinkage: 0.5,
  /** Scaled price, and what is missing to its upper bound. */
  price: 0.5,
  room: 0.5,
  /** Total deviation: volatility x sqrt(years). */
  deviation: 0.5,
  inverseDeviation: 0.5,
  /** logDistance / deviation, and deviation / 2. */
  u: 0.5,
  t: 0.5,
  /** Scaled vega: n(u) n(t) sqrt(2 pi). */
  vega: 0.5,
  /** N(t - u), 1 minus it, and N(-t - u): the probabilities that make deltas. */
  nearTail: 0.5,
  nearRest: 0.5,
  farTail: 0.5,
  /** Scaled value at the deviation, and it over vega. */
  value: 0.5,
  valuePerVega: 0.5,
};
