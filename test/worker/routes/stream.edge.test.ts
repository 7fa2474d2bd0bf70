// Who may open a socket: the seed's close code and reasons for every token that is not good.
import { exports } from 'cloudflare:workers';
import { describe, expect, test } from 'vitest';
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
