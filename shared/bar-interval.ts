// The intervals that bars come in.

/** Milliseconds by interval. */
export const BAR_INTERVAL_MS = { '1s': 1_000, '1m': 60_000 } as const;

export type BarInterval = keyof typeof BAR_INTERVAL_MS;

/** Their order is part of interest as the shards store it (see worker/core/interest.ts). */
export const BAR_INTERVALS = ['1s', '1m'] as const satisfies readonly BarInterval[];
