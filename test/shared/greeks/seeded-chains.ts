// Seeded chains of options: the same bits in every engine, as nothing but + - * / and sqrt makes them.
import { RandomStream } from '../../../ingest/simulator/core/random.ts';
import { solveChain, valueChain } from '../../../shared/greeks/black76.ts';
import {
  createOptionColumns,
  type ExpiryTerms,
  type OptionColumns,
} from '../../../shared/greeks/option-columns.ts';

export interface SeededChain {
  readonly terms: ExpiryTerms;
  readonly columns: OptionColumns;
}

export type ChainKind = 'nse' | 'wide';

const TICK = 0.05;
const MINUTE_YEARS = 1 / (365 * 24 * 60);

/** Between the two, small values as often as large ones: the fifth power of a unit interval, without a logarithm. */
function skewed(unit: number, from: number, to: number): number {
  return from + (to - from) * unit * unit * unit * unit * unit;
}

/**
 * `nse`: calls and puts by strike, within three deviations on the grid, prices on the tick. `wide`: volatilities of 1 to
 * 300 %, strikes of half to twice the forward, exact prices.
 */
export function seededChain(kind: ChainKind, seed: number, count: number): SeededChain {
  const random = new RandomStream(seed);
  const isNse = kind === 'nse';
  const forward = Math.round(20 * (isNse ? 15_000 + 40_000 * random.unit() : 10 + 1e5 * random.unit())) / 20;
  const years = isNse ? skewed(random.unit(), 30 * MINUTE_YEARS, 1) : skewed(random.unit(), MINUTE_YEARS, 2);
  const terms = { forward, years, rate: 0.065, timeValueMin: isNse ? TICK / 2 : 0 };
  const columns = createOptionColumns(count);
  for (let at = 0; at < count; at++) {
    const isSecond = at % 2 === 1;
    const percent = isNse ? 8 + 32 * random.unit() : skewed(random.unit(), 1, 300);
    const width = 3 * (percent / 100) * Math.sqrt(years);
    const offset = 2 * random.unit() - 1;
    const ratio = isNse ? Math.max(0.5, 1 + width * offset) : offset < 0 ? 1 + offset / 2 : 1 + offset;
    const strike = isNse ? Math.round((forward * ratio) / 50) * 50 : forward * ratio;
    columns.strikes[at] = isNse && isSecond ? (columns.strikes[at - 1] as number) : strike;
    columns.isPut[at] = isNse ? at % 2 : random.word() & 1;
    columns.volatilityPercent[at] =
      isNse && isSecond ? (columns.volatilityPercent[at - 1] as number) : percent;
  }
  valueChain(terms, columns, 0, count);
  if (isNse) {
    for (let at = 0; at < count; at++)
      columns.prices[at] = Math.round((columns.prices[at] as number) * 20) / 20;
  }
  return { terms, columns };
}

/** FNV-1a over the bytes of all results of both kinds of chains, low byte first, as eight hex digits. */
export function resultBits(): string {
  let hash = 0x811c_9dc5;
  for (let seed = 0; seed < 40; seed++) {
    const { terms, columns } = seededChain(seed % 2 === 0 ? 'nse' : 'wide', seed, 250);
    solveChain(terms, columns, 0, 250);
    const { prices, volatilityPercent, delta, gamma, thetaPerDay, vegaPerPoint, rhoPerPoint } = columns;
    for (const column of [prices, volatilityPercent, delta, gamma, thetaPerDay, vegaPerPoint, rhoPerPoint]) {
      const view = new DataView(column.buffer);
      for (let at = 0; at < view.byteLength; at += 4) {
        const word = view.getUint32(at, true);
        for (let shift = 0; shift < 32; shift += 8) {
          hash = Math.imul(hash ^ ((word >>> shift) & 255), 0x0100_0193);
        }
      }
    }
    for (const status of columns.statuses) hash = Math.imul(hash ^ status, 0x0100_0193);
  }
  return (hash >>> 0).toString(16).padStart(8, '0');
}

/** What resultBits gives in Node, workerd and browsers; a change of the kernel's arithmetic changes it. */
export const RESULT_BITS = '08d0966c';
