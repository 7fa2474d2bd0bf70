// npm run bench [-- NAME...] [-- --json FILE] [-- --recording DIR]: runs the benches, prints a table, writes the figures.
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { dirname } from 'node:path';
import { parseArgs } from 'node:util';
import type { Bench, Figure } from './bench.ts';

const BENCHES: Readonly<Record<string, () => Promise<{ readonly bench: Bench }>>> = {
  decode: () => import('./decode.ts'),
  pipeline: () => import('./pipeline.ts'),
  plan: () => import('./plan.ts'),
  greeks: () => import('./greeks.ts'),
  latency: () => import('./latency.ts'),
  instruments: () => import('./instruments.ts'),
  memory: () => import('./memory.ts'),
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

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { json: { type: 'string' }, recording: { type: 'string' } },
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
  results.push({ name, machine: machine(), commit: commit(), figures });
}
if (values.json !== undefined) {
  mkdirSync(dirname(values.json), { recursive: true });
  writeFileSync(values.json, `${JSON.stringify(results.length === 1 ? results[0] : results, null, 2)}\n`);
}
