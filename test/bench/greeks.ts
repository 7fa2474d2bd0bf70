// Implied volatility and five Greeks per option, against a loop of one logarithm, one exponential and one normal CDF.
import { normalCdf } from '../../ingest/simulator/core/option-price.ts';
import { solveChain } from '../../shared/greeks/black76.ts';
import { impliedGreeks } from '../../shared/greeks/option.ts';
import type { OptionColumns } from '../../shared/greeks/option-columns.ts';
import { OPTION_STATUS } from '../../shared/greeks/option-status.ts';
import { type ChainKind, type SeededChain, seededChain } from '../shared/greeks/seeded-chains.ts';
import { type Bench, type Figure, nsPerItem } from './bench.ts';
import { greeksRun, TICKS_PER_WINDOW } from './pipeline-run.ts';

const OPTIONS = 20_000;
const CHAIN_OPTIONS = 200;
/** A large index chain: calls and puts of all strikes of one expiry. */
const LARGE_CHAIN_OPTIONS = 2_400;
const SHARE_WINDOWS = 400;

/** Drops the options whose price says nothing: they cost next to nothing, and would flatter the mean. */
function keepSolvable({ terms, columns }: SeededChain): SeededChain {
  const count = columns.statuses.length;
  solveChain(terms, columns, 0, count);
  let kept = 0;
  for (let at = 0; at < count; at++) {
    if (columns.statuses[at] !== OPTION_STATUS.ok) continue;
    columns.strikes[kept] = columns.strikes[at] as number;
    columns.prices[kept] = columns.prices[at] as number;
    columns.isPut[kept] = columns.isPut[at] as number;
    kept++;
  }
  const firstOf = (of: keyof OptionColumns) => [of, columns[of].subarray(0, kept)];
  const first = Object.fromEntries((Object.keys(columns) as (keyof OptionColumns)[]).map(firstOf));
  return { terms, columns: first as unknown as OptionColumns };
}

function chainsOf(kind: ChainKind): SeededChain[] {
  const chains: SeededChain[] = [];
  let count = 0;
  for (let seed = 1; count < OPTIONS; seed++) {
    const chain = keepSolvable(seededChain(kind, seed, CHAIN_OPTIONS));
    chains.push(chain);
    count += chain.columns.statuses.length;
  }
  return chains;
}

function solveAll(chains: readonly SeededChain[]): number {
  let count = 0;
  for (const { terms, columns } of chains) {
    solveChain(terms, columns, 0, columns.statuses.length);
    count += columns.statuses.length;
  }
  return count;
}

/**
 * One logarithm, one exponential and one normal CDF per option, each by the engine's own functions and in the order in
 * which Black's formula needs them: exp(-rate x years) N(ln(forward / strike) / deviation).
 */
function calibrationLoop(chains: readonly SeededChain[]): () => number {
  const columnOf = (of: (chain: SeededChain, at: number) => number) =>
    Float64Array.from(chains.flatMap((chain) => Array.from(chain.columns.strikes, (_, at) => of(chain, at))));
  const ratios = columnOf(({ terms, columns }, at) => terms.forward / (columns.strikes[at] as number));
  const exponents = columnOf(({ terms }) => -terms.rate * terms.years);
  const deviations = columnOf(
    ({ terms, columns }, at) => 0.01 * (columns.volatilityPercent[at] as number) * Math.sqrt(terms.years),
  );
  const sums = new Float64Array(1);
  return () => {
    let sum = 0;
    for (let at = 0; at < ratios.length; at++) {
      const d = Math.log(ratios[at] as number) / (deviations[at] as number);
      sum += Math.exp(exponents[at] as number) * normalCdf(d);
    }
    sums[0] = sum;
    return ratios.length;
  };
}

/** Here the ratio is how many turns of the loop one option costs: less is better. */
function figure(value: number, baseline: number): Figure {
  return { value, unit: 'ns', baseline, ratio: value / baseline };
}

/** How much of the sidecar's time goes into them when every tick is an option's: in the middle of some windows. */
function pipelineShare(): number {
  const run = greeksRun();
  const shares = Array.from({ length: SHARE_WINDOWS }, () => {
    const { totalNs, valuationNs } = run;
    run.step(TICKS_PER_WINDOW);
    return Number(run.valuationNs - valuationNs) / Number(run.totalNs - totalNs);
  });
  // The first ones are compiled while they run.
  return shares.slice(SHARE_WINDOWS / 2).toSorted((a, b) => a - b)[SHARE_WINDOWS / 4] as number;
}

export const bench: Bench = {
  about: 'implied volatility and five Greeks per option, in turns of a loop of one log, exp and normal CDF',
  async run() {
    const [nse, wide] = [chainsOf('nse'), chainsOf('wide')];
    const large = keepSolvable(seededChain('nse', 2, 2 * LARGE_CHAIN_OPTIONS));
    if (large.columns.statuses.length < LARGE_CHAIN_OPTIONS) throw new Error('too few options with a price');
    solveAll(nse);
    const kept: unknown[] = [];
    const ns = nsPerItem({
      nse: () => solveAll(nse),
      wide: () => solveAll(wide),
      single: () => {
        let count = 0;
        for (const { terms, columns } of nse) {
          for (let at = 0; at < columns.statuses.length; at++, count++) {
            const strike = columns.strikes[at] as number;
            kept[0] = impliedGreeks(terms, strike, columns.isPut[at] === 1, columns.prices[at] as number);
          }
        }
        return count;
      },
      large: () => {
        solveChain(large.terms, large.columns, 0, LARGE_CHAIN_OPTIONS);
        return 1;
      },
      loop: calibrationLoop(nse),
    });
    return {
      batch_nse: figure(ns.nse, ns.loop),
      batch_wide: figure(ns.wide, ns.loop),
      single: figure(ns.single, ns.loop),
      pipeline_share: { value: 100 * pipelineShare(), unit: '%' },
      chain_2400_ms: { value: ns.large / 1e6, unit: 'ms' },
    };
  },
};
