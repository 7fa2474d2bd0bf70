// How long to wait before the next attempt: full jitter, so that many clients of one failed server do not return together.

export interface BackoffRange {
  /** Ceiling of the first wait. */
  readonly minMs: number;
  /** Ceiling that later waits grow to. */
  readonly maxMs: number;
}

/** Highest wait of the attempt (0 for the first): doubles from `minMs` up to `maxMs`. */
export function backoffCeilingMs(attempt: number, range: BackoffRange): number {
  // 2 ** attempt overflows to Infinity for absurd attempts, which the minimum turns into maxMs.
  return Math.min(range.maxMs, range.minMs * 2 ** attempt);
}

/** A wait in [0, ceiling), whole milliseconds; `random` is in [0, 1). */
export function fullJitterMs(attempt: number, range: BackoffRange, random: number): number {
  return Math.floor(random * backoffCeilingMs(attempt, range));
}
