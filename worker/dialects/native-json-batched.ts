// Native JSON with the ticks of a flush in one message: for clients that want fewer messages and no binary.
import type { Dialect } from './dialect.ts';
import { JsonRows } from './native-json/rows.ts';
import { nativeJson } from './native-json.ts';

export const nativeJsonBatched: Dialect = {
  ...nativeJson,
  ticks: { kind: 'rows', createFormat: (records) => new JsonRows(records) },
};
