// One exchange with Kite: what is sent, and what every kind of answer becomes.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { KiteRestError } from '../../../ingest/kite/rest-error.ts';
import { exchange, type KiteRequest } from '../../../ingest/kite/rest-request.ts';
import { KITE_REPLY_BYTES_MAX } from '../../../shared/limits.ts';
import { type CallAnswer, FakeRest, failure, success } from '../support/fake-rest.ts';

const SESSION = { apiKey: 'api-key-of-the-test', accessToken: 'access-token-of-the-test' };
const PROFILE: KiteRequest = { method: 'GET', path: '/user/profile' };
const ORDER: KiteRequest = {
  method: 'POST',
  path: '/orders/regular',
  form: new URLSearchParams({ exchange: 'NSE', tradingsymbol: 'INFY' }),
};

let rest: FakeRest;
beforeEach(async () => {
  rest = await FakeRest.start();
});
afterEach(() => rest.stop());

const send = (request: KiteRequest, pathPrefix = '', signal = new AbortController().signal) =>
  exchange({ apiRoot: rest.url, pathPrefix }, request, {
    session: SESSION,
    subject: 'account main',
    signal,
  });

async function errorOf(exchanged: Promise<unknown>): Promise<KiteRestError> {
  const error = await exchanged.then(
    (data) => new Error(`resolved with ${JSON.stringify(data)}`),
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof KiteRestError)) throw error;
  return error;
}

test('an answer that changes the protocol is none, and is not waited for', async () => {
  const server = createServer();
  server.on('request', (_, response) => {
    response.socket?.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const apiRoot = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const { signal } = new AbortController();
  const options = { session: SESSION, subject: 'account main', signal };
  expect(await errorOf(exchange({ apiRoot, pathPrefix: '' }, ORDER, options))).toMatchObject({
    mayHaveArrived: true,
  });
  server.closeAllConnections();
  server.close();
});

describe('sends', () => {
  test('the token, the version, and a form as Kite wants it', async () => {
    rest.answer = () => success({ order_id: '1953341975595868160' });
    const form = new URLSearchParams({ exchange: 'NSE', tradingsymbol: 'M&M' });
    const request: KiteRequest = { method: 'POST', path: '/orders/regular', form };
    // More digits than a number has: an id stays a text.
    expect(await send(request)).toEqual({ order_id: '1953341975595868160' });
    expect(rest.calls[0]).toMatchObject({
      method: 'POST',
      path: '/orders/regular',
      query: '',
      body: 'exchange=NSE&tradingsymbol=M%26M',
      headers: {
        authorization: `token ${SESSION.apiKey}:${SESSION.accessToken}`,
        'x-kite-version': '3',
        'content-type': 'application/x-www-form-urlencoded;charset=UTF-8',
      },
    });
  });

  test('JSON where a path takes it, a query, and the prefix of a sandbox', async () => {
    await send({ method: 'POST', path: '/margins/orders', json: [{ quantity: 1 }] }, '/oms');
    await send({ method: 'GET', path: '/quote/ltp', query: new URLSearchParams([['i', 'NSE:NIFTY 50']]) });
    expect(rest.calls[0]).toMatchObject({
      path: '/oms/margins/orders',
      body: '[{"quantity":1}]',
      headers: { 'content-type': 'application/json' },
    });
    expect(rest.calls[1]).toMatchObject({ path: '/quote/ltp', query: '?i=NSE%3ANIFTY+50', body: '' });
  });

  test('a request once, also when Kite answers what HTTP clients repeat it for', async () => {
    for (const httpStatus of [401, 407, 408, 421, 425, 503]) {
      for (const request of [ORDER, { method: 'DELETE', path: '/orders/regular/1' } as const]) {
        const before = rest.calls.length;
        rest.answer = () => [httpStatus, '<html>', { 'retry-after': '0' }];
        expect(await errorOf(send(request))).toMatchObject({ httpStatus, mayHaveArrived: true });
        expect(rest.calls).toHaveLength(before + 1);
      }
    }
  });

  test('each order on a connection of its own', async () => {
    rest.answer = () => success({ order_id: '1' });
    for (let i = 0; i < 3; i++) await send(ORDER);
    expect(rest.calls.map(({ headers }) => headers.connection)).toEqual(['close', 'close', 'close']);
  });

  test('no token to where a redirect points', async () => {
    const elsewhere = await FakeRest.start();
    try {
      rest.answer = () => [302, '', { location: `${elsewhere.url}/user/profile` }];
      expect(await errorOf(send(PROFILE))).toMatchObject({ failure: 'unexpected', httpStatus: 302 });
      expect(elsewhere.calls).toEqual([]);
    } finally {
      await elsewhere.stop();
    }
  });
});

describe('an answer', () => {
  test.each<[string, CallAnswer, object]>([
    [
      'with a dead token',
      failure(403, 'TokenException', 'Incorrect `api_key` or `access_token`.'),
      { failure: 'unauthorized', httpStatus: 403, errorType: 'TokenException' },
    ],
    [
      'with a dead token, in an envelope that says 200',
      failure(200, 'TokenException', 'Token is invalid or has expired.'),
      { failure: 'unauthorized', httpStatus: 200 },
    ],
    [
      'without the permission',
      failure(403, 'PermissionException', 'Insufficient permission for that call.'),
      { failure: 'forbidden', kiteMessage: 'Insufficient permission for that call.' },
    ],
    [
      'to a wrong input',
      failure(400, 'InputException', 'Invalid `quantity`.'),
      { failure: 'refused', httpStatus: 400, errorType: 'InputException' },
    ],
    [
      'that timed out behind Kite: its status says nothing of that, so its words are kept',
      failure(400, 'OrderException', 'Order request timed out. Please check the order book.'),
      { failure: 'refused', kiteMessage: 'Order request timed out. Please check the order book.' },
    ],
    [
      'that is throttled',
      [429, { status: 'error', message: 'Too many requests', error_type: 'NetworkException' }],
      { failure: 'throttled', errorType: 'NetworkException', retryAfterMs: undefined },
    ],
    [
      'that is throttled by the CDN',
      [429, '<html>slow down', { 'retry-after': '3' }],
      { failure: 'throttled', errorType: undefined, retryAfterMs: 3_000 },
    ],
    ['of a broken Kite', failure(500, 'GeneralException', 'x'), { failure: 'unavailable', httpStatus: 500 }],
    ['of a gateway', [502, '<html>bad gateway'], { failure: 'unavailable', httpStatus: 502 }],
    ['of the CDN that says 200', [200, '<html>be right back'], { failure: 'unexpected', httpStatus: 200 }],
    // No word on the token: an account must not be given up for it.
    ['of the CDN that says 403', [403, '<html>forbidden'], { failure: 'unexpected', httpStatus: 403 }],
    ['of half a JSON', [200, '{"status":"success","data":{'], { failure: 'unexpected' }],
    ['of another JSON', [200, ['success']], { failure: 'unexpected' }],
    ['that is empty', [200, ''], { failure: 'unexpected' }],
    ['that says neither', [200, { data: 1 }], { failure: 'unexpected' }],
    [
      'from a route that is none',
      failure(404, 'GeneralException', 'Route not found'),
      { failure: 'refused' },
    ],
  ])('%s', async (_, answer, expected) => {
    rest.answer = () => answer;
    const error = await errorOf(send(PROFILE));
    expect(error).toMatchObject({ mayHaveArrived: true, ...expected });
    expect(error.message).toMatch(/^GET \/user\/profile of account main: status \d{3}, /);
  });

  test('that is zipped is unzipped, and cut off when it is too large or breaks off', async () => {
    const zipped = gzipSync(JSON.stringify({ status: 'success', data: ['€'.repeat(10_000)] }));
    const answers = [
      [zipped, 'data'],
      [zipped.subarray(0, zipped.length / 2), 'unreachable'],
      [gzipSync('x'.repeat(KITE_REPLY_BYTES_MAX + 1)), 'unexpected'],
    ] as const;
    for (const [body, expected] of answers) {
      const server = createServer((_request, response) => {
        response.writeHead(200, { 'content-encoding': 'gzip', 'content-type': 'application/json' });
        response.end(body);
      });
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      const apiRoot = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
      const options = { session: SESSION, subject: 'account main', signal: new AbortController().signal };
      const sent = exchange({ apiRoot, pathPrefix: '' }, PROFILE, options);
      if (expected === 'data') expect(await sent).toEqual(['€'.repeat(10_000)]);
      else expect(await errorOf(sent)).toMatchObject({ failure: expected, mayHaveArrived: true });
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  });

  test('that is larger than any of Kite is cut off', async () => {
    rest.answer = () => [200, 'x'.repeat(KITE_REPLY_BYTES_MAX + 1)];
    const error = await errorOf(send(PROFILE));
    expect([error.failure, error.message]).toEqual([
      'unexpected',
      `GET /user/profile of account main: reply over ${KITE_REPLY_BYTES_MAX} bytes`,
    ]);
  });

  test('that repeats the token or a long page is not repeated', async () => {
    const said = `bad ${SESSION.apiKey} ${SESSION.accessToken}\n${'and so on '.repeat(100)}`;
    rest.answer = () => failure(400, 'InputException', said);
    const { message } = await errorOf(send(PROFILE));
    expect(message).not.toContain(SESSION.accessToken);
    expect(message).not.toContain(SESSION.apiKey);
    expect(message).not.toContain('\n');
    expect(message.length).toBeLessThan(400);
  });
});

describe('no answer', () => {
  test('as nobody listens: nothing has left', async () => {
    const url = rest.url;
    await rest.stop();
    const error = await errorOf(
      exchange({ apiRoot: url, pathPrefix: '' }, PROFILE, {
        subject: 'account main',
        signal: new AbortController().signal,
      }),
    );
    expect(error).toMatchObject({ failure: 'unreachable', mayHaveArrived: false });
    expect(error.message).toMatch(/ECONNREFUSED/);
    rest = await FakeRest.start();
  });

  test('as there is no TLS: nothing of the request has left', async () => {
    const endpoint = { apiRoot: rest.url.replace('http:', 'https:'), pathPrefix: '' };
    const options = { session: SESSION, subject: 'account main', signal: new AbortController().signal };
    expect(await errorOf(exchange(endpoint, ORDER, options))).toMatchObject({
      failure: 'unreachable',
      mayHaveArrived: false,
    });
    expect(rest.calls).toEqual([]);
  });

  test('as the connection hangs before it is there: nothing has left, whatever the caller thought', async () => {
    // Documentation addresses (RFC 5737) are routed nowhere; where that is said at once, it is an error of its own.
    const endpoint = { apiRoot: 'http://192.0.2.1:81', pathPrefix: '' };
    const abort = new AbortController();
    const options = { session: SESSION, subject: 'account main', signal: abort.signal };
    const sent = errorOf(exchange(endpoint, ORDER, options));
    setImmediate(() => abort.abort(new KiteRestError('timeout', 'enough', { mayHaveArrived: true })));
    expect(await sent).toMatchObject({ failure: 'unreachable', mayHaveArrived: false });
  });

  test('as there is no such host: nothing has left', async () => {
    const endpoint = { apiRoot: 'http://kite.invalid', pathPrefix: '' };
    const options = { subject: 'account main', signal: new AbortController().signal };
    expect(await errorOf(exchange(endpoint, PROFILE, options))).toMatchObject({ mayHaveArrived: false });
  });

  test('as the line was cut: it may have arrived', async () => {
    rest.answer = () => 'reset';
    expect(await errorOf(send(PROFILE))).toMatchObject({ failure: 'unreachable', mayHaveArrived: true });
  });

  test('as the caller gave up: its own reason', async () => {
    rest.answer = () => 'hang';
    const abort = new AbortController();
    const sent = send(PROFILE, '', abort.signal);
    await expect.poll(() => rest.calls.length).toBe(1);
    const reason = new Error('enough');
    abort.abort(reason);
    await expect(sent).rejects.toBe(reason);
  });
});
