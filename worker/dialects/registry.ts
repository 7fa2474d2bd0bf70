// The table of dialects: one line each.
import type { DialectName } from '../core/dialect-name.ts';
import type { Dialect } from './dialect.ts';
import { kite } from './kite.ts';
import { nativeBinary } from './native-binary.ts';
import { nativeJson } from './native-json.ts';
import { nativeJsonBatched } from './native-json-batched.ts';

export const DIALECTS: Readonly<Record<DialectName, Dialect>> = {
  'native-json': nativeJson,
  'native-json-batched': nativeJsonBatched,
  'native-binary': nativeBinary,
  kite,
};

/** Of the native ones, a message that clients send to stay alive and the exact reply, which the runtime gives by itself. */
export const KEEP_ALIVE = { request: '{"action":"ping"}', response: '{"type":"pong"}' } as const;
