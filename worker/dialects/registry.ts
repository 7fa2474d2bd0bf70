// The table of dialects: one line each.
import type { Dialect } from './dialect.ts';
import { nativeJson } from './native-json.ts';

export const DIALECTS = { 'native-json': nativeJson } as const satisfies Record<string, Dialect>;

export type DialectName = keyof typeof DIALECTS;

export function isDialectName(name: unknown): name is DialectName {
  return typeof name === 'string' && Object.hasOwn(DIALECTS, name);
}
