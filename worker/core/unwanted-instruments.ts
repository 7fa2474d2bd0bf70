// Instruments that nobody wants any more, and since when: after a while the sidecar has stopped streaming them.
import type { InstrumentToken } from '../../shared/instrument.ts';
import { DEMAND_LINGER_MS, UNWANTED_SLACK_MS } from '../../shared/limits.ts';

export class UnwantedInstruments {
  /** By token, in ms of the clock of the batches. Bounded by the instruments that were ever wanted here. */
  readonly #sinceMs = new Map<InstrumentToken, number>();

  left(token: InstrumentToken, nowMs: number): void {
    if (!this.#sinceMs.has(token)) this.#sinceMs.set(token, nowMs);
  }

  /**
   * The instrument is wanted again. True when it was not for so long that its value is of another time; before that the
   * sidecar has gone on streaming it, and would not send again what has not changed.
   */
  takeBack(token: InstrumentToken, nowMs: number): boolean {
    const sinceMs = this.#sinceMs.get(token);
    this.#sinceMs.delete(token);
    return sinceMs !== undefined && nowMs - sinceMs > DEMAND_LINGER_MS + UNWANTED_SLACK_MS;
  }
}
