// Kite's daily dump of all instruments, as a stream of bytes that ends only where Kite's own end is.
import { get as httpGet, type IncomingMessage } from 'node:http';
import { get as httpsGet } from 'node:https';
import { pipeline } from 'node:stream';
import { createGunzip } from 'node:zlib';
import {
  INSTRUMENT_DUMP_BYTES_MAX,
  INSTRUMENT_DUMP_REDIRECTS_MAX,
  INSTRUMENT_RETRY_AFTER_MS_MAX,
  INSTRUMENT_THROTTLED_MS_MIN,
} from '../../shared/limits.ts';

/** Kite does not want to be asked again before `retryAfterMs` are over. */
export class ThrottledError extends Error {
  readonly retryAfterMs: number;

  constructor(message: string, retryAfterMs: number) {
    super(message);
    this.name = 'ThrottledError';
    this.retryAfterMs = retryAfterMs;
  }
}

/**
 * Wait that a 429 asks for, within our bounds. Only whole seconds are understood: a date would be compared with a clock
 * that may be wrong.
 */
function retryAfterMs(header: string | undefined): number {
  const seconds = /^\d{1,9}$/.test(header ?? '') ? Number(header) : 0;
  return Math.min(INSTRUMENT_RETRY_AFTER_MS_MAX, Math.max(INSTRUMENT_THROTTLED_MS_MIN, seconds * 1_000));
}

function request(url: URL, signal: AbortSignal): Promise<IncomingMessage> {
  const get = url.protocol === 'https:' ? httpsGet : httpGet;
  const headers = { 'X-Kite-Version': '3', 'Accept-Encoding': 'gzip' };
  return new Promise((resolve, reject) => {
    get(url, { headers, signal }, resolve).on('error', reject);
  });
}

/** Throws an Error that names what is wrong with the answer's head. */
function checkHead(url: URL, { statusCode = 0, headers }: IncomingMessage): void {
  const { 'content-type': contentType = 'none', 'content-encoding': encoding = 'identity' } = headers;
  if (statusCode === 429) {
    throw new ThrottledError(`GET ${url.href}: status 429`, retryAfterMs(headers['retry-after']));
  }
  if (statusCode !== 200) throw new Error(`GET ${url.href}: status ${statusCode}`);
  if (!/^text\/csv\b/i.test(contentType))
    throw new Error(`GET ${url.href}: content-type ${contentType}, expected text/csv`);
  if (encoding !== 'gzip' && encoding !== 'identity')
    throw new Error(`GET ${url.href}: content-encoding ${encoding}, expected gzip`);
}

/** The answer to a GET, wherever redirects lead; never from TLS to none. */
async function follow(start: URL, signal: AbortSignal): Promise<readonly [URL, IncomingMessage]> {
  let url = start;
  for (let redirects = 0; redirects <= INSTRUMENT_DUMP_REDIRECTS_MAX; redirects++) {
    const response = await request(url, signal);
    const { location } = response.headers;
    if (![301, 302, 307, 308].includes(response.statusCode ?? 0) || !location) return [url, response];
    response.destroy();
    const next = new URL(location, url);
    if (next.protocol !== url.protocol && next.protocol !== 'https:')
      throw new Error(`GET ${url.href}: redirected to ${next.protocol}`);
    url = next;
  }
  throw new Error(`GET ${start.href}: over ${INSTRUMENT_DUMP_REDIRECTS_MAX} redirects`);
}

/**
 * Streams the dump of all instruments, unzipped, chunk by chunk. Kite does not check authorisation here, but asks for
 * the version. Throws an Error that names what was wrong: the status (429 as ThrottledError), a body that is not CSV
 * (the CDN in front of Kite answers errors with an HTML page and status 200), one that is too big, or one that breaks
 * off: fetch() takes a zip without its end for a whole one, so this reads the zip itself, checksum and all.
 */
export async function* fetchDump(
  apiRoot: string,
  signal: AbortSignal,
  bytesMax = INSTRUMENT_DUMP_BYTES_MAX,
): AsyncGenerator<Uint8Array> {
  const [url, response] = await follow(new URL('/instruments', apiRoot), signal);
  try {
    checkHead(url, response);
  } catch (error) {
    response.destroy();
    throw error;
  }
  const isZipped = response.headers['content-encoding'] === 'gzip';
  // What breaks is thrown by the reading of the stream that is returned here.
  const body = isZipped ? pipeline(response, createGunzip(), () => undefined) : response;
  let bytes = 0;
  try {
    for await (const chunk of body as AsyncIterable<Uint8Array>) {
      bytes += chunk.byteLength;
      if (bytes > bytesMax) throw new RangeError(`body over ${bytesMax} bytes`);
      yield chunk;
    }
  } catch (cause) {
    throw new Error(`GET ${url.href}: broken off after ${bytes} bytes`, { cause });
  }
}
