import { describe, expect, it } from 'vitest';
import { lineThrough } from './least-squares.ts';

describe('lineThrough', () => {
  it('finds the line that points are on', () => {
    const { slope, intercept, r2 } = lineThrough([
      [1, 5],
      [2, 7],
      [10, 23],
    ]);
    expect(slope).toBeCloseTo(2);
    expect(intercept).toBeCloseTo(3);
    expect(r2).toBeCloseTo(1);
  });

  it('says how far points are from a line', () => {
    // By hand: means 2 and 2, sums of squares 2 and 2, of products 1.
    expect(
      lineThrough([
        [1, 2],
        [2, 1],
        [3, 3],
      ]),
    ).toEqual({ slope: 0.5, intercept: 1, r2: 0.25 });
  });

  it('calls points of one height a line', () => {
    expect(
      lineThrough([
        [0, 4],
        [1, 4],
      ]),
    ).toEqual({ slope: 0, intercept: 4, r2: 1 });
  });

  it.each([
    [[]],
    [[[1, 1]]],
    [
      [
        [1, 1],
        [1, 2],
      ],
    ],
  ] as [readonly (readonly [number, number])[]][])('refuses %j', (points) => {
    expect(() => lineThrough(points)).toThrow(RangeError);
  });
});
