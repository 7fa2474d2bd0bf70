import { describe, expect, test } from 'vitest';
import {
  AppError,
  ClientEndedError,
  type ClientError,
  type ClientState,
  type RejectedItem,
  type Tick,
  TickerClient,
} from '../../../shared/client/index.ts';
import {
  CLIENT_SDK_ANSWER_MS_MAX,
  CLIENT_SDK_FRAME_CHARS_MAX,
  CLIENT_SDK_ITERATORS_MAX,
  CLIENT_SDK_LISTENERS_MAX,
  CLIENT_SDK_REFUSED_RETRY_MS,
} from '../../../shared/limits.ts';
import { bar, createScene, type Scene, tick } from './scripted-server.ts';

const RELIANCE = 738561;
const INFY = 408065;

/** Lets the calls of this turn become messages. */
function turn({ clock }: Scene): void {
  clock.advance(1_000);
}

/** A client that has one live instrument. */
async function liveScene(fields: object = {}) {
  const scene = createScene();
  scene.client.subscribe([RELIANCE]);
  const socket = await scene.connect(fields);
  socket.acknowledge();
  socket.say(tick(RELIANCE, 10, 100));
  return { ...scene, scene, socket };
}

/** The connection is lost and the next one welcomed. */
async function reconnect(scene: Scene, fields: object = {}, code = 1006) {
  scene.socket.drop(code);
  scene.clock.advance(30_000);
  return scene.connect(fields);
}

describe('subscribing', () => {
  test('what is wanted before the connection is asked for when it comes', async () => {
    const scene = createScene();
    scene.client.subscribe([RELIANCE, 'NSE:INFY'], {
      mode: 'quote',
      speed: 250,
      filter: { min_change: 0.5 },
    });
    const socket = await scene.connect();
    expect(socket.sent).toEqual([
      {
        action: 'subscribe',
        tokens: [RELIANCE],
        symbols: ['NSE:INFY'],
        mode: 'quote',
        speed: 250,
        filter: { min_change: 0.5 },
        id: 1,
      },
    ]);
  });

  test('calls of one turn are one message per kind of options, and the defaults go unsaid', async () => {
    const scene = createScene();
    const socket = await scene.connect();
    scene.client.subscribe([1]);
    scene.client.subscribe([2]);
    scene.client.subscribe([3], { mode: 'ltp' });
    expect(socket.sent).toEqual([]);
    scene.clock.advance(0);
    expect(socket.sent).toEqual([
      { action: 'subscribe', tokens: [1, 2], id: 1 },
      { action: 'subscribe', tokens: [3], mode: 'ltp', id: 2 },
    ]);
  });

  test('commands keep to the rate that the server has published', async () => {
    const scene = createScene();
    const socket = await scene.connect({ limits: { messages_per_second: 10 } });
    for (let token = 1; token <= 20; token++) {
      scene.client.subscribe([token]);
      scene.clock.advance(10);
    }
    // 200 ms: the first at once, then one per 100 ms with everything in between.
    expect(socket.sent.length).toBeLessThanOrEqual(3);
    scene.clock.advance(200);
    expect(socket.sent.flatMap(({ tokens }) => tokens)).toEqual(Array.from({ length: 20 }, (_, i) => i + 1));
  });

  test('the acknowledgement says what became of each instrument', async () => {
    const scene = createScene();
    const rejected: RejectedItem[] = [];
    scene.client.on('rejected', (item) => rejected.push(item));
    const { accepted } = scene.client.subscribe([RELIANCE, 5, 'NSE:INFY', 'NSE:NOPE'], { mode: 'ltp' });
    const socket = await scene.connect();
    const refusal = { code: 'unknown_instrument', message: 'no such instrument today' };
    socket.acknowledge({
      tokens: [RELIANCE, 5, INFY],
      pending: [5],
      items: [{ token: INFY, symbol: 'NSE:INFY' }],
      rejected: [{ symbol: 'NSE:NOPE', ...refusal }],
    });
    const common = { mode: 'ltp', speed: 'rt' };
    expect(await accepted).toEqual({
      accepted: [
        { instrument: RELIANCE, token: RELIANCE, state: 'live', ...common },
        { instrument: 5, token: 5, state: 'pending', ...common },
        { instrument: 'NSE:INFY', token: INFY, state: 'live', ...common },
      ],
      rejected: [{ instrument: 'NSE:NOPE', ...refusal }],
    });
    expect(rejected).toEqual([{ instrument: 'NSE:NOPE', ...refusal }]);
  });

  test('a server that repeats no ids answers in order', async () => {
    const scene = createScene();
    const first = scene.client.subscribe([1]);
    const second = scene.client.subscribe([2], { mode: 'ltp' });
    const socket = await scene.connect({ epoch: undefined });
    socket.say({ type: 'subscribed', tokens: [1], total: 1 });
    socket.say({
      type: 'subscribed',
      tokens: [],
      total: 1,
      rejected: [{ token: 2, code: 'c', message: 'm' }],
    });
    expect((await first.accepted).accepted).toMatchObject([{ token: 1 }]);
    expect((await second.accepted).rejected).toEqual([{ instrument: 2, code: 'c', message: 'm' }]);
  });

  test('a symbol is read by its name and by its token once the server has said which one that is', async () => {
    const scene = createScene();
    scene.client.subscribe(['NSE:INFY']);
    const socket = await scene.connect();
    expect(scene.client.last('NSE:INFY')).toBeUndefined();
    socket.acknowledge({ tokens: [INFY], items: [{ token: INFY, symbol: 'NSE:INFY' }] });
    socket.say(tick(INFY, 1, 1500, { tradingsymbol: 'INFY' }));
    expect(scene.client.last('NSE:INFY')?.last_price).toBe(1500);
    expect(scene.client.last('nse:infy')).toBe(scene.client.last(INFY));
    scene.client.unsubscribe([INFY]);
    turn(scene);
    expect(socket.commands('unsubscribe')).toMatchObject([{ symbols: ['NSE:INFY'] }]);
  });

  test('two subscriptions to one instrument get the sum of what they ask, and part without hurting each other', async () => {
    const scene = createScene();
    const watchlist = scene.client.subscribe([RELIANCE], {
      mode: 'ltp',
      speed: 1000,
      filter: { min_change: 1 },
    });
    const chart = scene.client.subscribe([RELIANCE], {
      mode: 'quote',
      speed: 100,
      filter: { min_change: 2 },
    });
    const socket = await scene.connect();
    const asked = () => socket.commands('subscribe').at(-1);
    expect(asked()).toMatchObject({ mode: 'quote', speed: 100, filter: { min_change: 1 } });
    chart.unsubscribe();
    turn(scene);
    expect(asked()).toMatchObject({ mode: 'ltp', speed: 1000, filter: { min_change: 1 } });
    expect(socket.commands('unsubscribe')).toEqual([]);
    watchlist.unsubscribe();
    turn(scene);
    expect(socket.commands('unsubscribe')).toEqual([{ action: 'unsubscribe', tokens: [RELIANCE], id: 3 }]);
  });

  test('one instrument by both names is one stream, with what both ask for', async () => {
    const scene = createScene();
    const byToken = scene.client.subscribe([INFY], { mode: 'ltp' });
    const bySymbol = scene.client.subscribe(['NSE:INFY'], { mode: 'quote' });
    const socket = await scene.connect();
    for (const { id, symbols } of socket.commands('subscribe')) {
      const items = symbols ? [{ token: INFY, symbol: 'NSE:INFY' }] : undefined;
      socket.say({ type: 'subscribed', tokens: [INFY], total: 1, id, items });
    }
    turn(scene);
    // The server kept whichever came last; now it is told for certain.
    expect(socket.commands('subscribe').at(-1)).toMatchObject({ tokens: [INFY], mode: 'quote' });
    socket.acknowledge();
    // Answered before anybody knew that the two are one.
    expect((await byToken.accepted).accepted).toMatchObject([{ token: INFY, mode: 'ltp' }]);
    expect((await bySymbol.accepted).accepted).toMatchObject([{ token: INFY, mode: 'quote' }]);
    bySymbol.unsubscribe();
    turn(scene);
    expect(socket.commands('subscribe').at(-1)).toMatchObject({ tokens: [INFY], mode: 'ltp' });
    expect(socket.commands('unsubscribe')).toEqual([]);
  });

  test('an instrument by token is not given up while a symbol may turn out to be its other name', async () => {
    const scene = createScene();
    const byToken = scene.client.subscribe([INFY]);
    const socket = await scene.connect();
    socket.acknowledge();
    scene.client.subscribe(['NSE:INFY']);
    turn(scene);
    byToken.unsubscribe();
    turn(scene);
    socket.acknowledge({ tokens: [INFY], items: [{ token: INFY, symbol: 'NSE:INFY' }] });
    turn(scene);
    expect(socket.commands('unsubscribe')).toEqual([]);
  });

  test('the answer to a request is none to the one that has replaced it', async () => {
    const scene = createScene();
    const subscription = scene.client.subscribe([RELIANCE]);
    const socket = await scene.connect();
    subscription.update({ mode: 'ltp' });
    turn(scene);
    let isSettled = false;
    void subscription.accepted.then(() => {
      isSettled = true;
    });
    socket.say({ type: 'subscribed', tokens: [RELIANCE], total: 1, id: 1 });
    await scene.settle();
    expect(isSettled).toBe(false);
    socket.acknowledge();
    expect((await subscription.accepted).accepted).toMatchObject([{ mode: 'ltp' }]);
  });

  test('mode and options change live, for all and for one subscription', async () => {
    const scene = createScene();
    const subscription = scene.client.subscribe([RELIANCE], { mode: 'ltp', speed: 250 });
    const socket = await scene.connect();
    scene.client.setMode(RELIANCE, 'full');
    turn(scene);
    expect(socket.sent.at(-1)).toEqual({ action: 'subscribe', tokens: [RELIANCE], speed: 250, id: 2 });
    subscription.update({ mode: 'quote' });
    turn(scene);
    expect(socket.sent.at(-1)).toEqual({ action: 'subscribe', tokens: [RELIANCE], mode: 'quote', id: 3 });
    expect(() => scene.client.setMode(INFY, 'ltp')).toThrow('nobody has subscribed to 408065');
  });

  test('given up and wanted again in one turn, nothing is sent and the last value stays', async () => {
    const { scene, client, socket } = await liveScene();
    client.unsubscribe([RELIANCE]);
    expect(client.last(RELIANCE)).toBeUndefined();
    expect(client.freshness(RELIANCE)).toBe('unknown');
    const again = client.subscribe([RELIANCE]);
    turn(scene);
    expect(socket.sent.length).toBe(1);
    expect(client.freshness(RELIANCE)).toBe('live');
    expect((await again.accepted).accepted).toMatchObject([{ token: RELIANCE, state: 'live' }]);
  });

  test.each([
    [[0], {}, 'instrument token is an integer'],
    [['RELIANCE'], {}, 'a symbol is written like NSE:RELIANCE, got RELIANCE'],
    [[1], { mode: 'depth' }, 'mode must be one of ltp, quote, full, got depth'],
    [[1], { speed: 50 }, 'speed must be one of rt, 100, 250, 1000, got 50'],
    [[1], { filter: { min_change: -1 } }, 'filter.min_change must be a number of rupees above zero, got -1'],
    [[1], { filter: { on_trade: false } }, 'filter.on_trade must be true or absent, got false'],
  ])('%j with %j is refused and changes nothing', async (instruments, options, message) => {
    const scene = createScene();
    const socket = await scene.connect();
    expect(() => scene.client.subscribe(instruments, options as object)).toThrow(message);
    expect(() => scene.client.subscribe([2, ...instruments], options as object)).toThrow(AppError);
    turn(scene);
    expect(socket.sent).toEqual([]);
  });

  test('a passing refusal is asked again, any other only by a new call', async () => {
    const scene = createScene();
    scene.client.subscribe([1, 2]);
    const socket = await scene.connect();
    const rejected = [
      { token: 1, code: 'shard_unavailable', message: 'try again' },
      { token: 2, code: 'unknown_instrument', message: 'no such instrument' },
    ];
    socket.acknowledge({ tokens: [], rejected });
    scene.clock.advance(CLIENT_SDK_REFUSED_RETRY_MS * 2);
    expect(socket.commands('subscribe').map(({ tokens }) => tokens)).toEqual([[1, 2], [1]]);
    socket.acknowledge();
    scene.client.subscribe([2]);
    turn(scene);
    expect(socket.commands('subscribe').at(-1)).toMatchObject({ tokens: [2] });
  });

  test('an error that names instruments or a request is a refusal of those', async () => {
    const scene = createScene();
    const rejected: RejectedItem[] = [];
    const errors: ClientError[] = [];
    scene.client.on('rejected', (item) => rejected.push(item));
    scene.client.on('error', (error) => errors.push(error));
    scene.client.subscribe([1]);
    const { accepted } = scene.client.subscribe([2], { mode: 'ltp' });
    const socket = await scene.connect();
    socket.say({ type: 'error', code: 'unknown_instrument', message: 'gone', tokens: [1] });
    socket.say({ type: 'error', code: 'invalid_parameter', message: 'bad', id: 2 });
    socket.say({ type: 'error', code: 'internal', message: 'oops', retry_after_ms: 700 });
    expect(rejected).toEqual([
      { instrument: 1, code: 'unknown_instrument', message: 'gone' },
      { instrument: 2, code: 'invalid_parameter', message: 'bad' },
    ]);
    expect((await accepted).rejected).toEqual([rejected[1]]);
    expect(errors).toEqual([{ kind: 'server', code: 'internal', message: 'oops', retryAfterMs: 700 }]);
  });

  test('after an error with retry_after_ms nothing is sent before that', async () => {
    const scene = createScene();
    const socket = await scene.connect();
    socket.say({ type: 'error', code: 'too_many_commands', message: 'slow down', retry_after_ms: 5_000 });
    scene.client.subscribe([1]);
    scene.clock.advance(4_999);
    expect(socket.sent.filter(({ action }) => action === 'subscribe')).toEqual([]);
    scene.clock.advance(1);
    expect(socket.commands('subscribe')).toHaveLength(1);
  });

  test('a request that is never answered is made again', async () => {
    const scene = createScene();
    const errors: ClientError[] = [];
    scene.client.on('error', (error) => errors.push(error));
    const { accepted } = scene.client.subscribe([RELIANCE]);
    const socket = await scene.connect();
    const stop = scene.clock.nowMs() + CLIENT_SDK_ANSWER_MS_MAX + CLIENT_SDK_REFUSED_RETRY_MS;
    while (scene.clock.nowMs() < stop) {
      scene.clock.advance(1_000);
      socket.say({ type: 'pong' });
    }
    expect(socket.commands('subscribe')).toHaveLength(2);
    expect(errors).toMatchObject([{ kind: 'protocol' }]);
    socket.acknowledge();
    expect((await accepted).accepted).toHaveLength(1);
  });
});

describe('values and their freshness', () => {
  test('a value is live on its connection and stale as soon as that is lost', async () => {
    const { client, scene } = await liveScene();
    expect(client.last(RELIANCE)?.last_price).toBe(100);
    expect(client.freshness(RELIANCE)).toBe('live');
    expect(client.freshness(INFY)).toBe('unknown');
    scene.socket.drop(1006);
    expect(client.last(RELIANCE)?.last_price).toBe(100);
    expect(client.freshness(RELIANCE)).toBe('stale');
  });

  test('after a reconnect each instrument is stale until its own tick', async () => {
    const { client, scene, socket } = await liveScene();
    client.subscribe([INFY]);
    turn(scene);
    socket.acknowledge();
    socket.say(tick(INFY, 11, 200));
    const next = await reconnect(scene, { epoch: 'e2' });
    next.acknowledge({ tokens: [RELIANCE, INFY], recovered: false });
    next.say(tick(INFY, 1, 201));
    expect(client.freshness(INFY)).toBe('live');
    expect(client.freshness(RELIANCE)).toBe('stale');
    next.say(tick(RELIANCE, 1, 101));
    expect(client.freshness(RELIANCE)).toBe('live');
  });

  test('a tick behind a newer one of the same epoch is dropped and counted; another instrument is not held up', async () => {
    const { client, socket } = await liveScene();
    const seen: number[] = [];
    client.on('tick', ({ seq }) => seen.push(seq));
    socket.say(tick(RELIANCE, 12, 102));
    socket.say(tick(RELIANCE, 11, 101));
    socket.say(tick(RELIANCE, 12, 102));
    expect(client.last(RELIANCE)?.last_price).toBe(102);
    expect(client.droppedTicksCount).toBe(1);
    expect(seen).toEqual([12, 12]);
  });

  test('a server that lost its count does not freeze the price', async () => {
    const { client, socket } = await liveScene();
    socket.say(tick(RELIANCE, 1, 105, { received_at: new Date(1_764_000_005_000).toISOString() }));
    expect(client.last(RELIANCE)?.last_price).toBe(105);
    expect(client.droppedTicksCount).toBe(0);
  });

  test('a stream that the server gave up leaves no live value', async () => {
    const { client, socket } = await liveScene();
    socket.say({ type: 'error', code: 'unknown_instrument', message: 'expired', tokens: [RELIANCE] });
    expect(client.freshness(RELIANCE)).toBe('stale');
  });

  test('a change that is never answered keeps the old stream, and its ticks', async () => {
    const { client, socket, scene } = await liveScene();
    client.setMode(RELIANCE, 'ltp');
    for (let passed = 0; passed < CLIENT_SDK_ANSWER_MS_MAX * 2; passed += 1_000) {
      scene.clock.advance(1_000);
      socket.say(tick(RELIANCE, 20 + passed, passed));
    }
    expect(socket.commands('subscribe').length).toBeGreaterThan(2);
    expect(client.last(RELIANCE)?.last_price).toBe(CLIENT_SDK_ANSWER_MS_MAX * 2 - 1_000);
    expect(client.freshness(RELIANCE)).toBe('live');
  });

  test('a late tick of a stream that was given up is not one of the next', async () => {
    const { client, socket, scene } = await liveScene();
    client.unsubscribe([RELIANCE]);
    turn(scene);
    client.subscribe([RELIANCE]);
    turn(scene);
    socket.say(tick(RELIANCE, 11, 101));
    expect(client.freshness(RELIANCE)).toBe('unknown');
    socket.acknowledge();
    socket.say(tick(RELIANCE, 15, 102));
    expect(client.last(RELIANCE)?.last_price).toBe(102);
  });

  test('the feed says stale or down: so are the values, and live again when it recovers', async () => {
    const { client, socket } = await liveScene({ feed: { state: 'live', sessions: { NSE: 'open' } } });
    expect(client.feed).toMatchObject({ state: 'live', sessions: { NSE: 'open' } });
    for (const [state, freshness] of [
      ['stale', 'stale'],
      ['down', 'stale'],
      ['quiet', 'live'],
      ['live', 'live'],
    ] as const) {
      socket.say({ type: 'feed', state, sessions: {} });
      expect(client.freshness(RELIANCE)).toBe(freshness);
    }
    socket.drop(1006);
    expect(client.feed).toBeUndefined();
  });

  test('ticks of what is not wanted are left out', async () => {
    const { client, socket, scene } = await liveScene();
    socket.say(tick(INFY, 11, 200));
    expect(client.last(INFY)).toBeUndefined();
    client.unsubscribe([RELIANCE]);
    socket.say(tick(RELIANCE, 12, 101));
    expect(client.last(RELIANCE)).toBeUndefined();
    turn(scene);
    client.subscribe([RELIANCE]);
    // The value from before is of another subscription: nobody knows what came after it.
    expect(client.last(RELIANCE)).toBeUndefined();
  });
});

describe('resuming', () => {
  test('says where it was, and asks anew for what had no value', async () => {
    const { client, scene, socket } = await liveScene();
    client.subscribe([INFY]);
    turn(scene);
    socket.acknowledge({ pending: [INFY] });
    const next = await reconnect(scene);
    // One less than the last tick: another one of the same flush may have been lost.
    expect(next.commands('subscribe')).toMatchObject([
      { tokens: [RELIANCE], resume: { epoch: 'e1', seq: 9 } },
      { tokens: [INFY] },
    ]);
    expect(next.commands('subscribe')[1]).not.toHaveProperty('resume');
  });

  test('recovered: live only once every missed tick has been delivered, also what had missed none', async () => {
    const { client, scene, socket } = await liveScene();
    client.subscribe([INFY]);
    turn(scene);
    socket.acknowledge();
    socket.say(tick(INFY, 11, 200));
    const recovered: (readonly number[])[] = [];
    client.on('recovered', ({ tokens }) => recovered.push(tokens));
    const next = await reconnect(scene);
    next.acknowledge({ recovered: true });
    next.say(tick(INFY, 12, 201));
    expect(client.freshness(INFY)).toBe('stale');
    next.say(tick(INFY, 13, 202));
    const marker = next.commands('ping').at(-1);
    next.say({ type: 'pong', id: marker?.id });
    expect(client.last(INFY)?.last_price).toBe(202);
    expect(client.freshness(INFY)).toBe('live');
    expect(client.freshness(RELIANCE)).toBe('live');
    expect(recovered).toEqual([[RELIANCE, INFY]]);
  });

  test('a recovery that broke off is not built upon', async () => {
    const { scene } = await liveScene();
    const second = await reconnect(scene);
    second.acknowledge({ recovered: true });
    second.say(tick(RELIANCE, 11, 101));
    const third = await reconnect(scene);
    expect(third.commands('subscribe')[0]).not.toHaveProperty('resume');
  });

  test('what was given up during the outage is not resumed when it is wanted again', async () => {
    const { client, scene, socket } = await liveScene();
    socket.drop(1006);
    client.unsubscribe([RELIANCE]);
    scene.clock.advance(1_000);
    const next = await scene.connect();
    client.subscribe([RELIANCE]);
    turn(scene);
    expect(next.commands('subscribe')).toEqual([{ action: 'subscribe', tokens: [RELIANCE], id: 2 }]);
  });

  test('neither a slow client nor one with other options by now resumes', async () => {
    const { scene, client } = await liveScene();
    const second = await reconnect(scene, {}, 4008);
    expect(second.commands('subscribe')[0]).not.toHaveProperty('resume');
    second.acknowledge();
    second.say(tick(RELIANCE, 20, 101));
    second.drop(1006);
    client.setMode(RELIANCE, 'quote');
    scene.clock.advance(30_000);
    const third = await scene.connect();
    expect(third.commands('subscribe')).toMatchObject([{ tokens: [RELIANCE], mode: 'quote' }]);
    expect(third.commands('subscribe')[0]).not.toHaveProperty('resume');
  });
});

describe('iterating', () => {
  async function read(iterator: AsyncIterator<Tick>, count: number): Promise<(number | undefined)[]> {
    const prices: (number | undefined)[] = [];
    for (let i = 0; i < count; i++) {
      const { value, done } = await iterator.next();
      prices.push(done ? undefined : value.last_price);
    }
    return prices;
  }

  test('a slow reader gets the newest of each instrument, the longest waiting first, and memory stays', async () => {
    const { client, socket, scene } = await liveScene();
    client.subscribe([INFY]);
    turn(scene);
    socket.acknowledge();
    const ticks = client.ticks();
    expect(await read(ticks, 1)).toEqual([100]);
    for (let seq = 20; seq < 2_000; seq += 2) {
      socket.say(tick(INFY, seq, seq));
      socket.say(tick(RELIANCE, seq + 1, seq + 1));
    }
    expect(await read(ticks, 2)).toEqual([1_998, 1_999]);
    expect(ticks.skippedCount).toBe(2 * (990 - 1));
  });

  test('a subscription has its own ticks only, from its last live value on, and ends when it is given up', async () => {
    const { client, socket, scene } = await liveScene();
    const reliance = client.subscribe([RELIANCE]);
    client.subscribe([INFY]);
    turn(scene);
    socket.say(tick(INFY, 21, 200));
    socket.say(tick(RELIANCE, 22, 101));
    const prices: (number | undefined)[] = [];
    for await (const { last_price } of reliance) {
      prices.push(last_price);
      if (prices.length === 1) socket.say(tick(RELIANCE, 23, 102));
      else reliance.unsubscribe();
    }
    expect(prices).toEqual([101, 102]);
  });

  test('stale values do not open a loop, and what was given up does not come out of it', async () => {
    const { client, socket, scene } = await liveScene();
    const before = client.ticks();
    socket.drop(1006);
    const after = client.ticks();
    client.unsubscribe([RELIANCE]);
    client.close();
    expect(await read(before, 1)).toEqual([undefined]);
    expect(await read(after, 1)).toEqual([undefined]);
    expect(scene.clock.delaysMs).toEqual([]);
  });

  test('a reader that waits is told of the end; two reads at once are refused', async () => {
    const { client } = await liveScene();
    const ticks = client.ticks();
    await ticks.next();
    const waiting = ticks.next();
    await expect(ticks.next()).rejects.toThrow('next() is called again');
    client.close();
    expect(await waiting).toEqual({ done: true, value: undefined });
  });

  test('loops that are never ended are bounded', async () => {
    const { client } = await liveScene();
    for (let count = 0; count < CLIENT_SDK_ITERATORS_MAX; count++) client.ticks();
    expect(() => client.ticks()).toThrow(`at most ${CLIENT_SDK_ITERATORS_MAX} loops`);
  });
});

describe('listeners', () => {
  test('one that throws is reported and hurts nobody', async () => {
    const { client, socket } = await liveScene();
    const errors: ClientError[] = [];
    const prices: (number | undefined)[] = [];
    client.on('tick', () => {
      throw new Error('broken widget');
    });
    const off = client.on('tick', ({ last_price }) => prices.push(last_price));
    client.on('error', (error) => errors.push(error));
    socket.say(tick(RELIANCE, 11, 101));
    expect(errors).toMatchObject([
      { kind: 'listener', message: 'a listener of tick threw', cause: new Error('broken widget') },
    ]);
    off();
    socket.say(tick(RELIANCE, 12, 102));
    expect(prices).toEqual([101]);
    expect(client.last(RELIANCE)?.last_price).toBe(102);
  });

  test('their number is bounded, and an unknown event is named', () => {
    const { client } = createScene();
    for (let count = 0; count < CLIENT_SDK_LISTENERS_MAX; count++) client.on('lag', () => undefined);
    expect(() => client.on('lag', () => undefined)).toThrow(`at most ${CLIENT_SDK_LISTENERS_MAX}`);
    expect(() => client.on('ticks' as 'tick', () => undefined)).toThrow('got ticks');
  });

  test('lag, goaway and expiring are passed on', async () => {
    const { client, socket } = await liveScene();
    const seen: object[] = [];
    client.on('lag', (event) => seen.push(event));
    client.on('goaway', (event) => seen.push(event));
    client.on('expiring', (event) => seen.push(event));
    const messages = [
      { type: 'lag', skipped: 7 },
      { type: 'goaway', reconnect_in_ms: 100 },
      { type: 'token_expiring', expires_at: '2026-11-20T05:00:00Z', in_ms: 60_000 },
    ];
    for (const message of messages) socket.say(message);
    expect(seen).toEqual(messages);
  });

  test('closing the client inside any listener is the end, whatever was going on', async () => {
    for (const name of ['state', 'tick', 'bar', 'gap', 'feed', 'error', 'rejected'] as const) {
      const scene = createScene();
      const bars = scene.client.subscribeBars([RELIANCE], '1m')[Symbol.asyncIterator]();
      const list = scene.client.list();
      scene.client.subscribe([RELIANCE, INFY]);
      const socket = await scene.connect();
      socket.acknowledge({ kind: 'bar', interval: '1m' });
      socket.say(bar(RELIANCE, 10));
      scene.client.on(name, () => scene.client.close());
      const [{ id } = {}] = socket.commands('subscribe');
      socket.say({ type: 'subscribed', id, rejected: [{ token: INFY, code: 'c', message: 'm' }] });
      socket.say(tick(RELIANCE, 1, 1));
      socket.say(bar(RELIANCE, 15));
      socket.say({ type: 'feed', state: 'live', sessions: {} });
      socket.frame('not json');
      socket.drop(1006);
      await scene.settle();
      expect(scene.client.state).toEqual({ kind: 'closed' });
      expect(scene.clock.delaysMs).toEqual([]);
      await expect(list).rejects.toThrow(ClientEndedError);
      while (!(await bars.next()).done);
    }
  });
});

describe('what cannot be read', () => {
  test.each([
    ['not json', 'frame is not JSON'],
    ['[]', 'frame is not a JSON object'],
    ['{}', 'message without type'],
    ['{"type":"tick","data":{"instrument_token":1}}', 'tick with missing fields'],
    ['{"type":"tick","data":{"instrument_token":1,"seq":1,"last_price":"1"}}', 'tick with missing fields'],
    ['{"type":"bar","data":{"instrument_token":1}}', 'bar with missing fields'],
    ['{"type":"lag"}', 'lag without skipped'],
    ['{"type":"feed","state":"fine"}', 'feed with an unknown state'],
    ['x'.repeat(CLIENT_SDK_FRAME_CHARS_MAX + 1), `a frame of ${CLIENT_SDK_FRAME_CHARS_MAX + 1} characters`],
    [new Uint8Array(8), 'a binary frame that is no ArrayBuffer'],
  ])('frame %# is reported and left', async (frame, reason) => {
    const { client, socket } = await liveScene();
    const errors: ClientError[] = [];
    client.on('error', (error) => errors.push(error));
    socket.frame(frame);
    expect(errors).toEqual([{ kind: 'protocol', message: expect.stringContaining(reason) }]);
    expect(client.freshness(RELIANCE)).toBe('live');
  });

  test.each([
    { status: 'stale' },
    { status: 'ok', iv: 13.5, delta: -0.5, forward: 26_091.25, forward_source: 'synthetic', iv_bid: 13.4 },
  ])('Greeks that can be are shown: %j', async (greeks) => {
    const { client, socket } = await liveScene();
    socket.say(tick(RELIANCE, 12, 102, { greeks }));
    expect(client.last(RELIANCE)?.greeks).toEqual(greeks);
    // The price is that of the tick before, and so is its time: what they are of is news all the same.
    socket.say(
      tick(RELIANCE, 13, 102, {
        received_at: new Date(1_764_000_000_012).toISOString(),
        greeks: { ...greeks, delta: 0.25 },
      }),
    );
    expect(client.last(RELIANCE)?.greeks?.delta).toBe(0.25);
  });

  test.each([
    {},
    [],
    1,
    { status: 'fine' },
    { status: 'ok', delta: '0.5' },
    { status: 'ok', forward_source: 'none' },
    { status: 'ok', forward_source: 1 },
    { status: 'ok', iv_ask: null },
  ])('Greeks that cannot be are reported and left: %j', async (greeks) => {
    const { client, socket } = await liveScene();
    const errors: ClientError[] = [];
    client.on('error', (error) => errors.push(error));
    socket.say(tick(RELIANCE, 12, 102, { greeks }));
    expect(errors).toEqual([{ kind: 'protocol', message: expect.stringContaining('tick with missing') }]);
    expect(client.last(RELIANCE)?.last_price).toBe(100);
  });

  test('limits that are none are left out', async () => {
    const scene = createScene();
    const published = { bars: 200, messages_per_second: 20.7, subscriptions: '9', filters: 0, other: 5 };
    await scene.connect({ limits: published });
    expect(scene.client.state).toMatchObject({ kind: 'connected' });
    const { session } = scene.client.state as Extract<ClientState, { kind: 'connected' }>;
    expect(session.limits).toEqual({ bars: 200, messages_per_second: 20 });
  });

  test('messages of a newer server are passed over', async () => {
    const { client, socket } = await liveScene();
    const errors: ClientError[] = [];
    client.on('error', (error) => errors.push(error));
    socket.say({ type: 'candle', data: {} });
    socket.say({ type: 'unsubscribed', tokens: [] });
    expect(errors).toEqual([]);
  });
});

describe('the end', () => {
  test('close settles every promise, stops every timer and is final', async () => {
    const scene = createScene();
    const states: ClientState['kind'][] = [];
    scene.client.on('state', ({ kind }) => states.push(kind));
    const ready = scene.client.ready();
    const { accepted } = scene.client.subscribe([1]);
    const ticks = scene.client.ticks();
    const socket = await scene.connect();
    await ready;
    const waiting = ticks.next();
    scene.client.close();
    scene.client.close();
    await expect(accepted).rejects.toThrow(ClientEndedError);
    await expect(scene.client.ready()).rejects.toThrow('the client is closed');
    expect(await waiting).toEqual({ done: true, value: undefined });
    expect(await scene.client.ticks().next()).toEqual({ done: true, value: undefined });
    expect(socket.closedWith).toBe(1000);
    expect(scene.clock.delaysMs).toEqual([]);
    expect(states).toEqual(['connecting', 'connected', 'closed']);
    expect(() => scene.client.connect()).toThrow('closed');
    expect(() => scene.client.subscribe([2])).toThrow(ClientEndedError);
  });

  test('options that cannot be are refused, and no token is repeated', () => {
    const create = (options: object) => () => new TickerClient({ url: 'wss://x/ws', token: 't', ...options });
    expect(create({ url: 'https://x?token=secret' })).toThrow(/^url must be an address like wss:/);
    expect(create({ url: 'nonsense' })).toThrow(AppError);
    expect(create({ staleAfterMs: 10 })).toThrow('staleAfterMs must be a number from 1000, got 10');
    expect(create({ tokenTransport: 'header' })).toThrow('got header');
    expect(create({ format: 'text' })).toThrow('format must be one of binary, json, got text');
  });
});
