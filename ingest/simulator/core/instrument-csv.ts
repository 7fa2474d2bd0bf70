// The instrument dump as Kite serves it: CSV with CRLF line ends, prices without trailing zeros.
import type { InstrumentDefinition } from '../../../shared/instrument.ts';
import { DUMP_COLUMNS } from './dump-rows.ts';

/** Kite's fields need no quotes; one of a saved file that does must not shift the columns of every reader. */
function field(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** One header and a row each; `last_price` is 0 as in the dumps since 2026. */
export function instrumentCsv(instruments: readonly InstrumentDefinition[]): string {
  const rows = [DUMP_COLUMNS.join(',')];
  for (const each of instruments) {
    const { instrument_token: token, tick_size: tick, lot_size: lot, instrument_type: type } = each;
    const names = `${field(each.tradingsymbol)},${field(each.name ?? '')}`;
    const terms = `${each.expiry ?? ''},${each.strike ?? 0},${tick},${lot}`;
    rows.push(`${token},${token >>> 8},${names},0,${terms},${type},${each.segment},${each.exchange}`);
  }
  rows.push('');
  return rows.join('\r\n');
}
