// Chains of a gateway: who is behind and catches up, what is struck, what counts, and that nothing is left of those who go.
import { describe, expect, test } from 'vitest';
import type { InstrumentToken } from '../../../shared/instrument.ts';
import { CHAIN_GATHER_MS, CHAIN_PACE_MS, CLIENT_SUBSCRIPTIONS_MAX } from '../../../shared/limits.ts';
import { shardOf } from '../../../shared/shard.ts';
import { AT } from '../../../shared/tick.ts';
import { Chain } from '../../../worker/core/chain.ts';
import { type ChainHolder, membersMax } from '../../../worker/core/chain-book.ts';
import { contractsOf } from '../../../worker/core/chain-contracts.ts';
import { GatewayBook } from '../../../worker/core/gateway-book.ts';
import { rankOfInterest } from '../../../worker/core/interest.ts';
import { Outlet } from '../../../worker/core/outlet.ts';
import type { Frame, TickEncoder } from '../../../worker/core/row-format.ts';
import type { ShardPush } from '../../../worker/core/shard-book.ts';
import type { SessionIndex } from '../../../worker/core/subscriptions.ts';
import { termsOf } from '../../../worker/core/terms.ts';
import { optionRecordOf } from '../../support/option-records.ts';
import { definitionOf } from '../../support/records.ts';

const NAME = { underlying: 'X', exchange: 'NFO', expiry: '2026-12-01' };
const OWN = { strikes: 1, terms: termsOf(3, 'rt') };
const STRIKES = [100, 150, 200, 250, 300, 350, 400];
const tokenOf = (strike: number, type: 'CE' | 'PE') =>
  (strike * 512 + (type === 'CE' ? 2 : 258)) as InstrumentToken;
const LEGS = STRIKES.flatMap((strike) =>
  (['CE', 'PE'] as const).map((type) => ({
    token: tokenOf(strike, type),
    tradingsymbol: `${strike}${type}`,
    strike,
    type,
  })),
);
const [CALL, PUT] = [tokenOf(250, 'CE'), tokenOf(250, 'PE')];

class Room {
  readonly book = new GatewayBook();
  readonly chain = new Chain(NAME, contractsOf(LEGS));
  #seq = 0;

  session(): SessionIndex {
    const port = { send: () => undefined, bufferedBytes: () => 0 };
    return this.book.openSession(new Outlet({ kind: 'messages', encodeTick: () => '' }, undefined, port));
  }

  enter(session: SessionIndex | undefined, own = OWN): ChainHolder {
    const chain = this.book.chains.adopt(this.chain);
    const window = chain.window(own.strikes);
    if (!window) throw new Error('no window');
    const plan = this.book.chains.plan(window);
    const { holder } = this.book.chains.join(session, chain, window, own);
    this.book.unclaim(plan.accepted);
    return holder;
  }

  /** A tick of a member that knows this forward, in paise. */
  quote(token: InstrumentToken, forward: number, lastPrice = 5): void {
    const record = optionRecordOf(token, { lastPrice, seq: ++this.#seq }, { forward });
    const news = { definitions: [definitionOf(token)], unknown: [], bars: [], roundShards: 1 };
    this.book.applyPush({
      ...news,
      shard: shardOf(token),
      boot: 1,
      seq: this.#seq,
      ticks: record,
    } as ShardPush);
  }

  /** Follows the forward and moves those who can be told. */
  move(canBeTold: (holder: ChainHolder) => boolean = () => true) {
    this.chain.follow();
    const plan = this.book.chains.planMove(this.chain);
    if (!plan) return undefined;
    const { moves } = this.book.chains.move(this.chain, canBeTold);
    this.book.unclaim(plan.accepted);
    return moves;
  }

  /** Tokens that the shards are to stream in full mode. */
  wanted(): number[] {
    const items = this.book.links.flatMap((_, shard) => this.book.interestOf(shard));
    expect(items.every(([, interest]) => rankOfInterest(interest) === 3)).toBe(true);
    return items.map(([token]) => token).sort((a, b) => a - b);
  }
}

const tokensAt = (...strikes: number[]) =>
  strikes.flatMap((strike) => [tokenOf(strike, 'CE'), tokenOf(strike, 'PE')]);

describe('a window', () => {
  test('moves session by session: who cannot be told keeps the one that it knows, and gets the whole difference later', () => {
    const room = new Room();
    const [slow, quick] = [room.session(), room.session()];
    const behind = room.enter(slow);
    room.enter(quick);
    room.quote(CALL, 30_000);
    expect(room.move(({ session }) => session !== slow)?.map(({ holder }) => holder.session)).toEqual([
      quick,
    ]);
    expect(room.wanted()).toEqual(tokensAt(200, 250, 300, 350));
    room.quote(CALL, 35_000);
    room.move(({ session }) => session !== slow);
    const [late] = room.move() ?? [];
    expect([late?.holder, late?.joined, late?.left]).toEqual([
      behind,
      tokensAt(350, 400),
      tokensAt(200, 250),
    ]);
    expect(room.wanted()).toEqual(tokensAt(300, 350, 400));
    expect(room.move()).toBeUndefined();
  });

  test('that nobody can be told of is no reason to look again: a client that is away does not move', () => {
    const room = new Room();
    const session = room.session();
    room.enter(session);
    room.book.suspendSession(session);
    room.quote(CALL, 35_000);
    expect(room.move()).toBeUndefined();
    expect(room.wanted(), 'and stays wanted until it is forgotten').toEqual(tokensAt(200, 250, 300));
  });

  test('is wanted in full mode whatever its clients are sent', () => {
    const room = new Room();
    room.enter(room.session(), { strikes: 1, terms: termsOf(1, 1000) });
    expect(room.wanted()).toEqual(tokensAt(200, 250, 300));
  });

  test('loses a member that does not exist, for all, and nothing else', () => {
    const room = new Room();
    const [first, second] = [room.session(), room.session()];
    room.enter(first);
    room.enter(second);
    room.book.subscribe(second, [{ token: CALL, rank: 1, speed: 'rt' }]);
    const news = { definitions: [], bars: [], roundShards: 1, ticks: new Uint32Array(0) };
    const expulsions = room.book.applyPush({
      ...news,
      shard: shardOf(CALL),
      boot: 1,
      seq: 1,
      unknown: [CALL],
    });
    expect(expulsions.map(({ session, tokens }) => [session, tokens])).toEqual([
      [first, [CALL]],
      [second, [CALL]],
    ]);
    expect(room.book.ownCountOf(second)).toBe(0);
    expect(room.move()).toEqual([]);
    expect(room.wanted()).toEqual([tokenOf(200, 'CE'), tokenOf(200, 'PE'), PUT, ...tokensAt(300)]);
  });
});

test("what a client gives up and its chain goes on with comes at once on the chain's terms: nothing that waited is lost", () => {
  const room = new Room();
  const sent: string[] = [];
  const encodeTick: TickEncoder = (view, at, rank) => `${view.getUint32(at + AT.lastPrice, true)}/${rank}`;
  const port = { send: (frame: Frame) => sent.push(frame as string), bufferedBytes: () => 0 };
  const session = room.book.openSession(new Outlet({ kind: 'messages', encodeTick }, undefined, port));
  room.enter(session);
  room.book.subscribe(session, [{ token: CALL, rank: 1, speed: 1000 }]);
  room.quote(CALL, 0, 5);
  room.book.delivery.flush(10_000);
  room.quote(CALL, 0, 6);
  room.book.delivery.flush(10_100);
  expect(sent).toEqual(['5/1']);
  room.book.unsubscribe(session, [CALL]);
  room.book.delivery.drain(10_200);
  expect(sent).toEqual(['5/1', '6/3']);
});

test('a chain takes room of a connection for its whole window, and gives it back', () => {
  const room = new Room();
  const session = room.session();
  room.enter(session, { ...OWN, strikes: 50 });
  const reserved = membersMax(50);
  expect(room.book.chains.reservedBy(session)).toBe(reserved);
  const { chains } = room.book;
  const owned = CLIENT_SUBSCRIPTIONS_MAX - reserved;
  const other = { ...NAME, expiry: '2026-12-08' };
  expect(chains.refusalOf(session, other, 1, owned)?.code).toBe('subscription_limit');
  expect(chains.refusalOf(session, other, 1, owned - membersMax(1))).toBeUndefined();
  expect(chains.refusalOf(session, NAME, 50, owned), 'in its own place there is room').toBeUndefined();
  expect(chains.refusalOf(session, NAME, 50, owned + 1)?.code).toBe('subscription_limit');
});

test('with the last who wants it everything of a chain goes', () => {
  const room = new Room();
  const empty = room.book.holdings();
  const [first, second] = [room.session(), room.session()];
  room.enter(first);
  room.enter(second, { strikes: 2, terms: termsOf(2, 250) });
  const document = room.enter(undefined, { ...OWN, strikes: 3 });
  room.book.subscribe(first, [{ token: CALL, rank: 1, speed: 'rt' }]);
  room.quote(CALL, 30_000);
  room.move();
  room.book.chains.leave(document);
  expect(room.wanted()).toEqual(tokensAt(200, 250, 300, 350, 400));
  room.book.closeSession(second);
  expect(room.wanted()).toEqual([CALL, ...tokensAt(250, 300, 350).filter((token) => token !== CALL)]);
  room.book.closeSession(first);
  const { changed: _, missed_ticks: __, ...holdings } = room.book.holdings();
  expect(empty).toMatchObject(holdings);
  expect(room.book.chains.schedule.size).toBe(0);
});

test('a look follows news after a moment, the next one after a second; the first forward is not waited for', () => {
  const room = new Room();
  room.enter(room.session());
  const { schedule } = room.book.chains;
  const lookAt = (nowMs: number) => [schedule.nextDueMs(nowMs), schedule.take(nowMs).length];
  expect(lookAt(1_000)).toEqual([1_000 + CHAIN_GATHER_MS, 0]);
  expect(lookAt(1_000 + CHAIN_GATHER_MS)).toEqual([1_000 + CHAIN_GATHER_MS, 1]);
  expect(lookAt(1_100)).toEqual([Number.POSITIVE_INFINITY, 0]);
  room.quote(CALL, 0);
  expect(lookAt(1_100)).toEqual([1_000 + CHAIN_GATHER_MS + CHAIN_PACE_MS, 0]);
  room.quote(CALL, 25_000);
  expect(lookAt(1_200)).toEqual([1_100 + CHAIN_GATHER_MS, 1]);
  room.chain.follow();
  room.quote(CALL, 25_100);
  expect(lookAt(1_300)).toEqual([1_200 + CHAIN_PACE_MS, 0]);
  expect(lookAt(900)[1], 'a clock that was set back holds nothing up').toBe(1);
});
