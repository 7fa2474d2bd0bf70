// Tokens: when they die, who kills them, and that a request token works once.
import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import {
  AccountSessions,
  accessTokenExpiryMs,
  numberedAccounts,
} from '../../../ingest/simulator/account-sessions.ts';
import { SIMULATOR_REQUEST_TOKEN_MS_MAX, SIMULATOR_REQUEST_TOKENS_MAX } from '../../../shared/limits.ts';

const account = {
  apiKey: 'key',
  apiSecret: 'secret',
  accessToken: 'first',
  userId: 'AB1234',
  redirectUrl: 'http://127.0.0.1:1/callback?next=%2Fhome',
};

function makeSessions(start = '2026-11-23T05:00:00Z') {
  const clock = { nowMs: Date.parse(start) };
  return { clock, sessions: new AccountSessions([account], () => clock.nowMs) };
}

const checksum = (requestToken: string, secret = account.apiSecret) =>
  createHash('sha256').update(`${account.apiKey}${requestToken}${secret}`).digest('hex');

function requestTokenOf(sessions: AccountSessions): string {
  return new URL(sessions.login('key')).searchParams.get('request_token') ?? '';
}

test('access tokens die at the next 06:00 IST', () => {
  const expiry = (at: string) => new Date(accessTokenExpiryMs(Date.parse(at))).toISOString();
  expect(expiry('2026-11-23T05:00:00Z')).toBe('2026-11-24T00:30:00.000Z');
  expect(expiry('2026-11-23T00:29:59Z')).toBe('2026-11-23T00:30:00.000Z');
  expect(expiry('2026-11-23T00:30:00Z')).toBe('2026-11-24T00:30:00.000Z');
});

test('a login replaces the token before it, and lives until six', () => {
  const { clock, sessions } = makeSessions();
  const requestToken = requestTokenOf(sessions);
  const session = sessions.exchange('key', requestToken, checksum(requestToken));
  expect(sessions.authenticate('key', 'first')).toBeUndefined();
  expect(sessions.authenticate('key', session.accessToken)).toBe(account);
  clock.nowMs = session.expiresAtMs - 1;
  expect(sessions.authenticate('key', session.accessToken)).toBe(account);
  clock.nowMs = session.expiresAtMs;
  expect(sessions.authenticate('key', session.accessToken)).toBeUndefined();
});

test('the login page keeps the query of the redirect URL', () => {
  const url = new URL(makeSessions().sessions.login('key'));
  expect(url.searchParams.get('next')).toBe('/home');
  expect(url.searchParams.get('status')).toBe('success');
  expect(url.searchParams.get('action')).toBe('login');
});

test('a request token works once, in its time, with the right checksum', () => {
  const { clock, sessions } = makeSessions();
  const requestToken = requestTokenOf(sessions);
  expect(() => sessions.exchange('key', requestToken, checksum(requestToken, 'other'))).toThrow(/checksum/);
  sessions.exchange('key', requestToken, checksum(requestToken));
  expect(() => sessions.exchange('key', requestToken, checksum(requestToken))).toThrow(/expired/);
  const late = requestTokenOf(sessions);
  clock.nowMs += SIMULATOR_REQUEST_TOKEN_MS_MAX;
  expect(() => sessions.exchange('key', late, checksum(late))).toThrow(/expired/);
  expect(() => sessions.exchange('other', late, checksum(late))).toThrow(/api_key/);
});

test('only the newest request tokens are kept', () => {
  const { sessions } = makeSessions();
  const tokens = Array.from({ length: SIMULATOR_REQUEST_TOKENS_MAX + 1 }, () => requestTokenOf(sessions));
  const [oldest = '', next = ''] = tokens;
  expect(() => sessions.exchange('key', oldest, checksum(oldest))).toThrow(/expired/);
  expect(sessions.exchange('key', next, checksum(next)).account).toBe(account);
});

test('a logout needs the live token', () => {
  const { sessions } = makeSessions();
  expect(sessions.invalidate('key', 'other')).toBe(false);
  expect(sessions.invalidate('key', 'first')).toBe(true);
  expect(sessions.authenticate('key', 'first')).toBeUndefined();
  expect(sessions.invalidate('key', 'first')).toBe(false);
});

test('a token that was ended, or ran out, does not come back with the clock', () => {
  const { clock, sessions } = makeSessions();
  const { accessToken, expiresAtMs } = sessions.open(account);
  clock.nowMs = expiresAtMs;
  expect(sessions.sessionOf('key')).toBeUndefined();
  clock.nowMs -= 3_600_000;
  expect(sessions.authenticate('key', accessToken)).toBeUndefined();
  const next = sessions.open(account);
  sessions.expire('key');
  expect(sessions.authenticate('key', next.accessToken)).toBeUndefined();
});

test('the redirect URL can be set later, and brings back what the caller asked for, but no status of its own', () => {
  const { redirectUrl, ...unregistered } = account;
  const sessions = new AccountSessions([unregistered], () => 0);
  expect(() => sessions.login('key')).toThrow(/no redirect URL/);
  sessions.setRedirectUrl('key', redirectUrl);
  const url = new URL(sessions.login('key', 'state=a%26b&status=cancelled'));
  expect(url.origin + url.pathname).toBe('http://127.0.0.1:1/callback');
  expect(url.searchParams.get('state')).toBe('a&b');
  expect(url.searchParams.getAll('status')).toEqual(['success']);
});

test('numbered accounts differ in all that names or opens them', () => {
  const accounts = numberedAccounts(account, 3);
  expect(accounts[0]).toBe(account);
  for (const field of ['apiKey', 'apiSecret', 'accessToken', 'userId'] as const)
    expect(new Set(accounts.map((each) => each[field])).size, field).toBe(3);
  expect(accounts[2]).toMatchObject({
    apiKey: 'key_3',
    userId: 'AB1234_3',
    redirectUrl: account.redirectUrl,
  });
});

test('an api_key belongs to one account', () => {
  expect(() => new AccountSessions([account, account], () => 0)).toThrow(/'key' occurs twice/);
});
