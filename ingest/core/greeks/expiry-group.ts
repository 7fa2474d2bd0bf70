// One (underlying, expiry) whose options are valued: its slots in the tick store, and the forward of the moment.
import { OPTION_QUOTE_AGE_S_MAX, OPTION_SPREAD_SHARE_MAX } from '../../../shared/limits.ts';
import { FORWARD_SOURCES } from '../../../shared/record-greeks.ts';
import {
  type Carry,
  carryOf,
  chooseForward,
  type Forward,
  type StrikeQuote,
  spotForward,
} from './forward.ts';
import type { GreeksSettings } from './greeks-settings.ts';
import type { FutureContract, OptionExpiry, OptionFamily } from './option-family.ts';
import { isSoundBook } from './quote-price.ts';
import { hasBook, narrowMid, newQuote, readQuote, spotPrice, timeAtSlot } from './record-quote.ts';
import { nearestStrike, StrikeWindow } from './strike-window.ts';
import { isSameDay, yearsToExpiry } from './time-to-expiry.ts';

/** What the expiries of an underlying share. */
export interface FamilyState {
  readonly family: OptionFamily;
  /** Newest exchange time of any of its instruments, and of its contracts; 0 for none yet. */
  newestTimeS: number;
  contractTimeS: number;
  /** Grows with each tick of spot or futures. */
  version: number;
  /** -1 while it is not streamed. */
  spotSlot: number;
}

/** Strikes on either side of the money whose books are read for a synthetic forward. */
const STRIKES_READ_PER_SIDE = 6;
const NO_SLOT = -1;

/** Least time to expiry for what a forward is worked out with: there is one also on the last second. */
const YEARS_MIN = yearsToExpiry(1_000, 0);

const call = newQuote();
const put = newQuote();

export class ExpiryGroup {
  readonly state: FamilyState;
  readonly expiry: OptionExpiry;
  readonly window = new StrikeWindow();
  /** Of the options that are streamed in full mode, and of those the ones that ticked since they were valued. */
  readonly slots: number[] = [];
  ticked = new Uint32Array(0);
  tickedCount = 0;
  readonly pairCallSlots: Int32Array;
  readonly pairPutSlots: Int32Array;
  futureSlot = NO_SLOT;
  otherFutureSlots: number[] = [];
  /** Rupees; 0 while nothing is known. */
  forward = 0;
  spot = 0;
  /** Number of the forward's source in FORWARD_SOURCES. */
  source = 0;
  isExpired = false;
  /** Another one after each change of the above. */
  version = 0;
  /** Grows with each tick of its options, as far as they are what the forward comes from. */
  inputs = 0;
  #seenInputs = -1;
  #seenFamily = -1;
  #seenTimeS = -1;
  refreshedAtMs = Number.NEGATIVE_INFINITY;

  constructor(state: FamilyState, expiry: OptionExpiry) {
    this.state = state;
    this.expiry = expiry;
    this.pairCallSlots = new Int32Array(expiry.pairStrikes.length);
    this.pairPutSlots = new Int32Array(expiry.pairStrikes.length);
  }

  /** Forgets all slots: they are given anew. */
  detach(): void {
    this.slots.length = 0;
    this.tickedCount = 0;
    this.pairCallSlots.fill(NO_SLOT);
    this.pairPutSlots.fill(NO_SLOT);
    this.futureSlot = NO_SLOT;
    this.otherFutureSlots = [];
    this.#seenInputs = -1;
  }

  get isStale(): boolean {
    const { version, newestTimeS } = this.state;
    // As time goes by, what does not tick becomes too old to count.
    return (
      this.#seenInputs !== this.inputs || this.#seenFamily !== version || this.#seenTimeS !== newestTimeS
    );
  }

  /** Works the forward out from the records. Returns whether it, or what is published with it, has changed. */
  refresh(words: Uint32Array, settings: GreeksSettings): boolean {
    this.#seenInputs = this.inputs;
    this.#seenFamily = this.state.version;
    this.#seenTimeS = this.state.newestTimeS;
    const { forward, spot, source, isExpired } = this;
    const years = yearsToExpiry(this.expiry.expiryMs, this.state.newestTimeS * 1_000);
    this.isExpired = years <= 0;
    this.spot = this.#spotNow(words);
    const chosen =
      settings.model === 'spot' ? this.#spotOnly(years, settings) : this.#choose(words, years, settings);
    this.forward = chosen?.price ?? 0;
    this.source = chosen ? FORWARD_SOURCES.indexOf(chosen.source) : 0;
    if (this.expiry.future === undefined && settings.model !== 'spot') this.#moveWindow(words);
    const isSame = forward === this.forward && spot === this.spot && source === this.source;
    return !isSame || isExpired !== this.isExpired;
  }

  #moveWindow(words: Uint32Array): void {
    const guess = this.forward || this.spot || this.#otherFuture(words);
    if (guess > 0) this.window.follow(this.expiry.pairStrikes, guess);
  }

  #spotOnly(years: number, { rate, dividendYield }: GreeksSettings): Forward | undefined {
    if (!(this.spot > 0)) return undefined;
    return { price: spotForward(this.spot, rate - dividendYield, Math.max(years, 0)), source: 'spot' };
  }

  #choose(words: Uint32Array, years: number, settings: GreeksSettings): Forward | undefined {
    const { rate, dividendYield } = settings;
    const future = this.#mid(words, this.futureSlot, this.expiry.future);
    return chooseForward({
      years: Math.max(years, YEARS_MIN),
      rate,
      dividendYield,
      ...(future > 0 ? { future } : {}),
      strikes: future > 0 ? [] : this.#strikeQuotes(words),
      ...(this.spot > 0 ? { spot: this.spot } : {}),
      carries: future > 0 ? [] : this.#carries(words),
    });
  }

  /** Whether a quote of then may stand beside the newest ones of the market. */
  isFresh(timeS: number): boolean {
    const { contractTimeS, newestTimeS } = this.state;
    // The index is up before the contracts: until they trade, theirs are quotes of the day before.
    return timeS > 0 && contractTimeS - timeS <= OPTION_QUOTE_AGE_S_MAX && isSameDay(timeS, newestTimeS);
  }

  #spotNow(words: Uint32Array): number {
    const { spotSlot, family } = this.state;
    if (spotSlot < 0 || !this.isFresh(timeAtSlot(words, spotSlot))) return 0;
    return spotPrice(words, spotSlot, family.divisor, this.expiry.tickSize);
  }

  #mid(words: Uint32Array, slot: number, future: FutureContract | undefined): number {
    if (slot < 0 || !future || !this.isFresh(timeAtSlot(words, slot))) return 0;
    return narrowMid(words, slot, this.state.family.divisor, future.tickSize);
  }

  /** A price that is at least near the money, while there is no better one. */
  #otherFuture(words: Uint32Array): number {
    for (const [i, slot] of this.otherFutureSlots.entries()) {
      const price = this.#mid(words, slot, this.expiry.otherFutures[i]);
      if (price > 0) return price;
    }
    return 0;
  }

  #carries(words: Uint32Array): Carry[] {
    return this.otherFutureSlots.flatMap((slot, i) => {
      const future = this.expiry.otherFutures[i] as FutureContract;
      const years = yearsToExpiry(future.expiryMs, this.state.newestTimeS * 1_000);
      return carryOf(this.#mid(words, slot, future), this.spot, years) ?? [];
    });
  }

  #strikeQuotes(words: Uint32Array): StrikeQuote[] {
    const { pairStrikes } = this.expiry;
    if (pairStrikes.length === 0) return [];
    // Of a far expiry the money is where the forward is, many strikes off the spot.
    const guess = this.window.centre ?? (this.forward || this.spot || this.#otherFuture(words));
    const nearest = guess > 0 ? nearestStrike(pairStrikes, guess) : undefined;
    const from = nearest === undefined ? 0 : Math.max(0, nearest - STRIKES_READ_PER_SIDE);
    const to = nearest === undefined ? pairStrikes.length : nearest + STRIKES_READ_PER_SIDE + 1;
    const quotes: StrikeQuote[] = [];
    for (let at = from; at < Math.min(to, pairStrikes.length); at++) {
      if (!this.#readLeg(words, this.pairCallSlots[at] as number, call)) continue;
      if (!this.#readLeg(words, this.pairPutSlots[at] as number, put)) continue;
      quotes.push({
        strike: pairStrikes[at] as number,
        call: 0.5 * (call.bid + call.ask),
        put: 0.5 * (put.bid + put.ask),
        spread: call.ask - call.bid + (put.ask - put.bid),
      });
    }
    return quotes;
  }

  /** False without a sound and fresh book. */
  #readLeg(words: Uint32Array, slot: number, into: typeof call): boolean {
    if (slot < 0 || !hasBook(words, slot) || !this.isFresh(timeAtSlot(words, slot))) return false;
    readQuote(words, slot, this.state.family.divisor, into);
    return isSoundBook(into.bid, into.ask, this.expiry.tickSize, OPTION_SPREAD_SHARE_MAX);
  }
}
