// Whether all pushes of one round of the sidecar are here: it posts to all shards at once, and their ticks leave together.
import { GATEWAY_GATHER_MS_MAX, GATEWAY_GATHER_MS_MIN } from '../../shared/limits.ts';

/**
 * Sent with the first push of a round, the ticks of the others would need frames of their own, and a frame costs the same
 * whatever is in it. So the first waits for the others: as long as the flush costs that it saves, and not for long where
 * that is little, as some may bring nothing for this gateway.
 */
export class PushRound {
  /** A bit for each shard whose push is here. */
  #shards = 0;
  #missing = 0;
  /** When it was first looked at. */
  #sinceMs: number | undefined;

  /** A push of a round of so many shards is here, as this gateway is concerned. */
  onPush(shard: number, roundShards: number): void {
    const bit = 1 << shard;
    if (this.#shards === 0) this.#missing = roundShards;
    // One that comes again is of the next round: this one is over, whatever is missing.
    this.#missing = (this.#shards & bit) === 0 ? this.#missing - 1 : 0;
    this.#shards |= bit;
  }

  /** Until when the others are waited for, when a flush costs so much; the past when they are not. */
  endsAtMs(nowMs: number, flushCostMs: number): number {
    if (this.#missing <= 0) return Number.NEGATIVE_INFINITY;
    // A clock that is set back must not have them waited for until it is where it was.
    if (this.#sinceMs === undefined || nowMs < this.#sinceMs) this.#sinceMs = nowMs;
    return this.#sinceMs + Math.min(GATEWAY_GATHER_MS_MAX, Math.max(GATEWAY_GATHER_MS_MIN, flushCostMs));
  }

  /** What was here has been sent. */
  end(): void {
    this.#shards = 0;
    this.#missing = 0;
    this.#sinceMs = undefined;
  }
}
