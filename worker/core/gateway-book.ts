// A gateway's brain: its copy of the last values its clients want, who wants them, and what the shards have been told.
import { assert } from '../../shared/errors.ts';
import {
  type InstrumentDefinition,
  type InstrumentToken,
  isSameContract,
  isSameInstrument,
} from '../../shared/instrument.ts';
import {
  CLIENT_FILTERS_MAX,
  CLIENT_SUBSCRIPTIONS_MAX,
  GATEWAY_INSTRUMENTS_MAX,
} from '../../shared/limits.ts';
import { SHARD_COUNT, shardOf } from '../../shared/shard.ts';
import { AT, recordWords } from '../../shared/tick.ts';
import { TickStore } from '../../shared/tick-store.ts';
import type { SubscriptionItem } from './attachment.ts';
import { BarBook } from './bar-book.ts';
import type { ChainItem } from './chain-attachment.ts';
import { ChainBook } from './chain-book.ts';
import { Delivery } from './delivery.ts';
import type { FanoutSource } from './fanout.ts';
import { rawFilterOf } from './filters.ts';
import { isGreeksRenewal } from './greeks-renewal.ts';
import { type Interest, type InterestItem, interestIn } from './interest.ts';
import { LastValues } from './last-values.ts';
import type { Outlet } from './outlet.ts';
import type { SubscribeItem } from './protocol.ts';
import type { RowAnnouncement } from './row-format.ts';
import type { ShardPush, Snapshot } from './shard-book.ts';
import { type InterestChange, type Plan, ShardInterest } from './shard-interest.ts';
import type { ShardLink } from './shard-link.ts';
import { SubscriptionLines } from './subscription-lines.ts';
import { type SessionIndex, Subscriptions, sessionOfMember } from './subscriptions.ts';
import { streamedRankOf, termsOfItem } from './terms.ts';

export type { InterestChange, Plan } from './shard-interest.ts';

/** A session whose instrument turned out not to exist. */
export interface Expulsion {
  readonly session: SessionIndex;
  readonly tokens: readonly InstrumentToken[];
}

function interestOfItem(item: SubscribeItem): Interest {
  return interestIn(streamedRankOf(termsOfItem(item)));
}

export class GatewayBook {
  readonly subscriptions = new Subscriptions();
  readonly bars: BarBook;
  readonly chains: ChainBook;
  readonly lines: SubscriptionLines;
  readonly #store = new TickStore(GATEWAY_INSTRUMENTS_MAX);
  readonly #definitions: (InstrumentDefinition | undefined)[] = [];
  readonly #outlets: (Outlet | undefined)[] = [];
  readonly #freeSessions: SessionIndex[] = [];
  /** Sessions that have an index, those without a client included. */
  readonly #open = new Set<SessionIndex>();
  readonly values = new LastValues(this.#store, this.#definitions);
  #sessions = 0;
  /** By shard, the memory that the stored values' sequence numbers belong to. */
  readonly #boots = new Array<number>(SHARD_COUNT).fill(0);
  readonly #source: FanoutSource = {
    store: this.#store,
    subscriptions: this.subscriptions,
    definitions: this.#definitions,
    outlets: this.#outlets,
  };
  readonly delivery: Delivery;
  readonly #interest: ShardInterest;

  /** `nowMs` is the time of the gateway's start. */
  constructor(nowMs = 0) {
    this.delivery = new Delivery(this.#source, nowMs);
    this.#interest = new ShardInterest({
      store: this.#store,
      wantedAt: (slot) =>
        interestIn(this.chains.rankAt(slot) || this.subscriptions.rankOf(slot), this.bars.intervalsAt(slot)),
      onForget: (slot) => this.#onForget(slot),
    });
    this.bars = new BarBook(this.#interest, this.#store);
    this.chains = new ChainBook({
      ...this.#source,
      interest: this.#interest,
      onChanged: (session) => this.delivery.lanes.regroup(session),
      hasOutlet: (session) => this.#outlets[session] !== undefined,
    });
    const tokensOf = (session: SessionIndex) => this.subscriptionsOf(session).map(([token]) => token);
    const { bars, chains } = this;
    this.lines = new SubscriptionLines({ ...this.#source, bars, chains, tokensOf });
  }

  get links(): readonly ShardLink[] {
    return this.#interest.links;
  }

  /** Entries in each of its tables: what has to go when the clients go. */
  holdings() {
    const { subscriptions } = this;
    return {
      sessions: this.#open.size,
      subscriptions: subscriptions.total,
      filters: subscriptions.filters.size,
      ...this.bars.sizes,
      ...this.chains.sizes,
      instruments: this.#store.size,
      definitions: this.#definitions.reduce((sum, definition) => sum + (definition ? 1 : 0), 0),
      ...this.#interest.sizes,
      ...this.delivery.sizes,
    };
  }

  openSession(outlet: Outlet): SessionIndex {
    const session = this.#freeSessions.pop() ?? this.#sessions++;
    this.#outlets[session] = outlet;
    this.#open.add(session);
    this.delivery.lanes.open(session);
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
    const ofChains = this.chains.drop(session);
    const slots = new Set([...ofChains, ...this.subscriptions.drop(session), ...this.bars.drop(session)]);
    this.#outlets[session] = undefined;
    this.delivery.drop(session);
    this.#freeSessions.push(session);
    return this.#interest.changes(slots);
  }

  /** Gives a session the subscriptions that it had before this object lost its memory. Returns those that have no room. */
  restore(
    session: SessionIndex,
    items: readonly SubscriptionItem[],
    chains: readonly ChainItem[] = [],
  ): InstrumentToken[] {
    const dropped: InstrumentToken[] = [];
    for (const [token, terms, filter] of items) {
      const slot = this.#interest.slotFor(token);
      if (slot < 0) dropped.push(token);
      else this.subscriptions.set(session, slot, terms, filter);
    }
    dropped.push(...this.chains.restore(session, chains));
    this.delivery.lanes.regroup(session);
    this.restart(session);
    return dropped;
  }

  /** Sorts a request into what fits and what does not, and claims the interest of what fits until `unclaim`. */
  planSubscribe(session: SessionIndex, items: readonly SubscribeItem[]): Plan<SubscribeItem> {
    const { filters } = this.subscriptions;
    let room = CLIENT_SUBSCRIPTIONS_MAX - this.ownCountOf(session) - this.chains.reservedBy(session);
    let filterRoom = CLIENT_FILTERS_MAX - filters.countOf(session);
    const isNew = ({ token }: SubscribeItem) => !this.#owns(session, this.#store.slotOf(token));
    const isNewFilter = ({ token, filter }: SubscribeItem) =>
      filter !== undefined && !filters.get(session, this.#store.slotOf(token));
    // What is named twice, as by token and by symbol, is one item: the last.
    const distinct = new Map(items.map((item) => [item.token, item])).values();
    return this.#interest.plan(distinct, {
      interestOf: interestOfItem,
      refusalOf: (item) => {
        if (isNew(item) && room <= 0) {
          const message = `at most ${CLIENT_SUBSCRIPTIONS_MAX} subscriptions per connection`;
          return { code: 'subscription_limit', message };
        }
        if (!isNewFilter(item) || filterRoom > 0) return undefined;
        return { code: 'filter_limit', message: `at most ${CLIENT_FILTERS_MAX} filters per connection` };
      },
      onAccept: (item) => {
        if (isNew(item)) room--;
        if (isNewFilter(item)) filterRoom--;
      },
    });
  }

  /** True while the shard does not know that this gateway wants the item in this mode, or may have forgotten it. */
  needsContact(item: SubscribeItem): boolean {
    return this.#interest.needsContact(item.token, interestOfItem(item));
  }

  asWanted(items: readonly InterestItem[]): InterestItem[] {
    return this.#interest.asWanted(items);
  }

  /** Gives back the claims of a plan, whatever came of it. */
  unclaim(items: readonly { readonly token: InstrumentToken }[]): InterestChange[] {
    for (const { token } of items) this.bars.prune(this.#store.slotOf(token));
    return this.#interest.unclaim(items.map(({ token }) => token));
  }

  /** Makes the subscriptions of claimed items effective. Returns the tokens that have no value yet. */
  subscribe(session: SessionIndex, items: readonly SubscribeItem[]): InstrumentToken[] {
    for (const item of items) {
      const { token, filter } = item;
      const slot = this.#interest.slotFor(token);
      this.subscriptions.set(session, slot, termsOfItem(item), filter && rawFilterOf(filter, token));
      this.chains.held.forget(session, slot);
      this.#interest.confirm(token);
    }
    this.delivery.lanes.regroup(session);
    return this.values.pendingOf(items.map(({ token }) => token));
  }

  /** Ids of the session's rows of these instruments that its client has yet to be told; none where rows have no ids. */
  announce(session: SessionIndex, tokens: readonly InstrumentToken[]): RowAnnouncement[] {
    return this.delivery.lanes.announce(
      session,
      tokens.map((token) => this.#store.slotOf(token)),
    );
  }

  /** Where rows are changes: has the session's client be sent everything that it has, as if it were new. */
  restart(session: SessionIndex): void {
    if (!this.delivery.lanes.hasRowIds(session)) return;
    this.delivery.lanes.restart(session);
    this.delivery.holdSnapshot(session, this.subscriptions.tableOf(session).slots());
  }

  /** What one of the session's chains goes on with waits for the next `drain`. */
  unsubscribe(session: SessionIndex, tokens: readonly InstrumentToken[]): InterestChange[] {
    const slots: number[] = [];
    for (const token of tokens) {
      const slot = this.#store.slotOf(token);
      if (slot < 0 || !this.#owns(session, slot)) continue;
      if (!this.chains.takeBack(session, slot)) this.subscriptions.remove(session, slot);
      // On other terms its client has another record than those who have them, and may lack what waited for its turn.
      else this.delivery.holdSnapshot(session, [slot]);
      slots.push(slot);
    }
    this.delivery.lanes.regroup(session);
    return this.#interest.changes(slots);
  }

  /** How many subscriptions a session has, to ticks and to bars, members of its chains included. */
  countOf(session: SessionIndex): number {
    return this.subscriptions.countOf(session) + this.bars.countOf(session);
  }

  /** Of them, those to ticks that it has asked for by themselves. */
  ownCountOf(session: SessionIndex): number {
    return this.subscriptions.countOf(session) - this.chains.held.countOf(session);
  }

  #owns(session: SessionIndex, slot: number): boolean {
    return this.subscriptions.has(session, slot) && !this.chains.held.has(session, slot);
  }

  /** What the session has subscribed to itself, by token. */
  subscriptionsOf(session: SessionIndex): SubscriptionItem[] {
    const items: SubscriptionItem[] = [];
    for (const [slot, terms] of this.subscriptions.of(session)) {
      if (this.chains.held.has(session, slot)) continue;
      const filter = this.subscriptions.filters.get(session, slot);
      const token = this.#interest.tokenAt(slot);
      items.push(filter ? [token, terms, filter] : [token, terms]);
    }
    return items.sort(([a], [b]) => a - b);
  }

  /** Whether a session has every one of these items, on the same terms. */
  hasAll(session: SessionIndex, items: readonly SubscribeItem[]): boolean {
    return items.every((item) => {
      const slot = this.#store.slotOf(item.token);
      return slot >= 0 && this.subscriptions.termsFor(session, slot) === termsOfItem(item);
    });
  }

  interestOf(shard: number): InterestItem[] {
    return this.#interest.of(shard);
  }

  /**
   * Marks what a shard has just been told, and takes the values that it answered. Returns who lost an instrument that
   * does not exist.
   */
  applySnapshot(items: readonly InterestItem[], snapshot: Snapshot): Expulsion[] {
    this.#interest.onTold(items, snapshot);
    this.bars.learn(snapshot.bars, snapshot.boot);
    return this.#learn(snapshot);
  }

  /**
   * A shard whose interest was replaced: what it was told before no longer counts, and all its values go out again.
   * Values of another memory of the shard are dropped first: their sequence numbers mean nothing any more.
   */
  applyResync(shard: number, items: readonly InterestItem[], snapshot: Snapshot): Expulsion[] {
    const isOtherMemory = this.#boots[shard] !== snapshot.boot;
    this.#boots[shard] = snapshot.boot;
    for (const [slot, token] of this.#interest.slots()) {
      if (shardOf(token) !== shard) continue;
      this.#interest.clearTold(slot);
      if (isOtherMemory) {
        this.#store.clear(slot);
        this.delivery.lanes.forgetValue(slot);
        this.bars.forgetOpen(slot);
      }
      this.delivery.mark(slot);
    }
    return this.applySnapshot(items, snapshot);
  }

  /** Takes a push that the link let through. */
  applyPush(push: ShardPush): Expulsion[] {
    // A registration under way may have been answered before its instrument was struck: it has to ask again.
    const isClaimed = push.unknown.some((token) => this.#interest.isClaimed(token));
    if (isClaimed) this.links[push.shard]?.reset();
    const { shard, roundShards } = push;
    if (push.ticks.length > 0)
      this.delivery.round.onPush(shard, Math.min(roundShards, this.#interest.shardsWanted));
    return this.#learn(push, push.seq);
  }

  /**
   * Pushes and answers overtake each other: a value that is not newer than the stored one is not taken, nor what a push
   * says of an instrument that a later answer was about. News of what nobody here wants any more is not kept.
   */
  #learn(news: Pick<ShardPush, 'ticks' | 'definitions' | 'unknown'>, pushSeq = Infinity): Expulsion[] {
    for (const definition of news.definitions) {
      const slot = this.#store.slotOf(definition.instrument_token);
      if (slot < 0 || this.#interest.isAnswered(slot, pushSeq)) continue;
      const before = this.#definitions[slot];
      if (!before) this.delivery.mark(slot);
      else if (!isSameInstrument(before, definition)) this.#store.clear(slot);
      this.#definitions[slot] = definition;
      if (before && !isSameContract(before, definition)) {
        this.delivery.lanes.forget(slot);
        this.delivery.mark(slot);
      }
    }
    let words = 0;
    for (let at = 0; at < news.ticks.length; at += words) {
      const kind = news.ticks[at + AT.kind / 4] as number;
      words = recordWords(kind);
      // A shard of a newer version may be deployed before this gateway: without this, the loop would never end.
      assert(words > 0, `record of kind ${kind} in a shard's news`);
      const slot = this.#store.slotOf(news.ticks[at] as number);
      if (slot < 0 || this.#interest.isAnswered(slot, pushSeq)) continue;
      const isNewer = (news.ticks[at + AT.seq / 4] as number) > this.#store.seqAt(slot);
      if (!isNewer && this.#store.kindAt(slot) !== 0) continue;
      const isRenewal = isGreeksRenewal(this.#store, slot, news.ticks, at);
      this.#store.put(slot, news.ticks, at);
      this.delivery.mark(slot, isRenewal);
      this.chains.touch(slot);
    }
    return this.#expel(news.unknown, pushSeq);
  }

  #expel(tokens: readonly InstrumentToken[], pushSeq: number): Expulsion[] {
    const bySession = new Map<SessionIndex, InstrumentToken[]>();
    for (const token of tokens) {
      const slot = this.#store.slotOf(token);
      if (slot < 0 || this.#interest.isAnswered(slot, pushSeq)) continue;
      const subscribers = this.subscriptions.membersOf(slot).map(sessionOfMember);
      for (const session of new Set([...subscribers, ...this.bars.expel(slot), ...this.chains.expel(slot)])) {
        this.subscriptions.remove(session, slot);
        this.delivery.lanes.regroup(session);
        const expelled = bySession.get(session);
        if (expelled) expelled.push(token);
        else bySession.set(session, [token]);
      }
      this.#interest.forget(slot);
    }
    return [...bySession].map(([session, expelled]) => ({ session, tokens: expelled }));
  }

  /** Has a subscriber be sent the current values of these items. Flush first: what has changed must not come twice. */
  holdSnapshot(session: SessionIndex, items: readonly { readonly token: InstrumentToken }[]): void {
    this.delivery.holdSnapshot(
      session,
      items.map(({ token }) => this.#store.slotOf(token)),
    );
  }

  /** Distinct instruments that somebody here is subscribed to. */
  subscribedTokens(): InstrumentToken[] {
    return [...this.#interest.slots()].flatMap(([slot, token]) =>
      this.subscriptions.hasMembers(slot) || this.bars.intervalsAt(slot) !== 0 ? [token] : [],
    );
  }

  #onForget(slot: number): void {
    this.delivery.unmark(slot);
    this.delivery.lanes.forget(slot);
    this.#definitions[slot] = undefined;
    this.bars.forget(slot);
    // Nobody keeps this value current from here on: it must not be the next subscriber's first.
    this.#store.clear(slot);
  }
}
