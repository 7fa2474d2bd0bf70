// Black's (1976) model over columns of options: implied volatilities and Greeks, without an object per option.
import {
  OPTION_AMOUNT_MAX,
  OPTION_AMOUNT_MIN,
  OPTION_VOLATILITY_MAX,
  OPTION_VOLATILITY_MIN,
} from '../limits.ts';
import { evaluate } from './evaluation.ts';
import type { ExpiryTerms, OptionColumns } from './option-columns.ts';
import { OPTION_STATUS, type OptionStatus } from './option-status.ts';
import { preparePrice, prepareStrike, prepareTerms } from './preparation.ts';
import { solve } from './root.ts';
import { work as sharedWork } from './work.ts';

// A constant of this module: V8 looks imported ones up at every use.
const work = sharedWork;

function clearResults(columns: OptionColumns, at: number): void {
  columns.volatilityPercent[at] = 0;
  columns.delta[at] = 0;
  columns.gamma[at] = 0;
  columns.thetaPerDay[at] = 0;
  columns.vegaPerPoint[at] = 0;
  columns.rhoPerPoint[at] = 0;
}

/** Writes the Greeks of what has been evaluated. */
function writeGreeks(columns: OptionColumns, at: number): void {
  const price = columns.prices[at] as number;
  const { forward, strike, discount, deviation } = work;
  const isPut = columns.isPut[at] !== 0;
  // N(d1) is the near tail when the forward is below the strike; else it is 1 less the far one.
  let probability: number;
  if (forward < strike) probability = isPut ? -work.nearRest : work.nearTail;
  else probability = isPut ? -work.farTail : 1 - work.farTail;
  const vega = work.vega * work.unit;
  columns.delta[at] = discount * probability;
  columns.gamma[at] = work.gammaFactor * vega * work.inverseDeviation;
  columns.thetaPerDay[at] = work.thetaOfPrice * price - work.thetaFactor * vega * deviation;
  columns.vegaPerPoint[at] = work.vegaFactor * vega;
  columns.rhoPerPoint[at] = work.rhoFactor * price;
}

/** What is left of an option at its expiry: it moves with the forward or not at all. */
function writeExpired(columns: OptionColumns, at: number): void {
  clearResults(columns, at);
  const strike = columns.strikes[at] as number;
  if (columns.isPut[at] !== 0) columns.delta[at] = work.forward < strike ? -1 : 0;
  else columns.delta[at] = work.forward > strike ? 1 : 0;
}

function isStrike(strike: number): boolean {
  return strike >= OPTION_AMOUNT_MIN && strike <= OPTION_AMOUNT_MAX;
}

function solveOption(columns: OptionColumns, at: number): OptionStatus {
  const isNear = prepareStrike(columns, at);
  const status = preparePrice(columns, at);
  if (status !== OPTION_STATUS.ok) {
    clearResults(columns, at);
    return status;
  }
  solve(isNear);
  columns.volatilityPercent[at] = work.deviation * work.percentPerDeviation;
  writeGreeks(columns, at);
  return OPTION_STATUS.ok;
}

/**
 * Computes status, implied volatility and Greeks of the options `from` to `to`, all of one underlying and expiry, from
 * their strikes and prices. Throws nothing, and writes no NaN or infinity, whatever the numbers in.
 */
export function solveChain(
  terms: Readonly<ExpiryTerms>,
  columns: OptionColumns,
  from: number,
  to: number,
): void {
  const common = prepareTerms(terms);
  for (let at = from; at < to; at++) {
    let status: OptionStatus = common;
    const isUsable = common === OPTION_STATUS.ok || common === OPTION_STATUS.expired;
    if (isUsable && !isStrike(columns.strikes[at] as number)) status = OPTION_STATUS.badStrike;
    if (status === OPTION_STATUS.ok) status = solveOption(columns, at);
    else if (status === OPTION_STATUS.expired) writeExpired(columns, at);
    else clearResults(columns, at);
    columns.statuses[at] = status;
  }
}

/** What the evaluated leg is worth, in rupees: its side's time value, and what exercise is worth. */
function premiumOf(isPut: boolean): number {
  const { forward, strike, discount, unit, value } = work;
  const intrinsic = isPut ? strike - forward : forward - strike;
  return discount * (value * unit + Math.max(intrinsic, 0));
}

/**
 * Computes prices and Greeks of the options `from` to `to`, all of one underlying and expiry, from their strikes and
 * volatilityPercent; statuses as for solveChain, badVolatility instead of those about a price. An expired option's price
 * is what exercise is worth, undiscounted.
 */
export function valueChain(
  terms: Readonly<ExpiryTerms>,
  columns: OptionColumns,
  from: number,
  to: number,
): void {
  const common = prepareTerms(terms);
  for (let at = from; at < to; at++) {
    const strike = columns.strikes[at] as number;
    const volatility = 0.01 * (columns.volatilityPercent[at] as number);
    const isPut = columns.isPut[at] !== 0;
    let status: OptionStatus = common;
    const isUsable = common === OPTION_STATUS.ok || common === OPTION_STATUS.expired;
    if (isUsable && !isStrike(strike)) status = OPTION_STATUS.badStrike;
    const isVolatility = volatility >= OPTION_VOLATILITY_MIN && volatility <= OPTION_VOLATILITY_MAX;
    if (status === OPTION_STATUS.ok && !isVolatility) status = OPTION_STATUS.badVolatility;
    columns.statuses[at] = status;
    columns.prices[at] = 0;
    if (status === OPTION_STATUS.ok) {
      prepareStrike(columns, at);
      work.deviation = volatility * work.sqrtYears;
      evaluate();
      columns.prices[at] = premiumOf(isPut);
      writeGreeks(columns, at);
    } else if (status === OPTION_STATUS.expired) {
      columns.prices[at] = Math.max(isPut ? strike - work.forward : work.forward - strike, 0);
      writeExpired(columns, at);
    } else {
      clearResults(columns, at);
    }
  }
}

function isWithoutOwnVolatility(status: number): boolean {
  return (
    status === OPTION_STATUS.noTimeValue ||
    status === OPTION_STATUS.belowIntrinsic ||
    status === OPTION_STATUS.noPrice
  );
}

/**
 * Gives in-the-money options whose price says nothing about volatility (noTimeValue, belowIntrinsic, noPrice) the Greeks
 * of the volatility that the other leg of their strike has, by put-call parity, with the status byParity; their own
 * volatility stays 0. Call after solveChain for the same options. `otherLegs[i]` is the index of option i's other leg,
 * or below 0.
 */
export function fillByParity(
  terms: Readonly<ExpiryTerms>,
  columns: OptionColumns,
  otherLegs: Int32Array,
  from: number,
  to: number,
): void {
  if (prepareTerms(terms) !== OPTION_STATUS.ok) return;
  for (let at = from; at < to; at++) {
    const other = otherLegs[at] as number;
    if (!isWithoutOwnVolatility(columns.statuses[at] as number) || !(other >= 0)) continue;
    if (columns.statuses[other] !== OPTION_STATUS.ok) continue;
    const isPut = columns.isPut[at] !== 0;
    prepareStrike(columns, at);
    if (isPut ? work.strike <= work.forward : work.strike >= work.forward) continue;
    work.deviation = (columns.volatilityPercent[other] as number) / work.percentPerDeviation;
    evaluate();
    const quoted = columns.prices[at] as number;
    // Theta and rho contain the price: the one that goes with the volatility, not the one that gave none.
    columns.prices[at] = premiumOf(isPut);
    writeGreeks(columns, at);
    columns.prices[at] = quoted;
    columns.statuses[at] = OPTION_STATUS.byParity;
  }
}
