// Values options of one expiry in columns, and writes their Greeks as the words of their records.
import { fillByParity, solveChain } from '../../../shared/greeks/black76.ts';
import {
  createOptionColumns,
  type ExpiryTerms,
  type OptionColumns,
} from '../../../shared/greeks/option-columns.ts';
import { OPTION_STATUS } from '../../../shared/greeks/option-status.ts';
import { OPTION_QUOTE_AGE_S_MAX, OPTIONS_PER_VALUATION_MAX } from '../../../shared/limits.ts';
import {
  GREEKS_AT,
  GREEKS_WORDS,
  greekWord,
  STATUS_ONE_SIDED,
  STATUS_STALE,
} from '../../../shared/record-greeks.ts';
import type { ExpiryGroup } from './expiry-group.ts';
import type { GreeksSettings } from './greeks-settings.ts';
import { type PriceSource, priceOf, priceSourceOf } from './quote-price.ts';
import { clearBook, hasBook, newQuote, readQuote, timeAtSlot } from './record-quote.ts';
import { toSpotGreeks } from './spot-greeks.ts';
import { isSameDay, yearsToExpiry } from './time-to-expiry.ts';

/** What is known of the options by their slots. */
export interface LegColumns {
  readonly strikes: Float64Array;
  readonly isPut: Uint8Array;
  readonly tickSizes: Float64Array;
  /** Index in the expiry's pairs, or -1. */
  readonly pairs: Int32Array;
}

export interface GreeksTarget {
  /** Takes the words of the slot's Greeks. */
  putGreeks(slot: number, greeks: Uint32Array): void;
}

const FLAGS = GREEKS_AT.flags / 4;
const UNDERLYING = GREEKS_AT.underlying / 4;
const FORWARD = GREEKS_AT.forward / 4;
const IV = GREEKS_AT.iv / 4;
const IV_BID = GREEKS_AT.ivBid / 4;
const IV_ASK = GREEKS_AT.ivAsk / 4;
const DELTA = GREEKS_AT.delta / 4;
const GAMMA = GREEKS_AT.gamma / 4;
const THETA = GREEKS_AT.theta / 4;
const VEGA = GREEKS_AT.vega / 4;
const RHO = GREEKS_AT.rho / 4;
const NONE = -1;
const RAW_MAX = 0xffff_ffff;

/** What the status becomes where the quote gave no price; the kernel's `noPrice` where it stays. */
const STATUS_OF_SOURCE: Readonly<Record<PriceSource, number>> = {
  mid: OPTION_STATUS.noPrice,
  last: OPTION_STATUS.noPrice,
  oneSided: STATUS_ONE_SIDED,
  stale: STATUS_STALE,
  noPrice: OPTION_STATUS.noPrice,
};

function rawOf(rupees: number, divisor: number): number {
  const raw = Math.round(rupees * divisor);
  return raw >= 0 && raw <= RAW_MAX ? raw : 0;
}

/** Where a price would say something of volatility if it were sound. */
function isInTheMoney(strike: number, isPut: boolean, forward: number): boolean {
  return isPut ? strike > forward : strike < forward;
}

/** One for all groups: every number of a valuation is in columns that are there already. */
export class Valuation {
  readonly #settings: GreeksSettings;
  readonly #legs: LegColumns;
  readonly #target: GreeksTarget;
  /** Those to be valued, and after them the other legs that some take their volatility from. */
  readonly #mid = createOptionColumns(2 * OPTIONS_PER_VALUATION_MAX);
  readonly #bid: OptionColumns;
  readonly #ask: OptionColumns;
  readonly #otherLegs = new Int32Array(2 * OPTIONS_PER_VALUATION_MAX);
  readonly #unpriced = new Uint8Array(OPTIONS_PER_VALUATION_MAX);
  readonly #timesS = new Float64Array(OPTIONS_PER_VALUATION_MAX);
  readonly #terms: ExpiryTerms = { forward: 0.5, years: 0.5, rate: 0.5, timeValueMin: 0.5 };
  readonly #quote = newQuote();
  readonly #greeks = new Uint32Array(GREEKS_WORDS);
  /** By number of GREEKS_STATUSES. */
  readonly counts: Float64Array;

  constructor(settings: GreeksSettings, legs: LegColumns, target: GreeksTarget, counts: Float64Array) {
    this.#settings = settings;
    this.#legs = legs;
    this.#target = target;
    this.counts = counts;
    const { strikes, isPut } = this.#mid;
    // The same options at other prices.
    this.#bid = { ...createOptionColumns(OPTIONS_PER_VALUATION_MAX), strikes, isPut };
    this.#ask = { ...createOptionColumns(OPTIONS_PER_VALUATION_MAX), strikes, isPut };
  }

  /** Values the first `count` of the slots, whose records have books. `isOfNow`: not at their ticks' times, at the newest. */
  value(group: ExpiryGroup, slots: Uint32Array, count: number, words: Uint32Array, isOfNow: boolean): void {
    for (let from = 0; from < count; from += OPTIONS_PER_VALUATION_MAX) {
      const chunk = slots.subarray(from, Math.min(count, from + OPTIONS_PER_VALUATION_MAX));
      this.#gather(group, chunk, words, isOfNow);
      for (let at = 0; at < chunk.length; ) at = this.#solveRun(group, chunk, at, words);
      for (let at = 0; at < chunk.length; at++) this.#write(group, chunk[at] as number, at);
    }
  }

  #gather(group: ExpiryGroup, slots: Uint32Array, words: Uint32Array, isOfNow: boolean): void {
    const mid = this.#mid;
    const quote = this.#quote;
    const { newestTimeS, family } = group.state;
    for (let at = 0; at < slots.length; at++) {
      const slot = slots[at] as number;
      const tickTimeS = timeAtSlot(words, slot);
      // What Kite repeats from before may be hours old: its book is the one of now unless the day is over, its time is not.
      const isOld = isOfNow || newestTimeS - tickTimeS > OPTION_QUOTE_AGE_S_MAX;
      // One that is ahead of the clock is trusted for as much as the market's is.
      this.#timesS[at] = isOld ? newestTimeS : Math.min(tickTimeS, newestTimeS);
      readQuote(words, slot, family.divisor, quote);
      if (isOld && tickTimeS > 0 && !isSameDay(tickTimeS, newestTimeS)) clearBook(quote);
      quote.exchangeTimeS = isOld ? newestTimeS : tickTimeS;
      quote.tickSize = this.#legs.tickSizes[slot] as number;
      const source = priceSourceOf(quote);
      this.#unpriced[at] = STATUS_OF_SOURCE[source];
      mid.strikes[at] = this.#legs.strikes[slot] as number;
      mid.isPut[at] = this.#legs.isPut[slot] as number;
      mid.prices[at] = priceOf(quote, source);
      const isCrossed = quote.bid > quote.ask && quote.ask > 0;
      this.#bid.prices[at] = isCrossed ? 0 : quote.bid;
      this.#ask.prices[at] = isCrossed ? 0 : quote.ask;
    }
  }

  /** Solves those from `from` that are of one time; returns where the next ones start. */
  #solveRun(group: ExpiryGroup, slots: Uint32Array, from: number, words: Uint32Array): number {
    const timeS = this.#timesS[from] as number;
    let to = from + 1;
    while (to < slots.length && this.#timesS[to] === timeS) to++;
    const terms = this.#terms;
    terms.forward = group.forward;
    // Without any time there is no time to expiry: 1970 is no guess.
    terms.years = timeS > 0 ? yearsToExpiry(group.expiry.expiryMs, timeS * 1_000) : Number.NaN;
    terms.rate = this.#settings.rate;
    terms.timeValueMin = 0.5 * group.expiry.tickSize;
    solveChain(terms, this.#mid, from, to);
    solveChain(terms, this.#bid, from, to);
    solveChain(terms, this.#ask, from, to);
    this.#useOtherLegs(group, slots, from, to, words);
    if (this.#settings.model === 'spot') toSpotGreeks(this.#mid, from, to, terms, group.spot, this.#settings);
    return to;
  }

  /** In the money, the other leg of the strike knows the volatility when the own price does not tell. */
  #useOtherLegs(group: ExpiryGroup, slots: Uint32Array, from: number, to: number, words: Uint32Array): void {
    const mid = this.#mid;
    const firstOther = OPTIONS_PER_VALUATION_MAX;
    let others = firstOther;
    for (let at = from; at < to; at++) {
      this.#otherLegs[at] = NONE;
      const status = mid.statuses[at];
      if (
        status !== OPTION_STATUS.noTimeValue &&
        status !== OPTION_STATUS.belowIntrinsic &&
        status !== OPTION_STATUS.noPrice
      )
        continue;
      const isPut = mid.isPut[at] === 1;
      const strike = mid.strikes[at] as number;
      if (!isInTheMoney(strike, isPut, group.forward)) continue;
      const price = this.#otherPrice(group, slots[at] as number, isPut, this.#timesS[at] as number, words);
      if (price === 0) continue;
      mid.strikes[others] = strike;
      mid.isPut[others] = isPut ? 0 : 1;
      mid.prices[others] = price;
      this.#otherLegs[at] = others++;
    }
    if (others === firstOther) return;
    solveChain(this.#terms, mid, firstOther, others);
    fillByParity(this.#terms, mid, this.#otherLegs, from, to);
  }

  /** 0 when the other leg is not streamed, or its quote is old or says nothing. */
  #otherPrice(group: ExpiryGroup, slot: number, isPut: boolean, timeS: number, words: Uint32Array): number {
    const pair = this.#legs.pairs[slot] as number;
    if (pair < 0) return 0;
    const other = (isPut ? group.pairCallSlots[pair] : group.pairPutSlots[pair]) as number;
    if (other < 0 || !hasBook(words, other)) return 0;
    if (!group.isFresh(timeAtSlot(words, other))) return 0;
    const quote = this.#quote;
    readQuote(words, other, group.state.family.divisor, quote);
    quote.exchangeTimeS = timeS;
    quote.tickSize = this.#legs.tickSizes[other] as number;
    return priceOf(quote, priceSourceOf(quote));
  }

  #write(group: ExpiryGroup, slot: number, at: number): void {
    const greeks = this.#greeks;
    const mid = this.#mid;
    const { divisor } = group.state.family;
    let status = mid.statuses[at] as number;
    if (status === OPTION_STATUS.noPrice) status = this.#unpriced[at] as number;
    greeks[UNDERLYING] = rawOf(group.spot, divisor);
    greeks[FORWARD] = rawOf(group.forward, divisor);
    greeks[IV] = greekWord(mid.volatilityPercent[at] as number);
    greeks[IV_BID] = greekWord(this.#bid.volatilityPercent[at] as number);
    greeks[IV_ASK] = greekWord(this.#ask.volatilityPercent[at] as number);
    greeks[DELTA] = greekWord(mid.delta[at] as number);
    greeks[GAMMA] = greekWord(mid.gamma[at] as number);
    greeks[THETA] = greekWord(mid.thetaPerDay[at] as number);
    greeks[VEGA] = greekWord(mid.vegaPerPoint[at] as number);
    greeks[RHO] = greekWord(mid.rhoPerPoint[at] as number);
    if (status === OPTION_STATUS.ok && !this.#isWritten(at)) {
      greeks.fill(0, IV);
      status = OPTION_STATUS.badVolatility;
    }
    greeks[FLAGS] = status | (group.source << 8);
    this.counts[status] = (this.counts[status] as number) + 1;
    this.#target.putGreeks(slot, greeks);
  }

  /** False when a number is more than a word can hold: 0 is written for it then, which would be a value. */
  #isWritten(at: number): boolean {
    const { volatilityPercent, gamma, thetaPerDay, vegaPerPoint, rhoPerPoint } = this.#mid;
    const greeks = this.#greeks;
    if (greeks[IV] === 0 && volatilityPercent[at] !== 0) return false;
    if (greeks[GAMMA] === 0 && (gamma[at] as number) > 1) return false;
    if (greeks[THETA] === 0 && Math.abs(thetaPerDay[at] as number) > 1) return false;
    if (greeks[VEGA] === 0 && (vegaPerPoint[at] as number) > 1) return false;
    return greeks[RHO] !== 0 || Math.abs(rhoPerPoint[at] as number) <= 1;
  }
}
