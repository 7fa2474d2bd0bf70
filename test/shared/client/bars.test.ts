import { describe, expect, test } from 'vitest';
import type { Bar, BarGap, ClientError, RejectedItem } from '../../../shared/client/index.ts';
import {
  CLIENT_SDK_ANSWER_MS_MAX,
  CLIENT_SDK_BARS_WAITING_MAX,
  CLIENT_SDK_REQUESTS_OPEN_MAX,
} from '../../../shared/limits.ts';
import { bar, createScene, type ScriptedSocket, startOfMinute, tick } from './scripted-server.ts';

const RELIANCE = 738561;
const INFY = 408065;
const CLOSED = { closed: true };

/** A client that has bars of one instrument up to the open one of minute 11. */
async function liveScene() {
  const scene = createScene();
  const told: (Bar | BarGap)[] = [];
  scene.client.on('bar', (each) => told.push(each));
  scene.client.on('gap', (each) => told.push(each));
  const subscription = scene.client.subscribeBars([RELIANCE], '1m');
  const socket = await scene.connect();
  acknowledge(socket);
  socket.say(bar(RELIANCE, 10, { ...CLOSED, previous_start: undefined }));
  socket.say(bar(RELIANCE, 11));
  return { ...scene, scene, subscription, socket, told, taken: () => told.splice(0).map(name) };
}

/** Acknowledges the last subscribe, which was about bars. */
function acknowledge(socket: ScriptedSocket, fields: object = {}): void {
  socket.acknowledge({ kind: 'bar', interval: '1m', ...fields });
}

/** Minute and state of a bar, or the gap's ends. */
function name(each: Bar | BarGap): string {
  if ('after' in each) return `gap ${minuteOf(each.after)}-${minuteOf(each.before)}`;
  return `${minuteOf(each.start)}${each.closed ? ' closed' : ''}`;
}

function minuteOf(start: string): number {
  return (Date.parse(start) - Date.parse(startOfMinute(0))) / 60_000;
}

async function reconnect({ scene, socket }: Awaited<ReturnType<typeof liveScene>>, code = 1006) {
  socket.drop(code);
  scene.clock.advance(30_000);
  return scene.connect();
}

describe('subscribing to bars', () => {
  test('is one message per interval, beside that of the ticks, and each is answered by itself', async () => {
    const scene = createScene();
    const ticks = scene.client.subscribe([RELIANCE]);
    const minutes = scene.client.subscribeBars([RELIANCE, 'NSE:INFY'], '1m');
    const seconds = scene.client.subscribeBars([RELIANCE], '1s');
    expect([minutes.interval, minutes.instruments]).toEqual(['1m', [RELIANCE, 'NSE:INFY']]);
    const socket = await scene.connect();
    const named = { action: 'subscribe', kind: 'bar' };
    expect(socket.sent).toEqual([
      { action: 'subscribe', tokens: [RELIANCE], id: 1 },
      { ...named, interval: '1s', tokens: [RELIANCE], id: 2 },
      { ...named, interval: '1m', tokens: [RELIANCE], symbols: ['NSE:INFY'], id: 3 },
    ]);
    const items = [{ token: INFY, symbol: 'NSE:INFY', interval: '1m' }];
    socket.say({
      type: 'subscribed',
      kind: 'bar',
      interval: '1m',
      tokens: [RELIANCE, INFY],
      items,
      total: 2,
      id: 3,
    });
    expect(await minutes.accepted).toEqual({
      accepted: [
        { instrument: RELIANCE, token: RELIANCE, interval: '1m' },
        { instrument: 'NSE:INFY', token: INFY, interval: '1m' },
      ],
      rejected: [],
    });
    const refusal = { token: RELIANCE, code: 'subscription_limit', message: 'at most 200 bars' };
    const rejected: RejectedItem[] = [];
    scene.client.on('rejected', (item) => rejected.push(item));
    const refused = { type: 'subscribed', kind: 'bar', interval: '1s', tokens: [], rejected: [refusal] };
    socket.say({ ...refused, total: 2, id: 2 });
    socket.say({ type: 'subscribed', tokens: [RELIANCE], total: 1, id: 1 });
    const { code, message } = refusal;
    expect((await seconds.accepted).rejected).toEqual([{ instrument: RELIANCE, code, message }]);
    expect(rejected).toEqual([{ instrument: RELIANCE, code, message, interval: '1s' }]);
    expect((await ticks.accepted).accepted).toHaveLength(1);
  });

  test('an answer without an id is known by its interval', async () => {
    const scene = createScene();
    const ticks = scene.client.subscribe([RELIANCE]);
    const minutes = scene.client.subscribeBars([RELIANCE], '1m');
    const socket = await scene.connect();
    socket.say({ type: 'subscribed', kind: 'bar', interval: '1m', tokens: [RELIANCE], total: 1 });
    expect((await minutes.accepted).accepted).toHaveLength(1);
    socket.say({ type: 'subscribed', tokens: [RELIANCE], total: 1 });
    expect((await ticks.accepted).accepted).toHaveLength(1);
  });

  test('what nobody wants any more is given up, by interval; the ticks stay', async () => {
    const { client, clock, socket, subscription, taken } = await liveScene();
    const ticks = client.subscribe([RELIANCE]);
    const other = client.subscribeBars([RELIANCE, INFY], '1m');
    clock.advance(1_000);
    for (const { id, kind } of socket.commands('subscribe').slice(1)) {
      socket.say({ type: 'subscribed', kind, ...(kind ? { interval: '1m' } : {}), total: 1, id });
    }
    subscription.unsubscribe();
    clock.advance(1_000);
    expect(socket.commands('unsubscribe')).toEqual([]);
    client.unsubscribeBars([RELIANCE], '1m');
    expect(other.instruments).toEqual([INFY]);
    clock.advance(1_000);
    expect(socket.commands('unsubscribe')).toMatchObject([
      { kind: 'bar', interval: '1m', tokens: [RELIANCE] },
    ]);
    taken();
    socket.say(bar(RELIANCE, 12));
    expect([taken(), client.lastBar(RELIANCE, '1m')]).toEqual([[], undefined]);
    socket.say(tick(RELIANCE, 1, 100));
    expect(client.last(RELIANCE)?.last_price).toBe(100);
    ticks.unsubscribe();
    clock.advance(1_000);
    expect(socket.commands('unsubscribe').at(-1)).not.toHaveProperty('kind');
  });

  test('an error that names an instrument ends its ticks and its bars; one with an id that request', async () => {
    const { client, clock, socket } = await liveScene();
    const rejected: RejectedItem[] = [];
    const errors: ClientError[] = [];
    client.on('rejected', (item) => rejected.push(item));
    client.on('error', (error) => errors.push(error));
    client.subscribe([RELIANCE]);
    clock.advance(1_000);
    socket.say({ type: 'subscribed', tokens: [RELIANCE], total: 1 });
    const gone = { code: 'unknown_instrument', message: 'no such instrument today' };
    socket.say({ type: 'error', tokens: [RELIANCE], ...gone });
    expect(rejected).toEqual([
      { instrument: RELIANCE, ...gone },
      { instrument: RELIANCE, ...gone, interval: '1m' },
    ]);
    expect(client.freshness(RELIANCE, '1m')).toBe('stale');
    const more = client.subscribeBars([INFY], '1m');
    clock.advance(1_000);
    const { id } = socket.commands('subscribe').at(-1) ?? {};
    socket.say({ type: 'error', id, code: 'invalid_parameter', message: 'no' });
    expect((await more.accepted).rejected).toMatchObject([{ instrument: INFY, code: 'invalid_parameter' }]);
    expect(errors).toEqual([]);
  });

  test('an interval that there is not is refused', () => {
    const { client } = createScene();
    for (const call of [
      () => client.subscribeBars([1], '5m' as '1m'),
      () => client.unsubscribeBars([1], '5m' as '1m'),
      () => client.lastBar(1, '5m' as '1m'),
      () => client.freshness(1, '5m' as '1m'),
    ])
      expect(call).toThrow('interval must be one of 1s, 1m, got 5m');
    expect(() => client.subscribeBars(['RELIANCE'], '1m')).toThrow('a symbol is written like NSE:RELIANCE');
    client.close();
    expect(() => client.subscribeBars([1], '1m')).toThrow('the client is closed');
  });

  test('the requests of all kinds together keep to what the server queues', async () => {
    const scene = createScene();
    const tokens = Array.from({ length: CLIENT_SDK_REQUESTS_OPEN_MAX }, (_, index) => index + 1);
    scene.client.subscribe(tokens.slice(2));
    scene.client.subscribeBars(tokens, '1m');
    void scene.client.list();
    const socket = await scene.connect({ limits: { tokens_per_message: 1 } });
    expect(socket.sent).toHaveLength(CLIENT_SDK_REQUESTS_OPEN_MAX);
    for (let answered = 0; answered < 2 * tokens.length - 2; ) {
      const commands = socket.commands('subscribe').slice(answered);
      answered += commands.length;
      for (const { id, kind, tokens: asked } of commands) {
        socket.say({ type: 'subscribed', kind, ...(kind ? { interval: '1m' } : {}), tokens: asked, id });
      }
      scene.clock.advance(5_000);
    }
    const named = socket.commands('subscribe').filter(({ kind }) => kind === 'bar');
    expect(named.flatMap((command) => command.tokens)).toEqual(tokens);
    expect(socket.commands('list')).toHaveLength(1);
  });
});

describe('bars that come', () => {
  test('are events, and the newest one is readable, by token and by symbol', async () => {
    const { client, socket, taken } = await liveScene();
    expect(taken()).toEqual(['10 closed', '11']);
    expect(client.lastBar(RELIANCE, '1m')).toMatchObject({ start: startOfMinute(11), closed: false });
    expect(client.lastBar(RELIANCE, '1s')).toBeUndefined();
    expect(client.freshness(RELIANCE, '1m')).toBe('live');
    expect([client.freshness(RELIANCE, '1s'), client.freshness(RELIANCE)]).toEqual(['unknown', 'unknown']);
    socket.say(bar(RELIANCE, 11, { close: 106, ticks: 4 }));
    socket.say(bar(RELIANCE, 11, { close: 107, ticks: 5, ...CLOSED }));
    expect(taken()).toEqual(['11', '11 closed']);
    expect(client.lastBar(RELIANCE, '1m')).toMatchObject({ close: 107, closed: true });
  });

  test('twice or behind newer ones are left out: a closed bar is final', async () => {
    const { client, socket, taken } = await liveScene();
    taken();
    for (const late of [bar(RELIANCE, 10), bar(RELIANCE, 10, CLOSED), bar(RELIANCE, 9, CLOSED)])
      socket.say(late);
    socket.say(bar(RELIANCE, 11, CLOSED));
    socket.say(bar(RELIANCE, 11, { ticks: 9 }));
    expect(taken()).toEqual(['11 closed']);
    expect(client.lastBar(RELIANCE, '1m')?.closed).toBe(true);
  });

  test('of minutes without a trade there are none: that is no gap', async () => {
    const { socket, taken } = await liveScene();
    taken();
    socket.say(bar(RELIANCE, 11, CLOSED));
    socket.say(bar(RELIANCE, 40, { previous_start: startOfMinute(11) }));
    expect(taken()).toEqual(['11 closed', '40']);
  });

  test('a server that lost its memory names none: only what could lie between is a gap', async () => {
    const { socket, taken } = await liveScene();
    taken();
    const unknown = { previous_start: undefined, partial: true };
    socket.say(bar(RELIANCE, 11, { ...CLOSED, ...unknown }));
    socket.say(bar(RELIANCE, 12, unknown));
    expect(taken()).toEqual(['11 closed', '12']);
    socket.say(bar(RELIANCE, 15, unknown));
    socket.say(bar(RELIANCE, 15, { ...unknown, ticks: 9 }));
    socket.say(bar(RELIANCE, 15, { ...unknown, ...CLOSED }));
    expect(taken(), 'told once').toEqual(['gap 11-15', '15', '15', '15 closed']);
  });

  test('one that comes after all, behind a newer open one, is not lost', async () => {
    const { client, socket, taken } = await liveScene();
    taken();
    socket.say(bar(RELIANCE, 12));
    socket.say(bar(RELIANCE, 11, CLOSED));
    socket.say(bar(RELIANCE, 12, CLOSED));
    expect(taken()).toEqual(['gap 10-12', '12', '11 closed', '12 closed']);
    expect(client.lastBar(RELIANCE, '1m')?.start).toBe(startOfMinute(12));
  });
});

describe('after a break', () => {
  test('the server is told the last closed bar of each, and the missed ones follow without a gap', async () => {
    const live = await liveScene();
    live.client.subscribeBars([INFY], '1m');
    live.clock.advance(1_000);
    acknowledge(live.socket);
    const socket = await reconnect(live);
    expect(live.client.freshness(RELIANCE, '1m')).toBe('stale');
    expect(socket.sent).toMatchObject([
      { interval: '1m', items: [{ token: RELIANCE, after: startOfMinute(10) }] },
      { interval: '1m', tokens: [INFY] },
    ]);
    live.taken();
    for (const { id } of socket.commands('subscribe')) {
      socket.say({ type: 'subscribed', kind: 'bar', interval: '1m', id, total: 2 });
    }
    expect(live.client.freshness(RELIANCE, '1m'), 'not before its own bar').toBe('stale');
    for (const minute of [11, 12]) socket.say(bar(RELIANCE, minute, CLOSED));
    socket.say(bar(RELIANCE, 13));
    expect(live.taken()).toEqual(['11 closed', '12 closed', '13']);
    expect(live.client.freshness(RELIANCE, '1m')).toBe('live');
  });

  test('what cannot be had is told before the bar behind it, from the open one on that was there', async () => {
    const live = await liveScene();
    live.taken();
    const socket = await reconnect(live);
    acknowledge(socket);
    socket.say(bar(RELIANCE, 14));
    expect(live.told[0]).toEqual({
      instrument_token: RELIANCE,
      tradingsymbol: `S${RELIANCE}`,
      exchange: 'NSE',
      interval: '1m',
      after: startOfMinute(10),
      before: startOfMinute(14),
    });
    expect(live.taken()).toEqual(['gap 10-14', '14']);
    const again = await reconnect({ ...live, socket });
    expect(again.sent).toMatchObject([{ items: [{ token: RELIANCE, after: startOfMinute(10) }] }]);
    acknowledge(again);
    again.say(bar(RELIANCE, 14, CLOSED));
    expect(live.taken(), 'not told again').toEqual(['14 closed']);
  });

  test('a client that had an open bar only misses that one', async () => {
    const scene = createScene();
    const told: string[] = [];
    scene.client.on('bar', (each) => told.push(name(each)));
    scene.client.on('gap', (each) => told.push(name(each)));
    scene.client.subscribeBars(['NSE:S5'], '1m');
    const first = await scene.connect();
    acknowledge(first, { tokens: [5], items: [{ token: 5, symbol: 'NSE:S5', interval: '1m' }] });
    first.say(bar(5, 10));
    first.drop(1006);
    scene.clock.advance(30_000);
    const second = await scene.connect();
    expect(second.sent).toMatchObject([{ items: [{ symbol: 'NSE:S5', after: startOfMinute(9) }] }]);
    acknowledge(second, { tokens: [5], items: [{ token: 5, symbol: 'NSE:S5', interval: '1m' }] });
    second.say(bar(5, 11));
    expect(told).toEqual(['10', 'gap 9-11', '11']);
  });

  test('what was given up and is wanted again starts anew', async () => {
    const { client, clock, socket, subscription, taken } = await liveScene();
    subscription.unsubscribe();
    clock.advance(1_000);
    client.subscribeBars([RELIANCE], '1m');
    clock.advance(1_000);
    expect(socket.commands('subscribe').at(-1)).toMatchObject({ tokens: [RELIANCE] });
    taken();
    socket.say(bar(RELIANCE, 18, CLOSED));
    expect(taken(), 'the last of the stream that was given up').toEqual([]);
    acknowledge(socket);
    socket.say(bar(RELIANCE, 20));
    expect(taken()).toEqual(['20']);
  });
});

describe('iterating over bars', () => {
  test('a slow reader gets every closed bar and the newest open one', async () => {
    const { client, socket, subscription } = await liveScene();
    const bars = subscription[Symbol.asyncIterator]();
    for (let minute = 11; minute < 20; minute++) {
      socket.say(bar(RELIANCE, minute));
      socket.say(bar(RELIANCE, minute, { ticks: 5 }));
      socket.say(bar(RELIANCE, minute, { ticks: 9, ...CLOSED }));
    }
    socket.say(bar(RELIANCE, 20));
    socket.say(bar(RELIANCE, 20, { ticks: 7 }));
    client.close();
    const seen: string[] = [];
    for await (const each of bars) seen.push(name(each));
    expect(seen).toEqual([...Array.from({ length: 9 }, (_, index) => `${index + 11} closed`), '20']);
    expect(await bars.next()).toEqual({ done: true, value: undefined });
  });

  test('over the bound the oldest closed bar is given up, and counted', async () => {
    const { client, socket } = await liveScene();
    const bars = client.bars();
    for (let minute = 11; minute <= CLIENT_SDK_BARS_WAITING_MAX + 11; minute++) {
      socket.say(bar(RELIANCE, minute, CLOSED));
    }
    // The open bar of minute 11, with which the loop began, and the closed one of the same minute.
    expect(bars.skippedCount).toBe(2);
    const { value } = await bars.next();
    expect(value && name(value)).toBe('12 closed');
  });

  test('a subscription has its own interval and instruments only, and ends with them', async () => {
    const { client, clock, socket, subscription } = await liveScene();
    const other = client.subscribeBars([INFY], '1m');
    const seconds = client.subscribeBars([RELIANCE], '1s');
    clock.advance(1_000);
    for (const { id, interval } of socket.commands('subscribe').slice(1)) {
      socket.say({ type: 'subscribed', kind: 'bar', interval, id, total: 3 });
    }
    const seen: string[] = [];
    for await (const { instrument_token: token, interval, ticks } of subscription) {
      seen.push(`${token} ${interval} ${ticks}`);
      if (seen.length === 1) {
        socket.say(bar(INFY, 11));
        socket.say(bar(RELIANCE, 11, { interval: '1s' }));
        socket.say(bar(RELIANCE, 11, { ticks: 8 }));
      } else client.unsubscribeBars([RELIANCE], '1m');
    }
    expect(seen).toEqual([`${RELIANCE} 1m 3`, `${RELIANCE} 1m 8`]);
    expect([other.instruments, seconds.instruments]).toEqual([[INFY], [RELIANCE]]);
    const all = client.bars();
    const first = [(await all.next()).value, (await all.next()).value];
    expect(first.map((each) => each?.interval).sort()).toEqual(['1m', '1s']);
  });
});

describe('list', () => {
  const answer = {
    type: 'subscriptions',
    items: [
      { token: RELIANCE, symbol: 'NSE:RELIANCE', mode: 'quote', speed: 250, state: 'live' },
      {
        token: INFY,
        mode: 'full',
        speed: 'rt',
        filter: { min_change: 0.5, on_trade: true },
        state: 'pending',
      },
    ],
    bars: [{ token: RELIANCE, symbol: 'NSE:RELIANCE', interval: '1m' }],
    total: 2,
  };

  test('is the server’s view after the calls before it; calls of one turn are one question', async () => {
    const { client, clock, socket } = await liveScene();
    client.subscribe([INFY]);
    const lists = [client.list(), client.list()];
    clock.advance(1_000);
    expect(socket.sent.slice(1)).toMatchObject([{ action: 'subscribe', tokens: [INFY] }, { action: 'list' }]);
    const later = client.list();
    clock.advance(1_000);
    const [first, second] = socket.commands('list').map(({ id }) => id);
    socket.say({ ...answer, id: first });
    const { total: _, ...view } = answer;
    for (const list of lists) expect(await list).toEqual({ ...view, chains: [], id: first });
    socket.say({ ...answer, items: [], bars: undefined, id: second });
    expect(await later).toEqual({ type: 'subscriptions', items: [], bars: [], chains: [], id: second });
    expect(clock.delaysMs.length, 'nothing is waited for but silence').toBeLessThanOrEqual(2);
  });

  test('waits for a session, and for the next one when that is lost or does not answer', async () => {
    const scene = createScene();
    const list = scene.client.list();
    const first = await scene.connect();
    expect(first.commands('list')).toHaveLength(1);
    first.drop(1006);
    scene.clock.advance(30_000);
    const second = await scene.connect();
    expect(second.commands('list')).toHaveLength(1);
    for (let waitedMs = 0; waitedMs < CLIENT_SDK_ANSWER_MS_MAX + 6_000; waitedMs += 1_000) {
      scene.clock.advance(1_000);
      second.say({ type: 'pong' });
    }
    expect(second.commands('list')).toHaveLength(2);
    const [, again] = second.commands('list');
    second.say({ ...answer, id: 99 });
    second.say({ ...answer, id: again?.id });
    expect(await list).toMatchObject({ id: again?.id });
  });

  test('ends with the client', async () => {
    const scene = createScene();
    const list = scene.client.list();
    const socket = await scene.connect();
    const asked = scene.client.list();
    socket.drop(1008, 'Token revoked');
    await expect(list).rejects.toThrow('unauthorized: Token revoked (1008)');
    await expect(asked).rejects.toThrow('unauthorized');
    await expect(scene.client.list()).rejects.toThrow('unauthorized');
    scene.client.close();
    await expect(scene.client.list()).rejects.toThrow('the client is closed');
    expect(scene.clock.delaysMs).toEqual([]);
  });
});
