// An option's value, vega and deltas at a known deviation.
import { exp, millsRatio } from './elementary.ts';
import { MILLS } from './mills-table.ts';
import { work as sharedWork } from './work.ts';

// A constant of this module: V8 looks imported ones up at every use.
const work = sharedWork;
const moments = MILLS;

const INVERSE_SQRT_2PI = 0.3989422804014327;
const MILLS_PIECES = 64;
const MILLS_STRIDE = 24;
/** Half deviations below this take the moments: differences of Mills ratios would lose the digits that t is small by. */
const MOMENTS_HALF_TO = 0.1;
const MOMENTS_SHORT_TO = 0.02;

/** Of a moment's polynomial of degree 7 in the Mills table. */
function momentPolynomial(at: number, t: number, t2: number, t4: number): number {
  const low = (moments[at] as number) + (moments[at + 1] as number) * t;
  const lower = (moments[at + 2] as number) + (moments[at + 3] as number) * t;
  const upper = (moments[at + 4] as number) + (moments[at + 5] as number) * t;
  const high = (moments[at + 6] as number) + (moments[at + 7] as number) * t;
  return low + lower * t2 + (upper + high * t2) * t4;
}

/** Tails and value from two Mills ratios; above t = u from the probabilities, as the nearer argument is negative there. */
function evaluateByDifference(): void {
  const { u, t, vega } = work;
  const farRatio = millsRatio(u + t);
  const nearFactor = vega * work.growth;
  const far = vega * work.shrinkage * farRatio;
  work.farTail = far;
  if (u >= t) {
    const nearRatio = millsRatio(u - t);
    const near = nearFactor * nearRatio;
    work.nearTail = near;
    work.nearRest = 1 - near;
    work.value = vega * (nearRatio - farRatio);
    work.valuePerVega = nearRatio - farRatio;
    return;
  }
  const rest = nearFactor * millsRatio(t - u);
  const value = (1 - rest) * work.shrinkage - far * work.growth;
  work.nearTail = 1 - rest;
  work.nearRest = rest;
  work.value = value;
  work.valuePerVega = value / vega;
}

/** Where no double holds the vega, each tail is all or nothing. */
function evaluateWithoutVega(): void {
  const isAll = work.t > work.u;
  work.nearTail = isAll ? 1 : 0;
  work.nearRest = isAll ? 0 : 1;
  work.farTail = 0;
  work.value = isAll ? work.shrinkage : 0;
  work.valuePerVega = 0;
}

/**
 * Vega, tails and value of the work's strike at its deviation. Small deviations take the Taylor series, in t, of
 * M(u - t) - M(u + t) and of the mean of the two: the derivatives of the Mills ratio M = m0 are its moments,
 * m[k+1] = k m[k-1] - u m[k], of which the odd ones have a recurrence that loses nothing for what is asked.
 * One long function on purpose: V8 in-lines no long ones, and has then room for the small ones in this one.
 */
export function evaluate(): void {
  const { deviation } = work;
  const inverseDeviation = 1 / deviation;
  const u = work.logDistance * inverseDeviation;
  const t = 0.5 * deviation;
  const uu = u * u;
  const tt = t * t;
  const vega = INVERSE_SQRT_2PI * exp(-0.5 * (uu + tt));
  work.inverseDeviation = inverseDeviation;
  work.u = u;
  work.t = t;
  work.vega = vega;
  if (vega === 0) {
    evaluateWithoutVega();
    return;
  }
  if (t >= MOMENTS_HALF_TO) {
    evaluateByDifference();
    return;
  }
  // 2 / (2 + u), without waiting for u.
  const y = (2 * deviation) / (2 * deviation + work.logDistance);
  const place = y * MILLS_PIECES;
  let piece = place | 0;
  if (piece >= MILLS_PIECES) piece = MILLS_PIECES - 1;
  const w = 2 * (place - piece) - 1;
  const w2 = w * w;
  const w4 = w2 * w2;
  const at = piece * MILLS_STRIDE;
  const square = 0.25 * y * y;
  const m0 = 0.5 * y * momentPolynomial(at, w, w2, w4);
  const m1 = square * momentPolynomial(at + 8, w, w2, w4);
  const m3 = square * square * momentPolynomial(at + 16, w, w2, w4);
  const m5 = (uu + 7) * m3 - 6 * m1;
  const m7 = (uu + 11) * m5 - 20 * m3;
  const m2 = m0 - u * m1;
  const m4 = 3 * m2 - u * m3;
  const m6 = 5 * m4 - u * m5;
  let odd = m7 * (1 / 5040);
  let even = m6 * (1 / 720);
  if (t >= MOMENTS_SHORT_TO) {
    const m9 = (uu + 15) * m7 - 42 * m5;
    const m11 = (uu + 19) * m9 - 72 * m7;
    const m8 = 7 * m6 - u * m7;
    const m10 = 9 * m8 - u * m9;
    odd += tt * (m9 * (1 / 362_880) + tt * (m11 * (1 / 39_916_800)));
    even += tt * (m8 * (1 / 40_320) + tt * (m10 * (1 / 3_628_800)));
  }
  const difference = 2 * t * (m1 + tt * (m3 * (1 / 6) + tt * (m5 * (1 / 120) + tt * odd)));
  const mean = m0 + tt * (m2 * 0.5 + tt * (m4 * (1 / 24) + tt * even));
  const near = vega * work.growth * (mean + 0.5 * difference);
  work.nearTail = near;
  work.nearRest = 1 - near;
  work.farTail = vega * work.shrinkage * (mean - 0.5 * difference);
  work.value = vega * difference;
  work.valuePerVega = difference;
}
