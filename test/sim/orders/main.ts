// npm run sim:orders -- [--runs N] [--seed S] [--trace] [--mutant NAME]: runs with seeds from S on, and tells each that breaks a rule.
import { parseArgs } from 'node:util';
import { MUTANTS, SOUND } from './mutant.ts';
import { runOrders } from './world.ts';

const TRACES_MAX = 3;
const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '1000' },
    seed: { type: 'string', default: '1' },
    trace: { type: 'boolean', default: false },
    mutant: { type: 'string' },
  },
});
const runs = Number(values.runs);
const firstSeed = Number(values.seed);
if (!(runs > 0) || !Number.isInteger(firstSeed)) {
  console.error(`--runs ${values.runs} --seed ${values.seed}: a count above zero, and a whole number`);
  process.exit(1);
}
const mutant = values.mutant === undefined ? SOUND : MUTANTS[values.mutant];
if (!mutant) {
  console.error(
    `--mutant ${values.mutant}: there is none of that name. There are: ${Object.keys(MUTANTS).join('; ')}`,
  );
  process.exit(1);
}

const startedAtMs = performance.now();
const ends = new Map<string, number>();
let steps = 0;
let bad = 0;
for (let seed = firstSeed; seed < firstSeed + runs; seed++) {
  const result = await runOrders(seed, mutant, values.trace);
  steps += result.steps;
  for (const [end, count] of result.ends) ends.set(end, (ends.get(end) ?? 0) + count);
  if (values.trace && runs === 1) console.log(result.trace.join('\n'));
  if (result.violations.length === 0) continue;
  bad++;
  console.log(`seed ${seed}: ${result.violations.join('; ')}`);
  if (runs === 1 || bad > TRACES_MAX) continue;
  const { trace } = await runOrders(seed, mutant, true);
  console.log(trace.map((line) => `  ${line}`).join('\n'));
}
const seconds = (performance.now() - startedAtMs) / 1_000;
const rate = Math.round(runs / seconds);
console.log(
  [...ends]
    .sort()
    .map(([end, count]) => `${end}: ${count}`)
    .join(', '),
);
console.log(
  `${runs} runs from seed ${firstSeed}, ${steps} steps, ${seconds.toFixed(1)} s, ${rate} runs/s: ${bad} break a rule`,
);
process.exitCode = bad > 0 ? 1 : 0;
