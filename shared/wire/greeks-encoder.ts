// Writes how the Greeks of an option came from those before them.
import { GREEK_ZERO_BITS } from '../record-greeks.ts';
import { FULL_RECORD_WORDS, RECORD_WORDS_MAX } from '../tick.ts';
import {
  formOf,
  GREEK,
  GREEK_FLOATS,
  GREEKS_BITS,
  GreeksModel,
  stepsOf,
  underlyingOrder,
} from './greeks-model.ts';
import { WORD } from './row-model.ts';
import type { RowWriter } from './row-writer.ts';

const model = new GreeksModel();

/** The record's Greeks, after all of its other fields. Flags and floats are such as a record may have (shared/record-greeks.ts). */
export function encodeGreeks(
  out: RowWriter,
  words: Uint32Array,
  at: number,
  base: Uint32Array,
  baseAt: number,
): void {
  const isChanged = !isSame(words, at, base, baseAt);
  out.bit(isChanged);
  if (!isChanged) return;
  writeForm(out, words, at, base, baseAt);
  model.prepare(base, baseAt, words[at + WORD.token] as number);
  writePrice(out, GREEK.underlying, words, at, model.before(GREEK.underlying));
  writePrice(out, GREEK.forward, words, at, model.expectedForward(words, at));
  model.follow(words, at);
  for (const [word, order] of GREEK_FLOATS) {
    const value = words[at + word] as number;
    if (value === 0) continue;
    if (model.before(word) === 0) writeLong(out, value >>> GREEK_ZERO_BITS, GREEKS_BITS.float);
    else out.change(stepsOf(value) - model.expectedSteps(word, words, at), order);
  }
}

function isSame(words: Uint32Array, at: number, base: Uint32Array, baseAt: number): boolean {
  for (let word = FULL_RECORD_WORDS; word < RECORD_WORDS_MAX; word++) {
    if (words[at + word] !== base[baseAt + word]) return false;
  }
  return true;
}

/** 0 as before, 1 and the flags and which words are not 0. */
function writeForm(out: RowWriter, words: Uint32Array, at: number, base: Uint32Array, baseAt: number): void {
  const flags = words[at + GREEK.flags] as number;
  const form = formOf(words, at);
  const isNew = flags !== base[baseAt + GREEK.flags] || form !== formOf(base, baseAt);
  out.bit(isNew);
  if (!isNew) return;
  out.bits(flags & 0xff, GREEKS_BITS.status);
  out.bits(flags >>> 8, GREEKS_BITS.source);
  out.bits(form, GREEKS_BITS.form);
}

function writePrice(out: RowWriter, word: number, words: Uint32Array, at: number, expected: number): void {
  const price = words[at + word] as number;
  if (price === 0) return;
  const before = model.before(word);
  if (before === 0) writeLong(out, price, 32);
  else out.change(price - expected, underlyingOrder(before));
}

/** The low `count` (17 to 32) bits. */
function writeLong(out: RowWriter, value: number, count: number): void {
  out.bits(value >>> 16, count - 16);
  out.bits(value & 0xffff, 16);
}
