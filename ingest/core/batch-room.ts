// What one batch has taken in so far, and whether more of it fits.
import type { InstrumentDefinition } from '../../shared/instrument.ts';
import { BATCH_DEFINITIONS_MAX } from '../../shared/limits.ts';

export class BatchRoom {
  readonly definitions: InstrumentDefinition[] = [];
  tickWords = 0;
  /** A JSON list has two brackets, and each definition's comma is counted with it. */
  #definitionBytes = 2;
  readonly #bytesMax: number;

  /** `bytesMax` is for ticks and definitions together. */
  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  fits(tickWords: number, definitionBytes: number): boolean {
    return (this.tickWords + tickWords) * 4 + this.#definitionBytes + definitionBytes <= this.#bytesMax;
  }

  /** Takes the definition if it fits, and `tickWords` words of a tick beside it. */
  take(definition: InstrumentDefinition, tickWords: number): boolean {
    if (this.definitions.length >= BATCH_DEFINITIONS_MAX) return false;
    const bytes = new TextEncoder().encode(JSON.stringify(definition)).byteLength + 1;
    if (!this.fits(tickWords, bytes)) return false;
    this.#definitionBytes += bytes;
    this.definitions.push(definition);
    return true;
  }
}
