// A gateway's bars: limits, interest, who is told what, once, in order, also by a full socket.
import { describe, expect, test } from 'vitest';
import type { InstrumentToken } from '../../../shared/instrument.ts';
import {
  BARS_KEPT_MAX,
  CLIENT_BACKLOG_BYTES_MAX,
  CLIENT_BARS_HELD_MAX,
  CLIENT_BARS_MAX,
} from '../../../shared/limits.ts';
import { shardOf } from '../../../shared/shard.ts';
import type { Bar, BarInterval } from '../../../worker/core/bar.ts';
import type { BarEncoder } from '../../../worker/core/bar-fanout.ts';
import { GatewayBook } from '../../../worker/core/gateway-book.ts';
import { interestIn } from '../../../worker/core/interest.ts';
import { Outlet } from '../../../worker/core/outlet.ts';
import type { BarItem, BarRequest } from '../../../worker/core/protocol.ts';
import type { Snapshot } from '../../../worker/core/shard-book.ts';
import type { SessionIndex } from '../../../worker/core/subscriptions.ts';
import { tokensOfShard } from './sidecar-double.ts';

const SHARD = 2;
const BOOT = 7;
const [A, B] = tokensOfShard(SHARD, 2) as [InstrumentToken, InstrumentToken];

const item = (token: InstrumentToken, interval: BarInterval = '1s'): BarItem => ({ token, interval });

function barOf(token: InstrumentToken, startMs: number, more: Partial<Bar> = {}): Bar {
  const prices = { open: 1, high: 1, low: 1, close: 1 };
  const name = { tradingsymbol: 'X', exchange: 'NSE', interval: '1s' as const };
  return { token, ...name, startMs, ...prices, ticks: 1, isClosed: false, isPartial: false, ...more };
}

function snapshotOf(more: Partial<Snapshot> = {}): Snapshot {
  const nothing = { ticks: new Uint32Array(0), definitions: [], unknown: [], bars: [] };
  return { boot: BOOT, pushSeq: 0, ...nothing, ...more };
}

class Room {
  readonly book = new GatewayBook();
  readonly received = new Map<SessionIndex, string[]>();
  readonly full = new Set<SessionIndex>();
  encodings = 0;
  #nowMs = 0;

  readonly #encodeBar: BarEncoder = ({ token, startMs, ticks, isClosed }) => {
    this.encodings++;
    return `${token}@${startMs}/${ticks}${isClosed ? ' closed' : ''}`;
  };

  join(): SessionIndex {
    const frames: string[] = [];
    let session = -1;
    const outlet = new Outlet({ kind: 'messages', encodeTick: () => 'tick' }, this.#encodeBar, {
      send: (frame) => void frames.push(frame as string),
      bufferedBytes: () => (this.full.has(session) ? CLIENT_BACKLOG_BYTES_MAX : 0),
    });
    session = this.book.openSession(outlet);
    this.received.set(session, frames);
    return session;
  }

  subscribe(session: SessionIndex, items: readonly BarRequest[], snapshot = snapshotOf()) {
    const plan = this.book.bars.plan(session, items);
    for (const [shard, contacts] of plan.contacts) {
      const link = this.book.links[shard];
      if (!link?.isSynced) {
        link?.beginSync();
        this.book.applyResync(shard, this.book.interestOf(shard), snapshotOf());
        link?.finishSync(snapshotOf());
      }
      this.book.applySnapshot(contacts, snapshot);
    }
    this.book.bars.subscribe(session, plan.accepted);
    const changes = this.book.unclaim(plan.accepted);
    this.#send(this.book.bars.currentOf(session, plan.accepted));
    return { ...plan, changes };
  }

  take(bars: readonly Bar[], boot = BOOT): void {
    this.#send(this.book.bars.take(bars, boot));
  }

  #send(news: ReturnType<GatewayBook['bars']['take']>): void {
    this.book.delivery.sendBars(news, ++this.#nowMs);
  }

  drain(): void {
    this.book.delivery.drain(++this.#nowMs);
  }

  framesOf(session: SessionIndex): string[] {
    return this.received.get(session)?.splice(0) ?? [];
  }
}

describe('subscribing', () => {
  test('asks the shard for the interval alone, once for all, and gives it back with the last one', () => {
    const room = new Room();
    const [one, two] = [room.join(), room.join()];
    const first = room.subscribe(one, [item(A), item(A, '1m')]);
    expect(first.contacts.get(SHARD)).toEqual([
      [A, interestIn(0, 1)],
      [A, interestIn(0, 2)],
    ]);
    expect(room.book.interestOf(SHARD)).toEqual([[A, interestIn(0, 3)]]);
    expect(room.subscribe(two, [item(A)]).contacts.size).toBe(0);
    expect(room.book.bars.unsubscribe(one, [item(A)])).toEqual([]);
    expect(room.book.bars.unsubscribe(one, [item(A, '1m')])).toEqual([
      { shard: SHARD, lower: [[A, interestIn(0, 1)]], release: [] },
    ]);
    expect(room.book.closeSession(two)).toEqual([{ shard: SHARD, lower: [], release: [A] }]);
    expect(room.book.interestOf(SHARD)).toEqual([]);
  });

  test('and ticks of one instrument do not disturb each other', () => {
    const room = new Room();
    const session = room.join();
    room.subscribe(session, [item(A)]);
    const plan = room.book.planSubscribe(session, [{ token: A, rank: 1, speed: 'rt' }]);
    expect(plan.contacts.get(SHARD)).toEqual([[A, interestIn(1)]]);
    expect(room.book.asWanted(plan.contacts.get(SHARD) ?? [])).toEqual([[A, interestIn(1, 1)]]);
    room.book.applySnapshot([[A, interestIn(1, 1)]], snapshotOf());
    room.book.subscribe(session, plan.accepted);
    room.book.unclaim(plan.accepted);
    expect(room.book.unsubscribe(session, [A])).toEqual([
      { shard: SHARD, lower: [[A, interestIn(0, 1)]], release: [] },
    ]);
    expect(room.book.bars.countOf(session)).toBe(1);
  });

  test(`${CLIENT_BARS_MAX} per connection, one more is refused`, () => {
    const room = new Room();
    const session = room.join();
    const tokens = Array.from({ length: CLIENT_BARS_MAX + 1 }, (_, i) => (i * 256 + 257) as InstrumentToken);
    const { accepted, rejected } = room.subscribe(
      session,
      tokens.map((token) => item(token)),
    );
    expect(accepted).toHaveLength(CLIENT_BARS_MAX);
    expect(rejected).toMatchObject([{ item: tokens.at(-1), code: 'subscription_limit' }]);
    expect(room.subscribe(session, [item(tokens[0] as InstrumentToken)]).rejected).toEqual([]);
  });

  test('begins with the open bar: the answer’s, or that which others have already', () => {
    const room = new Room();
    const [one, two] = [room.join(), room.join()];
    room.subscribe(one, [item(A)], snapshotOf({ bars: [barOf(A, 1_000, { ticks: 5 })] }));
    expect(room.framesOf(one)).toEqual([`${A}@1000/5`]);
    room.take([barOf(A, 1_000, { ticks: 6 })]);
    room.subscribe(two, [item(A)]);
    expect(room.framesOf(two)).toEqual([`${A}@1000/6`]);
    expect(room.framesOf(one)).toEqual([`${A}@1000/6`]);
  });

  test('survives a loss of memory, and is listed', () => {
    const room = new Room();
    const session = room.join();
    room.subscribe(session, [item(A), item(A, '1m'), item(B, '1m')]);
    const items = room.book.bars.itemsOf(session);
    const after = new Room();
    expect(after.book.bars.restore(after.join(), items)).toEqual([]);
    expect(after.book.bars.itemsOf(0)).toEqual(items);
    expect(after.book.interestOf(shardOf(A))).toEqual([
      [A, interestIn(0, 3)],
      [B, interestIn(0, 2)],
    ]);
    expect(after.book.lines.barsOf(0)).toEqual([
      { token: A, interval: '1s' },
      { token: A, interval: '1m' },
      { token: B, interval: '1m' },
    ]);
  });

  test('ends for all when the instrument turns out not to exist', () => {
    const room = new Room();
    const session = room.join();
    room.subscribe(session, [item(A), item(A, '1m')]);
    const push = { shard: SHARD, seq: 1, roundShards: 1, ...snapshotOf({ unknown: [A] }) };
    expect(room.book.applyPush(push)).toEqual([{ session, tokens: [A] }]);
    expect([room.book.bars.countOf(session), room.book.interestOf(SHARD)]).toEqual([0, []]);
  });
});

describe('bars that come', () => {
  test('are encoded once for all who want them, and nobody else gets them', () => {
    const room = new Room();
    const sessions = Array.from({ length: 50 }, () => room.join());
    const stranger = room.join();
    for (const session of sessions) room.subscribe(session, [item(A)]);
    room.subscribe(stranger, [item(A, '1m'), item(B)]);
    room.take([barOf(A, 1_000, { isClosed: true })]);
    expect(room.encodings).toBe(1);
    expect(sessions.every((session) => room.framesOf(session).length === 1)).toBe(true);
    expect(room.framesOf(stranger)).toEqual([]);
  });

  test('twice, late or out of a held push are told once and never go back', () => {
    const room = new Room();
    const session = room.join();
    room.subscribe(session, [item(A)]);
    const closed = barOf(A, 1_000, { ticks: 9, isClosed: true });
    room.take([barOf(A, 1_000, { ticks: 3 })]);
    room.take([barOf(A, 1_000, { ticks: 2 })]);
    room.take([closed]);
    room.take([closed, barOf(A, 1_000, { ticks: 10 }), barOf(A, 0, { isClosed: true })]);
    room.take([barOf(A, 2_000)]);
    expect(room.framesOf(session)).toEqual([`${A}@1000/3`, `${A}@1000/9 closed`, `${A}@2000/1`]);
  });

  test('an answer that overtakes a push does not cost the closed bar in it', () => {
    const room = new Room();
    const session = room.join();
    room.subscribe(session, [item(A)]);
    room.take([barOf(A, 1_000)]);
    room.book.applyResync(SHARD, room.book.interestOf(SHARD), snapshotOf({ bars: [barOf(A, 2_000)] }));
    room.take([barOf(A, 1_000, { isClosed: true }), barOf(A, 2_000)]);
    expect(room.framesOf(session)).toEqual([`${A}@1000/1`, `${A}@1000/1 closed`, `${A}@2000/1`]);
  });

  test('of a shard that was reset go on with less, but reopen nothing', () => {
    const room = new Room();
    const session = room.join();
    room.subscribe(session, [item(A)]);
    room.take([barOf(A, 0, { isClosed: true }), barOf(A, 1_000, { ticks: 9 })]);
    room.take([barOf(A, 0, { ticks: 1 }), barOf(A, 1_000, { ticks: 1, isPartial: true })], BOOT + 1);
    expect(room.framesOf(session)).toEqual([`${A}@0/1 closed`, `${A}@1000/9`, `${A}@1000/1`]);
    const joined = room.join();
    room.book.applyResync(SHARD, room.book.interestOf(SHARD), snapshotOf({ boot: BOOT + 2 }));
    room.subscribe(joined, [item(A)]);
    expect(room.framesOf(joined), 'an open bar that nobody will close is not told').toEqual([]);
  });
});

describe('who comes back', () => {
  const since = (token: InstrumentToken, afterMs: number): BarRequest => ({ ...item(token), afterMs });
  const closedAt = (token: InstrumentToken, startMs: number) => barOf(token, startMs, { isClosed: true });

  /** Somebody who stays has the bars kept. */
  function busyRoom(bars: readonly Bar[]): Room {
    const room = new Room();
    room.subscribe(room.join(), [item(A), item(B)]);
    for (const bar of bars) room.take([bar]);
    return room;
  }

  test('is told every closed bar since its last one, each instrument by itself, then the open one', () => {
    const room = busyRoom([
      ...[0, 1_000, 2_000, 3_000].map((startMs) => closedAt(A, startMs)),
      closedAt(B, 2_000),
      barOf(A, 4_000),
      barOf(B, 5_000),
    ]);
    const session = room.join();
    room.subscribe(session, [since(A, 1_000), since(B, 2_000)]);
    expect(room.framesOf(session)).toEqual([
      `${A}@2000/1 closed`,
      `${A}@3000/1 closed`,
      `${A}@4000/1`,
      `${B}@5000/1`,
    ]);
    const newcomer = room.join();
    room.subscribe(newcomer, [item(A), item(B)]);
    expect(room.framesOf(newcomer), 'nothing of before').toEqual([`${A}@4000/1`, `${B}@5000/1`]);
  });

  test('to what nobody has kept wanted is told nothing old', () => {
    const room = new Room();
    const [one, two] = [room.join(), room.join()];
    room.subscribe(one, [item(A)]);
    room.take([closedAt(A, 0), closedAt(A, 1_000)]);
    room.book.closeSession(one);
    room.subscribe(two, [since(A, 0)]);
    expect(room.framesOf(two)).toEqual([]);
    room.take([closedAt(A, 5_000)]);
    const three = room.join();
    room.subscribe(three, [since(A, 0)]);
    expect(room.framesOf(three)).toEqual([`${A}@5000/1 closed`]);
  });

  test('with a socket that is full gets the same when it empties, and no more of each than fits', () => {
    const count = CLIENT_BARS_HELD_MAX;
    const room = busyRoom(Array.from({ length: count }, (_, i) => closedAt(A, i * 1_000)));
    room.take([barOf(A, count * 1_000)]);
    const session = room.join();
    room.full.add(session);
    room.subscribe(session, [since(A, -1), since(B, -1)]);
    room.full.delete(session);
    room.drain();
    const frames = room.framesOf(session);
    expect(frames).toHaveLength(count / 2 + 1);
    expect([frames[0], frames.at(-1)]).toEqual([`${A}@${count * 500}/1 closed`, `${A}@${count * 1_000}/1`]);
  });

  test(`of all instruments together ${BARS_KEPT_MAX} are kept; the oldest goes, whoever’s it is`, () => {
    const room = busyRoom([closedAt(B, 0), closedAt(B, 1_000)]);
    for (let i = 1; i < BARS_KEPT_MAX; i++) room.take([closedAt(A, i * 1_000)]);
    const session = room.join();
    room.subscribe(session, [since(B, -1)]);
    expect(room.framesOf(session)).toEqual([`${B}@1000/1 closed`]);
    room.take([closedAt(A, BARS_KEPT_MAX * 1_000)]);
    room.subscribe(session, [since(B, -1), since(A, (BARS_KEPT_MAX - 2) * 1_000)]);
    expect(room.framesOf(session)).toEqual(
      [BARS_KEPT_MAX - 1, BARS_KEPT_MAX].map((i) => `${A}@${i * 1_000}/1 closed`),
    );
  });
});

describe('a full socket', () => {
  test('gets every closed bar when it empties, the newest open one, in order', () => {
    const room = new Room();
    const [slow, healthy] = [room.join(), room.join()];
    for (const session of [slow, healthy]) room.subscribe(session, [item(A)]);
    room.full.add(slow);
    for (const startMs of [1_000, 2_000]) {
      room.take([barOf(A, startMs)]);
      room.take([barOf(A, startMs, { ticks: 2 })]);
      room.take([barOf(A, startMs, { ticks: 3, isClosed: true })]);
    }
    room.take([barOf(A, 3_000)]);
    room.take([barOf(A, 3_000, { ticks: 2 })]);
    expect(room.framesOf(slow)).toEqual([]);
    expect(room.framesOf(healthy)).toHaveLength(8);
    room.full.delete(slow);
    room.take([barOf(A, 3_000, { ticks: 3 })]);
    expect(room.framesOf(slow), 'nothing overtakes what waits').toEqual([]);
    room.drain();
    expect(room.framesOf(slow)).toEqual([`${A}@1000/3 closed`, `${A}@2000/3 closed`, `${A}@3000/3`]);
  });

  test(`holds at most ${CLIENT_BARS_HELD_MAX} closed bars, and none of what it gave up`, () => {
    const room = new Room();
    const session = room.join();
    room.subscribe(session, [item(A), item(B)]);
    room.full.add(session);
    room.take([barOf(B, 1_000, { isClosed: true }), barOf(B, 2_000)]);
    room.book.delivery.dropBars(session, room.book.bars.keysOf([item(B)]));
    room.book.bars.unsubscribe(session, [item(B)]);
    for (let i = 0; i < CLIENT_BARS_HELD_MAX + 5; i++) room.take([barOf(A, i * 1_000, { isClosed: true })]);
    room.full.delete(session);
    room.drain();
    const frames = room.framesOf(session);
    expect(frames).toHaveLength(CLIENT_BARS_HELD_MAX);
    expect([frames[0], frames.at(-1)]).toEqual([
      `${A}@5000/1 closed`,
      `${A}@${(CLIENT_BARS_HELD_MAX + 4) * 1_000}/1 closed`,
    ]);
  });
});
