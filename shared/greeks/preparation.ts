// Takes an expiry's terms, a strike and a price into the valuation's work, or says what is wrong with them.
import {
  OPTION_AMOUNT_MAX,
  OPTION_AMOUNT_MIN,
  OPTION_RATE_MAX,
  OPTION_TIME_VALUE_MIN,
  OPTION_YEARS_MAX,
  OPTION_YEARS_MIN,
} from '../limits.ts';
import { exp, ln } from './elementary.ts';
import type { ExpiryTerms, OptionColumns } from './option-columns.ts';
import { OPTION_STATUS, type OptionStatus } from './option-status.ts';
import { work as sharedWork } from './work.ts';

// A constant of this module: V8 looks imported ones up at every use.
const work = sharedWork;

const DAYS_PER_YEAR = 365;
const MACHINE_EPSILON = 2 ** -52;
/** No strike is prepared when the forward is new. */
const NO_STRIKE = -0.5;
/** Strikes nearer than this, (F - K)² / (F + K)², are near. */
const NEAR_SQUARE_TO = 0.0625;
/** Below it half of the series is enough. */
const SHORT_SQUARE_TO = 0.0025;

function isWithin(value: number, min: number, max: number): boolean {
  return value >= min && value <= max;
}

/** Takes the expiry's terms into the work, or says what is wrong with them. */
export function prepareTerms({ forward, years, rate, timeValueMin }: Readonly<ExpiryTerms>): OptionStatus {
  if (!isWithin(forward, OPTION_AMOUNT_MIN, OPTION_AMOUNT_MAX)) return OPTION_STATUS.noUnderlying;
  if (!(years <= OPTION_YEARS_MAX) || !isWithin(rate, -OPTION_RATE_MAX, OPTION_RATE_MAX)) {
    return OPTION_STATUS.badTerms;
  }
  work.forward = forward;
  work.strike = NO_STRIKE;
  if (years < OPTION_YEARS_MIN) return OPTION_STATUS.expired;
  const discount = exp(-rate * years);
  const sqrtYears = Math.sqrt(years);
  work.discount = discount;
  work.inverseDiscount = 1 / discount;
  work.timeValueMin = timeValueMin > 0 ? timeValueMin / discount : 0;
  work.sqrtYears = sqrtYears;
  work.percentPerDeviation = 100 / sqrtYears;
  work.vegaFactor = 0.01 * discount * sqrtYears;
  work.thetaFactor = discount / (2 * DAYS_PER_YEAR * years);
  work.gammaFactor = discount / (forward * forward);
  work.thetaOfPrice = rate / DAYS_PER_YEAR;
  work.rhoFactor = -0.01 * years;
  return OPTION_STATUS.ok;
}

/** Takes a strike into the work: how far from the forward it is. Returns false when it is far. */
export function prepareStrike(columns: OptionColumns, at: number): boolean {
  const strike = columns.strikes[at] as number;
  // Call and put of a strike are neighbours in most chains.
  if (strike === work.strike) return work.isNear;
  const { forward } = work;
  const distance = Math.abs(forward - strike);
  const unit = Math.sqrt(forward * strike);
  const inverseUnit = 1 / unit;
  const larger = Math.max(forward, strike);
  const smaller = Math.min(forward, strike);
  work.strike = strike;
  work.unit = unit;
  work.inverseUnit = inverseUnit;
  work.distance = distance * inverseUnit;
  work.growth = larger * inverseUnit;
  work.shrinkage = smaller * inverseUnit;
  const inverseSum = 1 / (forward + strike);
  const z = distance * inverseSum;
  const z2 = z * z;
  if (z2 >= NEAR_SQUARE_TO) {
    work.logDistance = ln(larger / smaller);
    work.isNear = false;
    return false;
  }
  // ln F/K = 2 artanh(z), by its series.
  const z4 = z2 * z2;
  const z8 = z4 * z4;
  let series = 1 / 9 + z2 * (1 / 11) + z4 * (1 / 13 + z2 * (1 / 15));
  if (z2 > SHORT_SQUARE_TO) {
    series += z8 * (1 / 17 + z2 * (1 / 19) + z4 * (1 / 21 + z2 * (1 / 23)) + z8 * (1 / 25 + z2 * (1 / 27)));
  }
  series = 1 + z2 * (1 / 3) + z4 * (1 / 5 + z2 * (1 / 7)) + z8 * series;
  const factor = 2 * inverseSum * series;
  work.logDistance = distance * factor;
  work.logPerDistance = unit * factor;
  work.isNear = true;
  return true;
}

/**
 * Takes a price into the work as that of the strike's out-of-the-money leg: in the money, what exercise is worth is
 * taken off. Call after prepareStrike.
 */
export function preparePrice(columns: OptionColumns, at: number): OptionStatus {
  const price = columns.prices[at] as number;
  if (!(price > 0)) return price === 0 ? OPTION_STATUS.noPrice : OPTION_STATUS.badPrice;
  if (price === Number.POSITIVE_INFINITY) return OPTION_STATUS.badPrice;
  const { forward, strike, inverseUnit } = work;
  const intrinsic = columns.isPut[at] !== 0 ? strike - forward : forward - strike;
  let value = price * work.inverseDiscount;
  if (intrinsic > 0) {
    value -= intrinsic;
    const rounding = MACHINE_EPSILON * (forward + strike);
    if (value < -rounding) return OPTION_STATUS.belowIntrinsic;
    if (value <= rounding || value <= work.timeValueMin) return OPTION_STATUS.noTimeValue;
  }
  const bound = Math.min(forward, strike);
  const room = bound - value;
  if (!(room > MACHINE_EPSILON * bound)) return OPTION_STATUS.aboveMaximum;
  const scaled = value * inverseUnit;
  if (scaled < OPTION_TIME_VALUE_MIN) return OPTION_STATUS.noTimeValue;
  work.price = scaled;
  work.room = room * inverseUnit;
  return OPTION_STATUS.ok;
}
