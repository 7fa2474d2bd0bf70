// What a binary client is told of an instrument before its first row (docs/wire.md, section 1).
import { scaleOfInstrument } from '../../../shared/wire/scale.ts';
import type { RowAnnouncement } from '../../core/row-format.ts';

/** `[id, token, tick, lot, exchange, tradingsymbol]`. */
export function rowLineOf({ id, definition }: RowAnnouncement): unknown[] {
  const { tick, lot } = scaleOfInstrument(definition);
  return [id, definition.instrument_token, tick, lot, definition.exchange, definition.tradingsymbol];
}
