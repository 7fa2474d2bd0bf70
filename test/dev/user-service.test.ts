import { createLocalJWKSet, createRemoteJWKSet, decodeProtectedHeader, type JWK, jwtVerify } from 'jose';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { TRADER, VIEWER } from '../../dev/demo-users.ts';
import { LOGIN_BODY_BYTES_MAX } from '../../dev/limits.ts';
import { createTokenIssuer, generateSigningKey, type TokenIssuer } from '../../dev/token-issuer.ts';
import { startUserService, type UserService } from '../../dev/user-service.ts';

let issuer: TokenIssuer;
let service: UserService;
const EXPECTED = { issuer: 'user_service', audience: 'trading_platform', algorithms: ['RS256'] };

beforeAll(async () => {
  issuer = await createTokenIssuer(await generateSigningKey());
  service = await startUserService({ port: 0, issuer });
});
afterAll(() => service.stop());

const login = (body: string) =>
  fetch(`${service.url}/v1/auth/login`, {
    method: 'POST',
    body,
    headers: { 'content-type': 'application/json' },
  });

test('a login answers as the user service does, with a token that its keys verify', async () => {
  const response = await login(JSON.stringify({ email: VIEWER.email, password: VIEWER.password }));
  expect(response.status).toBe(200);
  const body = (await response.json()) as { access_token: string };
  expect(body).toEqual({
    access_token: expect.any(String),
    token_type: 'bearer',
    expires_in: 3_600,
    user: { user_id: VIEWER.userId, email: VIEWER.email },
  });
  const keys = createRemoteJWKSet(new URL(`${service.url}/v1/auth/.well-known/jwks.json`));
  const { payload } = await jwtVerify(body.access_token, keys, EXPECTED);
  expect(payload).toMatchObject({
    sub: VIEWER.userId,
    email: VIEWER.email,
    name: VIEWER.name,
    roles: VIEWER.roles,
    permissions: VIEWER.permissions,
  });
  expect((payload.exp ?? 0) - (payload.iat ?? 0)).toBe(3_600);
});

test('the key set holds no private part', async () => {
  const { keys } = (await (await fetch(`${service.url}/v1/auth/.well-known/jwks.json`)).json()) as {
    keys: JWK[];
  };
  expect(keys.map((key) => Object.keys(key).sort())).toEqual([['alg', 'e', 'kid', 'kty', 'n', 'use']]);
});

test.each([
  ['a wrong password', JSON.stringify({ email: TRADER.email, password: 'x' }), 401],
  ['an unknown user', JSON.stringify({ email: 'x@example.com', password: TRADER.password }), 401],
  ['another type', JSON.stringify({ email: TRADER.email, password: 1 }), 422],
  ['no object', 'null', 422],
  ['no JSON', '{', 422],
  ['nothing', '', 422],
  ['too much', JSON.stringify({ email: 'x'.repeat(LOGIN_BODY_BYTES_MAX), password: '' }), 413],
])('refuses %s', async (_name, body, status) => {
  const response = await login(body);
  expect(response.status).toBe(status);
  expect(await response.json()).toEqual({ detail: expect.any(String) });
});

test('browsers of any origin may log in', async () => {
  const preflight = await fetch(`${service.url}/v1/auth/login`, { method: 'OPTIONS' });
  expect(preflight.status).toBe(204);
  expect(preflight.headers.get('access-control-allow-origin')).toBe('*');
  expect(preflight.headers.get('access-control-allow-headers')).toContain('content-type');
});

test('an unknown route and a wrong method are named', async () => {
  expect((await fetch(`${service.url}/v1/nothing?x=1`)).status).toBe(404);
  expect((await fetch(`${service.url}/v1/auth/login`)).status).toBe(405);
});

test('tokens for tests can be spoilt in each way that matters', async () => {
  const keys = createLocalJWKSet({ keys: [...issuer.jwks.keys] });
  const verify = (token: string) => jwtVerify(token, keys, EXPECTED);
  await expect(verify(await issuer.mint(TRADER))).resolves.toBeDefined();
  await expect(verify(await issuer.mint(TRADER, { expiresInS: -10 }))).rejects.toThrow('"exp"');
  await expect(verify(await issuer.mint(TRADER, { audience: 'other' }))).rejects.toThrow('"aud"');
  await expect(verify(await issuer.mint(TRADER, { issuer: 'other' }))).rejects.toThrow('"iss"');
  const stranger = await createTokenIssuer(await generateSigningKey());
  await expect(verify(await stranger.mint(TRADER))).rejects.toThrow();
  const { payload } = await verify(await issuer.mint(TRADER, { claims: { sub: undefined, extra: 1 } }));
  expect(payload).toMatchObject({ extra: 1 });
  expect(payload).not.toHaveProperty('sub');
  expect(decodeProtectedHeader(await issuer.mint(TRADER))).toMatchObject({
    alg: 'RS256',
    kid: expect.any(String),
  });
});
