// Whatever the application does and whatever the network loses: no value goes back, none that has been overtaken is
// shown as live, and when the faults stop the server streams exactly what is wanted.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Subscription } from '../../../shared/client/index.ts';
import { ModelEdge, symbolOf } from './model-edge.ts';
import { createScene, type Scene } from './scripted-server.ts';

const TOKENS = [1, 2, 3, 4, 99];
const MODES = ['ltp', 'quote', 'full'] as const;

const instrument = fc.oneof(fc.constantFrom(...TOKENS), fc.constantFrom(...TOKENS.slice(0, 4).map(symbolOf)));
const token = fc.constantFrom(1, 2, 3, 4);
const mode = fc.constantFrom(...MODES);
const weighted = <Value>(weight: number, arbitrary: fc.Arbitrary<Value>) => ({ weight, arbitrary });
const step = fc.oneof(
  weighted(6, fc.record({ do: fc.constant('trade'), token, isSameFlush: fc.boolean() })),
  weighted(4, fc.record({ do: fc.constant('deliver'), count: fc.integer({ min: 1, max: 8 }) })),
  weighted(
    3,
    fc.record({
      do: fc.constant('subscribe'),
      instruments: fc.array(instrument, { minLength: 1, maxLength: 3 }),
      mode,
    }),
  ),
  weighted(2, fc.record({ do: fc.constant('unsubscribe'), which: fc.nat(5) })),
  weighted(1, fc.record({ do: fc.constant('setMode'), which: fc.nat(5), mode })),
  weighted(2, fc.record({ do: fc.constant('pass'), ms: fc.constantFrom(0, 60, 1_000, 6_000) })),
  weighted(2, fc.record({ do: fc.constant('cut'), code: fc.constantFrom(1006, 1012, 4008, 4200) })),
  weighted(1, fc.record({ do: fc.constant('restart') })),
  // Of binary connections: a frame that cannot be read, and an instrument that gets another lot or another id.
  weighted(
    1,
    fc.record({ do: fc.constant('spoil'), bit: fc.oneof(fc.nat(400), fc.constant('twice' as const)) }),
  ),
  weighted(
    1,
    fc.record({
      do: fc.constant('announceAgain'),
      token,
      id: fc.option(fc.nat(5), { nil: undefined }),
      lot: fc.constantFrom(1, 75),
    }),
  ),
  // Everything delivered; and an outage with trades that nobody hears of, cut short again after a few messages.
  weighted(4, fc.record({ do: fc.constant('catchUp') })),
  weighted(
    3,
    fc.record({
      do: fc.constant('outage'),
      missed: fc.array(token, { maxLength: 6 }),
      delivered: fc.nat(12),
    }),
  ),
);
type Step = typeof step extends fc.Arbitrary<infer Value> ? Value : never;

interface Held {
  readonly subscription: Subscription;
  readonly bySymbol: boolean;
  /** By token. */
  readonly modes: Map<number, string>;
}

function tokenOf(key: number | string): number {
  return typeof key === 'number' ? key : Number(key.slice(symbolOf(0).length - 1));
}

class Session {
  readonly edge: ModelEdge;
  readonly scene: Scene;
  #held: Held[] = [];
  readonly #shown = new Map<number, number>();
  #broken: unknown;

  constructor(format: 'binary' | 'json') {
    this.edge = new ModelEdge(format);
    this.scene = createScene({ format });
    const { client } = this.scene;
    client.on('tick', ({ instrument_token: token, last_price: price = 0 }) => {
      expect(price).toBeGreaterThanOrEqual(this.#shown.get(token) ?? 0);
      this.#shown.set(token, price);
    });
    // A listener's exception is an event: here it has to be the end of the test.
    client.on('error', (error) => {
      if (error.kind === 'listener') this.#broken = error.cause;
    });
    client.connect();
  }

  async take(next: Step): Promise<void> {
    const { client, clock } = this.scene;
    if (next.do === 'trade') this.edge.trade(next.token, next.isSameFlush);
    if (next.do === 'deliver') this.edge.deliver(next.count);
    if (next.do === 'subscribe') this.#subscribe(next.instruments, next.mode);
    if (next.do === 'unsubscribe') this.#held.splice(next.which, 1)[0]?.subscription.unsubscribe();
    if (next.do === 'setMode') this.#setMode(next.which, next.mode);
    if (next.do === 'pass') clock.advance(next.ms);
    if (next.do === 'cut') this.edge.cut(next.code);
    if (next.do === 'restart') this.edge.restart();
    if (next.do === 'spoil') this.edge.spoil(next.bit);
    if (next.do === 'announceAgain') this.edge.announceAgain(next.token, next.id, next.lot);
    if (next.do === 'catchUp') await this.#catchUp();
    if (next.do === 'outage') await this.#outage(next.missed, next.delivered);
    await this.#run();
    if (this.#broken !== undefined) throw this.#broken;
    expect(client.state.kind).not.toBe('closed');
  }

  async #run(): Promise<void> {
    await this.scene.settle();
    this.edge.accept(this.scene.sockets.at(-1));
    this.edge.obey();
  }

  async #catchUp(): Promise<void> {
    for (let round = 0; round < 3; round++) {
      await this.#run();
      this.edge.deliver(1_000);
      this.scene.clock.advance(200);
    }
  }

  /** Longer than any wait between two attempts. */
  async #outage(missed: readonly number[], delivered: number): Promise<void> {
    this.edge.cut(1006);
    for (const traded of missed) this.edge.trade(traded, true);
    this.scene.clock.advance(30_000);
    await this.#run();
    this.checkFreshness();
    for (let count = 0; count < delivered; count++) {
      this.edge.deliver(1);
      this.checkFreshness();
    }
  }

  #subscribe(instruments: readonly (number | string)[], mode: string): void {
    this.#held.push({
      subscription: this.scene.client.subscribe(instruments, { mode: mode as 'ltp' }),
      bySymbol: instruments.some((key) => typeof key === 'string'),
      modes: new Map(instruments.map((key) => [tokenOf(key), mode])),
    });
  }

  /** For all that have the instrument; while some have it by a name without a token yet, nobody can tell. */
  #setMode(which: number, mode: string): void {
    const token = this.#held[which]?.modes.keys().next().value;
    if (token === undefined) return;
    const holders = this.#held.filter(({ modes }) => modes.has(token));
    if (holders.some(({ bySymbol }) => bySymbol)) return;
    this.scene.client.setMode(token, mode as 'ltp');
    for (const { modes } of holders) modes.set(token, mode);
  }

  /** A live value is the newest there is, or the newest is on its way. */
  checkFreshness(): void {
    for (const token of TOKENS) {
      if (this.scene.client.freshness(token) !== 'live' || this.edge.isOnItsWay(token)) continue;
      expect(this.scene.client.last(token)?.last_price).toBe(this.edge.prices.get(token));
    }
  }

  /** No faults any more, and time for everything. */
  async calmDown(): Promise<void> {
    for (let round = 0; round < 60; round++) {
      await this.take({ do: 'pass', ms: 1_000 });
      await this.take({ do: 'deliver', count: 1_000 });
    }
  }

  /** What the application wants by now, by token, with the highest mode that anybody asked for. */
  wanted(): Map<number, string> {
    const wanted = new Map<number, string>();
    for (const { modes } of this.#held) {
      for (const [token, mode] of modes) {
        const rank = (name: string | undefined) => MODES.indexOf(name as 'ltp');
        if (token !== 99 && rank(mode) > rank(wanted.get(token))) wanted.set(token, mode);
      }
    }
    return wanted;
  }

  async settleAcknowledgements(): Promise<void> {
    for (const { subscription, modes } of this.#held) {
      const unanswered = this.scene.settle().then(() => ({ accepted: [], rejected: [] }));
      const { accepted, rejected } = await Promise.race([subscription.accepted, unanswered]);
      const answered = [...accepted.map(({ token }) => token), ...rejected.map(({ instrument: key }) => key)];
      expect(new Set(answered)).toEqual(new Set(modes.keys()));
    }
  }
}

/** A stream is lowered and raised again before the server hears of it: who asked in between waits for no answer. */
const BACK_TO_WHAT_STREAMS: Step[] = [
  { do: 'subscribe', instruments: ['NSE:S4', 'NSE:S1'], mode: 'ltp' },
  { do: 'subscribe', instruments: [1], mode: 'ltp' },
  { do: 'subscribe', instruments: [1], mode: 'ltp' },
  { do: 'subscribe', instruments: [1], mode: 'ltp' },
  { do: 'subscribe', instruments: [1], mode: 'ltp' },
  { do: 'subscribe', instruments: ['NSE:S2', 1], mode: 'ltp' },
  { do: 'subscribe', instruments: ['NSE:S4', 2], mode: 'full' },
  { do: 'unsubscribe', which: 1 },
  { do: 'catchUp' },
  { do: 'unsubscribe', which: 5 },
  { do: 'subscribe', instruments: [4], mode: 'ltp' },
  { do: 'subscribe', instruments: ['NSE:S2', 'NSE:S4'], mode: 'full' },
];

/** A frame that has every value is spoiled; the one behind it is a restart too, and has but a few. */
const RESTART_FOR_OTHER_REASONS: Step[] = [
  { do: 'trade', token: 1, isSameFlush: false },
  { do: 'subscribe', instruments: ['NSE:S4', 1], mode: 'ltp' },
  { do: 'catchUp' },
  { do: 'outage', missed: [1, 4], delivered: 0 },
  { do: 'spoil', bit: 0 },
];

test.each(['binary', 'json'] as const)(
  'any history of calls, losses and restarts, in %s',
  async (format) => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 80, size: 'max' }), async (steps) => {
        const session = new Session(format);
        for (const next of steps) {
          await session.take(next);
          session.checkFreshness();
        }
        await session.calmDown();
        const { client, clock } = session.scene;
        const wanted = session.wanted();
        expect(session.edge.modes).toEqual(wanted);
        await session.settleAcknowledgements();
        for (const token of wanted.keys()) {
          expect(client.last(token)?.last_price).toBe(session.edge.prices.get(token));
          expect(client.freshness(token)).toBe(session.edge.prices.has(token) ? 'live' : 'unknown');
        }
        client.close();
        expect(clock.delaysMs).toEqual([]);
      }),
      { numRuns: 1_000, examples: [[BACK_TO_WHAT_STREAMS], [RESTART_FOR_OTHER_REASONS]] },
    );
  },
  60_000,
);
