// What both ends of a row expect of an option's Greeks: where Black's model has the old ones go with the new prices.
import { priceDivisorOf } from '../instrument.ts';
import { FORWARD_SOURCES, GREEK_ZERO_BITS, GREEKS_AT, GREEKS_WORDS, greekWord } from '../record-greeks.ts';
import { FULL_RECORD_WORDS, RECORD_WORDS_MAX } from '../tick.ts';
import { LEVEL, orderOf, WORD } from './row-model.ts';
import { bitLength } from './scale.ts';

/** Positions of the words of Greeks, from the record's first one. */
export const GREEK = {
  flags: FULL_RECORD_WORDS + GREEKS_AT.flags / 4,
  underlying: FULL_RECORD_WORDS + GREEKS_AT.underlying / 4,
  forward: FULL_RECORD_WORDS + GREEKS_AT.forward / 4,
  iv: FULL_RECORD_WORDS + GREEKS_AT.iv / 4,
  ivBid: FULL_RECORD_WORDS + GREEKS_AT.ivBid / 4,
  ivAsk: FULL_RECORD_WORDS + GREEKS_AT.ivAsk / 4,
  delta: FULL_RECORD_WORDS + GREEKS_AT.delta / 4,
  gamma: FULL_RECORD_WORDS + GREEKS_AT.gamma / 4,
  theta: FULL_RECORD_WORDS + GREEKS_AT.theta / 4,
  vega: FULL_RECORD_WORDS + GREEKS_AT.vega / 4,
  rho: FULL_RECORD_WORDS + GREEKS_AT.rho / 4,
} as const;

/** The floats in the order of a row, in which each is expected by those before it; and the orders of their codes. */
export const GREEK_FLOATS: readonly (readonly [word: number, order: number])[] = [
  [GREEK.iv, 0],
  [GREEK.delta, 3],
  [GREEK.gamma, 3],
  [GREEK.vega, 0],
  [GREEK.theta, 0],
  [GREEK.ivBid, 0],
  [GREEK.ivAsk, 0],
  [GREEK.rho, 0],
];

/** Bits of a status, of a forward source, of which numbers there are, of a float that was not there before. */
export const GREEKS_BITS = {
  status: 5,
  source: 3,
  form: GREEKS_WORDS - 1,
  float: 32 - GREEK_ZERO_BITS,
} as const;
const SIGN_BIT = 1 << (GREEKS_BITS.float - 1);
/** A step is a float's smallest difference from the next one; from here on the word is no number. */
export const STEPS_END = 0xff << (31 - 8 - GREEK_ZERO_BITS);

/** Sources whose forward is the underlying with its carry. */
const CARRY = FORWARD_SOURCES.indexOf('carry');
/** Theta has the interest on the premium: of 6.5 per cent, in a day. Of another rate a row is some bits longer. */
const RATE_PER_DAY = 0.000178;

/** Moves of prices that are not the instrument's own: of some 2^-13 of them. */
export function underlyingOrder(before: number): number {
  return orderOf(bitLength(before) - 13);
}

/** A bit for each word of Greeks that is not 0, the first in the highest. */
export function formOf(words: Uint32Array, at: number): number {
  let form = 0;
  for (let word = GREEK.underlying; word <= GREEK.rho; word++) {
    form = (form << 1) | (words[at + word] === 0 ? 0 : 1);
  }
  return form;
}

/** The word of a float as a whole number that ascends with it. */
export function stepsOf(word: number): number {
  const bits = word >>> GREEK_ZERO_BITS;
  return bits < SIGN_BIT ? bits : SIGN_BIT - bits;
}

/** The word of such a number. */
export function wordOfSteps(steps: number): number {
  return ((steps < 0 ? SIGN_BIT - steps : steps) << GREEK_ZERO_BITS) >>> 0;
}

const floats = new Float32Array(1);
const bits = new Uint32Array(floats.buffer);

function floatOf(word: number): number {
  bits[0] = word;
  return floats[0] as number;
}

/** The prices that Greeks follow, in rupees; the middle is the last price where the book has none. */
class Prices {
  middle = 0.5;
  bid = 0.5;
  ask = 0.5;

  read(words: Uint32Array, at: number, divisor: number): void {
    const bid = words[at + WORD.buy + LEVEL.price] as number;
    const ask = words[at + WORD.sell + LEVEL.price] as number;
    const isBook = bid !== 0 && ask >= bid;
    this.bid = bid / divisor;
    this.ask = ask / divisor;
    this.middle = isBook ? (bid + ask) / 2 / divisor : (words[at + WORD.lastPrice] as number) / divisor;
  }
}

/**
 * Greeks before a row, and what is expected of them after it. Only + - * / and square roots, which every machine rounds to the same
 * bits: an expectation that is a step off at one end is a wrong value.
 */
export class GreeksModel {
  readonly #before = new Uint32Array(RECORD_WORDS_MAX);
  readonly #old = new Prices();
  readonly #now = new Prices();
  #divisor = 1;
  /** Rupees; and how far it has moved. */
  #forward = 0.5;
  #move = 0.5;
  #iv = 0.5;
  #delta = 0.5;
  #gamma = 0.5;
  #vega = 0.5;
  /** Forward x deviation, in rupees; and gamma times it, the discounted density at d1. */
  #width = 0.5;
  #density = 0.5;
  #d1 = 0.5;
  #d2 = 0.5;

  /** Takes in the record of the token at word `at` as it is before the row. */
  prepare(words: Uint32Array, at: number, token: number): void {
    const before = this.#before;
    for (let word = GREEK.flags; word <= GREEK.rho; word++) before[word] = words[at + word] as number;
    this.#divisor = priceDivisorOf(token);
    this.#old.read(words, at, this.#divisor);
    this.#forward = (before[GREEK.forward] as number) / this.#divisor;
    this.#iv = floatOf(before[GREEK.iv] as number);
    this.#delta = floatOf(before[GREEK.delta] as number);
    this.#gamma = floatOf(before[GREEK.gamma] as number);
    this.#vega = floatOf(before[GREEK.vega] as number);
    this.#width = Math.sqrt((this.#iv * this.#vega) / this.#gamma);
    this.#density = this.#gamma * this.#width;
    const probability = Math.abs(this.#delta);
    const isFar = probability < 0.5;
    // Mills' ratio of the smaller tail, turned round: right to a hundredth.
    const ratio = (isFar ? probability : 1 - probability) / this.#density;
    const distance = 1 / ratio - ratio * (1 - 0.29 * ratio);
    this.#d1 = isFar === this.#delta < 0 ? distance : -distance;
    this.#d2 = this.#d1 - this.#width / this.#forward;
  }

  /** The word as it was before the row. */
  before(word: number): number {
    return this.#before[word] as number;
  }

  /** The raw forward, once the row's flags and underlying are known. */
  expectedForward(words: Uint32Array, at: number): number {
    const before = this.#before[GREEK.forward] as number;
    const underlying = this.#before[GREEK.underlying] as number;
    if ((words[at + GREEK.flags] as number) >>> 8 < CARRY || underlying === 0) return before;
    const moved = Math.floor((before * (words[at + GREEK.underlying] as number)) / underlying + 0.5);
    return Math.min(moved, 0xffff_ffff);
  }

  /** Takes in the row's prices, forward and all: what is expected from here on follows them. */
  follow(words: Uint32Array, at: number): void {
    this.#now.read(words, at, this.#divisor);
    this.#move = (words[at + GREEK.forward] as number) / this.#divisor - this.#forward;
  }

  /** The float at `word` in steps, once those before it in the row are known; as it was where the model says nothing. */
  expectedSteps(word: number, words: Uint32Array, at: number): number {
    const expected = greekWord(this.#expected(word, words, at));
    return stepsOf(expected === 0 ? (this.#before[word] as number) : expected);
  }

  #expected(word: number, words: Uint32Array, at: number): number {
    if (word === GREEK.iv) return this.#expectedIv();
    const ivRatio = floatOf(words[at + GREEK.iv] as number) / this.#iv;
    if (word === GREEK.delta) {
      const shift = this.#move / this.#width - this.#d2 * (ivRatio - 1);
      return this.#delta + this.#density * shift;
    }
    const forwardRatio = (this.#forward + this.#move) / this.#forward;
    if (word === GREEK.gamma) {
      const shift = (floatOf(words[at + GREEK.delta] as number) - this.#delta) / this.#density;
      return (this.#gamma * (1 - shift * (this.#d1 + 0.5 * shift))) / (forwardRatio * ivRatio);
    }
    if (word === GREEK.vega) {
      const gammaRatio = floatOf(words[at + GREEK.gamma] as number) / this.#gamma;
      return this.#vega * gammaRatio * forwardRatio * forwardRatio * ivRatio;
    }
    const old = this.#old;
    const now = this.#now;
    const before = floatOf(this.#before[word] as number);
    if (word === GREEK.rho) return (before * now.middle) / old.middle;
    const vegaRatio = floatOf(words[at + GREEK.vega] as number) / this.#vega;
    if (word === GREEK.theta) {
      return (before - RATE_PER_DAY * old.middle) * vegaRatio * ivRatio + RATE_PER_DAY * now.middle;
    }
    const reach =
      word === GREEK.ivBid
        ? (now.middle - now.bid) / (old.middle - old.bid)
        : (now.ask - now.middle) / (old.ask - old.middle);
    return this.#iv * ivRatio + ((before - this.#iv) * reach) / vegaRatio;
  }

  /** What the price has moved beyond what delta and gamma have it move, over vega; and volga's part of that. */
  #expectedIv(): number {
    const move = this.#move;
    const rest = this.#now.middle - this.#old.middle - move * (this.#delta + 0.5 * this.#gamma * move);
    const step = rest / (this.#vega * (1 - (this.#d2 * move) / this.#width));
    return this.#iv + step * (1 - (0.5 * this.#d1 * this.#d2 * step) / this.#iv);
  }
}
