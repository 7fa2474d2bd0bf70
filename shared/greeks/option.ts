// One option at a time, by the same code as chains: same bits.
import { solveChain, valueChain } from './black76.ts';
import { createOptionColumns, type ExpiryTerms } from './option-columns.ts';
import { OPTION_STATUS, type OptionStatus } from './option-status.ts';

/** Units are those of OptionColumns. */
export interface OptionGreeks {
  readonly delta: number;
  readonly gamma: number;
  readonly thetaPerDay: number;
  readonly vegaPerPoint: number;
  readonly rhoPerPoint: number;
}

type NumberedStatus = typeof OPTION_STATUS.ok | typeof OPTION_STATUS.expired;

/** One option has no other leg. */
type SingleStatus = Exclude<OptionStatus, typeof OPTION_STATUS.byParity>;

/** Why there are no numbers. */
export interface Unvalued {
  readonly status: Exclude<SingleStatus, NumberedStatus>;
}

export type ImpliedGreeks =
  | (OptionGreeks & { readonly status: typeof OPTION_STATUS.ok; readonly volatilityPercent: number })
  | (OptionGreeks & { readonly status: typeof OPTION_STATUS.expired })
  | Unvalued;

export type OptionValue =
  | (OptionGreeks & { readonly status: NumberedStatus; readonly price: number })
  | Unvalued;

const one = createOptionColumns(1);

function load(strike: number, isPut: boolean): void {
  one.strikes[0] = strike;
  one.isPut[0] = isPut ? 1 : 0;
}

/** Implied volatility and Greeks of one option whose premium is `price` rupees. Throws nothing. */
export function impliedGreeks(
  terms: Readonly<ExpiryTerms>,
  strike: number,
  isPut: boolean,
  price: number,
): ImpliedGreeks {
  load(strike, isPut);
  one.prices[0] = price;
  solveChain(terms, one, 0, 1);
  const status = one.statuses[0] as SingleStatus;
  const delta = one.delta[0] as number;
  const gamma = one.gamma[0] as number;
  const thetaPerDay = one.thetaPerDay[0] as number;
  const vegaPerPoint = one.vegaPerPoint[0] as number;
  const rhoPerPoint = one.rhoPerPoint[0] as number;
  if (status === OPTION_STATUS.ok) {
    const volatilityPercent = one.volatilityPercent[0] as number;
    return { status, volatilityPercent, delta, gamma, thetaPerDay, vegaPerPoint, rhoPerPoint };
  }
  if (status === OPTION_STATUS.expired)
    return { status, delta, gamma, thetaPerDay, vegaPerPoint, rhoPerPoint };
  return { status };
}

/** Price in rupees and Greeks of one option at a volatility, in percent per year. Throws nothing. */
export function valueOption(
  terms: Readonly<ExpiryTerms>,
  strike: number,
  isPut: boolean,
  volatilityPercent: number,
): OptionValue {
  load(strike, isPut);
  one.volatilityPercent[0] = volatilityPercent;
  valueChain(terms, one, 0, 1);
  const status = one.statuses[0] as SingleStatus;
  if (status !== OPTION_STATUS.ok && status !== OPTION_STATUS.expired) return { status };
  return {
    status,
    price: one.prices[0] as number,
    delta: one.delta[0] as number,
    gamma: one.gamma[0] as number,
    thetaPerDay: one.thetaPerDay[0] as number,
    vegaPerPoint: one.vegaPerPoint[0] as number,
    rhoPerPoint: one.rhoPerPoint[0] as number,
  };
}
