// Names of the dialects: what an upgrade says, and what a socket remembers.

export const DIALECT_NAMES = ['native-json', 'native-json-batched', 'native-binary', 'kite'] as const;
export type DialectName = (typeof DIALECT_NAMES)[number];

export function isDialectName(name: unknown): name is DialectName {
  return (DIALECT_NAMES as readonly unknown[]).includes(name);
}
