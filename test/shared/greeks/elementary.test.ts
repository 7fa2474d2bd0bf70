import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import * as exact from '../../../dev/greeks/big-float.ts';
import * as exactMills from '../../../dev/greeks/mills-ratio.ts';
import { buildTableFiles } from '../../../dev/greeks/tables.ts';
import { RandomStream } from '../../../ingest/simulator/core/random.ts';
import { exp, ln, millsRatio } from '../../../shared/greeks/elementary.ts';

const EPSILON = 2 ** -52;
const { BigFloat } = exact;
const random = new RandomStream(1);

/** The largest |of(x) - exactOf(x)| / size(exactOf(x)), in units of 2^-52. */
function worstError(
  inputs: readonly number[],
  of: (x: number) => number,
  exactOf: (x: exact.BigFloat) => exact.BigFloat,
  size: (value: number) => number = Math.abs,
): number {
  const errors = inputs.map((x) => {
    const truth = exactOf(BigFloat.of(x));
    return BigFloat.of(of(x)).sub(truth).toNumber() / size(truth.toNumber());
  });
  return Math.max(...errors.map(Math.abs)) / EPSILON;
}

function inputs(count: number, of: (unit: number) => number): number[] {
  return Array.from({ length: count }, () => of(random.unit()));
}

describe('tables', () => {
  it('are what their generator writes', { timeout: 60_000 }, () => {
    for (const { path, text } of buildTableFiles()) {
      const checkedIn = readFileSync(new URL(`../../../${path}`, import.meta.url), 'utf8');
      expect(checkedIn === text, path).toBe(true);
    }
  });
});

describe('elementary functions', () => {
  it('has the exponential to 1 unit of 2^-52, over all of its range', () => {
    const samples = [0, -0, 1, -1, -708, 709, ...inputs(1_500, (unit) => 1_400 * unit - 700)];
    expect(worstError([...samples, ...inputs(500, (unit) => unit - 0.5)], exp, exact.exp)).toBeLessThan(1);
    expect([exp(0), exp(-0)]).toEqual([1, 1]);
    expect([exp(-709), exp(Number.NEGATIVE_INFINITY), exp(Number.NaN)]).toEqual([0, 0, 0]);
    expect([exp(710), exp(Number.POSITIVE_INFINITY)]).toEqual([
      Number.POSITIVE_INFINITY,
      Number.POSITIVE_INFINITY,
    ]);
  });

  it('has the logarithm to 1.25 units of 2^-52, of all doubles above zero', () => {
    const samples = [
      ...[1, 2, 0.5, Number.MIN_VALUE, 2 ** -1022, Number.MAX_VALUE, 1 + EPSILON, 1 - EPSILON / 2],
      ...inputs(1_000, (unit) => Math.exp(1_400 * unit - 700)),
      ...inputs(1_000, (unit) => 0.25 + 3 * unit),
    ];
    expect(worstError(samples, ln, exact.ln, (log) => Math.max(Math.abs(log), 0.25))).toBeLessThan(1.25);
  });

  it('has the Mills ratio to two, of all numbers above zero', () => {
    const samples = [
      0,
      1e-300,
      1e5,
      1e8,
      ...inputs(800, (unit) => 10 * unit),
      ...inputs(400, (unit) => 2 / unit),
    ];
    expect(worstError(samples, millsRatio, exactMills.millsRatio)).toBeLessThan(2);
  });
});

describe('exact arithmetic', () => {
  it('knows constants and values of the distribution to the last bit of a double', () => {
    expect([exact.PI.toNumber(), exact.LN2.toNumber()]).toEqual([Math.PI, Math.LN2]);
    // Published values: N(-1), N(-5), N(-10), M(1).
    expect(exactMills.normalCdf(BigFloat.of(-1)).toNumber()).toBe(0.15865525393145705);
    expect(exactMills.normalCdf(BigFloat.of(-5)).toNumber()).toBe(2.866515718791939e-7);
    expect(exactMills.normalCdf(BigFloat.of(-10)).toNumber()).toBe(7.619853024160525e-24);
    expect(exactMills.millsRatio(BigFloat.of(1)).toNumber()).toBe(0.6556795424187984);
  });

  it('has the series and the continued fraction of the Mills ratio meet', () => {
    const [below, above] = [7.999_999, 8].map((z) => exactMills.millsRatio(BigFloat.of(z)));
    const slope = below!
      .sub(above!)
      .div(BigFloat.of(8 - 7.999_999))
      .toNumber();
    const expected = 1 - 8 * above!.toNumber();
    expect(slope / expected - 1).toBeLessThan(1e-6);
  });

  it.each([0.1, 1 / 3, 5e-324, 2.2e-308, 1.7e308, -123.456])('holds %s, and rounds it back', (value) => {
    expect(BigFloat.of(value).toNumber()).toBe(value);
    expect(BigFloat.of(value).times(3).div(BigFloat.of(3)).toNumber()).toBe(value);
    expect(
      BigFloat.of(Math.abs(value))
        .sqrt()
        .mul(BigFloat.of(Math.abs(value)).sqrt())
        .toNumber(),
    ).toBe(Math.abs(value));
  });

  it('rounds ties to even, and adds what differs by many bits', () => {
    expect(
      BigFloat.of(1)
        .plus(2 ** -53)
        .toNumber(),
    ).toBe(1);
    expect(
      BigFloat.of(1 + EPSILON)
        .plus(2 ** -53)
        .toNumber(),
    ).toBe(1 + 2 * EPSILON);
    expect(
      BigFloat.of(1)
        .plus(2 ** -53)
        .plus(2 ** -200)
        .toNumber(),
    ).toBe(1 + EPSILON);
    expect(() => BigFloat.of(Number.NaN)).toThrow('NaN is no finite number');
  });
});
