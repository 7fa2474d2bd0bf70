// One flush: everybody gets what they asked for, and nothing is encoded twice.
import { describe, expect, test } from 'vitest';
import type { InstrumentDefinition, InstrumentToken } from '../../../shared/instrument.ts';
import { CLIENT_BACKLOG_BYTES_MAX } from '../../../shared/limits.ts';
import { AT, RECORD_KIND } from '../../../shared/tick.ts';
import { TickStore } from '../../../shared/tick-store.ts';
import { Drainage } from '../../../worker/core/drainage.ts';
import { Fanout, type FanoutSource } from '../../../worker/core/fanout.ts';
import { Outlet } from '../../../worker/core/outlet.ts';
import { SPEEDS } from '../../../worker/core/protocol.ts';
import type { TickEncoder, TickOutput } from '../../../worker/core/row-format.ts';
import { SessionLanes } from '../../../worker/core/session-lanes.ts';
import { SlotSet } from '../../../worker/core/slot-set.ts';
import { type SessionIndex, Subscriptions } from '../../../worker/core/subscriptions.ts';
import { type Tier, termsOf } from '../../../worker/core/terms.ts';
import { definitionOf, recordOf } from '../../support/records.ts';

/** A dialect that counts: its frames name what they were made of. */
function countingEncoder(name: string): {
  ticks: TickOutput;
  calls: () => number;
  seqs: Set<number>;
} {
  let calls = 0;
  const seqs = new Set<number>();
  const encodeTick: TickEncoder = (view, at, rank, definition, seq) => {
    calls++;
    seqs.add(seq);
    const price = view.getUint32(at + AT.lastPrice, true);
    return `${name}:${definition.tradingsymbol}:${rank}:${price}`;
  };
  return { ticks: { kind: 'messages', encodeTick }, calls: () => calls, seqs };
}

class Room implements FanoutSource {
  readonly store = new TickStore(64);
  readonly subscriptions = new Subscriptions();
  readonly definitions: (InstrumentDefinition | undefined)[] = [];
  readonly outlets: (Outlet | undefined)[] = [];
  readonly received: string[][] = [];
  /** Sessions whose socket takes nothing. */
  readonly full = new Set<SessionIndex>();
  readonly waiting = new Set<SessionIndex>();
  readonly tierSlots = SPEEDS.map(() => new SlotSet());
  readonly lanes = new SessionLanes(this);
  readonly fanout = new Fanout(this, this.lanes);
  readonly drainage = new Drainage(this, this.lanes);
  flushes = 0;

  instrument(token: number, lastPrice: number): number {
    const slot = this.store.slotFor(token);
    this.store.put(slot, recordOf(token, RECORD_KIND.full, { lastPrice }), 0);
    this.definitions[slot] = definitionOf(token);
    return slot;
  }

  join(ticks: TickOutput): SessionIndex {
    const frames: string[] = [];
    const session = this.received.push(frames) - 1;
    this.outlets[session] = new Outlet(ticks, () => 'bar', {
      send: (frame) => void frames.push(frame as string),
      bufferedBytes: () => (this.full.has(session) ? CLIENT_BACKLOG_BYTES_MAX : 0),
    });
    this.lanes.open(session);
    return session;
  }

  fanOut(...slots: number[]): number {
    return this.fanOutTier(0, ...slots);
  }

  fanOutTier(tier: Tier, ...slots: number[]): number {
    const { waiting, tierSlots } = this;
    const ticked = SPEEDS.map(() => setOf(slots));
    return this.fanout.flush(setOf(slots), { seq: ++this.flushes, tier, waiting, tierSlots, ticked });
  }

  drain(session: SessionIndex): number {
    return this.drainage.drain(session, ++this.flushes, 0, () => false);
  }
}

function setOf(slots: readonly number[]): SlotSet {
  const set = new SlotSet();
  for (const slot of slots) set.add(slot);
  return set;
}

function listOf(set: SlotSet): number[] {
  return Array.from({ length: set.size }, (_, i) => set.at(i));
}

const TOKEN = 408_065 as InstrumentToken;

describe('fanOut', () => {
  test('1,000 sessions of one dialect and mode cost one encoding', () => {
    const room = new Room();
    const dialect = countingEncoder('json');
    const slot = room.instrument(TOKEN, 100);
    for (let i = 0; i < 1_000; i++) room.subscriptions.set(room.join(dialect.ticks), slot, 3);
    expect(room.fanOut(slot)).toBe(1_000);
    expect(dialect.calls()).toBe(1);
    expect(room.received.every((frames) => frames.length === 1 && frames[0] === 'json:SYM408065:3:100')).toBe(
      true,
    );
  });

  test('each dialect and mode has its own encoding, and each session its own kind of frame', () => {
    const room = new Room();
    const [a, b] = [countingEncoder('a'), countingEncoder('b')];
    const slot = room.instrument(TOKEN, 100);
    for (let i = 0; i < 60; i++) {
      const session = room.join((i % 2 === 0 ? a : b).ticks);
      room.subscriptions.set(session, slot, (i % 3) + 1);
    }
    expect(room.fanOut(slot)).toBe(60);
    expect([a.calls(), b.calls()]).toEqual([3, 3]);
    for (const [i, frames] of room.received.entries()) {
      expect(frames).toEqual([`${i % 2 === 0 ? 'a' : 'b'}:SYM408065:${(i % 3) + 1}:100`]);
    }
  });

  test('nobody gets what they did not ask for', () => {
    const room = new Room();
    const { ticks } = countingEncoder('json');
    const slots = [1, 2, 3].map((i) => room.instrument(i * 256 + 1, i));
    const sessions = slots.map(() => room.join(ticks));
    for (const [i, slot] of slots.entries()) room.subscriptions.set(sessions[i] as number, slot, 3);
    expect(room.fanOut(slots[0] as number, slots[2] as number)).toBe(2);
    expect(room.received).toEqual([['json:SYM257:3:1'], [], ['json:SYM769:3:3']]);
  });

  test('without a value, a definition, a subscriber or an outlet nothing is sent or encoded', () => {
    const room = new Room();
    const dialect = countingEncoder('json');
    const slot = room.instrument(TOKEN, 100);
    const session = room.join(dialect.ticks);
    expect(room.fanOut(slot), 'no subscriber').toBe(0);
    room.subscriptions.set(session, slot, 3);
    room.subscriptions.set(50, slot, 3);
    expect(room.fanOut(slot), 'one of two has an outlet').toBe(1);
    room.definitions[slot] = undefined;
    expect(room.fanOut(slot), 'no definition').toBe(0);
    room.definitions[slot] = definitionOf(TOKEN);
    room.store.clear(slot);
    expect(room.fanOut(slot), 'no value').toBe(0);
    expect(room.fanOut(99)).toBe(0);
    expect(dialect.calls()).toBe(1);
  });
});

describe('tiers', () => {
  const RANKS = [1, 2, 3] as const;

  /** Five sessions for every dialect, mode and speed. */
  function everyKind() {
    const room = new Room();
    const dialects = [countingEncoder('a'), countingEncoder('b')] as const;
    const slot = room.instrument(TOKEN, 100);
    const kinds: { session: SessionIndex; name: string; tier: Tier; rank: number }[] = [];
    for (const [tier, speed] of SPEEDS.entries()) {
      for (const rank of RANKS) {
        for (let i = 0; i < 10; i++) {
          const dialect = dialects[i % 2 === 0 ? 0 : 1];
          const session = room.join(dialect.ticks);
          room.subscriptions.set(session, slot, termsOf(rank, speed));
          kinds.push({ session, name: i % 2 === 0 ? 'a' : 'b', tier, rank });
        }
      }
    }
    return { room, dialects, slot, kinds };
  }

  test('an instrument is encoded once per mode, dialect and tier, whatever the number of sessions', () => {
    const { room, dialects, slot, kinds } = everyKind();
    for (const tier of SPEEDS.keys()) {
      room.instrument(TOKEN, 100 + tier);
      expect(room.fanOutTier(tier, slot), `tier ${tier}`).toBe(RANKS.length * 10);
      expect(dialects.map(({ calls }) => calls())).toEqual([3 * (tier + 1), 3 * (tier + 1)]);
    }
    for (const { session, name, tier, rank } of kinds) {
      expect(room.received[session]).toEqual([`${name}:SYM408065:${rank}:${100 + tier}`]);
    }
    expect(dialects.map(({ seqs }) => [...seqs])).toEqual([
      [1, 2, 3, 4],
      [1, 2, 3, 4],
    ]);
  });

  test('the first tier’s flush leaves the slot to the tiers that somebody has, and to no other', () => {
    const room = new Room();
    const { ticks } = countingEncoder('json');
    const [a, b, c] = [room.instrument(257, 1), room.instrument(513, 2), room.instrument(769, 3)];
    const session = room.join(ticks);
    room.subscriptions.set(session, a, termsOf(3, 250));
    room.subscriptions.set(session, b, termsOf(3, 'rt'));
    room.subscriptions.set(room.join(ticks), a, termsOf(1, 1000));
    room.subscriptions.set(session, c, termsOf(3, 250));
    expect(room.fanOut(a, b), 'b alone is sent at once').toBe(1);
    expect(room.tierSlots.map(listOf)).toEqual([[], [], [a], [a]]);
  });

  test('a slower tier’s flush leaves nothing to any tier', () => {
    const { room, slot } = everyKind();
    room.fanOutTier(2, slot);
    expect(room.tierSlots.every(({ size }) => size === 0)).toBe(true);
  });
});

describe('a full socket', () => {
  test('has ticks wait and is listed, the others are served at once', () => {
    const room = new Room();
    const dialect = countingEncoder('json');
    const slot = room.instrument(TOKEN, 100);
    const sessions = [0, 1, 2].map(() => room.join(dialect.ticks));
    for (const session of sessions) room.subscriptions.set(session, slot, 3);
    room.full.add(1);
    expect(room.fanOut(slot)).toBe(2);
    expect([...room.waiting]).toEqual([1]);
    expect(room.received.map(({ length }) => length)).toEqual([1, 0, 1]);
    expect(room.drain(1), 'still full').toBe(0);
    room.full.delete(1);
    expect(room.drain(1)).toBe(1);
    expect(room.received[1]).toEqual(['json:SYM408065:3:100']);
  });

  test('is sent the value of the moment that it drains, in its own mode, once', () => {
    const room = new Room();
    const { ticks } = countingEncoder('json');
    const [a, b] = [room.instrument(257, 1), room.instrument(513, 2)];
    const session = room.join(ticks);
    room.subscriptions.set(session, a, 2);
    room.subscriptions.set(session, b, 3);
    room.full.add(session);
    for (let price = 10; price < 20; price++) {
      room.instrument(257, price);
      room.fanOut(a, b);
    }
    room.full.delete(session);
    expect(room.drain(session)).toBe(2);
    expect(room.received[session]).toEqual(['json:SYM257:2:19', 'json:SYM513:3:2']);
    expect(room.drain(session)).toBe(0);
  });

  test('nothing overtakes what waits', () => {
    const room = new Room();
    const { ticks } = countingEncoder('json');
    const [a, b] = [room.instrument(257, 1), room.instrument(513, 2)];
    const session = room.join(ticks);
    for (const slot of [a, b]) room.subscriptions.set(session, slot, 3);
    room.full.add(session);
    room.fanOut(a);
    room.full.delete(session);
    expect(room.fanOut(b), 'there is room, but a waits').toBe(0);
    room.drain(session);
    expect(room.received[session]).toEqual(['json:SYM257:3:1', 'json:SYM513:3:2']);
  });

  test('is not sent what it has unsubscribed from, or what has no value any more, meanwhile', () => {
    const room = new Room();
    const { ticks } = countingEncoder('json');
    const slots = [1, 2, 3].map((i) => room.instrument(i * 256 + 1, i)) as [number, number, number];
    const session = room.join(ticks);
    for (const slot of slots) room.subscriptions.set(session, slot, 3);
    room.full.add(session);
    room.fanOut(...slots);
    room.full.delete(session);
    room.subscriptions.remove(session, slots[0]);
    room.store.clear(slots[1]);
    expect(room.drain(session)).toBe(1);
    expect(room.received[session]).toEqual(['json:SYM769:3:3']);
    room.outlets[session] = undefined;
    expect(room.drain(session)).toBe(0);
  });
});
