// Exponential, logarithm and Mills ratio from tables, with + - * / only: Math.exp and Math.log differ between engines.
import {
  LN2_64TH_HIGH,
  LN2_64TH_INVERSE,
  LN2_64TH_LOW,
  LN2_HIGH,
  LN2_LOW,
  LOGS,
  POWERS,
  RECIPROCALS,
} from './elementary-tables.ts';
import { MILLS } from './mills-table.ts';

/** Adding and subtracting it rounds to a whole number: never let a compiler reorder that. */
const ROUNDER = 1.5 * 2 ** 52;
/** Below it the result would be no normal double. */
const EXP_FROM = -708;
const EXP_TO = 709;
const EXPONENT_MIN = -1022;

// Constants of this module: V8 looks imported ones up at every use.
const powers = POWERS;
const reciprocals = RECIPROCALS;
const logs = LOGS;
/** 2^(i - 1022 - 52), by doubling, which is exact. */
const scales = new Float64Array(2046);
for (let i = 0, scale = 2 ** EXPONENT_MIN / 2 ** 52; i < scales.length; i++, scale *= 2) scales[i] = scale;

/** e^x, relatively within 2^-52; 0 below -708, Infinity above 709. */
export function exp(x: number): number {
  if (!(x >= EXP_FROM)) return 0;
  if (x > EXP_TO) return Number.POSITIVE_INFINITY;
  const whole = x * LN2_64TH_INVERSE + ROUNDER - ROUNDER;
  const rest = x - whole * LN2_64TH_HIGH - whole * LN2_64TH_LOW;
  const k = whole | 0;
  const power = powers[k & 63] as number;
  const square = rest * rest;
  const excess = rest + square * (0.5 + rest * (1 / 6) + square * (1 / 24 + rest * (1 / 120)));
  return (power + power * excess) * (scales[(k >> 6) - EXPONENT_MIN] as number);
}

const double = new Float64Array(1);
const words = new Uint32Array(double.buffer);
/** Where a double's exponent is: the other word on a machine of the other byte order. */
double[0] = 1;
const HIGH = words[1] === 0 ? 0 : 1;
const LOW = 1 - HIGH;
const TWO_54 = 2 ** 54;

/** Natural logarithm of a finite x > 0, subnormals included, within 1.25 x 2^-52 x max(|ln x|, 1/4). */
export function ln(x: number): number {
  double[0] = x;
  let exponent = -1023;
  if ((words[HIGH] as number) < 0x0010_0000) {
    double[0] = x * TWO_54;
    exponent -= 54;
  }
  const high = words[HIGH] as number;
  exponent += high >>> 20;
  words[HIGH] = (high & 0x000f_ffff) | 0x3ff0_0000;
  const mantissa = double[0] as number;
  // The upper half of the mantissa times 9 bits is exact: rounding the product would cost more than all the rest.
  words[LOW] = 0;
  const upper = double[0] as number;
  const j = (high >>> 13) & 127;
  const reciprocal = reciprocals[j] as number;
  const r = upper * reciprocal - 1 + (mantissa - upper) * reciprocal;
  const square = r * r;
  const series =
    square * (-0.5 + r * (1 / 3) + square * (-1 / 4 + r * (1 / 5) + square * (-1 / 6 + r * (1 / 7))));
  return exponent * LN2_HIGH + (logs[j] as number) + (r + (series + exponent * LN2_LOW));
}

const mills = MILLS;
const MILLS_PIECES = 64;
const MILLS_STRIDE = 24;

/** The Mills ratio (1 - N(z)) / n(z) of z >= 0, relatively within 2 x 2^-52. */
export function millsRatio(z: number): number {
  const y = 2 / (2 + z);
  const place = y * MILLS_PIECES;
  let piece = place | 0;
  if (piece >= MILLS_PIECES) piece = MILLS_PIECES - 1;
  const t = 2 * (place - piece) - 1;
  const at = piece * MILLS_STRIDE;
  const t2 = t * t;
  const low = (mills[at] as number) + (mills[at + 1] as number) * t;
  const lower = (mills[at + 2] as number) + (mills[at + 3] as number) * t;
  const upper = (mills[at + 4] as number) + (mills[at + 5] as number) * t;
  const high = (mills[at + 6] as number) + (mills[at + 7] as number) * t;
  return 0.5 * y * (low + lower * t2 + (upper + high * t2) * (t2 * t2));
}
