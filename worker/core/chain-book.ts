// A gateway's chains: who wants which, which instruments are their members, and which of those only a chain has subscribed to.
import type { ErrorCode } from '../../shared/errors.ts';
import type { InstrumentToken } from '../../shared/instrument.ts';
import { CLIENT_CHAINS_MAX, CLIENT_SUBSCRIPTIONS_MAX } from '../../shared/limits.ts';
import { isFullKind, RANK_MAX } from '../../shared/tick.ts';
import type { TickStore } from '../../shared/tick-store.ts';
import { Chain, type ChainFigures, tokensOf } from './chain.ts';
import type { ChainItem } from './chain-attachment.ts';
import { type ChainName, type ChainWindow, chainKey, contractsWithout } from './chain-contracts.ts';
import { ChainSchedule } from './chain-schedule.ts';
import { HeldSlots } from './held-slots.ts';
import { interestIn } from './interest.ts';
import type { InterestChange, Plan, ShardInterest } from './shard-interest.ts';
import type { SessionIndex, Subscriptions } from './subscriptions.ts';
import type { Terms } from './terms.ts';

/** How a chain is wanted. */
export interface ChainTerms {
  /** On each side of the one at the money. */
  readonly strikes: number;
  readonly terms: Terms;
}

/** Somebody who wants a chain; without a session it is a document that is being gathered. */
export interface ChainHolder extends Readonly<ChainTerms> {
  readonly chain: Chain;
  readonly session: SessionIndex | undefined;
  /** The window that its client knows; absent after a loss of memory. */
  readonly window: ChainWindow | undefined;
  readonly members: ReadonlySet<InstrumentToken>;
  /** The last figures that its client was told, as text. */
  toldFigures: string | undefined;
}

type OwnHolder = { -readonly [K in keyof ChainHolder]: ChainHolder[K] } & { members: Set<InstrumentToken> };

/** What a move of the window is for one of those who want it. */
export interface ChainMove {
  readonly holder: ChainHolder;
  readonly joined: readonly InstrumentToken[];
  readonly left: readonly InstrumentToken[];
}

export interface ChainSource {
  readonly store: TickStore;
  readonly interest: ShardInterest;
  readonly subscriptions: Subscriptions;
  /** The session's subscriptions are others. */
  readonly onChanged: (session: SessionIndex) => void;
  readonly hasOutlet: (session: SessionIndex) => boolean;
}

/** A slot that is a member of a chain's window. */
interface Membership {
  readonly chain: Chain;
  holders: number;
}

export class ChainBook {
  readonly schedule = new ChainSchedule();
  readonly held: HeldSlots;
  readonly #source: ChainSource;
  /** By key, those that somebody wants. */
  readonly #chains = new Map<string, Chain>();
  readonly #holders = new Map<Chain, Set<OwnHolder>>();
  readonly #bySession = new Map<SessionIndex, Map<string, OwnHolder>>();
  /** By slot. */
  readonly #memberships: (Membership | undefined)[] = [];
  #members = 0;

  constructor(source: ChainSource) {
    this.#source = source;
    this.held = new HeldSlots(source.subscriptions);
  }

  get sizes(): { readonly chains: number; readonly chain_members: number } {
    return { chains: this.#chains.size, chain_members: this.#members };
  }

  countOf(session: SessionIndex): number {
    return this.#bySession.get(session)?.size ?? 0;
  }

  /** Subscriptions that the session's chains may come to: a window may move to where the client has none of its own. */
  reservedBy(session: SessionIndex): number {
    let reserved = 0;
    for (const { strikes } of this.#bySession.get(session)?.values() ?? []) reserved += membersMax(strikes);
    return reserved;
  }

  /** Whatever its clients are sent, figures need all that there is of a member. */
  rankAt(slot: number): 0 | typeof RANK_MAX {
    return this.#memberships[slot] ? RANK_MAX : 0;
  }

  find(name: ChainName): Chain | undefined {
    return this.#chains.get(chainKey(name));
  }

  holdersOf(chain: Chain): Iterable<ChainHolder> {
    return this.#holders.get(chain) ?? [];
  }

  of(session: SessionIndex): Iterable<ChainHolder> {
    return this.#bySession.get(session)?.values() ?? [];
  }

  /** Why the session can have no such chain; undefined when it can. `owned` are the subscriptions of its own. */
  refusalOf(
    session: SessionIndex,
    name: ChainName,
    strikes: number,
    owned: number,
  ): { readonly code: ErrorCode; readonly message: string } | undefined {
    const present = this.#bySession.get(session)?.get(chainKey(name));
    if (!present && this.countOf(session) >= CLIENT_CHAINS_MAX) {
      return { code: 'subscription_limit', message: `at most ${CLIENT_CHAINS_MAX} chains per connection` };
    }
    const others = this.reservedBy(session) - (present ? membersMax(present.strikes) : 0);
    if (owned + others + membersMax(strikes) <= CLIENT_SUBSCRIPTIONS_MAX) return undefined;
    const message = `at most ${CLIENT_SUBSCRIPTIONS_MAX} subscriptions per connection, with two for each strike of a chain`;
    return { code: 'subscription_limit', message };
  }

  /** Claims the interest of a window until `unclaim`. */
  plan(window: ChainWindow): Plan<{ readonly token: InstrumentToken }> {
    return this.#source.interest.plan(
      tokensOf(window).map((token) => ({ token })),
      {
        interestOf: () => interestIn(RANK_MAX),
        refusalOf: () => undefined,
        onAccept: () => undefined,
      },
    );
  }

  /** Claims what the widest of those who want the chain lacks; undefined when all have the window that there is to be. */
  planMove(chain: Chain): Plan<{ readonly token: InstrumentToken }> | undefined {
    const behind = [...(this.#holders.get(chain) ?? [])].filter((holder) => this.#isBehind(holder));
    const window = behind.length > 0 && chain.window(Math.max(...behind.map(({ strikes }) => strikes)));
    return window ? this.plan(window) : undefined;
  }

  #isBehind({ chain, window, session }: OwnHolder): boolean {
    if (session !== undefined && !this.#source.hasOutlet(session)) return false;
    return chain.contracts !== undefined && !(window && chain.isCurrent(window));
  }

  /**
   * Makes the claimed window the session's, or changes the terms of the one that it has. Returns the holder, and what the
   * shards have to be told.
   */
  join(
    session: SessionIndex | undefined,
    chain: Chain,
    window: ChainWindow,
    { strikes, terms }: ChainTerms,
    tokens: readonly InstrumentToken[] = tokensOf(window),
  ): { readonly holder: ChainHolder; readonly changes: InterestChange[] } {
    const present = session === undefined ? undefined : this.#bySession.get(session)?.get(chain.key);
    const holder = present ?? this.#add(session, chain, { strikes, terms });
    Object.assign(holder, { strikes, terms, window, toldFigures: undefined });
    const slots = this.#reconcile(holder, tokens).slots;
    this.#renewTerms(holder);
    this.schedule.add(holder.chain);
    return { holder, changes: this.#source.interest.changes(slots) };
  }

  /** The chain under its name: `chain`, unless somebody was faster. */
  adopt(chain: Chain): Chain {
    return this.#chains.get(chain.key) ?? chain;
  }

  #add(session: SessionIndex | undefined, given: Chain, own: ChainTerms): OwnHolder {
    const chain = this.adopt(given);
    this.#chains.set(chain.key, chain);
    const holder: OwnHolder = {
      ...own,
      chain,
      session,
      window: undefined,
      members: new Set(),
      toldFigures: undefined,
    };
    const holders = this.#holders.get(chain);
    if (holders) holders.add(holder);
    else this.#holders.set(chain, new Set([holder]));
    if (session === undefined) return holder;
    const chains = this.#bySession.get(session);
    if (chains) chains.set(chain.key, holder);
    else this.#bySession.set(session, new Map([[chain.key, holder]]));
    return holder;
  }

  /** The figures of a window, by what is known of its members now. */
  figuresOf(chain: Chain, window: ChainWindow): ChainFigures {
    return chain.figures(window, this.#source.store);
  }

  /** True when every member has a value. */
  isComplete({ members }: ChainHolder): boolean {
    const { store } = this.#source;
    return [...members].every((token) => isFullKind(store.kindAt(store.slotOf(token))));
  }

  /** What the shards do not have is no part of the chain. */
  strike(chain: Chain, refusals: ReadonlyMap<InstrumentToken, ErrorCode>): void {
    for (const [token, code] of refusals) {
      if (code === 'unknown_instrument' && chain.contracts)
        chain.contracts = contractsWithout(chain.contracts, token);
    }
  }

  /** Gives all who are behind and can be told the window that there is to be now; its interest is claimed. */
  move(
    chain: Chain,
    canBeTold: (holder: ChainHolder) => boolean,
  ): { readonly moves: ChainMove[]; readonly changes: InterestChange[] } {
    const moves: ChainMove[] = [];
    const slots: number[] = [];
    for (const holder of this.#holders.get(chain) ?? []) {
      const window = this.#isBehind(holder) ? chain.window(holder.strikes) : undefined;
      if (!window || !canBeTold(holder)) continue;
      const { joined, left, slots: changed } = this.#reconcile(holder, tokensOf(window));
      holder.window = window;
      slots.push(...changed);
      if (joined.length + left.length > 0) moves.push({ holder, joined, left });
    }
    return { moves, changes: this.#source.interest.changes(slots) };
  }

  leave(holder: ChainHolder): InterestChange[] {
    const own = holder as OwnHolder;
    const { slots } = this.#reconcile(own, []);
    this.#discard(own);
    if (own.session !== undefined) this.#bySession.get(own.session)?.delete(own.chain.key);
    return this.#source.interest.changes(slots);
  }

  #discard(holder: OwnHolder): void {
    const { chain } = holder;
    const holders = this.#holders.get(chain);
    holders?.delete(holder);
    if (holders?.size !== 0) return;
    this.#holders.delete(chain);
    this.#chains.delete(chain.key);
    this.schedule.delete(chain);
  }

  holderOf(session: SessionIndex, name: ChainName): ChainHolder | undefined {
    return this.#bySession.get(session)?.get(chainKey(name));
  }

  /** Ends a session's chains and returns the slots of their members. What it has subscribed to is ended by the caller. */
  drop(session: SessionIndex): number[] {
    const slots: number[] = [];
    for (const holder of this.#bySession.get(session)?.values() ?? []) {
      for (const token of holder.members) slots.push(this.#unlink(token));
      this.#discard(holder);
    }
    this.#bySession.delete(session);
    this.held.drop(session);
    return slots;
  }

  /** The client has no subscription of its own to the slot any more. True when one of its chains goes on having it. */
  takeBack(session: SessionIndex, slot: number): boolean {
    const membership = this.#memberships[slot];
    const holder = membership && this.#bySession.get(session)?.get(membership.chain.key);
    if (!holder?.members.has(this.#source.interest.tokenAt(slot))) return false;
    this.held.hold(session, slot, holder.terms);
    return true;
  }

  /** The slot's instrument does not exist: no chain has it any more. Returns the sessions that had it through one. */
  expel(slot: number): SessionIndex[] {
    const membership = this.#memberships[slot];
    if (!membership) return [];
    const { chain } = membership;
    const token = this.#source.interest.tokenAt(slot);
    const before = chain.contracts;
    if (before) chain.contracts = contractsWithout(before, token);
    const sessions: SessionIndex[] = [];
    for (const holder of this.#holders.get(chain) ?? []) {
      if (!holder.members.delete(token)) continue;
      this.#unlink(token);
      if (holder.session === undefined) continue;
      this.held.forget(holder.session, slot);
      sessions.push(holder.session);
    }
    this.schedule.add(chain);
    return sessions;
  }

  /** The slot has a new value. */
  touch(slot: number): void {
    const chain = this.#memberships[slot]?.chain;
    if (!chain) return;
    chain.note(this.#source.store, slot, true);
    this.schedule.add(chain);
  }

  /** Not everybody could be told, or not everything: the chain is to be looked at again. */
  lookAgain(chain: Chain): void {
    if (this.#chains.get(chain.key) === chain) this.schedule.add(chain);
  }

  /** A session's chains, for its socket to remember. */
  itemsOf(session: SessionIndex): ChainItem[] {
    return [...(this.#bySession.get(session)?.values() ?? [])].map(
      ({ chain, strikes, terms, window, members }) => ({
        ...chain.name,
        strikes,
        terms,
        center: window?.center ?? chain.center,
        members: [...members],
      }),
    );
  }

  /** Gives a session the chains that it had before this object lost its memory. Returns the tokens that have no room. */
  restore(session: SessionIndex, items: readonly ChainItem[]): InstrumentToken[] {
    const dropped: InstrumentToken[] = [];
    for (const { underlying, exchange, expiry, center, members, ...own } of items) {
      const chain = new Chain({ underlying, exchange, expiry }, undefined, center);
      const holder = this.#add(session, chain, own);
      for (const token of members) if (this.#source.interest.slotFor(token) < 0) dropped.push(token);
      this.#reconcile(
        holder,
        members.filter((token) => !dropped.includes(token)),
      );
      this.schedule.add(holder.chain);
    }
    return dropped;
  }

  #reconcile(holder: OwnHolder, wanted: readonly InstrumentToken[]) {
    const { session, members, chain, terms } = holder;
    const target = new Set(wanted);
    const joined = wanted.filter((token) => !members.has(token));
    const left = [...members].filter((token) => !target.has(token));
    const slots: number[] = [];
    for (const token of left) {
      const slot = this.#unlink(token);
      slots.push(slot);
      members.delete(token);
      if (session !== undefined) this.held.letGo(session, slot);
    }
    for (const token of joined) {
      const slot = this.#link(chain, token);
      members.add(token);
      if (session !== undefined && !this.#source.subscriptions.has(session, slot))
        this.held.hold(session, slot, terms);
    }
    if (session !== undefined && joined.length + left.length > 0) this.#source.onChanged(session);
    return { joined, left, slots };
  }

  /** Has what the session holds through the chain only be sent on its present terms. */
  #renewTerms({ session, members, terms }: OwnHolder): void {
    if (session === undefined) return;
    for (const token of members) {
      const slot = this.#source.store.slotOf(token);
      if (this.held.has(session, slot)) this.held.hold(session, slot, terms);
    }
    this.#source.onChanged(session);
  }

  #link(chain: Chain, token: InstrumentToken): number {
    const { interest, store } = this.#source;
    const slot = interest.slotFor(token);
    interest.confirm(token);
    const membership = this.#memberships[slot];
    if (membership) {
      membership.holders++;
      return slot;
    }
    this.#memberships[slot] = { chain, holders: 1 };
    this.#members++;
    if (store.kindAt(slot) !== 0) chain.note(store, slot, false);
    return slot;
  }

  #unlink(token: InstrumentToken): number {
    const slot = this.#source.store.slotOf(token);
    const membership = this.#memberships[slot];
    if (membership && --membership.holders === 0) {
      this.#memberships[slot] = undefined;
      this.#members--;
    }
    return slot;
  }
}

/** Members of a window at most: two legs of each strike. */
export function membersMax(strikesEachSide: number): number {
  return 2 * (2 * strikesEachSide + 1);
}
