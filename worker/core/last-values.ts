// The last values that a gateway has, as it hands them to those who ask for them.
import type { InstrumentDefinition, InstrumentToken } from '../../shared/instrument.ts';
import { RANK_MAX } from '../../shared/tick.ts';
import type { TickStore } from '../../shared/tick-store.ts';
import type { TickEncoder } from './row-format.ts';

export class LastValues {
  readonly #store: TickStore;
  readonly #definitions: readonly (InstrumentDefinition | undefined)[];

  /** Definitions by slot. */
  constructor(store: TickStore, definitions: readonly (InstrumentDefinition | undefined)[]) {
    this.#store = store;
    this.#definitions = definitions;
  }

  /** Of these tokens, those of which nothing can be sent yet. */
  pendingOf(tokens: readonly InstrumentToken[]): InstrumentToken[] {
    return tokens.filter((token) => !this.#definitionOf(token));
  }

  /** The token's last value with all that there is of it; undefined while there is none. `seq` is the last flush. */
  encode(token: InstrumentToken, encodeTick: TickEncoder, seq: number): string | undefined {
    const definition = this.#definitionOf(token);
    if (!definition) return undefined;
    const { view } = this.#store;
    return encodeTick(view, this.#store.byteOffset(this.#store.slotOf(token)), RANK_MAX, definition, seq);
  }

  /** Undefined also where there is no value. */
  #definitionOf(token: InstrumentToken): InstrumentDefinition | undefined {
    const slot = this.#store.slotOf(token);
    return slot >= 0 && this.#store.kindAt(slot) !== 0 ? this.#definitions[slot] : undefined;
  }
}
