// The options whose Greeks are streamed: when each is valued, with what forward, and what has to be streamed for that.
import type { InstrumentToken } from '../../../shared/instrument.ts';
import {
  EXCHANGE_TIME_TRUSTED_AHEAD_S_MAX,
  FORWARD_MS_MIN,
  GREEKS_RENEWAL_CHECK_MS,
  GREEKS_RENEWAL_MS,
  GREEKS_SUPPORT_INSTRUMENTS_MAX,
  SIDECAR_INSTRUMENTS_MAX,
} from '../../../shared/limits.ts';
import { FORWARD_SOURCES, GREEKS_STATUSES } from '../../../shared/record-greeks.ts';
import type { GreeksFigures } from '../../../shared/status.ts';
import { exchangeTimeOf, hasOpenInterest, RECORD_KIND, type TickMode } from '../../../shared/tick.ts';
import { type ContractBook, EMPTY_CONTRACT_BOOK } from './contract-book.ts';
import { ExpiryGroup, type FamilyState } from './expiry-group.ts';
import type { GreeksSettings } from './greeks-settings.ts';
import { type OptionFamily, type OptionLeg, optionFamilyOf } from './option-family.ts';
import { type GreeksTarget, Valuation } from './valuation.ts';

/** The records that are streamed, by slot: see Batcher. */
export interface RecordBuffer extends GreeksTarget {
  readonly words: Uint32Array;
  kindAt(slot: number): number;
  wantedSlotOf(token: number): number;
}

export interface StreamedInstrument {
  readonly token: InstrumentToken;
  readonly mode: TickMode;
}

export interface OptionMarketOptions {
  readonly settings: GreeksSettings;
  readonly buffer: RecordBuffer;
  /** What `supportOf` says has changed. Called at the end of `renew` and `value`. */
  readonly onSupportChange: () => void;
  readonly slotsMax?: number;
}

/** Totals. */
export interface GreeksCounters {
  /** Valuations at a tick of the option, and while only its underlying moved. */
  optionsValued: number;
  optionsRenewed: number;
  /** Valuations by number of GREEKS_STATUSES. */
  readonly byStatus: Float64Array;
  /** Forwards that were worked out, by number of FORWARD_SOURCES. */
  readonly bySource: Float64Array;
}

const NONE = -1;
const FUTURE = FORWARD_SOURCES.indexOf('future');

function countsByName(names: readonly string[], counts: Float64Array): Record<string, number> {
  return Object.fromEntries(names.flatMap((name, at) => (counts[at] ? [[name, counts[at]]] : [])));
}

/**
 * Wiring: `plan` before the instruments of the buffer are set, `attach` after; `ticked` for each record that the buffer
 * takes; `renew` before it is looked what is news, `value` before batches are taken. Nothing is allocated per tick or
 * option. Times are of any clock that never goes back.
 */
export class OptionMarket {
  readonly counters: GreeksCounters = {
    optionsValued: 0,
    optionsRenewed: 0,
    byStatus: new Float64Array(GREEKS_STATUSES.length),
    bySource: new Float64Array(FORWARD_SOURCES.length),
  };
  readonly #settings: GreeksSettings;
  readonly #buffer: RecordBuffer;
  readonly #onSupportChange: () => void;
  readonly #valuation: Valuation;
  #book: ContractBook = EMPTY_CONTRACT_BOOK;
  /** Of each contract of the families that were asked for. */
  readonly #families = new Map<number, OptionFamily>();
  readonly #states = new Map<string, FamilyState>();
  readonly #groups = new Map<string, ExpiryGroup>();
  #groupList: ExpiryGroup[] = [];
  #stateList: FamilyState[] = [];
  // By slot.
  readonly #tokens: Uint32Array;
  readonly #groupAt: Int32Array;
  readonly #stateAt: Int32Array;
  readonly #strikes: Float64Array;
  readonly #isPut: Uint8Array;
  readonly #tickSizes: Float64Array;
  readonly #pairs: Int32Array;
  readonly #isTicked: Uint8Array;
  readonly #valuedAtMs: Float64Array;
  /** The group's version that the slot's Greeks are of; 0 for none. */
  readonly #valuedVersion: Float64Array;
  #attached: number[] = [];
  #due = new Uint32Array(0);
  #version = 0;
  #nextRenewalAtMs = Number.NEGATIVE_INFINITY;
  #hasSupportChanged = false;
  #supportCount = 0;

  constructor({
    settings,
    buffer,
    onSupportChange,
    slotsMax = SIDECAR_INSTRUMENTS_MAX,
  }: OptionMarketOptions) {
    this.#settings = settings;
    this.#buffer = buffer;
    this.#onSupportChange = onSupportChange;
    this.#tokens = new Uint32Array(slotsMax);
    this.#groupAt = new Int32Array(slotsMax).fill(NONE);
    this.#stateAt = new Int32Array(slotsMax).fill(NONE);
    this.#strikes = new Float64Array(slotsMax);
    this.#isPut = new Uint8Array(slotsMax);
    this.#tickSizes = new Float64Array(slotsMax);
    this.#pairs = new Int32Array(slotsMax);
    this.#isTicked = new Uint8Array(slotsMax);
    this.#valuedAtMs = new Float64Array(slotsMax);
    this.#valuedVersion = new Float64Array(slotsMax);
    const legs = {
      strikes: this.#strikes,
      isPut: this.#isPut,
      tickSizes: this.#tickSizes,
      pairs: this.#pairs,
    };
    this.#valuation = new Valuation(settings, legs, buffer, this.counters.byStatus);
  }

  /** For the status report. */
  figures(valuationMs: number): GreeksFigures {
    const { byStatus, bySource, optionsRenewed } = this.counters;
    return {
      valued: countsByName(GREEKS_STATUSES, byStatus),
      renewed: optionsRenewed,
      forwards: countsByName(FORWARD_SOURCES, bySource),
      seconds: valuationMs / 1_000,
      support: this.#supportCount,
    };
  }

  /** Takes a new instrument list; `plan` and `attach` have to follow. Everything is valued anew: contracts may be others. */
  replaceContracts(book: ContractBook): void {
    this.#book = book;
    this.#families.clear();
    this.#tokens.fill(0);
  }

  /**
   * Takes what is wanted, by clients or operators, and returns what else is needed for the forwards of the options among
   * it, all in full mode: spot and futures first, then strikes around the money; at most GREEKS_SUPPORT_INSTRUMENTS_MAX.
   */
  plan(wanted: Iterable<StreamedInstrument>): ReadonlySet<InstrumentToken> {
    const kept = new Set<string>();
    for (const { token, mode } of wanted) {
      const leg = mode === 'full' ? this.#legOf(token) : undefined;
      if (!leg || kept.has(leg.expiry.key)) continue;
      kept.add(leg.expiry.key);
      this.#keepGroup(leg);
    }
    for (const key of this.#groups.keys()) if (!kept.has(key)) this.#groups.delete(key);
    this.#groupList = [...this.#groups.values()];
    this.#stateList = [...new Set(this.#groupList.map(({ state }) => state))];
    const keptStates = new Set(this.#stateList);
    for (const [key, state] of this.#states) if (!keptStates.has(state)) this.#states.delete(key);
    const support = this.#support();
    this.#supportCount = support.size;
    return support;
  }

  #legOf(token: number): OptionLeg | undefined {
    if (!hasOpenInterest(token)) return undefined;
    const known = this.#families.get(token);
    if (known) return known.legs.get(token);
    const contracts = this.#book.contractsBeside(token);
    const family = contracts && optionFamilyOf(contracts, this.#book);
    if (!family) return undefined;
    // Futures too: they are asked for as well, and must not make it anew.
    for (const contract of contracts.contracts) this.#families.set(contract.token, family);
    return family.legs.get(token);
  }

  #keepGroup({ family, expiry }: OptionLeg): void {
    const before = this.#groups.get(expiry.key);
    if (before?.expiry === expiry) return;
    let state = this.#states.get(family.key);
    if (state?.family !== family) {
      const { newestTimeS, contractTimeS } = state ?? { newestTimeS: 0, contractTimeS: 0 };
      state = { family, newestTimeS, contractTimeS, version: 0, spotSlot: NONE };
      this.#states.set(family.key, state);
    }
    const group = new ExpiryGroup(state, expiry);
    // Of another list: the strikes that are streamed stay the same meanwhile.
    group.window.centre = before?.window.centre;
    this.#groups.set(expiry.key, group);
  }

  #support(): ReadonlySet<InstrumentToken> {
    const support = new Set<InstrumentToken>();
    const add = (token: number | undefined): void => {
      if (token !== undefined && support.size < GREEKS_SUPPORT_INSTRUMENTS_MAX)
        support.add(token as InstrumentToken);
    };
    const isSpotModel = this.#settings.model === 'spot';
    for (const { state, expiry } of this.#groupList) {
      add(state.family.spotToken);
      if (isSpotModel) continue;
      add(expiry.future?.token);
      for (const { token } of expiry.otherFutures) add(token);
    }
    for (const { expiry, window } of isSpotModel ? [] : this.#groupList) {
      const [from, to] = window.range(expiry.pairStrikes);
      for (let at = from; at < to; at++) {
        add(expiry.pairCalls[at]);
        add(expiry.pairPuts[at]);
      }
    }
    return support;
  }

  /** Finds the slots of what is streamed now, the support included. Slots are valid until the buffer's instruments are set. */
  attach(streamed: Iterable<StreamedInstrument>, nowMs: number): void {
    for (const slot of this.#attached) {
      this.#groupAt[slot] = NONE;
      this.#stateAt[slot] = NONE;
      this.#isTicked[slot] = 0;
    }
    this.#attached = [];
    for (const group of this.#groupList) group.detach();
    const indexOf = new Map(this.#groupList.map((group, index) => [group.expiry, index] as const));
    for (const { token, mode } of streamed) {
      const leg = mode === 'full' ? this.#legOf(token) : undefined;
      const index = leg && indexOf.get(leg.expiry);
      if (leg && index !== undefined) this.#attachLeg(token, leg, index, nowMs);
    }
    const stateIndex = new Map(this.#stateList.map((state, index) => [state, index] as const));
    for (const [state, index] of stateIndex) {
      state.spotSlot = this.#attachInput(state.family.spotToken, index);
    }
    for (const group of this.#groupList) {
      const index = stateIndex.get(group.state) as number;
      group.futureSlot = this.#attachInput(group.expiry.future?.token, index);
      group.otherFutureSlots = group.expiry.otherFutures.map(({ token }) => this.#attachInput(token, index));
      if (group.ticked.length < group.slots.length) group.ticked = new Uint32Array(2 * group.slots.length);
      for (const slot of group.slots) {
        if (this.#buffer.kindAt(slot) === RECORD_KIND.full) this.#markTicked(group, slot);
      }
    }
    const slotsMax = Math.max(0, ...this.#groupList.map(({ slots }) => slots.length));
    if (this.#due.length < slotsMax) this.#due = new Uint32Array(2 * slotsMax);
  }

  #attachLeg(
    token: number,
    { strike, isPut, tickSize, pairAt }: OptionLeg,
    index: number,
    nowMs: number,
  ): void {
    const slot = this.#buffer.wantedSlotOf(token);
    const group = this.#groupList[index];
    if (slot < 0 || !group) return;
    group.slots.push(slot);
    this.#attached.push(slot);
    this.#groupAt[slot] = index;
    this.#strikes[slot] = strike;
    this.#isPut[slot] = isPut ? 1 : 0;
    this.#tickSizes[slot] = tickSize;
    this.#pairs[slot] = pairAt;
    if (pairAt >= 0) (isPut ? group.pairPutSlots : group.pairCallSlots)[pairAt] = slot;
    if (this.#tokens[slot] === token) return;
    this.#tokens[slot] = token;
    this.#valuedVersion[slot] = 0;
    this.#valuedAtMs[slot] = nowMs;
  }

  #attachInput(token: number | undefined, index: number): number {
    const slot = token === undefined ? NONE : this.#buffer.wantedSlotOf(token);
    if (slot < 0) return NONE;
    this.#attached.push(slot);
    this.#stateAt[slot] = index;
    return slot;
  }

  /** The buffer has taken the record at the start of `words` for the slot. */
  ticked(slot: number, words: Uint32Array, receivedAtMs: number): void {
    const index = this.#groupAt[slot] as number;
    if (index >= 0) {
      const group = this.#groupList[index] as ExpiryGroup;
      this.#noteTime(group.state, true, words, receivedAtMs);
      if (group.source !== FUTURE) group.inputs++;
      if (this.#isTicked[slot] === 0) this.#markTicked(group, slot);
      return;
    }
    const stateIndex = this.#stateAt[slot] as number;
    if (stateIndex < 0) return;
    const state = this.#stateList[stateIndex] as FamilyState;
    this.#noteTime(state, hasOpenInterest(words[0] as number), words, receivedAtMs);
    state.version++;
  }

  #noteTime(state: FamilyState, isContract: boolean, words: Uint32Array, receivedAtMs: number): void {
    const trustedMaxS = Math.floor(receivedAtMs / 1_000) + EXCHANGE_TIME_TRUSTED_AHEAD_S_MAX;
    const timeS = Math.min(exchangeTimeOf(words), trustedMaxS);
    if (timeS > state.newestTimeS) state.newestTimeS = timeS;
    if (isContract && timeS > state.contractTimeS) state.contractTimeS = timeS;
  }

  #markTicked(group: ExpiryGroup, slot: number): void {
    this.#isTicked[slot] = 1;
    group.ticked[group.tickedCount++] = slot;
  }

  /** Values the options that did not tick although their underlying has moved, each at most every GREEKS_RENEWAL_MS. */
  renew(nowMs: number): void {
    if (nowMs < this.#nextRenewalAtMs) return;
    this.#nextRenewalAtMs = nowMs + GREEKS_RENEWAL_CHECK_MS;
    const { words } = this.#buffer;
    for (const group of this.#groupList) {
      this.#refresh(group, words, nowMs);
      let count = 0;
      for (const slot of group.slots) {
        if (this.#valuedVersion[slot] === group.version || this.#isTicked[slot] === 1) continue;
        if (nowMs - (this.#valuedAtMs[slot] as number) < GREEKS_RENEWAL_MS) continue;
        if (this.#buffer.kindAt(slot) === RECORD_KIND.optionFull) this.#due[count++] = slot;
      }
      this.#valuation.value(group, this.#due, count, words, true);
      this.#noteValued(group, this.#due, count, nowMs);
      this.counters.optionsRenewed += count;
    }
    this.#tellSupport();
  }

  /** Values the options that have ticked since. */
  value(nowMs: number): void {
    const { words } = this.#buffer;
    for (const group of this.#groupList) {
      if (group.tickedCount === 0) continue;
      this.#refresh(group, words, nowMs);
      const count = this.#takeTicked(group);
      this.#valuation.value(group, this.#due, count, words, false);
      this.#noteValued(group, this.#due, count, nowMs);
      this.counters.optionsValued += count;
    }
    this.#tellSupport();
  }

  /** Moves the slots that have ticked to `#due`. Those with a record of a lower mode have nothing to be valued by. */
  #takeTicked(group: ExpiryGroup): number {
    let count = 0;
    for (let i = 0; i < group.tickedCount; i++) {
      const slot = group.ticked[i] as number;
      this.#isTicked[slot] = 0;
      if (this.#buffer.kindAt(slot) === RECORD_KIND.full) this.#due[count++] = slot;
    }
    group.tickedCount = 0;
    return count;
  }

  #noteValued(group: ExpiryGroup, slots: Uint32Array, count: number, nowMs: number): void {
    for (let i = 0; i < count; i++) {
      this.#valuedVersion[slots[i] as number] = group.version;
      this.#valuedAtMs[slots[i] as number] = nowMs;
    }
  }

  #refresh(group: ExpiryGroup, words: Uint32Array, nowMs: number): void {
    if (group.version !== 0 && !group.isStale) return;
    // A group without a forward does not wait for one.
    if (group.source !== 0 && nowMs - group.refreshedAtMs < FORWARD_MS_MIN) return;
    group.refreshedAtMs = nowMs;
    const { centre } = group.window;
    if (group.refresh(words, this.#settings) || group.version === 0) group.version = ++this.#version;
    this.counters.bySource[group.source] = (this.counters.bySource[group.source] as number) + 1;
    if (group.window.centre !== centre) this.#hasSupportChanged = true;
  }

  #tellSupport(): void {
    if (!this.#hasSupportChanged) return;
    this.#hasSupportChanged = false;
    this.#onSupportChange();
  }
}
