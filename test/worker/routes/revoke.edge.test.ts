// Revocation: who may ask for it, what it closes, and what it does while the database is away.
import { createExecutionContext } from 'cloudflare:test';
import { env, exports } from 'cloudflare:workers';
import { afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { REVOCATION_CACHE_MS, REVOKE_BODY_BYTES_MAX, USER_ID_CHARS_MAX } from '../../../shared/limits.ts';
import { app } from '../../../worker/app.ts';
import { apiKeyHmac } from '../../../worker/auth/api-key.ts';
import { upgradeHeaders } from '../../../worker/core/upgrade.ts';
import type { Env } from '../../../worker/env.ts';
import { withDatabase } from '../../../worker/store/db.ts';
import { revokeUser } from '../../../worker/store/token-revocations.ts';
import { TestClient } from '../../support/edge/client.ts';
import { mintToken } from '../../support/edge/tokens.ts';

const GOOD_KEY = `te_${'g'.repeat(43)}`;
const LAPSED_KEY = `te_${'l'.repeat(43)}`;
const REVOKED_KEY = `te_${'r'.repeat(43)}`;
const NARROW_KEY = `te_${'n'.repeat(43)}`;
const GATEWAY = 'gw:apac-se:0';

const testEnv = env as unknown as Env;
/** Nobody listens on port 1. */
const WITHOUT_DATABASE = {
  ...env,
  DB: { connectionString: 'postgres://u:p@127.0.0.1:1/none' },
} as unknown as Env;

const nowS = () => Math.floor(Date.now() / 1000);
const tokenOf = (sub: string, issuedAgoS = 60) => mintToken({ claims: { sub, iat: nowS() - issuedAgoS } });

function revoke(body: unknown, key: string | undefined = GOOD_KEY, bindings = testEnv): Promise<Response> {
  const request = new Request('http://edge/auth/revoke', {
    method: 'POST',
    headers: key === undefined ? {} : { 'x-api-key': key },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
  return Promise.resolve(app.fetch(request, bindings, createExecutionContext()));
}

async function codeOf(response: Response): Promise<[number, string]> {
  return [response.status, ((await response.json()) as { code: string }).code];
}

/** The answer of /auth/test to a token, in a Worker with these bindings. */
async function check(token: string, bindings = testEnv): Promise<[number, string]> {
  const request = new Request('http://edge/auth/test', { headers: { authorization: `Bearer ${token}` } });
  return codeOf(await app.fetch(request, bindings, createExecutionContext()));
}

/** Lets what the Worker last read of the revocations become old. */
const realNow = Date.now.bind(Date);
let laterMs = 0;
function passCacheTime(): void {
  laterMs += REVOCATION_CACHE_MS;
  vi.spyOn(Date, 'now').mockImplementation(() => realNow() + laterMs);
}

beforeAll(async () => {
  const rows: [string, string, string[], boolean, boolean][] = [
    ['good', GOOD_KEY, ['other:scope', 'tokens:revoke'], false, false],
    ['lapsed', LAPSED_KEY, ['tokens:revoke'], true, false],
    ['revoked', REVOKED_KEY, ['tokens:revoke'], false, true],
    ['narrow', NARROW_KEY, ['other:scope'], false, false],
  ];
  await withDatabase(testEnv, createExecutionContext(), async (sql) => {
    for (const [name, key, scopes, isLapsed, isRevoked] of rows) {
      const hmac = await apiKeyHmac(key, testEnv.API_KEY_PEPPER);
      await sql`
        insert into api_keys (name, key_hmac, scopes, expires_at, revoked_at)
        values (${name}, ${hmac}, string_to_array(${scopes.join(' ')}, ' '),
          case when ${isLapsed} then now() - interval '1 second' else now() + interval '1 day' end,
          case when ${isRevoked} then now() end)`;
    }
  });
});

afterEach(() => void vi.restoreAllMocks());

describe('refused', () => {
  test.each<[string, string | undefined, number, string]>([
    ['no key', undefined, 401, 'missing_api_key'],
    ['a malformed key', 'te_short', 401, 'invalid_api_key'],
    ['an empty key', '', 401, 'invalid_api_key'],
    ['a key that nobody was given', `te_${'x'.repeat(43)}`, 401, 'invalid_api_key'],
    ['a lapsed key', LAPSED_KEY, 401, 'invalid_api_key'],
    ['a revoked key', REVOKED_KEY, 401, 'invalid_api_key'],
    ['a key without the scope', NARROW_KEY, 403, 'forbidden'],
  ])('%s', async (_, key, status, code) => {
    const token = await tokenOf('untouched');
    const request = new Request('http://edge/auth/revoke', {
      method: 'POST',
      headers: key === undefined ? {} : { 'x-api-key': key },
      body: JSON.stringify({ user_id: 'untouched' }),
    });
    const response = await exports.default.fetch(request);
    const text = await response.clone().text();
    expect(await codeOf(response)).toEqual([status, code]);
    if (key) expect(text).not.toContain(key);
    passCacheTime();
    expect((await check(token))[0]).toBe(200);
  });

  test.each<[string, unknown, number, string]>([
    ['no JSON', '{', 400, 'invalid_json'],
    ['no object', '7', 400, 'invalid_parameter'],
    ['no user', {}, 400, 'invalid_parameter'],
    ['a number', { user_id: 7 }, 400, 'invalid_parameter'],
    ['an empty id', { user_id: '' }, 400, 'invalid_parameter'],
    ['a long id', { user_id: 'a'.repeat(USER_ID_CHARS_MAX + 1) }, 400, 'invalid_parameter'],
    ['NUL', { user_id: 'a\0b' }, 400, 'invalid_parameter'],
    ['half a character', '{"user_id":"\\ud800"}', 400, 'invalid_parameter'],
    ['a field that is not known', { user_id: 'a', all: true }, 400, 'invalid_parameter'],
    ['a large body', `{"user_id":"a"}${' '.repeat(REVOKE_BODY_BYTES_MAX)}`, 413, 'message_too_big'],
  ])('%s', async (_, body, status, code) => {
    expect(await codeOf(await revoke(body))).toEqual([status, code]);
  });

  test('an id of the greatest length is taken', async () => {
    expect((await revoke({ user_id: '😀'.repeat(USER_ID_CHARS_MAX / 2) })).status).toBe(202);
  });

  test('while the database is away, with 503 and without its reasons', async () => {
    vi.spyOn(console, 'error').mockImplementation(() => undefined);
    const response = await revoke({ user_id: 'u' }, GOOD_KEY, WITHOUT_DATABASE);
    expect(await response.json()).toEqual({
      status: 'error',
      code: 'database_unavailable',
      message: 'the database does not answer, try again',
    });
    expect(response.status).toBe(503);
  });
});

describe('revoked', () => {
  test('the sockets of the user are closed with 4001, tokens of before are refused, those of after are not', async () => {
    const old = await tokenOf('leaver');
    const [first, second] = [await TestClient.connect(old), await TestClient.connect(old)];
    const neighbour = await TestClient.connect(await tokenOf('stayer'));
    const response = await revoke({ user_id: 'leaver' });
    const answer = (await response.json()) as Record<string, unknown>;
    expect([response.status, answer]).toMatchObject([
      202,
      { user_id: 'leaver', gateways_told: 1, gateways_not_answering: 0, connections_closed: 2 },
    ]);
    for (const client of [first, second]) expect(await client.closed).toMatchObject({ code: 4001 });

    const again = await TestClient.open(`?token=${old}`);
    expect(await again.closed).toEqual({ code: 4001, reason: 'Token revoked' });
    expect(await check(old)).toEqual([401, 'token_revoked']);
    expect(await check(await mintToken({ claims: { sub: 'leaver', iat: undefined } }))).toEqual([
      401,
      'token_revoked',
    ]);

    const notBeforeS = Date.parse(answer.not_before as string) / 1000;
    // A token names its second only: one of the second of the revocation may be of before it.
    const late = await mintToken({ claims: { sub: 'leaver', iat: notBeforeS - 1 } });
    expect(await check(late)).toEqual([401, 'token_revoked']);
    const renewed = await mintToken({ claims: { sub: 'leaver', iat: notBeforeS } });
    const back = await TestClient.connect(renewed);
    neighbour.send({ action: 'ping' });
    await neighbour.next('pong');
    for (const { socket } of [back, neighbour]) socket.close(1000);
  });

  test('what another Worker lets in, going by what it had read before, is closed soon after', async () => {
    await (await revoke({ user_id: 'slipped_in' })).body?.cancel();
    // That Worker's upgrade, as the gateway sees it.
    const bearer = { userId: 'slipped_in', roles: [], permissions: [], expiresAtS: nowS() + 3_600 };
    const headers = upgradeHeaders({
      dialect: 'native-json',
      bearer: { ...bearer, issuedAtS: nowS() - 60 },
      socketsMax: 1_000,
    });
    const { webSocket } = await testEnv.CLIENT_GATEWAY.getByName(GATEWAY).fetch('http://edge/', { headers });
    if (!webSocket) throw new Error('no socket');
    const closed = new Promise<CloseEvent>((resolve) => webSocket.addEventListener('close', resolve));
    webSocket.accept();
    expect((await closed).code).toBe(4001);
  }, 15_000);

  test('a revocation that another Worker made is known here once what was read is old', async () => {
    const token = await tokenOf('elsewhere');
    passCacheTime();
    expect((await check(token))[0]).toBe(200);
    await withDatabase(testEnv, createExecutionContext(), (sql) => revokeUser(sql, 'elsewhere'));
    expect((await check(token))[0]).toBe(200);
    passCacheTime();
    expect(await check(token)).toEqual([401, 'token_revoked']);
  });

  test('one that is dated ahead does not hide those of now', async () => {
    const [early, later] = [await tokenOf('ahead'), await tokenOf('of_now')];
    await withDatabase(testEnv, createExecutionContext(), async (sql) => {
      await sql`insert into token_revocations values ('ahead', to_timestamp(4102444800))`;
    });
    passCacheTime();
    expect(await check(early)).toEqual([401, 'token_revoked']);
    await withDatabase(testEnv, createExecutionContext(), (sql) => revokeUser(sql, 'of_now'));
    passCacheTime();
    expect(await check(later)).toEqual([401, 'token_revoked']);
  });

  test('requests at the same time share one reading of the database, each in a context of its own', async () => {
    const token = await tokenOf('shared');
    await withDatabase(testEnv, createExecutionContext(), (sql) => revokeUser(sql, 'shared'));
    passCacheTime();
    const authorization = `Bearer ${token}`;
    const answers = await Promise.all(
      Array.from({ length: 20 }, () =>
        exports.default.fetch('http://edge/auth/test', { headers: { authorization } }).then(codeOf),
      ),
    );
    // One that waited in vain would have been let in.
    expect(answers).toEqual(Array(20).fill([401, 'token_revoked']));
  });

  test('a revocation counts from the next full second on, and never from earlier than the one before it', async () => {
    await withDatabase(testEnv, createExecutionContext(), async (sql) => {
      const beforeS = nowS();
      const notBeforeS = await revokeUser(sql, 'twice');
      expect(Number.isInteger(notBeforeS)).toBe(true);
      expect(notBeforeS).toBeGreaterThan(beforeS);
      await sql`update token_revocations set not_before = to_timestamp(1000) where user_id = 'twice'`;
      expect(await revokeUser(sql, 'twice')).toBeGreaterThanOrEqual(notBeforeS);
      // As a clock that was set back leaves it.
      await sql`update token_revocations set not_before = to_timestamp(4102444800) where user_id = 'twice'`;
      expect(await revokeUser(sql, 'twice')).toBe(4_102_444_800);
      await sql`delete from token_revocations where user_id = 'twice'`;
    });
  });
});

describe('while the database is away', () => {
  test('who is known as revoked stays out, everybody else gets in, and it is tried once per interval', async () => {
    const [leaver, stayer] = [await tokenOf('known_leaver'), await tokenOf('stayer')];
    await (await revoke({ user_id: 'known_leaver' })).body?.cancel();
    passCacheTime();
    const logged = vi.spyOn(console, 'error').mockImplementation(() => undefined);
    const failures = () =>
      logged.mock.calls.filter(([text]) => String(text).startsWith('revocations')).length;
    const answers = await Promise.all([
      ...Array.from({ length: 10 }, () => check(stayer, WITHOUT_DATABASE)),
      check(leaver, WITHOUT_DATABASE),
    ]);
    expect(answers.slice(0, 10).every(([status]) => status === 200)).toBe(true);
    expect(answers[10]).toEqual([401, 'token_revoked']);
    expect(failures()).toBe(1);
    await check(stayer, WITHOUT_DATABASE);
    expect(failures()).toBe(1);
  });
});
