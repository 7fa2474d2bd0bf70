// Bars in a shard's book: demand for them, who is told which, and that no closed one is lost or told to a stranger.
import { describe, expect, test } from 'vitest';
import type { InstrumentToken } from '../../../shared/instrument.ts';
import { BAR_GRACE_MS, SHARD_BARS_HELD_MAX } from '../../../shared/limits.ts';
import { RECORD_KIND } from '../../../shared/tick.ts';
import { ALL_INTERVALS, type Bar } from '../../../worker/core/bar.ts';
import { interestIn } from '../../../worker/core/interest.ts';
import { ShardBook } from '../../../worker/core/shard-book.ts';
import { definitionOf, recordOf } from '../../support/records.ts';
import { SidecarDouble, tokensOfShard } from './sidecar-double.ts';

const SHARD = 2;
const [A, B] = tokensOfShard(SHARD, 2) as [InstrumentToken, InstrumentToken];
const TEN = Date.parse('2026-01-05T10:00:00+05:30');
const SECONDS = interestIn(0, 1);
const MINUTES = interestIn(0, 2);

class Room {
  book = new ShardBook(SHARD, 77);
  readonly sidecar = new SidecarDouble(SHARD);

  constructor() {
    this.sidecar.post(this.book, {
      definitions: [definitionOf(A), definitionOf(B)],
      signedAtMs: TEN - 1_000,
    });
  }

  /** One tick of each token in a batch that is signed as it comes. */
  tick(ms: number, lastPrice: number, ...tokens: InstrumentToken[]): void {
    const ticks = tokens.map((token) =>
      recordOf(token, RECORD_KIND.quote, { lastPrice, volume: lastPrice }, TEN + ms),
    );
    this.sidecar.post(this.book, { ticks, signedAtMs: TEN + ms });
  }

  bars(gateway: string): readonly Bar[] {
    return this.book.takePush(gateway)?.bars ?? [];
  }
}

const named = (bars: readonly Bar[]) =>
  bars.map(({ token, interval, startMs, isClosed }) => [token, interval, startMs - TEN, isClosed]);

test('bars alone create demand, and bring no ticks', () => {
  const room = new Room();
  room.book.register('gw', [[A, SECONDS]]);
  expect(room.book.demand()).toEqual([[A, 'quote']]);
  room.tick(0, 100, A, B);
  const push = room.book.takePush('gw');
  expect(push?.ticks).toHaveLength(0);
  expect(named(push?.bars ?? [])).toEqual([[A, '1s', 0, false]]);
  const snapshot = room.book.register('gw', [[A, interestIn(1, 1)]]);
  expect(snapshot.ticks.length, 'with ticks the value of now').toBeGreaterThan(0);
  expect(named(snapshot.bars), 'and the open bar').toEqual([[A, '1s', 0, false]]);
});

test('each gateway is told its own, and all are told the same', () => {
  const room = new Room();
  room.book.register('one', [[A, interestIn(0, ALL_INTERVALS)]]);
  room.book.register('two', [
    [A, MINUTES],
    [B, SECONDS],
  ]);
  room.book.register('none', [[A, 3]]);
  room.tick(0, 100, A, B);
  room.tick(1_000, 101, A, B);
  const [one, two] = [room.bars('one'), room.bars('two')];
  expect(named(one)).toEqual([
    [A, '1s', 0, true],
    [A, '1m', 0, false],
    [A, '1s', 1_000, false],
  ]);
  expect(named(two)).toEqual([
    [B, '1s', 0, true],
    [A, '1m', 0, false],
    [B, '1s', 1_000, false],
  ]);
  expect(one[1]).toEqual(two[1]);
  expect(room.bars('none')).toEqual([]);
});

describe('a gateway that does not answer', () => {
  test('is told every closed bar in the end, in order, and of the open one the newest', () => {
    const room = new Room();
    room.book.register('gw', [[A, SECONDS]]);
    for (let ms = 0; ms < 3_000; ms += 500) {
      room.tick(ms, 100 + ms, A);
      const push = room.book.takePush('gw');
      if (push) room.book.returnPush('gw', push);
    }
    expect(named(room.bars('gw'))).toEqual([
      [A, '1s', 0, true],
      [A, '1s', 1_000, true],
      [A, '1s', 2_000, false],
    ]);
  });

  test('is told what came back before what became due meanwhile', () => {
    const room = new Room();
    room.book.register('gw', [[A, SECONDS]]);
    room.tick(0, 100, A);
    room.tick(1_000, 101, A);
    const underWay = room.book.takePush('gw');
    room.tick(2_000, 102, A);
    if (underWay) room.book.returnPush('gw', underWay);
    expect(named(room.bars('gw'))).toEqual([
      [A, '1s', 0, true],
      [A, '1s', 1_000, true],
      [A, '1s', 2_000, false],
    ]);
  });

  test('and resynchronises, loses no closed bar, and interrupts none', () => {
    const room = new Room();
    room.book.register('gw', [[A, SECONDS]]);
    room.tick(0, 100, A);
    room.tick(1_000, 101, A);
    room.tick(2_000, 102, A);
    room.book.resync('gw', [[A, SECONDS]]);
    room.tick(2_500, 103, A);
    room.tick(3_000, 104, A);
    const bars = room.bars('gw').filter(({ isClosed }) => isClosed);
    expect(bars.map(({ startMs, ticks, isPartial }) => [startMs - TEN, ticks, isPartial])).toEqual([
      [0, 1, true],
      [1_000, 1, false],
      [2_000, 2, false],
    ]);
  });

  test(`holds at most ${SHARD_BARS_HELD_MAX} closed bars`, () => {
    const room = new Room();
    room.book.register('gw', [[A, SECONDS]]);
    const count = SHARD_BARS_HELD_MAX + 10;
    for (let i = 0; i <= count; i++) room.tick(i * 1_000, 100, A);
    const closed = room.bars('gw').filter(({ isClosed }) => isClosed);
    expect(closed).toHaveLength(SHARD_BARS_HELD_MAX);
    expect(closed.at(-1)?.startMs).toBe(TEN + (count - 1) * 1_000);
  });
});

test('what was given up is not told any more, even when it was due', () => {
  const room = new Room();
  room.book.register('gw', [
    [A, SECONDS],
    [B, SECONDS],
  ]);
  room.tick(0, 100, A, B);
  room.book.release('gw', [A]);
  expect(named(room.bars('gw'))).toEqual([[B, '1s', 0, false]]);
  expect(room.book.demand()).toEqual([[B, 'quote']]);
});

test('a heartbeat closes a bar', () => {
  const room = new Room();
  room.book.register('gw', [[A, SECONDS]]);
  room.tick(0, 100, A);
  room.bars('gw');
  room.sidecar.post(room.book, { signedAtMs: TEN + 1_000 + BAR_GRACE_MS });
  expect(room.book.gatewaysDue()).toEqual(['gw']);
  expect(named(room.bars('gw'))).toEqual([[A, '1s', 0, true]]);
});

test('a token that becomes another contract begins anew; one that is struck has no bars', () => {
  const room = new Room();
  room.book.register('gw', [[A, SECONDS]]);
  room.tick(0, 100, A);
  room.bars('gw');
  room.sidecar.post(room.book, { definitions: [definitionOf(A, 'OTHER')], signedAtMs: TEN + 200 });
  room.tick(500, 900, A);
  expect(room.bars('gw')).toMatchObject([{ tradingsymbol: 'OTHER', open: 900, low: 900, isPartial: true }]);
  room.sidecar.post(room.book, { knownTokens: [B], signedAtMs: TEN + 600 });
  room.tick(1_500, 900, A);
  expect(room.book.takePush('gw')).toMatchObject({ unknown: [A], bars: [] });
});

test('a shard that was reset goes on with partial bars, and does not repeat what is over', () => {
  const room = new Room();
  room.book.register('gw', [[A, SECONDS]]);
  room.tick(0, 100, A);
  const interest = room.book.interestOf('gw');
  room.book = new ShardBook(SHARD, 78);
  room.book.register('gw', interest);
  const old = recordOf(A, RECORD_KIND.quote, { lastPrice: 100, volume: 100 }, TEN);
  room.sidecar.post(room.book, { definitions: [definitionOf(A)], ticks: [old], signedAtMs: TEN + 30_000 });
  expect(room.bars('gw')).toEqual([]);
  room.tick(30_500, 101, A);
  expect(room.bars('gw')).toMatchObject([{ startMs: TEN + 30_000, isPartial: true, isClosed: false }]);
});
