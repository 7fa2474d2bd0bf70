// Ticks that the edge delivers per second of its CPU time, in each format, beside servers that send a message per tick.
import { type Bar, barChart } from './bar-chart.ts';
import type { Bench, Figure } from './bench.ts';
import { type Delivered, deliveryRate, type Load, measureDelivery, medianOf } from './delivery-run.ts';
import { clientsAllowed } from './open-files.ts';
import { measurePeer, type PeerLoad } from './peer-run.ts';
import type { FormatName } from './stream-format.ts';

const INSTRUMENTS = 2_000;

type EdgeFormat = Exclude<FormatName, 'packets'>;
const EDGE_FORMATS: readonly EdgeFormat[] = ['binary', 'json_batched', 'json_per_tick', 'kite'];

interface Scenario {
  /** At the end of its figures' names. */
  readonly suffix: string;
  readonly clients: number;
  readonly perClient: number;
  readonly gateways: number;
  /** By format: a round ticks every so-manieth instrument, where one core does not carry all of them at 10 Hz. */
  readonly parts: Readonly<Record<EdgeFormat, number>>;
}

const SCENARIOS: readonly Scenario[] = [
  {
    suffix: '',
    clients: 1_000,
    perClient: 200,
    gateways: 1,
    parts: { binary: 1, json_batched: 10, json_per_tick: 20, kite: 1 },
  },
  {
    suffix: '_10k',
    clients: 10_000,
    perClient: 50,
    gateways: 8,
    parts: { binary: 1, json_batched: 10, json_per_tick: 25, kite: 1 },
  },
];

const PEER = { instruments: INSTRUMENTS, clients: 1_000, perClient: 200 };
const PEER_LOADS: Readonly<Record<string, PeerLoad>> = {
  ws_baseline: { ...PEER, peer: 'ws', parts: 20, roundMs: 100 },
  // Each tick in a turn of the event loop of its own, as it comes.
  bun_baseline: { ...PEER, peer: 'bun', parts: INSTRUMENTS, roundMs: 2 },
  // What is published in one turn Bun joins into one write per socket: with a round in one go it batches, too.
  bun_bursts: { ...PEER, peer: 'bun', parts: 1, roundMs: 100 },
};

const UNIT = 'ticks/CPU-s';
const CPU_UNIT = '% of a core';

function figuresOf(name: string, delivered: Delivered, baseline?: number): Record<string, Figure> {
  const { ticks, bytes, ticksPerFrame, tookMs, serverCpuMs, clientsCpuMs } = delivered;
  const value = deliveryRate(delivered);
  const ratio = baseline === undefined ? {} : { baseline, ratio: value / baseline };
  return {
    [name]: { value, unit: UNIT, ...ratio },
    [`rate_${name}`]: { value: (ticks / tookMs) * 1_000, unit: 'ticks/s' },
    [`bytes_per_tick_${name}`]: { value: bytes / ticks, unit: 'bytes' },
    [`ticks_per_frame_${name}`]: { value: ticksPerFrame, unit: 'ticks' },
    [`server_cpu_${name}`]: { value: (serverCpuMs / tookMs) * 100, unit: CPU_UNIT },
    [`clients_cpu_${name}`]: { value: (clientsCpuMs / tookMs) * 100, unit: CPU_UNIT },
  };
}

const LABELS: Readonly<Record<string, string>> = {
  binary: 'binary ticker.v1',
  json_batched: 'JSON, batched',
  json_per_tick: 'JSON, a message per tick',
  kite: "Kite's protocol",
  ws_baseline: 'ws, a message per tick',
  bun_baseline: 'Bun publish, tick by tick',
  bun_bursts: 'Bun publish, 2,000 ticks in one go',
};

function chart(figures: Readonly<Record<string, Figure>>, caption: string): string {
  const barOf = (name: string, label: string, kind: Bar['kind']): Bar[] => {
    const value = figures[name]?.value;
    return value === undefined ? [] : [{ label, value, kind }];
  };
  const formats = (suffix: string) =>
    EDGE_FORMATS.flatMap((format) => barOf(`${format}${suffix}`, LABELS[format] ?? format, 'ours'));
  const peers = Object.keys(PEER_LOADS).flatMap((name) => barOf(name, LABELS[name] ?? name, 'peer'));
  return barChart({
    title: 'Ticks delivered per second of server CPU',
    unit: 'ticks per CPU-second; full mode, 2,000 instruments',
    groups: SCENARIOS.map(({ suffix, perClient }) => ({
      heading: `${figures[`clients${suffix}`]?.value.toLocaleString('en')} clients x ${perClient} instruments`,
      bars: [...formats(suffix), ...(suffix === '' ? peers : [])],
    })),
    caption,
  });
}

export const bench: Bench = {
  about:
    'ticks delivered per CPU-second of the server; client i takes the 200 (10k: 50) instruments from 7 i on of 2,000, ' +
    'all full, JSON at a lower rate; peers send 184 bytes per tick; every tick is accounted for',
  chart,
  async run() {
    const figures: Record<string, Figure> = {};
    for (const [name, load] of Object.entries(PEER_LOADS)) {
      Object.assign(figures, figuresOf(name, medianOf(await measurePeer(load))));
    }
    for (const { suffix, parts, ...scenario } of SCENARIOS) {
      const clients = clientsAllowed(scenario.clients);
      figures[`clients${suffix}`] = { value: clients, unit: 'clients' };
      for (const format of EDGE_FORMATS) {
        const load: Load = { ...scenario, clients, format, instruments: INSTRUMENTS, parts: parts[format] };
        const delivered = medianOf(await measureDelivery(load));
        Object.assign(figures, figuresOf(`${format}${suffix}`, delivered, figures.ws_baseline?.value));
      }
    }
    const ratio = (name: string) => (figures.binary?.value ?? 0) / (figures[name]?.value ?? 0);
    figures.binary_vs_bun = { value: ratio('bun_baseline'), unit: 'x' };
    figures.binary_vs_bun_bursts = { value: ratio('bun_bursts'), unit: 'x' };
    return figures;
  },
};
