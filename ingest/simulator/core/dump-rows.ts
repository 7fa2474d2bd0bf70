// Rows of an instrument dump that somebody saved: found by the header's names, in Kite's order, with Kite's twelve columns.

export const DUMP_COLUMNS = [
  'instrument_token',
  'exchange_token',
  'tradingsymbol',
  'name',
  'last_price',
  'expiry',
  'strike',
  'tick_size',
  'lot_size',
  'instrument_type',
  'segment',
  'exchange',
] as const;
export type DumpColumn = (typeof DUMP_COLUMNS)[number];

/** Without these three a file says nothing that could be simulated. */
const REQUIRED_COLUMNS: readonly DumpColumn[] = ['instrument_token', 'tradingsymbol', 'exchange'];
const TOKEN_AT = 0;
const SEGMENT_AT = 10;
const EXCHANGE_AT = 11;
/** What a row has in a column that its file lacks: the terms of a share. */
const FILLERS: Readonly<Partial<Record<DumpColumn, string>>> = {
  last_price: '0',
  strike: '0',
  tick_size: '0.05',
  lot_size: '1',
  instrument_type: 'EQ',
};

/** Fields as they stand, quotes included. */
function splitRow(line: string): string[] {
  if (!line.includes('"')) return line.split(',');
  const fields: string[] = [];
  let from = 0;
  let isQuoted = false;
  for (let at = 0; at < line.length; at++) {
    if (line[at] === '"') isQuoted = !isQuoted;
    else if (line[at] === ',' && !isQuoted) {
      fields.push(line.slice(from, at));
      from = at + 1;
    }
  }
  fields.push(line.slice(from));
  return fields;
}

/** A field's text without its quotes. */
export function unquote(field: string): string {
  return field.startsWith('"') && field.endsWith('"') && field.length > 1
    ? field.slice(1, -1).replaceAll('""', '"')
    : field;
}

/** Position in the file of each of Kite's columns, -1 where it lacks one. Throws RangeError when a needed one is missing. */
function positionsOf(header: string): number[] {
  const names = splitRow(header).map((name) => unquote(name).trim());
  const missing = REQUIRED_COLUMNS.filter((column) => !names.includes(column));
  if (missing.length > 0) throw new RangeError(`the header has no column ${missing.join(', ')}`);
  return DUMP_COLUMNS.map((column) => names.indexOf(column));
}

function inKiteOrder(fields: readonly string[], positions: readonly number[]): string[] {
  const row = positions.map((position, at) =>
    position < 0 ? (FILLERS[DUMP_COLUMNS[at] as DumpColumn] ?? '') : (fields[position] ?? ''),
  );
  const token = Number(row[TOKEN_AT]);
  if (positions[1] === -1) row[1] = String(token >>> 8);
  if (positions[SEGMENT_AT] === -1)
    row[SEGMENT_AT] = (token & 0xff) === 9 ? 'INDICES' : (row[EXCHANGE_AT] as string);
  return row;
}

/**
 * Calls `onRow` with each row that is not blank: its text as Kite would serve it, and its fields in the order of
 * DUMP_COLUMNS. Rows that are malformed come as they are, with the fields that they have.
 */
export function readDumpRows(csv: string, onRow: (text: string, fields: readonly string[]) => void): void {
  let at = csv.startsWith('\uFEFF') ? 1 : 0;
  let positions: number[] | undefined;
  let isKites = false;
  while (at < csv.length) {
    const newline = csv.indexOf('\n', at);
    const next = newline < 0 ? csv.length : newline;
    const line = csv.slice(at, csv[next - 1] === '\r' ? next - 1 : next);
    at = next + 1;
    if (positions === undefined) {
      positions = positionsOf(line);
      isKites = line === DUMP_COLUMNS.join(',');
    } else if (line !== '') {
      const fields = splitRow(line);
      if (isKites) onRow(line, fields);
      else {
        const row = inKiteOrder(fields, positions);
        onRow(row.join(','), row);
      }
    }
  }
  if (positions === undefined) throw new RangeError('it is empty');
}
