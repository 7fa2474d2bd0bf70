// Tick records made by hand for tests.
import type { InstrumentDefinition, InstrumentToken } from '../../shared/instrument.ts';
import {
  AT,
  isFullKind,
  RECORD_WORDS_MAX,
  type RecordKind,
  recordWords,
  writeReceivedAt,
} from '../../shared/tick.ts';

export type RecordFields = Partial<Record<Exclude<keyof typeof AT, 'kind' | 'token' | 'depth'>, number>>;

/** One record of `kind`; fields not given are zero, the depth counts up from the last price. */
export function recordOf(
  token: number,
  kind: RecordKind,
  fields: RecordFields = {},
  receivedAtMs = 1_764_000_000_000,
) {
  const words = new Uint32Array(RECORD_WORDS_MAX);
  const view = new DataView(words.buffer);
  view.setUint32(AT.token, token, true);
  view.setUint32(AT.kind, kind, true);
  writeReceivedAt(view, 0, receivedAtMs);
  for (const [name, value] of Object.entries(fields)) {
    view.setUint32(AT[name as keyof RecordFields], value as number, true);
  }
  if (isFullKind(kind)) {
    for (let level = 0; level < 10; level++) {
      const price = (fields.lastPrice ?? 0) + (level < 5 ? -1 - level : level - 4) * 5;
      view.setUint32(AT.depth + level * 12, (level + 1) * 75, true);
      view.setUint32(AT.depth + level * 12 + 4, Math.max(price, 0), true);
      view.setUint32(AT.depth + level * 12 + 8, level + 1, true);
    }
  }
  return words.subarray(0, recordWords(kind));
}

export function joinRecords(records: readonly Uint32Array[]): Uint32Array {
  const joined = new Uint32Array(records.reduce((sum, record) => sum + record.length, 0));
  let at = 0;
  for (const record of records) {
    joined.set(record, at);
    at += record.length;
  }
  return joined;
}

export function definitionOf(token: number, tradingsymbol = `SYM${token}`): InstrumentDefinition {
  return {
    instrument_token: token as InstrumentToken,
    tradingsymbol,
    exchange: 'NSE',
    segment: 'NSE',
    instrument_type: 'EQ',
    tick_size: 0.05,
    lot_size: 1,
  };
}
