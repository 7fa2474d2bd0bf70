// How options are valued, as the operator has set it.

/** `forward`: Black's model on the market's forward. `spot`: Black and Scholes' on the spot, as NSE's option chain has it. */
export const GREEKS_MODELS = ['forward', 'spot'] as const;

export interface GreeksSettings {
  readonly model: (typeof GREEKS_MODELS)[number];
  /** Continuously compounded, per year, as fractions. */
  readonly rate: number;
  readonly dividendYield: number;
}
