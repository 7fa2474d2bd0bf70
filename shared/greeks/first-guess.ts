// First guesses of an option's total deviation (volatility x sqrt(years)) from its price, by the normal model.
import { LN2_HIGH, LOGS, RECIPROCALS } from './elementary-tables.ts';
import { RATIO_FROM, RATIO_TO, RATIOS } from './ratio-table.ts';
import { CORRECTION, FAR, FAR_FROM, NEAR, NEAR_TO } from './seed-tables.ts';

// Constants of this module: V8 looks imported ones up at every use.
const near = NEAR;
const far = FAR;
const logs = LOGS;
const reciprocals = RECIPROCALS;
const ratios = RATIOS;
const STRIDE = 6;
const NEAR_PER_UNIT = 32 / NEAR_TO;
const FAR_PER_UNIT = 2;
const FAR_PIECES = 80;

const double = new Float64Array(1);
const words = new Uint32Array(double.buffer);
double[0] = 1;
const HIGH = words[1] === 0 ? 0 : 1;

/** Exponent field of RATIO_FROM, and 8 over the power of two that each octave begins with. */
double[0] = RATIO_FROM;
const RATIO_EXPONENT = (words[HIGH] as number) >>> 20;
const eighths = new Float64Array(64);
for (let at = 0, eighth = 8 / RATIO_FROM; at < eighths.length; at++, eighth /= 2) eighths[at] = eighth;
const ratioFrom = RATIO_FROM;
const ratioTo = RATIO_TO;

/** A polynomial of degree 5 in t, its coefficients at `at`. */
function polynomial(table: Float64Array, at: number, t: number): number {
  const t2 = t * t;
  const low = (table[at] as number) + (table[at + 1] as number) * t;
  const middle = (table[at + 2] as number) + (table[at + 3] as number) * t;
  const high = (table[at + 4] as number) + (table[at + 5] as number) * t;
  return low + (middle + high * t2) * t2;
}

/** Natural logarithm of a normal x > 0 within 1e-12: a guess needs no more, and shorter is in-lined. */
function roughLn(x: number): number {
  double[0] = x;
  const high = words[HIGH] as number;
  words[HIGH] = (high & 0x000f_ffff) | 0x3ff0_0000;
  const j = (high >>> 13) & 127;
  const r = (double[0] as number) * (reciprocals[j] as number) - 1;
  return (
    ((high >>> 20) - 1023) * LN2_HIGH + (logs[j] as number) + r * (1 - r * (0.5 - r * (1 / 3 - r * 0.25)))
  );
}

/** Deviation over straddle, where price and distance are of two sizes. A factor: what is only passed on is allocated. */
function unevenShare(price: number, distance: number): number {
  const share = distance / (2 * price + distance);
  const square = share * share;
  if (square < NEAR_TO) {
    const place = square * NEAR_PER_UNIT;
    const piece = place | 0;
    return polynomial(near, piece * STRIDE, 2 * (place - piece) - 1);
  }
  const place = (Math.sqrt(-2 * roughLn(price / distance)) - FAR_FROM) * FAR_PER_UNIT;
  const piece = Math.min(place | 0, FAR_PIECES - 1);
  return share / polynomial(far, piece * STRIDE, 2 * (place - piece) - 1);
}

/**
 * Deviation, in the unit of `price`, that gives a `price` > 0 to an option at `distance` >= 0 out of the money when the
 * underlying is normally distributed; within about 1e-8 as long as price / distance is above e^-900.
 */
export function normalDeviation(price: number, distance: number): number {
  const ratio = price / distance;
  if (!(ratio >= ratioFrom && ratio < ratioTo)) {
    return (2 * price + distance) * unevenShare(price, distance);
  }
  double[0] = ratio;
  // The exponent is the octave, the two bits below it the piece.
  const piece = ((words[HIGH] as number) >>> 18) - 4 * RATIO_EXPONENT;
  const t = ratio * (eighths[piece >> 2] as number) - (9 + 2 * (piece & 3));
  return distance * polynomial(ratios, piece * STRIDE, t);
}

const [a1, a1x2, a1x4, a1x6, a2, a2x2, a2x4, a3, a3x2, a4] = [...CORRECTION] as [
  number,
  number,
  number,
  number,
  number,
  number,
  number,
  number,
  number,
  number,
];

/** Lognormal over normal deviation x (log distance / distance), from their squares: within 1e-8 for deviations to 0.6. */
export function lognormalCorrection(a: number, x2: number): number {
  const first = a1 + x2 * (a1x2 + x2 * (a1x4 + x2 * a1x6));
  const second = a2 + x2 * (a2x2 + x2 * a2x4);
  return 1 + a * (first + a * (second + a * (a3 + x2 * a3x2 + a * a4)));
}
