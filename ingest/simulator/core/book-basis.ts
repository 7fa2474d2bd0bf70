// What each book was last quoted off, and the tick it last changed in: a real book stands still in many ticks.
import type { Contract } from './contract.ts';
import { mix, unitOf } from './random.ts';
import type { SpotWalk } from './spot-walk.ts';

/** Float64 words of one instrument: spot price, volatility, time; the last one is two uint32. */
const WORDS = 4;
const CHANGED_AT = 6;
const QUOTED_AT = 7;
const UINT32_WORDS = 2 * WORDS;

/** What all books are quoted off at one step of the market. */
export interface QuoteSource {
  readonly walk: SpotWalk;
  /** The volatility index as a fraction. */
  readonly volatility: number;
  /** Ms since the epoch. */
  readonly nowMs: number;
}

/**
 * Depends on the turns that were handed out and on the seed, never on who looks: that is why it is told of every turn,
 * also of instruments that nobody wants.
 */
export class BookBasis {
  readonly #contracts: readonly Contract[];
  readonly #bookProbability: number;
  readonly #sources: Float64Array;
  /** The same memory: an instrument's basis is one line of the cache. */
  readonly #ticks: Uint32Array;
  readonly #isNew: Uint8Array;
  /** Of the contracts, side by side: two of five turns look at nothing else. */
  readonly #keys: Uint32Array;

  /** @param bookProbability share of an instrument's ticks in which its book changes */
  constructor(contracts: readonly Contract[], bookProbability: number, source: QuoteSource) {
    this.#contracts = contracts;
    this.#bookProbability = bookProbability;
    this.#sources = new Float64Array(contracts.length * WORDS);
    this.#ticks = new Uint32Array(this.#sources.buffer);
    this.#isNew = new Uint8Array(contracts.length);
    this.#keys = Uint32Array.from(contracts, ({ key }) => key);
    this.quoteAll(source);
  }

  /** The instrument's `tickNumber`th turn: its book may change, and when it does its prices may. */
  turn(slot: number, tickNumber: number, source: QuoteSource): void {
    const hash = mix((this.#keys[slot] as number) ^ 51, tickNumber);
    if (unitOf(hash) >= this.#bookProbability) return;
    const contract = this.#contracts[slot] as Contract;
    this.#ticks[slot * UINT32_WORDS + CHANGED_AT] = tickNumber;
    this.#isNew[slot] = 1;
    if (unitOf(mix(hash, 1)) >= contract.liquidity.requoteProbability) return;
    this.#ticks[slot * UINT32_WORDS + QUOTED_AT] = tickNumber;
    this.#quote(slot, contract, source);
  }

  /** Quotes every book anew: after a jump of the clock nothing of before may stand. */
  quoteAll(source: QuoteSource): void {
    for (const [slot, contract] of this.#contracts.entries()) this.#quote(slot, contract, source);
    this.#isNew.fill(1);
  }

  /** Whether the book has changed since this was last asked. */
  takeChange(slot: number): boolean {
    const isNew = this.#isNew[slot] === 1;
    this.#isNew[slot] = 0;
    return isNew;
  }

  spotPriceOf(slot: number): number {
    return this.#sources[slot * WORDS] as number;
  }

  volatilityOf(slot: number): number {
    return this.#sources[slot * WORDS + 1] as number;
  }

  quotedAtMsOf(slot: number): number {
    return this.#sources[slot * WORDS + 2] as number;
  }

  /** Number of the tick in which the book last changed. */
  changedAtTickOf(slot: number): number {
    return this.#ticks[slot * UINT32_WORDS + CHANGED_AT] as number;
  }

  /** Number of the tick in which its prices were last made. */
  quotedAtTickOf(slot: number): number {
    return this.#ticks[slot * UINT32_WORDS + QUOTED_AT] as number;
  }

  #quote(slot: number, { spot }: Contract, { walk, volatility, nowMs }: QuoteSource): void {
    const at = slot * WORDS;
    this.#sources[at] = walk.priceOf(spot);
    this.#sources[at + 1] = volatility;
    this.#sources[at + 2] = nowMs;
  }
}
