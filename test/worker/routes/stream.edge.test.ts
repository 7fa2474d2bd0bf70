// Who may open a socket: by token, wherever that is carried, by page, by number, and at which gateway.
import { createExecutionContext } from 'cloudflare:test';
import { env, exports } from 'cloudflare:workers';
import { describe, expect, test } from 'vitest';
import {
  CONNECTIONS_PER_ADDRESS_MAX,
  CONNECTIONS_PER_USER_MAX,
  GATEWAY_SLOTS_MAX,
  GATEWAY_SOCKETS_MAX,
  GATEWAY_SOCKETS_SOFT_MAX,
} from '../../../shared/limits.ts';
import { readUpgrade, type Upgrade } from '../../../worker/core/upgrade.ts';
import type { Env } from '../../../worker/env.ts';
import worker from '../../../worker/index.ts';
import { TestClient } from '../../support/edge/client.ts';
import { forgeHs256, forgeUnsigned, mintWithForeignKey } from '../../support/edge/forged-tokens.ts';
import { mintToken } from '../../support/edge/tokens.ts';

const HOUR_S = 3_600;

describe('refused with 1008 and a reason', () => {
  const cases: [string, () => Promise<string>, RegExp][] = [
    ['no token', async () => '', /^Missing authentication token$/],
    ['an empty token', async () => '?token=', /^Missing authentication token$/],
    ['not a JWT', async () => '?token=abc', /^Authentication failed: malformed token$/],
    ['an expired one', async () => `?token=${await mintToken({ expiresInS: -60 })}`, /^Token expired$/],
    [
      'another audience',
      async () => `?token=${await mintToken({ audience: 'other' })}`,
      /^Authentication failed: .*aud/,
    ],
    [
      'another issuer',
      async () => `?token=${await mintToken({ issuer: 'other' })}`,
      /^Authentication failed: .*iss/,
    ],
    [
      'no expiry',
      async () => `?token=${await mintToken({ claims: { exp: undefined } })}`,
      /^Authentication failed: .*exp/,
    ],
    [
      'an empty subject',
      async () => `?token=${await mintToken({ claims: { sub: '' } })}`,
      /^Authentication failed: .*sub/,
    ],
    ['a foreign key', async () => `?token=${await mintWithForeignKey()}`, /^Authentication failed: /],
    ['alg none', async () => `?token=${forgeUnsigned()}`, /^Authentication failed: /],
    [
      'HS256 with the public key',
      async () => `?token=${await forgeHs256()}`,
      /^Authentication failed: algorithm/,
    ],
    ['a huge token', async () => `?token=${'a'.repeat(9_000)}`, /^Authentication failed: token of 9000/],
  ];
  for (const [name, query, reason] of cases) {
    test(name, async () => {
      const client = await TestClient.open(await query());
      const { code, reason: given } = await client.closed;
      expect(code).toBe(1008);
      expect(given).toMatch(reason);
      expect(client.messages).toEqual([]);
    });
  }
});

test('a good token connects and is shown who it is', async () => {
  const token = await mintToken({ claims: { sub: 'user_9', email: 'nine@example.com', name: 'Nine' } });
  const client = await TestClient.open(`?token=${token}`);
  const connected = await client.next('connected');
  expect(connected.user).toEqual({ user_id: 'user_9', email: 'nine@example.com', name: 'Nine' });
  expect(connected.connection_id).toMatch(/^[0-9a-f-]{36}$/);
  expect(new Date(connected.timestamp as string).toISOString()).toBe(connected.timestamp);
  client.socket.close(1000);
});

test('a principal that a client claims in a header is not believed', async () => {
  const token = await mintToken({ claims: { sub: 'honest' } });
  const forged = encodeURIComponent(
    JSON.stringify({ userId: 'admin', roles: [], permissions: [], expiresAtS: 9e9 }),
  );
  const client = await TestClient.open(`?token=${token}`, { 'x-ticker-principal': forged });
  expect(((await client.next('connected')).user as { user_id: string }).user_id).toBe('honest');
  client.socket.close(1000);
});

test('/ws/ticks without an upgrade, and /auth/test', async () => {
  const plain = await exports.default.fetch('http://edge/ws/ticks');
  expect(plain.status).toBe(426);
  await plain.body?.cancel();
  const none = await exports.default.fetch('http://edge/auth/test');
  expect([none.status, await none.json()]).toMatchObject([401, { code: 'missing_token' }]);
  const expired = await mintToken({ expiresInS: -HOUR_S });
  const old = await exports.default.fetch('http://edge/auth/test', {
    headers: { authorization: `Bearer ${expired}` },
  });
  expect([old.status, await old.json()]).toMatchObject([
    401,
    { code: 'token_expired', message: 'Token expired' },
  ]);
  const good = await mintToken({ claims: { sub: 'user_1', roles: ['trader'], permissions: ['ticks:read'] } });
  const ok = await exports.default.fetch('http://edge/auth/test', {
    headers: { authorization: `Bearer ${good}` },
  });
  expect([ok.status, await ok.json()]).toMatchObject([
    200,
    { authenticated: true, user: { user_id: 'user_1', roles: ['trader'], permissions: ['ticks:read'] } },
  ]);
});

function request(query: string, headers: Record<string, string> = {}): Request {
  return new Request(`http://edge/ws/ticks${query}`, { headers: { upgrade: 'websocket', ...headers } });
}

/** The Worker's answer where some of its bindings are others. */
async function answerWith(bindings: Partial<Env>, asked: Request): Promise<Response> {
  return worker.fetch(asked, { ...env, ...bindings } as unknown as Env, createExecutionContext());
}

/** The close frame of a socket that was opened only to be refused. */
async function closeOf({ webSocket }: Response): Promise<{ code: number; reason: string }> {
  if (!webSocket) throw new Error('no socket');
  const closed = new Promise<CloseEvent>((resolve) => webSocket.addEventListener('close', resolve));
  webSocket.accept();
  const { code, reason } = await closed;
  return { code, reason };
}

describe('the token in the subprotocols', () => {
  test('is taken, and only the protocol is selected', async () => {
    const token = await mintToken({ claims: { sub: 'by_subprotocol' } });
    const headers = { 'sec-websocket-protocol': `ticker.json, bearer.${token}` };
    const response = await exports.default.fetch(request('', headers));
    expect([response.status, response.headers.get('sec-websocket-protocol')]).toEqual([101, 'ticker.json']);
    response.webSocket?.accept();
    response.webSocket?.close(1000);
    const client = await TestClient.open('', headers);
    expect((await client.next('connected')).user).toMatchObject({ user_id: 'by_subprotocol' });
    client.socket.close(1000);
  });

  test('is selected in a refusal too: a browser would see 1006 otherwise', async () => {
    const response = await exports.default.fetch(
      request('', { 'sec-websocket-protocol': 'bearer.abc,ticker.json' }),
    );
    expect(response.headers.get('sec-websocket-protocol')).toBe('ticker.json');
    expect(await closeOf(response)).toEqual({
      code: 1008,
      reason: 'Authentication failed: malformed token',
    });
  });

  test('comes before the one of the query, and after the one of the header', async () => {
    const [ofHeader, ofProtocol, ofQuery] = await Promise.all(
      ['header', 'protocol', 'query'].map((sub) => mintToken({ claims: { sub } })),
    );
    const protocols = { 'sec-websocket-protocol': `ticker.json, bearer.${ofProtocol}` };
    const first = await TestClient.open(`?token=${ofQuery}`, protocols);
    expect((await first.next('connected')).user).toMatchObject({ user_id: 'protocol' });
    const second = await TestClient.open('', { ...protocols, authorization: `Bearer ${ofHeader}` });
    expect((await second.next('connected')).user).toMatchObject({ user_id: 'header' });
    for (const { socket } of [first, second]) socket.close(1000);
  });

  test('nothing is selected where nothing that we speak is offered', async () => {
    const token = await mintToken();
    const response = await exports.default.fetch(
      request(`?token=${token}`, { 'sec-websocket-protocol': 'graphql-ws' }),
    );
    expect(response.headers.get('sec-websocket-protocol')).toBeNull();
    response.webSocket?.accept();
    response.webSocket?.close(1000);
  });
});

describe('?auth=message', () => {
  test('opens a socket for nobody, whatever principal its headers claim', async () => {
    const forged = encodeURIComponent(
      JSON.stringify({ userId: 'admin', roles: [], permissions: [], expiresAtS: 9e9, issuedAtS: 9e9 }),
    );
    const client = await TestClient.open('?auth=message', { 'x-ticker-principal': forged });
    client.send({ action: 'authenticate', token: await mintToken({ claims: { sub: 'honest' } }) });
    expect((await client.next('connected')).user).toMatchObject({ user_id: 'honest' });
    client.socket.close(1000);
  });

  test('is nothing beside a token, and no other value of it is known', async () => {
    const bad = await TestClient.open('?auth=message&token=abc');
    expect(await bad.closed).toMatchObject({ code: 1008, reason: 'Authentication failed: malformed token' });
    const other = await TestClient.open('?auth=later');
    expect(await other.closed).toMatchObject({ code: 1008, reason: 'Missing authentication token' });
  });
});

describe('pages', () => {
  test('of another host are refused by name, before anything else is looked at', async () => {
    const response = await exports.default.fetch(request('?token=abc', { origin: 'https://evil.example' }));
    expect([response.status, await response.json()]).toEqual([
      403,
      { status: 'error', code: 'forbidden', message: 'origin "https://evil.example" is not allowed' },
    ]);
  });

  test('of our own host, and of the list, may', async () => {
    const own = await TestClient.open(`?token=${await mintToken()}`, { origin: 'http://edge' });
    await own.next('connected');
    own.socket.close(1000);
    const list = { ALLOWED_ORIGINS: 'https://app.example.com,*.team.example' };
    const from = (origin: string) => answerWith(list, request('', { origin }));
    for (const origin of ['https://app.example.com', 'https://a.team.example']) {
      expect(await closeOf(await from(origin))).toMatchObject({ code: 1008 });
    }
    for (const origin of ['http://edge', 'https://evil-team.example', 'null']) {
      expect((await from(origin)).status).toBe(403);
    }
  });

  test('a list that is wrong lets in nobody, and its text stays here', async () => {
    const response = await answerWith({ ALLOWED_ORIGINS: '*.com' }, request('', { origin: 'https://a.com' }));
    expect([response.status, await response.json()]).toMatchObject([500, { message: 'internal error' }]);
  });
});

describe('the welcome', () => {
  test('comes before the answer of a client that did not wait for it', async () => {
    const client = await TestClient.open(`?token=${await mintToken({ claims: { sub: 'hasty' } })}`);
    client.send({ action: 'list' });
    client.send({ action: 'nonsense' });
    await client.next('error');
    expect(client.messages.map(({ type }) => type)).toEqual(['connected', 'subscriptions', 'error']);
    client.socket.close(1000);
  });
});

describe('numbers', () => {
  test('the last connection of a user that fits is taken, the next is closed with 4003', async () => {
    const token = await mintToken({ claims: { sub: 'many_devices' } });
    const clients = [];
    for (let i = 0; i < CONNECTIONS_PER_USER_MAX; i++) clients.push(await TestClient.connect(token));
    const refused = await TestClient.open(`?token=${token}`);
    expect(await refused.closed).toMatchObject({ code: 4003 });
    expect(refused.messages).toEqual([]);
    const other = await TestClient.connect(await mintToken({ claims: { sub: 'one_device' } }));
    other.socket.close(1000);
    const [first] = clients;
    first?.socket.close(1000);
    await first?.closed;
    clients.push(await TestClient.connect(token));
    for (const { socket } of clients) socket.close(1000);
  });

  test('so is the last of an address, with or without a user', async () => {
    const from = { 'cf-connecting-ip': '2001:db8:7:7::1' };
    const clients = [await TestClient.open('?auth=message', from)];
    for (let i = 1; i < CONNECTIONS_PER_ADDRESS_MAX; i++) {
      const token = await mintToken({ claims: { sub: `neighbour_${i}` } });
      clients.push(await TestClient.open(`?token=${token}`, from));
    }
    const token = await mintToken({ claims: { sub: 'one_more' } });
    // The same line: an IPv6 customer has 2^64 addresses.
    const refused = await TestClient.open(`?token=${token}`, { 'cf-connecting-ip': '2001:db8:7:7:ffff::2' });
    expect(await refused.closed).toMatchObject({ code: 4003 });
    const elsewhere = await TestClient.open(`?token=${token}`, { 'cf-connecting-ip': '2001:db8:7:8::1' });
    await elsewhere.next('connected');
    for (const { socket } of [...clients, elsewhere]) socket.close(1000);
  });
});

describe('the choice of the gateway', () => {
  /** Gateways that answer every upgrade by `answer`, and what they were asked. */
  function fakeGateways(answer: (name: string, upgrade: Upgrade) => Response) {
    const asked: { name: string; upgrade: Upgrade; headers: Headers }[] = [];
    const getByName = (name: string) => ({
      async fetch(url: string, init: RequestInit) {
        const { headers } = new Request(url, init);
        const upgrade = readUpgrade(headers);
        asked.push({ name, upgrade, headers });
        return answer(name, upgrade);
      },
    });
    return { asked, CLIENT_GATEWAY: { getByName } as unknown as Env['CLIENT_GATEWAY'] };
  }
  const full = () => new Response(null, { status: 503 });
  const taken = () => new Response('taken', { status: 200 });
  // Each test has a memory of full gateways of its own: that is kept by the text of this setting.
  const slots = (text: string) => ({ GATEWAY_SLOTS: text });

  test('passes on who, from where and in which protocol, and neither the token nor what a client claims', async () => {
    const { asked, CLIENT_GATEWAY } = fakeGateways(taken);
    const token = await mintToken({ claims: { sub: 'u', iat: 1_764_000_000, exp: 9_000_000_000 } });
    const headers = {
      'sec-websocket-protocol': `ticker.json, bearer.${token}`,
      'cf-connecting-ip': '203.0.113.7',
      'x-ticker-address': '127.0.0.1',
      'x-ticker-sockets-max': '999999',
    };
    await answerWith({ CLIENT_GATEWAY, ...slots('oc=1') }, request('', headers));
    expect(asked).toHaveLength(1);
    expect(asked[0]?.upgrade).toMatchObject({
      bearer: { userId: 'u', issuedAtS: 1_764_000_000, expiresAtS: 9_000_000_000 },
      subprotocol: 'ticker.json',
      address: '203.0.113.7',
      socketsMax: GATEWAY_SOCKETS_SOFT_MAX,
    });
    expect(JSON.stringify([...(asked[0]?.headers ?? [])])).not.toContain(token);
  });

  test('goes on to the next slot, and asks a full one not again at once', async () => {
    const { asked, CLIENT_GATEWAY } = fakeGateways((name) => (name.endsWith(':2') ? taken() : full()));
    const bindings = { CLIENT_GATEWAY, ...slots('oc=2') };
    const token = await mintToken();
    expect((await answerWith(bindings, request(`?token=${token}`))).status).toBe(200);
    expect(asked.map(({ name }) => name)).toEqual(['gw:apac-se:0', 'gw:apac-se:1', 'gw:apac-se:2']);
    await answerWith(bindings, request(`?token=${token}`));
    expect(asked.slice(3).map(({ name }) => name)).toEqual(['gw:apac-se:2']);
  });

  test('fills gateways over their soft limit only when all have reached it', async () => {
    const { asked, CLIENT_GATEWAY } = fakeGateways((name, { socketsMax }) =>
      name.endsWith(':1') && socketsMax === GATEWAY_SOCKETS_MAX ? taken() : full(),
    );
    const token = await mintToken();
    await answerWith({ CLIENT_GATEWAY, ...slots('oc=3') }, request(`?token=${token}`));
    expect(asked).toHaveLength(GATEWAY_SLOTS_MAX + 2);
  });

  test('closes with 4013 when all are full, and with 4003 and the reason when one has enough of the user', async () => {
    const everywhere = fakeGateways(full);
    const token = await mintToken();
    const none = await answerWith({ ...everywhere, ...slots('oc=4') }, request(`?token=${token}`));
    expect(await closeOf(none)).toEqual({ code: 4013, reason: 'All 8 gateways of apac-se are full' });
    expect(everywhere.asked).toHaveLength(2 * GATEWAY_SLOTS_MAX);
    const enough = fakeGateways(() => new Response('Too many connections: 20', { status: 429 }));
    const refused = await answerWith({ ...enough, ...slots('oc=5') }, request(`?token=${token}`));
    expect(await closeOf(refused)).toEqual({ code: 4003, reason: 'Too many connections: 20' });
    expect(enough.asked).toHaveLength(1);
  });

  test('brings the devices of a user together, and those who have yet to say who they are by their address', async () => {
    const { asked, CLIENT_GATEWAY } = fakeGateways(taken);
    const bindings = { CLIENT_GATEWAY, ...slots('apac-se=8') };
    for (const sub of ['user_a', 'user_b', 'user_c', 'user_d', 'user_a']) {
      await answerWith(bindings, request(`?token=${await mintToken({ claims: { sub } })}`));
    }
    expect(new Set(asked.map(({ name }) => name)).size).toBeGreaterThan(1);
    expect(asked[4]?.name).toBe(asked[0]?.name);
    for (const address of ['203.0.113.7', '203.0.113.8', '203.0.113.7']) {
      await answerWith(bindings, request('?auth=message', { 'cf-connecting-ip': address }));
    }
    expect(asked[7]?.name).toBe(asked[5]?.name);
    expect(asked[5]?.upgrade.bearer).toBeUndefined();
  });
});
