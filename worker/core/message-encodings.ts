// The messages of one instrument in one flush: as many as dialects times modes in use, so that a list beats a map.
import type { InstrumentDefinition } from '../../shared/instrument.ts';
import type { ModeRank } from '../../shared/tick.ts';
import type { TickEncoder } from './row-format.ts';

export class MessageEncodings {
  readonly #encoders: TickEncoder[] = [];
  readonly #ranks: ModeRank[] = [];
  readonly #messages: string[] = [];

  /** Another instrument. */
  start(): void {
    this.#encoders.length = 0;
    this.#ranks.length = 0;
    this.#messages.length = 0;
  }

  /** The instrument's message for this dialect and mode, encoded when it is asked for first. */
  get(
    encodeTick: TickEncoder,
    view: DataView,
    at: number,
    rank: ModeRank,
    definition: InstrumentDefinition,
    seq: number,
  ): string {
    for (let i = 0; i < this.#messages.length; i++) {
      if (this.#ranks[i] === rank && this.#encoders[i] === encodeTick) return this.#messages[i] as string;
    }
    const message = encodeTick(view, at, rank, definition, seq);
    this.#encoders.push(encodeTick);
    this.#ranks.push(rank);
    this.#messages.push(message);
    return message;
  }
}
