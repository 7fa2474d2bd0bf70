// What comes back to loopback: only a redirect of the login that is awaited, and only from this machine.
import { request } from 'node:http';
import { connect } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { findFreePort } from '../../../dev/free-port.ts';
import { RedirectListener, readRedirect } from '../../../ingest/kite/redirect-listener.ts';

const STATE = '00112233445566778899aabbccddeeff';
const GOOD = `status=success&action=login&request_token=R1&state=${STATE}`;
const never = new AbortController().signal;

let port: number;
let listener: RedirectListener;

beforeEach(async () => {
  port = await findFreePort();
  listener = await RedirectListener.start(`http://127.0.0.1:${port}/kite/back`);
});
afterEach(() => listener.stop());

function ask(path: string, options: { method?: string; host?: string } = {}) {
  return new Promise<{ status: number; text: string; headers: Record<string, unknown> }>(
    (resolve, reject) => {
      const { method = 'GET', host = `127.0.0.1:${port}` } = options;
      const sent = request({ port, path, method, headers: { host } }, (response) => {
        let text = '';
        response.on('data', (chunk: Buffer) => {
          text += chunk.toString();
        });
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, text, headers: response.headers }),
        );
      });
      sent.on('error', reject);
      sent.end();
    },
  );
}

test('the awaited redirect brings its token, and the browser is told how it ended', async () => {
  const awaited = listener.next(STATE, never);
  const page = ask(`/kite/back?${GOOD}`, { host: `localhost:${port}` });
  const { requestToken, answer } = await awaited;
  expect(requestToken).toBe('R1');
  answer(200, 'Account main is logged in.');
  expect(await page).toMatchObject({
    status: 200,
    text: 'Account main is logged in.\n',
    headers: {
      'content-type': 'text/plain; charset=utf-8',
      'cache-control': 'no-store',
      'referrer-policy': 'no-referrer',
    },
  });
  expect(await ask(`/kite/back?${GOOD}`)).toMatchObject({ status: 400, text: 'no login is awaited\n' });
});

describe('is not taken, and the wait goes on:', () => {
  test.each<[string, string, { method?: string; host?: string }, number]>([
    ['one without a state', '/kite/back?status=success&request_token=R1', {}, 400],
    ['one of another login', `/kite/back?${GOOD.replace(STATE, 'ff'.repeat(16))}`, {}, 400],
    ['one under another name of this machine', `/kite/back?${GOOD}`, { host: 'evil.example:80' }, 421],
    ['one at another port', `/kite/back?${GOOD}`, { host: '127.0.0.1:1' }, 421],
    ['another path', `/other?${GOOD}`, {}, 404],
    ["the browser's own question", '/favicon.ico', {}, 404],
    ['a form of another page', `/kite/back?${GOOD}`, { method: 'POST' }, 404],
  ])('%s', async (_, path, options, status) => {
    const awaited = listener.next(STATE, never);
    const refused = await ask(path, options);
    expect(refused.status).toBe(status);
    expect(refused.text).not.toContain('R1');
    const page = ask(`/kite/back?${GOOD}`);
    const { requestToken, answer } = await awaited;
    expect(requestToken).toBe('R1');
    answer(200, 'done');
    await page;
  });
});

test.each([
  [
    'was cancelled',
    `status=cancelled&state=${STATE}`,
    /^Kite's login page came back with status "cancelled"$/,
  ],
  ['has no status', `state=${STATE}&request_token=R1`, /no status/],
  ['has no token', `status=success&state=${STATE}`, /without a request_token/],
  ['has a token that is none', `status=success&state=${STATE}&request_token=%22%3Cb%3E`, /without/],
])('a login that %s ends the wait with that', async (_, query, message) => {
  const awaited = listener.next(STATE, never);
  awaited.catch(() => undefined);
  expect((await ask(`/kite/back?${query}`)).status).toBe(400);
  await expect(awaited).rejects.toThrow(message);
});

test('an address that was copied by hand counts as well, and is checked as well', async () => {
  const awaited = listener.next(STATE, never);
  expect(listener.paste('R1')).toBe('this is no address');
  expect(listener.paste('http://127.0.0.1:1/?request_token=R1&status=success')).toBe(
    'this login was not started here',
  );
  expect(listener.paste(` http://127.0.0.1:1/?${GOOD}\n`)).toBeUndefined();
  expect((await awaited).requestToken).toBe('R1');
});

test('who gives up waiting gets the reason, and a late redirect is not taken', async () => {
  const abort = new AbortController();
  const awaited = listener.next(STATE, abort.signal);
  const reason = new Error('interrupted');
  abort.abort(reason);
  await expect(awaited).rejects.toBe(reason);
  expect((await ask(`/kite/back?${GOOD}`)).status).toBe(400);
  await expect(listener.next(STATE, abort.signal)).rejects.toBe(reason);
});

test('a port that is taken is named', async () => {
  await expect(RedirectListener.start(`http://127.0.0.1:${port}/`)).rejects.toThrow(
    `KITE_REDIRECT_URL http://127.0.0.1:${port}/: cannot listen there`,
  );
});

test('it ends although a browser keeps a connection open, and after the last answer has left', async () => {
  const idle = connect(port, '127.0.0.1');
  await new Promise((resolve) => idle.once('connect', resolve));
  const closed = new Promise((resolve) => idle.once('close', resolve));
  const awaited = listener.next(STATE, never);
  const page = ask(`/kite/back?${GOOD}`);
  (await awaited).answer(200, 'x'.repeat(100_000));
  await listener.stop();
  expect((await page).text.length).toBe(100_001);
  await closed;
  listener = await RedirectListener.start(`http://127.0.0.1:${port}/`);
});

test('any query at all is one of three things', () => {
  expect(readRedirect(new URLSearchParams(GOOD), STATE)).toEqual({ kind: 'token', requestToken: 'R1' });
  expect(readRedirect(new URLSearchParams(), STATE).kind).toBe('foreign');
  const long = new URLSearchParams({ state: STATE, status: 'x'.repeat(10_000) });
  const reading = readRedirect(long, STATE);
  expect(reading.kind === 'refused' && reading.problem.length).toBeLessThan(200);
});
