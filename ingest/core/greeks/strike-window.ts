// The strikes around the money that a synthetic forward needs: they follow the forward, and stay where they are meanwhile.
import { SYNTHETIC_STRIKES_MAX, SYNTHETIC_WINDOW_SLACK_STRIKES } from '../../../shared/limits.ts';

/** Index of the strike next to the price; strikes ascend and are not empty. */
export function nearestStrike(strikes: Float64Array, price: number): number {
  let low = 0;
  let high = strikes.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((strikes[middle] as number) < price) low = middle + 1;
    else high = middle;
  }
  if (low === 0) return 0;
  if (low === strikes.length) return low - 1;
  const [below, above] = [strikes[low - 1] as number, strikes[low] as number];
  return price - below <= above - price ? low - 1 : low;
}

export class StrikeWindow {
  /** Undefined while nothing is known of the underlying. */
  centre: number | undefined;

  /**
   * Moves the window to the price, unless the money is still well inside it: a price that swings between two strikes
   * moves nothing. Returns whether it has moved.
   */
  follow(strikes: Float64Array, price: number): boolean {
    if (strikes.length === 0) return false;
    const nearest = nearestStrike(strikes, price);
    const held = this.centre === undefined ? -1 : nearestStrike(strikes, this.centre);
    if (held >= 0 && Math.abs(nearest - held) <= SYNTHETIC_WINDOW_SLACK_STRIKES) return false;
    this.centre = strikes[nearest];
    return true;
  }

  /** First and last index of the strikes in it, the last one excluded. */
  range(strikes: Float64Array): readonly [from: number, to: number] {
    if (this.centre === undefined || strikes.length === 0) return [0, 0];
    const side = SYNTHETIC_STRIKES_MAX >> 1;
    const nearest = nearestStrike(strikes, this.centre);
    return [Math.max(0, nearest - side), Math.min(strikes.length, nearest + side + 1)];
  }
}
