// The total deviation of any option, however far from the money: Halley's method on the logarithm of its price.
import { exp, ln, millsRatio } from './elementary.ts';
import { normalDeviation } from './first-guess.ts';

const INVERSE_SQRT_2PI = 0.3989422804014327;
/** sqrt(pi / 2). */
const MILLS_AT_0 = 1.2533141373155003;
/** A step cubes the relative error, so that after one smaller than this nothing but rounding is left. */
const LAST_STEP = 1e-6;
/** Reached by nothing known; each step that leaves its bracket halves it, so that the end is never far. */
const STEPS_MAX = 100;
const TWO_OVER_PI = 0.6366197723675814;
/** Of Winitzki's formula for the inverse error function. */
const WINITZKI = 0.147;

/** Half the deviation, below the inflection: the normal model's guess, once corrected for the lognormal one's curvature. */
function guessBelow(x: number, price: number): number {
  const half = 0.5 * normalDeviation(price, x);
  return 0.5 * normalDeviation(price * exp(0.5 * half * half), x);
}

/** Half the deviation, from a normal tail that holds `room`, by Winitzki's formula: at the money right to 0.5 %. */
function guessAbove(x: number, room: number): number {
  const growth = exp(0.5 * x);
  const tail = room / (growth + 1 / growth);
  const log = ln(4 * tail * (1 - tail));
  const middle = TWO_OVER_PI / WINITZKI + 0.5 * log;
  return Math.sqrt(2 * (Math.sqrt(middle * middle - log / WINITZKI) - middle));
}

/**
 * Total deviation s of an out-of-the-money option, forward and strike scaled to a product of 1: `x` = |ln F/K| >= 0,
 * `price` its price, `room` what is missing to its upper bound e^(-x/2). Both must be > 0.
 * Below the inflection sqrt(2x) of the price the root of ln price is sought, above it that of ln room: there each is
 * nearly a power or a square of s, its sum has no cancelling terms, and every argument of the Mills ratio is >= 0.
 */
export function generalDeviation(x: number, price: number, room: number): number {
  const inflection = Math.sqrt(2 * x);
  const roomThere = INVERSE_SQRT_2PI * exp(-0.5 * x) * (MILLS_AT_0 + millsRatio(inflection));
  const isBelow = room > roomThere;
  let low = isBelow ? 0 : inflection;
  let high = isBelow ? inflection : Number.POSITIVE_INFINITY;
  const target = ln((isBelow ? price : room) / INVERSE_SQRT_2PI);
  // Doubled here, which tells V8 that it is a number: what a call returns would be allocated in every turn of the loop.
  let s = 2 * (isBelow ? guessBelow(x, price) : guessAbove(x, room));
  if (!(s > low)) s = isBelow ? 0.5 * high : low + 0.25;
  if (!(s < high)) s = 0.99 * high;
  for (let steps = 0; steps < STEPS_MAX; steps++) {
    const u = x / s;
    const t = 0.5 * s;
    const near = millsRatio(isBelow ? Math.max(0, u - t) : Math.max(0, t - u));
    const far = millsRatio(u + t);
    const value = isBelow ? near - far : near + far;
    const excess = target - (ln(value) - 0.5 * (u * u + t * t));
    const newton = isBelow ? excess * value : -excess * value;
    const bend = (u * u) / s - 0.5 * t + (isBelow ? -1 : 1) / value;
    let next = s + newton / Math.max(0.25, 1 + 0.5 * newton * bend);
    if (newton > 0) low = s;
    else high = s;
    const isLast = Math.abs(next - s) < LAST_STEP * s;
    if (!isLast && !(next > low && next < high)) {
      next = high === Number.POSITIVE_INFINITY ? 2 * s : 0.5 * (low + high);
    }
    s = next;
    if (isLast) break;
  }
  return s;
}
