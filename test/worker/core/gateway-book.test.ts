// The gateway's book: what shards are told and when, which values count, and that one client's acts stay its own.
import { describe, expect, test } from 'vitest';
import type { InstrumentToken } from '../../../shared/instrument.ts';
import {
  CLIENT_BACKLOG_BYTES_MAX,
  CLIENT_FILTERS_MAX,
  CLIENT_STALLED_MS_MAX,
  CLIENT_SUBSCRIPTIONS_MAX,
  GATEWAY_INSTRUMENTS_MAX,
} from '../../../shared/limits.ts';
import { shardOf } from '../../../shared/shard.ts';
import { AT, type ModeRank } from '../../../shared/tick.ts';
import { GatewayBook } from '../../../worker/core/gateway-book.ts';
import { Outlet } from '../../../worker/core/outlet.ts';
import type { Speed, SubscribeItem } from '../../../worker/core/protocol.ts';
import type { TickEncoder } from '../../../worker/core/row-format.ts';
import type { InterestItem, ShardPush, Snapshot } from '../../../worker/core/shard-book.ts';
import type { SessionIndex } from '../../../worker/core/subscriptions.ts';
import { definitionOf, joinRecords } from '../../support/records.ts';
import { tickOf, tokensOfShard } from './sidecar-double.ts';

const SHARD = 2;
const BOOT = 7;
const [A, B, C] = tokensOfShard(SHARD, 3) as [InstrumentToken, InstrumentToken, InstrumentToken];
const [D] = tokensOfShard(5, 1) as [InstrumentToken];

const encodeTick: TickEncoder = (view, at, rank, { tradingsymbol }) =>
  `${tradingsymbol}@${view.getUint32(at + AT.lastPrice, true)}/${rank}`;

/** Records as a shard sends them: price and sequence. */
function ticksOf(...values: (readonly [token: number, price: number, seq: number])[]): Uint32Array {
  return joinRecords(
    values.map(([token, price, seq]) => {
      const record = tickOf(token, price).slice();
      record[AT.seq / 4] = seq;
      return record;
    }),
  );
}

function snapshotOf(more: Partial<Snapshot> = {}): Snapshot {
  return {
    boot: BOOT,
    pushSeq: 0,
    ticks: new Uint32Array(0),
    definitions: [],
    unknown: [],
    bars: [],
    ...more,
  };
}

function pushOf(seq: number, more: Partial<ShardPush> = {}): ShardPush {
  return {
    shard: SHARD,
    boot: BOOT,
    seq,
    roundShards: 1,
    ticks: new Uint32Array(0),
    definitions: [],
    unknown: [],
    bars: [],
    ...more,
  };
}

const item = (token: InstrumentToken, rank: ModeRank = 3, speed: Speed = 'rt'): SubscribeItem => ({
  token,
  rank,
  speed,
});

class Room {
  readonly book = new GatewayBook();
  readonly received = new Map<SessionIndex, string[]>();
  readonly full = new Set<SessionIndex>();
  #nowMs = 0;

  join(): SessionIndex {
    const frames: string[] = [];
    let session = -1;
    const outlet = new Outlet({ kind: 'messages', encodeTick }, () => 'bar', {
      send: (frame) => void frames.push(frame as string),
      bufferedBytes: () => (this.full.has(session) ? CLIENT_BACKLOG_BYTES_MAX : 0),
    });
    session = this.book.openSession(outlet);
    this.received.set(session, frames);
    return session;
  }

  /** Sends all that has changed, whatever the window. */
  flush(): number {
    return this.book.delivery.flush(++this.#nowMs, true);
  }

  /** Puts the link in step, as a resynchronisation does. */
  sync(shard = SHARD, snapshot = snapshotOf()): void {
    const link = this.book.links[shard];
    link?.beginSync();
    this.book.applyResync(shard, this.book.interestOf(shard), snapshot);
    link?.finishSync(snapshot);
  }

  /** A whole subscribe whose registration the shards answer with `snapshot`. */
  subscribe(session: SessionIndex, items: readonly SubscribeItem[], snapshot = snapshotOf()) {
    const plan = this.book.planSubscribe(session, items);
    for (const [shard, contacts] of plan.contacts) {
      if (!this.book.links[shard]?.isSynced) this.sync(shard);
      this.book.applySnapshot(contacts, snapshot);
    }
    const pending = this.book.subscribe(session, plan.accepted);
    const changes = this.book.unclaim(plan.accepted);
    this.book.holdSnapshot(session, plan.accepted);
    this.book.delivery.drain(0);
    return { ...plan, pending, changes };
  }

  framesOf(session: SessionIndex): string[] {
    return this.received.get(session)?.splice(0) ?? [];
  }
}

function lower(...items: InterestItem[]) {
  return [{ shard: SHARD, lower: items, release: [] }];
}

function release(...tokens: InstrumentToken[]) {
  return [{ shard: SHARD, lower: [], release: tokens }];
}

describe('what the shards are told', () => {
  test('the first who wants an instrument makes a contact, by shard; the second does not', () => {
    const room = new Room();
    const [first, second] = [room.join(), room.join()];
    for (const shard of [SHARD, shardOf(D)]) room.sync(shard);
    const plan = room.book.planSubscribe(first, [item(A), item(D, 1)]);
    expect(plan.contacts).toEqual(
      new Map([
        [SHARD, [[A, 3]]],
        [shardOf(D), [[D, 1]]],
      ]),
    );
    room.book.unclaim(plan.accepted);
    room.subscribe(first, [item(A), item(D, 1)]);
    expect(room.subscribe(second, [item(A), item(D, 1)]).contacts.size).toBe(0);
  });

  test('a higher mode is a contact, a lower one is not', () => {
    const room = new Room();
    const [first, second] = [room.join(), room.join()];
    room.subscribe(first, [item(A, 2)]);
    expect(room.subscribe(second, [item(A, 1)]).contacts.size).toBe(0);
    expect(room.subscribe(second, [item(A, 3)]).contacts).toEqual(new Map([[SHARD, [[A, 3]]]]));
  });

  test('when the highest mode leaves, the shard is told the next one; when all leave, that it is released', () => {
    const room = new Room();
    const sessions = [room.join(), room.join(), room.join()] as const;
    for (const [i, session] of sessions.entries()) room.subscribe(session, [item(A, (i + 1) as ModeRank)]);
    expect(room.book.unsubscribe(sessions[1], [A])).toEqual([]);
    expect(room.book.unsubscribe(sessions[2], [A])).toEqual(lower([A, 1]));
    expect(room.book.closeSession(sessions[0])).toEqual(release(A));
    expect(room.book.interestOf(SHARD)).toEqual([]);
  });

  test('a client that lowers its own mode lowers what is wanted', () => {
    const room = new Room();
    const session = room.join();
    room.subscribe(session, [item(A, 3)]);
    expect(room.subscribe(session, [item(A, 1)]).changes).toEqual(lower([A, 1]));
    expect(room.book.subscriptionsOf(session)).toEqual([[A, 1]]);
  });

  test('while a link is out of step everything is a contact: the shard may have forgotten', () => {
    const room = new Room();
    const session = room.join();
    room.subscribe(session, [item(A)]);
    expect(room.book.needsContact(item(A))).toBe(false);
    room.book.links[SHARD]?.reset();
    expect(room.book.needsContact(item(A))).toBe(true);
  });

  test('a registration that is sent late does not lower what others have asked for since', () => {
    const room = new Room();
    const [first, second] = [room.join(), room.join()];
    const low = room.book.planSubscribe(first, [item(A, 1)]);
    expect(room.book.asWanted(low.contacts.get(SHARD) ?? [])).toEqual([[A, 1]]);
    room.book.planSubscribe(second, [item(A, 3)]);
    expect(room.book.asWanted(low.contacts.get(SHARD) ?? [])).toEqual([[A, 3]]);
  });

  test('what nobody ever wanted is not released', () => {
    const room = new Room();
    const session = room.join();
    expect(room.book.unsubscribe(session, [A])).toEqual([]);
    expect(room.book.closeSession(session)).toEqual([]);
    expect(room.book.unclaim([item(A)])).toEqual([]);
  });
});

describe('modes and speeds', () => {
  test('an instrument that a request names twice is one item, the last, and one snapshot', () => {
    const room = new Room();
    const session = room.join();
    const snapshot = snapshotOf({ ticks: ticksOf([A, 100, 1]), definitions: [definitionOf(A, 'A')] });
    const { accepted, contacts } = room.subscribe(session, [item(A, 3), item(A, 1, 250)], snapshot);
    expect(accepted).toEqual([item(A, 1, 250)]);
    expect(contacts).toEqual(new Map([[SHARD, [[A, 1]]]]));
    expect(room.framesOf(session)).toEqual(['A@100/1']);
    expect(room.book.unsubscribe(session, [A]), 'one claim, given back').toEqual(release(A));
  });

  test('a repeat takes no second place under the limit', () => {
    const room = new Room();
    const session = room.join();
    const tokens = Array.from({ length: CLIENT_SUBSCRIPTIONS_MAX - 1 }, (_, i) => (i + 1_000) * 256 + 1);
    room.book.restore(
      session,
      tokens.map((token) => [token as InstrumentToken, 3]),
    );
    expect(room.book.planSubscribe(session, [item(A), item(A, 1)]).rejected).toEqual([]);
  });

  test('another speed is nobody’s business but the session’s: no shard is told', () => {
    const room = new Room();
    const session = room.join();
    room.subscribe(session, [item(A)]);
    const { contacts, changes } = room.subscribe(session, [item(A, 3, 1000)]);
    expect([contacts.size, changes]).toEqual([0, []]);
    expect(room.book.interestOf(SHARD)).toEqual([[A, 3]]);
  });

  test('what a session has is told as it is, all of it or the tokens asked about', () => {
    const room = new Room();
    const [session, other] = [room.join(), room.join()];
    const snapshot = snapshotOf({ ticks: ticksOf([A, 100, 1]), definitions: [definitionOf(A, 'A')] });
    room.subscribe(session, [item(A, 2, 100), item(B, 1)], snapshot);
    room.subscribe(other, [item(A), item(C)]);
    const lines = [
      { token: A, symbol: 'NSE:A', mode: 'quote', speed: 100, isLive: true },
      { token: B, mode: 'ltp', speed: 'rt', isLive: false },
    ];
    expect(room.book.lines.of(session)).toEqual(lines);
    expect(room.book.lines.of(session, [B, C])).toEqual(lines.slice(1));
  });

  test('a session that comes back has what it had, on the same terms', () => {
    const room = new Room();
    const [before, after] = [room.join(), room.join()];
    room.subscribe(before, [item(A, 2, 250), item(B, 1, 1000), item(C)]);
    room.book.restore(after, room.book.subscriptionsOf(before));
    expect(room.book.lines.of(after)).toEqual(room.book.lines.of(before));
    expect(room.book.hasAll(after, [item(B, 1, 1000), item(A, 2, 250)])).toBe(true);
    expect(room.book.hasAll(after, [item(A, 2, 100)])).toBe(false);
    expect(room.book.hasAll(after, [item(A, 3, 250)])).toBe(false);
    expect(room.book.hasAll(after, [item(D)])).toBe(false);
  });
});

describe('claims', () => {
  test('an unsubscribe while another’s subscribe waits for the shard does not release the instrument', () => {
    const room = new Room();
    const [leaving, coming] = [room.join(), room.join()];
    room.subscribe(
      leaving,
      [item(A)],
      snapshotOf({ ticks: ticksOf([A, 100, 1]), definitions: [definitionOf(A)] }),
    );
    const plan = room.book.planSubscribe(coming, [item(A), item(D)]);
    expect([...plan.contacts.keys()], 'A is known to its shard').toEqual([shardOf(D)]);
    expect(room.book.unsubscribe(leaving, [A])).toEqual([]);
    expect(room.book.subscribe(coming, plan.accepted)).toEqual([D]);
    expect(room.book.unclaim(plan.accepted)).toEqual([]);
    expect(room.book.unsubscribe(coming, [A])).toEqual(release(A));
  });

  test('a claim that comes to nothing is given back, with what the shard was told for it', () => {
    const room = new Room();
    const [first, second] = [room.join(), room.join()];
    room.subscribe(first, [item(A, 1)]);
    const plan = room.book.planSubscribe(second, [item(A, 3)]);
    room.book.applySnapshot([[A, 3]], snapshotOf());
    expect(room.book.interestOf(SHARD), 'claims are part of a resynchronisation').toEqual([[A, 3]]);
    expect(room.book.unclaim(plan.accepted)).toEqual(lower([A, 1]));
    expect(room.book.interestOf(SHARD)).toEqual([[A, 1]]);
  });

  test('two claims of one instrument are two: the first to end does not end the other', () => {
    const room = new Room();
    const [first, second] = [room.join(), room.join()];
    room.sync();
    const plans = [first, second].map((session) => room.book.planSubscribe(session, [item(A)]));
    room.book.applySnapshot([[A, 3]], snapshotOf());
    expect(room.book.unclaim(plans[0]?.accepted ?? [])).toEqual([]);
    expect(room.book.unclaim(plans[1]?.accepted ?? [])).toEqual(release(A));
  });

  test('what was unsubscribed while a resynchronisation asked for it is taken back from the shard', () => {
    const room = new Room();
    const session = room.join();
    room.book.restore(session, [
      [A, 3],
      [B, 3],
    ]);
    room.book.links[SHARD]?.beginSync();
    const asked = room.book.interestOf(SHARD);
    expect(room.book.unsubscribe(session, [A])).toEqual(release(A));
    const snapshot = snapshotOf({ ticks: ticksOf([A, 100, 1], [B, 200, 1]), definitions: [definitionOf(A)] });
    room.book.applyResync(SHARD, asked, snapshot);
    room.book.links[SHARD]?.finishSync(snapshot);
    expect(room.book.needsContact(item(A)), 'the shard no longer has it').toBe(true);
    expect(room.book.needsContact(item(B))).toBe(false);
    // The value of the answer is not kept: nobody keeps it current.
    expect(room.subscribe(session, [item(A)]).pending).toEqual([A]);
  });

  test('an instrument that is struck while its subscriber waits is asked for again', () => {
    const room = new Room();
    const [first, second] = [room.join(), room.join()];
    room.subscribe(first, [item(A)]);
    const plan = room.book.planSubscribe(second, [item(A), item(D)]);
    expect(room.book.applyPush(pushOf(1, { unknown: [A] }))).toEqual([{ session: first, tokens: [A] }]);
    expect(room.book.links[SHARD]?.isSynced).toBe(false);
    room.sync(SHARD, snapshotOf({ unknown: [A] }));
    room.book.subscribe(second, plan.accepted);
    room.book.unclaim(plan.accepted);
    expect(room.book.links[SHARD]?.onPush(pushOf(1)), 'so that the next push asks and says so').toBe(
      'resync',
    );
  });
});

describe('values', () => {
  function withValue(price: number, seq: number) {
    const room = new Room();
    const session = room.join();
    const ticks = ticksOf([A, price, seq]);
    room.subscribe(session, [item(A)], snapshotOf({ ticks, definitions: [definitionOf(A, 'A')] }));
    room.flush();
    expect(room.framesOf(session)).toContain(`A@${price}/3`);
    return { room, session };
  }

  test('an answer that is older than a push does not count, nor a push that is older than an answer', () => {
    const { room, session } = withValue(100, 5);
    room.book.applySnapshot([[A, 3]], snapshotOf({ ticks: ticksOf([A, 90, 4]) }));
    room.book.applyPush(pushOf(1, { ticks: ticksOf([A, 80, 3]) }));
    expect(room.book.delivery.hasNews).toBe(false);
    room.book.applyPush(pushOf(2, { ticks: ticksOf([A, 110, 6]) }));
    expect(room.flush()).toBe(1);
    expect(room.framesOf(session)).toEqual(['A@110/3']);
  });

  test('a push that an answer has overtaken says nothing of what it was about: the token may be another contract’s', () => {
    const room = new Room();
    const session = room.join();
    room.subscribe(session, [item(A)], snapshotOf({ pushSeq: 3, definitions: [definitionOf(A, 'NEW')] }));
    const old = { ticks: ticksOf([A, 100, 5]), definitions: [definitionOf(A, 'OLD')] };
    expect(room.book.applyPush(pushOf(2, old))).toEqual([]);
    expect(room.book.applyPush(pushOf(3, { unknown: [A] })), 'struck, and listed again since').toEqual([]);
    room.flush();
    expect(room.framesOf(session)).toEqual([]);
    room.book.applyPush(pushOf(4, { ticks: ticksOf([A, 700, 6]) }));
    room.flush();
    expect(room.framesOf(session)).toEqual(['NEW@700/3']);
    expect(room.book.applyPush(pushOf(5, { unknown: [A] }))).toEqual([{ session, tokens: [A] }]);
  });

  test('pushes of another memory are counted anew, whatever the answers of the one before said', () => {
    const { room, session } = withValue(100, 5);
    room.book.applySnapshot([[A, 3]], snapshotOf({ pushSeq: 50 }));
    room.sync(SHARD, snapshotOf({ boot: BOOT + 1 }));
    room.book.applyPush(pushOf(1, { boot: BOOT + 1, ticks: ticksOf([A, 101, 1]) }));
    room.flush();
    expect(room.framesOf(session)).toEqual(['A@101/3']);
  });

  test('nor is the next instrument of a slot held to answers about the one before', () => {
    const room = new Room();
    const session = room.join();
    room.sync(shardOf(D));
    room.subscribe(session, [item(A)], snapshotOf({ pushSeq: 50 }));
    room.book.unsubscribe(session, [A]);
    room.subscribe(session, [item(D)], snapshotOf({ definitions: [definitionOf(D, 'D')] }));
    room.book.applyPush(pushOf(1, { shard: shardOf(D), ticks: ticksOf([D, 101, 1]) }));
    room.flush();
    expect(room.framesOf(session)).toEqual(['D@101/3']);
  });

  test('the same value again is not sent again', () => {
    const { room } = withValue(100, 5);
    room.book.applyPush(pushOf(1, { ticks: ticksOf([A, 100, 5]) }));
    expect(room.book.delivery.hasNews).toBe(false);
  });

  test('a resynchronisation of the same memory sends all, and does not go back', () => {
    const { room, session } = withValue(100, 5);
    room.sync(SHARD, snapshotOf({ ticks: ticksOf([A, 90, 4]) }));
    room.flush();
    expect(room.framesOf(session)).toEqual(['A@100/3']);
  });

  test('values of another memory go: their sequences mean nothing, and the new ones count from one', () => {
    const { room, session } = withValue(100, 500);
    room.sync(
      SHARD,
      snapshotOf({ boot: BOOT + 1, ticks: ticksOf([A, 101, 1]), definitions: [definitionOf(A, 'A')] }),
    );
    room.flush();
    expect(room.framesOf(session)).toEqual(['A@101/3']);
    room.sync(SHARD, snapshotOf({ boot: BOOT + 2 }));
    expect(room.flush(), 'a memory without a value has no old one').toBe(0);
    expect(room.subscribe(session, [item(A)]).pending).toEqual([A]);
  });

  test('another shard’s reset touches only its own', () => {
    const { room, session } = withValue(100, 5);
    room.sync(shardOf(D), snapshotOf({ boot: 99 }));
    expect(room.subscribe(session, [item(A)]).pending).toEqual([]);
  });

  test('what was released is forgotten: the next subscriber’s first value comes from the shard', () => {
    const { room, session } = withValue(100, 5);
    room.book.unsubscribe(session, [A]);
    // A push that crossed the release on its way.
    room.book.applyPush(pushOf(1, { ticks: ticksOf([A, 105, 6]) }));
    expect(room.book.delivery.hasNews).toBe(false);
    const { contacts, pending } = room.subscribe(session, [item(A)]);
    expect([...contacts.keys()]).toEqual([SHARD]);
    expect(pending).toEqual([A]);
    expect(room.framesOf(session)).toEqual([]);
  });

  test('a token that was given to another contract loses the old one’s value', () => {
    const { room, session } = withValue(100, 5);
    room.book.applyPush(pushOf(1, { definitions: [definitionOf(A, 'NEW')] }));
    expect(room.flush()).toBe(0);
    room.book.applyPush(pushOf(2, { ticks: ticksOf([A, 7, 6]) }));
    room.flush();
    expect(room.framesOf(session)).toEqual(['NEW@7/3']);
  });

  test('a value without a definition waits for it, whichever comes first', () => {
    const room = new Room();
    const session = room.join();
    expect(room.subscribe(session, [item(A), item(B)]).pending).toEqual([A, B]);
    room.book.applyPush(pushOf(1, { ticks: ticksOf([A, 1, 1]), definitions: [definitionOf(B, 'B')] }));
    expect(room.flush()).toBe(0);
    room.book.applyPush(pushOf(2, { ticks: ticksOf([B, 2, 2]), definitions: [definitionOf(A, 'A')] }));
    room.flush();
    expect(room.framesOf(session).sort()).toEqual(['A@1/3', 'B@2/3']);
  });

  test('records of a kind that this version does not know end in an error, not in an endless loop', () => {
    const { room } = withValue(100, 5);
    expect(() => room.book.applyPush(pushOf(1, { ticks: Uint32Array.of(A, 9, 0, 0, 0, 0) }))).toThrow(
      'kind 9',
    );
  });
});

describe('expulsion', () => {
  test('everybody loses the instrument that does not exist, each is named once, and nothing else changes', () => {
    const room = new Room();
    const [first, second, third] = [room.join(), room.join(), room.join()];
    room.subscribe(first, [item(A), item(B), item(C)]);
    room.subscribe(second, [item(B)]);
    room.subscribe(third, [item(C)]);
    const expulsions = room.book.applyPush(pushOf(1, { unknown: [A, B, 99 as InstrumentToken] }));
    expect(expulsions).toEqual([
      { session: first, tokens: [A, B] },
      { session: second, tokens: [B] },
    ]);
    expect([first, second, third].map((session) => room.book.subscriptionsOf(session))).toEqual([
      [[C, 3]],
      [],
      [[C, 3]],
    ]);
    expect(room.book.needsContact(item(A))).toBe(true);
    expect(room.book.applyPush(pushOf(2, { unknown: [A, B] }))).toEqual([]);
  });

  test('an answer that says unknown leaves no trace of the instrument', () => {
    const room = new Room();
    const session = room.join();
    room.sync();
    const plan = room.book.planSubscribe(session, [item(A)]);
    expect(room.book.applySnapshot([[A, 3]], snapshotOf({ unknown: [A] }))).toEqual([]);
    room.book.subscribe(session, []);
    expect(room.book.unclaim(plan.accepted)).toEqual([]);
    expect(room.book.interestOf(SHARD)).toEqual([]);
    expect(room.book.links[SHARD]?.isSynced).toBe(true);
  });

  test('two answers that disagree put the link out of step', () => {
    const room = new Room();
    const session = room.join();
    room.subscribe(session, [item(A)]);
    room.book.applySnapshot([[A, 3]], snapshotOf({ unknown: [A] }));
    expect(room.book.links[SHARD]?.isSynced).toBe(false);
  });
});

describe('sessions', () => {
  test('an index is used again, and its next owner gets nothing of the last one’s', () => {
    const room = new Room();
    const first = room.join();
    room.subscribe(first, [item(A)], snapshotOf({ definitions: [definitionOf(A, 'A')] }));
    room.full.add(first);
    room.book.applyPush(pushOf(1, { ticks: ticksOf([A, 1, 1]) }));
    room.flush();
    expect(room.book.delivery.hasWaiting).toBe(true);
    room.book.closeSession(first);
    expect(room.book.delivery.hasWaiting).toBe(false);
    room.full.clear();
    const second = room.join();
    expect(second).toBe(first);
    room.book.applyPush(pushOf(2, { ticks: ticksOf([A, 2, 2]) }));
    room.flush();
    room.book.delivery.drain(0);
    expect(room.framesOf(second)).toEqual([]);
    expect(room.book.subscriptionsOf(second)).toEqual([]);
    expect(room.book.subscriptions.total).toBe(0);
  });

  test('a session that is closed twice frees its index once', () => {
    const room = new Room();
    const session = room.join();
    room.book.closeSession(session);
    expect(room.book.closeSession(session)).toEqual([]);
    expect(new Set([room.join(), room.join()]).size).toBe(2);
  });

  test('restored subscriptions are what they were, and tell nobody anything yet', () => {
    const room = new Room();
    const [first, second] = [room.join(), room.join()];
    expect(room.book.restore(first, [[A, 3]])).toEqual([]);
    expect(
      room.book.restore(second, [
        [A, 1],
        [B, 2],
      ]),
    ).toEqual([]);
    expect(room.book.subscriptionsOf(second)).toEqual([
      [A, 1],
      [B, 2],
    ]);
    expect(room.book.interestOf(SHARD)).toEqual([
      [A, 3],
      [B, 2],
    ]);
    expect(room.book.subscribedTokens()).toEqual([A, B]);
    expect(room.book.needsContact(item(A))).toBe(true);
  });

  test('a full one is told nothing until it drains, then what was skipped; a dead one is named', () => {
    const room = new Room();
    const [healthy, full] = [room.join(), room.join()];
    for (const session of [healthy, full]) {
      room.subscribe(session, [item(A)], snapshotOf({ definitions: [definitionOf(A, 'A')] }));
    }
    room.full.add(full);
    for (let seq = 1; seq <= 5; seq++) {
      room.book.applyPush(pushOf(seq, { ticks: ticksOf([A, seq, seq]) }));
      room.flush();
    }
    expect(room.framesOf(healthy)).toHaveLength(5);
    expect(room.book.delivery.drain(0)).toEqual({ delivered: 0, caughtUp: [], stalled: [] });
    expect(room.book.delivery.drain(CLIENT_STALLED_MS_MAX).stalled).toEqual([full]);
    room.full.clear();
    expect(room.book.delivery.drain(CLIENT_STALLED_MS_MAX)).toEqual({
      delivered: 1,
      caughtUp: [{ session: full, skipped: 4 }],
      stalled: [],
    });
    expect(room.framesOf(full)).toEqual(['A@5/3']);
    expect(room.book.delivery.hasWaiting).toBe(false);
  });

  test('what waits for a client that has unsubscribed meanwhile is not sent, also when its slot is used again', () => {
    const room = new Room();
    const [other, full] = [room.join(), room.join()];
    room.subscribe(full, [item(A)], snapshotOf({ definitions: [definitionOf(A, 'A')] }));
    room.full.add(full);
    room.book.applyPush(pushOf(1, { ticks: ticksOf([A, 1, 1]) }));
    room.flush();
    room.book.unsubscribe(full, [A]);
    room.subscribe(
      other,
      [item(B)],
      snapshotOf({ ticks: ticksOf([B, 2, 2]), definitions: [definitionOf(B, 'B')] }),
    );
    room.full.clear();
    room.book.delivery.drain(0);
    expect(room.framesOf(full)).toEqual([]);
    expect(room.framesOf(other)).toEqual(['B@2/3']);
  });
});

describe('limits', () => {
  const many = (count: number, from = 0) =>
    Array.from({ length: count }, (_, i) => item(((from + i + 1) * 256 + 1) as InstrumentToken));

  test(`a client has ${CLIENT_SUBSCRIPTIONS_MAX} subscriptions; more are rejected one by one, known ones are not`, () => {
    const room = new Room();
    const session = room.join();
    const first = room.subscribe(session, many(CLIENT_SUBSCRIPTIONS_MAX - 1));
    expect(first.rejected).toEqual([]);
    const next = room.subscribe(session, [...many(2, CLIENT_SUBSCRIPTIONS_MAX - 1), ...many(1)]);
    expect(next.accepted).toHaveLength(2);
    expect(next.rejected).toEqual([
      {
        field: 'token',
        item: many(1, CLIENT_SUBSCRIPTIONS_MAX)[0]?.token,
        code: 'subscription_limit',
        message: 'at most 3000 subscriptions per connection',
      },
    ]);
    expect(room.book.subscriptions.countOf(session)).toBe(CLIENT_SUBSCRIPTIONS_MAX);
    room.book.unsubscribe(session, [many(1)[0]?.token as InstrumentToken]);
    expect(room.subscribe(session, many(1, CLIENT_SUBSCRIPTIONS_MAX)).rejected).toEqual([]);
  });

  test('asking for what does not exist fills no table: a client cannot use up the gateway', () => {
    const room = new Room();
    const session = room.join();
    room.sync();
    // Three times as many tokens as the gateway has room for, and none of them exists.
    for (let from = 0; from < 3 * GATEWAY_INSTRUMENTS_MAX; from += CLIENT_SUBSCRIPTIONS_MAX) {
      const plan = room.book.planSubscribe(session, many(CLIENT_SUBSCRIPTIONS_MAX, from));
      expect(plan.rejected).toEqual([]);
      for (const [, contacts] of plan.contacts) {
        room.book.applySnapshot(contacts, snapshotOf({ unknown: contacts.map(([token]) => token) }));
      }
      expect(room.book.unclaim(plan.accepted)).toEqual([]);
    }
    expect(room.subscribe(session, [item(A)]).accepted).toHaveLength(1);
  });

  test(`${GATEWAY_INSTRUMENTS_MAX} instruments at once are the most; a leaving client makes room`, () => {
    const room = new Room();
    const sessions: SessionIndex[] = [];
    for (let from = 0; from < GATEWAY_INSTRUMENTS_MAX; from += CLIENT_SUBSCRIPTIONS_MAX) {
      const session = room.join();
      sessions.push(session);
      const count = Math.min(CLIENT_SUBSCRIPTIONS_MAX, GATEWAY_INSTRUMENTS_MAX - from);
      room.book.restore(
        session,
        many(count, from).map(({ token, rank }) => [token, rank]),
      );
    }
    const late = room.join();
    const over = many(1, GATEWAY_INSTRUMENTS_MAX);
    expect(room.book.planSubscribe(late, over).rejected).toEqual([
      {
        field: 'token',
        item: over[0]?.token,
        code: 'gateway_full',
        message: 'this gateway has 131072 instruments, none free',
      },
    ]);
    expect(room.book.restore(late, [[over[0]?.token as InstrumentToken, 3]])).toEqual([over[0]?.token]);
    expect(room.book.subscriptions.countOf(late)).toBe(0);
    room.book.closeSession(sessions[0] as SessionIndex);
    expect(room.subscribe(late, over).accepted).toEqual(over);
  });
});

describe('filters', () => {
  const filtered = (token: InstrumentToken, rank: ModeRank = 3): SubscribeItem => ({
    ...item(token, rank),
    filter: { minChange: 0.1 },
  });

  test('are part of a subscription: listed, remembered, changed live, gone with it', () => {
    const room = new Room();
    const session = room.join();
    room.subscribe(session, [filtered(A), item(B)]);
    expect(room.book.lines.of(session).map(({ token, filter }) => [token, filter])).toEqual([
      [A, { minChange: 0.1 }],
      [B, undefined],
    ]);
    const remembered = room.book.subscriptionsOf(session);
    expect(remembered[0]?.[2]).toEqual({ minChange: 10, onTrade: false });
    const after = new Room();
    after.book.restore(after.join(), remembered);
    expect(after.book.subscriptionsOf(0)).toEqual(remembered);
    room.subscribe(session, [item(A), { ...item(B), filter: { onTrade: true } }]);
    expect(room.book.lines.of(session).map(({ filter }) => filter)).toEqual([undefined, { onTrade: true }]);
    room.book.unsubscribe(session, [A, B]);
    expect(room.book.subscriptions.filters.countOf(session)).toBe(0);
    room.subscribe(session, [filtered(A)]);
    room.book.closeSession(session);
    expect(room.book.subscriptions.filters.countOf(session)).toBe(0);
  });

  test('have the volume streamed also for a client that is not sent it', () => {
    const room = new Room();
    const plan = room.subscribe(room.join(), [filtered(A, 1)]);
    expect(plan.contacts.get(SHARD)).toEqual([[A, 2]]);
    expect(room.book.interestOf(SHARD)).toEqual([[A, 2]]);
  });

  test(`${CLIENT_FILTERS_MAX} per connection, one more is refused, another change of one of them is not`, () => {
    const room = new Room();
    const session = room.join();
    const tokens = Array.from(
      { length: CLIENT_FILTERS_MAX + 2 },
      (_, i) => (i * 256 + 257) as InstrumentToken,
    );
    const first = room.subscribe(
      session,
      tokens.slice(0, -1).map((token) => filtered(token)),
    );
    expect(first.accepted).toHaveLength(CLIENT_FILTERS_MAX);
    expect(first.rejected).toMatchObject([{ item: tokens[CLIENT_FILTERS_MAX], code: 'filter_limit' }]);
    const [some, other] = [tokens[0] as InstrumentToken, tokens.at(-1) as InstrumentToken];
    const second = room.subscribe(session, [
      filtered(some),
      filtered(other),
      item(tokens[1] as InstrumentToken),
    ]);
    expect(second.accepted.map(({ token }) => token)).toEqual([some, tokens[1]]);
    expect(room.subscribe(session, [filtered(other)]).rejected, 'one has been given up').toEqual([]);
  });
});
