// Whether the cost of delivering ticks grows with what is delivered and with nothing else: more clients, more instruments.
import type { Bench, Figure } from './bench.ts';
import { type Delivered, measureDelivery, medianOf } from './delivery-run.ts';
import { lineThrough, type Point } from './least-squares.ts';
import { lineChart, type Panel } from './line-chart.ts';
import type { FormatName } from './stream-format.ts';

const FORMAT: FormatName = 'binary';
/** All of them are posted at every point, so that only what is delivered differs. */
const INSTRUMENTS = 3_000;
const CLIENTS_PER_GATEWAY = 1_000;

interface Series {
  readonly name: 'clients' | 'instruments';
  readonly heading: string;
  /** What is varied, and the load that it makes. */
  readonly steps: readonly number[];
  readonly loadOf: (step: number) => { readonly clients: number; readonly perClient: number };
}

const SERIES: readonly Series[] = [
  {
    name: 'clients',
    heading: '100 to 2,000 clients x 50 instruments',
    steps: [100, 250, 500, 1_000, 2_000],
    loadOf: (clients) => ({ clients, perClient: 50 }),
  },
  {
    name: 'instruments',
    heading: '100 clients x 10 to 3,000 instruments',
    steps: [10, 50, 200, 1_000, 3_000],
    loadOf: (perClient) => ({ clients: 100, perClient }),
  },
];

/** Of one round, so that a machine that makes fewer of them a second does not bend the line. */
function pointOf({ ticks, serverCpuMs }: Delivered, ticksPerRound: number): Point {
  return [ticksPerRound, (serverCpuMs * ticksPerRound) / ticks];
}

function pointFigures(name: string, delivered: Delivered, [, roundCpuMs]: Point): Record<string, Figure> {
  const { ticks, tookMs, serverCpuMs, ticksPerFrame } = delivered;
  return {
    [`rate_${name}`]: { value: (ticks / tookMs) * 1_000, unit: 'ticks/s' },
    [`cpu_${name}`]: { value: (serverCpuMs / tookMs) * 1_000, unit: 'ms/s' },
    [`cpu_per_round_${name}`]: { value: roundCpuMs, unit: 'ms' },
    [`cpu_per_tick_${name}`]: { value: (serverCpuMs * 1e6) / ticks, unit: 'ns' },
    [`ticks_per_frame_${name}`]: { value: ticksPerFrame, unit: 'ticks' },
  };
}

async function measureSeries({ name, steps, loadOf }: Series): Promise<Record<string, Figure>> {
  const figures: Record<string, Figure> = {};
  const points: Point[] = [];
  for (const step of steps) {
    const { clients, perClient } = loadOf(step);
    const gateways = Math.ceil(clients / CLIENTS_PER_GATEWAY);
    const load = { format: FORMAT, instruments: INSTRUMENTS, clients, perClient, parts: 1, gateways };
    const delivered = medianOf(await measureDelivery(load));
    const point = pointOf(delivered, clients * perClient);
    points.push(point);
    Object.assign(figures, pointFigures(`${name}_${step}`, delivered, point));
  }
  const { slope, intercept, r2 } = lineThrough(points);
  return {
    ...figures,
    [`slope_${name}`]: { value: slope * 1e6, unit: 'ns per tick' },
    [`fixed_${name}`]: { value: intercept, unit: 'ms per round' },
    [`slope_r2_${name}`]: { value: r2, unit: 'R\u00b2' },
  };
}

function chart(figures: Readonly<Record<string, Figure>>, caption: string): string {
  const panels = SERIES.map(({ name, heading, steps, loadOf }): Panel => {
    const figure = (key: string) => figures[key]?.value ?? 0;
    const points = steps.map((step): Point => {
      const { clients, perClient } = loadOf(step);
      return [clients * perClient, figure(`cpu_per_round_${name}_${step}`)];
    });
    const note = `${Math.round(figure(`slope_${name}`))} ns per tick`;
    return {
      heading,
      xLabel: 'ticks delivered in a round',
      yLabel: 'server CPU, ms per round',
      note,
      points,
    };
  });
  return lineChart({ title: 'What a round of ticks costs the server', panels, caption });
}

export const bench: Bench = {
  about: `CPU of the server by ticks delivered (${FORMAT}), rounds of ${INSTRUMENTS} instruments: more clients, more instruments each`,
  chart,
  async run() {
    const figures: Record<string, Figure> = {};
    for (const series of SERIES) Object.assign(figures, await measureSeries(series));
    return figures;
  },
};
