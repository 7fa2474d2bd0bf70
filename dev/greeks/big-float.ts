// Binary floating-point numbers of 352 bits (106 digits), for tables and references that must be exact to the last bit of a double.

/** Bits that a mantissa is cut to: far more than the 60 digits that the results need, because formulas cancel. */
const BITS = 352;
const GUARD_BITS = 64;

function bitLength(value: bigint): number {
  const hex = (value < 0n ? -value : value).toString(16);
  return value === 0n ? 0 : 4 * (hex.length - 1) + (32 - Math.clz32(Number.parseInt(hex[0] as string, 16)));
}

/** The square root rounded down, of a value >= 0. */
function integerSqrt(value: bigint): bigint {
  if (value < 2n) return value;
  let root = 1n << BigInt((bitLength(value) + 1) >> 1);
  for (;;) {
    const next = (root + value / root) >> 1n;
    if (next >= root) return root;
    root = next;
  }
}

const bits = new BigUint64Array(1);
const double = new Float64Array(bits.buffer);

/** mantissa x 2^exponent. Immutable; every operation is exact to about 2^-350 relative. */
export class BigFloat {
  readonly mantissa: bigint;
  readonly exponent: number;

  private constructor(mantissa: bigint, exponent: number) {
    const excess = bitLength(mantissa) - BITS;
    this.mantissa = excess > 0 ? mantissa >> BigInt(excess) : mantissa;
    this.exponent = mantissa === 0n ? 0 : excess > 0 ? exponent + excess : exponent;
  }

  /** Exactly the double, which must be finite. */
  static of(value: number): BigFloat {
    if (!Number.isFinite(value)) throw new RangeError(`${value} is no finite number`);
    double[0] = value;
    const word = bits[0] as bigint;
    const field = Number((word >> 52n) & 0x7ffn);
    const fraction = word & 0xf_ffff_ffff_ffffn;
    const mantissa = field === 0 ? fraction : fraction | (1n << 52n);
    return new BigFloat(value < 0 ? -mantissa : mantissa, Math.max(field, 1) - 1075);
  }

  static ratio(top: number, bottom: number): BigFloat {
    return BigFloat.of(top).div(BigFloat.of(bottom));
  }

  get sign(): number {
    return this.mantissa === 0n ? 0 : this.mantissa < 0n ? -1 : 1;
  }

  add(other: BigFloat): BigFloat {
    if (this.mantissa === 0n) return other;
    if (other.mantissa === 0n) return this;
    const [high, low] = this.exponent >= other.exponent ? [this, other] : [other, this];
    const shift = high.exponent - low.exponent;
    // What is that far below the other changes nothing.
    if (shift > 4 * BITS) return high;
    return new BigFloat((high.mantissa << BigInt(shift)) + low.mantissa, low.exponent);
  }

  neg(): BigFloat {
    return new BigFloat(-this.mantissa, this.exponent);
  }

  abs(): BigFloat {
    return this.mantissa < 0n ? this.neg() : this;
  }

  sub(other: BigFloat): BigFloat {
    return this.add(other.neg());
  }

  mul(other: BigFloat): BigFloat {
    return new BigFloat(this.mantissa * other.mantissa, this.exponent + other.exponent);
  }

  /** Times a double, exactly. */
  times(factor: number): BigFloat {
    return this.mul(BigFloat.of(factor));
  }

  /** Plus a double, exactly. */
  plus(term: number): BigFloat {
    return this.add(BigFloat.of(term));
  }

  /** Throws a RangeError when the divisor is 0. */
  div(other: BigFloat): BigFloat {
    const shift = BITS + GUARD_BITS + bitLength(other.mantissa) - bitLength(this.mantissa);
    const wide = shift > 0 ? this.mantissa << BigInt(shift) : this.mantissa;
    return new BigFloat(wide / other.mantissa, this.exponent - other.exponent - Math.max(shift, 0));
  }

  /** Of a value >= 0. */
  sqrt(): BigFloat {
    let shift = Math.max(0, 2 * (BITS + GUARD_BITS) - bitLength(this.mantissa));
    if ((this.exponent - shift) % 2 !== 0) shift++;
    return new BigFloat(integerSqrt(this.mantissa << BigInt(shift)), (this.exponent - shift) / 2);
  }

  compare(other: BigFloat): number {
    return this.sub(other).sign;
  }

  /** Times 2^power. */
  scale(power: number): BigFloat {
    return new BigFloat(this.mantissa, this.exponent + power);
  }

  /** The power of two at or below the value's size: -Infinity for 0. */
  get magnitude(): number {
    return this.mantissa === 0n ? Number.NEGATIVE_INFINITY : this.exponent + bitLength(this.mantissa) - 1;
  }

  /** Nearest integer; only for values that a double holds. */
  round(): number {
    return Math.round(this.toNumber());
  }

  /** The nearest double, ties to even, subnormals included; an overflow is infinite. */
  toNumber(): number {
    if (this.mantissa === 0n) return 0;
    const size = this.mantissa < 0n ? -this.mantissa : this.mantissa;
    const kept = Math.min(53, this.magnitude + 1075);
    if (kept < 0) return 0;
    const drop = bitLength(size) - kept;
    let rounded = drop > 0 ? size >> BigInt(drop) : size << BigInt(-drop);
    if (drop > 0) {
      const rest = size - (rounded << BigInt(drop));
      const half = 1n << BigInt(drop - 1);
      if (rest > half || (rest === half && (rounded & 1n) === 1n)) rounded++;
    }
    const exponent = this.exponent + drop;
    // In two steps, as 2^exponent alone may be no double; both are exact.
    const near = Math.max(exponent, -1022);
    const value = Number(rounded) * 2 ** Math.min(near, 900) * 2 ** Math.max(near - 900, 0);
    return (this.mantissa < 0n ? -value : value) * 2 ** (exponent - near);
  }
}

export const ZERO = BigFloat.of(0);
export const ONE = BigFloat.of(1);

/** Sum of x^(2k+1) s^k / (2k+1) for x = 1/n: arc tangent (s = -1) or its hyperbolic sibling (s = 1). */
function inverseTangent(n: number, s: number): BigFloat {
  let power = ONE.div(BigFloat.of(n));
  const square = BigFloat.of(s).div(BigFloat.of(n * n));
  let sum = ZERO;
  for (let k = 1; power.magnitude > -BITS - GUARD_BITS; k += 2) {
    sum = sum.add(power.div(BigFloat.of(k)));
    power = power.mul(square);
  }
  return sum;
}

/** Machin's formula. */
export const PI = inverseTangent(5, -1).times(16).sub(inverseTangent(239, -1).times(4));
/** ln 2 = 2 artanh(1/3). */
export const LN2 = inverseTangent(3, 1).times(2);
export const SQRT_2PI = PI.times(2).sqrt();

/** Squarings that undo the division of exp's argument. */
const HALVINGS = 12;

export function exp(x: BigFloat): BigFloat {
  const power = x.div(LN2).round();
  const rest = x.sub(LN2.times(power)).scale(-HALVINGS);
  let term = ONE;
  let sum = ONE;
  for (let k = 1; term.magnitude > -BITS - GUARD_BITS; k++) {
    term = term.mul(rest).div(BigFloat.of(k));
    sum = sum.add(term);
  }
  for (let i = 0; i < HALVINGS; i++) sum = sum.mul(sum);
  return sum.scale(power);
}

/** Of a value > 0. Newton's method of third order on exp: 16 digits become 48, and 144. */
export function ln(x: BigFloat): BigFloat {
  const power = x.magnitude;
  const fraction = x.scale(-power);
  let log = BigFloat.of(Math.log(fraction.toNumber()));
  for (let i = 0; i < 2; i++) {
    const e = exp(log);
    log = log.add(fraction.sub(e).times(2).div(fraction.add(e)));
  }
  return log.add(LN2.times(power));
}
