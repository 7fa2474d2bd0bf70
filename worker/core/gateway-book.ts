// A gateway's brain: its copy of the last values its clients want, who wants them, and what the shards have been told.
import { assert } from '../../shared/errors.ts';
import {
  type InstrumentDefinition,
  type InstrumentToken,
  isSameInstrument,
} from '../../shared/instrument.ts';
import { CLIENT_SUBSCRIPTIONS_MAX, GATEWAY_INSTRUMENTS_MAX } from '../../shared/limits.ts';
import { SHARD_COUNT, shardOf } from '../../shared/shard.ts';
import { AT, type ModeRank, modeOfRank, RANK_MAX, recordWords } from '../../shared/tick.ts';
import { TickStore } from '../../shared/tick-store.ts';
import type { SubscriptionItem } from './attachment.ts';
import { Delivery } from './delivery.ts';
import type { FanoutSource } from './fanout.ts';
import type { Outlet } from './outlet.ts';
import type { RejectedItem, SubscribeItem, SubscriptionLine } from './protocol.ts';
import type { InterestItem, ShardPush, Snapshot } from './shard-book.ts';
import { ShardLink } from './shard-link.ts';
import { type SessionIndex, Subscriptions, sessionOfMember } from './subscriptions.ts';
import { rankOfTerms, speedOfTerms, termsOf } from './terms.ts';

/** What a shard has to be told: raise or lower these, forget those. */
export interface InterestChange {
  readonly shard: number;
  readonly register: readonly InterestItem[];
  readonly release: readonly InstrumentToken[];
}

/** A session whose instrument turned out not to exist. */
export interface Expulsion {
  readonly session: SessionIndex;
  readonly tokens: readonly InstrumentToken[];
}

export interface SubscribePlan {
  readonly accepted: readonly SubscribeItem[];
  readonly rejected: readonly RejectedItem[];
  /** By shard, what has to be registered before the subscription can be answered. */
  readonly contacts: ReadonlyMap<number, readonly InterestItem[]>;
}

export class GatewayBook {
  readonly subscriptions = new Subscriptions();
  readonly links: readonly ShardLink[] = Array.from({ length: SHARD_COUNT }, () => new ShardLink());
  readonly #store = new TickStore(GATEWAY_INSTRUMENTS_MAX);
  /** By slot; a slot that nobody here wants has no token, and is the next instrument's. */
  readonly #tokens: (InstrumentToken | undefined)[] = [];
  readonly #definitions: (InstrumentDefinition | undefined)[] = [];
  readonly #outlets: (Outlet | undefined)[] = [];
  readonly #freeSessions: SessionIndex[] = [];
  /** Sessions that have an index, those without a client included. */
  readonly #open = new Set<SessionIndex>();
  #sessions = 0;
  /** By slot, the mode that the shard was told; absent when it was told nothing. */
  readonly #told = new Map<number, ModeRank>();
  /** By slot, subscribes that wait for a shard's answer: their interest must not be released meanwhile. */
  readonly #claims = new Map<number, { rank: ModeRank; count: number }>();
  /** By shard, the memory that the stored values' sequence numbers belong to. */
  readonly #boots = new Array<number>(SHARD_COUNT).fill(0);
  readonly #source: FanoutSource = {
    store: this.#store,
    subscriptions: this.subscriptions,
    definitions: this.#definitions,
    outlets: this.#outlets,
  };
  readonly delivery: Delivery;

  /** `nowMs` is the time of the gateway's start. */
  constructor(nowMs = 0) {
    this.delivery = new Delivery(this.#source, nowMs);
  }

  openSession(outlet: Outlet): SessionIndex {
    const session = this.#freeSessions.pop() ?? this.#sessions++;
    this.#outlets[session] = outlet;
    this.#open.add(session);
    return session;
  }

  /** The session's client has gone, and may come back: nothing is sent, and what it subscribed to stays wanted. */
  suspendSession(session: SessionIndex): number {
    const waitedAtSeq = this.#outlets[session]?.waitedAtSeq ?? Number.POSITIVE_INFINITY;
    this.#outlets[session] = undefined;
    this.delivery.drop(session);
    return waitedAtSeq;
  }

  /** Ends a session and returns what the shards have to be told. */
  closeSession(session: SessionIndex): InterestChange[] {
    // Ended twice, its index would be given to two sockets, and one would get the other's ticks.
    if (!this.#open.delete(session)) return [];
    const slots = this.subscriptions.drop(session);
    this.#outlets[session] = undefined;
    this.delivery.drop(session);
    this.#freeSessions.push(session);
    return this.#interestChanges(slots);
  }

  /** Gives a session the subscriptions that it had before this object lost its memory. Returns those that have no room. */
  restore(session: SessionIndex, items: readonly SubscriptionItem[]): InstrumentToken[] {
    const dropped: InstrumentToken[] = [];
    for (const [token, terms] of items) {
      const slot = this.#slotFor(token);
      if (slot < 0) dropped.push(token);
      else this.subscriptions.set(session, slot, terms);
    }
    return dropped;
  }

  /** Sorts a request into what fits and what does not, and claims the interest of what fits until `unclaim`. */
  planSubscribe(session: SessionIndex, items: readonly SubscribeItem[]): SubscribePlan {
    const accepted: SubscribeItem[] = [];
    const rejected: RejectedItem[] = [];
    const contacts = new Map<number, InterestItem[]>();
    let room = CLIENT_SUBSCRIPTIONS_MAX - this.subscriptions.countOf(session);
    // What is named twice, as by token and by symbol, is one item: the last.
    for (const item of new Map(items.map((each) => [each.token, each])).values()) {
      const isNew = !this.subscriptions.has(session, this.#store.slotOf(item.token));
      if (isNew && room <= 0) {
        const message = `at most ${CLIENT_SUBSCRIPTIONS_MAX} subscriptions per connection`;
        rejected.push({ field: 'token', item: item.token, code: 'subscription_limit', message });
        continue;
      }
      const slot = this.#slotFor(item.token);
      if (slot < 0) {
        const message = `this gateway has ${GATEWAY_INSTRUMENTS_MAX} instruments, none free`;
        rejected.push({ field: 'token', item: item.token, code: 'gateway_full', message });
        continue;
      }
      if (isNew) room--;
      accepted.push(item);
      this.#claim(slot, item.rank);
      const shard = shardOf(item.token);
      if (!this.needsContact(item)) continue;
      const contact = contacts.get(shard);
      if (contact) contact.push([item.token, item.rank]);
      else contacts.set(shard, [[item.token, item.rank]]);
    }
    return { accepted, rejected, contacts };
  }

  /** True while the shard does not know that this gateway wants the item in this mode, or may have forgotten it. */
  needsContact({ token, rank }: SubscribeItem): boolean {
    const told = this.#told.get(this.#store.slotOf(token)) ?? 0;
    return told < rank || !this.links[shardOf(token)]?.isSynced;
  }

  /**
   * Claimed items in the modes that are wanted of them now. A registration that is sent, or sent again, some time after
   * its plan must not lower what others have asked for since.
   */
  asWanted(items: readonly InterestItem[]): InterestItem[] {
    return items.map(([token, rank]) => [token, this.#wantedRank(this.#store.slotOf(token)) || rank]);
  }

  /** Gives back the claims of a plan, whatever came of it. */
  unclaim(items: readonly SubscribeItem[]): InterestChange[] {
    const slots: number[] = [];
    for (const { token } of items) {
      const slot = this.#store.slotOf(token);
      const claim = this.#claims.get(slot);
      if (claim && --claim.count === 0) this.#claims.delete(slot);
      slots.push(slot);
    }
    return this.#interestChanges(slots);
  }

  /** Makes the subscriptions of claimed items effective. Returns the tokens that have no value yet. */
  subscribe(session: SessionIndex, items: readonly SubscribeItem[]): InstrumentToken[] {
    const pending: InstrumentToken[] = [];
    for (const { token, rank, speed } of items) {
      const slot = this.#slotFor(token);
      this.subscriptions.set(session, slot, termsOf(rank, speed));
      // Expelled while another shard was waited for: out of step, the next contact asks for it again and says so.
      if (!this.#told.has(slot)) this.links[shardOf(token)]?.reset();
      if (this.#store.kindAt(slot) === 0 || !this.#definitions[slot]) pending.push(token);
    }
    return pending;
  }

  unsubscribe(session: SessionIndex, tokens: readonly InstrumentToken[]): InterestChange[] {
    const slots: number[] = [];
    for (const token of tokens) {
      const slot = this.#store.slotOf(token);
      if (slot >= 0 && this.subscriptions.remove(session, slot)) slots.push(slot);
    }
    return this.#interestChanges(slots);
  }

  subscriptionsOf(session: SessionIndex): SubscriptionItem[] {
    const items: SubscriptionItem[] = [];
    for (const [slot, terms] of this.subscriptions.of(session)) {
      items.push([this.#tokens[slot] as InstrumentToken, terms]);
    }
    return items;
  }

  /** What a session has subscribed to, as it is told; all of it, or the tokens given. */
  linesOf(session: SessionIndex, only?: ReadonlySet<InstrumentToken>): SubscriptionLine[] {
    const lines: SubscriptionLine[] = [];
    for (const [slot, terms] of this.subscriptions.of(session)) {
      const token = this.#tokens[slot] as InstrumentToken;
      if (only && !only.has(token)) continue;
      const definition = this.#definitions[slot];
      const symbol = definition ? { symbol: `${definition.exchange}:${definition.tradingsymbol}` } : {};
      const isLive = definition !== undefined && this.#store.kindAt(slot) !== 0;
      lines.push({
        token,
        ...symbol,
        mode: modeOfRank(rankOfTerms(terms)),
        speed: speedOfTerms(terms),
        isLive,
      });
    }
    return lines;
  }

  /** Whether a session has every one of these items, on the same terms. */
  hasAll(session: SessionIndex, items: readonly SubscribeItem[]): boolean {
    return items.every(({ token, rank, speed }) => {
      const slot = this.#store.slotOf(token);
      return slot >= 0 && this.subscriptions.termsFor(session, slot) === termsOf(rank, speed);
    });
  }

  /** Everything that this gateway wants of a shard, claims included: what a resynchronisation sends. */
  interestOf(shard: number): InterestItem[] {
    const items: InterestItem[] = [];
    for (const [slot, token] of this.#tokens.entries()) {
      if (token === undefined || shardOf(token) !== shard) continue;
      const rank = this.#wantedRank(slot);
      if (rank !== 0) items.push([token, rank]);
    }
    return items;
  }

  /**
   * Marks what a shard has just been told, and takes the values that it answered. Returns who lost an instrument that
   * does not exist.
   */
  applySnapshot(items: readonly InterestItem[], snapshot: Snapshot): Expulsion[] {
    const unknown = new Set(snapshot.unknown);
    for (const [token, rank] of items) {
      const slot = this.#store.slotOf(token);
      if (unknown.has(token)) {
        // Another answer says that it exists, and they may have overtaken each other: ask once more.
        if (this.#told.has(slot)) this.links[shardOf(token)]?.reset();
        continue;
      }
      // What was given up or lowered while the answer was on its way has been taken back from the shard since.
      const told = Math.min(rank, slot < 0 ? 0 : this.#wantedRank(slot));
      if (told > (this.#told.get(slot) ?? 0)) this.#told.set(slot, told as ModeRank);
    }
    return this.#learn(snapshot);
  }

  /**
   * A shard whose interest was replaced: what it was told before no longer counts, and all its values go out again.
   * Values of another memory of the shard are dropped first: their sequence numbers mean nothing any more.
   */
  applyResync(shard: number, items: readonly InterestItem[], snapshot: Snapshot): Expulsion[] {
    const isOtherMemory = this.#boots[shard] !== snapshot.boot;
    this.#boots[shard] = snapshot.boot;
    for (const [slot, token] of this.#tokens.entries()) {
      if (token === undefined || shardOf(token) !== shard) continue;
      this.#told.delete(slot);
      if (isOtherMemory) this.#store.clear(slot);
      this.delivery.mark(slot);
    }
    return this.applySnapshot(items, snapshot);
  }

  /** Takes a push that the link let through. */
  applyPush(push: ShardPush): Expulsion[] {
    // A registration under way may have been answered before its instrument was struck: it has to ask again.
    const isClaimed = push.unknown.some((token) => this.#claims.has(this.#store.slotOf(token)));
    if (isClaimed) this.links[push.shard]?.reset();
    return this.#learn(push);
  }

  /**
   * Pushes and answers overtake each other: a value that is not newer than the stored one is not taken. News of what
   * nobody here wants any more is not kept.
   */
  #learn(news: Pick<ShardPush, 'ticks' | 'definitions' | 'unknown'>): Expulsion[] {
    for (const definition of news.definitions) {
      const slot = this.#store.slotOf(definition.instrument_token);
      if (slot < 0) continue;
      const before = this.#definitions[slot];
      if (!before) this.delivery.mark(slot);
      else if (!isSameInstrument(before, definition)) this.#store.clear(slot);
      this.#definitions[slot] = definition;
    }
    let words = 0;
    for (let at = 0; at < news.ticks.length; at += words) {
      const kind = news.ticks[at + AT.kind / 4] as number;
      words = recordWords(kind);
      // A shard of a newer version may be deployed before this gateway: without this, the loop would never end.
      assert(words > 0, `record of kind ${kind} in a shard's news`);
      const slot = this.#store.slotOf(news.ticks[at] as number);
      if (slot < 0) continue;
      const isNewer = (news.ticks[at + AT.seq / 4] as number) > this.#store.seqAt(slot);
      if (!isNewer && this.#store.kindAt(slot) !== 0) continue;
      this.#store.put(slot, news.ticks, at);
      this.delivery.mark(slot);
    }
    return this.#expel(news.unknown);
  }

  #expel(tokens: readonly InstrumentToken[]): Expulsion[] {
    const bySession = new Map<SessionIndex, InstrumentToken[]>();
    for (const token of tokens) {
      const slot = this.#store.slotOf(token);
      if (slot < 0) continue;
      for (const session of this.subscriptions.membersOf(slot).map(sessionOfMember)) {
        this.subscriptions.remove(session, slot);
        const expelled = bySession.get(session);
        if (expelled) expelled.push(token);
        else bySession.set(session, [token]);
      }
      this.#forget(slot);
    }
    return [...bySession].map(([session, expelled]) => ({ session, tokens: expelled }));
  }

  /** Has a subscriber be sent the current values of these items. Flush first: what has changed must not come twice. */
  holdSnapshot(session: SessionIndex, items: readonly SubscribeItem[]): void {
    this.delivery.holdSnapshot(
      session,
      items.map(({ token }) => this.#store.slotOf(token)),
    );
  }

  /** Distinct instruments that somebody here is subscribed to. */
  subscribedTokens(): InstrumentToken[] {
    return this.#tokens.filter(
      (token, slot): token is InstrumentToken =>
        token !== undefined && this.subscriptions.membersOf(slot).length > 0,
    );
  }

  #slotFor(token: InstrumentToken): number {
    const slot = this.#store.slotFor(token);
    if (slot >= 0) this.#tokens[slot] = token;
    return slot;
  }

  /** What the shard was told of the slot and all that is kept of it is void; unless it is claimed, the slot is free. */
  #forget(slot: number): void {
    const token = this.#tokens[slot];
    if (token === undefined) return;
    this.#told.delete(slot);
    this.delivery.unmark(slot);
    this.#definitions[slot] = undefined;
    // Nobody keeps this value current from here on: it must not be the next subscriber's first.
    this.#store.clear(slot);
    if (this.#claims.has(slot)) return;
    this.#store.release(token);
    this.#tokens[slot] = undefined;
  }

  #claim(slot: number, rank: ModeRank): void {
    const claim = this.#claims.get(slot);
    if (!claim) this.#claims.set(slot, { rank, count: 1 });
    else {
      claim.count++;
      if (rank > claim.rank) claim.rank = rank;
    }
  }

  #wantedRank(slot: number): ModeRank | 0 {
    const subscribed = this.subscriptions.rankOf(slot);
    const claimed = this.#claims.get(slot)?.rank ?? 0;
    return Math.max(claimed, subscribed) as ModeRank | 0;
  }

  #interestChanges(slots: readonly number[]): InterestChange[] {
    const changes = new Map<number, { register: InterestItem[]; release: InstrumentToken[] }>();
    for (const slot of slots) {
      const token = this.#tokens[slot];
      if (token === undefined) continue;
      const shard = shardOf(token);
      const wanted = this.#wantedRank(slot);
      // A resynchronisation under way tells the shard what was wanted when it began, so that has to be taken back.
      const told = this.links[shard]?.isSyncing ? RANK_MAX : (this.#told.get(slot) ?? 0);
      if (wanted < told) {
        const change = changes.get(shard) ?? { register: [], release: [] };
        changes.set(shard, change);
        if (wanted === 0) change.release.push(token);
        else {
          change.register.push([token, wanted]);
          this.#told.set(slot, wanted);
        }
      }
      if (wanted === 0) this.#forget(slot);
    }
    return [...changes].map(([shard, change]) => ({ shard, ...change }));
  }
}
