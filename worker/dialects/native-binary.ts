// The native binary dialect: ticks as frames of docs/wire.md, everything else as in native JSON.
import type { Dialect } from './dialect.ts';
import { WireRows } from './native-binary/rows.ts';
import { parseCommand } from './native-json/command.ts';
import { rowLineOf } from './native-json/row-line.ts';
import { nativeJson } from './native-json.ts';

export const nativeBinary = {
  ...nativeJson,
  parse: (message) => parseCommand(message, true),
  ticks: {
    kind: 'rows',
    createFormat: (records) => new WireRows(records),
    encodeRows: (rows) => JSON.stringify({ type: 'rows', rows: rows.map(rowLineOf) }),
  },
} satisfies Dialect;
