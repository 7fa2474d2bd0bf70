// node test/shared/greeks/reference/generate.ts: writes the reference table, in about a minute.
import { writeFileSync } from 'node:fs';
import { formatRow, REFERENCE_COLUMNS, referenceRow, referenceSamples } from './rows.ts';

const rows = [...referenceSamples()].map(referenceRow).filter((row) => row !== undefined);
const lines = [REFERENCE_COLUMNS.join(','), ...rows.map(formatRow)];
writeFileSync(new URL('../../../fixtures/black76.csv', import.meta.url), `${lines.join('\n')}\n`);
