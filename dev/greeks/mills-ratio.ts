// The Mills ratio of the normal distribution to 100 digits: M(z) = (1 - N(z)) / n(z).
import { BigFloat, exp, ONE, SQRT_2PI, ZERO } from './big-float.ts';

/** Above it the continued fraction needs few steps, below it the series cancels little. */
const SERIES_MAX = 8;
const DIGITS_LOG = 260;

/** n(z), the density. */
export function normalDensity(z: BigFloat): BigFloat {
  return exp(z.mul(z).scale(-1).neg()).div(SQRT_2PI);
}

/** M(z) = sqrt(pi/2) e^(z²/2) - z - z³/3 - z⁵/15 - ... */
function millsSeries(z: BigFloat): BigFloat {
  const square = z.mul(z);
  let term = z;
  let sum = ZERO;
  for (let k = 3; term.magnitude > -480; k += 2) {
    sum = sum.add(term);
    term = term.mul(square).div(BigFloat.of(k));
  }
  return SQRT_2PI.scale(-1)
    .mul(exp(square.scale(-1)))
    .sub(sum);
}

/** M(z) = 1/(z + 1/(z + 2/(z + 3/(z + ...)))), whose error after n steps falls as exp(-2 z sqrt(2n)). */
function millsFraction(z: BigFloat): BigFloat {
  const root = DIGITS_LOG / (2 * z.toNumber());
  let tail = z;
  for (let k = Math.ceil((root * root) / 2) + 40; k > 0; k--) tail = z.add(BigFloat.of(k).div(tail));
  return ONE.div(tail);
}

/** M(z) for every z; for z << 0 it grows as e^(z²/2). */
export function millsRatio(z: BigFloat): BigFloat {
  if (z.sign < 0) {
    return SQRT_2PI.mul(exp(z.mul(z).scale(-1))).sub(millsRatio(z.neg()));
  }
  return z.toNumber() < SERIES_MAX ? millsSeries(z) : millsFraction(z);
}

/** N(z), the distribution function, exact also far below zero. */
export function normalCdf(z: BigFloat): BigFloat {
  if (z.sign > 0) return ONE.sub(normalCdf(z.neg()));
  return normalDensity(z).mul(millsRatio(z.neg()));
}

/** The first odd moments of e^(-zw - w²/2) over w > 0, for z >= 0: m1 = 1 - z M, m3 = (z² + 3) m1 - 1. */
export function oddMoments(z: BigFloat): { m0: BigFloat; m1: BigFloat; m3: BigFloat } {
  const m0 = millsRatio(z);
  const m1 = ONE.sub(z.mul(m0));
  return { m0, m1, m3: z.mul(z).plus(3).mul(m1).sub(ONE) };
}
