// The reference table (test/fixtures/black76.csv): which options are in it, and how its lines are written and read.
import { RandomStream } from '../../../../ingest/simulator/core/random.ts';
import { type ExactTerms, exactRoot, exactValue } from './exact-option.ts';

export const REFERENCE_COLUMNS = [
  'class',
  'forward',
  'strike',
  'years',
  'rate',
  'isPut',
  'volatilityPercent',
  'price',
  'delta',
  'gamma',
  'thetaPerDay',
  'vegaPerPoint',
  'rhoPerPoint',
  'quote',
  'impliedPercent',
  'condition',
] as const;
type NumberColumn = Exclude<(typeof REFERENCE_COLUMNS)[number], 'class' | 'isPut'>;

export const REFERENCE_CLASSES = ['grid', 'nse', 'wide', 'money', 'extreme'] as const;
type ReferenceClass = (typeof REFERENCE_CLASSES)[number];

/**
 * Exact numbers of one option at a volatility; and of a quote, the price as a double or on the tick, the exact implied
 * volatility (0 when it determines none) with its condition.
 */
export type ReferenceRow = Readonly<Record<NumberColumn, number>> & {
  readonly class: ReferenceClass;
  readonly isPut: boolean;
};

interface Sample extends ExactTerms {
  readonly class: ReferenceClass;
  readonly volatilityPercent: number;
}

const TICK = 0.05;
/** Below it Greeks are not normal doubles. */
const PRICE_MIN = 1e-290;
const SECONDS_PER_YEAR = 365 * 86_400;

/** Few digits, so that the table stays short and the sample is the same whatever the engine's pow. */
function digits(value: number, count = 4): number {
  return Number(value.toPrecision(count));
}

function logUniform(random: RandomStream, from: number, to: number): number {
  return digits(from * (to / from) ** random.unit());
}

function* gridSamples(): Generator<Sample> {
  for (const years of [1 / 365, 7 / 365, 30 / 365, 0.25, 1]) {
    for (const volatilityPercent of [5, 12, 30, 80, 200]) {
      for (const ratio of [0.5, 0.7, 0.9, 0.97, 1.01, 1.04, 1.2, 1.5, 2]) {
        const strike = 24_500 * ratio;
        for (const isPut of [false, true]) {
          yield { class: 'grid', forward: 24_512.35, strike, years, rate: 0.065, isPut, volatilityPercent };
        }
      }
    }
  }
}

function* nseSamples(random: RandomStream): Generator<Sample> {
  for (let i = 0; i < 700; i++) {
    const [level, spacing] = [
      [24_500, 50],
      [52_000, 100],
      [1_500, 5],
    ][i % 3] as [number, number];
    const forward = digits(level * (0.9 + 0.2 * random.unit()), 7);
    const years = logUniform(random, 600, SECONDS_PER_YEAR) / SECONDS_PER_YEAR;
    const volatilityPercent = logUniform(random, 8, 60);
    const width = 3 * (volatilityPercent / 100) * Math.sqrt(years) * forward;
    const target = Math.max(0.3 * forward, forward + (2 * random.unit() - 1) * width);
    const strike = Math.round(target / spacing) * spacing;
    yield {
      class: 'nse',
      forward,
      strike,
      years,
      rate: 0.065,
      isPut: random.unit() < 0.5,
      volatilityPercent,
    };
  }
}

function* wideSamples(random: RandomStream): Generator<Sample> {
  for (let i = 0; i < 700; i++) {
    const forward = logUniform(random, 10, 100_000);
    yield {
      class: 'wide',
      forward,
      strike: digits(forward * logUniform(random, 0.5, 2), 6),
      years: logUniform(random, 60, 2 * SECONDS_PER_YEAR) / SECONDS_PER_YEAR,
      rate: digits(0.2 * random.unit() - 0.05, 3),
      isPut: random.unit() < 0.5,
      volatilityPercent: logUniform(random, 1, 300),
    };
  }
}

function* moneySamples(random: RandomStream): Generator<Sample> {
  for (let i = 0; i < 250; i++) {
    const offset = i % 5 === 0 ? 0 : logUniform(random, 1e-15, 1e-2) * (i % 2 === 0 ? 1 : -1);
    yield {
      class: 'money',
      forward: 24_512.35,
      strike: 24_512.35 * (1 + offset),
      years: logUniform(random, 1, SECONDS_PER_YEAR) / SECONDS_PER_YEAR,
      rate: 0.065,
      isPut: random.unit() < 0.5,
      volatilityPercent: logUniform(random, 0.01, 500),
    };
  }
}

/** Deep wings, a second or a millisecond left, total deviations up to 20. */
function* extremeSamples(random: RandomStream): Generator<Sample> {
  for (let i = 0; i < 500; i++) {
    const forward = logUniform(random, 1e-3, 1e7);
    const years = logUniform(random, i % 2 === 0 ? 0.001 : 1e6, i % 2 === 0 ? 60 : 1e8) / SECONDS_PER_YEAR;
    const deviation = i % 2 === 0 ? logUniform(random, 1e-6, 0.5) : logUniform(random, 0.3, 20);
    const deviations = (2 * random.unit() - 1) * (i % 3 === 0 ? 36 : 8);
    const factor = Math.exp(Math.max(-12, Math.min(12, deviations * deviation)));
    const strike = digits(forward * factor, 12);
    const volatilityPercent = digits((100 * deviation) / Math.sqrt(years));
    yield { class: 'extreme', forward, strike, years, rate: 0.065, isPut: i % 4 < 2, volatilityPercent };
  }
}

/** Every option of the table, the same at each call. */
export function* referenceSamples(): Generator<Sample> {
  const random = new RandomStream(76);
  yield* gridSamples();
  yield* nseSamples(random);
  yield* wideSamples(random);
  yield* moneySamples(random);
  yield* extremeSamples(random);
}

/** Undefined when its numbers are too small for doubles. */
export function referenceRow(sample: Sample): ReferenceRow | undefined {
  const value = exactValue(sample, sample.volatilityPercent);
  const numbers = [value.price, Math.abs(value.delta), value.gamma, value.vegaPerPoint];
  if (numbers.some((number) => number < PRICE_MIN * Math.max(1, sample.forward))) return undefined;
  const isOnTick = sample.class === 'nse';
  const quote = isOnTick ? Number((Math.round(value.price / TICK) * TICK).toFixed(2)) : value.price;
  const root = quote > 0 ? exactRoot(sample, quote, sample.volatilityPercent) : undefined;
  const { volatilityPercent: impliedPercent, condition } = root ?? { volatilityPercent: 0, condition: 0 };
  return { ...sample, ...value, quote, impliedPercent, condition: digits(condition, 6) };
}

export function formatRow(row: ReferenceRow): string {
  return REFERENCE_COLUMNS.map((column) => (column === 'isPut' ? Number(row.isPut) : row[column])).join(',');
}

export function parseRow(line: string): ReferenceRow {
  const cells = line.split(',');
  const entries = REFERENCE_COLUMNS.map((column, at) => [column, Number(cells[at])] as const);
  return {
    ...(Object.fromEntries(entries) as Record<NumberColumn, number>),
    class: cells[0] as ReferenceClass,
    isPut: cells[REFERENCE_COLUMNS.indexOf('isPut')] === '1',
  };
}
