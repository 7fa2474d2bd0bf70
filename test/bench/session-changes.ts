// What changes from one tick of an instrument to the next, over a session.
import { AT, DEPTH_LEVELS } from '../../shared/tick.ts';
import type { TickSession } from './tick-session.ts';

const DEPTH_WORD = AT.depth / 4;
const SIDE_WORDS = DEPTH_LEVELS * 3;

/** Means over all ticks but each instrument's first. */
export interface SessionChanges {
  /** Columns of the book that change, of 30: quantity, price and orders of ten levels. */
  readonly depthColumns: number;
  /** Share of the sides of books in which nothing changes. */
  readonly unchangedSides: number;
  /** Share of ticks with traded volume. */
  readonly traded: number;
  /** Share of ticks with another total quantity on either side. */
  readonly changedTotals: number;
}

export function measureChanges(session: TickSession): SessionChanges {
  const before = new Map<number, Uint32Array>();
  let [ticks, columns, unchangedSides, traded, changedTotals] = [0, 0, 0, 0, 0];
  for (const { instrument, record } of session.ticks) {
    const last = before.get(instrument);
    before.set(instrument, record);
    if (last === undefined) continue;
    ticks++;
    for (const side of [DEPTH_WORD, DEPTH_WORD + SIDE_WORDS]) {
      const changed = changedWords(record, last, side, side + SIDE_WORDS);
      columns += changed;
      if (changed === 0) unchangedSides++;
    }
    if (record[AT.volume / 4] !== last[AT.volume / 4]) traded++;
    if (changedWords(record, last, AT.buyQuantity / 4, AT.sellQuantity / 4 + 1) > 0) changedTotals++;
  }
  return {
    depthColumns: columns / ticks,
    unchangedSides: unchangedSides / (2 * ticks),
    traded: traded / ticks,
    changedTotals: changedTotals / ticks,
  };
}

function changedWords(record: Uint32Array, last: Uint32Array, from: number, to: number): number {
  let changed = 0;
  for (let word = from; word < to; word++) if (record[word] !== last[word]) changed++;
  return changed;
}
