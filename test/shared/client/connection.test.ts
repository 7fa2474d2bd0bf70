import { describe, expect, test } from 'vitest';
import type { ClientError, ClientState } from '../../../shared/client/index.ts';
import {
  CLIENT_SDK_HANDSHAKE_MS_MAX,
  CLIENT_SDK_PONG_GRACE_MS,
  CLIENT_SDK_STABLE_MS,
  CLIENT_SDK_STALE_AFTER_MS,
  CLIENT_SDK_TOKEN_MS_MAX,
} from '../../../shared/limits.ts';
import { createScene, tick, welcome } from './scripted-server.ts';

const PING_MS = CLIENT_SDK_STALE_AFTER_MS / 2;

describe('the token', () => {
  test.each([
    ['subprotocol', '', ['ticker.json', 'bearer.jwt']],
    ['query', '?token=jwt', []],
    ['message', '?auth=message', []],
  ] as const)('by %s', async (tokenTransport, search, protocols) => {
    const { client, sockets, settle } = createScene({ tokenTransport, format: 'json' });
    client.connect();
    await settle();
    const socket = sockets[0];
    expect(socket?.url.search).toBe(search);
    expect(socket?.protocols).toEqual(protocols);
    socket?.open();
    const first = tokenTransport === 'message' ? [{ action: 'authenticate', token: 'jwt' }] : [];
    expect(socket?.sent).toEqual(first);
  });

  test('the callback is asked before each connect', async () => {
    let asked = 0;
    const scene = createScene({ token: () => `jwt${++asked}`, tokenTransport: 'query', format: 'json' });
    const first = await scene.connect();
    expect(first.url.search).toBe('?token=jwt1');
    first.drop(1006);
    scene.clock.advance(250);
    await scene.settle();
    expect(scene.socket.url.search).toBe('?token=jwt2');
  });

  test.each([1008, 4001])('%i: one new token is asked for, then the client gives up', async (code) => {
    let asked = 0;
    const scene = createScene({ token: async () => `jwt${++asked}` });
    const ready = scene.client.ready();
    scene.client.connect();
    for (let refusal = 0; refusal < 2; refusal++) {
      await scene.settle();
      scene.socket.open();
      scene.socket.drop(code, 'Token expired');
      scene.clock.advance(1_000);
    }
    await scene.settle();
    expect(asked).toBe(2);
    expect(scene.client.state).toEqual({ kind: 'unauthorized', code, reason: 'Token expired' });
    await expect(ready).rejects.toThrow(`unauthorized: Token expired (${code})`);
    expect(scene.clock.delaysMs).toEqual([]);
    expect(scene.sockets).toHaveLength(2);
    // The user has signed in again.
    await scene.connect();
    expect(scene.client.state.kind).toBe('connected');
  });

  test('a session that has lived earns another chance each time', async () => {
    const scene = createScene({ token: () => 'jwt' });
    for (let hour = 0; hour < 3; hour++) {
      const socket = await scene.connect();
      for (let passed = 0; passed < CLIENT_SDK_STABLE_MS; passed += 1_000) {
        scene.clock.advance(1_000);
        socket.say({ type: 'pong' });
      }
      socket.drop(4001, 'Token expired');
      expect(scene.client.state.kind).toBe('waiting');
      scene.clock.advance(500);
    }
  });

  test('a token that cannot be renewed is refused once', async () => {
    const scene = createScene({ token: 'fixed' });
    const socket = await scene.connect();
    socket.drop(1008, 'Authentication failed');
    expect(scene.client.state.kind).toBe('unauthorized');
  });

  test('a callback that fails, gives nothing or hangs is asked again later', async () => {
    const errors: ClientError[] = [];
    const answers: (() => string | Promise<string>)[] = [
      () => {
        throw new Error('offline');
      },
      () => Promise.reject(new Error('offline')),
      () => '',
      () => new Promise(() => undefined),
      () => 'jwt',
    ];
    const scene = createScene({ token: () => answers.shift()?.() ?? 'jwt' });
    scene.client.on('error', (error) => errors.push(error));
    scene.client.connect();
    for (let attempt = 0; attempt < 4; attempt++) {
      await scene.settle();
      if (attempt === 3) scene.clock.advance(CLIENT_SDK_TOKEN_MS_MAX);
      await scene.settle();
      expect(scene.client.state.kind).toBe('waiting');
      scene.clock.advance(15_000);
    }
    await scene.settle();
    expect(errors.map(({ kind }) => kind)).toEqual(['token', 'token', 'token', 'token']);
    expect(scene.sockets).toHaveLength(1);
  });

  test('closing while the callback hangs leaves no timer and opens no socket', async () => {
    let give: (token: string) => void = () => undefined;
    const scene = createScene({
      token: () =>
        new Promise((resolve) => {
          give = resolve;
        }),
    });
    scene.client.connect();
    await scene.settle();
    scene.client.close();
    expect(scene.clock.delaysMs).toEqual([]);
    give('late');
    await scene.settle();
    expect(scene.sockets).toHaveLength(0);
    expect(scene.clock.delaysMs).toEqual([]);
  });

  test('one that runs out is renewed on the open socket', async () => {
    let asked = 0;
    const scene = createScene({ token: async () => `jwt${++asked}` });
    const socket = await scene.connect();
    socket.say({ type: 'token_expiring', expires_at: '2026-11-20T05:00:00Z', in_ms: 60_000 });
    await scene.settle();
    expect(socket.commands('authenticate')).toEqual([
      { action: 'authenticate', token: 'jwt2', id: expect.any(Number) },
    ]);
    const renewed: object[] = [];
    scene.client.on('renewed', (event) => renewed.push(event));
    socket.say({ type: 'authenticated', expires_at: '2026-11-20T06:00:00Z' });
    expect(renewed).toEqual([{ type: 'authenticated', expires_at: '2026-11-20T06:00:00Z' }]);
    expect(scene.sockets).toHaveLength(1);
  });

  test('a renewal that comes too late for its socket is not sent on the next one', async () => {
    let give: (token: string) => void = () => undefined;
    let asked = 0;
    const scene = createScene({
      token: () =>
        ++asked === 2
          ? new Promise((resolve) => {
              give = resolve;
            })
          : `jwt${asked}`,
    });
    const first = await scene.connect();
    first.say({ type: 'token_expiring', expires_at: '2026-11-20T05:00:00Z', in_ms: 60_000 });
    first.drop(1006);
    scene.clock.advance(1_000);
    give('jwt2');
    const second = await scene.connect();
    await scene.settle();
    expect(second.commands('authenticate')).toEqual([]);
  });
});

describe('reconnecting', () => {
  test.each([
    [1006, 250],
    [1012, 0],
    [4003, 15_000],
    [4008, 250],
    [4200, 0],
  ])('after %i it waits %i ms', async (code, retryInMs) => {
    const scene = createScene();
    const socket = await scene.connect();
    socket.drop(code);
    expect(scene.client.state).toMatchObject({ kind: 'waiting', code, retryInMs });
  });

  test('after a goaway it waits what is left of the delay, whatever the socket ends with', async () => {
    for (const code of [4100, 1006]) {
      const scene = createScene();
      const socket = await scene.connect();
      socket.say({ type: 'goaway', reconnect_in_ms: 3_000, epoch: 'e1' });
      scene.clock.advance(1_000);
      socket.drop(code);
      expect(scene.client.state).toMatchObject({ kind: 'waiting', retryInMs: 2_000 });
    }
  });

  test('retry_after_ms of the last error is waited for', async () => {
    const scene = createScene();
    const socket = await scene.connect();
    socket.say({ type: 'error', code: 'too_many_commands', message: 'wait', retry_after_ms: 9_000 });
    socket.drop(4029);
    expect(scene.client.state).toMatchObject({ kind: 'waiting', retryInMs: 9_250 });
  });

  test('a code of the stop range stops until the application connects again', async () => {
    const scene = createScene();
    const { accepted } = scene.client.subscribe([1]);
    const socket = await scene.connect();
    socket.drop(4050, 'go away');
    expect(scene.client.state).toEqual({ kind: 'stopped', code: 4050, reason: 'go away' });
    await expect(accepted).rejects.toThrow('stopped: go away (4050)');
    expect(scene.clock.delaysMs).toEqual([]);
    const next = await scene.connect();
    expect(next.commands('subscribe')).toMatchObject([{ tokens: [1] }]);
  });

  test('the ceiling grows with each failure and falls after a connection that lived', async () => {
    const scene = createScene();
    const waits: number[] = [];
    scene.client.on('state', (state) => {
      if (state.kind === 'waiting') waits.push(state.retryInMs);
    });
    scene.client.connect();
    for (let failure = 0; failure < 8; failure++) {
      await scene.settle();
      scene.socket.drop(1006);
      scene.clock.advance(15_000);
    }
    const socket = await scene.connect();
    for (let passed = 0; passed < CLIENT_SDK_STABLE_MS; passed += 1_000) {
      scene.clock.advance(1_000);
      socket.say({ type: 'pong' });
    }
    socket.drop(1006);
    expect(waits).toEqual([250, 500, 1_000, 2_000, 4_000, 8_000, 15_000, 15_000, 250]);
  });

  test('is one at a time: connect calls, late events of old sockets and timers start no second one', async () => {
    const scene = createScene();
    scene.client.connect();
    scene.client.connect();
    await scene.settle();
    scene.client.connect();
    const [first] = scene.sockets;
    first?.drop(1006);
    scene.client.connect();
    scene.client.connect();
    await scene.settle();
    scene.clock.advance(1_000);
    await scene.settle();
    expect(scene.sockets).toHaveLength(2);
    first?.say(welcome());
    first?.drop(1008);
    expect(scene.client.state.kind).toBe('connecting');
    scene.socket.open();
    scene.socket.say(welcome());
    scene.socket.say(welcome());
    expect(scene.client.state.kind).toBe('connected');
  });

  test('a server that takes the socket and says nothing is given up', async () => {
    const scene = createScene();
    scene.client.connect();
    await scene.settle();
    scene.socket.open();
    scene.clock.advance(CLIENT_SDK_HANDSHAKE_MS_MAX);
    expect(scene.client.state).toMatchObject({ kind: 'waiting', reason: 'the server does not answer' });
    expect(scene.sockets[0]?.closedWith).toBe(1000);
  });

  test('a socket that cannot be created is tried again, and the token is not repeated', async () => {
    class Broken {
      constructor(url: string) {
        throw new SyntaxError(`bad url ${url}`);
      }
    }
    const errors: ClientError[] = [];
    const scene = createScene({ WebSocket: Broken as never, tokenTransport: 'query', token: 'secret' });
    scene.client.on('error', (error) => errors.push(error));
    scene.client.connect();
    await scene.settle();
    expect(errors).toEqual([{ kind: 'protocol', message: 'the socket could not be created: SyntaxError' }]);
    expect(scene.client.state.kind).toBe('waiting');
  });
});

describe('silence', () => {
  async function quietScene(options = {}) {
    const scene = createScene(options);
    scene.client.subscribe([1]);
    const socket = await scene.connect();
    socket.acknowledge();
    socket.say(tick(1, 1, 100));
    const states: ClientState['kind'][] = [];
    scene.client.on('state', ({ kind }) => states.push(kind));
    return { scene, client: scene.client, clock: scene.clock, socket, states };
  }

  test('is asked with the keep-alive that costs the server nothing, and an answer is enough', async () => {
    const { client, clock, socket, states } = await quietScene();
    for (let round = 0; round < 20; round++) {
      clock.advance(PING_MS);
      socket.say({ type: 'pong' });
    }
    expect(socket.commands('ping')).toEqual(Array.from({ length: 20 }, () => ({ action: 'ping' })));
    expect(client.freshness(1)).toBe('live');
    expect(states).toEqual([]);
  });

  test('without an answer: stale first, then a new connection', async () => {
    const { scene, client, clock, states } = await quietScene();
    clock.advance(CLIENT_SDK_STALE_AFTER_MS - 1);
    expect(client.freshness(1)).toBe('live');
    clock.advance(1);
    expect(client.freshness(1)).toBe('stale');
    expect(states).toEqual(['silent']);
    clock.advance(2 * PING_MS + CLIENT_SDK_PONG_GRACE_MS - CLIENT_SDK_STALE_AFTER_MS);
    expect(client.state).toMatchObject({ kind: 'waiting', reason: 'nothing came for 15 s' });
    clock.advance(250);
    await scene.settle();
    expect(scene.sockets).toHaveLength(2);
  });

  test('that ends is over at once', async () => {
    const { client, clock, socket, states } = await quietScene();
    clock.advance(CLIENT_SDK_STALE_AFTER_MS);
    expect(client.state.kind).toBe('silent');
    socket.say({ type: 'pong' });
    expect(states).toEqual(['silent', 'connected']);
    expect(client.freshness(1)).toBe('live');
  });

  test('after a sleep nothing counts as live, and the server is asked before it is given up', async () => {
    const { client, clock, socket } = await quietScene();
    clock.sleep(3_600_000);
    expect(client.freshness(1)).toBe('stale');
    clock.advance(0);
    expect(socket.commands('ping')).toHaveLength(1);
    expect(client.state.kind).toBe('silent');
    socket.say({ type: 'pong' });
    expect(client.state.kind).toBe('connected');
    expect(client.freshness(1)).toBe('live');
  });

  test('a ping comes every 25 s at the latest', async () => {
    const { clock, socket } = await quietScene({ staleAfterMs: 600_000 });
    clock.advance(24_999);
    expect(socket.commands('ping')).toEqual([]);
    clock.advance(1);
    expect(socket.commands('ping')).toHaveLength(1);
  });
});
