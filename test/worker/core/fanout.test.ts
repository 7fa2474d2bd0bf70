// One flush: everybody gets what they asked for, and nothing is encoded twice.
import { describe, expect, test } from 'vitest';
import type { InstrumentDefinition, InstrumentToken } from '../../../shared/instrument.ts';
import { AT, type ModeRank, RECORD_KIND } from '../../../shared/tick.ts';
import { TickStore } from '../../../shared/tick-store.ts';
import {
  type FanoutSource,
  fanOut,
  type Outlet,
  sendSnapshot,
  type TickEncoder,
} from '../../../worker/core/fanout.ts';
import { Subscriptions } from '../../../worker/core/subscriptions.ts';
import { definitionOf, recordOf } from '../../support/records.ts';

/** A dialect that counts: its frames name what they were made of. */
function countingEncoder(name: string): { encodeTick: TickEncoder; calls: () => number } {
  let calls = 0;
  const encodeTick: TickEncoder = (view, at, rank, definition) => {
    calls++;
    const price = view.getUint32(at + AT.lastPrice, true);
    return `${name}:${definition.tradingsymbol}:${rank}:${price}`;
  };
  return { encodeTick, calls: () => calls };
}

class Room {
  readonly store = new TickStore(64);
  readonly subscriptions = new Subscriptions();
  readonly definitions: (InstrumentDefinition | undefined)[] = [];
  readonly outlets: (Outlet | undefined)[] = [];
  readonly received: string[][] = [];
  readonly source: FanoutSource = this;

  instrument(token: number, lastPrice: number): number {
    const slot = this.store.slotFor(token);
    this.store.put(slot, recordOf(token, RECORD_KIND.full, { lastPrice }), 0);
    this.definitions[slot] = definitionOf(token);
    return slot;
  }

  join(encodeTick: TickEncoder): number {
    const frames: string[] = [];
    this.received.push(frames);
    return this.outlets.push({ encodeTick, deliver: (frame) => void frames.push(frame) }) - 1;
  }
}

const TOKEN = 408_065 as InstrumentToken;

describe('fanOut', () => {
  test('1,000 sessions of one dialect and mode cost one encoding', () => {
    const room = new Room();
    const dialect = countingEncoder('json');
    const slot = room.instrument(TOKEN, 100);
    for (let i = 0; i < 1_000; i++) room.subscriptions.set(room.join(dialect.encodeTick), slot, 3);
    expect(fanOut(room.source, [slot])).toBe(1_000);
    expect(dialect.calls()).toBe(1);
    expect(room.received.every((frames) => frames.length === 1 && frames[0] === 'json:SYM408065:3:100')).toBe(
      true,
    );
  });

  test('each dialect and mode has its own encoding, and each session its own kind of frame', () => {
    const room = new Room();
    const dialects = [countingEncoder('a'), countingEncoder('b')];
    const slot = room.instrument(TOKEN, 100);
    for (let i = 0; i < 60; i++) {
      const session = room.join(dialects[i % 2]?.encodeTick as TickEncoder);
      room.subscriptions.set(session, slot, ((i % 3) + 1) as ModeRank);
    }
    expect(fanOut(room.source, [slot])).toBe(60);
    expect(dialects.map(({ calls }) => calls())).toEqual([3, 3]);
    for (const [i, frames] of room.received.entries()) {
      expect(frames).toEqual([`${i % 2 === 0 ? 'a' : 'b'}:SYM408065:${(i % 3) + 1}:100`]);
    }
  });

  test('nobody gets what they did not ask for', () => {
    const room = new Room();
    const { encodeTick } = countingEncoder('json');
    const slots = [1, 2, 3].map((i) => room.instrument(i * 256 + 1, i));
    const sessions = slots.map(() => room.join(encodeTick));
    for (const [i, slot] of slots.entries()) room.subscriptions.set(sessions[i] as number, slot, 3);
    expect(fanOut(room.source, [slots[0] as number, slots[2] as number])).toBe(2);
    expect(room.received).toEqual([['json:SYM257:3:1'], [], ['json:SYM769:3:3']]);
  });

  test('without a value, a definition, a subscriber or an outlet nothing is sent or encoded', () => {
    const room = new Room();
    const dialect = countingEncoder('json');
    const slot = room.instrument(TOKEN, 100);
    const session = room.join(dialect.encodeTick);
    expect(fanOut(room.source, [slot]), 'no subscriber').toBe(0);
    room.subscriptions.set(session, slot, 3);
    room.subscriptions.set(50, slot, 3);
    expect(fanOut(room.source, [slot]), 'one of two has an outlet').toBe(1);
    room.definitions[slot] = undefined;
    expect(fanOut(room.source, [slot]), 'no definition').toBe(0);
    room.definitions[slot] = definitionOf(TOKEN);
    room.store.clear(slot);
    expect(fanOut(room.source, [slot]), 'no value').toBe(0);
    expect(fanOut(room.source, [99])).toBe(0);
    expect(dialect.calls()).toBe(1);
  });
});

describe('sendSnapshot', () => {
  test('one session gets current values in the mode given; what has none is left out', () => {
    const room = new Room();
    const { encodeTick } = countingEncoder('json');
    const slots = [1, 2].map((i) => room.instrument(i * 256 + 1, i));
    const empty = room.store.slotFor(9 * 256 + 1);
    const [session] = [room.join(encodeTick), room.join(encodeTick)];
    const items = [
      [slots[1], 1],
      [empty, 3],
      [-1, 3],
      [slots[0], 3],
    ] as [number, ModeRank][];
    expect(sendSnapshot(room.source, session, items)).toBe(2);
    expect(room.received).toEqual([['json:SYM513:1:2', 'json:SYM257:3:1'], []]);
    room.outlets[session] = undefined;
    expect(sendSnapshot(room.source, session, items)).toBe(0);
  });
});
