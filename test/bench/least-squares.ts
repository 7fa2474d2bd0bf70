// The straight line through measured points, and how straight they are.

export interface Line {
  readonly slope: number;
  readonly intercept: number;
  /** Share of the variance of y that the line explains: 1 when all points are on it. */
  readonly r2: number;
}

export type Point = readonly [x: number, y: number];

/** Least squares of y over x. Throws RangeError unless there are two points that differ in x. */
export function lineThrough(points: readonly Point[]): Line {
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const meanX = mean(points.map(([x]) => x));
  const meanY = mean(points.map(([, y]) => y));
  let [xx, xy, yy] = [0, 0, 0];
  for (const [x, y] of points) {
    xx += (x - meanX) ** 2;
    xy += (x - meanX) * (y - meanY);
    yy += (y - meanY) ** 2;
  }
  if (!(xx > 0)) throw new RangeError(`no line through ${points.length} points without two values of x`);
  const slope = xy / xx;
  // Points that all have the same y are on their line.
  return { slope, intercept: meanY - slope * meanX, r2: yy === 0 ? 1 : (xy * xy) / (xx * yy) };
}
