// What the Greeks kernel looks up (shared/greeks/*-table*.ts), computed to 100 digits and rounded once.
import { BigFloat, exp, LN2, ln, ONE, SQRT_2PI, ZERO } from './big-float.ts';
import { piecewisePolynomials, solveLinear } from './linear-system.ts';
import { millsRatio, normalDensity, oddMoments } from './mills-ratio.ts';

const LINE_WIDTH = 110;
const EXP_STEPS = 64;
const LN_STEPS = 128;
/** Bits of a reciprocal in the table of logarithms: so few that a product with 32 bits is exact. */
const RECIPROCAL_BITS = 9;
const MILLS_PIECES = 64;
const NEAR = { from: 0, to: 0.9, pieces: 32, degree: 5 } as const;
const FAR = { from: 2.5, to: 42.5, pieces: 80, degree: 5 } as const;

interface TableFile {
  /** From the project's root. */
  readonly path: string;
  readonly text: string;
}

function constant(name: string, about: string, value: number): string {
  return `/** ${about} */\nexport const ${name} = ${value};\n`;
}

/** As the formatter writes it: a list of numbers fills its lines. */
function list(name: string, about: string, values: readonly number[]): string {
  const lines: string[] = [];
  let line = ' ';
  for (const value of values) {
    if (line.length + 1 + `${value},`.length > LINE_WIDTH) {
      lines.push(line);
      line = ' ';
    }
    line += ` ${value},`;
  }
  lines.push(line);
  return `/** ${about} */\nexport const ${name} = new Float64Array([\n${lines.join('\n')}\n]);\n`;
}

function file(name: string, about: string, parts: readonly string[]): TableFile {
  const heading = `// ${about} Made by dev/greek-tables.ts: change that, not this.\n`;
  return { path: `shared/greeks/${name}.ts`, text: `${heading}\n${parts.join('\n')}` };
}

/** The double at or below, with its last `zeros` bits zero: multiples of it by small integers are exact. */
function truncated(value: BigFloat, zeros: number): number {
  const keep = 53 - zeros;
  const shift = keep - 1 - value.magnitude;
  return Math.floor(value.scale(shift).toNumber()) * 2 ** -shift;
}

function elementaryTables(): TableFile {
  const stepHigh = truncated(LN2.scale(-6), 16);
  const ln2High = truncated(LN2, 12);
  const powers = Array.from({ length: EXP_STEPS }, (_, j) =>
    exp(LN2.times(j).div(BigFloat.of(EXP_STEPS)))
      .scale(52)
      .toNumber(),
  );
  const reciprocals = Array.from({ length: LN_STEPS }, (_, j) => {
    const middle = 1 + (j + 0.5) / LN_STEPS;
    return Math.round(2 ** RECIPROCAL_BITS / middle) / 2 ** RECIPROCAL_BITS;
  });
  const logs = reciprocals.map((reciprocal) => ln(BigFloat.of(reciprocal)).neg().toNumber());
  return file('elementary-tables', 'Tables of the exponential and the logarithm.', [
    constant('LN2_64TH_INVERSE', '64 / ln 2.', BigFloat.of(64).div(LN2).toNumber()),
    constant('LN2_64TH_HIGH', 'ln 2 / 64, its last 16 bits zero.', stepHigh),
    constant('LN2_64TH_LOW', 'What is missing from it.', LN2.scale(-6).plus(-stepHigh).toNumber()),
    constant('LN2_HIGH', 'ln 2, its last 12 bits zero.', ln2High),
    constant('LN2_LOW', 'What is missing from it.', LN2.plus(-ln2High).toNumber()),
    list('POWERS', '2^(52 + j/64): whole numbers of 53 bits.', powers),
    list('RECIPROCALS', 'About 1 / (1 + (j + 1/2) / 128), in 9 bits.', reciprocals),
    list('LOGS', 'Minus the logarithms of RECIPROCALS.', logs),
  ]);
}

/** Over y = 2/(2+z): M(z)(2+z), m1(z)(2+z)², m3(z)(2+z)⁴; their limits at y = 0 are 1, 1 and 6. */
function millsTable(): TableFile {
  const layout = { from: 0, to: 1, pieces: MILLS_PIECES, degree: 7 };
  const moments = new Map<number, ReturnType<typeof oddMoments>>();
  const tables = [1, 2, 4].map((power, which) =>
    piecewisePolynomials(layout, (y) => {
      const sum = BigFloat.of(2).div(y);
      const key = y.toNumber();
      const known = moments.get(key) ?? oddMoments(sum.plus(-2));
      moments.set(key, known);
      let value = [known.m0, known.m1, known.m3][which] as BigFloat;
      for (let k = 0; k < power; k++) value = value.mul(sum);
      return value;
    }),
  );
  const rows = Array.from({ length: MILLS_PIECES }, (_, piece) =>
    tables.flatMap((pieces) => pieces[piece] as number[]),
  ).flat();
  const about =
    'By piece of y = 2/(2+z): coefficients of M(z)(2+z), m1(z)(2+z)^2 and m3(z)(2+z)^4, 8 each, in t from -1 to 1.';
  return file('mills-table', "The Mills ratio's and its moments' table.", [list('MILLS', about, rows)]);
}

/** u of the share w = 1 / (2 price + 1) that the distance has in the straddle, by Newton's method. */
function deviationsOfShare(w: BigFloat): BigFloat {
  const guess = w.toNumber();
  let u = BigFloat.of(guess < 0.9 ? (0.9 * guess) / (1 - 0.55 * guess) : 1.3 + 5 * (guess - 0.9));
  for (let i = 0; i < 60; i++) {
    const density = normalDensity(u);
    const straddle = u.add(density.mul(oddMoments(u).m1).scale(1));
    const error = u.div(straddle).sub(w);
    const step = error.mul(straddle).mul(straddle).div(density.scale(1));
    u = u.sub(step);
    if (step.magnitude < -180) return u;
  }
  throw new Error(`no root for the share ${guess}`);
}

/** u of v = sqrt(-2 ln price), by Newton's method. */
function deviationsOfLog(v: BigFloat): BigFloat {
  const target = v.mul(v).scale(-1);
  let u = v.sub(ONE);
  for (let i = 0; i < 60; i++) {
    const { m1 } = oddMoments(u);
    const error = u
      .mul(u)
      .scale(-1)
      .add(ln(SQRT_2PI.mul(u).div(m1)))
      .sub(target);
    const step = error.mul(u).mul(m1);
    u = u.sub(step);
    if (u.toNumber() < 0.2) u = BigFloat.of(0.2);
    if (step.magnitude < -180) return u;
  }
  throw new Error(`no root for ${v.toNumber()}`);
}

/** Octaves of price / distance that a table of their own covers, from this power of two on, in 4 pieces each. */
const RATIO = { fromPower: -40, octaves: 44, pieces: 4, degree: 5 } as const;

/** Deviation over distance, 1/u, by price / distance: one look-up where both are of a size, as for most options. */
function ratioTable(): TableFile {
  const octaves = Array.from({ length: RATIO.octaves }, (_, octave) => {
    const from = 2 ** (RATIO.fromPower + octave);
    return piecewisePolynomials({ ...RATIO, from, to: 2 * from }, (ratio) => {
      const share = ONE.div(ratio.scale(1).plus(1));
      const isNear = share.mul(share).toNumber() < NEAR.to;
      const u = isNear ? deviationsOfShare(share) : deviationsOfLog(ln(ratio).scale(1).neg().sqrt());
      return ONE.div(u);
    });
  });
  return file('ratio-table', 'Table of the first guess of most volatilities.', [
    constant('RATIO_FROM', 'The least price / distance in the table.', 2 ** RATIO.fromPower),
    constant('RATIO_TO', 'Where the table ends.', 2 ** (RATIO.fromPower + RATIO.octaves)),
    list(
      'RATIOS',
      `${RATIO.octaves} octaves of price / distance, ${RATIO.pieces} pieces each, of deviation / distance.`,
      octaves.flat(2),
    ),
  ]);
}

/** Powers [of the normal deviation squared, of x squared] in the correction from the normal to the lognormal model. */
const CORRECTION_POWERS = [1, 2, 3, 4].flatMap((i) =>
  [0, 1, 2, 3].filter((j) => i + j <= 4).map((j) => [i, j] as const),
);

function power(base: BigFloat, exponent: number): BigFloat {
  return exponent === 0 ? ONE : base.mul(power(base, exponent - 1));
}

/** The out-of-the-money price with forward and strike scaled to a product of 1; x = |ln F/K|, s the total deviation. */
function lognormalPrice(x: BigFloat, s: BigFloat): BigFloat {
  const u = x.div(s);
  const t = s.scale(-1);
  const density = exp(u.mul(u).add(t.mul(t)).scale(-1).neg()).div(SQRT_2PI);
  return density.mul(millsRatio(u.sub(t)).sub(millsRatio(u.add(t))));
}

/** [normal deviation, lognormal deviation] that give one price at distance x. */
function correctionSample(x: BigFloat, s: BigFloat): { square: BigFloat; excess: BigFloat } {
  const price = lognormalPrice(x, s);
  if (x.sign === 0) {
    const normal = price.mul(SQRT_2PI);
    return { square: normal.mul(normal), excess: s.div(normal).plus(-1) };
  }
  const growth = exp(x.scale(-1));
  const distance = growth.sub(ONE.div(growth));
  const share = distance.div(price.scale(1).add(distance));
  const isNear = share.mul(share).toNumber() < NEAR.to;
  const u = isNear
    ? deviationsOfShare(share)
    : deviationsOfLog(ln(price.div(distance)).scale(1).neg().sqrt());
  const normal = distance.div(u);
  return { square: normal.mul(normal), excess: s.mul(u).div(x).plus(-1) };
}

/** Least squares of the relative correction, weighted so that small deviations count as much as large ones. */
function correction(): number[] {
  const size = CORRECTION_POWERS.length;
  const matrix = Array.from({ length: size }, () => Array.from({ length: size }, () => ZERO));
  const right = Array.from({ length: size }, () => ZERO);
  for (let i = 1; i <= 15; i++) {
    for (let j = 0; j <= 12; j++) {
      const s = BigFloat.of(i).div(BigFloat.of(25));
      const x = BigFloat.of(j).div(BigFloat.of(25));
      if (j / i > 7) continue;
      const { square, excess } = correctionSample(x, s);
      const terms = CORRECTION_POWERS.map(([a, b]) => power(square, a - 1).mul(power(x.mul(x), b)));
      const value = excess.div(square);
      terms.forEach((term, at) => {
        right[at] = (right[at] as BigFloat).add(term.mul(value));
        terms.forEach((other, column) => {
          const row = matrix[at] as BigFloat[];
          row[column] = (row[column] as BigFloat).add(term.mul(other));
        });
      });
    }
  }
  const [solution] = solveLinear(matrix, [right]);
  return (solution as BigFloat[]).map((coefficient) => coefficient.toNumber());
}

function seedTables(): TableFile {
  const near = piecewisePolynomials(NEAR, (square) => {
    const share = square.sqrt();
    return share.div(deviationsOfShare(share));
  });
  const far = piecewisePolynomials(FAR, deviationsOfLog);
  return file('seed-tables', 'Tables of the first guess of a volatility.', [
    constant('NEAR_TO', 'The near table covers squares of the share from 0 to this.', NEAR.to),
    list(
      'NEAR',
      '32 pieces of w / u over w², w the share of the distance in the straddle, u its deviations.',
      near.flat(),
    ),
    constant('FAR_FROM', 'The far table covers sqrt(-2 ln price) from this on, in pieces of 1/2.', FAR.from),
    list('FAR', '80 pieces of u over sqrt(-2 ln(price / distance)).', far.flat()),
    list(
      'CORRECTION',
      `Of a = (normal deviation)² and x²: coefficients of ${CORRECTION_POWERS.map(([i, j]) => `a${i}x${2 * j}`).join(', ')}.`,
      correction(),
    ),
  ]);
}

/** Every generated file; takes some seconds. */
export function buildTableFiles(): TableFile[] {
  return [elementaryTables(), millsTable(), seedTables(), ratioTable()];
}
