// What a round of pushes costs a gateway, by a model: a clock stands still in an object while it works.
import {
  FLUSH_COST_MS_MAX,
  FLUSH_COST_ROUNDS,
  GATEWAY_ROUND_MS,
  GATEWAY_SEND_COST_US,
} from '../../shared/limits.ts';

/**
 * Frames sent per round, times what one costs. A round is what the sidecar posts to all shards at once: its pushes come
 * together, and everything that is sent until the next one, by whichever flush, is caused by it.
 */
export class FlushCost {
  #roundAtMs = Number.NEGATIVE_INFINITY;
  /** Frames that had been sent when the round began. */
  #framesBefore = 0;
  #averageMs = 0;

  /** A push is here, before which `framesSent` frames were sent in all. */
  onPush(framesSent: number, nowMs: number): void {
    const sinceMs = nowMs - this.#roundAtMs;
    // A clock that is set back begins a round too: it must not make one of hours.
    if (sinceMs >= 0 && sinceMs < GATEWAY_ROUND_MS) return;
    this.#averageMs = this.#averageWith(framesSent);
    this.#roundAtMs = nowMs;
    this.#framesBefore = framesSent;
  }

  /** Average cost of a round in ms, up to FLUSH_COST_MS_MAX. The round under way can only raise it: it is not over. */
  ms(framesSent: number): number {
    const ms = Math.max(this.#averageMs, this.#averageWith(framesSent));
    return Math.min(FLUSH_COST_MS_MAX, Math.round(ms * 1_000) / 1_000);
  }

  #averageWith(framesSent: number): number {
    const roundMs = ((framesSent - this.#framesBefore) * GATEWAY_SEND_COST_US) / 1_000;
    return this.#averageMs + (roundMs - this.#averageMs) / FLUSH_COST_ROUNDS;
  }
}
