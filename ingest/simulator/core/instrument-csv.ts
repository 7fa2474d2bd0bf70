// The instrument dump as Kite serves it: CSV with CRLF line ends, prices without trailing zeros.
import type { InstrumentDefinition } from '../../../shared/instrument.ts';

const HEADER =
  'instrument_token,exchange_token,tradingsymbol,name,last_price,expiry,strike,tick_size,lot_size,instrument_type,segment,exchange';

/** Kite does not quote fields; a field that needed quotes would shift the columns of every reader. */
function field(text: string): string {
  if (/[",\r\n]/.test(text)) throw new RangeError(`not a plain CSV field: ${JSON.stringify(text)}`);
  return text;
}

/** One header and a row each; `last_price` is 0 as in the dumps since 2026. Throws RangeError on a field with a comma. */
export function instrumentCsv(instruments: readonly InstrumentDefinition[]): string {
  const rows = [HEADER];
  for (const each of instruments) {
    const { instrument_token: token, tick_size: tick, lot_size: lot, instrument_type: type } = each;
    const names = `${field(each.tradingsymbol)},${field(each.name ?? '')}`;
    const terms = `${each.expiry ?? ''},${each.strike ?? 0},${tick},${lot}`;
    rows.push(`${token},${token >>> 8},${names},0,${terms},${type},${each.segment},${each.exchange}`);
  }
  rows.push('');
  return rows.join('\r\n');
}
