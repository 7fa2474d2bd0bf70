// A shard's brain: last values, who wants what, and what each gateway has yet to be told.
import type { ErrorCode } from '../../shared/errors.ts';
import type { Batch, BatchReply, DemandItem } from '../../shared/frame.ts';
import {
  type InstrumentDefinition,
  type InstrumentToken,
  isSameInstrument,
} from '../../shared/instrument.ts';
import { SHARD_GATEWAYS_MAX, SHARD_INSTRUMENTS_MAX } from '../../shared/limits.ts';
import { AT, RECORD_WORDS_MAX, recordWords } from '../../shared/tick.ts';
import { copyWords, TickStore } from '../../shared/tick-store.ts';
import {
  type Interest,
  type InterestItem,
  intervalsOfInterest,
  rankOfInterest,
  streamedModeOf,
  unionOf,
} from './interest.ts';
import { ShardBars } from './shard-bars.ts';
import type { ShardPush, Snapshot } from './shard-push.ts';
import type { ShardStats } from './shard-stats.ts';
import { isOlder } from './tick-order.ts';
import { UnwantedInstruments } from './unwanted-instruments.ts';

export type { InterestItem } from './interest.ts';

export type { ShardPush, Snapshot } from './shard-push.ts';

export type ApplyResult =
  | { readonly kind: 'applied' | 'duplicate'; readonly reply: BatchReply }
  | { readonly kind: 'refused'; readonly code: ErrorCode; readonly message: string };

interface GatewayState {
  readonly interest: Map<InstrumentToken, Interest>;
  pushSeq: number;
  /** Tokens with news, in order of their first news. Bounded by `interest`. */
  readonly dirty: Set<InstrumentToken>;
  readonly definitionsDue: Set<InstrumentToken>;
  readonly unknownDue: Set<InstrumentToken>;
}

export class ShardBook {
  readonly shard: number;
  /** Random id of this memory: a shard that was reset has another one, and everybody who sees it resynchronises. */
  readonly boot: number;
  readonly #store = new TickStore(SHARD_INSTRUMENTS_MAX);
  readonly #definitions = new Map<number, InstrumentDefinition>();
  readonly #gateways = new Map<string, GatewayState>();
  readonly #bars = new ShardBars((token) => this.#definitions.get(token));
  readonly #unwanted = new UnwantedInstruments();
  #known: ReadonlySet<number> | undefined;
  readonly #epochFence: number;
  #epoch = 0;
  #batchSeq = 0;
  #roundShards = 1;
  #signedAtMs = 0;
  #seq = 0;
  #demandVersion = 1;
  #lastBatchAtMs = 0;
  #counters = { batches: 0, duplicates: 0, gaps: 0, ticks: 0, refused: 0, storeFull: 0, outOfOrder: 0 };

  /** Batches of sidecars before `epochFence` are refused: this memory's predecessor has had a later one's. */
  constructor(shard: number, boot: number, epochFence = 0) {
    this.shard = shard;
    this.boot = boot;
    this.#epochFence = epochFence;
  }

  /**
   * Takes a batch whose signature was right. Refuses what an older sidecar sent (`ingest_superseded`) and what was
   * signed no later than the last accepted post (`ingest_replayed`); answers a batch that it already has as a duplicate.
   */
  apply(batch: Batch, signedAtMs: number, nowMs: number): ApplyResult {
    const refusal = this.#refusalOf(batch, signedAtMs);
    if (refusal) {
      this.#counters.refused++;
      return refusal;
    }
    const isNewEpoch = batch.epoch > this.#epoch;
    this.#signedAtMs = signedAtMs;
    this.#lastBatchAtMs = nowMs;
    if (!isNewEpoch && batch.seq <= this.#batchSeq) {
      this.#counters.duplicates++;
      return { kind: 'duplicate', reply: { ...this.#reply(batch), duplicate: true } };
    }
    if (!isNewEpoch && batch.seq !== this.#batchSeq + 1) this.#counters.gaps++;
    this.#epoch = batch.epoch;
    this.#batchSeq = batch.seq;
    this.#roundShards = batch.roundShards;
    this.#counters.batches++;
    if (batch.knownTokens) this.#learnKnown(batch.knownTokens);
    for (const definition of batch.definitions) this.#learnDefinition(definition);
    this.#bars.beginBatch(signedAtMs, isNewEpoch);
    this.#applyTicks(batch);
    this.#bars.endBatch();
    return { kind: 'applied', reply: this.#reply(batch) };
  }

  #refusalOf(batch: Batch, signedAtMs: number): Extract<ApplyResult, { kind: 'refused' }> | undefined {
    if (batch.shard !== this.shard) {
      const message = `batch for shard ${batch.shard} at ${this.shard}`;
      return { kind: 'refused', code: 'ingest_frame', message };
    }
    const activeEpoch = Math.max(this.#epoch, this.#epochFence);
    if (batch.epoch < activeEpoch) {
      const message = `epoch ${batch.epoch} is older than the active sidecar's ${activeEpoch}`;
      return { kind: 'refused', code: 'ingest_superseded', message };
    }
    if (batch.epoch === this.#epoch && signedAtMs <= this.#signedAtMs) {
      const message = `post signed at ${signedAtMs}, one of ${this.#signedAtMs} is here already`;
      return { kind: 'refused', code: 'ingest_replayed', message };
    }
    return undefined;
  }

  #reply(batch: Batch): BatchReply {
    const isCurrent = batch.boot === this.boot && batch.demandVersion === this.#demandVersion;
    return {
      epoch: batch.epoch,
      seq: batch.seq,
      boot: this.boot,
      ...(isCurrent ? {} : { demand: { version: this.#demandVersion, items: this.demand() } }),
    };
  }

  /** Forgets what is not in today's list: tokens of expired contracts are given to new ones, with other prices. */
  #learnKnown(tokens: readonly InstrumentToken[]): void {
    const known = new Set<number>(tokens);
    this.#known = known;
    for (const token of [...this.#store.tokens()]) if (!known.has(token)) this.#store.release(token);
    for (const token of this.#definitions.keys()) if (!known.has(token)) this.#definitions.delete(token);
    for (const [name, gateway] of this.#gateways) {
      for (const token of gateway.interest.keys()) {
        if (!known.has(token)) this.#expel(name, gateway, token);
      }
    }
  }

  #expel(name: string, gateway: GatewayState, token: InstrumentToken): void {
    gateway.interest.delete(token);
    this.#bars.setInterest(name, token, 0);
    gateway.dirty.delete(token);
    gateway.definitionsDue.delete(token);
    gateway.unknownDue.add(token);
    this.#demandVersion++;
  }

  #learnDefinition(definition: InstrumentDefinition): void {
    const token = definition.instrument_token;
    const before = this.#definitions.get(token);
    if (!before && this.#definitions.size >= SHARD_INSTRUMENTS_MAX) {
      this.#counters.storeFull++;
      return;
    }
    // The token has been given to another contract: the old one's price is not a price of the new one.
    if (before && !isSameInstrument(before, definition)) {
      const slot = this.#store.slotOf(token);
      if (slot >= 0) this.#store.clear(slot);
      this.#bars.restart(token);
    }
    this.#definitions.set(token, definition);
    for (const gateway of this.#gateways.values()) {
      if (gateway.interest.has(token)) gateway.definitionsDue.add(token);
    }
  }

  #applyTicks(batch: Batch): void {
    if (batch.ticks.length === 0) return;
    this.#seq++;
    const gateways = [...this.#gateways.values()];
    let at = 0;
    while (at < batch.ticks.length) {
      const token = batch.ticks[at] as InstrumentToken;
      const slot = this.#store.slotFor(token);
      if (slot < 0) this.#counters.storeFull++;
      else if (isOlder(this.#store, slot, batch.ticks, at)) this.#counters.outOfOrder++;
      else {
        this.#store.put(slot, batch.ticks, at);
        this.#store.view.setUint32(this.#store.byteOffset(slot) + AT.seq, this.#seq, true);
        this.#bars.addTick(token, this.#store.view, this.#store.byteOffset(slot));
        for (const { interest, dirty } of gateways) {
          if (rankOfInterest(interest.get(token) ?? 0) > 0) dirty.add(token);
        }
      }
      at += recordWords(batch.ticks[at + 1] as number);
    }
    this.#counters.ticks += batch.tickCount;
  }

  /** Names of the gateways that have something to be told. */
  gatewaysDue(): string[] {
    const due: string[] = [];
    for (const [name, gateway] of this.#gateways) if (this.#isDue(name, gateway)) due.push(name);
    return due;
  }

  #isDue(name: string, { dirty, definitionsDue, unknownDue }: GatewayState): boolean {
    return dirty.size + definitionsDue.size + unknownDue.size > 0 || this.#bars.hasDue(name);
  }

  /** What this gateway has yet to be told, newest values only, and marks it as told; undefined when there is nothing. */
  takePush(name: string): ShardPush | undefined {
    const gateway = this.#gateways.get(name);
    if (!gateway || !this.#isDue(name, gateway)) return undefined;
    gateway.pushSeq++;
    const push: ShardPush = {
      shard: this.shard,
      boot: this.boot,
      seq: gateway.pushSeq,
      roundShards: this.#roundShards,
      ticks: this.#recordsOf(gateway.dirty),
      definitions: this.#definitionsOf(gateway.definitionsDue),
      unknown: [...gateway.unknownDue],
      bars: this.#bars.takeDue(name),
    };
    gateway.dirty.clear();
    gateway.definitionsDue.clear();
    gateway.unknownDue.clear();
    return push;
  }

  /** Adds interest of a gateway (or changes its mode) and returns the current values of just these items. */
  register(name: string, items: readonly InterestItem[]): Snapshot {
    const gateway = this.#gatewayFor(name);
    const registered: InstrumentToken[] = [];
    const withTicks: InstrumentToken[] = [];
    const unknown: InstrumentToken[] = [];
    for (const [token, interest] of items) {
      if (this.#known && !this.#known.has(token)) unknown.push(token);
      else {
        registered.push(token);
        // Nobody has kept this value current: it must not be told as if it were.
        if (this.#unwanted.takeBack(token, this.#lastBatchAtMs)) this.#clear(token);
        if (rankOfInterest(interest) > 0) withTicks.push(token);
        this.#bars.setInterest(name, token, intervalsOfInterest(interest));
        if (gateway.interest.get(token) !== interest) this.#demandVersion++;
        gateway.interest.set(token, interest);
        gateway.unknownDue.delete(token);
      }
    }
    return {
      boot: this.boot,
      pushSeq: gateway.pushSeq,
      ticks: this.#recordsOf(withTicks),
      definitions: this.#definitionsOf(registered),
      bars: this.#bars.currentOf(items),
      unknown,
    };
  }

  #isWanted(token: InstrumentToken): boolean {
    for (const { interest } of this.#gateways.values()) if (interest.has(token)) return true;
    return false;
  }

  #clear(token: InstrumentToken): void {
    const slot = this.#store.slotOf(token);
    if (slot >= 0) this.#store.clear(slot);
  }

  /**
   * Lowers what a gateway wants, and returns the items that it did want. What has been struck stays so, even if it is
   * listed again by now: the gateway has been told that it is gone, and would never release it.
   */
  lower(name: string, items: readonly InterestItem[]): InterestItem[] {
    const wanted = this.#gateways.get(name)?.interest;
    const lowered = items.filter(([token]) => wanted?.has(token));
    if (lowered.length > 0) this.register(name, lowered);
    return lowered;
  }

  release(name: string, tokens: readonly InstrumentToken[]): void {
    const gateway = this.#gateways.get(name);
    if (!gateway) return;
    for (const token of tokens) {
      if (gateway.interest.delete(token)) this.#demandVersion++;
      if (!this.#isWanted(token)) this.#unwanted.left(token, this.#lastBatchAtMs);
      this.#bars.setInterest(name, token, 0);
      gateway.dirty.delete(token);
      gateway.definitionsDue.delete(token);
    }
  }

  /** Replaces all interest of a gateway: for one that lost its memory, or is not sure that it has heard everything. */
  resync(name: string, items: readonly InterestItem[]): Snapshot {
    this.release(name, [...(this.#gateways.get(name)?.interest.keys() ?? [])]);
    this.#gateways.get(name)?.unknownDue.clear();
    return this.register(name, items);
  }

  /**
   * Takes back a push that may not have arrived. Its sequence is spent: the gateway sees the gap in the next one and
   * resynchronises, whether or not it had this one.
   */
  returnPush(name: string, push: ShardPush): void {
    const gateway = this.#gateways.get(name);
    if (!gateway) return;
    for (let at = 0; at < push.ticks.length; at += recordWords(push.ticks[at + 1] as number)) {
      const token = push.ticks[at] as InstrumentToken;
      if (gateway.interest.has(token)) gateway.dirty.add(token);
    }
    for (const { instrument_token: token } of push.definitions) {
      if (gateway.interest.has(token)) gateway.definitionsDue.add(token);
    }
    for (const token of push.unknown) if (!gateway.interest.has(token)) gateway.unknownDue.add(token);
    this.#bars.putBack(name, push.bars);
  }

  /** Names of the gateways that want something. */
  gateways(): string[] {
    return [...this.#gateways].flatMap(([name, { interest }]) => (interest.size > 0 ? [name] : []));
  }

  /** Interest of a gateway, to be stored and restored across resets. */
  interestOf(name: string): InterestItem[] {
    return [...(this.#gateways.get(name)?.interest ?? [])];
  }

  /** Every wanted token with the mode that serves all gateways. */
  demand(): DemandItem[] {
    const wanted = new Map<InstrumentToken, Interest>();
    for (const gateway of this.#gateways.values()) {
      for (const [token, interest] of gateway.interest) {
        wanted.set(token, unionOf(interest, wanted.get(token) ?? 0));
      }
    }
    return [...wanted].map(([token, interest]) => [token, streamedModeOf(token, interest)]);
  }

  stats(): ShardStats {
    return {
      shard: this.shard,
      epoch: this.#epoch,
      seq: this.#seq,
      instruments: this.#store.size,
      known_instruments: this.#known?.size ?? 0,
      gateways: this.#gateways.size,
      wanted: this.demand().length,
      last_batch_at: this.#lastBatchAtMs,
      ...this.#counters,
    };
  }

  #gatewayFor(name: string): GatewayState {
    let gateway = this.#gateways.get(name);
    if (!gateway) {
      if (this.#gateways.size >= SHARD_GATEWAYS_MAX) {
        throw new RangeError(`shard ${this.shard} has ${SHARD_GATEWAYS_MAX} gateways, none free for ${name}`);
      }
      gateway = {
        interest: new Map(),
        pushSeq: 0,
        dirty: new Set(),
        definitionsDue: new Set(),
        unknownDue: new Set(),
      };
      this.#gateways.set(name, gateway);
    }
    return gateway;
  }

  #definitionsOf(tokens: Iterable<InstrumentToken>): InstrumentDefinition[] {
    const found: InstrumentDefinition[] = [];
    for (const token of tokens) {
      const definition = this.#definitions.get(token);
      if (definition) found.push(definition);
    }
    return found;
  }

  #recordsOf(tokens: ReadonlySet<InstrumentToken> | readonly InstrumentToken[]): Uint32Array {
    const slots: number[] = [];
    let words = 0;
    for (const token of tokens) {
      const slot = this.#store.slotOf(token);
      const kind = slot < 0 ? 0 : this.#store.kindAt(slot);
      if (kind === 0) continue;
      slots.push(slot);
      words += recordWords(kind);
    }
    const records = new Uint32Array(words);
    let at = 0;
    for (const slot of slots) {
      const size = recordWords(this.#store.kindAt(slot));
      copyWords(this.#store.words, slot * RECORD_WORDS_MAX, records, at, size);
      at += size;
    }
    return records;
  }
}
