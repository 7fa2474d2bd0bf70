// By tier, the record of each instrument that its last flush sent: what the next row is a change of.
import { RECORD_WORDS_MAX, recordWords } from '../../../shared/tick.ts';
import { copyWords } from '../../../shared/tick-store.ts';
import { WORD } from '../../../shared/wire/row-model.ts';
import type { Tier } from '../../core/terms.ts';

const SLOTS_AT_START = 256;

export class SentRecords {
  /** By tier, records by slot; a tier that nobody has takes nothing. */
  readonly #tiers: Uint32Array[] = [];

  /** The tier's records; the slot's is at `slot * RECORD_WORDS_MAX`, its kind is 0 where there is none. */
  wordsFor(tier: Tier, slot: number): Uint32Array {
    const words = this.#tiers[tier];
    const end = (slot + 1) * RECORD_WORDS_MAX;
    return words && end <= words.length ? words : this.#grow(tier, slot);
  }

  /** The slot's record of `from` is what the tier's clients have. */
  keep(tier: Tier, slot: number, from: Uint32Array): void {
    const at = slot * RECORD_WORDS_MAX;
    copyWords(from, at, this.wordsFor(tier, slot), at, recordWords(from[at + WORD.kind] as number));
  }

  forget(slot: number): void {
    this.forgetTiers(slot, ~0);
  }

  /** `tiers` has a bit for each tier. */
  forgetTiers(slot: number, tiers: number): void {
    const at = slot * RECORD_WORDS_MAX + WORD.kind;
    for (let tier = 0; tier < this.#tiers.length; tier++) {
      const words = this.#tiers[tier];
      if ((tiers & (1 << tier)) !== 0 && words && at < words.length) words[at] = 0;
    }
  }

  #grow(tier: Tier, slot: number): Uint32Array {
    while (this.#tiers.length <= tier) this.#tiers.push(new Uint32Array(0));
    const slots = Math.max(SLOTS_AT_START, 2 * (slot + 1));
    const grown = new Uint32Array(slots * RECORD_WORDS_MAX);
    grown.set(this.#tiers[tier] as Uint32Array);
    this.#tiers[tier] = grown;
    return grown;
  }
}
