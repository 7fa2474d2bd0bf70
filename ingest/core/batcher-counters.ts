// What became of the ticks that the buffer took in.

/** Totals. Offered + resent + renewed = posted + conflated + dropped + what is dirty or under way. */
export interface BatcherCounters {
  ticksOffered: number;
  /** Replaced by a newer tick of the same instrument before they were posted. */
  ticksConflated: number;
  ticksPosted: number;
  /** Last values made news again because a shard lost its memory. */
  ticksResent: number;
  /** Last values made news again because their Greeks are other ones. */
  ticksRenewed: number;
  /** Of instruments that nobody wanted any more, or that ceased to exist, before the batch left. */
  ticksDropped: number;
}

export function newBatcherCounters(): BatcherCounters {
  return {
    ticksOffered: 0,
    ticksConflated: 0,
    ticksPosted: 0,
    ticksResent: 0,
    ticksRenewed: 0,
    ticksDropped: 0,
  };
}
