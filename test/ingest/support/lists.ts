// Instrument lists as the reader thread hands them over, made by hand for tests.
import { InstrumentColumnsBuilder } from '../../../ingest/instruments/columns.ts';
import { InstrumentRegistry } from '../../../ingest/instruments/registry.ts';
import type { ReadList } from '../../../ingest/instruments/task.ts';
import type { InstrumentDefinition } from '../../../shared/instrument.ts';
import { definitionOf } from '../../support/records.ts';

export function readListOf(
  definitions: readonly InstrumentDefinition[],
  facts: Partial<Omit<ReadList, 'columns'>> = {},
): ReadList {
  const builder = new InstrumentColumnsBuilder();
  for (const definition of definitions) builder.add(definition);
  return { columns: builder.build(), duplicates: 0, badRows: 0, isCutOff: false, ...facts };
}

/** So many shares of NSE, whose symbols begin with `prefix`. */
export function sharesOf(count: number, prefix = 'S'): InstrumentDefinition[] {
  return Array.from({ length: count }, (_, i) => definitionOf(((i + 1) << 8) | 1, `${prefix}${i + 1}`));
}

export function registryOf(definitions: readonly InstrumentDefinition[]): InstrumentRegistry {
  return new InstrumentRegistry(readListOf(definitions).columns);
}
