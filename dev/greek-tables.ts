// node dev/greek-tables.ts [--check]: writes the Greeks kernel's tables, or tells whether they are what this would write.
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { buildTableFiles } from './greeks/tables.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const { values } = parseArgs({ options: { check: { type: 'boolean', default: false } } });
for (const { path, text } of buildTableFiles()) {
  if (!values.check) writeFileSync(`${ROOT}${path}`, text);
  else if (readFileSync(`${ROOT}${path}`, 'utf8') !== text) {
    console.error(`${path} is not what dev/greek-tables.ts writes`);
    process.exitCode = 1;
  }
}
