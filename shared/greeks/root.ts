// The total deviation that gives an option its price, and its value's derivatives there.
import { evaluate } from './evaluation.ts';
import { lognormalCorrection, normalDeviation } from './first-guess.ts';
import { generalDeviation } from './general-root.ts';
import { work as sharedWork } from './work.ts';

// A constant of this module: V8 looks imported ones up at every use.
const work = sharedWork;

/** The one-step root is for smaller deviations than this. */
const STEP_DEVIATION_TO = 0.75;

/**
 * The deviation that gives the work's price, near the money: a guess that is right to 1e-8, then one step of Halley's
 * method on the logarithm of the price, which cubes that error. What was evaluated at the guess is moved to the root by
 * its derivatives. False when the guess is outside of where that holds.
 */
function solveByOneStep(): boolean {
  const { distance, logDistance, price } = work;
  const normal = normalDeviation(price, distance);
  const correction = lognormalCorrection(normal * normal, logDistance * logDistance);
  const guess = normal * work.logPerDistance * correction;
  if (!(guess < STEP_DEVIATION_TO)) return false;
  work.deviation = guess;
  evaluate();
  const { u, t, vega, inverseDeviation } = work;
  const inverseValue = 1 / work.value;
  const error = price * inverseValue - 1;
  const logError = error * (1 - error * (0.5 - error * (1 / 3 - error * 0.25)));
  const newton = logError * work.valuePerVega;
  const bend = u * u * inverseDeviation - 0.5 * t - vega * inverseValue;
  const step = newton * (1 - 0.5 * newton * bend);
  const relative = step * inverseDeviation;
  work.deviation = guess + step;
  work.inverseDeviation = inverseDeviation * (1 - relative * (1 - relative));
  const near = vega * work.growth * (u + t) * relative;
  work.nearTail += near;
  work.nearRest -= near;
  work.farTail += vega * work.shrinkage * (u - t) * relative;
  const growth = (u * u - t * t) * relative;
  work.vega = vega * (1 + growth * (1 + 0.5 * growth));
  return true;
}

/** The deviation of the work's price, and all else there. `isNear` is what prepareStrike has said. */
export function solve(isNear: boolean): void {
  if (isNear && solveByOneStep()) return;
  work.deviation = generalDeviation(work.logDistance, work.price, work.room);
  evaluate();
}
