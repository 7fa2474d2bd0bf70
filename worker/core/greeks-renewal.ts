// Whether a record says anything new beside its Greeks: an option that did not tick is renewed as its underlying moves.
import { AT, FULL_RECORD_WORDS, RECORD_KIND, RECORD_WORDS_MAX } from '../../shared/tick.ts';
import type { TickStore } from '../../shared/tick-store.ts';

const KIND_WORD = AT.kind / 4;
const SEQ_WORD = AT.seq / 4;

/** True when the record at word `at` is the slot's own one, received when that was, with other Greeks or none that differ. */
export function isGreeksRenewal(store: TickStore, slot: number, words: Uint32Array, at: number): boolean {
  if (words[at + KIND_WORD] !== RECORD_KIND.optionFull) return false;
  const held = store.words;
  const heldAt = slot * RECORD_WORDS_MAX;
  for (let word = KIND_WORD; word < FULL_RECORD_WORDS; word++) {
    // The batch that brought it is another one in any case.
    if (word !== SEQ_WORD && held[heldAt + word] !== words[at + word]) return false;
  }
  return true;
}
