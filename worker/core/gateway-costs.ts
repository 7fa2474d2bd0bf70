// What a shard knows of its gateways' room: the flush cost that each last answered a push with, and who does not answer.
import { FLUSH_COST_AGE_MS_MAX, FLUSH_COST_MS_MAX, SHARD_PUSH_MS_MAX } from '../../shared/limits.ts';

/** Times are of any clock; one that is set back makes nothing older. */
export class GatewayCosts {
  readonly #answers = new Map<string, { readonly costMs: number; readonly atMs: number }>();
  readonly #pushingSinceMs = new Map<string, number>();

  pushBegins(gateway: string, nowMs: number): void {
    this.#pushingSinceMs.set(gateway, nowMs);
  }

  /** The gateway has the push. One of an earlier version answers nothing, and nothing is known of its room. */
  pushEnds(gateway: string, costMs: number | undefined, nowMs: number): void {
    this.#pushingSinceMs.delete(gateway);
    this.#answers.set(gateway, { costMs: costMs ?? FLUSH_COST_MS_MAX, atMs: nowMs });
  }

  pushFails(gateway: string): void {
    this.#pushingSinceMs.delete(gateway);
  }

  /**
   * Highest flush cost of these gateways, in ms; 0 for none. A push that is merely under way says nothing: there is
   * never a second one, so that a gateway far away gets fewer and larger ones whatever the window is. One that takes
   * longer than distance explains means no room.
   */
  maxMs(gateways: readonly string[], nowMs: number): number {
    let maxMs = 0;
    for (const gateway of gateways) {
      const answer = this.#answers.get(gateway);
      if (nowMs - (this.#pushingSinceMs.get(gateway) ?? nowMs) > SHARD_PUSH_MS_MAX) return FLUSH_COST_MS_MAX;
      if (answer && nowMs - answer.atMs <= FLUSH_COST_AGE_MS_MAX) maxMs = Math.max(maxMs, answer.costMs);
    }
    return maxMs;
  }
}
