import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterEach, expect, test } from 'vitest';
import { fetchInstruments } from '../../../ingest/kite/rest.ts';

let server: Server | undefined;

afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

async function serve(listener: RequestListener): Promise<string> {
  server = createServer(listener);
  const listening = server;
  await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(listening.address() as AddressInfo).port}`;
}

async function read(root: string, bytesMax?: number): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of fetchInstruments(root, new AbortController().signal, bytesMax))
    chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

const csv = 'instrument_token,tradingsymbol\r\n408065,INFY\r\n';

test('reads a zipped dump, asking for the version of the API', async () => {
  const asked: unknown[] = [];
  const root = await serve((request, response) => {
    asked.push(request.url, request.headers['x-kite-version']);
    response.writeHead(200, { 'content-type': 'text/csv', 'content-encoding': 'gzip' });
    response.end(gzipSync(csv));
  });
  expect(await read(root)).toBe(csv);
  expect(asked).toEqual(['/instruments', '3']);
});

test.each([
  ['an error page that says 200', 200, 'text/html; charset=utf-8', '<html>', /content-type text\/html/],
  ['a body of no type', 200, undefined, csv, /content-type none/],
  ['a bad gateway', 502, 'text/html', '<html>', /status 502/],
  ['throttling', 429, 'application/json', '{}', /status 429/],
])('%s is an error', async (_, status, contentType, body, message) => {
  const root = await serve((_request, response) => {
    response.writeHead(status, contentType === undefined ? {} : { 'content-type': contentType });
    response.end(body);
  });
  await expect(read(root)).rejects.toThrow(message);
});

test('a small zip that unpacks to more than the limit is cut off', async () => {
  const root = await serve((_request, response) => {
    response.writeHead(200, { 'content-type': 'text/csv', 'content-encoding': 'gzip' });
    response.end(gzipSync('x'.repeat(1_000_000)));
  });
  await expect(read(root, 100_000)).rejects.toThrow(/body over 100000 bytes/);
});

test('half a download is an error, not a short list', async () => {
  const root = await serve((_request, response) => {
    response.writeHead(200, { 'content-type': 'text/csv', 'content-length': csv.length });
    response.write(csv.slice(0, 20), () => response.destroy());
  });
  await expect(read(root)).rejects.toThrow();
});
