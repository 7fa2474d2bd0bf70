// Who may open a socket of Kite's protocol: by a user's token or an API key, and refused as Kite refuses.
import { createExecutionContext, runDurableObjectAlarm } from 'cloudflare:test';
import { env, exports } from 'cloudflare:workers';
import { afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { API_KEY_SESSION_MS_MAX, CONNECTIONS_PER_USER_MAX } from '../../../shared/limits.ts';
import { apiKeyHmac, bearerOfApiKey } from '../../../worker/auth/api-key.ts';
import type { Env } from '../../../worker/env.ts';
import worker from '../../../worker/index.ts';
import { withDatabase } from '../../../worker/store/db.ts';
import { forgeUnsigned, mintWithForeignKey } from '../../support/edge/forged-tokens.ts';
import { askForKite, KiteClient } from '../../support/edge/kite-client.ts';
import { mintToken } from '../../support/edge/tokens.ts';

const keyOf = (letter: string) => `te_${letter.repeat(43)}`;
const [READER, NARROW, LAPSED, REVOKED, ENDING, REVOKER] = ['K', 'L', 'M', 'N', 'O', 'P'].map(keyOf) as [
  string,
  string,
  string,
  string,
  string,
  string,
];
const gateway = () => env.CLIENT_GATEWAY.getByName('gw:apac-se:0');
const testEnv = env as unknown as Env;
const clients: KiteClient[] = [];

async function connect(accessToken: string): Promise<KiteClient> {
  const client = await KiteClient.connect(accessToken);
  clients.push(client);
  return client;
}

async function refusalOf(response: Response): Promise<[status: number, code: string]> {
  expect(response.webSocket).toBeNull();
  return [response.status, ((await response.json()) as { code: string }).code];
}

beforeAll(async () => {
  const rows: [name: string, key: string, scope: string, endsInS: number, isRevoked: boolean][] = [
    ['reader', READER, 'market:read', 86_400 * 365, false],
    ['narrow', NARROW, 'instruments:read', 86_400, false],
    ['lapsed', LAPSED, 'market:read', -1, false],
    ['revoked', REVOKED, 'market:read', 86_400, true],
    ['ending', ENDING, 'market:read', 120, false],
    ['revoker', REVOKER, 'tokens:revoke', 86_400, false],
  ];
  await withDatabase(testEnv, createExecutionContext(), async (sql) => {
    for (const [name, key, scope, endsInS, isRevoked] of rows) {
      const hmac = await apiKeyHmac(key, testEnv.API_KEY_PEPPER);
      await sql`
        insert into api_keys (name, key_hmac, scopes, expires_at, revoked_at)
        values (${name}, ${hmac}, string_to_array(${scope}, ' '), now() + make_interval(secs => ${endsInS}),
          case when ${isRevoked} then now() end)`;
    }
  });
});

afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
  for (const { socket } of clients.splice(0)) if (socket.readyState === WebSocket.OPEN) socket.close(1000);
});

describe('refused at the upgrade with 403', () => {
  test.each<[string, () => Promise<string>, string]>([
    ['no token', async () => '', 'missing_token'],
    ['an empty token', async () => '&access_token=', 'missing_token'],
    ['no JWT', async () => '&access_token=abc', 'authentication_failed'],
    ['a foreign key', async () => `&access_token=${await mintWithForeignKey()}`, 'authentication_failed'],
    ['no signature', async () => `&access_token=${forgeUnsigned()}`, 'authentication_failed'],
    ['an expired one', async () => `&access_token=${await mintToken({ expiresInS: -60 })}`, 'token_expired'],
    ['a token in another place', async () => `&token=${await mintToken()}`, 'missing_token'],
    ['a malformed API key', async () => '&access_token=te_short', 'invalid_api_key'],
    ['an API key of nobody', async () => `&access_token=${keyOf('Z')}`, 'invalid_api_key'],
    ['a lapsed API key', async () => `&access_token=${LAPSED}`, 'invalid_api_key'],
    ['a revoked API key', async () => `&access_token=${REVOKED}`, 'invalid_api_key'],
    ['an API key for other things', async () => `&access_token=${NARROW}`, 'forbidden'],
  ])('%s', async (_, query, code) => {
    expect(await refusalOf(await askForKite(`?api_key=some_app${await query()}`))).toEqual([403, code]);
  });

  test('a user who was revoked', async () => {
    const issuedAtS = Math.floor(Date.now() / 1000) - 60;
    const token = await mintToken({ claims: { sub: 'kite_revoked', iat: issuedAtS } });
    const client = await connect(token);
    const revoked = await revoke('kite_revoked');
    expect(revoked.status).toBe(202);
    expect(await client.text()).toEqual({ type: 'error', data: 'Token revoked' });
    expect(await client.closed).toMatchObject({ code: 4001 });
    const query = `?api_key=some_app&access_token=${token}`;
    expect(await refusalOf(await askForKite(query))).toEqual([403, 'token_revoked']);
  });
});

async function revoke(userId: string): Promise<Response> {
  return exports.default.fetch('http://edge/auth/revoke', {
    method: 'POST',
    headers: { 'x-api-key': REVOKER },
    body: JSON.stringify({ user_id: userId }),
  });
}

describe('refused for another reason', () => {
  test('what is no upgrade, and a page that may not', async () => {
    const plain = await exports.default.fetch('http://edge/ws/kite?api_key=a&access_token=b');
    expect([plain.status, await plain.json()]).toMatchObject([426, { code: 'upgrade_required' }]);
    const page = await askForKite('?api_key=a&access_token=b', { origin: 'https://evil.example' });
    expect(await refusalOf(page)).toEqual([403, 'forbidden']);
  });

  test('one connection more than a user may have: 429, as Kite has it', async () => {
    const token = await mintToken({ claims: { sub: 'kite_many' } });
    for (let i = 0; i < CONNECTIONS_PER_USER_MAX; i++) await connect(token);
    const query = `?api_key=a&access_token=${token}`;
    expect(await refusalOf(await askForKite(query))).toEqual([429, 'too_many_connections']);
  });

  test('no room anywhere, no database, no signing keys: 503, and the client comes again', async () => {
    vi.spyOn(console, 'error').mockImplementation(() => undefined);
    const full = { getByName: () => ({ fetch: async () => new Response(null, { status: 503 }) }) };
    const answerWith = async (bindings: object, accessToken: string) => {
      const request = new Request(`http://edge/ws/kite?api_key=a&access_token=${accessToken}`, {
        headers: { upgrade: 'websocket' },
      });
      const other = { ...env, ...bindings } as unknown as Env;
      return refusalOf(await worker.fetch(request, other, createExecutionContext()));
    };
    const noRoom = { CLIENT_GATEWAY: full, GATEWAY_SLOTS: 'oc=6' };
    expect(await answerWith(noRoom, await mintToken())).toEqual([503, 'gateway_full']);
    const noDatabase = { DB: { connectionString: 'postgres://nobody@127.0.0.1:1/none' } };
    expect(await answerWith(noDatabase, READER)).toEqual([503, 'database_unavailable']);
    const noKeys = { JWT_JWKS: undefined, USER_SERVICE_URL: 'http://127.0.0.1:1/' };
    expect(await answerWith(noKeys, await mintToken())).toEqual([503, 'keys_unavailable']);
  });
});

describe('let in', () => {
  test('by a user’s token, whatever the api_key, and with Kite’s own trailing slash', async () => {
    const token = await mintToken({ claims: { sub: 'kite_user' } });
    await connect(token);
    for (const path of ['/ws/kite', '/ws/kite/']) {
      const response = await exports.default.fetch(`http://edge${path}?access_token=${token}`, {
        headers: { upgrade: 'websocket' },
      });
      expect(response.status).toBe(101);
      response.webSocket?.accept();
      response.webSocket?.close(1000);
    }
  });

  test('by an API key that may read market data, under its name, and ended with that name', async () => {
    const client = await connect(READER);
    const { connections } = await gateway().stats();
    expect(connections.map(({ user_id }) => user_id)).toContain('key:reader');
    vi.useFakeTimers({ now: Date.now() + 2_000, toFake: ['Date'] });
    expect(await (await revoke('key:reader')).json()).toMatchObject({ connections_closed: 1 });
    expect(await client.closed).toMatchObject({ code: 4001 });
  });

  test('by a key only as long as the key is good', async () => {
    const client = await connect(ENDING);
    const passTime = async (ms: number) => {
      vi.useFakeTimers({ now: Date.now() + ms, toFake: ['Date'] });
      await runDurableObjectAlarm(gateway());
      vi.useRealTimers();
    };
    await passTime(90_000);
    expect(await client.text()).toMatchObject({ type: 'message', data: expect.stringContaining('ends in') });
    await passTime(121_000);
    expect(await client.text()).toEqual({ type: 'error', data: 'Token expired' });
    expect((await client.closed).code).toBe(4001);
  });
});

describe('the bearer of an API key', () => {
  const nowMs = 1_764_000_000_500;

  test('has the scopes that exist as permissions, and ends in a day or with the key', () => {
    const scopes = ['market:read', 'made up', 'stats:read'];
    expect(bearerOfApiKey({ name: 'bot', scopes, expiresAtS: null }, nowMs)).toEqual({
      userId: 'key:bot',
      roles: [],
      permissions: ['market:read', 'stats:read'],
      expiresAtS: Math.floor((nowMs + API_KEY_SESSION_MS_MAX) / 1000),
      issuedAtS: 1_764_000_000,
    });
    const ending = bearerOfApiKey({ name: 'bot', scopes, expiresAtS: 1_764_000_060.25 }, nowMs);
    expect(ending.expiresAtS).toBe(1_764_000_060.25);
  });

  test('has a name that fits an attachment, whatever the key is called', () => {
    const { userId } = bearerOfApiKey({ name: 'n'.repeat(5_000), scopes: [], expiresAtS: null }, nowMs);
    expect(userId).toHaveLength(256);
  });
});
