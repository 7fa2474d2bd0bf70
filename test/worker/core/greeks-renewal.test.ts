// An option whose Greeks alone are new: a tick to those who are sent Greeks, and to nobody else; and never at a tick's cost.
import { describe, expect, test } from 'vitest';
import type { InstrumentToken } from '../../../shared/instrument.ts';
import { shardOf } from '../../../shared/shard.ts';
import type { ModeRank } from '../../../shared/tick.ts';
import { TickStore } from '../../../shared/tick-store.ts';
import { DIALECT_NAMES, type DialectName } from '../../../worker/core/dialect-name.ts';
import { GatewayBook } from '../../../worker/core/gateway-book.ts';
import { isGreeksRenewal } from '../../../worker/core/greeks-renewal.ts';
import { Outlet } from '../../../worker/core/outlet.ts';
import { SPEEDS, type Speed } from '../../../worker/core/protocol.ts';
import type { ShardPush } from '../../../worker/core/shard-book.ts';
import type { SessionIndex } from '../../../worker/core/subscriptions.ts';
import { DIALECTS } from '../../../worker/dialects/registry.ts';
import { type GreeksFields, optionRecordOf } from '../../support/option-records.ts';
import { definitionOf } from '../../support/records.ts';

const START_MS = 1_764_000_000_000;
const TOKEN = 258 as InstrumentToken;

class Room {
  nowMs = START_MS;
  readonly book = new GatewayBook(START_MS);
  #seq = 0;

  /** What the session was sent, by its end. */
  join(dialect: DialectName, rank: ModeRank, speed: Speed) {
    const frames: unknown[] = [];
    const { ticks, encodeBar } = DIALECTS[dialect];
    const port = { send: (frame: unknown) => frames.push(frame), bufferedBytes: () => 0 };
    const session: SessionIndex = this.book.openSession(new Outlet(ticks, encodeBar, port));
    const plan = this.book.planSubscribe(session, [{ token: TOKEN, rank, speed }]);
    this.book.subscribe(session, plan.accepted);
    this.book.unclaim(plan.accepted);
    return { session, frames };
  }

  push(price: number, greeks: GreeksFields): void {
    const record = optionRecordOf(TOKEN, { lastPrice: price, seq: ++this.#seq }, greeks, START_MS);
    const news = { definitions: [definitionOf(TOKEN)], unknown: [], bars: [], roundShards: 1, boot: 1 };
    this.book.applyPush({ ...news, shard: shardOf(TOKEN), ticks: record } as unknown as ShardPush);
  }

  settle(): void {
    for (let i = 0; i < 30; i++) {
      this.nowMs += 50;
      this.book.delivery.flush(this.nowMs);
      this.book.delivery.drain(this.nowMs);
    }
  }
}

const cases = DIALECT_NAMES.flatMap((dialect) =>
  ([1, 2, 3] as const).flatMap((rank) => SPEEDS.map((speed) => [dialect, rank, speed] as const)),
);

describe.each(cases)('%s at rank %i and speed %s', (dialect, rank, speed) => {
  const isTold = dialect !== 'kite' && rank === 3;

  test(`new Greeks alone are ${isTold ? 'a tick' : 'none'}; what ticked with them, before or after, is one`, () => {
    const room = new Room();
    const { frames } = room.join(dialect, rank, speed);
    const told = (step: () => void) => {
      frames.length = 0;
      step();
      room.settle();
      return frames.length > 0;
    };
    expect(told(() => room.push(100, { iv: 10 }))).toBe(true);
    expect(told(() => room.push(100, { iv: 11 }))).toBe(isTold);
    const tickThenRenewal = () => {
      room.push(101, { iv: 11 });
      room.push(101, { iv: 12 });
    };
    expect(told(tickThenRenewal)).toBe(true);
    const renewalThenTick = () => {
      room.push(101, { iv: 13 });
      room.push(102, { iv: 13 });
    };
    expect(told(renewalThenTick)).toBe(true);
    const tickThenFlushedRenewal = () => {
      room.push(103, { iv: 13 });
      room.book.delivery.flush(room.nowMs, true);
      room.push(103, { iv: 14 });
    };
    expect(told(tickThenFlushedRenewal)).toBe(true);
    expect(told(() => room.push(103, { iv: 15 }))).toBe(isTold);
  });

  test('who comes back has missed what it would have been sent', () => {
    const room = new Room();
    room.push(100, { iv: 10 });
    const { session } = room.join(dialect, rank, speed);
    const next = room.join(dialect, rank, speed);
    room.push(100, { iv: 10.5 });
    room.settle();
    room.book.suspendSession(session);
    const { seq } = room.book.delivery;
    const missed = () =>
      room.book.delivery.missedSince(seq + 1, session, next.session, new Set([TOKEN]))?.length;
    room.push(100, { iv: 11 });
    room.settle();
    expect(missed()).toBe(isTold && speed === 'rt' ? 1 : 0);
  });
});

test('a renewal is the record that is held, but for its Greeks and the batch that brought it', () => {
  const store = new TickStore(4);
  const slot = store.slotFor(TOKEN);
  const record = optionRecordOf(TOKEN, { lastPrice: 100, seq: 1 }, { iv: 10 }, START_MS);
  expect(isGreeksRenewal(store, slot, record, 0)).toBe(false);
  store.put(slot, record, 0);
  const isRenewal = (other: Uint32Array) => isGreeksRenewal(store, slot, other, 0);
  expect(isRenewal(optionRecordOf(TOKEN, { lastPrice: 100, seq: 2 }, { iv: 11 }, START_MS))).toBe(true);
  expect(isRenewal(optionRecordOf(TOKEN, { lastPrice: 100, seq: 2 }, { iv: 11 }, START_MS + 1))).toBe(false);
  expect(isRenewal(optionRecordOf(TOKEN, { lastPrice: 101, seq: 2 }, { iv: 10 }, START_MS))).toBe(false);
  expect(isRenewal(optionRecordOf(TOKEN, { lastPrice: 100, oi: 5 }, { iv: 10 }, START_MS))).toBe(false);
});
