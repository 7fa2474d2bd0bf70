// Whether an instrument list is whole: what it says of itself, and what it has beside the last good one.
import {
  INSTRUMENT_BAD_ROWS_SHARE_MAX,
  INSTRUMENT_EXCHANGE_ROWS_COMPARED_MIN,
  INSTRUMENT_EXCHANGE_ROWS_SHARE_MIN,
  INSTRUMENT_ROWS_SHARE_MIN,
} from '../../shared/limits.ts';

/** How many instruments each exchange has. */
export type ExchangeRows = ReadonlyMap<string, number>;

export interface ListFacts {
  readonly rows: ExchangeRows;
  readonly badRows: number;
  /** What was wrong with the first bad row. */
  readonly firstBadRow?: string;
  /** The text ended inside a row. */
  readonly isCutOff: boolean;
}

export function totalOf(rows: ExchangeRows): number {
  let total = 0;
  for (const count of rows.values()) total += count;
  return total;
}

/** What a list lacks that the last good one had; undefined when it may take its place. */
export function shrinkageOf(rows: ExchangeRows, lastGood: ExchangeRows): string | undefined {
  const [now, before] = [totalOf(rows), totalOf(lastGood)];
  if (now < before * INSTRUMENT_ROWS_SHARE_MIN) return `${now} instruments, the last good list has ${before}`;
  for (const [exchange, count] of lastGood) {
    const left = rows.get(exchange) ?? 0;
    const isCompared = count >= INSTRUMENT_EXCHANGE_ROWS_COMPARED_MIN;
    if (isCompared && left < count * INSTRUMENT_EXCHANGE_ROWS_SHARE_MIN)
      return `${left} instruments of ${exchange}, the last good list has ${count}`;
  }
  return undefined;
}

/** Why the list cannot be used whatever there was before; undefined when nothing speaks against it. */
export function faultOf({ rows, badRows, firstBadRow, isCutOff }: ListFacts): string | undefined {
  const good = totalOf(rows);
  if (good === 0)
    return `no usable row${firstBadRow === undefined ? '' : `, ${badRows} bad ones: ${firstBadRow}`}`;
  if (isCutOff) return `the text ends inside a row, after ${good} instruments: half a download`;
  // One is always allowed: readers of Kite's list have met junk behind its last line end.
  if (badRows > 1 && badRows > good * INSTRUMENT_BAD_ROWS_SHARE_MAX)
    return `${badRows} bad rows beside ${good} good ones: ${firstBadRow}`;
  return undefined;
}
