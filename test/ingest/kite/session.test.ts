// The login page's address, and the exchange as Kite defines it.
import { createHash } from 'node:crypto';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createSession, endSession, loginUrl, parseIstTime } from '../../../ingest/kite/session.ts';
import { CREDENTIAL_CHARS_MAX } from '../../../shared/limits.ts';
import { FakeRest, success } from '../support/fake-rest.ts';

let rest: FakeRest;
beforeEach(async () => {
  rest = await FakeRest.start();
});
afterEach(() => rest.stop());

const LOGIN = {
  accountId: 'main',
  apiKey: 'the key',
  apiSecret: 'the secret',
  requestToken: 'the request token',
  signal: new AbortController().signal,
};
const endpoint = () => ({ apiRoot: rest.url, pathPrefix: '/oms' });

test('the login page is told the app, and what to send back', () => {
  const page = { loginRoot: 'https://kite.zerodha.com', apiKey: 'a&b', state: '0123abcd' };
  expect(loginUrl(page)).toBe(
    'https://kite.zerodha.com/connect/login?v=3&api_key=a%26b&redirect_params=state%3D0123abcd',
  );
});

test('the exchange is signed by its checksum and says nothing of the secret', async () => {
  rest.answer = () =>
    success({ user_id: 'AB1234', access_token: 'the token', login_time: '2026-11-21 07:41:02', email: 'x' });
  expect(await createSession(endpoint(), LOGIN)).toEqual({
    userId: 'AB1234',
    accessToken: 'the token',
    loginMs: Date.parse('2026-11-21T07:41:02+05:30'),
  });
  const [call] = rest.calls;
  expect([call?.method, call?.path, call?.headers.authorization]).toEqual([
    'POST',
    '/oms/session/token',
    undefined,
  ]);
  expect(Object.fromEntries(new URLSearchParams(call?.body))).toEqual({
    api_key: 'the key',
    request_token: 'the request token',
    checksum: createHash('sha256').update('the keythe request tokenthe secret').digest('hex'),
  });
});

test.each([
  ['no token', { user_id: 'AB1234' }],
  ['an empty token', { user_id: 'AB1234', access_token: '' }],
  ['a token that is none', { user_id: 'AB1234', access_token: 'x'.repeat(CREDENTIAL_CHARS_MAX + 1) }],
  ['no user', { access_token: 'x' }],
])('an answer with %s is refused', async (_, data) => {
  rest.answer = () => success(data);
  await expect(createSession(endpoint(), LOGIN)).rejects.toThrow(/access_token|user_id/);
});

test('a session is ended by its token', async () => {
  const session = { accountId: 'main', apiKey: 'k', accessToken: 't' };
  await endSession(endpoint(), session, LOGIN.signal);
  expect(rest.calls[0]).toMatchObject({ method: 'DELETE', query: '?api_key=k&access_token=t' });
});

test.each([
  ['2026-11-21 07:41:02', '2026-11-21T02:11:02.000Z'],
  ['2026-11-21T00:00:00', '2026-11-20T18:30:00.000Z'],
  ['2026-13-21 07:41:02', undefined],
  ['07:41:02', undefined],
  ['', undefined],
])('%j in India', (text, expected) => {
  const ms = parseIstTime(text);
  expect(ms === undefined ? undefined : new Date(ms).toISOString()).toBe(expected);
});
