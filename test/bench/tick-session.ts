// A session of ticks as a gateway sees it: many instruments, flush by flush, the newest record of each.
import type { InstrumentDefinition } from '../../shared/instrument.ts';
import { RECORD_WORDS_MAX } from '../../shared/tick.ts';

export interface SessionTick {
  /** Position of its instrument in the session's definitions. */
  readonly instrument: number;
  /** When it was received, ms since the epoch. */
  readonly receivedAtMs: number;
  readonly record: Uint32Array;
}

export interface TickSession {
  readonly definitions: readonly InstrumentDefinition[];
  /** In the order in which they were received. */
  readonly ticks: readonly SessionTick[];
}

/** What is flushed together: at most one tick of an instrument, at the end of a window. */
export interface SessionFlush {
  readonly endMs: number;
  readonly ticks: readonly SessionTick[];
}

/** Cuts the session into windows; of an instrument's ticks in one window the newest counts. */
export function* flushesOf(session: TickSession, windowMs: number): Generator<SessionFlush> {
  const newest = new Map<number, SessionTick>();
  let endMs = 0;
  for (const tick of session.ticks) {
    if (tick.receivedAtMs >= endMs) {
      if (newest.size > 0) yield { endMs, ticks: [...newest.values()] };
      newest.clear();
      endMs = (Math.floor(tick.receivedAtMs / windowMs) + 1) * windowMs;
    }
    newest.set(tick.instrument, tick);
  }
  if (newest.size > 0) yield { endMs, ticks: [...newest.values()] };
}

/** A copy of the record's words at the full size. */
export function copyOfRecord(view: DataView, at: number): Uint32Array {
  const record = new Uint32Array(RECORD_WORDS_MAX);
  for (let word = 0; word < RECORD_WORDS_MAX; word++) record[word] = view.getUint32(at + word * 4, true);
  return record;
}
