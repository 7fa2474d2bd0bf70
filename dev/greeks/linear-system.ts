// Linear equations and polynomials in exact enough arithmetic: how the tables' coefficients are found.
import { BigFloat, ONE, PI, ZERO } from './big-float.ts';

type Row = readonly BigFloat[];

/** Solves A x = b by elimination with pivots, for several right sides at once: `rights[k]` gives the k-th solution. */
export function solveLinear(matrix: readonly Row[], rights: readonly Row[]): BigFloat[][] {
  const size = matrix.length;
  const rows = matrix.map((row, at) => [...row, ...rights.map((right) => right[at] as BigFloat)]);
  for (let column = 0; column < size; column++) {
    const pivot = rows
      .slice(column)
      .reduce((best, row) =>
        (row[column] as BigFloat).abs().compare((best[column] as BigFloat).abs()) > 0 ? row : best,
      );
    rows.splice(rows.indexOf(pivot), 1);
    rows.splice(column, 0, pivot);
    for (const row of rows) {
      if (row === pivot) continue;
      const factor = (row[column] as BigFloat).div(pivot[column] as BigFloat);
      if (factor.sign === 0) continue;
      for (let at = column; at < row.length; at++) {
        row[at] = (row[at] as BigFloat).sub(factor.mul(pivot[at] as BigFloat));
      }
    }
  }
  return rights.map((_, k) => rows.map((row, at) => (row[size + k] as BigFloat).div(row[at] as BigFloat)));
}

/** By its series; |x| is at most pi here. */
function cosine(x: BigFloat): BigFloat {
  const square = x.mul(x).neg();
  let term = ONE;
  let sum = ZERO;
  for (let k = 1; term.magnitude > -400; k += 2) {
    sum = sum.add(term);
    term = term.mul(square).div(BigFloat.of(k * (k + 1)));
  }
  return sum;
}

export interface PieceLayout {
  readonly from: number;
  readonly to: number;
  readonly pieces: number;
  readonly degree: number;
}

/**
 * Interpolates a function at Chebyshev's points of equal intervals. A piece's coefficients are those of powers of t,
 * lowest first, where t runs from -1 to 1 over its interval.
 */
export function piecewisePolynomials(layout: PieceLayout, of: (x: BigFloat) => BigFloat): number[][] {
  const { from, to, pieces, degree } = layout;
  const points = Array.from({ length: degree + 1 }, (_, k) =>
    cosine(PI.times(2 * k + 1).div(BigFloat.of(2 * degree + 2))),
  );
  const vandermonde = points.map((point) => {
    const row = [ONE];
    while (row.length <= degree) row.push((row.at(-1) as BigFloat).mul(point));
    return row;
  });
  const start = BigFloat.of(from);
  const width = BigFloat.of(to - from).div(BigFloat.of(pieces));
  const values = Array.from({ length: pieces }, (_, piece) =>
    points.map((point) => of(start.add(width.mul(point.plus(2 * piece + 1).scale(-1))))),
  );
  return solveLinear(vandermonde, values).map((piece) => piece.map((coefficient) => coefficient.toNumber()));
}
