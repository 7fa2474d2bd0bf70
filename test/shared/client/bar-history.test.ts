// Whatever the network loses and the server forgets: each closed bar comes once and in order, or lies in a gap that was
// told before the bars behind it.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Bar, BarGap } from '../../../shared/client/index.ts';
import {
  bar,
  createScene,
  type Scene,
  type ScriptedSocket,
  startOfMinute,
  welcome,
} from './scripted-server.ts';

const TOKENS = [1, 2];
/** Closed bars of each instrument that the model keeps: so few that some breaks are too long. */
const KEPT_MAX = 3;

const token = fc.constantFrom(...TOKENS);
const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('trade'), token }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('pass'), minutes: fc.integer({ min: 1, max: 3 }) }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constant('deliver'), count: fc.integer({ min: 1, max: 8 }) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('cut') }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('back') }) },
  // The gateway forgets what it keeps; the shard forgets the open bar, too, and which was the last one.
  { weight: 1, arbitrary: fc.record({ do: fc.constant('forget'), isShard: fc.boolean() }) },
  // A bar that waits for a socket that is full is given up.
  { weight: 1, arbitrary: fc.record({ do: fc.constant('give up') }) },
);
type Step = typeof step extends fc.Arbitrary<infer Value> ? Value : never;

interface Series {
  open: { minute: number; ticks: number } | undefined;
  previous: number | undefined;
  kept: object[];
  /** Minutes of all closed bars since the client subscribed, kept or not. */
  readonly closed: number[];
}

class Market {
  readonly series = new Map<number, Series>(
    TOKENS.map((each) => [each, { open: undefined, previous: undefined, kept: [], closed: [] }]),
  );
  #minute = 10;
  #socket: ScriptedSocket | undefined;
  #isSubscribed = false;
  #queue: { readonly message: object; readonly isClosedBar: boolean }[] = [];

  /** Answers the client's newest socket, as far as there is anything to answer. */
  serve(socket: ScriptedSocket | undefined): void {
    if (socket && socket !== this.#socket && socket.readyState === 0) {
      this.#socket = socket;
      this.#isSubscribed = false;
      this.#queue = [];
      socket.open();
      socket.say(welcome());
    }
    if (this.#isSubscribed || this.#socket?.readyState !== 1) return;
    const asked = this.#socket.commands('subscribe');
    if (asked.length === 0) return;
    this.#isSubscribed = true;
    for (const { id, items = [], tokens = [] } of asked) {
      this.#say({ type: 'subscribed', kind: 'bar', interval: '1m', id, total: TOKENS.length });
      for (const each of tokens as number[]) this.#tellFrom(each, undefined);
      for (const item of items as { token: number; after: string }[]) this.#tellFrom(item.token, item.after);
    }
  }

  #tellFrom(of: number, after: string | undefined): void {
    const series = this.series.get(of) as Series;
    const startOf = (message: object) => (message as { data: Bar }).data.start;
    const missed = after === undefined ? [] : series.kept.filter((message) => startOf(message) > after);
    for (const message of missed) this.#say(message, true);
    if (series.open) this.#say(this.#barOf(of, series));
  }

  #say(message: object, isClosedBar = false): void {
    if (this.#isSubscribed) this.#queue.push({ message, isClosedBar });
  }

  #barOf(of: number, { open, previous }: Series, fields: object = {}): object {
    const { minute = 0, ticks = 0 } = open ?? {};
    const before = previous === undefined ? undefined : startOfMinute(previous);
    return bar(of, minute, { ticks, previous_start: before, ...fields });
  }

  trade(of: number): void {
    const series = this.series.get(of) as Series;
    if (series.open) series.open.ticks++;
    else series.open = { minute: this.#minute, ticks: 1 };
    this.#say(this.#barOf(of, series));
  }

  pass(minutes: number): void {
    this.#minute += minutes;
    for (const [of, series] of this.series) {
      if (!series.open) continue;
      const closed = this.#barOf(of, series, { closed: true });
      series.closed.push(series.open.minute);
      series.previous = series.open.minute;
      series.open = undefined;
      series.kept = [...series.kept, closed].slice(-KEPT_MAX);
      this.#say(closed, true);
    }
  }

  forget(isShard: boolean): void {
    for (const series of this.series.values()) {
      series.kept = [];
      if (!isShard) continue;
      // What was counted until now is lost, and nobody will ever close it.
      if (series.open) series.closed.push(series.open.minute);
      series.open = undefined;
      series.previous = undefined;
    }
    // Within its minute a shard that was reset would count on in a partial bar: the model goes on with the next one.
    if (isShard) this.#minute++;
  }

  giveUp(): void {
    const at = this.#queue.findIndex(({ isClosedBar }) => isClosedBar);
    if (at >= 0) this.#queue.splice(at, 1);
  }

  deliver(count: number): void {
    for (const { message } of this.#queue.splice(0, count)) {
      if (this.#socket?.readyState === 1) this.#socket.say(message);
    }
  }

  cut(): void {
    this.#queue = [];
    this.#isSubscribed = false;
    if (this.#socket?.readyState === 1) this.#socket.drop(1006);
  }
}

class Session {
  readonly market = new Market();
  readonly scene: Scene = createScene();
  readonly told = new Map<number, (Bar | BarGap)[]>(TOKENS.map((each) => [each, []]));

  constructor() {
    const { client } = this.scene;
    const note = (each: Bar | BarGap) => this.told.get(each.instrument_token)?.push(each);
    client.on('bar', note);
    client.on('gap', note);
    client.subscribeBars(TOKENS, '1m');
    client.connect();
  }

  async run(): Promise<void> {
    await this.scene.settle();
    this.market.serve(this.scene.sockets.at(-1));
    await this.scene.settle();
    this.market.serve(this.scene.sockets.at(-1));
  }

  async take(next: Step): Promise<void> {
    if (next.do === 'trade') this.market.trade(next.token);
    if (next.do === 'pass') this.market.pass(next.minutes);
    if (next.do === 'deliver') this.market.deliver(next.count);
    if (next.do === 'cut') this.market.cut();
    if (next.do === 'back') this.scene.clock.advance(30_000);
    if (next.do === 'forget') this.market.forget(next.isShard);
    if (next.do === 'give up') this.market.giveUp();
    await this.run();
  }

  /** No faults any more, and two bars of each instrument behind everything. */
  async calmDown(): Promise<void> {
    this.scene.clock.advance(30_000);
    await this.run();
    for (let round = 0; round < 2; round++) {
      for (const each of TOKENS) this.market.trade(each);
      this.market.pass(1);
      this.market.deliver(1_000);
    }
  }
}

function check(told: readonly (Bar | BarGap)[], closed: readonly number[]): void {
  const bars = told.filter((each) => 'start' in each);
  const gaps = told.filter((each) => 'after' in each);
  const starts = bars.filter((each) => each.closed).map(({ start }) => start);
  expect(starts, 'in order, each once').toEqual([...new Set(starts)].sort());
  const first = bars[0]?.start ?? '';
  for (const minute of closed) {
    const start = startOfMinute(minute);
    const isTold = gaps.some(({ after, before }) => after < start && start < before);
    expect(start < first || starts.includes(start) || isTold, `minute ${minute}`).toBe(true);
  }
  for (const [i, each] of told.entries()) {
    if ('after' in each) expect((told[i + 1] as Bar).start, 'right behind the gap').toBe(each.before);
  }
}

test('any history of trades, breaks and losses of memory', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60, size: 'max' }), async (steps) => {
      const session = new Session();
      await session.run();
      for (const next of steps) await session.take(next);
      await session.calmDown();
      for (const each of TOKENS)
        check(session.told.get(each) ?? [], session.market.series.get(each)?.closed ?? []);
      const isLossless = steps.every((each) => ['trade', 'pass', 'deliver'].includes(each.do));
      if (isLossless) expect([...session.told.values()].flat().filter((each) => 'after' in each)).toEqual([]);
      session.scene.client.close();
      expect(session.scene.clock.delaysMs).toEqual([]);
    }),
    { numRuns: 500 },
  );
}, 60_000);
