// npm run bench [-- NAME...] [-- --json FILE] [-- --recording DIR] [-- --chart]: runs the benches, prints a table, writes
// the figures, and draws docs/bench/NAME.svg of those that have a chart.
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { Bench, Figure } from './bench.ts';

const BENCHES: Readonly<Record<string, () => Promise<{ readonly bench: Bench }>>> = {
  decode: () => import('./decode.ts'),
  fanout: () => import('./fanout.ts'),
  pipeline: () => import('./pipeline.ts'),
  plan: () => import('./plan.ts'),
  greeks: () => import('./greeks.ts'),
  latency: () => import('./latency.ts'),
  instruments: () => import('./instruments.ts'),
  memory: () => import('./memory.ts'),
  scale: () => import('./scale.ts'),
  system: () => import('./system.ts'),
  wire: () => import('./wire.ts'),
};

function machine(): string {
  const [cpu] = cpus();
  return `${cpu?.model.trim()} x${cpus().length}, ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.version}`;
}

function commit(): string {
  try {
    return execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim();
  } catch {
    return 'unknown';
  }
}

function rounded(value: number): string {
  return value >= 100 ? Math.round(value).toLocaleString('en') : value.toPrecision(3);
}

function print(name: string, figures: Readonly<Record<string, Figure>>): void {
  for (const [figure, { value, unit, baseline, ratio }] of Object.entries(figures)) {
    const peer = baseline === undefined ? '' : `peer ${rounded(baseline)}`;
    const times = ratio === undefined ? '' : `${rounded(ratio)}x`;
    const columns = [`${name}/${figure}`.padEnd(36), `${rounded(value)} ${unit}`.padStart(24)];
    console.log([...columns, peer.padStart(18), times.padStart(8)].join('  ').trimEnd());
  }
}

function write(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { json: { type: 'string' }, recording: { type: 'string' }, chart: { type: 'boolean' } },
});
const names = positionals.length > 0 ? positionals : Object.keys(BENCHES);
const unknown = names.filter((name) => !Object.hasOwn(BENCHES, name));
if (unknown.length > 0) {
  console.error(`no bench called ${unknown.join(', ')}; there are: ${Object.keys(BENCHES).join(', ')}`);
  process.exit(2);
}

const results = [];
for (const name of names) {
  const load = BENCHES[name];
  if (!load) continue;
  const { bench } = await load();
  console.log(`${name}: ${bench.about}`);
  const figures = await bench.run(values.recording === undefined ? {} : { recording: values.recording });
  print(name, figures);
  const result = { name, machine: machine(), commit: commit(), figures };
  results.push(result);
  const path = fileURLToPath(new URL(`../../docs/bench/${name}.svg`, import.meta.url));
  if (values.chart && bench.chart)
    write(path, bench.chart(figures, `${result.machine}; commit ${result.commit}`));
}
if (values.json !== undefined) {
  write(values.json, `${JSON.stringify(results.length === 1 ? results[0] : results, null, 2)}\n`);
}
