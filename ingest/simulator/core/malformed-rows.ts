// Rows of the instrument dump as no reader can use them, put between the good ones.
import { INSTRUMENT_ROW_BYTES_MAX } from '../../../shared/limits.ts';
import type { RandomStream } from './random.ts';

const COLUMN = { token: 0, symbol: 2, expiry: 5, strike: 6, tick: 7, lot: 8, exchange: 11 } as const;
const UINT32_END = 0x1_0000_0000;

function withField(fields: readonly string[], column: number, text: string): string {
  const changed = [...fields];
  changed[column] = text;
  return changed.join(',');
}

/** Each makes a bad row of a good one's fields. */
const MALFORMATIONS: readonly ((fields: readonly string[]) => string)[] = [
  (fields) => withField(fields, COLUMN.token, ''),
  (fields) => withField(fields, COLUMN.token, '0'),
  (fields) => withField(fields, COLUMN.token, 'N/A'),
  (fields) => withField(fields, COLUMN.token, String(UINT32_END)),
  (fields) => withField(fields, COLUMN.symbol, ''),
  (fields) => withField(fields, COLUMN.expiry, '31-12-2026'),
  (fields) => withField(fields, COLUMN.strike, '-1'),
  (fields) => withField(fields, COLUMN.strike, 'none'),
  (fields) => withField(fields, COLUMN.tick, 'NaN'),
  (fields) => withField(fields, COLUMN.lot, '-65'),
  (fields) => withField(fields, COLUMN.exchange, ''),
  // A column too few, in front: all others shift.
  (fields) => fields.slice(1).join(','),
  // Cut off, as at the end of half a file.
  (fields) => fields.join(',').slice(0, 12),
  // A quote that is never closed.
  (fields) => withField(fields, COLUMN.symbol, `"${fields[COLUMN.symbol] ?? ''}`),
  (fields) => withField(fields, COLUMN.symbol, 'X'.repeat(INSTRUMENT_ROW_BYTES_MAX)),
  () => '<html><body>Service unavailable</body></html>',
  () => ',,,,,,,,,,,',
  () => '\u0000\u0001\uFFFD',
];

/** The dump with so many bad rows in seeded places; every row that was good is still there, whole. */
export function malformRows(csv: string, rowsCount: number, random: RandomStream): string {
  const lines = csv.split('\r\n');
  // The header stays first, and what follows the last line end stays last.
  const rowsEnd = lines.length - 1;
  if (rowsEnd < 2) return csv;
  const bad = new Map<number, string[]>();
  for (let made = 0; made < rowsCount; made++) {
    const at = 1 + Math.floor(random.unit() * (rowsEnd - 1));
    const malform = MALFORMATIONS[Math.floor(random.unit() * MALFORMATIONS.length)];
    const row = malform?.((lines[at] as string).split(',')) ?? '';
    bad.set(at, [...(bad.get(at) ?? []), row]);
  }
  return lines.flatMap((line, at) => [...(bad.get(at) ?? []), line]).join('\r\n');
}
