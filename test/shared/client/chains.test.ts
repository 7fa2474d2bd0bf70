// The SDK's chains: asked for, told of, kept over a reconnect, given up, and refused.
import { describe, expect, test } from 'vitest';
import type { ChainMembersEvent, ClientError, Tick } from '../../../shared/client/index.ts';
import { CHAIN_STRIKES_MAX, CLIENT_SDK_ANSWER_MS_MAX } from '../../../shared/limits.ts';
import { createScene, type ScriptedSocket, tick } from './scripted-server.ts';

const CHAIN = { underlying: 'NIFTY', exchange: 'NFO', expiry: '2026-12-01' };
const member = (token: number, strike: number, type: 'CE' | 'PE' = 'CE') => ({
  instrument_token: token,
  tradingsymbol: `NIFTY${strike}${type}`,
  strike,
  type,
});
const [LOW, HIGH, NEXT] = [member(11, 24_000), member(12, 24_050, 'PE'), member(13, 24_100)];

function acknowledge(socket: ScriptedSocket, members: object[], fields: object = {}): void {
  socket.acknowledge({ kind: 'chain', chain: CHAIN, members, ...fields });
}

/** A client with a chain of two members. */
async function liveScene() {
  const scene = createScene();
  const ticks: number[] = [];
  const moves: ChainMembersEvent[] = [];
  scene.client.on('tick', (each: Tick) => ticks.push(each.instrument_token));
  scene.client.on('chainMembers', (event) => moves.push(event));
  const chain = scene.client.subscribeChain({ underlying: 'NIFTY', expiry: '2026-12-01', strikes: 1 });
  const socket = await scene.connect();
  acknowledge(socket, [HIGH, LOW]);
  return { ...scene, scene, chain, socket, ticks, moves };
}

describe('subscribeChain', () => {
  test('asks once, shows members by strike, their ticks and the figures', async () => {
    const { chain, client, socket, ticks, moves } = await liveScene();
    expect(socket.sent).toEqual([
      { action: 'subscribe', chain: { ...CHAIN, strikes: 1 }, mode: 'full', speed: 'rt', id: 1 },
    ]);
    expect(await chain.accepted).toEqual({ members: [LOW, HIGH] });
    expect(moves).toEqual([{ chain: CHAIN, joined: [HIGH, LOW], left: [] }]);
    socket.say(tick(11, 1, 100));
    socket.say(tick(99, 1, 100));
    expect([ticks, client.last(11)?.last_price, client.freshness(11), client.last(99)]).toEqual([
      [11],
      100,
      'live',
      undefined,
    ]);
    const told: unknown[] = [];
    client.on('chain', (event) => told.push(event));
    const data = { forward: 24_010.5, forward_source: 'synthetic', atm_iv: 12.5, max_pain: 'none', later: 1 };
    socket.say({ type: 'chain', chain: CHAIN, data });
    const { max_pain: _, later: __, ...known } = data;
    expect([told, chain.figures]).toEqual([[{ chain: CHAIN, data: known }], known]);
    socket.say({ type: 'chain', chain: { ...CHAIN, expiry: '2026-12-08' }, data });
    expect(told).toHaveLength(1);
  });

  test('who leaves is forgotten, unless it is subscribed to by itself; who joins ticks', async () => {
    const { chain, client, clock, socket, ticks, moves } = await liveScene();
    client.subscribe([12]);
    clock.advance(1_000);
    socket.acknowledge();
    socket.say(tick(11, 1, 100));
    socket.say(tick(12, 1, 101));
    socket.say({ type: 'chain_members', chain: CHAIN, joined: [NEXT], left: [11, 12] });
    clock.advance(1_000);
    expect(moves.at(-1)).toEqual({ chain: CHAIN, joined: [NEXT], left: [11, 12] });
    expect(chain.members).toEqual([NEXT]);
    expect([client.last(11), client.last(12)?.last_price]).toEqual([undefined, 101]);
    socket.say(tick(11, 2, 100));
    socket.say(tick(12, 2, 102));
    socket.say(tick(13, 2, 103));
    expect(ticks).toEqual([11, 12, 12, 13]);
  });

  test('a member that is struck from the list leaves, whoever else is named', async () => {
    const { chain, client, socket, ticks, moves } = await liveScene();
    socket.say(tick(11, 1, 100));
    const message = 'not in the list: 11, 99';
    socket.say({ type: 'error', code: 'unknown_instrument', message, tokens: [11, 99] });
    expect(moves.at(-1)).toEqual({ chain: CHAIN, joined: [], left: [11] });
    expect([chain.members, client.last(11)]).toEqual([[HIGH], undefined]);
    socket.say(tick(12, 1, 101));
    expect(ticks).toEqual([11, 12]);
  });

  test('is asked for anew after a reconnect; meanwhile what is known is stale, then the difference is told', async () => {
    const { scene, chain, client, socket, moves, ticks } = await liveScene();
    socket.say(tick(11, 1, 100));
    socket.drop(1006);
    expect([chain.members, client.last(11)?.last_price, client.freshness(11)]).toEqual([
      [LOW, HIGH],
      100,
      'stale',
    ]);
    scene.clock.advance(30_000);
    const next = await scene.connect();
    expect(next.commands('subscribe')).toEqual([
      { action: 'subscribe', chain: { ...CHAIN, strikes: 1 }, mode: 'full', speed: 'rt', id: 2 },
    ]);
    // What comes before the answer is of no stream of this connection.
    next.say(tick(11, 2, 101));
    acknowledge(next, [LOW, NEXT]);
    expect(moves.at(-1)).toEqual({ chain: CHAIN, joined: [NEXT], left: [12] });
    next.say(tick(11, 3, 102));
    expect([ticks, client.last(11)?.last_price, client.freshness(11)]).toEqual([[11, 11], 102, 'live']);
  });

  test('several who want one chain share a stream that serves all, until the last has given it up', async () => {
    const { client, clock, chain, socket } = await liveScene();
    const wide = client.subscribeChain({ ...CHAIN, strikes: 5, mode: 'ltp', speed: 250 });
    clock.advance(1_000);
    expect(socket.commands('subscribe').at(-1)).toMatchObject({
      chain: { strikes: 5 },
      mode: 'full',
      speed: 'rt',
    });
    acknowledge(socket, [LOW, HIGH, NEXT]);
    expect((await wide.accepted).members).toHaveLength(3);
    chain.unsubscribe();
    clock.advance(1_000);
    expect(socket.commands('subscribe').at(-1)).toMatchObject({
      chain: { strikes: 5 },
      mode: 'ltp',
      speed: 250,
    });
    acknowledge(socket, [LOW, HIGH, NEXT]);
    const loop = wide[Symbol.asyncIterator]();
    socket.say(tick(13, 1, 100));
    expect((await loop.next()).value?.instrument_token).toBe(13);
    wide.unsubscribe();
    clock.advance(1_000);
    expect(socket.commands('unsubscribe')).toMatchObject([{ chain: CHAIN }]);
    expect(await loop.next()).toEqual({ done: true, value: undefined });
    expect([wide.members, client.last(13)]).toEqual([[], undefined]);
  });

  test('a refusal is the answer, and an error; a passing one is asked again, as is what nobody answers', async () => {
    const scene = createScene();
    const errors: ClientError[] = [];
    scene.client.on('error', (error) => errors.push(error));
    const chain = scene.client.subscribeChain({ underlying: 'NIFTY', expiry: '2026-12-01' });
    const socket = await scene.connect();
    const pass = (ms: number) => {
      for (let left = ms; left > 0; left -= 1_000) {
        scene.clock.advance(1_000);
        socket.say({ type: 'pong' });
      }
    };
    pass(CLIENT_SDK_ANSWER_MS_MAX + 10_000);
    expect(socket.commands('subscribe').length).toBeGreaterThan(1);
    const refuse = (code: string) => {
      const { id } = socket.commands('subscribe').at(-1) ?? {};
      socket.say({ type: 'error', code, message: 'no', id });
    };
    refuse('database_unavailable');
    const asked = socket.commands('subscribe').length;
    pass(20_000);
    expect(socket.commands('subscribe').length).toBeGreaterThan(asked);
    refuse('unknown_instrument');
    expect(await chain.accepted).toEqual({
      members: [],
      refusal: { code: 'unknown_instrument', message: 'no' },
    });
    expect(errors.filter(({ kind }) => kind === 'server')).toMatchObject([
      { code: 'database_unavailable' },
      { code: 'unknown_instrument' },
    ]);
    const after = socket.commands('subscribe').length;
    pass(60_000);
    expect(socket.commands('subscribe')).toHaveLength(after);
  });

  test('options that cannot be are refused at the door; the end of the client ends what waits', async () => {
    const { client } = createScene();
    for (const [name, options] of [
      ['underlying', { underlying: '', expiry: '2026-12-01' }],
      ['expiry', { underlying: 'NIFTY', expiry: '2026-02-30' }],
      ['strikes', { underlying: 'NIFTY', expiry: '2026-12-01', strikes: CHAIN_STRIKES_MAX + 1 }],
      ['strikes', { underlying: 'NIFTY', expiry: '2026-12-01', strikes: 0 }],
    ] as const) {
      expect(() => client.subscribeChain(options), name).toThrow(new RegExp(`^${name} must`));
    }
    const chain = client.subscribeChain({ underlying: 'NIFTY', expiry: '2026-12-01' });
    client.close();
    await expect(chain.accepted).rejects.toThrow('the client is closed');
  });
});
