// The conflating buffer between ticks and shards: newest record of each instrument, and batches of what is news.
import { assert } from '../../shared/errors.ts';
import { BATCH_HEADER_BYTES, type BatchReply, encodeBatch } from '../../shared/frame.ts';
import type { InstrumentDefinition } from '../../shared/instrument.ts';
import {
  BATCH_BYTES_MAX,
  BATCH_TICKS_MAX,
  EXCHANGE_TIME_TRUSTED_AHEAD_S_MAX,
  SIDECAR_INSTRUMENTS_MAX,
} from '../../shared/limits.ts';
import { GREEKS_WORDS } from '../../shared/record-greeks.ts';
import { SHARD_COUNT, shardOf } from '../../shared/shard.ts';
import {
  AT,
  exchangeTimeOf,
  FULL_RECORD_WORDS,
  RECORD_KIND,
  RECORD_WORDS_MAX,
  rankOfMode,
  recordWords,
  type TickMode,
} from '../../shared/tick.ts';
import { copyWords, TickStore } from '../../shared/tick-store.ts';
import { BatchRoom } from './batch-room.ts';
import { newBatcherCounters } from './batcher-counters.ts';
import { EMPTY_INSTRUMENT_BOOK, type InstrumentBook } from './instrument-book.ts';
import { checkKnownTokens } from './known-tokens.ts';
import { ShardLink } from './shard-link.ts';
import { SlotStates } from './slot-states.ts';
import type { HeldTick } from './validate.ts';

export interface TakenBatch {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly epoch: number;
  readonly seq: number;
  readonly ticks: number;
}

export interface WantedInstrument {
  readonly token: number;
  readonly mode: TickMode;
}

/**
 * Only wanted instruments have a value here: what is no longer streamed is forgotten at once, so that a shard which
 * lost its memory is never given a price from before as if it were news.
 */
export class Batcher {
  readonly epoch: number;
  readonly counters = newBatcherCounters();
  readonly #links = Array.from({ length: SHARD_COUNT }, (_, shard) => new ShardLink(shard));
  readonly #slotsMax: number;
  #book: InstrumentBook;
  #store: TickStore;
  readonly #wanted = new Map<number, TickMode>();
  #slots: SlotStates;
  /** One for all, because each tick asks for it. */
  readonly #held: { -readonly [K in keyof HeldTick]: HeldTick[K] };
  readonly #staging = new Uint32Array(BATCH_TICKS_MAX * RECORD_WORDS_MAX);

  /** `epoch` is the start of the sidecar's life in ms. */
  constructor(epoch: number, book: InstrumentBook, slotsMax = SIDECAR_INSTRUMENTS_MAX) {
    this.epoch = epoch;
    this.#slotsMax = slotsMax;
    this.#book = book;
    checkKnownTokens(book);
    this.#store = new TickStore(slotsMax);
    this.#held = {
      words: this.#store.words,
      at: 0,
      newestExchangeTimeS: 0,
      wantedRank: 0,
      lowerModeRefused: 0,
    };
    this.#slots = new SlotStates(slotsMax);
  }

  exists(token: number): boolean {
    return this.#book.has(token);
  }

  /** The token's slot while it is wanted, else -1. Valid until `want` or `replaceInstruments` is called. */
  wantedSlotOf(token: number): number {
    const slot = this.#store.slotOf(token);
    return slot >= 0 && this.#slots.wantedRank[slot] !== 0 ? slot : -1;
  }

  /** What there is of the slot's instrument; valid until the next call of anything here. */
  held(slot: number): HeldTick {
    const held = this.#held;
    held.words = this.#store.words;
    held.at = slot * RECORD_WORDS_MAX;
    held.newestExchangeTimeS = this.#slots.newestExchangeTimeS[slot] as number;
    held.wantedRank = this.#slots.wantedRank[slot] as number;
    held.lowerModeRefused = this.#slots.lowerModeRefused[slot] as number;
    return held;
  }

  /** A record was refused because it has less than was asked for. */
  countLowerMode(slot: number): void {
    this.#slots.lowerModeRefused[slot] = (this.#slots.lowerModeRefused[slot] as number) + 1;
  }

  /** The records by slot, RECORD_WORDS_MAX words apart; valid until `want` or `replaceInstruments` is called. */
  get words(): Uint32Array {
    return this.#store.words;
  }

  kindAt(slot: number): number {
    return this.#store.kindAt(slot);
  }

  /** Gives the slot's record, which is a full one, its Greeks. If they are other ones than it has, it is news. */
  putGreeks(slot: number, greeks: Uint32Array): void {
    const { words } = this.#store;
    const at = slot * RECORD_WORDS_MAX;
    const greeksAt = at + FULL_RECORD_WORDS;
    let hasChanged = words[at + AT.kind / 4] !== RECORD_KIND.optionFull;
    for (let i = 0; i < GREEKS_WORDS; i++) {
      const word = greeks[i] as number;
      if (words[greeksAt + i] === word) continue;
      words[greeksAt + i] = word;
      hasChanged = true;
    }
    words[at + AT.kind / 4] = RECORD_KIND.optionFull;
    if (!hasChanged || this.#slots.isDirty[slot] === 1) return;
    this.counters.ticksRenewed++;
    this.#markDirty(slot, shardOf(words[at] as number));
  }

  dirtyCount(shard: number): number {
    return this.#link(shard).dirtyCount;
  }

  /** Takes the record at the start of `words` as the slot's newest value. */
  offer(slot: number, words: Uint32Array, receivedAtMs: number): void {
    this.counters.ticksOffered++;
    this.#slots.lowerModeRefused[slot] = 0;
    this.#store.put(slot, words, 0);
    const exchangeTimeS = exchangeTimeOf(words);
    if (exchangeTimeS !== 0) {
      const trustedMaxS = Math.floor(receivedAtMs / 1_000) + EXCHANGE_TIME_TRUSTED_AHEAD_S_MAX;
      this.#slots.newestExchangeTimeS[slot] = Math.min(exchangeTimeS, trustedMaxS);
    }
    if (this.#slots.isDirty[slot] === 1) this.counters.ticksConflated++;
    else this.#markDirty(slot, shardOf(words[AT.token / 4] as number));
  }

  /** Makes these the instruments that are streamed; all others are forgotten. Tokens that do not exist are left out. */
  want(instruments: Iterable<WantedInstrument>): void {
    const wanted = new Map<number, TickMode>();
    for (const { token, mode } of instruments) if (this.exists(token)) wanted.set(token, mode);
    assert(wanted.size <= this.#slotsMax, `${wanted.size} instruments wanted of at most ${this.#slotsMax}`);
    const gone: number[] = [];
    for (const token of this.#wanted.keys()) if (!wanted.has(token)) gone.push(token);
    this.#forget(gone);
    for (const [token, mode] of wanted) {
      const before = this.#wanted.get(token);
      if (before === undefined) this.#start(token, mode);
      else if (before !== mode) {
        this.#slots.wantedRank[this.#store.slotOf(token)] = rankOfMode(mode);
        this.#wanted.set(token, mode);
      }
    }
  }

  #start(token: number, mode: TickMode): void {
    let slot = this.#store.slotFor(token);
    if (slot < 0) {
      this.#compact();
      slot = this.#store.slotFor(token);
    }
    assert(slot >= 0, `no slot for instrument ${token}`);
    this.#slots.wantedRank[slot] = rankOfMode(mode);
    this.#wanted.set(token, mode);
    this.#undefine(token, slot);
  }

  /**
   * Swaps the instrument list. Kite gives the tokens of expired contracts to new ones: a value that was kept under
   * another symbol is forgotten, here at once and by the shards with the new definition. Throws a RangeError, and changes nothing, when a shard's token list cannot be sent.
   */
  replaceInstruments(book: InstrumentBook): void {
    checkKnownTokens(book);
    const previous = this.#book;
    this.#book = book;
    const changed: WantedInstrument[] = [];
    for (const [token, mode] of this.#wanted) {
      const change = book.changeSince(previous, token);
      if (change === 'details') this.#undefine(token, this.#store.slotOf(token));
      if (change === 'instrument') changed.push({ token, mode });
    }
    this.#forget(changed.map(({ token }) => token));
    for (const { token, mode } of changed) if (this.exists(token)) this.#start(token, mode);
    for (const link of this.#links) link.knownTokensSent = false;
  }

  /** Undefined until a list has been read: an empty one would tell the shard that nothing exists. */
  #knownTokensOf(shard: number): Uint8Array | undefined {
    return this.#book === EMPTY_INSTRUMENT_BOOK ? undefined : this.#book.knownTokensOf(shard);
  }

  /** The shard has to be told what the instrument is, also if it never ticks: it may take the token for another one. */
  #undefine(token: number, slot: number): void {
    this.#slots.isDefined[slot] = 0;
    this.#link(shardOf(token)).definitionsDue.add(token);
  }

  /**
   * The next batch of the shard: what is news, as far as it fits, with the definitions that the shard does not have and
   * once per memory of the shard its list of known tokens. Empty of ticks it is a heartbeat. Until the shard has
   * answered for the first time it is always empty: only the answer tells which memory gets what is sent.
   */
  take(shard: number, limits: { readonly ticksMax: number; readonly roundShards: number }): TakenBatch {
    const link = this.#link(shard);
    assert(!link.isUnderWay, `shard ${shard} has a batch under way`);
    link.isUnderWay = true;
    const seq = link.nextSeq++;
    const { underWay } = link;
    underWay.ticks = 0;
    underWay.definitions = [];
    underWay.hasKnownTokens = false;
    let definitions: readonly InstrumentDefinition[] = [];
    let tickWords = 0;
    let known: Uint8Array | undefined;
    if (link.boot !== 0) {
      known = link.knownTokensSent ? undefined : this.#knownTokensOf(shard);
      const bytesMax = BATCH_BYTES_MAX - BATCH_HEADER_BYTES - (known?.byteLength ?? 0);
      const room = new BatchRoom(bytesMax);
      this.#fill(link, Math.min(limits.ticksMax, BATCH_TICKS_MAX), room, seq);
      this.#fillDefinitions(link, room);
      ({ definitions, tickWords } = room);
      underWay.hasKnownTokens = known !== undefined;
      link.knownTokensSent ||= known !== undefined;
    }
    const bytes = encodeBatch({
      shard,
      epoch: this.epoch,
      seq,
      boot: link.boot,
      demandVersion: link.demandVersion,
      roundShards: limits.roundShards,
      ticks: this.#staging,
      tickWords,
      tickCount: underWay.ticks,
      definitions,
      ...(known ? { knownTokens: known } : {}),
    });
    return { bytes, epoch: this.epoch, seq, ticks: underWay.ticks };
  }

  /** Copies dirty records into the staging words; what does not fit stays dirty. */
  #fill(link: ShardLink, ticksMax: number, room: BatchRoom, seq: number): void {
    const { underWay } = link;
    const { words } = this.#store;
    link.removeDirty((slot) => {
      if (underWay.ticks >= ticksMax) return false;
      const from = slot * RECORD_WORDS_MAX;
      const size = recordWords(words[from + AT.kind / 4] as number);
      const token = words[from] as number;
      if (
        this.#slots.isDefined[slot] === 1 ? !room.fits(size, 0) : !this.#define(link, token, slot, room, size)
      )
        return false;
      copyWords(words, from, this.#staging, room.tickWords, size);
      this.#staging[room.tickWords + AT.seq / 4] = seq;
      room.tickWords += size;
      underWay.tokens[underWay.ticks++] = token;
      this.#slots.isDirty[slot] = 0;
      return true;
    });
  }

  /** Definitions of instruments that have no news go with what room is left. */
  #fillDefinitions(link: ShardLink, room: BatchRoom): void {
    for (const token of link.definitionsDue) {
      const slot = this.wantedSlotOf(token);
      if (slot < 0) link.definitionsDue.delete(token);
      else if (!this.#define(link, token, slot, room, 0)) return;
    }
  }

  /** Puts the instrument's definition into the batch, if it fits there beside so many words of its tick. */
  #define(link: ShardLink, token: number, slot: number, room: BatchRoom, words: number): boolean {
    const definition = this.#book.definitionOf(token);
    assert(definition !== undefined, `wanted instrument ${token} has no definition`);
    if (!room.take(definition, words)) return false;
    link.underWay.definitions.push(token);
    link.definitionsDue.delete(token);
    this.#slots.isDefined[slot] = 1;
    return true;
  }

  /** The shard has taken the batch under way. A memory other than the one known has nothing of what was sent before. */
  acknowledge(shard: number, reply: BatchReply): void {
    const link = this.#link(shard);
    assert(link.isUnderWay, `shard ${shard} has no batch under way`);
    link.isUnderWay = false;
    this.counters.ticksPosted += link.underWay.ticks;
    if (reply.boot !== link.boot) {
      link.boot = reply.boot;
      link.demandVersion = 0;
      link.knownTokensSent = false;
      this.#resend(shard);
    }
    if (reply.demand) link.demandVersion = reply.demand.version;
  }

  #resend(shard: number): void {
    for (const token of this.#wanted.keys()) {
      if (shardOf(token) !== shard) continue;
      const slot = this.#store.slotOf(token);
      this.#undefine(token, slot);
      if (this.#store.kindAt(slot) === 0 || this.#slots.isDirty[slot] === 1) continue;
      this.#markDirty(slot, shard);
      this.counters.ticksResent++;
    }
  }

  /**
   * The batch under way may not have arrived and will not be sent again: its instruments are news once more, with the
   * values that they have by now. Its sequence is spent.
   */
  giveUp(shard: number): void {
    const link = this.#link(shard);
    assert(link.isUnderWay, `shard ${shard} has no batch under way`);
    link.isUnderWay = false;
    const { underWay } = link;
    for (let i = 0; i < underWay.ticks; i++) {
      const slot = this.wantedSlotOf(underWay.tokens[i] as number);
      if (slot < 0 || this.#store.kindAt(slot) === 0) this.counters.ticksDropped++;
      else if (this.#slots.isDirty[slot] === 1) this.counters.ticksConflated++;
      else this.#markDirty(slot, shard);
    }
    for (const token of underWay.definitions) {
      const slot = this.wantedSlotOf(token);
      if (slot >= 0) this.#undefine(token, slot);
    }
    if (underWay.hasKnownTokens) link.knownTokensSent = false;
  }

  #link(shard: number): ShardLink {
    const link = this.#links[shard];
    assert(link !== undefined, `shard ${shard} of ${SHARD_COUNT}`);
    return link;
  }

  #markDirty(slot: number, shard: number): void {
    this.#slots.isDirty[slot] = 1;
    this.#link(shard).pushDirty(slot);
  }

  #forget(tokens: readonly number[]): void {
    if (tokens.length === 0) return;
    for (const token of tokens) {
      const slot = this.#store.slotOf(token);
      this.#wanted.delete(token);
      this.#slots.forget(slot);
      this.#store.clear(slot);
    }
    for (const link of this.#links) {
      link.removeDirty((slot) => {
        if (this.#slots.wantedRank[slot] !== 0) return false;
        this.#slots.isDirty[slot] = 0;
        this.counters.ticksDropped++;
        return true;
      });
    }
  }

  /** Moves the wanted instruments to a new table, without the slots of those that were wanted once. */
  #compact(): void {
    const old = this.#store;
    const store = new TickStore(this.#slotsMax);
    const slots = new SlotStates(this.#slotsMax);
    const movedTo = new Uint32Array(this.#slotsMax);
    for (const token of this.#wanted.keys()) {
      const from = old.slotOf(token);
      const to = store.slotFor(token);
      store.put(to, old.words, from * RECORD_WORDS_MAX);
      slots.copy(this.#slots, from, to);
      movedTo[from] = to;
    }
    for (const link of this.#links) {
      const dirty: number[] = [];
      link.removeDirty((slot) => dirty.push(slot) > 0);
      for (const slot of dirty) link.pushDirty(movedTo[slot] as number);
    }
    this.#store = store;
    this.#slots = slots;
  }
}
