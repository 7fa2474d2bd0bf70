// What a bench is, and how it measures: rounds of a loop, the best of them, beside a peer in the same process.

export interface Figure {
  readonly value: number;
  readonly unit: string;
  /** The same measure of the peer that ran beside it, and how many times better ours is. */
  readonly baseline?: number;
  readonly ratio?: number;
}

/** What the command line can ask of a bench; each takes from it what it knows. */
export interface BenchOptions {
  /** Folder of a recorded session. */
  readonly recording?: string;
}

export interface Bench {
  /** One line: what is measured, against what. */
  readonly about: string;
  run(options: BenchOptions): Promise<Readonly<Record<string, Figure>>>;
  /** The figures as SVG, where a picture says more. `caption`: which machine, which commit. */
  chart?(figures: Readonly<Record<string, Figure>>, caption: string): string;
}

const ROUNDS = 7;
const ROUND_MS = 300;

function timeNs(step: () => number): number {
  const startedAt = process.hrtime.bigint();
  let items = 0;
  let elapsedNs = 0;
  while (elapsedNs < ROUND_MS * 1e6) {
    items += step();
    elapsedNs = Number(process.hrtime.bigint() - startedAt);
  }
  return elapsedNs / items;
}

/**
 * Nanoseconds per item of several steps, each returning how many items it did. Their rounds alternate, so that a slow
 * moment of the machine meets all of them; the fastest round of each counts, after one that only warms up.
 */
export function nsPerItem<Name extends string>(
  steps: Readonly<Record<Name, () => number>>,
): Record<Name, number> {
  const names = Object.keys(steps) as Name[];
  const best = Object.fromEntries(names.map((name) => [name, Number.POSITIVE_INFINITY])) as Record<
    Name,
    number
  >;
  for (const name of names) timeNs(steps[name]);
  for (let round = 0; round < ROUNDS; round++) {
    for (const name of names) best[name] = Math.min(best[name], timeNs(steps[name]));
  }
  return best;
}

/** A figure in ns where less is better, with its peer's. */
export function nsFigure(value: number, baseline?: number): Figure {
  const unit = 'ns';
  return baseline === undefined ? { value, unit } : { value, unit, baseline, ratio: baseline / value };
}

/** The value that `share` of the samples are not above; NaN when there are none. */
export function percentile(sorted: Float64Array, share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}
