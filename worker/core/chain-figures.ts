// What is said of a chain as a whole: figures over the strikes of one window.

/** What is known of one leg; a field that is not known is absent. Volatility in percent per year. */
export interface LegValues {
  readonly oi?: number;
  readonly volume?: number;
  readonly iv?: number;
  readonly delta?: number;
}

export interface StrikeValues {
  readonly strike: number;
  readonly CE?: LegValues;
  readonly PE?: LegValues;
}

/** Of the strikes from `strikesFrom` to `strikesTo`. What cannot be told is absent. Prices and strikes in rupees. */
export interface StrikeFigures {
  readonly strikesFrom?: number;
  readonly strikesTo?: number;
  /** Strikes of which both legs have a value with open interest: ratios and max pain are over them alone. */
  readonly strikesCounted: number;
  /** The strike nearest to the forward. */
  readonly atmStrike?: number;
  /**
   * Volatility at the forward: on the line between the out-of-the-money legs of the two strikes around it, the put of the
   * one at or below and the call of the one above. Absent unless both have a volatility.
   */
  readonly atmIv?: number;
  /**
   * Volatility of the put with a delta of -0.25 less that of the call with 0.25, each on the line between the two
   * out-of-the-money legs whose deltas are around that. Absent unless the window has them all.
   */
  readonly skew?: number;
  /** Puts over calls, by open interest and by volume. Absent where there are no calls. */
  readonly pcrOi?: number;
  readonly pcrVolume?: number;
  /** The strike at which the options open now would pay their holders the least at expiry; of two the lower one. */
  readonly maxPain?: number;
}

type Writable<T> = { -readonly [K in keyof T]: T[K] };

const SKEW_DELTA = 0.25;
/** Digits of what is computed here: more would differ at every tick. */
const DIGITS = 4;

function rounded(value: number): number {
  return Number(value.toFixed(DIGITS));
}

/** The value at `x` on the line through two points. */
function between(x: number, x0: number, y0: number, x1: number, y1: number): number {
  return x1 === x0 ? y0 : y0 + ((x - x0) / (x1 - x0)) * (y1 - y0);
}

function atmIvOf(rows: readonly StrikeValues[], forward: number): number | undefined {
  const above = rows.findIndex(({ strike }) => strike > forward);
  const [lower, upper] = [rows[above - 1], rows[above]];
  const [put, call] = [lower?.PE?.iv, upper?.CE?.iv];
  if (!lower || !upper || put === undefined || call === undefined) return undefined;
  return between(forward, lower.strike, put, upper.strike, call);
}

/** Volatility where the legs, from the money outwards, come down to the delta; undefined where they do not. */
function ivAtDelta(legs: readonly (LegValues | undefined)[], delta: number): number | undefined {
  let nearer: { readonly delta: number; readonly iv: number } | undefined;
  for (const leg of legs) {
    if (leg?.iv === undefined || leg.delta === undefined) continue;
    const farther = { delta: Math.abs(leg.delta), iv: leg.iv };
    if (farther.delta === delta) return farther.iv;
    if (farther.delta < delta)
      return nearer && between(delta, nearer.delta, nearer.iv, farther.delta, farther.iv);
    nearer = farther;
  }
  return undefined;
}

function skewOf(rows: readonly StrikeValues[], forward: number): number | undefined {
  const puts = rows.filter(({ strike }) => strike <= forward).reverse();
  const calls = rows.filter(({ strike }) => strike > forward);
  const put = ivAtDelta(
    puts.map(({ PE }) => PE),
    SKEW_DELTA,
  );
  const call = ivAtDelta(
    calls.map(({ CE }) => CE),
    SKEW_DELTA,
  );
  return put === undefined || call === undefined ? undefined : put - call;
}

/** A strike of which both legs are known. */
interface Counted {
  readonly strike: number;
  readonly calls: number;
  readonly puts: number;
  readonly callVolume: number;
  readonly putVolume: number;
}

function countedOf(rows: readonly StrikeValues[]): Counted[] {
  return rows.flatMap(({ strike, CE, PE }) => {
    if (CE?.oi === undefined || PE?.oi === undefined) return [];
    const volumes = { callVolume: CE.volume ?? 0, putVolume: PE.volume ?? 0 };
    return [{ strike, calls: CE.oi, puts: PE.oi, ...volumes }];
  });
}

function maxPainOf(counted: readonly Counted[]): number | undefined {
  let least: { readonly strike: number; readonly paid: number } | undefined;
  for (const { strike } of counted) {
    let paid = 0;
    for (const other of counted) {
      if (other.strike < strike) paid += other.calls * (strike - other.strike);
      else paid += other.puts * (other.strike - strike);
    }
    if (!least || paid < least.paid) least = { strike, paid };
  }
  return counted.some(({ calls, puts }) => calls + puts > 0) ? least?.strike : undefined;
}

function nearestStrike(rows: readonly StrikeValues[], forward: number): number | undefined {
  let nearest: number | undefined;
  for (const { strike } of rows) {
    if (nearest === undefined || Math.abs(strike - forward) < Math.abs(nearest - forward)) nearest = strike;
  }
  return nearest;
}

/** Rows by strike, ascending. */
export function strikeFigures(rows: readonly StrikeValues[], forward: number | undefined): StrikeFigures {
  const counted = countedOf(rows);
  const figures: Writable<StrikeFigures> = { strikesCounted: counted.length };
  const [first, last] = [rows[0], rows.at(-1)];
  if (first && last) Object.assign(figures, { strikesFrom: first.strike, strikesTo: last.strike });
  if (forward !== undefined) {
    const atm = nearestStrike(rows, forward);
    if (atm !== undefined) figures.atmStrike = atm;
    const atmIv = atmIvOf(rows, forward);
    if (atmIv !== undefined) figures.atmIv = rounded(atmIv);
    const skew = skewOf(rows, forward);
    if (skew !== undefined) figures.skew = rounded(skew);
  }
  const sum = (of: (row: Counted) => number) => counted.reduce((total, row) => total + of(row), 0);
  const [calls, callVolume] = [sum((row) => row.calls), sum((row) => row.callVolume)];
  if (calls > 0) figures.pcrOi = rounded(sum((row) => row.puts) / calls);
  if (callVolume > 0) figures.pcrVolume = rounded(sum((row) => row.putVolume) / callVolume);
  const maxPain = maxPainOf(counted);
  if (maxPain !== undefined) figures.maxPain = maxPain;
  return figures;
}
