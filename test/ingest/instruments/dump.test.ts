import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterEach, expect, test } from 'vitest';
import { fetchDump, ThrottledError } from '../../../ingest/instruments/dump.ts';
import { errorText } from '../../../ingest/log.ts';
import {
  INSTRUMENT_DUMP_REDIRECTS_MAX,
  INSTRUMENT_RETRY_AFTER_MS_MAX,
  INSTRUMENT_THROTTLED_MS_MIN,
} from '../../../shared/limits.ts';

const servers: Server[] = [];

afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function read(root: string, bytesMax?: number, signal = new AbortController().signal): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of fetchDump(root, signal, bytesMax)) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

const failureOf = (root: string, bytesMax?: number) =>
  read(root, bytesMax).then(
    (text) => `no failure, but ${text.length} characters`,
    (error: unknown) => errorText(error),
  );

const csv = `instrument_token,tradingsymbol\r\n${'408065,INFY\r\n'.repeat(5_000)}`;
const ZIPPED = { 'content-type': 'text/csv', 'content-encoding': 'gzip' };

test.each([
  ['zipped', ZIPPED, gzipSync(csv)],
  ['plain', { 'content-type': 'text/csv; charset=utf-8' }, csv],
])('reads a %s dump, asking for the version of the API', async (_, headers, body) => {
  const asked: unknown[] = [];
  const root = await serve((request, response) => {
    asked.push(request.url, request.headers['x-kite-version'], request.headers['accept-encoding']);
    response.writeHead(200, headers).end(body);
  });
  expect(await read(root)).toBe(csv);
  expect(asked).toEqual(['/instruments', '3', 'gzip']);
});

test.each([
  [
    'an error page that says 200',
    200,
    { 'content-type': 'text/html; charset=utf-8' },
    /content-type text\/html/,
  ],
  ['a body of no type', 200, {}, /content-type none/],
  ['a bad gateway', 502, { 'content-type': 'text/html' }, /status 502/],
  [
    'another kind of zip',
    200,
    { 'content-type': 'text/csv', 'content-encoding': 'br' },
    /content-encoding br/,
  ],
])('%s is an error', async (_, status, headers, message) => {
  const root = await serve((_request, response) => response.writeHead(status, headers).end('<html>'));
  expect(await failureOf(root)).toMatch(message);
});

test('a small zip that unpacks to more than the limit is cut off', async () => {
  const root = await serve((_request, response) =>
    response.writeHead(200, ZIPPED).end(gzipSync('x'.repeat(1_000_000))),
  );
  expect(await failureOf(root, 100_000)).toMatch(/body over 100000 bytes/);
});

test.each([
  ['that says how long it is', { 'content-type': 'text/csv', 'content-length': String(csv.length) }, csv],
  ['in pieces', { 'content-type': 'text/csv' }, csv],
  ['that is zipped', ZIPPED, gzipSync(csv)],
])('half a download %s is an error, not a short list', async (_, headers, body) => {
  const root = await serve((_request, response) => {
    response.writeHead(200, headers);
    response.write(body.slice(0, Math.floor(body.length / 2)), () => response.destroy());
  });
  expect(await failureOf(root)).toMatch(/broken off after \d+ bytes/);
});

test('a zip without its end is an error, also when the answer that carries it is whole', async () => {
  const zipped = gzipSync(csv);
  const root = await serve((_request, response) =>
    response.writeHead(200, ZIPPED).end(zipped.subarray(0, zipped.length - 4)),
  );
  expect(await failureOf(root)).toMatch(/broken off after \d+ bytes: unexpected end of file/);
});

test('a zip whose content does not match its checksum is an error', async () => {
  const zipped = Buffer.from(gzipSync(csv));
  zipped.writeUInt32LE(0, zipped.length - 8);
  const root = await serve((_request, response) => response.writeHead(200, ZIPPED).end(zipped));
  expect(await failureOf(root)).toMatch(/incorrect data check/);
});

test.each([
  ['nothing', {}, INSTRUMENT_THROTTLED_MS_MIN],
  ['a short wait', { 'retry-after': '1' }, INSTRUMENT_THROTTLED_MS_MIN],
  ['a long wait', { 'retry-after': '120' }, 120_000],
  ['an absurd wait', { 'retry-after': '999999999' }, INSTRUMENT_RETRY_AFTER_MS_MAX],
  ['a date', { 'retry-after': 'Fri, 20 Nov 2026 03:05:00 GMT' }, INSTRUMENT_THROTTLED_MS_MIN],
])('a 429 that says %s is waited for', async (_, headers, ms) => {
  const root = await serve((_request, response) => response.writeHead(429, headers).end('{}'));
  const error = await read(root).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(ThrottledError);
  expect(error).toMatchObject({ retryAfterMs: ms, message: `GET ${root}/instruments: status 429` });
});

test('redirects are followed, to other hosts too, but not in a circle', async () => {
  const other = await serve((_request, response) => response.writeHead(200, ZIPPED).end(gzipSync(csv)));
  const root = await serve((_request, response) =>
    response.writeHead(302, { location: `${other}/dump.csv` }).end(),
  );
  expect(await read(root)).toBe(csv);
  let asked = 0;
  const circle = await serve((_request, response) => {
    asked++;
    response.writeHead(307, { location: '/instruments' }).end();
  });
  expect(await failureOf(circle)).toMatch(/over 3 redirects/);
  expect(asked).toBe(INSTRUMENT_DUMP_REDIRECTS_MAX + 1);
  const elsewhere = await serve((_request, response) =>
    response.writeHead(301, { location: 'ftp://x/' }).end(),
  );
  expect(await failureOf(elsewhere)).toMatch(/redirected to ftp:/);
});

test('a server that cannot be reached, or that is given up, is an error', async () => {
  expect(await failureOf('http://127.0.0.1:1')).toMatch(/ECONNREFUSED/);
  const abort = new AbortController();
  const root = await serve(() => abort.abort());
  await expect(read(root, undefined, abort.signal)).rejects.toThrow(/abort/);
});
