// Frames of rows, end to end at one gateway: whatever the dialect, the pace, the filter or the socket, a client ends with
// the newest values of what it has, never sees an older one, and never gets a frame that it cannot read.
import { describe, expect, test } from 'vitest';
import type { InstrumentDefinition, InstrumentToken } from '../../../shared/instrument.ts';
import {
  CLIENT_BACKLOG_BYTES_MAX,
  FLUSH_ROWS_BYTES_MAX,
  FLUSH_ROWS_MAX,
  FLUSH_ROWS_QUEUED_MAX,
  ROWS_FRAME_BYTES_MAX,
} from '../../../shared/limits.ts';
import { greekWord } from '../../../shared/record-greeks.ts';
import { shardOf } from '../../../shared/shard.ts';
import { type ModeRank, RECORD_KIND, readTick } from '../../../shared/tick.ts';
import { FrameReader } from '../../../shared/wire/frame-reader.ts';
import { GREEK } from '../../../shared/wire/greeks-model.ts';
import { scaleOf } from '../../../shared/wire/scale.ts';
import { GatewayBook } from '../../../worker/core/gateway-book.ts';
import { Outlet } from '../../../worker/core/outlet.ts';
import { SPEEDS, type Speed, type SubscribeItem } from '../../../worker/core/protocol.ts';
import type { Frame } from '../../../worker/core/row-format.ts';
import type { ShardPush } from '../../../worker/core/shard-book.ts';
import type { SessionIndex } from '../../../worker/core/subscriptions.ts';
import { rowLineOf } from '../../../worker/dialects/native-json/row-line.ts';
import { DIALECTS } from '../../../worker/dialects/registry.ts';
import { RowBytes } from '../../../worker/dialects/row-bytes.ts';
import { definitionOf, joinRecords, recordOf } from '../../support/records.ts';
import { seededRandom } from './edge-double.ts';

const START_MS = 1_764_000_000_000;
type RowDialect = 'native-binary' | 'native-json-batched';

function tokenOf(index: number): InstrumentToken {
  return (((1_000 + index) << 8) | 2) as InstrumentToken;
}

/** Every other instrument has Greeks, now and then not. */
function hasGreeks(token: number): boolean {
  return ((token >> 8) & 1) === 1;
}

/** A client that reads what it is sent. */
class Reader {
  readonly dialect: RowDialect;
  readonly frames: Frame[] = [];
  /** Last price, iv and sequence of each token. */
  readonly last = new Map<number, { price: number; iv: number; seq: number; mode: string }>();
  readonly wanted = new Map<number, SubscribeItem>();
  ticks = 0;
  session: SessionIndex = -1;
  isFull = false;
  readonly #wire = new FrameReader();

  constructor(dialect: RowDialect) {
    this.dialect = dialect;
  }

  learn(rows: readonly unknown[][]): void {
    for (const [id, token, tick, lot] of rows as number[][])
      this.#wire.assign(id as number, token as number, scaleOf(tick as number, lot as number));
  }

  take(frame: Frame): void {
    this.frames.push(typeof frame === 'string' ? frame : frame.slice());
    if (typeof frame !== 'string') {
      const rows = this.#wire.read(frame);
      for (const id of this.#wire.ids.subarray(0, rows)) {
        const tick = readTick(this.#wire.view, this.#wire.byteOffset(id));
        this.#see(tick.token, tick.lastPrice ?? 0, tick.greeks?.iv ?? 0, this.#wire.seq, tick.mode);
      }
      return;
    }
    const message = JSON.parse(frame);
    if (message.type === 'rows') this.learn(message.rows);
    else
      for (const tick of message.data)
        this.#see(
          tick.instrument_token,
          Math.round(tick.last_price * 100),
          tick.greeks?.iv ?? 0,
          tick.seq,
          tick.mode,
        );
  }

  #see(token: number, price: number, iv: number, seq: number, mode: string): void {
    this.ticks++;
    const before = this.last.get(token);
    // No `expect` for each of a million ticks.
    if (!this.wanted.has(token)) throw new Error(`${token} is not subscribed`);
    if (price < (before?.price ?? 0)) throw new Error(`${token} goes back from ${before?.price} to ${price}`);
    // Greeks come and go with their kind of record; while they are there they are never of before.
    if (iv !== 0 && iv < (before?.iv ?? 0)) throw new Error(`iv of ${token} goes back to ${iv}`);
    if (seq < (before?.seq ?? 0)) throw new Error(`${token} of flush ${seq} after ${before?.seq}`);
    this.last.set(token, { price, iv, seq, mode });
  }
}

class Room {
  nowMs = START_MS;
  readonly book = new GatewayBook(START_MS);
  readonly prices = new Map<number, number>();
  /** Implied volatilities in the tokens' records; 0 where there are no Greeks. */
  readonly ivs = new Map<number, number>();
  readonly #receivedAtMs = new Map<number, number>();
  #definitions = new Map<number, InstrumentDefinition>();
  #seq = 0;

  join(dialect: RowDialect): Reader {
    const reader = new Reader(dialect);
    const { ticks, encodeBar } = DIALECTS[dialect];
    const port = {
      send: (frame: Frame) => reader.take(frame),
      bufferedBytes: () => (reader.isFull ? CLIENT_BACKLOG_BYTES_MAX : 0),
    };
    reader.session = this.book.openSession(new Outlet(ticks, encodeBar, port));
    return reader;
  }

  /** As the object does it: flush, subscribe, tell the ids, send the snapshot. */
  subscribe(reader: Reader, items: readonly SubscribeItem[]): void {
    this.flush(true);
    const plan = this.book.planSubscribe(reader.session, items);
    // What others have is here already.
    const kept = new Set(this.book.subscribedTokens());
    const isNew = ({ token }: SubscribeItem) => !kept.has(token);
    this.#tell(items.filter(isNew).map(({ token }) => token));
    this.flush(true);
    this.book.subscribe(reader.session, plan.accepted);
    this.book.unclaim(plan.accepted);
    for (const item of plan.accepted) reader.wanted.set(item.token, item);
    const rows = this.book.announce(
      reader.session,
      items.map(({ token }) => token),
    );
    reader.learn(rows.map(rowLineOf));
    this.book.holdSnapshot(reader.session, plan.accepted);
    this.book.delivery.drain(this.nowMs);
  }

  unsubscribe(reader: Reader, tokens: readonly InstrumentToken[]): void {
    this.book.unsubscribe(reader.session, tokens);
    for (const token of tokens) {
      reader.wanted.delete(token);
      reader.last.delete(token);
    }
  }

  /** New prices, each above the one before, as one push. A new lot comes with a definition. */
  push(tokens: readonly InstrumentToken[], lots: ReadonlyMap<InstrumentToken, number> = new Map()): void {
    this.#seq++;
    for (const token of tokens) {
      this.prices.set(token, (this.prices.get(token) ?? 10_000) + 5);
      const lot = lots.get(token) ?? this.#definitions.get(token)?.lot_size ?? 75;
      this.#definitions.set(token, { ...definitionOf(token), lot_size: lot });
      this.#receivedAtMs.set(token, this.nowMs);
      this.#setIv(token, this.#seq % 7 !== 0);
    }
    this.#tell(tokens);
  }

  /** New Greeks of those that have some, as one push: the underlying has moved, they have not ticked. */
  pushGreeks(tokens: readonly InstrumentToken[]): void {
    this.#seq++;
    const moved = tokens.filter((token) => (this.ivs.get(token) ?? 0) > 0);
    for (const token of moved) this.#setIv(token, true);
    this.#tell(moved);
  }

  /** Ascending by an eighth, which the word of a Greek holds. */
  #setIv(token: number, isThere: boolean): void {
    this.ivs.set(token, isThere && hasGreeks(token) ? 10 + this.#seq / 8 : 0);
  }

  /** What a shard knows of these: in a push, and in its answer to a registration. */
  #tell(tokens: readonly InstrumentToken[]): void {
    const known = tokens.filter((token) => this.prices.has(token));
    const ticks = known.map((token) => {
      const lastPrice = this.prices.get(token) as number;
      const fields = { lastPrice, volume: lastPrice * 7, seq: this.#seq };
      const iv = this.ivs.get(token) ?? 0;
      const receivedAtMs = this.#receivedAtMs.get(token) ?? this.nowMs;
      const kind = iv === 0 ? RECORD_KIND.full : RECORD_KIND.optionFull;
      const record = recordOf(token, kind, fields, receivedAtMs);
      if (iv !== 0) record[GREEK.iv] = greekWord(iv);
      return record;
    });
    this.book.applyPush({
      shard: shardOf(tokenOf(0)),
      boot: 1,
      roundShards: 1,
      ticks: joinRecords(ticks),
      definitions: known.map((token) => this.#definitions.get(token) as InstrumentDefinition),
      unknown: [],
      bars: [],
    } as unknown as ShardPush);
  }

  flush(everything = false, framesAtOnce = Number.POSITIVE_INFINITY): void {
    this.book.delivery.flush(this.nowMs, everything, framesAtOnce);
  }

  sendOn(framesAtOnce: number): void {
    this.book.delivery.sendOn(framesAtOnce);
  }

  drain(): void {
    this.book.delivery.drain(++this.nowMs);
  }

  /** All that is due by any tier. */
  settle(): void {
    for (let i = 0; i < 60; i++) {
      this.nowMs += 50;
      this.flush(false, 3);
      while (this.book.delivery.isSending) this.sendOn(2);
      this.drain();
    }
  }
}

function itemsOf(indices: readonly number[], rank: ModeRank = 3, speed: Speed = 'rt'): SubscribeItem[] {
  return indices.map((index) => ({ token: tokenOf(index), rank, speed }));
}

const range = (count: number, from = 0) => Array.from({ length: count }, (_, i) => from + i);

function checkCurrent(room: Room, reader: Reader): void {
  for (const [token, { rank, filter }] of reader.wanted) {
    if (filter) continue;
    const held = reader.last.get(token);
    expect(held?.price, `last of ${token}`).toBe(room.prices.get(token));
    expect(held?.mode).toBe(['', 'ltp', 'quote', 'full'][rank]);
    expect(held?.iv, `iv of ${token}`).toBe(rank === 3 ? (room.ivs.get(token) ?? 0) : 0);
  }
}

test('seeded rooms: clients of both dialects, sets that meet and part, filters, full sockets, restarts, new lots', () => {
  for (let seed = 1; seed <= 60; seed++) {
    const random = seededRandom(seed);
    const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;
    const room = new Room();
    const readers = range(8).map((i) => room.join(i % 3 === 2 ? 'native-json-batched' : 'native-binary'));
    // Few different sets, so that some sessions share their frames.
    const sets = [range(6), range(6, 3), range(12)];
    room.push(range(12).map(tokenOf));
    try {
      for (let step = 0; step < 250; step++) {
        room.nowMs += Math.floor(random() * 30);
        const reader = pick(readers);
        const chance = random();
        const some = () =>
          range(12)
            .filter(() => random() < 0.4)
            .map(tokenOf);
        if (chance < 0.35) room.push(some());
        else if (chance < 0.5) room.pushGreeks(some());
        else if (chance < 0.65) room.flush(false, Math.floor(random() * 4));
        else if (chance < 0.7) room.sendOn(1);
        else if (chance < 0.8) {
          const filter = random() < 0.2 ? { filter: { minChange: 0.11 } } : {};
          const [rank, speed] = [pick<ModeRank>([1, 2, 3, 3, 3]), pick<Speed>(['rt', 'rt', ...SPEEDS])];
          room.subscribe(
            reader,
            itemsOf(pick(sets), rank, speed).map((item) => ({ ...item, ...filter })),
          );
        } else if (chance < 0.86)
          room.unsubscribe(
            reader,
            range(12)
              .filter(() => random() < 0.3)
              .map(tokenOf),
          );
        else if (chance < 0.92) reader.isFull = !reader.isFull;
        else if (chance < 0.96) room.drain();
        else if (chance < 0.98) room.book.restart(reader.session);
        else {
          const token = tokenOf(Math.floor(random() * 12));
          room.push([token], new Map([[token, pick([25, 50, 75])]]));
        }
      }
      for (const reader of readers) reader.isFull = false;
      room.settle();
      for (const reader of readers) checkCurrent(room, reader);
    } catch (error) {
      throw new Error(`seed ${seed}: ${error instanceof Error ? error.message : error}`, { cause: error });
    }
  }
});

describe('clients with the same instruments', () => {
  test('get the same rows from one frame, each under its own counter', () => {
    const room = new Room();
    const [first, second, other] = [0, 1, 2].map(() => room.join('native-binary')) as [
      Reader,
      Reader,
      Reader,
    ];
    const tokens = range(50).map(tokenOf);
    room.push(tokens);
    for (const reader of [first, second]) room.subscribe(reader, itemsOf(range(50)));
    room.subscribe(other, itemsOf(range(50), 2));
    for (let i = 0; i < 5; i++) {
      room.push(tokens);
      room.nowMs += 20;
      room.flush();
      // From here on one has had a frame more than the other.
      if (i === 2) {
        room.book.holdSnapshot(second.session, itemsOf([0]));
        room.drain();
      }
    }
    for (const reader of [first, second, other]) checkCurrent(room, reader);
    const [a, b] = [first, second].map(({ frames }) => frames.at(-1)) as [Uint8Array, Uint8Array];
    expect(a.subarray(3, -2)).toEqual(b.subarray(3, -2));
    expect(a[1]).not.toBe(b[1]);
  });

  test('who leaves, changes or comes takes nothing from the others', () => {
    const room = new Room();
    const readers = range(5).map(() => room.join('native-json-batched'));
    room.push(range(10).map(tokenOf));
    for (const reader of readers) room.subscribe(reader, itemsOf(range(10)));
    const [leader, changer] = readers as [Reader, Reader];
    room.book.closeSession(leader.session);
    room.unsubscribe(changer, [tokenOf(3)]);
    room.push(range(10).map(tokenOf));
    room.settle();
    for (const reader of readers.slice(1)) checkCurrent(room, reader);
    expect(leader.last.get(tokenOf(0))?.price).toBe(10_005);
  });
});

test('a flush in several goes is the same flush: each gets one frame of it, whatever comes in between', () => {
  const room = new Room();
  const readers = range(10).map(() => room.join('native-binary'));
  room.push(range(60).map(tokenOf));
  for (const [i, reader] of readers.entries()) room.subscribe(reader, itemsOf(range(50, i)));
  const before = readers.map(({ frames }) => frames.length);
  room.push(range(60).map(tokenOf));
  room.nowMs += 100;
  room.flush(false, 4);
  const sent = () => readers.filter(({ frames }, i) => frames.length > (before[i] as number)).length;
  expect([sent(), room.book.delivery.isSending]).toEqual([4, true]);
  // Newer values wait for their own flush.
  room.push([tokenOf(55)]);
  room.sendOn(3);
  expect(sent()).toBe(7);
  room.book.closeSession((readers[0] as Reader).session);
  expect([sent(), room.book.delivery.isSending]).toEqual([10, false]);
  expect(Math.max(...readers.map(({ frames }, i) => frames.length - (before[i] as number)))).toBe(1);
  room.settle();
  for (const reader of readers.slice(1)) checkCurrent(room, reader);
});

test.each([true, false])(
  'filters that come (%s) or go in the middle of a flush take no row away and send none twice',
  (comes) => {
    for (const changing of range(4)) {
      const room = new Room();
      const tokens = range(8).map(tokenOf);
      room.push(tokens);
      const filtered = itemsOf([0]).map((item) => ({ ...item, filter: { minChange: 0.01 } }));
      const readers = range(4).map(() => room.join('native-binary'));
      // One more instrument each, so that they share nothing.
      for (const [i, reader] of readers.entries()) room.subscribe(reader, itemsOf([0, 1, 2, 4 + i]));
      const changer = readers[changing] as Reader;
      if (!comes) room.subscribe(changer, filtered);
      room.push(tokens);
      room.nowMs += 100;
      room.flush(false, 0);
      expect(room.book.delivery.isSending).toBe(true);
      if (comes) room.subscribe(changer, filtered);
      else room.unsubscribe(changer, [tokenOf(0)]);
      for (let i = 0; i < 3; i++) {
        room.push(tokens);
        room.settle();
        for (const reader of readers) checkCurrent(room, reader);
      }
    }
  },
);

describe('bounds', () => {
  test.each<RowDialect>(['native-binary', 'native-json-batched'])(
    '%s: a snapshot of 3,000 is sent in frames of bounded size, as the socket takes them',
    (dialect) => {
      const room = new Room();
      const reader = room.join(dialect);
      room.push(range(3_000).map(tokenOf));
      room.subscribe(reader, itemsOf(range(3_000)));
      for (let i = 0; i < 100 && reader.last.size < 3_000; i++) room.drain();
      const sizes = reader.frames.map(({ length }) => length);
      expect(Math.max(...sizes.slice(dialect === 'native-binary' ? 1 : 0))).toBeLessThanOrEqual(
        ROWS_FRAME_BYTES_MAX,
      );
      expect(sizes.length).toBeGreaterThan(2);
      checkCurrent(room, reader);
    },
  );

  test(`rows of more than ${FLUSH_ROWS_BYTES_MAX} bytes are sent in several goes, and none is lost`, () => {
    const room = new Room();
    const readers = range(4).map(() => room.join('native-binary'));
    for (const [i, reader] of readers.entries()) room.subscribe(reader, itemsOf(range(3_000, i * 3_000)));
    // All their first values at once: keyframes, of which few fit.
    room.push(range(12_000).map(tokenOf));
    room.flush();
    room.settle();
    room.push(range(12_000).map(tokenOf));
    room.nowMs += 100;
    room.flush();
    for (const reader of readers) checkCurrent(room, reader);
  });

  test(`${FLUSH_ROWS_MAX} rows are as many as can be noted down, however short they are`, () => {
    const rows = new RowBytes(FLUSH_ROWS_BYTES_MAX, 1);
    for (let i = 1; i < FLUSH_ROWS_MAX; i++) rows.add(i);
    expect(rows.isFull).toBe(false);
    rows.add(FLUSH_ROWS_MAX);
    expect(rows.isFull).toBe(true);
  });

  test(`more than ${FLUSH_ROWS_QUEUED_MAX} rows for all clients together are sent in several goes`, {
    timeout: 60_000,
  }, () => {
    const room = new Room();
    const readers = range(400).map(() => room.join('native-binary'));
    room.push(range(1_099).map(tokenOf));
    // Each has another set, so that nobody's frames are anybody else's.
    for (const [i, reader] of readers.entries()) room.subscribe(reader, itemsOf(range(700, i)));
    const before = room.book.delivery.ticksSent;
    room.push(range(1_099).map(tokenOf));
    room.nowMs += 100;
    room.flush();
    expect(room.book.delivery.ticksSent - before).toBe(400 * 700);
    for (const reader of readers.filter((_, i) => i % 40 === 0)) checkCurrent(room, reader);
  });
});
