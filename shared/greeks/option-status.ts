// What became of an option's valuation: numbers, so that a chain's statuses fit a Uint8Array.

/** A result's numbers mean something only under `ok`, `byParity` and `expired`; under all others they are 0. */
export const OPTION_STATUS = {
  /** Volatility and Greeks are the option's own. */
  ok: 0,
  /** Greeks at the volatility of the strike's other leg, as the own price gives none: no own volatility. */
  byParity: 1,
  /** Less than a millisecond is left: delta is the payoff's (0 or 1, for puts 0 or -1), the rest is 0. */
  expired: 2,
  /** The forward is no number within its bounds. */
  noUnderlying: 3,
  /** Years or rate are no numbers within their bounds. */
  badTerms: 4,
  /** The strike is no number within its bounds. */
  badStrike: 5,
  /** The price is 0: nothing is there. */
  noPrice: 6,
  /** The price is negative or no number. */
  badPrice: 7,
  /** The price is below what exercise is worth at the forward. */
  belowIntrinsic: 8,
  /** In the money and worth so little more than exercise that half a tick, or rounding, is all of it. */
  noTimeValue: 9,
  /** The price is at or above the bound that no volatility reaches: the discounted forward (calls) or strike (puts). */
  aboveMaximum: 10,
  /** The volatility that the option should be valued at is no number within its bounds. */
  badVolatility: 11,
} as const;
export type OptionStatus = (typeof OPTION_STATUS)[keyof typeof OPTION_STATUS];
