// Black's model to 100 digits, by its textbook formulas: price, Greeks, the root of a price and how well it is determined.
import { BigFloat, exp, ln, ONE } from '../../../../dev/greeks/big-float.ts';
import { millsRatio, normalCdf, normalDensity } from '../../../../dev/greeks/mills-ratio.ts';

export interface ExactTerms {
  readonly forward: number;
  readonly strike: number;
  readonly years: number;
  readonly rate: number;
  readonly isPut: boolean;
}

function discountOf({ rate, years }: ExactTerms): BigFloat {
  return exp(BigFloat.of(rate).times(years).neg());
}

function d1Of({ forward, strike }: ExactTerms, deviation: BigFloat): BigFloat {
  return ln(BigFloat.ratio(forward, strike)).div(deviation).add(deviation.scale(-1));
}

interface ExactValue {
  readonly price: number;
  readonly delta: number;
  readonly gamma: number;
  readonly thetaPerDay: number;
  readonly vegaPerPoint: number;
  readonly rhoPerPoint: number;
}

/** Units of OptionColumns; each number is the nearest double. */
export function exactValue(terms: ExactTerms, volatilityPercent: number): ExactValue {
  const { forward, strike, years, rate, isPut } = terms;
  const sign = isPut ? -1 : 1;
  const volatility = BigFloat.of(volatilityPercent).div(BigFloat.of(100));
  const sqrtYears = BigFloat.of(years).sqrt();
  const deviation = volatility.mul(sqrtYears);
  const d1 = d1Of(terms, deviation);
  const discount = discountOf(terms);
  const delta = discount.mul(normalCdf(d1.times(sign))).times(sign);
  const strikePart = discount.mul(normalCdf(d1.sub(deviation).times(sign))).times(sign * strike);
  const price = delta.times(forward).sub(strikePart);
  const density = discount.mul(normalDensity(d1));
  const vega = density.times(forward).mul(sqrtYears);
  const decay = vega.mul(volatility).div(BigFloat.of(2 * years));
  const theta = price.times(rate).sub(decay);
  return {
    price: price.toNumber(),
    delta: delta.toNumber(),
    gamma: density.div(deviation.times(forward)).toNumber(),
    thetaPerDay: theta.div(BigFloat.of(365)).toNumber(),
    vegaPerPoint: vega.div(BigFloat.of(100)).toNumber(),
    rhoPerPoint: price.times(-years).div(BigFloat.of(100)).toNumber(),
  };
}

/** The out-of-the-money value in units of sqrt(FK), and its derivative by the deviation. */
function scaledValue(x: BigFloat, deviation: BigFloat): { value: BigFloat; vega: BigFloat } {
  const u = x.div(deviation);
  const t = deviation.scale(-1);
  const vega = normalDensity(u).mul(exp(t.mul(t).scale(-1).neg()));
  return { value: vega.mul(millsRatio(u.sub(t)).sub(millsRatio(u.add(t)))), vega };
}

interface ExactRoot {
  /** The nearest double to the volatility that gives exactly the price. */
  readonly volatilityPercent: number;
  /** Relative change of the volatility per relative rounding of the price's parts. */
  readonly condition: number;
}

/** Undefined when the price determines none: no time value but rounding, or none below its upper bound. */
export function exactRoot(terms: ExactTerms, price: number, guessPercent: number): ExactRoot | undefined {
  const { forward, strike, years, isPut } = terms;
  const undiscounted = BigFloat.of(price).div(discountOf(terms));
  const intrinsic = isPut ? BigFloat.of(strike).plus(-forward) : BigFloat.of(forward).plus(-strike);
  const rounding = BigFloat.of(2 * 2 ** -52 * (forward + strike));
  const isInside = intrinsic.sign > 0;
  const timeValue = isInside ? undiscounted.sub(intrinsic) : undiscounted;
  const least = Math.min(forward, strike);
  if (timeValue.compare(isInside ? rounding : BigFloat.of(0)) <= 0) return undefined;
  if (
    BigFloat.of(least)
      .sub(timeValue)
      .compare(BigFloat.of(2 * 2 ** -52 * least)) <= 0
  )
    return undefined;
  const target = timeValue.div(BigFloat.of(forward).times(strike).sqrt());
  const x = ln(BigFloat.ratio(Math.max(forward, strike), least));
  const sqrtYears = BigFloat.of(years).sqrt();
  let deviation = BigFloat.of(guessPercent / 100).mul(sqrtYears);
  for (let i = 0; i < 200; i++) {
    const { value, vega } = scaledValue(x, deviation);
    const step = ln(target.div(value)).mul(value).div(vega);
    const isLong = step.abs().compare(deviation.scale(-1)) > 0;
    deviation = isLong ? deviation.scale(step.sign > 0 ? 1 : -1) : deviation.add(step);
    if (step.magnitude - deviation.magnitude < -200) break;
  }
  const sign = isPut ? -1 : 1;
  const d1 = d1Of(terms, deviation).times(sign);
  const discount = discountOf(terms);
  const parts = normalCdf(d1)
    .times(forward)
    .add(normalCdf(d1.sub(deviation.times(sign))).times(strike))
    .mul(discount)
    .plus(price);
  const scale = normalDensity(d1).mul(discount).times(forward).mul(deviation);
  const condition = parts.div(scale);
  return {
    volatilityPercent: deviation.div(sqrtYears).times(100).toNumber(),
    condition: condition.compare(ONE.scale(900)) > 0 ? Number.MAX_VALUE : condition.toNumber(),
  };
}
