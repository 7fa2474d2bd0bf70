// The simulated market: moves the spots in fixed steps, says whose turn it is to tick, and keeps a tick record each.
import { assert } from '../../../shared/errors.ts';
import { SIMULATOR_CATCH_UP_STEPS_MAX } from '../../../shared/limits.ts';
import { AT, hasOpenInterest, RECORD_KIND } from '../../../shared/tick.ts';
import { TickStore } from '../../../shared/tick-store.ts';
import { BookBasis, type QuoteSource } from './book-basis.ts';
import { type Contract, contractOf, fairPrice, roundToTick } from './contract.ts';
import { bestAskOf, bestBidOf, writeDepth } from './depth-book.ts';
import { type ListedInstrument, type Listing, volatilitySpotOf } from './instrument-list.ts';
import { MARKET_TUNING, type MarketTuning } from './market-tuning.ts';
import { manyOnceInAWhile, mix, RandomStream, unitOf } from './random.ts';
import { SpotWalk } from './spot-walk.ts';

/** The walk's grid: twenty steps a second, each with its share of the instruments. */
export const MARKET_STEP_MS = 50;

const UINT32_MAX = 0xffff_ffff;
/** The volatility index is in percent, its price in paise. */
const VOLATILITY_PER_PAISA = 1 / 10_000;

export interface MarketOptions {
  readonly listing: Listing;
  readonly seed: number;
  readonly startMs: number;
  readonly ticksPerInstrumentPerSecond: number;
  readonly tuning?: MarketTuning;
}

/**
 * Prices depend on the seed, on the steps made and on the time to expiry only, never on who is looking. A book stands
 * still in many ticks, and the last trade may lie outside a book that has moved on since, as on an exchange. An
 * instrument's session figures (volume, open interest, high, low) are brought up to date when it is refreshed; what it
 * missed in between is added at the mean rate, and its high and low include the extremes of its spot.
 */
export class Market {
  readonly instruments: readonly ListedInstrument[];
  readonly #tuning: MarketTuning;
  readonly #walk: SpotWalk;
  readonly #contracts: readonly Contract[];
  readonly #volatilitySpot: number;
  readonly #basis: BookBasis;
  readonly #store: TickStore;
  /** By `EXCHANGE:SYMBOL`. */
  readonly #slotsBySymbol: ReadonlyMap<string, number>;
  /** Slots in the order in which they tick, and each slot's place in it. */
  readonly #order: Uint32Array;
  readonly #place: Uint32Array;
  readonly #duePerStep: number;
  readonly #averages: Float64Array;
  readonly #tickNumbers: Float64Array;
  readonly #startMs: number;
  #originMs: number;
  #nowMs: number;
  #steps = 0;
  /** Turns handed out so far, over all instruments. */
  #turns = 0;

  /** Throws RangeError on a rate that is not above 0. */
  constructor(options: MarketOptions) {
    const { listing, seed, startMs, ticksPerInstrumentPerSecond: rate, tuning = MARKET_TUNING } = options;
    if (!(rate > 0)) throw new RangeError(`ticksPerInstrumentPerSecond must be above 0, got ${rate}`);
    const count = listing.instruments.length;
    this.instruments = listing.instruments;
    this.#tuning = tuning;
    this.#walk = new SpotWalk(seed, listing.spots, MARKET_STEP_MS, tuning.walk);
    this.#volatilitySpot = volatilitySpotOf(listing.spots);
    this.#contracts = contractsOf(listing, seed, startMs, tuning, this.#volatilitySpot);
    this.#nowMs = startMs;
    this.#basis = new BookBasis(this.#contracts, tuning.bookProbability, this.#quoteSource(startMs));
    this.#store = new TickStore(count, count);
    for (const { instrument_token: token } of listing.instruments) this.#store.slotFor(token);
    assert(this.#store.size === count, 'instrument tokens are unique');
    this.#slotsBySymbol = new Map(
      listing.instruments.map(({ exchange, tradingsymbol }, slot) => [`${exchange}:${tradingsymbol}`, slot]),
    );
    this.#order = shuffledSlots(count, seed);
    this.#place = new Uint32Array(count);
    for (let place = 0; place < count; place++) this.#place[this.#order[place] as number] = place;
    this.#duePerStep = (count * rate * MARKET_STEP_MS) / 1_000;
    this.#averages = new Float64Array(count);
    this.#tickNumbers = new Float64Array(count);
    this.#startMs = startMs;
    this.#originMs = startMs;
  }

  /** Time of the newest step, in ms since the epoch. */
  get nowMs(): number {
    return this.#nowMs;
  }

  /** Tick records by slot (layout of shared/tick.ts); a slot is an instrument's position in `instruments`. */
  get records(): DataView {
    return this.#store.view;
  }

  recordOffset(slot: number): number {
    return this.#store.byteOffset(slot);
  }

  /** The token's slot, or -1 if it is not listed. */
  slotOf(token: number): number {
    return this.#store.slotOf(token);
  }

  /** The slot of `EXCHANGE:SYMBOL`, or -1. */
  slotOfSymbol(name: string): number {
    return this.#slotsBySymbol.get(name) ?? -1;
  }

  /** Previous close in raw units. */
  closeOf(slot: number): number {
    return this.#contractAt(slot).close;
  }

  /**
   * Moves the market to `nowMs` and calls `visit` for every instrument whose turn it is, at most once each. A clock that
   * jumped, or a process that slept, gets one step instead of thousands.
   */
  advance(nowMs: number, visit: (slot: number) => void): void {
    let steps = Math.floor((nowMs - this.#originMs) / MARKET_STEP_MS) - this.#steps;
    if (steps === 0) return;
    const isJump = steps < 0 || steps > SIMULATOR_CATCH_UP_STEPS_MAX;
    if (isJump) {
      steps = 1;
      this.#originMs = nowMs - (this.#steps + 1) * MARKET_STEP_MS;
    }
    for (let step = 0; step < steps; step++) this.#step();
    this.#nowMs = nowMs;
    if (isJump) this.#basis.quoteAll(this.#quoteSource(nowMs));
    const turns = this.#turnsDue();
    const count = this.#order.length;
    this.#turns = Math.max(this.#turns, turns - count);
    while (this.#turns < turns) {
      const slot = this.#order[this.#turns % count] as number;
      this.#turns += 1;
      visit(slot);
    }
  }

  /** Moves the spot that the instrument is priced by, at once, with the books of all that hang on it. Returns its price. */
  moveSpot(slot: number, fraction: number): number {
    const { spot } = this.#contractAt(slot);
    this.#walk.jump(spot, fraction);
    this.#basis.quoteAll(this.#quoteSource(this.#nowMs));
    return this.#walk.priceOf(spot);
  }

  /** Brings the instrument's record up to date. The book is that of its last change; a trade comes with a new turn only. */
  refresh(slot: number): void {
    const contract = this.#contractAt(slot);
    const view = this.#store.view;
    const at = this.#store.byteOffset(slot);
    view.setUint32(at + AT.exchangeTimestamp, Math.floor(this.#nowMs / 1_000), true);
    if (contract.kind === 'index') {
      this.#refreshIndex(contract, slot, view, at);
      return;
    }
    const tickNumber = this.#tickNumberOf(slot);
    const opened = this.#store.kindAt(slot) !== 0;
    if (!opened) this.#open(contract, slot, view, at);
    const ticks = tickNumber - (this.#tickNumbers[slot] as number);
    this.#tickNumbers[slot] = tickNumber;
    if (this.#basis.takeChange(slot)) this.#writeBook(contract, slot, view, at);
    if (opened && ticks > 1) this.#catchUp(contract, slot, view, at, ticks - 1);
    // Who has missed ticks, or has seen none, has missed a trade: his last price would be of long ago, or not there.
    if (!opened || ticks > 1 || (ticks === 1 && this.#isTradeDue(contract, slot)))
      this.#trade(contract, slot, view, at);
  }

  /** One step of the walk, and of the books whose turn it brings. */
  #step(): void {
    const from = this.#turnsDue();
    this.#walk.step();
    this.#steps += 1;
    const source = this.#quoteSource(this.#originMs + this.#steps * MARKET_STEP_MS);
    const until = this.#turnsDue();
    const count = this.#order.length;
    for (let turn = Math.max(from, until - count); turn < until; turn++) {
      this.#basis.turn(this.#order[turn % count] as number, Math.floor(turn / count) + 1, source);
    }
  }

  /** Turns that the steps so far have brought, over all instruments. */
  #turnsDue(): number {
    return Math.floor(this.#steps * this.#duePerStep);
  }

  #quoteSource(nowMs: number): QuoteSource {
    return { walk: this.#walk, volatility: this.#volatility(), nowMs };
  }

  #volatility(): number {
    return this.#volatilitySpot < 0 ? 0 : this.#walk.priceOf(this.#volatilitySpot) * VOLATILITY_PER_PAISA;
  }

  #contractAt(slot: number): Contract {
    const contract = this.#contracts[slot];
    assert(contract !== undefined, `slot ${slot} exists`);
    return contract;
  }

  /** How often it has been the slot's turn. */
  #tickNumberOf(slot: number): number {
    const count = this.#order.length;
    return Math.floor((this.#turns - (this.#place[slot] as number) + count - 1) / count);
  }

  #fairAt(contract: Contract, spotPrice: number): number {
    return fairPrice(contract, spotPrice, this.#volatility(), this.#nowMs, this.#tuning.pricing);
  }

  /** The opening price, which must not depend on when somebody first asks for it. */
  #openOf(contract: Contract): number {
    const walk = this.#walk;
    const volatility =
      this.#volatilitySpot < 0 ? 0 : walk.openOf(this.#volatilitySpot) * VOLATILITY_PER_PAISA;
    const { pricing } = this.#tuning;
    const fair = fairPrice(contract, walk.openOf(contract.spot), volatility, this.#startMs, pricing);
    return roundToTick(fair, contract.tick);
  }

  #refreshIndex(contract: Contract, slot: number, view: DataView, at: number): void {
    const walk = this.#walk;
    const { spot } = contract;
    view.setUint32(at + AT.token, this.#tokenOf(slot), true);
    view.setUint32(at + AT.kind, RECORD_KIND.indexFull, true);
    view.setUint32(at + AT.lastPrice, roundToTick(walk.priceOf(spot), 1), true);
    view.setUint32(at + AT.open, roundToTick(walk.openOf(spot), 1), true);
    view.setUint32(at + AT.high, roundToTick(walk.highOf(spot), 1), true);
    view.setUint32(at + AT.low, roundToTick(walk.lowOf(spot), 1), true);
    view.setUint32(at + AT.close, contract.close, true);
  }

  /** First look at an instrument: its session so far. */
  #open(contract: Contract, slot: number, view: DataView, at: number): void {
    const token = this.#tokenOf(slot);
    const open = this.#openOf(contract);
    view.setUint32(at + AT.token, token, true);
    view.setUint32(at + AT.kind, RECORD_KIND.full, true);
    for (const offset of [AT.open, AT.high, AT.low, AT.averagePrice]) view.setUint32(at + offset, open, true);
    view.setUint32(at + AT.close, contract.close, true);
    view.setUint32(at + AT.volume, contract.openingVolume, true);
    this.#averages[slot] = open;
    if (hasOpenInterest(token)) {
      for (const offset of [AT.oi, AT.oiDayHigh, AT.oiDayLow])
        view.setUint32(at + offset, contract.openingInterest, true);
    }
    this.#widen(contract, view, at);
  }

  #tokenOf(slot: number): number {
    return (this.instruments[slot] as ListedInstrument).instrument_token;
  }

  /** Takes in the prices at the extremes of the spot, which nobody may have seen in this instrument. */
  #widen(contract: Contract, view: DataView, at: number): void {
    for (const spotPrice of [this.#walk.lowOf(contract.spot), this.#walk.highOf(contract.spot)])
      extendRange(view, at, roundToTick(this.#fairAt(contract, spotPrice), contract.tick));
  }

  /** Adds what was traded, on average, in the ticks that nobody looked at. */
  #catchUp(contract: Contract, slot: number, view: DataView, at: number, ticksMissed: number): void {
    this.#widen(contract, view, at);
    const { bookProbability } = this.#tuning;
    const { tradeWithBookProbability, tradeAloneProbability, tradeLots, sweepLots } = contract.liquidity;
    const tradeProbability =
      bookProbability * tradeWithBookProbability + (1 - bookProbability) * tradeAloneProbability;
    const lots = Math.floor(ticksMissed * tradeProbability * (1 + tradeLots + sweepLots));
    this.#addVolume(slot, view, at, view.getUint32(at + AT.lastPrice, true), lots * contract.lot);
  }

  /** The book that the basis asks for: best bid and ask around the fair price, at least one tick high and one apart. */
  #writeBook(contract: Contract, slot: number, view: DataView, at: number): void {
    const basis = this.#basis;
    const { tick, liquidity, key } = contract;
    const volatility = basis.volatilityOf(slot);
    const { pricing, depth } = this.#tuning;
    const fair = fairPrice(contract, basis.spotPriceOf(slot), volatility, basis.quotedAtMsOf(slot), pricing);
    const half = Math.max(liquidity.halfSpreadTicks * tick, liquidity.halfSpreadFraction * fair);
    const quotedAtTick = basis.quotedAtTickOf(slot);
    const below = half * (0.5 + unitOf(mix(key ^ 31, quotedAtTick)));
    const above = half * (0.5 + unitOf(mix(key ^ 32, quotedAtTick)));
    const bid = Math.max(tick, Math.floor((fair - below) / tick) * tick);
    const ask = Math.max(bid + tick, Math.ceil((fair + above) / tick) * tick);
    writeDepth(view, at, contract, bid, ask, basis.changedAtTickOf(slot), depth);
  }

  /** Whether the newest tick brings a trade: it more often does when it is not the book that it is sent for. */
  #isTradeDue({ key, liquidity }: Contract, slot: number): boolean {
    const tickNumber = this.#tickNumbers[slot] as number;
    const hasBook = this.#basis.changedAtTickOf(slot) === tickNumber;
    const probability = hasBook ? liquidity.tradeWithBookProbability : liquidity.tradeAloneProbability;
    return unitOf(mix(key ^ 41, tickNumber)) < probability;
  }

  /** A trade at the bid or the ask, and what was traded in the same tick before it. */
  #trade(contract: Contract, slot: number, view: DataView, at: number): void {
    const { liquidity, lot } = contract;
    const hash = mix(contract.key ^ 42, this.#tickNumbers[slot] as number);
    const price = (hash & 1) === 0 ? bestBidOf(view, at) : bestAskOf(view, at);
    const quantity = (1 + manyOnceInAWhile(liquidity.tradeLots, mix(hash, 1))) * lot;
    const swept = manyOnceInAWhile(liquidity.sweepLots, mix(hash, 2)) * lot;
    const ageMs = unitOf(mix(hash, 3)) * this.#tuning.tradeAgeMs;
    const nowS = Math.floor(this.#nowMs / 1_000);
    const timeS = Math.floor((this.#nowMs - ageMs) / 1_000);
    view.setUint32(at + AT.lastPrice, price, true);
    view.setUint32(at + AT.lastQuantity, quantity, true);
    const lastTimeS = view.getUint32(at + AT.lastTradeTime, true);
    // Never back, unless the clock went back.
    view.setUint32(at + AT.lastTradeTime, Math.min(nowS, Math.max(lastTimeS, timeS)), true);
    extendRange(view, at, price);
    this.#addVolume(slot, view, at, price, quantity + swept);
    if (contract.openingInterest === 0) return;
    if (unitOf(mix(hash, 4)) >= this.#tuning.interestProbability) return;
    const opened = (1 + manyOnceInAWhile(liquidity.interestLots, mix(hash, 5))) * lot;
    const oi = Math.min(UINT32_MAX, view.getUint32(at + AT.oi, true) + opened);
    view.setUint32(at + AT.oi, oi, true);
    view.setUint32(at + AT.oiDayHigh, oi, true);
  }

  #addVolume(slot: number, view: DataView, at: number, price: number, quantity: number): void {
    const volume = Math.min(UINT32_MAX, view.getUint32(at + AT.volume, true) + quantity);
    view.setUint32(at + AT.volume, volume, true);
    const before = this.#averages[slot] as number;
    const average = volume === 0 ? before : before + (price - before) * Math.min(1, quantity / volume);
    this.#averages[slot] = average;
    const low = view.getUint32(at + AT.low, true);
    const high = view.getUint32(at + AT.high, true);
    view.setUint32(at + AT.averagePrice, Math.max(low, Math.min(high, Math.round(average))), true);
  }
}

function extendRange(view: DataView, at: number, price: number): void {
  if (price > view.getUint32(at + AT.high, true)) view.setUint32(at + AT.high, price, true);
  if (price < view.getUint32(at + AT.low, true)) view.setUint32(at + AT.low, price, true);
}

function contractsOf(
  listing: Listing,
  seed: number,
  startMs: number,
  tuning: MarketTuning,
  volatilitySpot: number,
): Contract[] {
  const volatility = (listing.spots[volatilitySpot]?.close ?? 0) * VOLATILITY_PER_PAISA;
  return listing.instruments.map((instrument) => {
    const spot = listing.spots[instrument.spot];
    assert(spot !== undefined, `${instrument.tradingsymbol} has a spot`);
    const liquidity = tuning.liquidity[instrument.kind];
    return contractOf(instrument, spot, seed, volatility, startMs, tuning.pricing, liquidity);
  });
}

/** Fisher-Yates: instruments of one chain must not tick in one burst. */
function shuffledSlots(count: number, seed: number): Uint32Array {
  const slots = Uint32Array.from({ length: count }, (_, slot) => slot);
  const random = new RandomStream(mix(seed, 0x0bde));
  for (let last = count - 1; last > 0; last--) {
    const other = Math.floor(random.unit() * (last + 1));
    const moved = slots[last] as number;
    slots[last] = slots[other] as number;
    slots[other] = moved;
  }
  return slots;
}
