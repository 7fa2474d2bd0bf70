// When whom a gateway sends what: nothing held back that is due, nothing sent sooner than asked for, no last value lost.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { InstrumentDefinition } from '../../../shared/instrument.ts';
import { CLIENT_BACKLOG_BYTES_MAX, GATEWAY_FLUSH_WINDOW_MS } from '../../../shared/limits.ts';
import { AT, type ModeRank, RECORD_KIND } from '../../../shared/tick.ts';
import { TickStore } from '../../../shared/tick-store.ts';
import { Delivery } from '../../../worker/core/delivery.ts';
import type { FanoutSource } from '../../../worker/core/fanout.ts';
import { Outlet } from '../../../worker/core/outlet.ts';
import { SPEEDS, type Speed } from '../../../worker/core/protocol.ts';
import type { TickEncoder } from '../../../worker/core/row-format.ts';
import { type SessionIndex, Subscriptions } from '../../../worker/core/subscriptions.ts';
import { termsOf } from '../../../worker/core/terms.ts';
import { definitionOf, recordOf } from '../../support/records.ts';

const START_MS = 1_764_000_000_000;
const RT = GATEWAY_FLUSH_WINDOW_MS;
const [TOKEN, OTHER] = [257, 513];

function windowOf(speed: Speed): number {
  return speed === 'rt' ? RT : speed;
}

interface Sent {
  readonly session: SessionIndex;
  readonly token: number;
  readonly price: number;
  readonly rank: ModeRank;
  readonly seq: number;
  readonly atMs: number;
  readonly by: 'flush' | 'drain';
}

/** A gateway's delivery with a clock in the test's hand, and all that it sends. */
class Gateway {
  nowMs = START_MS;
  readonly sent: Sent[] = [];
  readonly full = new Set<SessionIndex>();
  readonly subscriptions = new Subscriptions();
  readonly #store = new TickStore(16);
  readonly #definitions: (InstrumentDefinition | undefined)[] = [];
  readonly #outlets: (Outlet | undefined)[] = [];
  readonly #source: FanoutSource = {
    store: this.#store,
    subscriptions: this.subscriptions,
    definitions: this.#definitions,
    outlets: this.#outlets,
  };
  readonly delivery = new Delivery(this.#source);
  #by: Sent['by'] = 'flush';

  join(): SessionIndex {
    const session = this.#outlets.length;
    const encodeTick: TickEncoder = (view, at, rank, _definition, seq) => {
      const token = view.getUint32(at + AT.token, true);
      return JSON.stringify({ token, price: view.getUint32(at + AT.lastPrice, true), rank, seq });
    };
    this.#outlets[session] = new Outlet({ kind: 'messages', encodeTick }, () => 'bar', {
      send: (frame) =>
        this.sent.push({ session, ...JSON.parse(frame as string), atMs: this.nowMs, by: this.#by }),
      bufferedBytes: () => (this.full.has(session) ? CLIENT_BACKLOG_BYTES_MAX : 0),
    });
    this.delivery.lanes.open(session);
    return session;
  }

  /** A new value; it is not sent yet. */
  change(token: number, price: number): void {
    const slot = this.#store.slotFor(token);
    this.#store.put(slot, recordOf(token, RECORD_KIND.full, { lastPrice: price }), 0);
    this.#definitions[slot] = definitionOf(token);
    this.delivery.mark(slot);
  }

  flush(everything = false): number {
    this.#by = 'flush';
    return this.delivery.flush(this.nowMs, everything);
  }

  /** Subscribes, or changes the terms, and sends the snapshot: in the order in which the object does it. */
  subscribe(session: SessionIndex, token: number, speed: Speed, rank: ModeRank = 3): void {
    const slot = this.#store.slotFor(token);
    this.flush(true);
    this.subscriptions.set(session, slot, termsOf(rank, speed));
    this.delivery.holdSnapshot(session, [slot]);
    this.#by = 'drain';
    this.delivery.drain(this.nowMs);
  }

  /** The token is nobody's any more; its slot is free. */
  forget(session: SessionIndex, token: number): void {
    const slot = this.#store.slotOf(token);
    this.subscriptions.remove(session, slot);
    this.delivery.unmark(slot);
    this.#definitions[slot] = undefined;
    this.#store.release(token);
  }

  slotOf(token: number): number {
    return this.#store.slotOf(token);
  }

  /** Prices that the session was sent since the last call. */
  taken(session: SessionIndex): number[] {
    const mine = this.sent.filter((each) => each.session === session).map(({ price }) => price);
    const rest = this.sent.filter((each) => each.session !== session);
    this.sent.splice(0, this.sent.length, ...rest);
    return mine;
  }

  /** Lets time pass and changes the price, `count` times, looking for what is due after each. */
  stream(token: number, fromPrice: number, count: number, everyMs: number): void {
    for (let i = 0; i < count; i++) {
      this.nowMs += everyMs;
      this.change(token, fromPrice + i);
      this.flush();
    }
  }
}

/** A gateway whose session has the token at `speed`, with a quiet time behind it. */
function subscribed(speed: Speed) {
  const gateway = new Gateway();
  const session = gateway.join();
  gateway.subscribe(session, TOKEN, speed);
  gateway.nowMs += 10_000;
  return { gateway, session };
}

describe('one tier', () => {
  for (const speed of SPEEDS) {
    const windowMs = windowOf(speed);

    test(`${speed}: the first change after a quiet window goes at once`, () => {
      const { gateway, session } = subscribed(speed);
      for (let price = 1; price <= 5; price++) {
        gateway.change(TOKEN, price);
        expect(gateway.flush()).toBe(1);
        expect(gateway.taken(session)).toEqual([price]);
        gateway.nowMs += windowMs;
      }
    });

    test(`${speed}: within ${windowMs} ms nothing more, at their end the newest value once`, () => {
      const { gateway, session } = subscribed(speed);
      gateway.change(TOKEN, 1);
      gateway.flush();
      const endMs = gateway.nowMs + windowMs;
      for (let i = 2; i < 10; i++) {
        gateway.nowMs += 1;
        gateway.change(TOKEN, i);
        expect(gateway.flush(), `${i}`).toBe(0);
      }
      gateway.nowMs = endMs - 1;
      expect(gateway.flush(), 'a millisecond before').toBe(0);
      expect(gateway.delivery.nextFlushAtMs(gateway.nowMs)).toBeLessThanOrEqual(endMs);
      gateway.nowMs = endMs;
      expect(gateway.flush()).toBe(1);
      expect(gateway.taken(session)).toEqual([1, 9]);
      gateway.nowMs += 10 * windowMs;
      expect(gateway.flush(), 'and not again').toBe(0);
      expect(gateway.delivery.nextFlushAtMs(gateway.nowMs)).toBe(Number.POSITIVE_INFINITY);
    });

    test(`${speed}: a stream of changes is sent once per window, in order, and ends with the last`, () => {
      const { gateway, session } = subscribed(speed);
      gateway.stream(TOKEN, 1, 5 * windowMs, 1);
      gateway.nowMs += windowMs;
      gateway.flush();
      const prices = gateway.taken(session);
      expect(prices).toEqual([1, 2, 3, 4, 5].map((n) => (n - 1) * windowMs + 1).concat(5 * windowMs));
    });
  }
});

describe('several tiers', () => {
  test('each goes at its own pace, whoever else is there', () => {
    const gateway = new Gateway();
    const sessions = SPEEDS.map(() => gateway.join());
    for (const [i, speed] of SPEEDS.entries()) gateway.subscribe(sessions[i] as number, TOKEN, speed);
    gateway.nowMs += 10_000;
    gateway.stream(TOKEN, 1, 2_000, 1);
    const counts = sessions.map((session) => gateway.taken(session).length);
    expect(counts).toEqual(SPEEDS.map((speed) => 2_000 / windowOf(speed)));
  });

  test('the trailing value of a slow tier comes although no change comes after it', () => {
    const gateway = new Gateway();
    const [fast, slow] = [gateway.join(), gateway.join()];
    gateway.subscribe(fast, TOKEN, 'rt');
    gateway.subscribe(slow, TOKEN, 1000);
    gateway.stream(TOKEN, 1, 3, RT);
    expect([gateway.taken(fast), gateway.taken(slow)]).toEqual([[1, 2, 3], [1]]);
    expect(gateway.delivery.hasNews, 'all have been looked at').toBe(false);
    const dueAtMs = gateway.delivery.nextFlushAtMs(gateway.nowMs);
    expect(dueAtMs).toBe(START_MS + RT + 1000);
    gateway.nowMs = dueAtMs;
    expect(gateway.flush()).toBe(1);
    expect([gateway.taken(fast), gateway.taken(slow)]).toEqual([[], [3]]);
  });

  test('one session has instruments in all of them', () => {
    const gateway = new Gateway();
    const session = gateway.join();
    gateway.subscribe(session, TOKEN, 250);
    gateway.subscribe(session, OTHER, 'rt');
    for (let price = 1; price <= 5; price++) {
      gateway.nowMs += RT;
      gateway.change(TOKEN, price);
      gateway.change(OTHER, 100 + price);
      gateway.flush();
    }
    expect(gateway.taken(session).sort((a, b) => a - b)).toEqual([1, 101, 102, 103, 104, 105]);
    gateway.nowMs += 250;
    gateway.flush();
    expect(gateway.taken(session)).toEqual([5]);
  });
});

describe('another speed on the open subscription', () => {
  test('from slow to fast: the value that was held back comes with the change, the next one at once', () => {
    const { gateway, session } = subscribed(1000);
    gateway.stream(TOKEN, 1, 3, RT);
    expect(gateway.taken(session)).toEqual([1]);
    gateway.subscribe(session, TOKEN, 'rt');
    expect(gateway.taken(session)).toEqual([3]);
    gateway.nowMs += RT;
    gateway.change(TOKEN, 4);
    gateway.flush();
    expect(gateway.taken(session)).toEqual([4]);
    gateway.nowMs += 1000;
    expect(gateway.flush(), 'nothing is left in the slow tier').toBe(0);
  });

  test('from fast to slow: from then on at the slow pace, and the last value comes', () => {
    const { gateway, session } = subscribed('rt');
    gateway.stream(TOKEN, 1, 3, RT);
    gateway.subscribe(session, TOKEN, 250);
    gateway.taken(session);
    gateway.stream(TOKEN, 4, 10, RT);
    gateway.nowMs += 250;
    gateway.flush();
    expect(gateway.taken(session)).toEqual([4, 13]);
  });

  test('a neighbour on the same instrument sees nothing of it', () => {
    const run = (changes: boolean) => {
      const gateway = new Gateway();
      const [changing, neighbour] = [gateway.join(), gateway.join()];
      gateway.subscribe(changing, TOKEN, 'rt', 1);
      gateway.subscribe(neighbour, TOKEN, 250, 2);
      for (let i = 0; i < 40; i++) {
        gateway.stream(TOKEN, i * 10, 10, 7);
        const [speed, rank] = [SPEEDS[i % 4] as Speed, ((i % 3) + 1) as ModeRank];
        if (changes) gateway.subscribe(changing, TOKEN, speed, rank);
        else gateway.flush(true);
      }
      // The flush's number differs with the number of flushes.
      return gateway.sent
        .filter(({ session }) => session === neighbour)
        .map(({ atMs, price, rank }) => [atMs, price, rank]);
    };
    expect(run(true)).toEqual(run(false));
    expect(run(true).length).toBeGreaterThan(5);
  });
});

describe('`everything`', () => {
  test('sends what the first tier’s window would hold back, and leaves the others theirs', () => {
    const gateway = new Gateway();
    const [fast, slow] = [gateway.join(), gateway.join()];
    gateway.subscribe(fast, TOKEN, 'rt');
    gateway.subscribe(slow, TOKEN, 100);
    gateway.stream(TOKEN, 1, 1, RT);
    gateway.stream(TOKEN, 2, 1, 1);
    expect([gateway.taken(fast), gateway.taken(slow)]).toEqual([[1], [1]]);
    expect(gateway.flush(true)).toBe(1);
    expect([gateway.taken(fast), gateway.taken(slow)]).toEqual([[2], []]);
    expect(gateway.delivery.hasNews).toBe(false);
    gateway.nowMs += 100;
    gateway.flush();
    expect([gateway.taken(fast), gateway.taken(slow)]).toEqual([[], [2]]);
  });

  test('starts a window of its own', () => {
    const { gateway, session } = subscribed('rt');
    gateway.change(TOKEN, 1);
    gateway.flush();
    gateway.nowMs += RT - 1;
    gateway.change(TOKEN, 2);
    gateway.flush(true);
    gateway.nowMs += 1;
    gateway.change(TOKEN, 3);
    expect(gateway.flush()).toBe(0);
    gateway.nowMs += RT - 1;
    expect(gateway.flush()).toBe(1);
    expect(gateway.taken(session)).toEqual([1, 2, 3]);
  });
});

describe('the number of a flush', () => {
  test('ascends with each, is the time after a pause, and ascends on under several in one millisecond', () => {
    const { gateway } = subscribed('rt');
    for (let price = 1; price <= 50; price++) {
      gateway.change(TOKEN, price);
      gateway.flush(true);
    }
    gateway.nowMs += 1_000;
    gateway.change(TOKEN, 51);
    gateway.flush();
    const seqs = gateway.sent.map(({ seq }) => seq);
    expect(seqs.slice(0, 50)).toEqual(seqs.slice(0, 50).map((_, i) => (seqs[0] as number) + i));
    expect(seqs[0]).toBe(START_MS + 10_000);
    expect(seqs[50]).toBe(START_MS + 11_000);
  });

  test('is whole although the clock is not', () => {
    const { gateway } = subscribed('rt');
    gateway.nowMs += 0.75;
    gateway.change(TOKEN, 1);
    gateway.flush();
    expect(gateway.sent.map(({ seq }) => seq)).toEqual([START_MS + 10_000]);
  });

  test('a gateway that has lost its memory goes on above what its clients have seen', () => {
    const before = subscribed('rt');
    before.gateway.stream(TOKEN, 1, 100, RT);
    const last = before.gateway.sent.at(-1) as Sent;
    const after = subscribed('rt');
    after.gateway.nowMs = before.gateway.nowMs + 1;
    after.gateway.change(TOKEN, 1);
    after.gateway.flush();
    expect(after.gateway.sent[0]?.seq).toBeGreaterThan(last.seq);
  });
});

describe('a slot that is given to another token', () => {
  test('takes no news along, whichever tier they waited in', () => {
    const { gateway, session } = subscribed('rt');
    const slow = gateway.join();
    gateway.subscribe(slow, TOKEN, 1000);
    gateway.stream(TOKEN, 1, 3, RT);
    gateway.change(TOKEN, 4);
    const slot = gateway.slotOf(TOKEN);
    gateway.subscriptions.remove(slow, slot);
    gateway.forget(session, TOKEN);
    expect(gateway.delivery.nextFlushAtMs(gateway.nowMs)).toBe(Number.POSITIVE_INFINITY);
    gateway.taken(session);
    gateway.taken(slow);
    // The next token of the slot has a value from before: no news, and not the old token's.
    gateway.subscribe(session, OTHER, 'rt');
    gateway.subscribe(slow, OTHER, 1000);
    expect(gateway.slotOf(OTHER)).toBe(slot);
    gateway.nowMs += 10_000;
    expect(gateway.flush()).toBe(0);
    expect(gateway.sent).toEqual([]);
    gateway.change(OTHER, 77);
    expect(gateway.flush()).toBe(2);
    expect(gateway.sent.map(({ token, price }) => [token, price])).toEqual([
      [OTHER, 77],
      [OTHER, 77],
    ]);
  });
});

describe('full sockets', () => {
  test('a slow tier’s value waits like any other, and is the newest when it goes', () => {
    const { gateway, session } = subscribed(100);
    gateway.full.add(session);
    gateway.change(TOKEN, 1);
    expect(gateway.flush()).toBe(0);
    expect(gateway.delivery.hasWaiting).toBe(true);
    expect(gateway.delivery.nextFlushAtMs(gateway.nowMs), 'the drain’s work, not the flush’s').toBe(
      Number.POSITIVE_INFINITY,
    );
    gateway.change(TOKEN, 2);
    gateway.full.clear();
    const { delivered, caughtUp } = gateway.delivery.drain(gateway.nowMs);
    expect([delivered, caughtUp]).toEqual([1, []]);
    expect(gateway.taken(session)).toEqual([2]);
  });

  test('a session that has gone waits no more', () => {
    const { gateway, session } = subscribed('rt');
    gateway.full.add(session);
    gateway.change(TOKEN, 1);
    gateway.flush();
    gateway.delivery.drop(session);
    expect(gateway.delivery.hasWaiting).toBe(false);
    expect(gateway.delivery.drain(gateway.nowMs)).toEqual({ delivered: 0, caughtUp: [], stalled: [] });
  });
});

test('a clock that is set back holds nothing up', () => {
  for (const speed of SPEEDS) {
    const { gateway, session } = subscribed(speed);
    gateway.change(TOKEN, 1);
    gateway.flush();
    gateway.nowMs -= 3_600_000;
    gateway.change(TOKEN, 2);
    gateway.flush();
    expect(gateway.taken(session), `${speed}`).toEqual([1, 2]);
    gateway.change(TOKEN, 3);
    gateway.flush();
    expect(gateway.delivery.nextFlushAtMs(gateway.nowMs)).toBeLessThanOrEqual(
      gateway.nowMs + windowOf(speed),
    );
  }
});

describe('under a timer that sleeps until nextFlushAtMs', () => {
  const SESSIONS = 5;
  const TOKENS = [TOKEN, OTHER, 769];
  /** Most that a timer is late. */
  const LATE_MS_MAX = 5;

  type Step =
    | { readonly kind: 'change'; readonly pauseMs: number; readonly token: number }
    | {
        readonly kind: 'subscribe';
        readonly pauseMs: number;
        readonly session: number;
        readonly token: number;
        readonly speed: Speed;
      };
  const pauseMs = fc.oneof(
    { weight: 6, arbitrary: fc.nat(8) },
    { weight: 3, arbitrary: fc.nat(120) },
    { weight: 1, arbitrary: fc.nat(2_500) },
  );
  const token = fc.constantFrom(...TOKENS);
  const step: fc.Arbitrary<Step> = fc.oneof(
    { weight: 8, arbitrary: fc.record({ kind: fc.constant('change'), pauseMs, token }) },
    {
      weight: 1,
      arbitrary: fc.record({
        kind: fc.constant('subscribe'),
        pauseMs,
        session: fc.nat(SESSIONS - 1),
        token,
        speed: fc.constantFrom(...SPEEDS),
      }),
    },
  );

  /** Longest from a change to the frame that has it: a slower tier hears of it when the first tier's window ends. */
  function delayMsMax(speed: Speed): number {
    return speed === 'rt' ? RT + LATE_MS_MAX : RT + LATE_MS_MAX + windowOf(speed) + LATE_MS_MAX;
  }

  /** One time of a subscription without a change of terms. Prices count the changes, those in (from, until] are its. */
  interface Terms {
    readonly session: number;
    readonly token: number;
    readonly speed: Speed;
    readonly fromMs: number;
    readonly fromPrice: number;
    untilMs: number;
    untilPrice: number;
  }

  /** The object's loop: looks at each change, sleeps to the next flush and no longer, wakes up a little late. */
  class Loop {
    readonly gateway = new Gateway();
    /** By token, when which price came: prices are 1, 2, 3 and so on. */
    readonly changes: { token: number; price: number; atMs: number }[] = [];
    /** By session and token, since when at which speed. */
    readonly terms: Terms[] = [];
    readonly #late: () => number;
    #wakeAtMs = Number.POSITIVE_INFINITY;

    constructor(late: () => number) {
      this.#late = late;
      for (let i = 0; i < SESSIONS; i++) this.gateway.join();
    }

    #arm(): void {
      const { delivery, nowMs } = this.gateway;
      const nextMs = delivery.nextFlushAtMs(nowMs);
      expect(nextMs, 'what is due has been sent: the timer does not spin').toBeGreaterThan(nowMs);
      this.#wakeAtMs = nextMs + this.#late();
    }

    passUntil(untilMs: number): void {
      while (this.#wakeAtMs <= untilMs) {
        this.gateway.nowMs = this.#wakeAtMs;
        this.gateway.flush();
        this.#arm();
      }
      this.gateway.nowMs = untilMs;
    }

    take(each: Step): void {
      const { gateway } = this;
      this.passUntil(gateway.nowMs + each.pauseMs);
      if (each.kind === 'change') {
        const price = this.changes.length + 1;
        this.changes.push({ token: each.token, price, atMs: gateway.nowMs });
        gateway.change(each.token, price);
        gateway.flush();
      } else {
        const { session, token, speed } = each;
        for (const other of this.terms) {
          const isSame = other.session === session && other.token === token;
          if (!isSame || other.untilMs !== Number.POSITIVE_INFINITY) continue;
          other.untilMs = gateway.nowMs;
          other.untilPrice = this.changes.length;
        }
        this.terms.push({
          session,
          token,
          speed,
          fromMs: gateway.nowMs,
          fromPrice: this.changes.length,
          untilMs: Number.POSITIVE_INFINITY,
          untilPrice: Number.POSITIVE_INFINITY,
        });
        gateway.subscribe(session, token, speed);
      }
      this.#arm();
    }

    finish(): void {
      this.passUntil(this.gateway.nowMs + 5_000);
      expect(this.gateway.delivery.nextFlushAtMs(this.gateway.nowMs)).toBe(Number.POSITIVE_INFINITY);
    }
  }

  function checkTerms(loop: Loop, terms: Terms): void {
    const { session, token, speed, untilMs } = terms;
    const frames = loop.gateway.sent.filter((each) => each.session === session && each.token === token);
    for (const [i, { price, seq }] of frames.entries()) {
      expect(price, 'in order').toBeGreaterThanOrEqual(frames[i - 1]?.price ?? 0);
      expect(seq, 'by flush').toBeGreaterThan(frames[i - 1]?.seq ?? 0);
    }
    for (const change of loop.changes) {
      if (change.token !== token) continue;
      if (change.price <= terms.fromPrice || change.price > terms.untilPrice) continue;
      const byMs = Math.min(change.atMs + delayMsMax(speed), untilMs);
      const isServed = frames.some(({ price, atMs }) => price >= change.price && atMs <= byMs);
      expect(isServed, `price ${change.price} at ${speed} by ${byMs - START_MS}`).toBe(true);
    }
  }

  test('every change, or a newer one, comes within its tier’s window; no tier is served more often than it asked', () => {
    fc.assert(
      fc.property(
        fc.array(step, { minLength: 1, maxLength: 80 }),
        fc.array(fc.nat(LATE_MS_MAX), { minLength: 7, maxLength: 7 }),
        (steps, lateness) => {
          let wakes = 0;
          const loop = new Loop(() => lateness[wakes++ % lateness.length] as number);
          for (let session = 0; session < SESSIONS; session++) {
            const speed = SPEEDS[session % SPEEDS.length] as Speed;
            for (const each of TOKENS)
              loop.take({ kind: 'subscribe', pauseMs: 0, session, token: each, speed });
          }
          for (const each of steps) loop.take(each);
          loop.finish();
          for (const terms of loop.terms) checkTerms(loop, terms);
          for (const { session, token, speed, fromMs, untilMs } of loop.terms) {
            if (speed === 'rt') continue;
            // A tick of the moment in which the terms change may be of either.
            const times = loop.gateway.sent
              .filter((sent) => sent.by === 'flush' && sent.session === session && sent.token === token)
              .map(({ atMs }) => atMs)
              .filter((atMs) => atMs > fromMs && atMs < untilMs);
            for (const [i, atMs] of times.entries()) {
              if (i > 0) expect(atMs - (times[i - 1] as number)).toBeGreaterThanOrEqual(windowOf(speed));
            }
          }
        },
      ),
      { numRuns: 400 },
    );
  });
});
