// Reads the Greeks of an option into the record whose other fields are new already.
import { AppError } from '../errors.ts';
import { areGreeksFlags, GREEK_ZERO_BITS } from '../record-greeks.ts';
import { FULL_RECORD_WORDS, RECORD_WORDS_MAX } from '../tick.ts';
import type { BitReader } from './bit-reader.ts';
import {
  formOf,
  GREEK,
  GREEK_FLOATS,
  GREEKS_BITS,
  type GreeksModel,
  STEPS_END,
  stepsOf,
  underlyingOrder,
  wordOfSteps,
} from './greeks-model.ts';
import { uint32 } from './row-model.ts';

/** Throws `frame_invalid` on what no record can have. `model` has been prepared with the record before the row. */
export function decodeGreeks(bits: BitReader, words: Uint32Array, at: number, model: GreeksModel): void {
  if (!bits.bit()) return;
  const form = bits.bit() ? readForm(bits, words, at) : formOf(words, at);
  for (let word = FULL_RECORD_WORDS + 1; word < RECORD_WORDS_MAX; word++) {
    if (!isThere(form, word)) words[at + word] = 0;
  }
  if (isThere(form, GREEK.underlying)) {
    words[at + GREEK.underlying] = readPrice(bits, GREEK.underlying, model, model.before(GREEK.underlying));
  }
  if (isThere(form, GREEK.forward)) {
    words[at + GREEK.forward] = readPrice(bits, GREEK.forward, model, model.expectedForward(words, at));
  }
  model.follow(words, at);
  for (const [word, order] of GREEK_FLOATS) {
    if (!isThere(form, word)) continue;
    const isNew = model.before(word) === 0;
    const steps = isNew
      ? stepsOf(bits.bits(GREEKS_BITS.float) << GREEK_ZERO_BITS)
      : model.expectedSteps(word, words, at) + bits.change(order);
    if (steps === 0 || Math.abs(steps) >= STEPS_END) {
      throw new AppError('frame_invalid', `a Greek of ${steps} steps`);
    }
    words[at + word] = wordOfSteps(steps);
  }
}

/** Whether the form has a word that is not 0 there. */
function isThere(form: number, word: number): boolean {
  return ((form >>> (GREEK.rho - word)) & 1) === 1;
}

function readForm(bits: BitReader, words: Uint32Array, at: number): number {
  const status = bits.bits(GREEKS_BITS.status);
  const flags = (bits.bits(GREEKS_BITS.source) << 8) | status;
  if (!areGreeksFlags(flags)) throw new AppError('frame_invalid', `flags ${flags} of Greeks`);
  words[at + GREEK.flags] = flags;
  return bits.bits(GREEKS_BITS.form);
}

function readPrice(bits: BitReader, word: number, model: GreeksModel, expected: number): number {
  const before = model.before(word);
  const price = before === 0 ? bits.bits(32) : uint32(expected + bits.change(underlyingOrder(before)));
  if (price === 0) throw new AppError('frame_invalid', 'a price of Greeks that is 0');
  return price;
}
